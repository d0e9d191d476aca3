"""The table of file formats, told by their first bytes and not by their names."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from napari_mrf.data.text_files import read_error, size_of
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.gzip_cache import GZIP_MAGIC, HEAD_BYTES, unpack_head
from napari_mrf.io.formats.source import truncated

if TYPE_CHECKING:
    from pathlib import Path

    from napari_mrf.io.formats.source import Source


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Parameters
    ----------
    name : str
        What a user reads.
    module : str
        Module of this package with ``matches(head)`` for the first (unpacked) bytes and
        ``read(path, dataset)`` to a `Source`.
    suffixes : tuple of str
        What such files are usually called.
    least_bytes : int
        No shorter file can be one.
    """

    name: str
    module: str
    suffixes: tuple[str, ...]
    least_bytes: int


FORMATS: tuple[Format, ...] = (
    Format("NIfTI", "nifti", (".nii", ".nii.gz"), 352),
    Format("NumPy array", "numpy_files", (".npy",), 64),
    Format("NumPy archive", "npz", (".npz",), 22),
    Format("MATLAB 7.3", "matlab73", (".mat",), 1024),
    Format("MATLAB 5", "matlab5", (".mat",), 136),
    Format("HDF5", "hdf5", (".h5", ".hdf5", ".hdf"), 96),
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
        module = import_module(f"napari_mrf.io.formats.{file_format.module}")
        if module.matches(head):
            if packed and file_format.name != "NIfTI":
                raise MRFInputError("unknown-format", "only NIfTI files are read packed",
                                    path=path, found=f"a packed {file_format.name}",
                                    hint="Unpack it first (gunzip).")  # fmt: skip
            if not packed and path.stat().st_size < file_format.least_bytes:
                raise truncated(path, file_format.least_bytes, path.stat().st_size, least=True)
            source: Source = module.read(path, dataset)
            return source
    size = path.stat().st_size
    for file_format in FORMATS:
        if suffix_of(path) in file_format.suffixes and size < file_format.least_bytes:
            raise truncated(path, file_format.least_bytes, size, least=True)
    names = ", ".join(file_format.name for file_format in FORMATS)
    raise MRFInputError("unknown-format", "the content is of no known format", path=path,
                        expected=names, found=f"the bytes {head[:8].hex(' ')}",
                        hint="The name of a file does not matter, its content does.")  # fmt: skip


def _head(path: Path) -> tuple[bytes, bool]:
    size_of(path)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise read_error(error, path) from error
    packed = head.startswith(GZIP_MAGIC)
    return (unpack_head(path) if packed else head), packed
