"""Networks at work: time and memory of a subject, beside the machine's matrix product.

    python benchmarks/bench_networks.py [NAME ...] [--weights FOLDER] [--untrained]

A subject is five slices of 350 x 350 voxels, 35,000 of them tissue in each, in memory. Each network
has a process of its own. A network that would take longer than `--seconds` gets as many voxels as
fit, and its time is scaled to 175,000 (marked ~). *Share* is what the layers have to compute
(`networks/work.py`: products and convolutions of the voxels that are given) over time and over the
rate of a product of 1024 x 1024 matrices on as many cores, measured before and after. *Judging* is
the simulation that gives `quality`; it is part of the time. Memory is the peak of private pages
(RssAnon, Linux) above that before the network is loaded.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from bench_subject import disk, private_bytes
from noisy_fingerprints import noisy_fingerprints

import napari_mrf as mrf
from napari_mrf.compute.devices import n_threads
from napari_mrf.data import sequences
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.networks.card import MapScale, ModelCard, read_card
from napari_mrf.networks.image_method import ImageNetworkMethod
from napari_mrf.networks.method import NetworkMethod
from napari_mrf.networks.normalization import Normalization, reference_of
from napari_mrf.networks.runner import NetworkRunner
from napari_mrf.networks.trained import TrainedNetwork
from napari_mrf.networks.weights import installed, save_network
from napari_mrf.networks.zoo import NETWORKS

SIDE, SLICES, IN_A_SLICE = 350, 5, 35_000
SUBJECT = SLICES * IN_A_SLICE
_PILOT = 2_000


def matmul_rate(seconds: float = 1.0) -> float:
    """Return floating-point operations a second of a product on every core, each by itself."""
    torch.set_num_threads(1)
    side = 1024
    pairs = [(torch.randn(side, side), torch.randn(side, side)) for _ in range(n_threads())]

    def multiply(pair: tuple[torch.Tensor, torch.Tensor]) -> float:
        out, done, start = torch.empty(side, side), 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds:
            torch.mm(*pair, out=out)
            done += 2 * side**3
        return done / spent

    with ThreadPoolExecutor(n_threads()) as pool:
        return sum(pool.map(multiply, pairs))


def slices_of_noise_and_tissue(sequence: mrf.Sequence) -> np.ndarray:
    """Return (T, Z, Y, X) complex64, the slices being one and the same memory."""
    n_frames = sequence.n_frames
    rng = np.random.default_rng(0)
    slab = np.empty((n_frames, SIDE, SIDE), np.complex64)
    for frame in slab:
        noise = rng.standard_normal((2, SIDE, SIDE), np.float32) * np.float32(0.003)
        frame[...] = noise[0] + 1j * noise[1]
    kinds = fingerprints(sequence, 4_000)
    inside = disk(SIDE, IN_A_SLICE)
    order = rng.integers(0, len(kinds), IN_A_SLICE)
    slab[:, inside] = kinds[order].T
    return np.broadcast_to(slab[:, None], (n_frames, SLICES, SIDE, SIDE))


def fingerprints(sequence: mrf.Sequence, n: int) -> np.ndarray:
    """Return (n, T) complex64 noisy fingerprints of random tissue, about 20 dB."""
    if sequence.kind == "spoiled":
        return noisy_fingerprints(n, 20.0)
    rng = np.random.default_rng(0)
    t1 = rng.uniform(300, 3000, n)
    signals = mrf.simulate(sequence, {"T1": t1, "T2": t1 * rng.uniform(0.03, 0.2, n)})
    noise = rng.standard_normal((*signals.shape, 2)) @ np.array([1, 1j])
    norms = np.linalg.norm(signals, axis=1, keepdims=True)
    return (signals / norms + 0.00877 * noise).astype(np.complex64)


def write_untrained(folder: Path, name: str, sequence: mrf.Sequence) -> Path:
    """Write random weights and a card for them; return the card's path."""
    ranges = {key: PARAMETERS[key].display_limits for key in sequence.parameters if key != "PD"}
    low, high = zip(*ranges.values(), strict=True)
    normalization = Normalization(reference_of(fingerprints(sequence, 500)), low, high)
    network = NETWORKS[name].build(sequence.n_frames, len(ranges))
    card = ModelCard(
        format="napari-mrf network", weights_sha256="0" * 64, name=name,
        sequence_name=sequence.name, sequence_kind=sequence.kind,
        sequence_fingerprint=sequence.fingerprint(), n_frames=sequence.n_frames,
        maps=[MapScale(key=key, lower=a, upper=b) for key, (a, b) in ranges.items()],
        n_parameters=sum(one.numel() for one in network.parameters()), recipe={}, seed=0,
        software_version=mrf.__version__, trained_on="nothing", training_minutes=0.0, n_epochs=0,
        is_reduced=True, test_data="none", metrics=[],
    )  # fmt: skip
    path = folder / f"{name}.json"
    save_network(path, TrainedNetwork(network, normalization).eval(), card)
    return path


