"""Options of temporal importance: groups of frames, repeats, voxels and seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

INTENSITIES = ("aligned", "raw")
CHOICES = ("balanced", "random")


@dataclass(frozen=True)
class ImportanceOptions:
    """Options of temporal importance.

    Parameters
    ----------
    repeats : int
        Draws of every permutation; their spread is the standard deviation.
    group : int
        Consecutive frames that are permuted together, by the same permutation.
    stride : int or None
        Frames from the start of one group to that of the next; `group` when None. A stride
        longer than the group leaves frames out.
    voxels : int or None
        How many voxels of the mask are permuted and reconstructed; all when None. For methods
        that look at neighbors, random slices of the mask that hold at least so many.
    choice : {"balanced", "random"}
        ``"balanced"`` leaves out voxels without a signal and draws as many from every region, or,
        without regions, from every tenth of the fat fraction; ``"random"`` draws from the mask as
        it is, as in the paper.
    seed : int
        Of the subset and of every permutation.
    intensities : {"aligned", "raw"}
        ``"aligned"`` takes each voxel's own gain and receive phase out before values change
        places, and puts it back after; ``"raw"`` permutes what was measured, as printed in
        the paper.
    apply_validity : bool
        Whether maps count only where their validity rule holds.

    Raises
    ------
    MRFInputError
        ``"bad-option"``.
    """

    repeats: int = 1
    group: int = 1
    stride: int | None = None
    voxels: int | None = None
    choice: str = "balanced"
    seed: int = 0
    intensities: str = "aligned"
    apply_validity: bool = True

    def __post_init__(self) -> None:
        for name in ("repeats", "group", "stride", "voxels"):
            value = getattr(self, name)
            if value is not None and (int(value) != value or value < 1):
                raise MRFInputError(
                    "bad-option", f"{name} must be a whole number, 1 or larger", found=value
                )
        if int(self.seed) != self.seed or self.seed < 0:
            raise MRFInputError(
                "bad-option", "seed must be a whole number, 0 or larger", found=self.seed
            )
        if self.stride is not None and self.stride < self.group:
            raise MRFInputError(
                "bad-option",
                "groups of frames overlap",
                expected=f"a stride of at least {self.group}",
                found=self.stride,
            )
        for what, value, known in (
            ("permute intensities", self.intensities, INTENSITIES),
            ("choose voxels", self.choice, CHOICES),
        ):
            if value not in known:
                raise MRFInputError(
                    "bad-option",
                    f"this way to {what} does not exist",
                    expected=" or ".join(known),
                    found=value,
                )

    def frame_groups(self, n_frames: int) -> NDArray[np.intp]:
        """Return first and last frame of every group, (G, 2); the last one may be shorter."""
        first = np.arange(0, n_frames, self.stride or self.group)
        return np.stack([first, np.minimum(first + self.group, n_frames) - 1], axis=1)
