"""Priors of refinement: the tissue that is expected before a voxel is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.parameters import validity_rules
from napari_mrf.data.signal_kinds import SIGNAL_KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

KEYS = SIGNAL_KINDS["spoiled"].tissue
# A handful of voxels says little about a spread: below this the range is believed instead.
_FEWEST_VOXELS = 50
# Off-resonance is a field with far tails near air, not a property of tissue, and is measured
# ten times better than it varies: a spread learned from the image only pulls the tails in.
_NOT_LEARNED = ("Df",)
# Of the median: voxels without tissue (cortical bone, air in the mask) say nothing of tissue.
_LEAST_QUALITY = 0.8
# Of the range's: a map of one value would forbid every other.
_NARROWEST = 1e-3


@dataclass(frozen=True)
class Prior:
    """Independent Gaussians over the parameters of the tissue.

    Parameters
    ----------
    source : {"range", "series", "off"}
        Where they come from.
    mean, deviation : dict of str to float
        By parameter key, in its unit; empty for ``"off"``.
    """

    source: str
    mean: dict[str, float]
    deviation: dict[str, float]

    def as_arrays(self, keys: tuple[str, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return means and precisions (1 / SD²) in the order of the keys; precision 0 when off."""
        mean = np.array([self.mean.get(key, 0.0) for key in keys])
        precision = np.array(
            [self.deviation[key] ** -2.0 if key in self.deviation else 0.0 for key in keys]
        )
        return mean, precision

    def describe(self) -> dict[str, Any]:
        """Return a JSON-ready record for the provenance."""
        return {
            "source": self.source,
            **{key: {"mean": self.mean[key], "sd": self.deviation[key]} for key in self.mean},
        }


def no_prior() -> Prior:
    """Return no belief: maximum likelihood."""
    return Prior("off", {}, {})


def range_prior(kind: str = "spoiled") -> Prior:
    """Return the mean and spread of a uniform value in the ranges of a kind of sequence."""
    ranges = SIGNAL_KINDS[kind].ranges
    return Prior(
        "range",
        {key: (low + high) / 2 for key, (low, high) in ranges.items()},
        {key: (high - low) / 12**0.5 for key, (low, high) in ranges.items()},
    )


def series_prior(
    values: Mapping[str, NDArray[np.float32]],
    quality: NDArray[np.float32],
    kind: str = "spoiled",
) -> Prior:
    """Return the mean and spread of a sample of a series' own grid answers (empirical Bayes).

    Each parameter is taken where it means something (its validity rule) and where the model
    fits. The spread is the standard deviation, or wider where the values have tails: a corner
    of the image with an off-resonance of its own must not be pulled to the rest. It holds the
    noise of the answers too, so it errs on the wide side. For off-resonance, and where fewer
    than 50 such voxels are there, the range prior stands in.

    Parameters
    ----------
    values : mapping of str to ndarray
        (N,) grid answers by key.
    quality : ndarray
        (N,) correlation with the model.
    kind : str
        Of the sequence.
    """
    fallback = range_prior(kind)
    rules = validity_rules()
    mean, deviation = dict(fallback.mean), dict(fallback.deviation)
    fits = quality >= _LEAST_QUALITY * np.median(quality) if quality.size else quality > 0
    for key in fallback.mean:
        if key in _NOT_LEARNED:
            continue
        used = fits & rules[key].mask(values["FF"]) if key in rules else fits
        chosen = values[key][used].astype(np.float64)
        if chosen.size >= _FEWEST_VOXELS and chosen.std() > _NARROWEST * deviation[key]:
            mean[key], deviation[key] = _mean_and_spread(chosen)
    return Prior("series", mean, deviation)


def _mean_and_spread(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the mean, and the SD of a Gaussian that leaves no more than 1 % in its tails.

    A Gaussian has 0.5 % of its values beyond 2.576 SD on either side.
    """
    mean = float(values.mean())
    low, high = np.percentile(values, [0.5, 99.5])
    return mean, float(max(values.std(), (mean - low) / 2.576, (high - mean) / 2.576))
