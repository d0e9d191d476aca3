"""The JSON sidecar of a series: BIDS keys, and one block "MRF" that is checked strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from napari_mrf.data import strict_json
from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.data.text_files import read_error, read_text
from napari_mrf.errors import MRFInputError
from napari_mrf.io.bids.inheritance import sidecars_above
from napari_mrf.io.formats.registry import stem_of
from napari_mrf.io.formats.source import sha256_of

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = "MRF"
Model = TypeVar("Model", bound=BaseModel)
MOST_PULSES = 1_000_000
"""Far above every sequence; vectors of so many values are made without thinking."""


def _known_kind(kind: str) -> str:
    if kind not in SIGNAL_KINDS:
        raise ValueError(f"Input should be {' or '.join(map(repr, SIGNAL_KINDS))}")
    return kind


class FatPeaks(BaseModel):
    """Fat peaks relative to water: shifts (Hz) at a field strength (T), and amplitudes."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    ShiftsHz: list[float] = Field(min_length=1)
    Amplitudes: list[float] = Field(min_length=1)
    MagneticFieldStrength: float | None = Field(default=None, gt=0, le=30)


class TemporalBasis(BaseModel):
    """The temporal basis of a compressed series."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    Rank: int = Field(ge=1)
    File: str | None = None


class MRFBlock(BaseModel):
    """The block "MRF". Times in seconds, angles in degrees, as BIDS has them.

    Every vector has one value, NFrames or NSpokes values. ``docs/formats.md`` explains each
    key; unknown keys, wrong types and infinite values are errors.
    """

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    SchemaVersion: Literal[1]
    AxisOrder: str | None = None
    ComplexLayout: (
        Literal["complex", "real-imaginary-axis", "magnitude", "phase", "real", "imaginary"] | None
    ) = None
    Partner: str | None = None
    NFrames: int | None = Field(default=None, ge=1, le=MOST_PULSES)
    NSpokes: int | None = Field(default=None, ge=1, le=MOST_PULSES)
    SpokesPerFrame: int | None = Field(default=None, ge=1)
    SpokesBetweenFrames: int | None = Field(default=None, ge=1)
    SequenceName: str | None = None
    SequenceKind: Annotated[str, AfterValidator(_known_kind)] | None = None
    Parameters: list[str] | None = None
    RepetitionTime: float | list[float] | None = None
    EchoTime: float | list[float] | None = None
    FlipAngle: float | list[float] | None = None
    NominalFlipAngle: float | None = None
    FlipAngleModulation: list[float] | None = None
    RFPhase: float | list[float] | None = None
    InversionTime: float | None = Field(default=None, ge=0, le=5)
    InversionEfficiency: float | None = Field(default=None, ge=0, le=1)
    RecoveryTime: float | None = Field(default=None, ge=0, le=60)
    Repetitions: int | None = Field(default=None, ge=1)
    WaterT2: float | None = Field(default=None, gt=0, le=10)
    FatT2: float | None = Field(default=None, gt=0, le=10)
    FatModel: FatPeaks | None = None
    Trajectory: str | None = None
    AngleIncrement: float | None = None
    PhaseSign: Literal[-1, 1] | None = None
    FrequencySign: Literal[-1, 1] | None = None
    CompressedBasis: TemporalBasis | None = None
    Warnings: list[str] | None = None
    Images: dict[str, Any] | None = None
    SHA256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")

    @property
    def n_pulses(self) -> int | None:
        """Number of RF pulses, where the block says it."""
        if self.NSpokes is not None:
            return self.NSpokes
        return self.spokes_of_frames

    @property
    def spokes_of_frames(self) -> int | None:
        """Number of pulses that the frames hold, where the block says how many and how long."""
        if self.NFrames is None or self.SpokesPerFrame is None:
            return None
        step = self.SpokesBetweenFrames or self.SpokesPerFrame
        return (self.NFrames - 1) * step + self.SpokesPerFrame


@dataclass(frozen=True)
class Sidecar:
    """The keys of a sidecar that are used; other BIDS keys are left alone.

    Parameters
    ----------
    path : Path
        The file.
    sha256 : str
        Of the file.
    units : str or None
        ``Units``.
    block : MRFBlock or None
        The block "MRF".
    warnings : tuple of str
        Sentences a user should read.
    """

    path: Path
    sha256: str
    units: str | None
    block: MRFBlock | None
    warnings: tuple[str, ...] = ()


def sidecar_path(path: Path) -> Path:
    """Return where the sidecar of a series lies: ``x.json`` beside ``x.nii.gz``."""
    return path.with_name(f"{stem_of(path)}.json")


def load_sidecar(series_path: Path) -> Sidecar | None:
    """Read the sidecar of a series, with what it inherits in a data set of BIDS, if there is one.

    Parameters
    ----------
    series_path : Path
        The series.

    Returns
    -------
    Sidecar or None

    Raises
    ------
    MRFInputError
        ``"file-too-large"``; ``"bad-json"`` for broken JSON, NaN and duplicate keys where the
        file speaks of what is used of it; or ``"bad-sidecar"`` with the field that is wrong.
    """
    own = sidecar_path(series_path)
    try:
        paths = [*sidecars_above(series_path), *([own] if own.is_file() else [])]
    except OSError as error:
        raise read_error(error, own) from error
    if not paths:
        return None
    record: dict[str, Any] = {}
    remarks: list[str] = []
    for path in paths:
        part, remark = _read_part(path)
        record |= part
        remarks += remark
    path = paths[-1]
    units = record.get("Units")
    if units is not None and not isinstance(units, str):
        raise _bad(path, "Units is not text", found=repr(units)[:60])
    for key in record:
        # A key of the block that stands outside of it would be ignored without a word.
        if key in MRFBlock.model_fields and key not in _ALSO_BIDS:
            raise _bad(path, f"{key} belongs into the block {BLOCK}")
    block = _read_block(record[BLOCK], path) if BLOCK in record else None
    return Sidecar(path, sha256_of(path), units, block, tuple(remarks))


def _read_part(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the keys of one file, and what is told where it is no good JSON and not needed."""
    try:
        record = strict_json.loads(read_text(path, "sidecar"), path=path)
    except MRFInputError as error:
        if error.code != "bad-json" or may_matter(path.read_bytes(), BLOCK, "Units"):
            raise
        cause = error.what if error.found is None else f"{error.what}: {error.found}"
        remark = (f"The sidecar {path.name} was left alone: {cause}. "
                  f"It has no block {BLOCK} and no Units, so it was not needed.")  # fmt: skip
        return {}, [remark]
    if not isinstance(record, dict):
        raise _bad(path, "the file does not contain a JSON object", found=type(record).__name__)
    return record, []


