"""Sources and volumes, the results of format readers: an array and its place."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_mrf.data.text_files import read_error, size_of
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.part_names import array_pair
from napari_mrf.io.reading_progress import tell_read

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence

_PIECE = 1 << 20


@dataclass(frozen=True)
class Source:
    """One file as its format reader understands it, before axes are put in order.

    Parameters
    ----------
    path : Path
        The file.
    sha256 : str
        Of the file as it lies on the disk.
    array : ndarray or lazy array
        Axes in the order in which the format counts them. A lazy array has ``shape``,
        ``dtype``, ``ndim`` and slicing, and reads when sliced.
    axes : str or None
        What the axes are (letters of `axes.LETTERS`), where the format itself says so.
    space : str
        The order of the axes of space, where the format says that much; ``"XYZ"`` or empty.
    affine : ndarray or None
        (4, 4), voxel indices (x, y, z) to mm.
    slope, intercept : float
        The stored numbers become ``slope * number + intercept``.
    warnings : tuple of str
        Sentences for the user.
    metadata : dict
        For the provenance.
    arrays : tuple of str
        Names of the arrays beside this one in the file, itself among them.
    is_whole : bool
        Whether the file says everything of a series, so that it needs no sidecar.
    sequence : Sequence or None
        What was played, where the file says so.
    kept_warnings : tuple of str
        Sentences on the images that were written with them.
    units : str or None
        Of the values, where the format says so.
    part : str
        Which half of complex images this is, a key of `part_names.PARTNER`, where the format
        says so.
    partner : Source or None
        The other half, where the format holds both.
    """

    path: Path
    sha256: str
    array: Any
    axes: str | None = None
    space: str = ""
    affine: NDArray[np.float64] | None = None
    slope: float = 1.0
    intercept: float = 0.0
    warnings: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    arrays: tuple[str, ...] = ()
    is_whole: bool = False
    sequence: Sequence | None = None
    kept_warnings: tuple[str, ...] = ()
    units: str | None = None
    part: str = ""
    partner: Source | None = None

    @property
    def is_lazy(self) -> bool:
        """Whether the array is still on the disk."""
        return not isinstance(self.array, np.ndarray)


@dataclass(frozen=True)
class Volume:
    """A volume read into memory.

    Parameters
    ----------
    values : ndarray
        (Z, Y, X), in the type of the file or scaled to float64.
    affine : ndarray or None
        (4, 4) to mm.
    sha256 : str
        Of the file.
    warnings : tuple of str
        What is wrong with its header; nothing where it merely has no geometry.
    step : float
        Between two values that a file of scaled whole numbers can hold; 0 where they are not
        scaled.
    """

    values: NDArray[Any]
    affine: NDArray[np.float64] | None
    sha256: str
    warnings: tuple[str, ...] = ()
    step: float = 0.0


@dataclass(frozen=True)
class FileStamp:
    """A file as it was when it was opened, so that a later change is not read unnoticed.

    Parameters
    ----------
    path : Path
        Absolute.
    size : int
        In bytes.
    modified_ns : int
        When it was last written.
    """

    path: Path
    size: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> FileStamp:
        """Return the stamp of a file as it is now."""
        size = size_of(path)
        return cls(path.absolute(), size, path.stat().st_mtime_ns)

    def check(self) -> None:
        """Raise ``"file-changed"`` where the file is another one now, or gone."""
        try:
            unchanged = FileStamp.of(self.path) == self
        except MRFInputError:
            unchanged = False
        if not unchanged:
            raise MRFInputError("file-changed", "the file was changed or removed after opening",
                                path=self.path, hint="Load the series again.")  # fmt: skip


@dataclass(frozen=True)
class MappedArray:
    """An uncompressed array inside a file, mapped into memory whenever it is sliced.

    It holds no open file and can be sent to another process.

    Parameters
    ----------
    file : FileStamp
        The file.
    dtype : numpy.dtype
        With the byte order of the file.
    shape : tuple of int
        Of the array.
    offset : int
        Bytes before the first number.
    order : {"C", "F"}
        Whether the last or the first axis varies fastest.
    """

    file: FileStamp
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int
    order: Literal["C", "F"]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        self.file.check()
        try:
            mapped: NDArray[Any] = np.memmap(
                self.file.path, dtype=self.dtype, mode="r", offset=self.offset, shape=self.shape,
                order=self.order,
            )  # fmt: skip
        except (OSError, ValueError) as error:  # more than can be mapped
            raise read_error(error, self.file.path) from error
        return np.asarray(mapped[index])


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, read in one pass.

    Raises
    ------
    MRFInputError
        ``"missing-file"``, ``"not-a-file"`` or ``"unreadable-file"``.
    """
    size, digest = size_of(path), hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
                tell_read(file.tell(), size)
        return digest.hexdigest()
    except OSError as error:
        raise read_error(error, path) from error


def truncated(
    path: Path, expected_bytes: int, found_bytes: int, *, least: bool = False
) -> MRFInputError:
    """Return the error for a file that ends too early."""
    return MRFInputError("truncated", "the file ends too early", path=path,
                         expected=f"{'at least ' if least else ''}{expected_bytes} bytes",
                         found=f"{found_bytes} bytes",
                         hint="Copy or download it again.")  # fmt: skip


def chosen_array(path: Path, dataset: str | None, names: list[str]) -> str:
    """Return the name of the array to read: the one asked for, the only one, or half of a pair.

    Raises
    ------
    MRFInputError
        ``"bad-dataset"``.
    """
    if dataset in names:
        return dataset
    if dataset is None and len(names) == 1:
        return names[0]
    if dataset is None and len(names) == 2:
        pair = array_pair(names[0], names)
        if pair is not None:
            return names[0] if pair[0] in ("real", "magnitude") else names[1]
    raise choose_error(path, dataset, names)


def choose_error(path: Path, dataset: str | None, names: list[str]) -> MRFInputError:
    """Return the error for a file of several arrays none of which was chosen."""
    what = "the file does not contain this array" if dataset else "the file contains several arrays"
    if not names:
        what = "the file does not contain an array of numbers"
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return MRFInputError("bad-dataset", what, path=path,
                         expected=None if dataset is None else repr(dataset), found=shown or None,
                         hint=f'Choose one, such as dataset="{names[0]}" (on the command line '
                              f"--dataset {shlex.quote(names[0])})." if names else None
                         )  # fmt: skip
