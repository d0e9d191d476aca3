"""From stored phase to radian: as it is declared or chosen, never against what the values show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.io.series.views import SeriesView

SIEMENS = "siemens"
_RADIANS = {
    "rad": 1.0, "radian": 1.0, "radians": 1.0, "mrad": 1e-3,
    "deg": math.pi / 180.0, "degree": math.pi / 180.0, "degrees": math.pi / 180.0,
    "turn": 2.0 * math.pi, "turns": 2.0 * math.pi, "pi": math.pi,
    SIEMENS: math.pi / 4096.0,
}  # fmt: skip
_UNITS = "rad, mrad, deg, turn, pi or siemens"
_ROUNDING = 1e-3
_LEAST_SPAN = 2.0
"""rad. The phase of a measured series fills a whole turn, where there is noise or an inversion."""


class PhaseScale(NamedTuple):
    """What turns a stored phase into radian: factor, then offset (rad)."""

    factor: float
    offset: float = 0.0


@dataclass(frozen=True)
class StoredValues:
    """The finite values of a real image.

    Parameters
    ----------
    smallest, largest : float
        Infinite, the other way round, where no value is finite.
    are_whole : bool
        Whether all are whole numbers.
    step : float
        Median difference of neighbors along the axis (time, rows or columns) where it is
        smallest, in the middle slice; infinite where there are no neighbors.
    """

    smallest: float
    largest: float
    are_whole: bool
    step: float

    @classmethod
    def of(cls, view: SeriesView) -> StoredValues:
        """Read an image, slice by slice."""
        smallest, largest, are_whole, step = np.inf, -np.inf, True, np.inf
        for z in range(view.shape[1]):
            block = view[:, z, :, :]
            finite = block[np.isfinite(block)]
            if finite.size:
                smallest, largest = min(smallest, finite.min()), max(largest, finite.max())
                are_whole = are_whole and bool(np.all(finite == np.round(finite)))
            if z == view.shape[1] // 2:
                step = _smallest_step(block)
        return cls(float(smallest), float(largest), are_whole, step)

    @property
    def look_like_siemens(self) -> bool:
        """Whether they are whole and fill 0…4095 or -4096…4094, as scanners of Siemens write."""
        return (
            self.are_whole
            and self.smallest >= -4096
            and self.largest <= 4096
            and self.largest - self.smallest > 2000
        )

    @property
    def look_like_milliradians(self) -> bool:
        """Whether they are whole and fill -3142…3142, as scanners of GE write."""
        return self.are_whole and 3100 < max(-self.smallest, self.largest) <= 3142

    def __str__(self) -> str:
        return f"values from {self.smallest:.6g} to {self.largest:.6g}"


def _smallest_step(block: NDArray[Any]) -> float:
    steps = [np.abs(np.diff(block, axis=axis)).ravel() for axis in range(block.ndim)]
    finite = [step[np.isfinite(step)] for step in steps]
    return min((float(np.median(step)) for step in finite if step.size), default=np.inf)


def phase_scale(
    declared: str | None, chosen: str | None, found: StoredValues, path: Path
) -> tuple[PhaseScale, str | None]:
    """Return what turns a stored phase into radian, and a warning where there is doubt.

    A phase without a declared unit is taken as radian only where the values leave no doubt:
    they lie within -pi…pi or 0…2 pi and fill that range to 0.1, as phase images with any
    background noise do. Everything else is refused, and so is a declared unit that the values
    contradict: more than one turn, unless neighbors show that the phase was unwrapped, or
    less than 2 rad in all.

    Parameters
    ----------
    declared : str or None
        ``Units`` of the sidecar.
    chosen : str or None
        What the user says: ``"rad"``, ``"deg"``, ``"turn"``, ``"pi"`` (half turns) or
        ``"siemens"``, whole numbers 0…4095 for -pi…pi, or -4096…4094 where the scaling of the
        scanner has been applied.
    found : StoredValues
        Of the phase image.
    path : Path
        The phase image.

    Returns
    -------
    tuple of PhaseScale and str or None

    Raises
    ------
    MRFInputError
        ``"phase-unit-unknown"`` or ``"phase-not-in-unit"``, with the range that was found;
        ``"phase-unit-conflict"``.
    """
    said = None if declared == "arbitrary" else declared
    for unit in (chosen, said):
        if unit is not None and unit.lower() not in _RADIANS:
            raise MRFInputError("phase-unit-unknown", f"the phase unit {unit!r} is not known",
                                path=path, expected=_UNITS, found=str(found))  # fmt: skip
    if chosen and said and _RADIANS[chosen.lower()] != _RADIANS[said.lower()]:
        raise MRFInputError("phase-unit-conflict", "the given phase unit differs from that of "
                            "the sidecar or the header", path=path, expected=said, found=chosen,
                            hint="Correct Units in the sidecar if it is wrong.")  # fmt: skip
    unit = (chosen or said or "").lower()
    if not unit:
        if declared is None and _is_certainly_radian(found):
            note = f"The phase {path.name} has no unit; its {found} show that it is in radians."
            return PhaseScale(1.0), note
        hint = 'Give phase_unit="rad" or "deg" (on the command line --phase-unit), or convert it.'
        if found.look_like_milliradians:
            hint = ('These look like milliradians. If they are, give phase_unit="mrad" (on the '
                    "command line --phase-unit mrad).")  # fmt: skip
        elif found.look_like_siemens:
            hint = _siemens_hint()
        raise MRFInputError("phase-unit-unknown", "the unit of the phase is not known", path=path,
                            expected="Units rad in the sidecar of the phase image",
                            found=str(found), hint=hint)  # fmt: skip
    if unit == SIEMENS:
        return _siemens_scale(found, path), None
    factor = _RADIANS[unit]
    outside = max(abs(found.smallest), abs(found.largest)) * factor > 2 * math.pi + _ROUNDING
    if outside and (found.are_whole or found.step * factor > math.pi):
        raise MRFInputError("phase-not-in-unit", f"the phase is not in {unit}", path=path,
                            expected=f"values within one turn in {unit}", found=str(found),
                            hint=_siemens_hint() if found.look_like_siemens else
                            "Scanner units must be converted to radian first.")  # fmt: skip
    span = (found.largest - found.smallest) * factor
    if span <= _LEAST_SPAN + _ROUNDING and (found.smallest, found.largest) != (0.0, 0.0):
        if chosen is None:
            raise MRFInputError("phase-not-in-unit", f"the phase is hardly in {unit}: it fills "
                                f"only {span:.2g} rad", path=path,
                                expected=f"a range of more than {_LEAST_SPAN:g} rad",
                                found=str(found),
                                hint="If it is in turns or half turns, write turn or pi as Units "
                                f"into the sidecar. If it is in {unit}, say so: "
                                f'phase_unit="{unit}" (on the command line --phase-unit {unit}).'
                                )  # fmt: skip
        note = (f"The phase {path.name} is taken in {unit} as was asked for, though it fills only "
                f"{span:.2g} rad: is it in turns or half turns (turn, pi)?")  # fmt: skip
        return PhaseScale(factor), note
    return PhaseScale(factor), None


def _siemens_scale(found: StoredValues, path: Path) -> PhaseScale:
    if not found.look_like_siemens:
        raise MRFInputError("phase-not-in-unit", "the phase is not in scanner units of Siemens",
                            path=path, expected="whole numbers that fill 0 to 4095 or -4096 to "
                            "4094", found=str(found))  # fmt: skip
    if found.smallest >= 0:
        return PhaseScale(2.0 * _RADIANS[SIEMENS], -math.pi)
    return PhaseScale(_RADIANS[SIEMENS])


def _siemens_hint() -> str:
    return (f'These look like scanner units of Siemens. Convert them with phase_unit="{SIEMENS}" '
            f"(on the command line --phase-unit {SIEMENS}), or write {SIEMENS} as Units into the "
            "sidecar.")  # fmt: skip


def _is_certainly_radian(found: StoredValues) -> bool:
    smallest, largest = found.smallest, found.largest
    symmetric = -math.pi - _ROUNDING <= smallest and largest <= math.pi + _ROUNDING
    positive = smallest >= 0.0 and largest <= 2 * math.pi + _ROUNDING
    if symmetric and smallest < -math.pi + 0.1 and largest > math.pi - 0.1:
        return True
    return positive and smallest < 0.1 and largest > 2 * math.pi - 0.1
