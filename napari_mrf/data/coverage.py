"""Zeros that stand where nothing was fitted, and zeros that are values.

Other software writes 0 where it fits nothing. No tissue has a relaxation time or a B1 of exactly 0;
a fat fraction or an off-resonance of 0 may well be measured, and other maps of the voxel tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.maps import ParameterMaps
from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    from numpy.typing import NDArray


def outside_coverage(maps: ParameterMaps) -> dict[str, NDArray[np.bool_]]:
    """Return where each map holds a 0 that is no value, or belongs to a voxel not fitted.

    A voxel is not fitted where a map that cannot be 0 (T1, T2, T1H2O, T1fat, B1) is 0, or where
    no map has a value other than 0. A T1 of water or fat that is 0 where its validity rule does not
    hold tells nothing of the other maps: some software leaves out T1 of water in fat. A single
    map that may be 0 has no zeros that are known to be outside.

    Parameters
    ----------
    maps : ParameterMaps
        All that there are of the same voxels.

    Returns
    -------
    dict of str to ndarray of bool
        (Z, Y, X) by map.
    """
    zero = {key: values == 0 for key, values in maps.items()}
    own = {key: where for key, where in zero.items() if PARAMETERS[key].never_zero}
    not_fitted = np.zeros(maps.spatial_shape, bool)
    if own or len(zero) > 1:
        empty = [zero[key] | ~np.isfinite(values) for key, values in maps.items()]
        not_fitted |= np.logical_and.reduce(empty) & np.logical_or.reduce(list(zero.values()))
    for key, where in own.items():
        rule = PARAMETERS[key].validity
        not_fitted |= where if rule is None or "FF" not in maps else where & rule.mask(maps["FF"])
    return {key: not_fitted | own[key] if key in own else not_fitted for key in maps}


def covered(maps: ParameterMaps) -> ParameterMaps:
    """Return the maps, without their companions, with NaN where `outside_coverage` says so."""
    outside = outside_coverage(maps)
    return ParameterMaps(
        {key: np.where(outside[key], np.nan, values) for key, values in maps.items()},
        affine=maps.affine,
        provenance=maps.provenance,
    )


def coverage_notes(
    maps: ParameterMaps,
    what: str,
    where: NDArray[np.bool_] | None = None,
    *,
    is_masked: bool = False,
) -> list[str]:
    """Return what a user should read: how many voxels do not count, and why.

    Parameters
    ----------
    maps : ParameterMaps
        All that there are of the same voxels.
    what : str
        How the sentences call the maps: ``"the reference"``.
    where : ndarray of bool, optional
        (Z, Y, X) voxels to count; all by default.
    is_masked : bool
        Whether a mask says which voxels of the maps were fitted.
    """
    outside = outside_coverage(maps)
    counted = np.ones(maps.spatial_shape, bool) if where is None else where
    everywhere = np.logical_and.reduce([*outside.values(), counted])
    notes = []
    if n := int(everywhere.sum()):
        never = [key for key in maps if PARAMETERS[key].never_zero]
        zeros = [key for key in never if not maps[key][everywhere].all()]
        cause = f"{' or '.join(zeros)} is exactly 0 there" if zeros else "all maps are 0 there"
        notes.append(f"{_voxels(n)} of {what} left out: {cause}, as some software writes where it "
                     "fits nothing.")  # fmt: skip
    for key, voxels in outside.items():
        if n := int((voxels & counted & ~everywhere).sum()):
            notes.append(f"{_voxels(n)} of {what} left out of {key}, which is exactly 0 there.")
    (lone,) = maps if len(maps) == 1 else ("",)
    if lone and not is_masked and (n := int((counted & (maps[lone] == 0) & ~everywhere).sum())):
        notes.append(f"{_voxels(n)} of {what} have a {lone} of exactly 0 and are counted: where "
                     f"{lone} stands alone, zeros outside the fitted tissue cannot be told from "
                     "measured ones. A second map, or a mask, tells.")  # fmt: skip
    return notes


def _voxels(n: int) -> str:
    return f"{n:,} voxel{'' if n == 1 else 's'}"
