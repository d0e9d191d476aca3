"""The session file ``*.mrf.json``: where everything of a study lies, and no pixel data."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticSerializationError

from napari_mrf._version import __version__
from napari_mrf.data import strict_json
from napari_mrf.data.text_files import read_text
from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import atomic_write, refuse_existing

SUFFIX = ".mrf.json"
FORMAT = "napari-mrf session"
_LARGEST_BYTES = 20_000_000
_STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
_Sha256 = Field(pattern="^[0-9a-f]{64}$")


class FileRecord(BaseModel):
    """A file as it was when the session was saved.

    Both ways to it are kept: the relative one survives a move of the whole study, the absolute
    one a move of the session file.
    """

    model_config = _STRICT

    path: str = Field(min_length=1)
    relative: str | None = None
    sha256: str = _Sha256

    @classmethod
    def of(cls, path: str | Path, sha256: str, session_path: Path) -> FileRecord:
        """Describe a file of a session that is written to `session_path`.

        Raises
        ------
        MRFInputError
            ``"not-unicode"`` for a path that is no valid UTF-8.
        """
        absolute = Path(path).absolute()
        try:
            str(absolute).encode()
        except UnicodeEncodeError:
            raise _not_unicode(session_path, ascii(str(absolute))) from None
        return cls(path=str(absolute), relative=_relative(absolute, session_path), sha256=sha256)

    def find(self, session_path: Path) -> Path | None:
        """Return where the file lies now, or None."""
        for path in self.candidates(session_path):
            with suppress(OSError):  # a name that is too long, a folder that may not be entered
                if path.exists():  # of DICOM a folder
                    return path
        return None

    def candidates(self, session_path: Path) -> list[Path]:
        """Return where to look for it, the likeliest first."""
        if self.relative is None:
            return [Path(self.path)]
        # Made by counting the parts of the path, so it is followed in the same way.
        near = os.path.normpath(session_path.absolute().parent / self.relative)
        return [Path(near), Path(self.path)]


class SeriesRecord(BaseModel):
    """The series: its files, how they were read, and what was played."""

    model_config = _STRICT

    name: str
    files: list[FileRecord] = Field(min_length=1)
    reading: dict[str, str | bool] = Field(default_factory=dict)
    sequence: dict[str, Any] | None = None
    component: str = "magnitude"


class MapsRecord(BaseModel):
    """A set of maps: its folder, and every file in it that belongs to it."""

    model_config = _STRICT

    name: str
    files: list[FileRecord] = Field(min_length=1)
    series_name: str = ""
    seconds: float = Field(default=0.0, ge=0)

    def find_folder(self, session_path: Path) -> Path | None:
        """Return the folder of the maps, or None where they are gone."""
        found = self.files[0].find(session_path)
        return None if found is None else found.parent


class LabelRecord(BaseModel):
    """One region of the label file."""

    model_config = _STRICT

    index: int = Field(ge=0)
    name: str
    color: list[int] = Field(min_length=3, max_length=3)
    opacity: float = Field(default=1.0, ge=0, le=1)


class RegionsRecord(BaseModel):
    """The regions: their label file, absent where none is drawn yet, and their names."""

    model_config = _STRICT

    file: FileRecord | None = None
    table: list[LabelRecord] = Field(default_factory=list)
    chosen: int | None = None


class LayerRecord(BaseModel):
    """A layer of the window: what it shows, and how; the pixels are those of the other parts."""

    model_config = _STRICT

    of: dict[str, str | list[str]]
    name: str
    visible: bool = True
    is_selected: bool = False
    is_active: bool = False
    opacity: float = Field(default=1.0, ge=0, le=1)
    blending: str = ""
    colormap: str = ""
    contrast_limits: tuple[float, float] | None = None
    contrast_limits_range: tuple[float, float] | None = None
    gamma: float | None = None
    contour: int | None = None


class ItemRecord(BaseModel):
    """A result or a volume beside the session, and the files that it came from, as they were.

    `of` is what it came from: it is shown again only while none of these files has changed.
    """

    model_config = _STRICT

    kind: Literal["comparison", "importance", "error", "mask", "b1", "labels"]
    name: str
    file: FileRecord
    of: list[FileRecord] = Field(default_factory=list)


class GridRecord(BaseModel):
    """The grid mode of napari, in which layers stand beside each other."""

    model_config = _STRICT

    enabled: bool
    shape: tuple[int, int] = (-1, -1)
    stride: int = 1
    spacing: float = Field(default=0.0, ge=0)


class LimitRecord(BaseModel):
    """The range of a map, in its unit, in which may be drawn."""

    model_config = _STRICT

    maps: str
    parameter: str
    low: float
    high: float


class ViewsRecord(BaseModel):
    """Where the user looked and how he drew, apart from layers and options of the panels.

    `sections` tells of each part of the dock whether it is open. The ends of the `profile` line
    are (z, y, x) in voxels of the file.
    """

    model_config = _STRICT

    sections: dict[str, bool] = Field(default_factory=dict)
    grid: GridRecord | None = None
    spares_others: bool = True
    limit: LimitRecord | None = None
    profile: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None


class SessionFile(BaseModel):
    """Everything that a session file holds; see ``docs/formats.md``."""

    model_config = _STRICT

    format: Literal["napari-mrf session"]
    version: Literal[1] = 1
    software_version: str = __version__
    saved_at: str = ""
    series: SeriesRecord | None = None
    maps: list[MapsRecord] = Field(default_factory=list)
    regions: RegionsRecord | None = None
    pins: list[tuple[int, int, int]] = Field(default_factory=list)
    layers: list[LayerRecord] | None = None
    items: list[ItemRecord] = Field(default_factory=list)
    view: dict[str, float] = Field(default_factory=dict)
    views: ViewsRecord | None = None
    panels: dict[str, dict[str, Any]] = Field(default_factory=dict)

    def file_records(self) -> list[FileRecord]:
        """Return every file that the session rests on."""
        records = [] if self.series is None else list(self.series.files)
        for maps in self.maps:
            records += maps.files
        if self.regions is not None and self.regions.file is not None:
            records.append(self.regions.file)
        return [*records, *(item.file for item in self.items)]

    def bytes_to_read(self, session_path: Path) -> int:
        """Return how many bytes are read for its contents: every file is checked, then loaded."""
        found = [record.find(session_path) for record in self.file_records()]
        return 2 * sum(path.stat().st_size for path in found if path is not None)


def save_session(session: SessionFile, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a session file.

    Parameters
    ----------
    session : SessionFile
        What to write.
    path : str or Path
        Ends in ``.mrf.json``.
    overwrite : bool
        Whether an earlier file may be replaced.

    Raises
    ------
    MRFInputError
        ``"bad-name"`` for another ending, ``"not-unicode"`` for a name of series or maps that
        is no valid UTF-8, ``"exists"``, and what `atomic_write` raises.
    """
    path = Path(path)
    if not path.name.lower().endswith(SUFFIX):
        raise MRFInputError("bad-name", "the file name has the wrong ending", path=path,
                            expected=f"a name such as study{SUFFIX}", found=path.name
                            )  # fmt: skip
    refuse_existing(path, overwrite=overwrite)
    try:
        text = session.model_dump_json(indent=1) + "\n"
    except PydanticSerializationError as error:
        raise _not_unicode(path, str(error)) from None
    with atomic_write(path) as staged:
        staged.write_text(text, encoding="utf-8")


