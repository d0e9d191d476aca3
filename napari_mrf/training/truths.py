"""Two truths for in-vivo maps: as they were published, and without the noise of their matching.

Maps that were matched voxel by voxel hold the noise of that matching: white in Df and B1, which
anatomy changes smoothly, and partly in the tissue. A method that averages it away differs from
the maps as published, and one that copies it differs from the patient. So errors are told against
both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_mrf.data.maps import ParameterMaps
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_FIELDS = ("Df", "B1")
_FIELD_SIGMA = 3.0
# Of the edge-preserving filter: where it averages, and what it tells edges by.
_SIGMA, _REACH, _GUIDE_SIGMA, _ALIKE = 2.0, 5, 1.0, 0.5


def truths(
    published: ParameterMaps,
    inside: NDArray[np.bool_],
    regions: NDArray[np.integer] | None = None,
) -> dict[str, ParameterMaps]:
    """Return the maps by truth: ``"as published"`` and ``"denoised"``, NaN outside.

    *Denoised*: Df and B1 smoothed by a Gaussian of sigma 3 voxels in the plane, within the mask.
    All other maps by a bilateral filter: the mean over a Gaussian of 2 voxels, each
    neighbor by how near it is in the same map smoothed by 1 voxel, in units of half the map's
    noise (1.48 times the median of the differences of neighbors, over sqrt 2). Water T1 is averaged
    by the water in a voxel, fat T1 by its fat. Then each region gets back its mean over the
    voxels in which the map counts (`Parameter.validity`): means of muscles stay as published.

    Parameters
    ----------
    published : ParameterMaps
        Maps (Z, Y, X).
    inside : ndarray
        (Z, Y, X) bool, the tissue.
    regions : ndarray, optional
        (Z, Y, X) labels, 0 for none; by default all of a slice is one.

    Raises
    ------
    MRFInputError
        ``"bad-shape"`` for a mask or regions of another shape.

    References
    ----------
    Tomasi and Manduchi, ICCV 1998, doi 10.1109/ICCV.1998.710815 (bilateral filter).
    """
    shape = published.spatial_shape
    for what, array in (("mask", inside), ("label map", regions)):
        if array is not None and array.shape != shape:
            raise MRFInputError("bad-shape", f"the {what} does not fit the maps",
                                expected=f"{shape}", found=f"{array.shape}")  # fmt: skip
    known = inside & np.all([np.isfinite(published[key]) for key in published], axis=0)
    exact = {key: np.where(known, published[key], np.nan) for key in published}
    smooth = {key: np.full(shape, np.nan) for key in exact}
    for z in range(shape[0]):
        here = {key: values[z].astype(np.float64) for key, values in exact.items()}
        parts = known[z].astype(np.int64) if regions is None else np.asarray(regions[z])
        for key, values in _denoised(here, known[z], parts).items():
            smooth[key][z] = values
    return {
        name: ParameterMaps(
            {key: values.astype(np.float32) for key, values in maps.items()},
            m0=published.m0,
            affine=published.affine,
            provenance={**published.provenance, "truth": name},
        )
        for name, maps in (("as published", exact), ("denoised", smooth))
    }


def _denoised(
    maps: Mapping[str, Values], inside: NDArray[np.bool_], regions: NDArray[np.integer]
) -> dict[str, Values]:
    """Return the maps (Y, X) of a slice, NaN outside."""
    found = {}
    for key, values in maps.items():
        if not inside.any():
            found[key] = values
        elif key in _FIELDS:
            found[key] = _within(values, inside.astype(np.float64), _FIELD_SIGMA)
        else:
            weights = np.where(inside, _content(key, maps), 0.0)
            found[key] = _bilateral(values, weights, inside)
            rule = PARAMETERS[key].validity
            counted = inside if rule is None or "FF" not in maps else inside & rule.mask(maps["FF"])
            for label in np.unique(regions[inside & (regions > 0)]):
                part = inside & (regions == label)
                at = part & counted
                if at.any():
                    found[key][part] += values[at].mean() - found[key][at].mean()
        found[key][~inside] = np.nan
    return found


def _content(key: str, maps: Mapping[str, Values]) -> Values | float:
    """Return what of a voxel has the property, never quite nothing."""
    if key in ("T1H2O", "T1fat") and "FF" in maps:
        fat = np.nan_to_num(maps["FF"])
        return np.clip(fat if key == "T1fat" else 1.0 - fat, 0.01, 1.0)
    return 1.0


def _within(values: Values, weights: Values, sigma: float) -> Values:
    """Return Gaussian means over the voxels that weigh, whatever stands in the others."""
    total = gaussian_filter(np.where(weights > 0, weights * np.nan_to_num(values), 0.0), sigma)
    return np.asarray(total / np.maximum(gaussian_filter(weights, sigma), 1e-12))


def _bilateral(values: Values, weights: Values, inside: NDArray[np.bool_]) -> Values:
    """Return weighted means over neighbors that are alike."""
    noise = _noise_of(values, inside)
    if noise == 0:
        return np.array(values)
    guide = _within(values, weights, _GUIDE_SIGMA)
    padded = [np.pad(one, _REACH) for one in (np.nan_to_num(values), weights, guide)]
    total, share = np.zeros(values.shape), np.zeros(values.shape)
    height, width = values.shape
    for y, x in np.ndindex(2 * _REACH + 1, 2 * _REACH + 1):
        value, weight, alike = (one[y : y + height, x : x + width] for one in padded)
        distance = ((y - _REACH) ** 2 + (x - _REACH) ** 2) / _SIGMA**2
        weight = weight * np.exp(-0.5 * (distance + ((alike - guide) / (_ALIKE * noise)) ** 2))
        total += weight * value
        share += weight
    return np.asarray(total / np.maximum(share, 1e-12))


def _noise_of(values: Values, inside: NDArray[np.bool_]) -> float:
    """Return the standard deviation of the noise from the differences of neighbors."""
    differences = np.concatenate([
        np.diff(values, axis=axis)[
            np.take(inside, range(1, inside.shape[axis]), axis)
            & np.take(inside, range(inside.shape[axis] - 1), axis)
        ]
        for axis in (0, 1)
    ])  # fmt: skip
    if differences.size == 0:
        return 0.0
    return float(1.4826 * np.median(np.abs(differences)) / np.sqrt(2.0))
