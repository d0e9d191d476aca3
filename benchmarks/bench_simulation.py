"""Time the simulators beside torchsim and themselves, and weigh the atoms of the T1-FF grid.

Run ``python benchmarks/bench_simulation.py``; it prints tables and judges nothing. One core
each (both packages follow torch's thread count). torchsim (``pip install napari-mrf[bench]``) is
left out, with a line that says so, where it is not installed.

torchsim computes in single precision, this package in double. torchsim's sequence has its echo
at the pulse (TE 0); ours reads at TE, which is more work. Both are called as a dictionary
would be built: one simulator object, called again with the tissues; the first call, which
compiles or resolves the sequence, is timed apart.
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import time

import numpy as np
import torch

import napari_mrf as mrf

N_TISSUES = 1000
N_RUNS = 7

# Run alone in a fresh interpreter, and sampled: the peak that the system keeps is that of the
# imports.
ATOMS_SCRIPT = """
import json, threading, time
import numpy as np, psutil, torch
import napari_mrf as mrf
from napari_mrf.simulation import simulator
torch.set_num_threads(1)

process = psutil.Process()
resident = [process.memory_info().rss]
finished = threading.Event()

def sample():
    while not finished.wait(0.001):
        resident.append(process.memory_info().rss)

grid = dict(
    T1H2O=np.r_[550:1601:10, 1650:2001:50].astype(float),
    T1fat=np.r_[225:401:25].astype(float),
    B1=np.round(np.arange(0.3, 1.001, 0.05), 2),
)
sequence = mrf.sequences.t1ff()
sampler = threading.Thread(target=sample)
sampler.start()
start = time.perf_counter()
t1_water, b1_water = (a.ravel() for a in np.meshgrid(grid["T1H2O"], grid["B1"]))
t1_fat, b1_fat = (a.ravel() for a in np.meshgrid(grid["T1fat"], grid["B1"]))
water = mrf.simulate(sequence, dict(FF=0.0, T1H2O=t1_water, T1fat=300.0, B1=b1_water))
fat = mrf.simulate(sequence, dict(FF=1.0, T1H2O=1000.0, T1fat=t1_fat, B1=b1_fat))
seconds = time.perf_counter() - start
finished.set()
sampler.join()
print(json.dumps(dict(n_water=len(water), n_fat=len(fat), seconds=seconds,
                      extra_mb=(max(resident) - resident[0]) / 2**20)))
"""


def tissues() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.uniform(100.0, 4000.0, N_TISSUES), random.uniform(10.0, 400.0, N_TISSUES)


def seconds_of(call) -> tuple[float, list[float], object]:
    """Return the first call's seconds, those of the following calls and the last result."""
    times = []
    for _ in range(N_RUNS + 1):
        start = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - start)
    return times[0], times[1:], result


def torchsim_call(sequence: mrf.Sequence, n_states: int):
    """Return a call of torchsim's fingerprinting simulator, or None where it is absent."""
    try:
        from torchsim.simulators import MRFSimulator
    except ImportError:
        return None
    T1, T2 = (torch.tensor(values, dtype=torch.float32) for values in tissues())
    simulator = MRFSimulator(
        flip=torch.tensor(sequence.flip_angles_deg, dtype=torch.float32),
        TR=torch.tensor(sequence.repetition_times_ms, dtype=torch.float32),
        TI=sequence.inversion_time_ms,
        states=n_states,
    )
    return lambda: simulator.simulate(T1=T1, T2=T2)


def row(name: str, precision: str, n_states: object, first: float, times: list[float]) -> float:
    best, median = N_TISSUES / min(times), N_TISSUES / statistics.median(times)
    print(f"{name:<12}{precision:<9}{n_states!s:>7}{first:>11.2f}{median:>14,.0f}{best:>12,.0f}",
          end="")  # fmt: skip
    return best


def bench_fisp() -> None:
    sequence = mrf.sequences.fisp()
    T1, T2 = tissues()
    print(f"FISP, {sequence.n_pulses} pulses, {N_TISSUES} (T1, T2) pairs, RF phase 0, one core")
    print(f"{'':<12}{'float':<9}{'states':>7}{'first (s)':>11}{'median (/s)':>14}{'best (/s)':>12}"
          f"{'best ratio':>13}{'max difference':>17}")  # fmt: skip
    for n_states in (25, 100, None):
        peer_best = None
        call = torchsim_call(sequence, n_states) if n_states else None
        if call is not None:
            first, times, peer_signal = seconds_of(call)
            peer_best = row("torchsim", "32 bit", n_states, first, times)
            print()
        first, times, signal = seconds_of(
            lambda n=n_states: mrf.simulate(sequence, {"T1": T1, "T2": T2}, n_states=n)
        )
        best = row("napari-mrf", "64 bit", n_states or "all", first, times)
        if peer_best is not None:
            # Undo the decay up to our echo: torchsim reads at the pulse.
            at_pulse = np.abs(signal) * np.exp(sequence.echo_times_ms / T2[:, None])
            difference = np.max(np.abs(at_pulse - np.abs(np.asarray(peer_signal))))
            print(f"{best / peer_best:>12.1f}x{difference:>17.1e}", end="")
        print()
    if torchsim_call(sequence, 1) is None:
        print("torchsim is not installed (pip install napari-mrf[bench]): no ratios")


def bench_water_fat() -> None:
    """Time as many tissues of water and fat as a slice has, compiled and through torch."""
    sequence, random = mrf.sequences.t1ff(), np.random.default_rng(0)
    ranges = {"FF": (0, 1), "T1H2O": (500, 2500), "T1fat": (200, 450), "Df": (-100, 100),
              "B1": (0.3, 1.1)}  # fmt: skip
    tissue = {key: random.uniform(*one, 10 * N_TISSUES) for key, one in ranges.items()}
    tensors = {key: torch.as_tensor(values) for key, values in tissue.items()}
    print(f"\nT1-FF, {10 * N_TISSUES:,} tissues, one core")
    print(f"{'':<24}{'first (s)':>11}{'median (/s)':>14}{'best (/s)':>12}")
    found = {}
    for name, given in (("through torch", tensors), ("compiled", tissue)):
        first, times, signal = seconds_of(lambda given=given: mrf.simulate(sequence, given))
        found[name] = (min(times), np.asarray(signal))
        median, best = (10 * N_TISSUES / one for one in (statistics.median(times), min(times)))
        print(f"{name:<24}{first:>11.2f}{median:>14,.0f}{best:>12,.0f}")
    (slow, expected), (fast, signal) = found.values()
    print(f"best ratio {slow / fast:.1f}x, max difference {np.abs(signal - expected).max():.1e}")


def bench_atoms() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", ATOMS_SCRIPT], capture_output=True, text=True, check=True
    )
    record = json.loads(finished.stdout)
    print("\nT1-FF, water and fat atoms of the reconstruction grid, one core, fresh interpreter")
    print(f"{'':<12}{'atoms':>16}{'seconds':>11}{'MB above imports':>20}")
    atoms = f"{record['n_water']} + {record['n_fat']}"
    print(f"{'napari-mrf':<12}{atoms:>16}{record['seconds']:>11.2f}{record['extra_mb']:>20.0f}")


def main() -> None:
    torch.set_num_threads(1)
    print(f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}\n")
    bench_fisp()
    bench_water_fat()
    bench_atoms()


if __name__ == "__main__":
    main()
