"""Options of a comparison of two reconstructions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    """

    rois: RoiOptions = field(default_factory=RoiOptions)
    scope: str = "pooled"
    seed: int = 0
    independent: bool = False
    margins: Mapping[str, float] = field(default_factory=dict)
    design: str = "methods"
    allow_mixed: bool = False

    def __post_init__(self) -> None:
        if self.design not in DESIGNS:
            raise MRFInputError("bad-option", "there is no such design",
                                expected=" or ".join(DESIGNS), found=repr(self.design))  # fmt: skip
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
        }
