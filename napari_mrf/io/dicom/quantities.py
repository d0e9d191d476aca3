"""Title, unit and code of a map in DICOM, by the name of its file."""

from __future__ import annotations

from dataclasses import dataclass

from napari_mrf.data.parameters import PARAMETERS

_UNITS = {"ms": "Millisecond", "Hz": "Hertz", "a.u.": "ArbitraryUnit", "": "NoUnits"}
"""Names of UCUM units in pydicom."""
_CODES = {"FF": "FatFraction", "T1": "T1", "T1H2O": "T1", "T1fat": "T1", "T2": "T2",
          "PD": "ProtonDensity"}  # fmt: skip
"""Names of DICOM quantities in pydicom, where there is one."""
_TYPES = {"T1": "T1 MAP", "T1H2O": "T1 MAP", "T1fat": "T1 MAP", "T2": "T2 MAP",
          "PD": "DENSITY MAP"}  # fmt: skip
"""Image types of plain images, PS3.3 C.8.3.1.1.1."""
_OTHERS = {
    "quality": ("Correlation of the measurement with the model", "", (0.9, 1.0)),
    "flags": ("Flags, bits added up", "", (0.0, 1023.0)),
    "m0_real": ("Scale of the model, real part", "a.u.", None),
    "m0_imaginary": ("Scale of the model, imaginary part", "a.u.", None),
}
_FIRST_NUMBER = 9001
"""Of the series: far from those of scanners."""


@dataclass(frozen=True)
class Quantity:
    """What a map is.

    Parameters
    ----------
    label : str
        What a user reads, with the unit.
    unit : str
        Name of a UCUM unit in pydicom.
    unit_text : str
        As it is written.
    code : str
        Name of a DICOM quantity in pydicom; empty where there is none.
    image_type : str
        Third value of the image type of plain images.
    limits : tuple of float or None
        Range to show; that of the values without.
    number : int
        Of the series.
    """

    label: str
    unit: str
    unit_text: str
    code: str
    image_type: str
    limits: tuple[float, float] | None
    number: int

    def window(self, low: float, high: float) -> tuple[float, float]:
        """Return center and width of the range to show, of values in a range."""
        first, last = self.limits or (low, high)
        return (first + last) / 2, max(last - first, 1e-6)


def quantity_of(name: str) -> Quantity:
    """Return what a map is.

    Parameters
    ----------
    name : str
        A key of `PARAMETERS`, alone or with ``_std``, ``quality``, ``flags``, ``m0_real`` or
        ``m0_imaginary``.
    """
    order = [*PARAMETERS, *(f"{key}_std" for key in PARAMETERS), *_OTHERS]
    number = _FIRST_NUMBER + order.index(name)
    key = name.removesuffix("_std")
    if key not in PARAMETERS:
        label, unit, limits = _OTHERS[name]
        return Quantity(label, _UNITS[unit], unit or "1", "", "OTHER", limits, number)
    parameter = PARAMETERS[key]
    unit = _UNITS[parameter.unit]
    if key == name:
        return Quantity(parameter.title, unit, parameter.file_unit, _CODES.get(key, ""),
                        _TYPES.get(key, "OTHER"), parameter.display_limits, number)  # fmt: skip
    title = f"{parameter.label}, standard deviation"
    return Quantity(f"{title} ({parameter.unit})" if parameter.unit else title, unit,
                    parameter.file_unit, "StandardDeviation", "OTHER", None, number)  # fmt: skip
