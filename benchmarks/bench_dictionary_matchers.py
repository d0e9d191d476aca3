"""Speed and memory of the matchers over explicit atoms, beside torchsim and the bare product.

    python benchmarks/bench_dictionary_matchers.py roofline [--voxels 10000] [--atoms 100000]
    python benchmarks/bench_dictionary_matchers.py memory
    python benchmarks/bench_dictionary_matchers.py matchers [--voxels 2048]
    python benchmarks/bench_dictionary_matchers.py slices

Contenders take turns on the same part of the voxels, so that all meet the same load, and the
times of the parts add up. CPU time (all threads of the process) says what a voxel costs when the
cores are free. *Bare product* is torch's matrix product of the same complex matrices in blocks
of 4096 x 16,384, the blocks of torchsim, with nothing done to the result. *matchers* are those
of the plugin over its FISP dictionary, 8,537 atoms of 1000 frames. *slices*: each of them, in
a process of its own on one core and on all, reconstructs a slice of the brain phantom at 20 dB from
memory; *MB* is the peak of private memory above that of the prepared matcher and the series.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from bench_networks import PeakMemory

from napari_mrf.compute.devices import n_threads

Contender = Callable[[np.ndarray], object]
_PART = 2500
_BLOCK = (4096, 16_384)


def clocks() -> np.ndarray:
    """Return wall and CPU time in seconds."""
    return np.array([time.perf_counter(), time.process_time()])


def random_atoms(n_atoms: int, n_frames: int, rng: np.random.Generator) -> np.ndarray:
    """Return decays that turn: no two alike, neighbors much alike, as in a dictionary."""
    time_axis = np.linspace(0, 3, n_frames)
    atoms = np.empty((n_atoms, n_frames), np.complex64)
    for start in range(0, n_atoms, 4096):
        part = atoms[start : start + 4096]
        rate, turn = rng.uniform(0.2, 3, len(part)), rng.uniform(-3, 3, len(part))
        decay = np.exp(-np.outer(rate, time_axis)) - 0.7 * np.exp(-np.outer(2.3 * rate, time_axis))
        part[:] = decay * np.exp(1j * np.outer(turn, time_axis))
    return atoms


def noisy(atoms: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    chosen = atoms[rng.integers(0, len(atoms), n)]
    chosen /= np.linalg.norm(chosen, axis=1, keepdims=True)
    noise = rng.standard_normal((*chosen.shape, 2), np.float32).view(np.complex64)[..., 0]
    return chosen + np.float32(0.1 / np.sqrt(atoms.shape[1])) * noise


def bare_product(atoms: np.ndarray) -> Contender:
    columns = torch.from_numpy(np.ascontiguousarray(atoms.conj().T))

    def multiply(signals: np.ndarray) -> None:
        rows = torch.from_numpy(signals)
        for v in range(0, len(rows), _BLOCK[0]):
            for a in range(0, columns.shape[1], _BLOCK[1]):
                rows[v : v + _BLOCK[0]] @ columns[:, a : a + _BLOCK[1]]

    return multiply


def exhaustive(atoms: np.ndarray) -> Contender:
    from napari_mrf.dictionary.real_atoms import RealAtoms, norms_of
    from napari_mrf.matching.explicit.search import CompiledSearch, ExactAtoms

    norms = norms_of(atoms)
    search = CompiledSearch(RealAtoms.of(atoms, norms), ExactAtoms(atoms, norms))
    return lambda signals: search.best_atoms(signals, norms_of(signals))


def torchsim_matcher(atoms: np.ndarray) -> Contender:
    from torchsim.estimators import DictionaryMatcher

    matcher = DictionaryMatcher(dictionary=torch.from_numpy(atoms))
    return lambda signals: matcher.match(torch.from_numpy(signals)).indices[:, 0].numpy()


CONTENDERS = {
    "bare product": bare_product,
    "exhaustive": exhaustive,
    "torchsim": torchsim_matcher,
}
SLICED = ("exhaustive", "compressed", "group", "spatiotemporal")


def print_roofline(n_atoms: int, n_frames: int, n_voxels: int) -> None:
    rng = np.random.default_rng(0)
    atoms = random_atoms(n_atoms, n_frames, rng)
    signals = noisy(atoms, n_voxels, rng)
    print(f"{n_atoms:,} atoms x {n_frames} frames x {n_voxels:,} voxels, complex\n")
    print("| cores | contender | wall s | CPU s | CPU ms/voxel | GFLOP per CPU s "
          "| CPU time of the bare product / its own |")  # fmt: skip
    print("|---|---|---|---|---|---|---|")
    for threads in sorted({1, n_threads()}):
        torch.set_num_threads(threads)
        made = {name: make(atoms) for name, make in CONTENDERS.items()}
        for contender in made.values():
            contender(signals[:64])
        spent = {name: np.zeros(2) for name in made}
        answers: dict[str, list[np.ndarray]] = {name: [] for name in made}
        for start in range(0, n_voxels, _PART):
            part = signals[start : start + _PART]
            for name, contender in made.items():
                began = clocks()
                answer = contender(part)
                spent[name] += clocks() - began
                if answer is not None:
                    answers[name].append(np.asarray(answer))
        flop = 8.0 * n_atoms * n_frames * n_voxels
        for name, (wall, cpu) in spent.items():
            print(f"| {threads} | {name} | {wall:.1f} | {cpu:.1f} | {1e3 * cpu / n_voxels:.3f} "
                  f"| {flop / cpu / 1e9:.1f} | {spent['bare product'][1] / cpu:.2f} |",
                  flush=True)  # fmt: skip
        ours, theirs = (np.concatenate(answers[name]) for name in ("exhaustive", "torchsim"))
        gap = _largest_gap(atoms, signals, ours, theirs)
        print(f"\nSame atom as torchsim: {np.mean(ours == theirs):.4%}; where not, the correlation "
              f"with torchsim's is up to {gap:.1e} lower.\n")  # fmt: skip


def _largest_gap(
    atoms: np.ndarray, signals: np.ndarray, ours: np.ndarray, theirs: np.ndarray
) -> float:
    """Return by how much the correlation with one atom exceeds that with another, in float64."""
    differ = np.flatnonzero(ours != theirs)
    if not differ.size:
        return 0.0

    def correlation(index: np.ndarray) -> np.ndarray:
        chosen, measured = (
            values[of].astype(np.complex128)
            for values, of in ((atoms, index[differ]), (signals, differ))
        )
        inner = np.abs(np.sum(chosen.conj() * measured, axis=1))
        return inner / np.linalg.norm(chosen, axis=1) / np.linalg.norm(measured, axis=1)

    return float(np.max(correlation(ours) - correlation(theirs)))


MATCHERS = {
    "exhaustive": ("exhaustive", {}),
    "compressed": ("compressed", {}),
    "compressed, unchecked, energy 99.99 %": ("compressed", {"check": False, "energy": "99.99"}),
    "group, bound": ("group", {}),
    "group, threshold": ("group", {"pruning": "threshold"}),
}


def print_matchers(n_voxels: int) -> None:
    """Print CPU time and exactness of the matchers, and of refinement, on FISP fingerprints."""
    import napari_mrf as mrf

    sequence, rng = mrf.sequences.fisp(), np.random.default_rng(0)
    tissue = {"T1": rng.uniform(300, 3000, n_voxels), "T2": rng.uniform(20, 300, n_voxels)}
    tissue["T2"] = np.minimum(tissue["T2"], tissue["T1"])
    clean = mrf.simulate(sequence, tissue)
    clean /= np.linalg.norm(clean, axis=1, keepdims=True)
    made = {}
    print("| matcher | prepared in (CPU s), cached files there |\n|---|---|")
    for label, (name, options) in MATCHERS.items():
        began = clocks()
        made[label] = mrf.methods.get(
            name, sequence=sequence, device="cpu", refine=label == "exhaustive", prior="range",
            **options,
        )  # fmt: skip
        made[label].prepare()
        print(f"| {label} | {(clocks() - began)[1]:.1f} |", flush=True)
    print("\n| SNR (dB) | matcher | cores | CPU ms/voxel | wall ms/voxel | same atom |")
    print("|---|---|---|---|---|---|")
    for snr_db in (10, 20, 40):
        sigma = np.float32(0.0876762 * 10 ** (-snr_db / 20))
        noise = rng.standard_normal((*clean.shape, 2), np.float32).view(np.complex64)[..., 0]
        signals = clean + sigma * noise
        for threads in sorted({1, n_threads()}):
            torch.set_num_threads(threads)
            expected = None
            for label, method in made.items():
                method.match(signals[:64])
                spent, found = _timed(method.match, signals)
                place = found.parameters["T1"], found.parameters["T2"]
                expected = expected or place
                same = np.mean((place[0] == expected[0]) & (place[1] == expected[1]))
                cells = " | ".join(f"{1e3 * t / n_voxels:.3f}" for t in spent[::-1])
                print(f"| {snr_db} | {label} | {threads} | {cells} | {same:.2%} |", flush=True)
                if label == "exhaustive":
                    grid = found
            method = made["exhaustive"]
            method.threads = threads
            method.improve(signals[:64], grid.part(slice(64)))
            spent, _ = _timed(partial(method.improve, found=grid), signals)
            cells = " | ".join(f"{1e3 * t / n_voxels:.3f}" for t in spent[::-1])
            print(f"| {snr_db} | refinement | {threads} | {cells} | |", flush=True)


def _timed(work: Contender, signals: np.ndarray) -> tuple[np.ndarray, object]:
    """Return the least wall and CPU time of three runs, and the answer."""
    best, answer = np.full(2, np.inf), None
    for _ in range(3):
        began = clocks()
        answer = work(signals)
        best = np.minimum(best, clocks() - began)
    return best, answer


def print_memory(n_atoms: int, n_frames: int, n_voxels: int) -> None:
    """Print what each contender adds to the memory of a process that holds atoms and signals."""
    products = 8 * n_atoms * n_voxels
    print(f"\n{n_atoms:,} atoms x {n_frames} frames ({8e-6 * n_atoms * n_frames:.0f} MB) x "
          f"{n_voxels:,} voxels; all products would be {products / 1e9:.1f} GB\n")  # fmt: skip
    print("| contender | peak while matching, above the prepared matcher (MB) |")
    print("|---|---|")
    for name in CONTENDERS:
        arguments = ["grow", name, f"--atoms={n_atoms}", f"--frames={n_frames}"]
        command = [sys.executable, __file__, *arguments, f"--voxels={n_voxels}"]
        grown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        print(f"| {name} | {float(grown):.0f} |", flush=True)


def print_growth(name: str, n_atoms: int, n_frames: int, n_voxels: int) -> None:
    rng = np.random.default_rng(0)
    atoms = random_atoms(n_atoms, n_frames, rng)
    signals = noisy(atoms, n_voxels, rng)
    contender = CONTENDERS[name](atoms)
    contender(signals[:8])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    contender(signals)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def print_slices() -> None:
    """Print wall time and memory of the slice of a brain by every matcher."""
    print(
        "| matcher | cores | preparing (s) | slice (s) | ms/voxel | peak above the prepared (MB) |"
    )
    print("|---|---|---|---|---|---|")
    for name in SLICED:
        for cores in sorted({1, n_threads()}):
            command = [sys.executable, __file__, "slice", name, f"--cores={cores}"]
            line = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            print(f"| {name} | {cores} | {line.strip()} |", flush=True)


def print_slice(name: str, cores: int) -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    torch.set_num_threads(cores)
    import napari_mrf as mrf
    from napari_mrf.phantoms.acquisition.acquire import acquire
    from napari_mrf.phantoms.brain.phantom import brain

    sequence, head = mrf.sequences.fisp(), brain((1, 160, 160), seed=1)
    series = acquire(head, sequence, mode="noise-only", snr_db=20.0, seed=0)
    few = np.zeros_like(head.foreground)
    few[:, 78:82, 78:82] = True
    began = time.perf_counter()
    made = mrf.methods.get(name, sequence=sequence, device="cpu", refine=False)
    made.prepare()
    prepared_s = time.perf_counter() - began
    made.reconstruct(series, mask=few & head.foreground)
    memory, began = PeakMemory(), time.perf_counter()
    made.reconstruct(series, mask=head.foreground)
    seconds = time.perf_counter() - began
    per_voxel = 1e3 * seconds / head.foreground.sum()
    print(f"{prepared_s:.1f} | {seconds:.2f} | {per_voxel:.3f} | {memory.stop():.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "what", choices=["roofline", "memory", "matchers", "slices", "grow", "slice"]
    )
    parser.add_argument("contender", nargs="?", choices=[*CONTENDERS, *SLICED])
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--atoms", type=int, default=100_000)
    parser.add_argument("--frames", type=int, default=175)
    parser.add_argument("--voxels", type=int)
    arguments = parser.parse_args()
    if arguments.what == "matchers":
        print_matchers(arguments.voxels or 2048)
        return
    if arguments.what in ("slices", "slice"):
        if arguments.what == "slices":
            print_slices()
        else:
            print_slice(arguments.contender, arguments.cores)
        return
    size = (arguments.atoms, arguments.frames, arguments.voxels or 10_000)
    if arguments.what == "roofline":
        print_roofline(*size)
    elif arguments.what == "memory":
        print_memory(*size)
    else:
        print_growth(arguments.contender, *size)


if __name__ == "__main__":
    main()
