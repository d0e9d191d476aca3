"""Coils made alike."""

import numpy as np
import pytest
from properties import complex_normal

from napari_mrf.errors import MRFInputError
from napari_mrf.kspace.whitening import compression, mixed, whitening

RNG = np.random.default_rng(0)


def test_noise_is_independent_and_of_variance_one_afterwards():
    mixing = complex_normal(RNG, 5, 5)
    matrix = whitening(mixing @ complex_normal(RNG, 5, 20_000))
    other = matrix @ mixing @ complex_normal(RNG, 5, 20_000)
    assert np.allclose(other @ other.conj().T / 20_000, np.eye(5), atol=0.06)


@pytest.mark.parametrize(
    "noise",
    [
        np.zeros((3, 100), complex),
        np.ones((2, 1)) * complex_normal(RNG, 1, 100),
        complex_normal(RNG, 4, 3),
        np.stack([complex_normal(RNG, 100), np.zeros(100)]),
    ],
    ids=["silent", "copies", "few samples", "one silent"],
)
def test_scan_that_does_not_tell_the_noise_is_refused(noise):
    with pytest.raises(MRFInputError) as error:
        whitening(noise)
    assert error.value.code == "bad-noise-scan"


def test_virtual_coils_hold_the_signal_and_keep_the_noise():
    sources = complex_normal(RNG, 3, 40, 50)
    signal = np.einsum("cs,sri->cri", complex_normal(RNG, 8, 3), sources)
    noise = 1e-3 * complex_normal(RNG, *signal.shape)
    matrix = compression(signal + noise)
    assert matrix.shape == (3, 8)
    assert np.allclose(matrix @ matrix.conj().T, np.eye(3), atol=1e-5)
    kept = mixed(matrix, signal)
    assert kept.shape == (3, 40, 50) and kept.dtype == np.complex64
    assert np.linalg.norm(kept) > np.sqrt(1 - 2e-4) * np.linalg.norm(signal)


def test_number_of_virtual_coils_can_be_told():
    samples = complex_normal(RNG, 6, 10, 20)
    assert compression(samples, 4).shape == (4, 6)
