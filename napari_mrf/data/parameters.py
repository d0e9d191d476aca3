"""The tissue parameters: names, units, display, physical range and validity rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True)
class ValidityRule:
    """Range of fat fractions in which a map carries information.

    T1 of water is barely measurable where there is little water, T1 of fat where there is
    little fat. The rule acts in statistics and display, never on the stored values.

    Parameters
    ----------
    below_fat_fraction, above_fat_fraction : float or None
        The map is valid where FF is strictly below, or strictly above, this fraction (0-1).
    """

    below_fat_fraction: float | None = None
    above_fat_fraction: float | None = None

    def mask(self, fat_fraction: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Return where the map is valid; NaN fat fractions are not.

        Parameters
        ----------
        fat_fraction : ndarray
            Fat fraction, 0-1, any shape.

        Returns
        -------
        ndarray of bool
            Same shape.
        """
        valid = np.isfinite(fat_fraction)
        if self.below_fat_fraction is not None:
            valid &= fat_fraction < self.below_fat_fraction
        if self.above_fat_fraction is not None:
            valid &= fat_fraction > self.above_fat_fraction
        return np.asarray(valid)

    def describe(self) -> str:
        """Return the rule in words, for tables and provenance."""
        parts = []
        if self.below_fat_fraction is not None:
            parts.append(f"FF < {self.below_fat_fraction:g}")
        if self.above_fat_fraction is not None:
            parts.append(f"FF > {self.above_fat_fraction:g}")
        return " and ".join(parts) or "everywhere"


@dataclass(frozen=True)
class Parameter:
    """One quantity that MRF maps.

    Parameters
    ----------
    key : str
        The name used in code, files and columns (``"T1H2O"``).
    label : str
        What a user reads (``"Water T1"``).
    unit : str
        ``"ms"``, ``"Hz"``, ``"a.u."`` or ``""`` for ratios.
    display_limits : tuple of float
        Fixed color limits, the same for every method so that pictures compare.
    colormap : str
        A colormap of ``cmcrameri`` or matplotlib. T1 and T2 use the relaxometry color maps
        Lipari and Navia (Fuderer et al., MRM 2025, doi 10.1002/mrm.30290).
    valid_range : tuple of float
        Physically possible values, ends included; simulation refuses others. No tissue has a
        relaxation time below, and every one has in seconds.
    validity : ValidityRule or None
        Where the map carries information; None means everywhere.
    never_zero : bool
        Whether no tissue has a value of exactly 0: zeros in a map are no values then.
    ratio : str
        What columns of files say where `unit` is empty: ``"1"``, or ``"relative"`` to what was
        planned.
    """

    key: str
    label: str
    unit: str
    display_limits: tuple[float, float]
    colormap: str
    valid_range: tuple[float, float]
    validity: ValidityRule | None = None
    never_zero: bool = False
    ratio: str = "1"

    @property
    def title(self) -> str:
        """Label with unit, as on a color bar."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def file_unit(self) -> str:
        """Unit as a column of a file has it, where an empty cell would say nothing."""
        return self.unit or self.ratio

    @property
    def is_signed(self) -> bool:
        """Whether zero lies inside the range: then shares of a value mean nothing."""
        return self.valid_range[0] < 0


PARAMETERS: dict[str, Parameter] = {
    parameter.key: parameter
    for parameter in (
        Parameter("FF", "Fat fraction", "", (0.0, 1.0), "viridis", (0.0, 1.0)),
        Parameter(
            "T1H2O",
            "Water T1",
            "ms",
            (500.0, 2000.0),
            "lipari",
            (5.0, 20000.0),
            ValidityRule(below_fat_fraction=0.7),
            never_zero=True,
        ),
        Parameter(
            "T1fat",
            "Fat T1",
            "ms",
            (200.0, 450.0),
            "lipari",
            (5.0, 20000.0),
            ValidityRule(above_fat_fraction=0.3),
            never_zero=True,
        ),
        Parameter("Df", "Off-resonance", "Hz", (-120.0, 120.0), "vik", (-5000.0, 5000.0)),
        Parameter(
            "B1",
            "Relative B1",
            "",
            (0.3, 1.2),
            "batlow",
            (0.0, 5.0),
            never_zero=True,
            ratio="relative",
        ),
        Parameter("PD", "Proton density", "a.u.", (0.0, 1.0), "gray", (0.0, float("inf"))),
        Parameter("T1", "T1", "ms", (0.0, 2500.0), "lipari", (5.0, 20000.0), never_zero=True),
        Parameter("T2", "T2", "ms", (0.0, 150.0), "navia", (0.1, 20000.0), never_zero=True),
    )
}
"""Every parameter by key."""


def validity_rules(
    thresholds: Mapping[str, float] | None = None,
) -> dict[str, ValidityRule]:
    """Return the validity rules with changed thresholds.

    Parameters
    ----------
    thresholds : mapping of str to float, optional
        Fat-fraction threshold by parameter key, replacing the default one, such as
        ``{"T1H2O": 0.6}``. Record what was used beside every statistic (``describe``).

    Returns
    -------
    dict of str to ValidityRule
        One entry for every parameter that has a rule.

    Raises
    ------
    KeyError
        For a parameter without a rule.
    ValueError
        For a threshold outside 0-1.
    """
    rules = {key: p.validity for key, p in PARAMETERS.items() if p.validity is not None}
    for key, threshold in (thresholds or {}).items():
        if key not in rules:
            raise KeyError(f"{key} has no validity rule; these have: {', '.join(rules)}")
        if not 0.0 <= threshold <= 1.0:
            raise ValueError(f"a fat-fraction threshold lies in 0-1, got {threshold:g} for {key}")
        below = rules[key].below_fat_fraction is not None
        rules[key] = (
            ValidityRule(below_fat_fraction=threshold)
            if below
            else ValidityRule(above_fat_fraction=threshold)
        )
    return rules


def rules_broken(
    values: Mapping[str, float], thresholds: Mapping[str, float] | None = None
) -> dict[str, str]:
    """Return which values of a voxel or region are not valid, with the rule of each.

    Parameters
    ----------
    values : mapping of str to float
        By parameter key; those that are not finite are passed over, and all without a fat fraction.
    thresholds : mapping of str to float, optional
        As in `validity_rules`.

    Returns
    -------
    dict of str to str
        Such as ``{"T1fat": "FF > 0.3"}``.
    """
    fat = np.array(values.get("FF", np.nan))
    if not np.isfinite(fat):
        return {}
    return {
        key: rule.describe()
        for key, rule in validity_rules(thresholds).items()
        if np.isfinite(values.get(key, np.nan)) and not rule.mask(fat)
    }
