"""What a recipe says of phantoms as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from typing import Self


class PhantomImages(BaseModel):
    """Images of random phantoms with simulated acquisition, for image-wise networks.

    Parameters
    ----------
    slices, validation_slices : int
        Measured slices, each of another person.
    matrix_lower, matrix_upper : int
        Voxels along an edge of a slice, drawn between the two: the field of view is one, so
        that this varies the size of voxels.
    undersampled : float
        Share of slices with a radial scan, 0-1; the others are fully sampled: the exact
        signal and noise.
    encoded_matrix : int
        Voxels across the encoded field of view; with the spokes a frame it sets the
        undersampling, 68.7-fold for MRF T1-FF with 350.
    spokes_per_pulse : int
        Spokes that the readout of a pulse covers.
    patch : int
        Voxels along an edge of the maps of a patch.
    patches, validation_patches : int
        Patches an epoch.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    kind: Literal["phantoms"]
    slices: int = Field(default=40, ge=1)
    validation_slices: int = Field(default=6, ge=1)
    matrix_lower: int = Field(default=96, ge=32)
    matrix_upper: int = Field(default=176, ge=32)
    undersampled: float = Field(default=0.5, ge=0, le=1)
    encoded_matrix: int = Field(default=350, ge=32)
    spokes_per_pulse: int = Field(default=1, ge=1)
    patch: int = Field(default=32, ge=1)
    patches: int = Field(default=1000, ge=1)
    validation_patches: int = Field(default=100, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.matrix_lower > self.matrix_upper:
            raise ValueError("matrix_lower is above matrix_upper")
        return self
