"""Random numbers and random images of which a random subject is made."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_mrf.phantoms.random_fields import RandomField

if TYPE_CHECKING:
    from numpy.typing import NDArray

Range = tuple[float, float]

# From here on a few plane waves are smoother than they are few.
_LEAST_SIGMA_OF_WAVES = 6.0
_N_WAVES = 60


def log_uniform(rng: np.random.Generator, between: Range) -> float:
    """Draw a positive number, log-uniformly."""
    return float(log_uniforms(rng, between, 1)[0])


def log_uniforms(
    rng: np.random.Generator, between: Range, shape: int | tuple[int, ...]
) -> NDArray[np.float64]:
    """Draw positive numbers (…), log-uniformly."""
    low, high = between
    return np.asarray(np.exp(rng.uniform(math.log(low), math.log(high), shape)))


def smooth_field(
    rng: np.random.Generator, shape: tuple[int, int], sigma: float
) -> NDArray[np.float64]:
    """Return white noise smoothed by a Gaussian, scaled to mean 0 and variance 1.

    Over an image that is not much larger than `sigma`, mean and variance of one field differ from
    that, as they do where a part of a large field is cut out.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the noise.
    shape : tuple of int
        (Y, X).
    sigma : float
        Of the Gaussian (voxels).
    """
    if sigma < _LEAST_SIGMA_OF_WAVES:
        smooth = gaussian_filter(rng.standard_normal(shape), sigma, mode="wrap")
        return np.asarray((smooth - smooth.mean()) / smooth.std())
    # The covariance of noise smoothed with sigma is a Gaussian of sqrt(2) sigma.
    waves = RandomField(rng, float(np.sqrt(2.0) * sigma), _N_WAVES)
    y, x = (np.arange(n, dtype=np.float64) for n in shape)
    return waves(0.0, y, x)


def sum_of_fields(
    rng: np.random.Generator, shape: tuple[int, int], *parts: tuple[Range, Range]
) -> NDArray[np.float64]:
    """Return a sum of smooth fields (Y, X).

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws everything.
    shape : tuple of int
        (Y, X).
    *parts : tuple
        Standard deviation and sigma (voxels) of each, both drawn log-uniformly.
    """
    total = np.zeros(shape)
    for size, sigma in parts:
        total += log_uniform(rng, size) * smooth_field(rng, shape, log_uniform(rng, sigma))
    return total


def all_alike(
    rng: np.random.Generator, values: NDArray[np.float64], share: float, within: float = 0.06
) -> NDArray[np.float64]:
    """Return values (n,), in a share of the cases all within 6 % of the first."""
    if rng.random() < share:
        return np.asarray(values[0] * (1.0 + rng.uniform(-within, within, len(values))))
    return values
