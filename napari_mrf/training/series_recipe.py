"""What a recipe says of measured series as data."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


class SubjectFiles(BaseModel):
    """A measured series and the maps that are true of it.

    Parameters
    ----------
    series : str
        Any file that is read as a series; relative to the recipe.
    maps : str
        Folder of maps on the grid of the series: ``T1H2O.nii.gz`` and so on.
    mask : str, optional
        Voxels to learn from; all that have a signal and a value of every map otherwise.
    axes, dataset : str, optional
        As `load_series` wants them, for files that do not say.
    """

    model_config = _STRICT

    series: str
    maps: str
    mask: str | None = None
    axes: str | None = None
    dataset: str | None = None


class MeasuredSeries(BaseModel):
    """Series of one's own with their maps; no noise is added to what they have.

    Parameters
    ----------
    subjects : list of SubjectFiles
        To learn from.
    validation_subjects : list of SubjectFiles
        To judge by. Without any, patches of the subjects are held out.
    validation_share : float
        Which share of the patches, then.
    patch : int
        Voxels along an edge of the maps of a patch: what image-wise networks learn from, and
        what is held out at once.
    """

    model_config = _STRICT

    kind: Literal["series"]
    subjects: list[SubjectFiles] = Field(min_length=1)
    validation_subjects: list[SubjectFiles] = []
    validation_share: float = Field(default=0.1, gt=0, lt=1)
    patch: int = Field(default=32, ge=1)
