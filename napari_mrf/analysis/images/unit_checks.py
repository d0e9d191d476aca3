"""Confused units: seconds for milliseconds, percent for fractions, rad/s for Hz.

Checks look at medians, which a few extreme voxels do not move, and never at single values.
A conflict is an error; nothing is ever rescaled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.coverage import covered
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps

_PLAUSIBLE: dict[str, tuple[float, float, str, str]] = {
    "FF": (-0.5, 1.5, "", "percent"),
    "B1": (0.0, 5.0, "", "percent"),
    "T1H2O": (20.0, 20_000.0, "seconds", "microseconds"),
    "T1fat": (20.0, 20_000.0, "seconds", "microseconds"),
    "T1": (20.0, 20_000.0, "seconds", "microseconds"),
    "T2": (1.0, 20_000.0, "seconds", "microseconds"),
    "Df": (0.0, 600.0, "", "rad/s"),
}
"""Medians of a map in its own unit (of magnitudes for Df), and what lies below and above."""

_CONFUSIONS: dict[str, tuple[tuple[float, str], ...]] = {
    "FF": ((100.0, "percent and fraction"),),
    "B1": ((100.0, "percent and fraction"),),
    "T1H2O": ((1000.0, "s and ms"),),
    "T1fat": ((1000.0, "s and ms"),),
    "T1": ((1000.0, "s and ms"),),
    "T2": ((1000.0, "s and ms"),),
    "Df": ((2 * np.pi, "rad/s and Hz"),),
}
"""Factor between the two units of each confusion."""

_LOOSE, _TIGHT = 2.0, 1.05
_LARGEST_FRACTION = 1.001
"""Fat fractions up to here may be rounded; from here on, noise or percent."""

_SMALLEST_OFFSET = 5.0
_FEWEST_VOXELS = 10


def check_units(
    maps: ParameterMaps, mask: NDArray[np.bool_] | None = None, *, what: str = "the maps"
) -> list[str]:
    """Refuse maps whose medians show another unit, and tell of fat fractions above 1.

    Parameters
    ----------
    maps : ParameterMaps
        T1 and T2 in ms, Df in Hz, FF and B1 as fractions. Zeros that are no values do not count
        (`data.coverage`).
    mask : ndarray of bool, optional
        (Z, Y, X) voxels to look at; all by default.
    what : str
        How the messages call the maps.

    Returns
    -------
    list of str
        A sentence where FF exceeds 1 though its median passes: fat fractions of lean muscle in
        percent, or noise. Percent that nowhere exceed 1 cannot be told from fractions.

    Raises
    ------
    MRFInputError
        ``"unit-conflict"``. T1 with a median below 20 ms is taken for seconds, T2 below 1 ms,
        FF above 1.5 and B1 above 5 for percent, Df with a median magnitude above 600 Hz for
        rad/s.
    """
    maps, notes = covered(maps), []
    for key, (low, high, below, above) in _PLAUSIBLE.items():
        if key not in maps:
            continue
        values = _finite(maps[key], mask)
        if not len(values):
            continue
        median = float(np.median(np.abs(values) if key == "Df" else values))
        if low <= median <= high:
            n = int((values > _LARGEST_FRACTION).sum()) if key == "FF" else 0
            if n:
                notes.append(f"FF of {what} exceeds 1 in {n:,} of {len(values):,} voxels, up to "
                             f"{values.max():.3g}. If it is in percent, divide it by 100 first: "
                             "nothing was rescaled. Noise exceeds 1 in pure fat only.")  # fmt: skip
            continue
        guess = below if median < low else above
        unit = PARAMETERS[key].unit or "fractions"
        raise MRFInputError(
            "unit-conflict",
            f"{key} of {what} has a median that does not fit its unit",
            expected=f"{low:g} to {high:g} ({unit})",
            found=f"{median:.4g}",
            hint=f"Is it in {guess}? Convert it to {unit} first."
            if guess
            else "Check the values of the map.",
        )
    return notes


def check_same_units(
    reference: ParameterMaps, test: ParameterMaps, mask: NDArray[np.bool_] | None = None
) -> None:
    """Refuse two sets of maps that differ by the factor between two units.

    The median of test / reference over the voxels is compared with the factor: within a factor
    2 of 1000 or 100 for relaxation times and fractions. For Df (reference above 5 Hz) the
    factor 2π is small, so that the median has to lie within 5 % of it and half of all ratios
    within 20 %.

    Parameters
    ----------
    reference, test : ParameterMaps
        On one grid.
    mask : ndarray of bool, optional
        (Z, Y, X) voxels to look at.

    Raises
    ------
    MRFInputError
        ``"unit-conflict"``.
    """
    for key, confusions in _CONFUSIONS.items():
        if key not in reference or key not in test:
            continue
        ratios = _ratios(key, reference[key], test[key], mask)
        if len(ratios) < _FEWEST_VOXELS:
            continue
        median = float(np.median(ratios))
        quarter, three_quarters = np.percentile(ratios, (25, 75))
        tight = key == "Df"
        if median <= 0 or (tight and three_quarters - quarter > 0.2 * median):
            continue
        for factor, units in confusions:
            away = abs(abs(np.log(median)) - np.log(factor))
            if away < np.log(_TIGHT if tight else _LOOSE):
                larger = "test" if median > 1 else "reference"
                raise MRFInputError(
                    "unit-conflict",
                    f"{key} of the two reconstructions differs as {units} do: that of the "
                    f"{larger} is larger",
                    expected="test / reference about 1",
                    found=f"a median of {median:.4g}",
                    hint="Convert one of them to the unit of the other. Nothing was rescaled.",
                )


def _ratios(
    key: str,
    reference: NDArray[np.floating],
    test: NDArray[np.floating],
    mask: NDArray[np.bool_] | None,
) -> NDArray[np.float64]:
    least = _SMALLEST_OFFSET if key == "Df" else 0.0
    if key == "Df":
        # Either may be the one in Hz.
        used = np.minimum(np.abs(reference), np.abs(test)) > least
    else:
        used = (reference > 0) & (test > 0)
    used &= np.isfinite(reference) & np.isfinite(test)
    if mask is not None:
        used &= mask
    return np.asarray(test[used].astype(np.float64) / reference[used].astype(np.float64))


def _finite(values: NDArray[np.floating], mask: NDArray[np.bool_] | None) -> NDArray[np.floating]:
    return np.asarray(values[np.isfinite(values) if mask is None else mask & np.isfinite(values)])
