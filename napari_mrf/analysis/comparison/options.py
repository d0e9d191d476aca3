"""What is compared of two reconstructions, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.data.parameters import validity_rules
from napari_mrf.errors import MRFInputError

SCOPES = ("pooled", "slice")


@dataclass(frozen=True)
class ComparisonOptions:
    """What is compared, and how.

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
    """

    rois: RoiOptions = field(default_factory=RoiOptions)
    scope: str = "pooled"
    seed: int = 0
    independent: bool = False

    def __post_init__(self) -> None:
        if self.scope not in SCOPES:
            raise MRFInputError("bad-option", "there is no such scope",
                                expected=" or ".join(SCOPES), found=repr(self.scope))  # fmt: skip

    def as_record(self) -> dict[str, Any]:
        """Return the options in JSON-ready form, with the rules in words."""
        rules = validity_rules(self.rois.thresholds) if self.rois.apply_validity else {}
        return {
            "scope": self.scope,
            "erosion_voxels": self.rois.erosion_voxels,
            "validity": {key: rule.describe() for key, rule in rules.items()},
            "bootstrap_seed": self.seed,
            "assume_independent": self.independent,
        }
