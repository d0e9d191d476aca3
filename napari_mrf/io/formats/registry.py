"""The table of file formats, told by their first bytes and not by their names."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from napari_mrf.data.text_files import read_error, size_of
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.gzip_cache import GZIP_MAGIC, unpack_head
from napari_mrf.io.formats.source import truncated

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from napari_mrf.io.formats.source import Source

_HEAD_BYTES = 16_384


class Matching(Protocol):
    """A module that tells its own files."""

    def matches(self, head: bytes, path: Path) -> bool:
        """Return whether the first bytes, and the content where they do not tell, are its own."""


class FormatModule(Matching, Protocol):
    """A module that reads one kind of file."""

    def read(self, path: Path, dataset: str | None) -> Source:
        """Read a file; `dataset` picks an array where it holds several."""


Module = TypeVar("Module", bound=Matching)


@dataclass(frozen=True)
class Format(Generic[Module]):
    """A kind of file.

    Parameters
    ----------
    name : str
        What a user reads.
    module : str
        Of `napari_mrf.io`; imported when a file is looked at, since the libraries behind some are
        slow to load.
    suffixes : tuple of str
        What such files are usually called.
    least_bytes : int
        No shorter file can be one.
    """

    name: str
    module: str
    suffixes: tuple[str, ...]
    least_bytes: int = 0

    def load(self) -> Module:
        """Return the module."""
        found: Any = import_module(f"napari_mrf.io.{self.module}")
        return cast("Module", found)


DICOM: Format[FormatModule] = Format("DICOM", "dicom.reader", (".dcm", ".ima"), 132)
"""The one format whose series may be folders."""
FORMATS: tuple[Format[FormatModule], ...] = (
    Format("NIfTI", "formats.nifti", (".nii", ".nii.gz"), 352),
    Format("NumPy array", "formats.numpy_files", (".npy",), 64),
    Format("NumPy archive", "formats.npz", (".npz",), 22),
    Format("MetaImage", "formats.metaimage", (".mha", ".mhd"), 60),
    Format("MATLAB 7.3", "formats.matlab73", (".mat",), 1024),
    Format("MATLAB 5", "formats.matlab5", (".mat",), 136),
    Format("HDF5 of napari-mrf", "series.stored", (".h5", ".hdf5"), 96),
    Format("HDF5", "formats.hdf5", (".h5", ".hdf5", ".hdf"), 96),
    DICOM,
)
"""Every format of series that is read; the first that matches is taken."""


def format_of(
    path: Path, formats: Iterable[Format[Module]], head: bytes | None = None
) -> Format[Module] | None:
    """Return the first format that a file is of, None where there is none.

    Parameters
    ----------
    path : Path
        The file.
    formats : iterable of Format
        Those in question.
    head : bytes, optional
        First bytes of the file, where they have been read.
    """
    first = read_head(path) if head is None else head
    return next((one for one in formats if one.load().matches(first, path)), None)


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file, as they lie on the disk."""
    size_of(path)
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError as error:
        raise read_error(error, path) from error


def is_folder(path: Path) -> bool:
    """Return whether a path is that of a folder; one that cannot be, as it is too long, is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def suffix_of(path: Path) -> str:
    """Return the suffix in small letters, ``".nii.gz"`` in one piece."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def stem_of(path: Path) -> str:
    """Return the file name without its suffix; the name of a folder as it is."""
    if is_folder(path):
        return path.resolve().name
    return path.name[: len(path.name) - len(suffix_of(path))]


def read_source(path: Path, dataset: str | None = None) -> Source:
    """Read a file in whatever format it is.

    Parameters
    ----------
    path : Path
        The file, or a folder of DICOM files.
    dataset : str, optional
        Which array, in files that hold several.

    Returns
    -------
    Source

    Raises
    ------
    MRFInputError
        ``"missing-file"``, ``"unreadable-file"``, ``"unknown-format"``, ``"truncated"`` and
        what the format raises.
    """
    if is_folder(path):
        return DICOM.load().read(path, dataset)
    head = read_head(path)
    packed = head.startswith(GZIP_MAGIC)
    head = unpack_head(path) if packed else head
    size = path.stat().st_size
    found = format_of(path, FORMATS, head)
    if found is not None:
        if packed and found.name != "NIfTI":
            raise MRFInputError("unknown-format", "only NIfTI files may be compressed",
                                path=path, found=f"a compressed {found.name}",
                                hint="Unpack it first (gunzip).")  # fmt: skip
        if not packed and size < found.least_bytes:
            raise truncated(path, found.least_bytes, size, least=True)
        return found.load().read(path, dataset)
    for file_format in FORMATS:
        if suffix_of(path) in file_format.suffixes and size < file_format.least_bytes:
            raise truncated(path, file_format.least_bytes, size, least=True)
    names = ", ".join(file_format.name for file_format in FORMATS)
    raise MRFInputError("unknown-format", "the format of the file is not known", path=path,
                        expected=names, found=f"the bytes {head[:8].hex(' ')}",
                        hint="The content of a file decides, not its name.")  # fmt: skip