class PeakMemory:
    """The most private memory that this process has had, sampled in a thread."""

    def __init__(self) -> None:
        self.start = self.peak = private_bytes(os.getpid())
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._end.wait(0.02):
            self.peak = max(self.peak, private_bytes(os.getpid()))

    def stop(self) -> float:
        """Return megabytes above the start."""
        self._end.set()
        self._thread.join()
        return (self.peak - self.start) / 2**20


def measure(card_path: Path, sequence: mrf.Sequence, most_seconds: float) -> dict[str, float]:
    """Reconstruct as much of a subject as the time allows."""
    signal = slices_of_noise_and_tissue(sequence)
    memory = PeakMemory()
    image = NETWORKS[read_card(card_path).name].kind == "image"
    make = ImageNetworkMethod if image else NetworkMethod
    start = time.perf_counter()
    method = make(sequence, card_path=card_path, device="cpu")
    method.prepare()
    loading_s = time.perf_counter() - start
    judging = Stopwatch(method.runner)

    def run(n_slices: int, n_voxels: int) -> tuple[float, float, float]:
        series = mrf.MRFSeries(signal[:, :n_slices], np.diag([1.0, 1, 8, 1]), sequence)
        mask = np.broadcast_to(disk(SIDE, n_voxels), (n_slices, SIDE, SIDE))
        judging.seconds, first_s, began = 0.0, 0.0, time.perf_counter()
        for update in method.iter_reconstruct(series, mask=mask):
            if not first_s and update.done:
                first_s = time.perf_counter() - began
        return time.perf_counter() - began, first_s, judging.seconds

    run(1, 256)  # kernels are compiled, pools are started
    before = matmul_rate()
    pilot_s, first_s, _ = run(1, _PILOT)
    n_voxels = int(min(_PILOT * most_seconds / pilot_s, SUBJECT))
    if n_voxels >= SUBJECT:
        seconds, first_s, judged_s = run(SLICES, IN_A_SLICE)
    else:
        n_voxels = max(min(n_voxels, IN_A_SLICE), _PILOT)
        seconds, first_s, judged_s = run(1, n_voxels)
    rate = (before + matmul_rate()) / 2
    found = {
        "seconds": seconds * SUBJECT / n_voxels, "is_scaled": n_voxels < SUBJECT,
        "judged_s": judged_s * SUBJECT / n_voxels, "first_s": first_s, "loading_s": loading_s,
        "mflop": method.runner.work.flops / 1e6, "megabytes": memory.stop(),
        "share": method.runner.work.flops * n_voxels / seconds / rate, "gflops": rate / 1e9,
    }  # fmt: skip
    if not image:
        few = fingerprints(sequence, 1000)
        found["thousand_ms"] = 1e3 * min(timed(lambda: method.maps_alone(few)) for _ in range(7))
    return found


class Stopwatch:
    """Times how long a runner judges."""

    def __init__(self, runner: NetworkRunner) -> None:
        self.seconds, self._judged = 0.0, runner.judged
        runner.judged = self._timed

    def _timed(self, *given: object) -> object:
        start = time.perf_counter()
        try:
            return self._judged(*given)
        finally:
            self.seconds += time.perf_counter() - start


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="all that have weights, without")
    parser.add_argument("--sequence", default="t1ff")
    parser.add_argument("--weights", type=Path, help="cards at any depth, before installed ones")
    parser.add_argument("--untrained", action="store_true", help="all others with random weights")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--card", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    sequence = sequences.load(given.sequence)
    if given.card is not None:
        print(json.dumps(measure(given.card, sequence, given.seconds)))
        return
    cards = {name: path for (name, of), path in installed().items() if of == sequence.fingerprint()}
    for path in sorted(given.weights.rglob("*.json")) if given.weights else ():
        cards[path.stem] = path
    print(f"{sequence.name}, {n_threads()} cores, {SUBJECT:,} voxels; ~ scaled from fewer\n")
    print(
        "| network | MFLOP a voxel | subject (s) | of it judging (s) | first maps (s) "
        "| share of the product | rate of the product (GFLOP/s) | MB | 1,000 fingerprints (ms) |"
    )
    print("|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for name in given.names or (NETWORKS if given.untrained else cards):
            path = cards.get(name)
            if path is None and not given.untrained:
                sys.exit(f"{name} has no weights: name their folder, or take --untrained")
            report(name, path or write_untrained(Path(folder), name, sequence), given)


def report(name: str, card: Path, given: argparse.Namespace) -> None:
    command = [sys.executable, __file__, "--card", str(card), "--sequence", given.sequence]
    done = subprocess.run(
        [*command, "--seconds", str(given.seconds)], check=True, capture_output=True, text=True
    )
    row = json.loads(done.stdout.splitlines()[-1])
    about = "~" if row["is_scaled"] else ""
    thousand = f"{row['thousand_ms']:.1f}" if "thousand_ms" in row else ""
    print(f"| `{name}` | {row['mflop']:.2f} | {about}{row['seconds']:.1f} "
          f"| {about}{row['judged_s']:.1f} | {row['first_s']:.2f} | {row['share']:.0%} "
          f"| {row['gflops']:.0f} | {row['megabytes']:.0f} | {thousand} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
