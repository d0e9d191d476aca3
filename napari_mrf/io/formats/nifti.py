"""NIfTI-1 and NIfTI-2 files, plain or gzip: mapped into memory, never copied."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.compute.memory import refuse_beyond_memory
from napari_mrf.data.text_files import read_error, size_of
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.gzip_cache import (
    GZIP_MAGIC,
    HEAD_BYTES,
    unpack_head,
    unpack_to_cache,
    unpack_to_memory,
)
from napari_mrf.io.formats.nifti_header import NiftiHeader, matches, read_header
from napari_mrf.io.formats.source import (
    FileStamp,
    MappedArray,
    Source,
    Volume,
    sha256_of,
    truncated,
)
from napari_mrf.io.kept_files import hold

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["matches", "read", "read_volume"]


def read(path: Path, dataset: str | None = None) -> Source:
    """Read a series; `dataset` means nothing here.

    Raises
    ------
    MRFInputError
        ``"truncated"``, ``"corrupt-gzip"``, ``"declared-size"``, ``"bad-header"``,
        ``"not-numeric"``, ``"bad-scaling"``, ``"no-time-axis"`` or ``"disk-full"``.
    """
    if dataset is not None:
        raise MRFInputError("bad-dataset", "a NIfTI file contains only one array", path=path,
                            expected="no dataset", found=repr(dataset))  # fmt: skip
    packed = _is_packed(path)
    warnings: list[str] = []
    named_packed = path.name.lower().endswith(".gz")
    if packed != named_packed:
        warnings.append(f"{path.name} is {'' if packed else 'not '}compressed, "
                        "although its name says otherwise; its content was read.")  # fmt: skip
    if packed:
        # The header is checked before anything is written.
        header = read_header(unpack_head(path), path)
        unpacked = unpack_to_cache(path, _declared)
        stamp, sha256, release = FileStamp.of(unpacked.path), unpacked.sha256, unpacked.release
        how = "was unpacked once into" if not unpacked.reused else "is read unpacked from"
        warnings.append(f"{path.name} {how} the cache folder {stamp.path.parent}.")
    else:
        release = hold(path)  # a sample in the cache, it may be
        stamp, header = FileStamp.of(path), _plain_header(path)
        sha256 = sha256_of(path)
    array = MappedArray(stamp, header.dtype, header.shape, header.offset, "F")
    weakref.finalize(array, release)
    return Source(
        path, sha256, array,
        axes="XYZT" if len(header.shape) == 4 else None, space="XYZ",
        affine=header.affine, slope=header.slope, intercept=header.intercept,
        warnings=(*warnings, *_about_geometry(header)),
        metadata={"format": "NIfTI", "stored_type": header.dtype.str},
    )  # fmt: skip


def read_volume(path: Path) -> Volume:
    """Read one volume into memory, with every check of `read`.

    Raises
    ------
    MRFInputError
        As `read`, and ``"bad-shape"`` for a file with more than three axes.
    """
    if _is_packed(path):
        content, sha256 = unpack_to_memory(path, _declared)
        header = read_header(content[:HEAD_BYTES], path)
        stored = np.frombuffer(content, header.dtype, offset=header.offset)
        stored = stored.reshape(header.shape, order="F")
    else:
        header, sha256 = _plain_header(path), sha256_of(path)
        refuse_beyond_memory(header.end, "the volume", path)
        stored = MappedArray(FileStamp.of(path), header.dtype, header.shape, header.offset, "F")[
            ...
        ]
    if stored.ndim > 3:
        raise MRFInputError("bad-shape", "the file contains more than one volume", path=path,
                            expected="axes (X, Y, Z)", found=f"shape {stored.shape}")  # fmt: skip
    values = stored.reshape(stored.shape + (1,) * (3 - stored.ndim), order="F").T
    step = 0.0
    if (header.slope, header.intercept) != (1.0, 0.0):
        step = abs(header.slope) if header.dtype.kind in "iu" else 0.0
        offset = header.intercept * (1 + 1j) if values.dtype.kind == "c" else header.intercept
        with np.errstate(over="ignore", invalid="ignore"):
            values = values * np.float64(header.slope) + offset
    return Volume(np.array(values, dtype=values.dtype.newbyteorder("=")), header.affine, sha256,
                  header.warnings, step)  # fmt: skip


def _about_geometry(header: NiftiHeader) -> tuple[str, ...]:
    if header.affine is not None:
        return header.warnings
    *others, cause = header.warnings or ("The header contains no geometry.",)
    return (*others, f"{cause} Volumes are not available, and the display is in voxels.")


def _is_packed(path: Path) -> bool:
    size_of(path)
    try:
        with path.open("rb") as file:
            return file.read(2) == GZIP_MAGIC
    except OSError as error:
        raise read_error(error, path) from error


def _plain_header(path: Path) -> NiftiHeader:
    with path.open("rb") as file:
        header = read_header(file.read(HEAD_BYTES), path)
    size = path.stat().st_size
    if size < header.end:
        raise truncated(path, header.end, size)
    return header


def _declared(head: bytes, path: Path) -> int:
    return read_header(head, path).end
