"""A series as coefficients and a basis, indexed like the array it stands for."""

import numpy as np
import pytest
from properties import complex_normal

from napari_mrf.data.subspace_signal import CoefficientNoise, SubspaceSignal
from napari_mrf.errors import MRFInputError

RNG = np.random.default_rng(0)
BASIS = complex_normal(RNG, 7, 3).astype(np.complex64)
COEFFICIENTS = complex_normal(RNG, 3, 2, 4, 5).astype(np.complex64)
WHOLE = np.einsum("tk,kzyx->tzyx", BASIS, COEFFICIENTS)


@pytest.mark.parametrize(
    "index",
    [
        (), 3, slice(1, 4), (slice(None), 1), (slice(2, 5), 1, 2, 3), (..., 2),
        (3, ..., slice(1, 3)), (slice(None), slice(0, 1), slice(None), slice(None)), Ellipsis,
    ],
)  # fmt: skip
def test_parts_are_those_of_the_whole(index):
    signal = SubspaceSignal(BASIS, COEFFICIENTS)
    assert signal.shape == WHOLE.shape and signal.ndim == 4 and signal.dtype == np.complex64
    found, expected = signal[index], WHOLE[index]
    assert found.shape == expected.shape
    assert np.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"covariance": np.zeros((2, 3, 4), np.complex64)},
        {"error_covariance": np.zeros((1, 3, 3), np.complex64)},
        {"error_covariance": np.full((2, 3, 3), np.nan, np.complex64)},
        {"scale": np.ones((2, 5, 4), np.float32)},
        {"scale": np.full((2, 4, 5), np.inf, np.float32)},
    ],
)
def test_noise_must_fit_the_coefficients(changed):
    fitting = {
        "covariance": np.ones((2, 3, 3), np.complex64),
        "error_covariance": np.ones((2, 3, 3), np.complex64),
        "scale": np.ones((2, 4, 5), np.float32),
    }
    noise = CoefficientNoise(**fitting | changed)
    if not changed:
        assert SubspaceSignal(BASIS, COEFFICIENTS, noise).noise is noise
        return
    with pytest.raises(MRFInputError) as error:
        SubspaceSignal(BASIS, COEFFICIENTS, noise)
    assert error.value.code == "bad-covariance" and error.value.hint
