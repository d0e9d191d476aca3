"""Numbers of maps as figures and tables of a comparison print them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from napari_mrf.data.parameters import PARAMETERS


@dataclass(frozen=True)
class Printed:
    """How the values of a parameter are printed; files keep the unit of the map.

    Parameters
    ----------
    label, unit : str
        What a reader meets: a fat fraction in percent.
    factor : float
        Printed number / value.
    specification : str
        Of the printed number, as in `format`.
    """

    label: str
    unit: str
    factor: float
    specification: str

    @property
    def title(self) -> str:
        """Label with unit, as in a header."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def text(self, value: float, *, with_unit: bool = False) -> str:
        """Return a value of the map as it is printed."""
        number = formatted(self.factor * value, self.specification)
        return f"{number} {self.unit}".rstrip() if with_unit else number


def printed(key: str) -> Printed:
    """Return how the values of a parameter are printed."""
    parameter = PARAMETERS[key]
    if key == "FF":
        return Printed(parameter.label, "%", 100.0, ".2f")
    # Arbitrary units have no size of their own: of 0.00001 three decimals would show nothing.
    by_unit = {"ms": ".1f", "Hz": ".1f", "a.u.": ".4g"}
    return Printed(parameter.label, parameter.unit, 1.0, by_unit.get(parameter.unit, ".3f"))


def formatted(value: float, specification: str) -> str:
    """Return a number with a true minus sign; what rounds to 0 keeps its sign and first digit.

    Parameters
    ----------
    value : float
        Finite.
    specification : str
        As in `format`.
    """
    text = format(value, specification)
    if not text.strip("-0.,"):
        text = f"{Decimal(f'{value:.1g}'):f}" if value else text.removeprefix("-")
    return text.replace("-", "−")


def significant(value: float, digits: int) -> str:
    """Return a number of so many digits, without an exponent from 0.0001 to 999,999."""
    return f"{float(f'{value:.{digits}g}'):g}"


_VOXEL_DIGITS = {"FF": 3, "B1": 3, "Df": 1, "T2": 1, "PD": 4}
_NO_VALUE = "–"


def value_text(key: str, value: float) -> str:
    """Return the value of one voxel with its usual digits, or a dash if there is none."""
    return rounded(value, _VOXEL_DIGITS.get(key, 0), significant=key == "PD")


def deviation_text(key: str, deviation: float) -> str:
    """Return a standard deviation with the digits of its value."""
    # Of a value without a scale of its own two digits say enough.
    return f"{deviation:.2g}".replace("-", "−") if key == "PD" else value_text(key, deviation)


def rounded(value: float, digits: int, *, significant: bool = False) -> str:
    """Return a number with so many decimals, or significant digits; a dash if there is none."""
    if not np.isfinite(value):
        return _NO_VALUE
    words = f"{value:.{digits}g}" if significant else f"{value:.{digits}f}"
    return words.replace("-", "−")
