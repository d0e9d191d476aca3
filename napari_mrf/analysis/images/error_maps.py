"""Maps of the error of one reconstruction against another, voxel by voxel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.coverage import covered
from napari_mrf.data.geometry import check_same_grid, values_on
from napari_mrf.data.parameters import PARAMETERS, validity_rules
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.geometry import Placed
    from napari_mrf.data.maps import ParameterMaps

NO_RELATIVE_ERROR = "the values pass through zero, so a share of them means nothing"
_SHARE_OF_DISPLAY = 0.15
_RELATIVE_LIMIT_PERCENT = 25.0


@dataclass(frozen=True)
class ErrorKind:
    """One way to look at an error.

    Parameters
    ----------
    name : str
        ``"difference"``, ``"relative"`` or ``"absolute"``.
    definition : str
        As a formula in words.
    is_signed : bool
        Signed errors are shown with a diverging color map and limits that are symmetric
        around zero, others from zero.
    """

    name: str
    definition: str
    is_signed: bool


ERROR_KINDS: dict[str, ErrorKind] = {
    kind.name: kind
    for kind in (
        ErrorKind("difference", "reference - test", True),
        ErrorKind("relative", "100 (reference - test) / |reference|, in %", True),
        ErrorKind("absolute", "|reference - test|", False),
    )
}
"""The kinds by name. The sign is that of the Bland-Altman plot."""


def error_unit(key: str, kind: str) -> str:
    """Return the unit of an error map: ``"%"`` for relative errors, else that of the map."""
    return "%" if kind == "relative" else PARAMETERS[key].unit


def error_limits(key: str, kind: str) -> tuple[float, float]:
    """Return the fixed display limits of an error map.

    They do not depend on the data, so that the errors of different methods compare: 15 % of
    the display range of the parameter, or 25 % for relative errors; symmetric around zero for
    signed errors.
    """
    low, high = PARAMETERS[key].display_limits
    limit = _RELATIVE_LIMIT_PERCENT if kind == "relative" else _SHARE_OF_DISPLAY * (high - low)
    return (-limit if ERROR_KINDS[kind].is_signed else 0.0), limit


def error_map(
    reference: ParameterMaps,
    test: ParameterMaps,
    key: str,
    kind: str = "difference",
    *,
    region: NDArray[np.bool_] | Placed | None = None,
    apply_validity: bool = True,
    thresholds: Mapping[str, float] | None = None,
) -> NDArray[np.float32]:
    """Return the error of one map.

    Parameters
    ----------
    reference, test : ParameterMaps
        On one grid.
    key : str
        A parameter that both have.
    kind : str
        A key of `ERROR_KINDS`.
    region : ndarray of bool or Placed, optional
        (Z, Y, X) voxels to look at, all by default; with its geometry (a `LabelMap`), its place
        is checked as well.
    apply_validity : bool
        Leave voxels out by the validity rules, applied to the **reference** fat fraction.
    thresholds : mapping of str to float, optional
        Fat-fraction thresholds by key, see `validity_rules`.

    Returns
    -------
    ndarray
        (Z, Y, X) float32, in `error_unit`. NaN where one of the two has no value or does not
        cover the voxel, outside the region, where the map is not valid, and, for relative
        errors, where the reference is 0.

    Raises
    ------
    MRFInputError
        ``"other-grid"``, or ``"bad-option"`` for an unknown kind or map, or the relative error of a
        map whose values pass through zero (off-resonance).
    """
    if kind not in ERROR_KINDS:
        raise MRFInputError("bad-option", "this kind of error map does not exist",
                            expected=", ".join(ERROR_KINDS), found=repr(kind))  # fmt: skip
    if kind == "relative" and PARAMETERS[key].is_signed:
        raise MRFInputError("bad-option", f"{PARAMETERS[key].label} has no relative error: "
                            f"{NO_RELATIVE_ERROR}", hint="Choose the difference.")  # fmt: skip
    if key not in reference or key not in test:
        shared = [name for name in reference if name in test]
        raise MRFInputError("bad-option", f"{key} is not a map of both reconstructions",
                            expected=", ".join(shared) or "a map of both")  # fmt: skip
    check_same_grid(test, reference, "the test lies on another grid than the reference")
    reference, test = covered(reference), covered(test)
    truth, found = reference[key].astype(np.float64), test[key].astype(np.float64)
    shown = np.isfinite(truth) & np.isfinite(found)
    if region is not None:
        inside = values_on(region, reference, "the region lies on another grid than the maps")
        shown &= inside.astype(bool)
    rules = validity_rules(thresholds) if apply_validity else {}
    if key in rules and "FF" in reference:
        shown &= rules[key].mask(reference["FF"])
    if kind == "relative":
        shown &= truth != 0
    error = np.full(truth.shape, np.nan)
    error[shown] = truth[shown] - found[shown]
    if kind == "relative":
        error[shown] *= 100.0 / np.abs(truth[shown])
    elif kind == "absolute":
        error = np.abs(error)
    return error.astype(np.float32)
