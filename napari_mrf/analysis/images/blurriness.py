"""Blurriness of maps: the share of energy in the high spatial frequencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps

PERCENTILES = (55.0, 65.0, 75.0, 85.0, 95.0)
"""Thresholds between low and high frequencies, in percent of all frequencies."""


def high_frequency_energy(
    values: NDArray[np.floating],
    mask: NDArray[np.bool_],
    percentiles: Sequence[float] = PERCENTILES,
) -> NDArray[np.float64]:
    """Return the share of energy above a frequency, slice by slice; less is blurrier.

    The map is 0 outside the mask and where it has no value. Energy is the sum of the squared
    magnitudes of the two-dimensional Fourier transform, the mean (zero frequency) included.
    Frequencies are ordered by their distance from zero in cycles per voxel; the threshold is
    that distance which p percent of them do not exceed.

    Parameters
    ----------
    values : ndarray
        (Z, Y, X) map.
    mask : ndarray of bool
        (Z, Y, X). Compare methods on one mask: its rim has high frequencies, too.
    percentiles : sequence of float
        (P,) thresholds, 0-100.

    Returns
    -------
    ndarray
        (Z, P) float64, 0-1; NaN for slices that are empty or zero inside the mask.

    Raises
    ------
    MRFInputError
        ``"bad-shape"`` or ``"bad-option"``.

    References
    ----------
    Balsiger et al., Med Image Anal 2020, section 3.2, arXiv 1911.03786.
    """
    if values.ndim != 3 or values.shape != np.shape(mask):
        raise MRFInputError("bad-shape", "map and mask lie on different grids",
                            expected=f"shape {values.shape}", found=f"shape {np.shape(mask)}"
                            )  # fmt: skip
    if not all(0 <= percentile <= 100 for percentile in percentiles):
        raise MRFInputError("bad-option", "percentiles must be between 0 and 100",
                            found=", ".join(f"{p:g}" for p in percentiles))  # fmt: skip
    _, n_y, n_x = values.shape
    distance = np.hypot(np.fft.fftfreq(n_y)[:, None], np.fft.fftfreq(n_x)[None])
    thresholds = np.percentile(distance, percentiles, method="inverted_cdf")
    inside = np.asarray(mask, bool) & np.isfinite(values)
    shares = np.full((len(values), len(percentiles)), np.nan)
    for z in range(len(values)):
        energy = np.abs(np.fft.fft2(np.where(inside[z], values[z].astype(np.float64), 0.0))) ** 2
        total = energy.sum()
        if total > 0:
            shares[z] = [energy[distance > limit].sum() / total for limit in thresholds]
    return shares


def blurriness_table(
    methods: Mapping[str, ParameterMaps],
    mask: NDArray[np.bool_],
    percentiles: Sequence[float] = PERCENTILES,
) -> pd.DataFrame:
    """Return mean and spread over the slices for every method and map.

    All methods are judged where all of them have a value.

    Parameters
    ----------
    methods : mapping of str to ParameterMaps
        By name, on one grid.
    mask : ndarray of bool
        (Z, Y, X).
    percentiles : sequence of float
        As in `high_frequency_energy`.

    Returns
    -------
    pandas.DataFrame
        Columns ``map, method, percentile, mean, sd, n_slices, reason``; sd (n - 1) over
        slices, NaN for one slice.
    """
    import pandas as pd

    rows = []
    for key in (key for key in PARAMETERS if any(key in maps for maps in methods.values())):
        having = {name: maps[key] for name, maps in methods.items() if key in maps}
        shapes = {values.shape for values in having.values()} | {np.shape(mask)}
        if len(shapes) > 1:
            raise MRFInputError("bad-shape", "the maps lie on different grids",
                                found=", ".join(map(str, sorted(shapes))))  # fmt: skip
        common = np.logical_and.reduce([mask, *map(np.isfinite, having.values())])
        for name, values in having.items():
            shares = high_frequency_energy(values, common, percentiles)
            shares = shares[np.isfinite(shares).all(axis=1)]
            n = len(shares)
            rows += [
                {
                    "map": key,
                    "method": name,
                    "percentile": float(percentile),
                    "mean": column.mean() if n else np.nan,
                    "sd": column.std(ddof=1) if n > 1 else np.nan,
                    "n_slices": n,
                    "reason": "" if n else "no voxel has a value other than zero in all methods",
                }
                for percentile, column in zip(percentiles, shares.T, strict=True)
            ]
    columns = ["map", "method", "percentile", "mean", "sd", "n_slices", "reason"]
    return pd.DataFrame(rows, columns=columns)
