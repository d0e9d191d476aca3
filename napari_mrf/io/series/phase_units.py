"""The unit of a phase image: declared, or refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from pathlib import Path

_RADIANS = {
    "rad": 1.0, "radian": 1.0, "radians": 1.0,
    "deg": math.pi / 180.0, "degree": math.pi / 180.0, "degrees": math.pi / 180.0,
}  # fmt: skip
_ROUNDING = 1e-3


def radians_per_unit(
    declared: str | None, chosen: str | None, smallest: float, largest: float, path: Path
) -> tuple[float, str | None]:
    """Return the factor from stored phase to radian, and a warning where it was inferred.

    A phase without a declared unit is taken as radian only where the values leave no doubt:
    they lie within -pi…pi or 0…2 pi and fill that range to 0.1, as phase images with any
    background noise do. Everything else is refused.

    Parameters
    ----------
    declared : str or None
        ``Units`` of the sidecar.
    chosen : str or None
        What the user says: ``"rad"`` or ``"deg"``.
    smallest, largest : float
        Range of the finite stored values.
    path : Path
        The phase image.

    Returns
    -------
    tuple of float and str or None

    Raises
    ------
    MRFInputError
        ``"phase-unit-unknown"`` or ``"phase-not-in-unit"``, with the range that was found;
        ``"phase-unit-conflict"``.
    """
    found = f"values from {smallest:.6g} to {largest:.6g}"
    for unit in (chosen, None if declared == "arbitrary" else declared):
        if unit is not None and unit.lower() not in _RADIANS:
            raise MRFInputError("phase-unit-unknown", f"the phase unit {unit!r} is not known",
                                path=path, expected="rad or deg", found=found)  # fmt: skip
    said = None if declared == "arbitrary" else declared
    if chosen and said and _RADIANS[chosen.lower()] != _RADIANS[said.lower()]:
        raise MRFInputError("phase-unit-conflict", "the phase unit given differs from that of "
                            "the sidecar", path=path, expected=said, found=chosen)  # fmt: skip
    unit = chosen or said
    if unit is None:
        if declared is None and _is_certainly_radian(smallest, largest):
            return 1.0, f"The phase {path.name} has no unit; its {found} are radian."
        raise MRFInputError("phase-unit-unknown", "the unit of the phase is not known", path=path,
                            expected="Units rad in the sidecar of the phase image", found=found,
                            hint='Say which with phase_unit="rad" or "deg", or convert it to '
                                 "radian first.")  # fmt: skip
    factor = _RADIANS[unit.lower()]
    if max(abs(smallest), abs(largest)) * factor > 2 * math.pi + _ROUNDING:
        raise MRFInputError("phase-not-in-unit", f"the phase is not in {unit}", path=path,
                            expected=f"values within one turn in {unit}", found=found,
                            hint="Scanner units must be converted to radian first.")  # fmt: skip
    return factor, None


def _is_certainly_radian(smallest: float, largest: float) -> bool:
    symmetric = -math.pi - _ROUNDING <= smallest and largest <= math.pi + _ROUNDING
    positive = smallest >= 0.0 and largest <= 2 * math.pi + _ROUNDING
    if symmetric and smallest < -math.pi + 0.1 and largest > math.pi - 0.1:
        return True
    return positive and smallest < 0.1 and largest > 2 * math.pi - 0.1