def load_session(path: str | Path) -> SessionFile:
    """Read a session file; the files that it names are not touched.

    Raises
    ------
    MRFInputError
        ``"missing-file"``, ``"file-too-large"``, ``"bad-json"``, ``"bad-session"``.
    """
    path = Path(path)
    text = read_text(path, "session file", most_bytes=_LARGEST_BYTES)
    record = strict_json.loads(text, path=path)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise _not_understood(path, f'no "format": "{FORMAT}"')
    try:
        # From JSON, so that its lists may stand for tuples.
        return SessionFile.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise _not_understood(path, f"{where}: {first['msg']}") from None


def _not_unicode(path: Path, found: str) -> MRFInputError:
    return MRFInputError("not-unicode", "a session cannot name a file or a layer that is not "
                         "valid UTF-8", path=path, found=found, hint="Rename it, open it again, "
                         "and save the session then.")  # fmt: skip


def _not_understood(path: Path, found: str) -> MRFInputError:
    return MRFInputError("bad-session", "the session file is not valid", path=path,
                         expected="what this version of the software writes", found=found
                         )  # fmt: skip


def _relative(absolute: Path, session_path: Path) -> str | None:
    try:
        return Path(os.path.relpath(absolute, session_path.absolute().parent)).as_posix()
    except ValueError:  # another drive
        return None
