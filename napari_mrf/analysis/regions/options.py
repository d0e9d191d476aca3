"""Options of region statistics: which regions, validity rules, erosion, how much is enough."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_mrf.data.parameters import validity_rules
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class RoiOptions:
    """Options of region statistics.

    Parameters
    ----------
    apply_validity : bool
        Leave voxels out by the validity rules (T1H2O only where FF < 0.7, ...).
    thresholds : mapping of str to float
        Fat-fraction thresholds other than the defaults, see `validity_rules`.
    erosion_voxels : int
        How many voxels to take off the rim of every region, slice by slice. A voxel stays
        where all voxels up to this many steps along rows and columns belong to the region;
        the border of the image counts as rim.
    regions : tuple of str
        Names or numbers of the regions to look at; all when empty.
    min_voxels : int
        Fewest voxels with a valid value that a region must have in a map; 2 or more.
    min_valid_share : float
        Least share of the voxels of a region, after erosion, that must have a valid value in a
        map, 0-1. A region below either has no numbers of that map, and a reason. The few
        voxels of bone or fat in which water T1 is valid hold the partial volume of their border.
    """

    apply_validity: bool = True
    thresholds: Mapping[str, float] = field(default_factory=dict)
    erosion_voxels: int = 0
    regions: tuple[str, ...] = ()
    min_voxels: int = 2
    min_valid_share: float = 0.1

    def __post_init__(self) -> None:
        if self.erosion_voxels < 0:
            raise MRFInputError("bad-option", "erosion must be 0 or more voxels",
                                found=str(self.erosion_voxels))  # fmt: skip
        if self.min_voxels < 2:
            raise MRFInputError("bad-option", "statistics of a region need 2 voxels or more",
                                found=str(self.min_voxels))  # fmt: skip
        if not 0 <= self.min_valid_share <= 1:
            raise MRFInputError("bad-option", "the valid share of a region lies in 0 to 1",
                                found=f"{self.min_valid_share:g}")  # fmt: skip
        validity_rules(self.thresholds)

    def as_record(self) -> dict[str, Any]:
        """Return the options in JSON-ready form, with the rules in words."""
        rules = validity_rules(self.thresholds) if self.apply_validity else {}
        return {
            "validity": {key: rule.describe() for key, rule in rules.items()},
            "erosion_voxels": self.erosion_voxels,
            "regions": list(self.regions) or None,
            "min_voxels": self.min_voxels,
            "min_valid_share": self.min_valid_share,
        }
