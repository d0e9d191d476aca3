"""Series with a fault that leaves a trace in the fit, and valid ones that look odd."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

import napari_mrf as mrf
from napari_mrf.phantoms.acquisition.acquire import acquire
from napari_mrf.phantoms.by_kind import PHANTOMS

SEQUENCES = {"t1ff": mrf.sequences.t1ff(), "fisp": mrf.sequences.fisp(),
             "fisp-b1": mrf.sequences.fisp_b1()}  # fmt: skip
SIDE = 48
DECIBELS = (10.0, 20.0, 30.0, 40.0)


def voxels(sequence, played, decibels, seed, *, undersampled=False):
    """Fingerprints (N, T) of tissue of a sequence's phantom, under another sequence perhaps."""
    phantom = PHANTOMS[sequence.kind]((1, SIDE, SIDE), seed=seed)
    options = {"mode": "noise-only", "noise_reference": "foreground"}
    if undersampled:
        # As the package's samples: the thigh 68-fold, the head by four spokes a pulse.
        spokes = 1 if sequence.kind == "spoiled" else 4
        options = {"mode": "radial", "n_coils": 4, "spokes_per_pulse": spokes,
                   "matrix_size": 350 if sequence.kind == "spoiled" else 128}  # fmt: skip
    series = acquire(phantom, played, snr_db=decibels, seed=seed, **options)
    tissue = np.isfinite(np.stack(list(phantom.truth().values()))).all(axis=0)
    return np.ascontiguousarray(np.asarray(series.signal)[:, tissue].T)


@lru_cache(maxsize=24)
def valid(name, decibels, seed, *, undersampled=False):
    sequence = SEQUENCES[name]
    return voxels(sequence, sequence, decibels, seed, undersampled=undersampled)


def some(signals, n=300):
    """An even sample, as a reconstruction takes it."""
    return signals[np.arange(min(n, len(signals))) * len(signals) // min(n, len(signals))]


def one_phase(signals, rng):
    return np.abs(signals) * np.exp(2j * np.pi * rng.random((len(signals), 1)))


def smooth_phase_of_frames(signals, rng, radians):
    """A drift of the frames' phase, of a random smooth shape."""
    time = np.linspace(0, 1, signals.shape[1])
    shape = sum(rng.normal() * np.cos(np.pi * n * time) / n for n in (1, 2, 3))
    return signals * np.exp(1j * radians * shape / np.ptp(shape))


def background_removed(signals, rng):
    """Every frame turned by its phase, as known but for a little noise in the estimate."""
    error = rng.normal(scale=0.1, size=signals.shape)
    return np.abs(signals) * np.exp(1j * (error + 2 * np.pi * rng.random((len(signals), 1))))


TO_SIGNALS = {
    "time-reversed": [lambda x, rng: x[:, ::-1]],
    "phase-sign": [lambda x, rng: x.conj()],
    "magnitude": [one_phase, lambda x, rng: np.abs(x)],
    "random-phase": [
        lambda x, rng: x * np.exp(2j * np.pi * rng.random(x.shape)),
        lambda x, rng: x * np.exp(2j * np.pi * rng.random(x.shape[1])),
        lambda x, rng: smooth_phase_of_frames(x, rng, 1.5),
        background_removed,
    ],
}
"""What was done to a valid series, by its cause."""


def other_trains(sequence, rng):
    """Pulse trains of the same length that no tissue makes up for, one drawn by chance."""
    angles, echoes = sequence.flip_angles_deg, sequence.echo_times_ms
    n = len(angles)
    changes = [
        {"flip_angles_deg": angles[::-1]},
        {"flip_angles_deg": np.roll(angles, n // 10)},
        {"flip_angles_deg": angles * (1 + 0.6 * np.sin(np.arange(n) * 2 * np.pi / (n / 6)))},
        {"inversion_time_ms": None},
    ]
    if sequence.kind == "spoiled":
        later = {"echo_times_ms": echoes + 1.0,
                 "repetition_times_ms": sequence.repetition_times_ms + 1.0}  # fmt: skip
        changes.append(later)
    return replace(sequence, **changes[rng.integers(len(changes))])


def faulty(name, cause, decibels, seed, *, undersampled=False):
    """Return fingerprints with the fault of a cause; None where it leaves no trace."""
    sequence, rng = SEQUENCES[name], np.random.default_rng([seed, int(decibels)])
    if cause == "other-sequence":
        played = other_trains(sequence, rng)
        signals = voxels(sequence, played, decibels, seed, undersampled=undersampled)
    else:
        if cause == "phase-sign" and name != "t1ff":
            return None  # signals on resonance are real but for one phase
        signals = valid(name, decibels, seed, undersampled=undersampled)
        changes = TO_SIGNALS[cause]
        signals = changes[rng.integers(len(changes))](signals, rng)
    return np.ascontiguousarray(some(signals)).astype(np.complex64)


def odd_but_valid(name, seed):
    """Yield a name and fingerprints of valid series: regions, few voxels, noise, one tissue."""
    sequence, rng = SEQUENCES[name], np.random.default_rng([seed, 99])
    for decibels in (0.0, 10.0, 20.0, 40.0, 80.0):
        whole = valid(name, decibels, seed)
        yield f"{decibels:g} dB", some(whole)
        for n in (1, 2, 5, 20):
            yield f"{n} voxels at {decibels:g} dB", whole[rng.choice(len(whole), n, replace=False)]
    whole = valid(name, 20.0, seed, undersampled=True)
    yield "undersampled", some(whole)
    for n in (4, 9, 25, 60, 150, 400):
        start = rng.integers(len(whole) - n)
        yield f"{n} neighbors, undersampled", some(whole[start : start + n])
    yield "one tissue", one_tissue(sequence, rng)
    if name == "t1ff":
        yield "fat", one_tissue(sequence, rng, FF=rng.uniform(0.85, 1.0, 100))
        yield "off the grid", one_tissue(sequence, rng, Df=150.0, B1=1.25, T1fat=450.0)


def one_tissue(sequence, rng, **given):
    """Vials of one tissue at 40 dB, or of given ones."""
    ranges = mrf.data.signal_kinds.SIGNAL_KINDS[sequence.kind].ranges
    tissue = {key: np.full(100, rng.uniform(*ends)) for key, ends in ranges.items()}
    tissue |= {key: np.broadcast_to(values, 100) for key, values in given.items()}
    if "T2" in tissue:
        tissue["T2"] = np.minimum(tissue["T2"], tissue["T1"])
    signals = mrf.simulate(sequence, tissue)
    norms = np.linalg.norm(signals, axis=1, keepdims=True)
    noise = rng.standard_normal((2, *signals.shape)) * norms * 0.000877
    turns = np.exp(2j * np.pi * rng.random((100, 1)))
    return ((signals + noise[0] + 1j * noise[1]) * turns).astype(np.complex64)
