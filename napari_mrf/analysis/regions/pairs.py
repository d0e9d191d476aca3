"""The means of two reconstructions in the same regions, over the same voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.regions.statistics import roi_statistics
from napari_mrf.data.coverage import outside_coverage
from napari_mrf.data.maps import ParameterMaps
from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.analysis.regions.options import RoiOptions
    from napari_mrf.data.geometry import Placed


PAIR_COLUMNS: dict[str, str] = {
    "subject": "whom the region belongs to",
    "label": "number in the label map",
    "name": "name of the label",
    "scope": '"slice" or "pooled" over all slices',
    "slice": "index of the slice from 0; empty where pooled",
    "map": "parameter key",
    "unit": "unit of the map",
    "reference": "mean of the reference in the region",
    "test": "mean of the test in the region",
    "difference": "reference - test",
    "average": "mean of reference and test",
    "n_reference": "voxels behind the reference: those with a value on both sides",
    "n_test": "voxels behind the test, the same ones",
    "validity": "validity rule that was applied, to the reference's fat fraction",
    "erosion_voxels": "voxels taken off the rim in every slice",
    "sd_reference": "standard deviation of the reference's voxels (n - 1)",
    "sd_test": "standard deviation of the test's voxels (n - 1)",
    "valid_share": "n_reference / voxels of the region after erosion",
    "n_outside": "voxels of the region that one of the two maps does not cover",
    "n_drawn": "voxels of the region as drawn",
    "volume_ml": "volume as drawn; empty where the geometry is not known",
    "reason": "why numbers are missing",
    "mixed": "how the maps of the subject were made, as far as it differs from other subjects",
}
"""Columns of the table of region means and what they mean."""


def roi_pairs(
    reference: ParameterMaps,
    test: ParameterMaps,
    labels: NDArray[Any] | Placed,
    names: Mapping[int, str] | None = None,
    *,
    subject: str = "",
    options: RoiOptions | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> pd.DataFrame:
    """Return the means of two reconstructions in the same regions of one subject.

    Both means are over the same voxels: those of the mask that both cover, with a value on both
    sides, and where the fat fraction of the reference fulfills the validity rule. Tables of
    several subjects are put together with ``pandas.concat``.

    Parameters
    ----------
    reference, test : ParameterMaps
        On one grid.
    labels, names, options
        As in `roi_statistics`.
    subject : str
        Name of the subject, the cluster of the repeated-measures limits.
    mask : ndarray of bool, optional
        (Z, Y, X) voxels to compare; all by default. Regions are eroded as drawn.

    Returns
    -------
    pandas.DataFrame
        With the `PAIR_COLUMNS`; regions without a mean have NaN.
    """
    import pandas as pd

    fraction = reference.get("FF")
    shared = [key for key in PARAMETERS if key in reference and key in test]
    if not shared:
        return pd.DataFrame(columns=list(PAIR_COLUMNS))
    both = {key: np.isfinite(reference[key]) & np.isfinite(test[key]) for key in shared}
    sides = outside_coverage(reference), outside_coverage(test)
    outside = {key: sides[0][key] | sides[1][key] for key in shared}
    if mask is not None:
        both = {key: where & mask for key, where in both.items()}
    first, second = (
        roi_statistics(
            ParameterMaps(
                {key: np.where(both[key], maps[key], np.nan) for key in shared},
                affine=maps.affine,
            ),
            labels, names, options=options, fat_fraction=fraction, outside=outside,
        )
        for maps in (reference, test)
    )  # fmt: skip
    keys = ["label", "scope", "slice", "map"]
    pairs = first.merge(
        second[[*keys, "mean", "n", "sd", "reason"]], on=keys, suffixes=("_reference", "_test")
    )
    pairs = pairs.rename(columns={"mean_reference": "reference", "mean_test": "test"})
    pairs["subject"], pairs["mixed"] = subject, ""
    pairs["reason"] = [
        _both(*reasons)
        for reasons in zip(pairs["reason_reference"], pairs["reason_test"], strict=True)
    ]
    pairs["difference"] = pairs["reference"] - pairs["test"]
    pairs["average"] = (pairs["reference"] + pairs["test"]) / 2
    return pairs[list(PAIR_COLUMNS)]


def _both(reference: str, test: str) -> str:
    if reference == test:
        return reference
    sides = (("reference", reference), ("test", test))
    return "; ".join(f"{side}: {reason}" for side, reason in sides if reason)
