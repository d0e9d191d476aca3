"""The block "MRFRaw" of a JSON file beside arrays: what their numbers do not say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_mrf.data import strict_json
from napari_mrf.data.text_files import read_text
from napari_mrf.errors import MRFInputError
from napari_mrf.io.series.sidecar import may_matter, sidecar_path, validated

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = "MRFRaw"


class RawBlock(BaseModel):
    """The block. ``docs/raw.md`` explains each key; unknown keys are errors."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    SchemaVersion: Literal[1]
    KSpace: str = "kdata"
    KSpaceAxes: str | None = Field(default=None, pattern="^[ZCRS]{2,4}$")
    Trajectory: str | None = None
    TrajectoryUnit: Literal["cycles/voxel", "1/FOV", "rad/voxel", "1/m"] | None = None
    Noise: str | None = None
    MatrixSize: list[int] | None = Field(default=None, min_length=2, max_length=2)
    FieldOfView: list[float] | None = Field(default=None, min_length=2, max_length=2)
    DwellTime: float | None = Field(default=None, gt=0, lt=1e-3)


def load_raw_sidecar(path: Path) -> RawBlock | None:
    """Read the block beside a file, None where there is no sidecar with one.

    Raises
    ------
    MRFInputError
        ``"bad-json"``, ``"file-too-large"`` or ``"bad-sidecar"``.
    """
    beside = sidecar_path(path)
    if not beside.is_file():
        return None
    try:
        record = strict_json.loads(read_text(beside, "sidecar"), path=beside)
    except MRFInputError as error:
        if error.code != "bad-json" or may_matter(beside.read_bytes(), BLOCK):
            raise
        return None  # of somebody else, and for others to tell
    if not isinstance(record, dict) or BLOCK not in record:
        return None
    block = validated(RawBlock, record[BLOCK], beside, BLOCK)
    sizes = [*(block.MatrixSize or []), *(block.FieldOfView or [])]
    if any(not 0 < size <= 10_000 for size in sizes):
        raise MRFInputError("bad-sidecar", "MatrixSize or FieldOfView is out of range",
                            path=beside, expected="0 to 10000", found=sizes)  # fmt: skip
    letters = block.KSpaceAxes or ""
    if len(set(letters)) < len(letters) or (letters and not {"R", "S"} <= set(letters)):
        raise MRFInputError("bad-sidecar", "KSpaceAxes names an axis twice, or lacks R or S",
                            path=beside, found=letters)  # fmt: skip
    return block
