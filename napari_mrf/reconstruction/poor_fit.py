"""Voxels whose residual is larger than the noise around them explains.

The noise of a voxel is estimated without the model (`FrameNoise`); its residual follows from the
quality of the fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_mrf.dictionary.real_atoms import norms_of
from napari_mrf.reconstruction.frame_noise import FrameNoise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.reconstruction.conditioning import Conditioning
    from napari_mrf.reconstruction.slicewise import Voxels

# Of the standard normal distribution: its quantiles of 99.95 % and of 75 %.
_QUANTILE, _QUARTILE = 3.2905, 0.6745
_FEWEST_DIFFERENCES = 8
_FEWEST_VOXELS = 20
_NEIGHBORHOOD_VOXELS = 4.0
# Of the power of a fingerprint: what rounding the quality to float32 alone can look like.
_ROUNDING = 1e-6


class PoorFits:
    """Collects the noise of voxels as they go by, and finds the poor fits among them.

    Let r be the residual power of a voxel, r = |s|² (1 - quality²) / (2 K - P), for K frames and
    P parameters, and n its noise power. If the noise is white, r / n follows a chi-square
    distribution of 2 K - P degrees of freedom, over them. Two estimates of n are compared with:
    the voxel's own, which no gain changes, and that of the voxels around it, which tells other
    signals from noise even where they change from frame to frame. The streaks of undersampled
    series are not white, so center and width of log(r / n) are taken from the series itself, up
    to its upper quartile; the width is never less than that of chi-square, sqrt(2 / (2 K - P)).
    A fit is poor above the 99.95 % quantile of either, which makes 0.1 % together.

    Parameters
    ----------
    sequence : Sequence
        That of the series.
    conditioning : Conditioning
        Done to the fingerprints that are added.
    shape : tuple of int
        (Z, Y, X).
    """

    def __init__(
        self, sequence: Sequence, conditioning: Conditioning, shape: tuple[int, int, int]
    ) -> None:
        kept = conditioning.kept_frames(sequence)
        self._frame_noise = FrameNoise(sequence, kept)
        self._freedom = max(2 * kept.size - len(sequence.parameters) - 2, 1)
        self._noise, self._norms = np.full((2, *shape), np.nan)

    def measured(
        self, signals: NDArray[np.complex64], workers: int | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Return noise and norms (N,) of (N, K) fingerprints, for `add`; None for too few frames.

        `workers` is the number of threads, all cores by default.
        """
        if self._frame_noise.n_differences < _FEWEST_DIFFERENCES:
            return None
        norms = norms_of(signals)
        return self._frame_noise.powers(signals, norms, workers), norms

    def add(
        self, at: Voxels, measured: tuple[NDArray[np.float64], NDArray[np.float64]] | None
    ) -> None:
        """Keep what has been `measured` of the fingerprints at some voxels of a slice."""
        if measured is not None:
            self._noise[at], self._norms[at] = measured

    def found(self, quality: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return where fits are poor (Z, Y, X).

        Parameters
        ----------
        quality : ndarray
            (Z, Y, X) correlation with the model; NaN where there is none.
        """
        known = np.isfinite(quality) & np.isfinite(self._noise)
        poor = np.zeros(quality.shape, bool)
        if known.sum() < _FEWEST_VOXELS:
            return poor
        rest = np.where(known, 1.0 - quality.astype(np.float64) ** 2, 0.0)
        least = _ROUNDING / self._freedom
        own = np.log(np.where(known, np.maximum(self._noise, least), 1.0))
        size = 2.0 * np.log(np.where(known, self._norms, 1.0))
        residual = np.log(np.maximum(rest / self._freedom, least))
        # A scanner's noise is much the same in bright and dark tissue side by side; where
        # voxels have gains of their own, noise over signal is. What varies less is believed.
        around = [_smooth(own + size, known) - size, _smooth(own, known)]
        excess_of = [(residual - noise)[known] for noise in (own, *around)]
        for excess in (excess_of[0], min(excess_of[1:], key=_width)):
            width = max(_width(excess), (2.0 / self._freedom) ** 0.5)
            poor[known] |= excess > np.median(excess) + _QUANTILE * width
        return poor & (rest > _ROUNDING)


def _width(excess: NDArray[np.float64]) -> float:
    """Return the standard deviation of a Gaussian with the upper quartile of (N,) values."""
    middle, quartile = np.quantile(excess, [0.5, 0.75])
    return float(quartile - middle) / _QUARTILE


def _smooth(values: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the mean (Z, Y, X) over the known voxels around each in its slice."""
    sigma = (0.0, _NEIGHBORHOOD_VOXELS, _NEIGHBORHOOD_VOXELS)
    weight = ndimage.gaussian_filter(known.astype(np.float64), sigma, mode="constant")
    total = ndimage.gaussian_filter(np.where(known, values, 0.0), sigma, mode="constant")
    return np.asarray(total / np.maximum(weight, 1e-9))
