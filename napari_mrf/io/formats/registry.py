"""The table of file formats, told by their first bytes and not by their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from napari_mrf.data.text_files import read_error, size_of
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.gzip_cache import GZIP_MAGIC, HEAD_BYTES, unpack_head
from napari_mrf.io.formats.source import truncated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_mrf.io.formats.source import Source


class FormatModule(Protocol):
    """A module that reads one kind of file."""

    def matches(self, head: bytes) -> bool:
        """Return whether the first (unpacked) bytes are those of this format."""

    def read(self, path: Path, dataset: str | None) -> Source:
        """Read a file; `dataset` picks an array where it holds several."""


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Parameters
    ----------
    name : str
        What a user reads.
    load : callable
        Imports the module of the format and returns it.
    suffixes : tuple of str
        What such files are usually called.
    least_bytes : int
        No shorter file can be one.
    """

    name: str
    load: Callable[[], FormatModule]
    suffixes: tuple[str, ...]
    least_bytes: int


# Imported when a file is read: the libraries behind them are slow to load.
def _nifti() -> FormatModule:
    from napari_mrf.io.formats import nifti

    return nifti


def _numpy_files() -> FormatModule:
    from napari_mrf.io.formats import numpy_files

    return numpy_files


def _npz() -> FormatModule:
    from napari_mrf.io.formats import npz

    return npz


def _matlab73() -> FormatModule:
    from napari_mrf.io.formats import matlab73

    return matlab73


def _matlab5() -> FormatModule:
    from napari_mrf.io.formats import matlab5

    return matlab5


def _hdf5() -> FormatModule:
    from napari_mrf.io.formats import hdf5

    return hdf5


FORMATS: tuple[Format, ...] = (
    Format("NIfTI", _nifti, (".nii", ".nii.gz"), 352),
    Format("NumPy array", _numpy_files, (".npy",), 64),
    Format("NumPy archive", _npz, (".npz",), 22),
    Format("MATLAB 7.3", _matlab73, (".mat",), 1024),
    Format("MATLAB 5", _matlab5, (".mat",), 136),
    Format("HDF5", _hdf5, (".h5", ".hdf5", ".hdf"), 96),
)
"""Every format that is read; the first that matches is taken."""


def suffix_of(path: Path) -> str:
    """Return the suffix in small letters, ``".nii.gz"`` in one piece."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def stem_of(path: Path) -> str:
    """Return the file name without its suffix."""
    return path.name[: len(path.name) - len(suffix_of(path))]


def read_source(path: Path, dataset: str | None = None) -> Source:
    """Read a file in whatever format it is.

    Parameters
    ----------
    path : Path
        The file.
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
    head, packed = _head(path)
    for file_format in FORMATS:
        module = file_format.load()
        if module.matches(head):
            if packed and file_format.name != "NIfTI":
                raise MRFInputError("unknown-format", "only NIfTI files may be compressed",
                                    path=path, found=f"a compressed {file_format.name}",
                                    hint="Unpack it first (gunzip).")  # fmt: skip
            if not packed and path.stat().st_size < file_format.least_bytes:
                raise truncated(path, file_format.least_bytes, path.stat().st_size, least=True)
            return module.read(path, dataset)
    size = path.stat().st_size
    for file_format in FORMATS:
        if suffix_of(path) in file_format.suffixes and size < file_format.least_bytes:
            raise truncated(path, file_format.least_bytes, size, least=True)
    names = ", ".join(file_format.name for file_format in FORMATS)
    raise MRFInputError("unknown-format", "the format of the file is not known", path=path,
                        expected=names, found=f"the bytes {head[:8].hex(' ')}",
                        hint="The content of a file decides, not its name.")  # fmt: skip


def _head(path: Path) -> tuple[bytes, bool]:
    size_of(path)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise read_error(error, path) from error
    packed = head.startswith(GZIP_MAGIC)
    return (unpack_head(path) if packed else head), packed
