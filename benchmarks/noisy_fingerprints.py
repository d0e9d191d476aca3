"""Fingerprints of random tissue with noise, as the benchmarks of matching use them."""

import numpy as np

import napari_mrf as mrf
from napari_mrf.phantoms.acquisition.acquire import UNIT_NORM_SIGNAL


def noisy_fingerprints(n: int, snr_db: float, *, seed: int = 0) -> np.ndarray:
    """Return (n, 175) complex64 fingerprints of MRF T1-FF, each of random tissue.

    SNR = 20 log10(0.0876762 / sigma) on fingerprints of norm 1.
    """
    rng = np.random.default_rng(seed)
    tissue = {
        "FF": rng.uniform(0, 1, n),
        "T1H2O": rng.uniform(600, 1900, n),
        "T1fat": rng.uniform(230, 390, n),
        "Df": rng.uniform(-110, 110, n),
        "B1": rng.uniform(0.35, 0.95, n),
    }
    clean = mrf.simulate(mrf.sequences.t1ff(), tissue)
    clean /= np.linalg.norm(clean, axis=1, keepdims=True)
    noise = rng.standard_normal((2, *clean.shape), np.float32)
    sigma = np.float32(UNIT_NORM_SIGNAL * 10 ** (-snr_db / 20))
    return clean + sigma * (noise[0] + 1j * noise[1])
