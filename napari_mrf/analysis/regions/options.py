"""Options of region statistics: validity rules, their thresholds and erosion."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
    """

    apply_validity: bool = True
    thresholds: Mapping[str, float] = field(default_factory=dict)
    erosion_voxels: int = 0

    def __post_init__(self) -> None:
        if self.erosion_voxels < 0:
            raise MRFInputError("bad-option", "erosion must be 0 or more voxels",
                                found=str(self.erosion_voxels))  # fmt: skip
        validity_rules(self.thresholds)