_ALSO_BIDS = frozenset(
    {"RepetitionTime", "EchoTime", "FlipAngle", "InversionTime", "Parameters", "SequenceName",
     "Trajectory"}
)  # fmt: skip


def may_matter(content: bytes, *keys: str) -> bool:
    """Return whether text that is no good JSON holds, or once held, a key that is used of it.

    A file that does not close its first brace was cut off, and the key may have stood behind.
    """
    letters = content.replace(b"\0", b"")  # of whatever width
    used = re.compile(rf'"({"|".join(keys)})"\s*:'.encode())
    return bool(used.search(letters)) or not letters.rstrip().endswith(b"}")


def _bad(path: Path, what: str, **details: Any) -> MRFInputError:
    return MRFInputError("bad-sidecar", what, path=path, **details)


def validated(model: type[Model], record: Any, path: Path, name: str) -> Model:
    """Return a block of a sidecar, checked.

    Raises
    ------
    MRFInputError
        ``"bad-sidecar"`` with the field that is wrong.
    """
    try:
        return model.model_validate(record)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    # Unions add the name of the branch that failed; the field is what a reader looks for.
    place = [str(step) for step in first["loc"] if "[" not in str(step) and step != "float"]
    # What stands in a field that is not known may be anything, such as the name of a person.
    found = None if first["type"] == "extra_forbidden" else repr(first["input"])[:60]
    raise _bad(path, f"the field {'.'.join([name, *place])} is wrong: {first['msg']}", found=found)


def _read_block(record: Any, path: Path) -> MRFBlock:
    block = validated(MRFBlock, record, path, BLOCK)
    _check_lengths(block, path)
    _check_ranges(block, path)
    return block


def _check_lengths(block: MRFBlock, path: Path) -> None:
    n_frames, n_pulses = block.NFrames, block.n_pulses
    if block.SpokesBetweenFrames and not block.SpokesPerFrame:
        raise _bad(path, "SpokesBetweenFrames needs SpokesPerFrame")
    held = block.spokes_of_frames
    if held is not None and held > MOST_PULSES:
        raise _bad(path, "NFrames and SpokesPerFrame make too many pulses",
                   expected=f"at most {MOST_PULSES}", found=held)  # fmt: skip
    if block.NSpokes and held is not None and held != block.NSpokes:
        raise _bad(path, "NFrames times SpokesPerFrame is not NSpokes"
                   if block.SpokesBetweenFrames is None else
                   "NFrames, SpokesPerFrame and SpokesBetweenFrames do not make NSpokes",
                   expected=block.NSpokes, found=held)  # fmt: skip
    # Frames that overlap have no values of their own.
    overlap = block.SpokesBetweenFrames is not None
    allowed = {1, None if overlap else n_frames, n_pulses} - {None}
    for name in ("RepetitionTime", "EchoTime", "FlipAngle", "FlipAngleModulation", "RFPhase"):
        value = getattr(block, name)
        if isinstance(value, list) and len(value) not in allowed:
            raise _bad(path, f"the field {BLOCK}.{name} has a wrong length",
                       expected="1, NFrames or NSpokes values "
                                f"(NFrames {n_frames}, NSpokes {n_pulses})",
                       found=f"{len(value)} values")  # fmt: skip
    if block.FatModel and len(block.FatModel.ShiftsHz) != len(block.FatModel.Amplitudes):
        raise _bad(path, f"the field {BLOCK}.FatModel must have as many shifts as amplitudes",
                   expected=f"{len(block.FatModel.ShiftsHz)} amplitudes",
                   found=len(block.FatModel.Amplitudes))  # fmt: skip
    if block.FlipAngle is not None and (block.NominalFlipAngle or block.FlipAngleModulation):
        raise _bad(path, "both FlipAngle and NominalFlipAngle with FlipAngleModulation are given",
                   hint="Keep one of the two.")  # fmt: skip


def _check_ranges(block: MRFBlock, path: Path) -> None:
    # No sequence reaches these limits in seconds, and every one does in milliseconds.
    limits = {"RepetitionTime": (0.0, 0.5), "EchoTime": (0.0, 0.2)}
    for name, (least, most) in limits.items():
        value = getattr(block, name)
        values = value if isinstance(value, list) else [] if value is None else [value]
        outside = [number for number in values if not least <= number <= most]
        if outside:
            raise _bad(path, f"the field {BLOCK}.{name} is out of range",
                       expected=f"{least:g} to {most:g} s", found=f"{outside[0]:g}",
                       hint="Is it in milliseconds? Sidecars use seconds.")  # fmt: skip
