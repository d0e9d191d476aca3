"""Errors of maps against a reference, voxel by voxel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.coverage import covered
from napari_mrf.data.geometry import check_same_grid, values_on
from napari_mrf.data.parameters import PARAMETERS, validity_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.geometry import Placed
    from napari_mrf.data.maps import ParameterMaps


@dataclass(frozen=True)
class MapError:
    """Error of one map against its reference.

    Parameters
    ----------
    key, unit : str
        The parameter.
    region : str
        Where: the validity rule in words.
    n : int
        Voxels compared.
    n_missing : int
        Voxels of the region where the test map has no value.
    mean_absolute_error, bias, root_mean_square_error : float
        Of test minus reference, in `unit`; NaN for n = 0.
    r_squared : float
        Coefficient of determination, 1 - SS(test - reference) / SS(reference - mean).
    """

    key: str
    unit: str
    region: str
    n: int
    n_missing: int
    mean_absolute_error: float
    bias: float
    root_mean_square_error: float
    r_squared: float


def map_errors(
    test: ParameterMaps,
    reference: ParameterMaps,
    mask: NDArray[np.bool_] | Placed,
    *,
    thresholds: Mapping[str, float] | None = None,
) -> list[MapError]:
    """Compare the maps that two reconstructions share.

    The validity rules are applied to the **reference** fat fraction, so that every method is
    judged on the same voxels.

    Parameters
    ----------
    test, reference : ParameterMaps
        On one grid.
    mask : ndarray of bool or Placed
        (Z, Y, X) voxels to compare; with its geometry (a `LabelMap`), its place is checked as
        well.
    thresholds : mapping of str to float, optional
        Fat-fraction thresholds by key, see `validity_rules`.

    Returns
    -------
    list of MapError
        One entry a shared map, in float64.

    Raises
    ------
    MRFInputError
        ``"other-grid"`` for maps, or a mask, on another grid.
    """
    check_same_grid(test, reference, "the maps lie on different grids")
    inside = values_on(mask, reference, "the mask lies on another grid than the maps")
    inside = inside.astype(bool)
    test, reference = covered(test), covered(reference)
    rules = validity_rules(thresholds)
    rows = []
    for key in (key for key in PARAMETERS if key in test and key in reference):
        region = inside & np.isfinite(reference[key])
        if key in rules and "FF" in reference:
            region = region & rules[key].mask(reference["FF"])
        name = rules[key].describe() if key in rules else "everywhere"
        rows.append(_compare(key, name, test[key][region], reference[key][region]))
    return rows


def _compare(
    key: str, region: str, test: NDArray[np.float32], reference: NDArray[np.float32]
) -> MapError:
    present = np.isfinite(test)
    found, truth = test[present].astype(np.float64), reference[present].astype(np.float64)
    difference = found - truth
    if not len(difference):
        nan = float("nan")
        return MapError(key, PARAMETERS[key].file_unit, region, 0, len(test), nan, nan, nan, nan)
    squares, spread = float(np.sum(difference**2)), float(np.sum((truth - truth.mean()) ** 2))
    return MapError(
        key=key,
        unit=PARAMETERS[key].file_unit,
        region=region,
        n=len(found),
        n_missing=int(np.sum(~present)),
        mean_absolute_error=float(np.mean(np.abs(difference))),
        bias=float(np.mean(difference)),
        root_mean_square_error=float(np.sqrt(squares / len(found))),
        r_squared=1.0 - squares / spread if spread > 0 else float("nan"),
    )


def as_table(rows: list[MapError]) -> str:
    """Return the errors as a plain-text table with units."""
    header = ("map", "voxels", "MAE", "bias", "RMSE", "R²", "unit", "where")
    lines = [header] + [
        (
            row.key,
            f"{row.n:,}",
            *(
                f"{value:.4f}" if abs(value) < 1 else f"{value:.1f}"
                for value in (row.mean_absolute_error, row.bias, row.root_mean_square_error)
            ),
            f"{row.r_squared:.3f}",
            row.unit,
            row.region,
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    numeric = range(1, 6)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in numeric else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
