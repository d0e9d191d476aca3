"""Fingerprints with known truth, and a brute-force search, for the tests of matchers."""

import numpy as np
from properties import check_chunks_and_threads, check_complex_factor_invariance, in_chunks

import napari_mrf as mrf
from napari_mrf.dictionary.grid import ParameterGrid

SIGNAL = 0.0876762  # of unit-norm fingerprints; SNR = 20 log10(SIGNAL / sigma)


def small_grid():
    return ParameterGrid(
        {
            "T1H2O": np.array([600.0, 1000, 1300, 1700]),
            "T1fat": np.array([225.0, 300, 375]),
            "Df": np.array([-60.0, 0, 60]),
            "B1": np.array([0.5, 0.75, 1.0]),
        }
    )


def random_tissue(n, rng, *, df_hz=110.0):
    return {
        "FF": rng.uniform(0, 1, n),
        "T1H2O": rng.uniform(600, 1900, n),
        "T1fat": rng.uniform(230, 390, n),
        "Df": rng.uniform(-df_hz, df_hz, n),
        "B1": rng.uniform(0.35, 0.95, n),
    }


def measured(sequence, tissue, snr_db, rng):
    """Unit-norm fingerprints with noise, each under its own complex factor."""
    signals = mrf.simulate(sequence, tissue, dtype="complex128")
    signals = signals / np.linalg.norm(signals, axis=1, keepdims=True)
    if np.isfinite(snr_db):
        sigma = SIGNAL * 10 ** (-snr_db / 20)
        noise = rng.standard_normal((2, *signals.shape))
        signals = signals + sigma * (noise[0] + 1j * noise[1])
    factor = rng.uniform(0.1, 10, len(signals)) * np.exp(2j * np.pi * rng.random(len(signals)))
    return (signals * factor[:, None]).astype(np.complex64)


def brute_force(sequence, grid, signals, fat_fractions):
    """The largest J² of every fingerprint over explicitly simulated, gridded mixtures."""
    meshes = np.meshgrid(fat_fractions, *grid.axes.values(), indexing="ij")
    keys = ["FF", *grid.axes]
    points = {key: mesh.reshape(-1) for key, mesh in zip(keys, meshes, strict=True)}
    atoms = mrf.simulate(sequence, points, dtype="complex128")
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    unit = signals / np.linalg.norm(signals, axis=1, keepdims=True)
    power = np.abs(unit.astype(np.complex128) @ atoms.conj().T) ** 2
    best = power.argmax(axis=1)
    return power.max(axis=1), {key: values[best] for key, values in points.items()}


def check_refined(refined, signals, rng):
    """Refinement, by name from (N, T) fingerprints, of no other voxel and of no complex factor."""
    n, order = len(signals), rng.permutation(len(signals))
    whole, shuffled = refined(signals), refined(signals[order])
    for key, values in whole.items():
        np.testing.assert_array_equal(shuffled[key], values[order], err_msg=key)
    chunk = int(rng.integers(1, 40))
    check_chunks_and_threads(lambda size, _: in_chunks(refined, signals, size), [(chunk, 1)])
    quarters = 2.0 ** rng.integers(-4, 4, n) * 1j ** rng.integers(0, 4, n)
    check_complex_factor_invariance(refined, signals, quarters, rtol=1e-3)
