"""Options of a comparison of two reconstructions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_mrf.analysis.agreement.errors_in_both import check_error_ratio
from napari_mrf.analysis.agreement.relative import ABSOLUTE, LIMITS
from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SCOPES = ("pooled", "slice")
DESIGNS = ("methods", "test-retest")


@dataclass(frozen=True)
class ComparisonOptions:
    """Options of a comparison.

    Parameters
    ----------
    rois : RoiOptions
        Validity rules, their thresholds and erosion.
    scope : {"pooled", "slice"}
        Whether a region counts once in the agreement, or once in every slice.
    seed : int
        Of the subject bootstrap.
    independent : bool
        Show statistics that assume independent regions besides those by subjects.
    margins : mapping of str to float
        Largest acceptable bias by parameter, in its unit, chosen before the data were seen.
    design : {"methods", "test-retest"}
        Two methods on the same data, or two scans with one method.
    allow_mixed : bool
        Take subjects together whose maps of one side were made in different ways.
    limits : {"absolute", "percent", "ratio"}
        Limits of agreement besides those of the differences: in percent of the mean, or of ratios.
    error_ratio : float
        Of the Deming line: variance of the test's errors / that of the reference's.
    """

    rois: RoiOptions = field(default_factory=RoiOptions)
    scope: str = "pooled"
    seed: int = 0
    independent: bool = False
    margins: Mapping[str, float] = field(default_factory=dict)
    design: str = "methods"
    allow_mixed: bool = False
    limits: str = ABSOLUTE
    error_ratio: float = 1.0

    def __post_init__(self) -> None:
        if self.design not in DESIGNS:
            raise MRFInputError("bad-option", "there is no such design",
                                expected=" or ".join(DESIGNS), found=repr(self.design))  # fmt: skip
        if self.limits not in LIMITS:
            raise MRFInputError("bad-option", "there are no such limits",
                                expected=" or ".join(LIMITS), found=repr(self.limits))  # fmt: skip
        check_error_ratio(self.error_ratio)
        for key, margin in self.margins.items():
            if key not in PARAMETERS or not 0 < margin < math.inf:
                raise MRFInputError("bad-option", "a margin is a number above 0 for a parameter",
                                    expected=f"one of {', '.join(PARAMETERS)}, above 0",
                                    found=f"{key}={margin:g}")  # fmt: skip
        if self.scope not in SCOPES:
            raise MRFInputError("bad-option", "this scope does not exist",
                                expected=" or ".join(SCOPES), found=repr(self.scope))  # fmt: skip

    def of_map(self, key: str) -> dict[str, Any]:
        """Return the options of `agreement` for one map."""
        return {
            "seed": self.seed,
            "independent": self.independent,
            "margin": self.margins.get(key),
            "is_retest": self.design == "test-retest",
            "limits": self.limits,
        }

    def as_record(self) -> dict[str, Any]:
        """Return the options in JSON-ready form, with the rules in words."""
        return {
            "scope": self.scope,
            **self.rois.as_record(),
            "bootstrap_seed": self.seed,
            "assume_independent": self.independent,
            "margins": dict(self.margins),
            "design": self.design,
            "allow_mixed": self.allow_mixed,
            "limits": self.limits,
            "error_ratio": self.error_ratio,
        }


def margins_of(words: Iterable[str], *, what: str = "margin") -> dict[str, float]:
    """Return margins that are written as ``MAP=NUMBER``, or ``FF=2%``.

    Parameters
    ----------
    words : iterable of str
        One a map, in the unit of the map; percent for maps without a unit.
    what : str
        How the messages call a number.

    Raises
    ------
    MRFInputError
        ``"bad-option"`` for other words, and for a map that is named twice.
    """
    found: dict[str, float] = {}
    for word in words:
        key, _, number = word.partition("=")
        is_percent = number.endswith("%") and key in PARAMETERS and not PARAMETERS[key].unit
        try:
            value = float(number.removesuffix("%")) / 100 if is_percent else float(number)
        except ValueError:
            raise MRFInputError("bad-option", f"a {what}, {word!r}, is not MAP=NUMBER",
                                hint="Write T1H2O=30 or FF=2%.") from None  # fmt: skip
        if key in found:
            raise MRFInputError("bad-option", f"{key} has two {what}s", found=word)
        found[key] = value
    return found
