"""NIfTI files out: the same bytes for the same numbers, whatever the day."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

_MM_AND_UNKNOWN_TIME = 2
_SCANNER_COORDINATES = 1


def header_bytes(
    shape: tuple[int, ...], dtype: np.dtype[Any], affine: NDArray[np.float64] | None
) -> bytes:
    """Return header and empty extension of a single-file NIfTI image.

    Parameters
    ----------
    shape : tuple of int
        (X, Y, Z) or (X, Y, Z, T).
    dtype : numpy.dtype
        Of the numbers, in the byte order of this machine.
    affine : ndarray or None
        (4, 4) to mm. None is written as identity with both codes 0: no geometry.

    Returns
    -------
    bytes
        352 (NIfTI-1) or 544 (NIfTI-2, where an axis is too long for NIfTI-1).
    """
    kind = nibabel.Nifti1Header if max(shape) < 2**15 else nibabel.Nifti2Header
    header = kind()
    header.set_data_dtype(dtype)
    header.set_data_shape(shape)
    header["scl_slope"], header["scl_inter"] = 1.0, 0.0
    if affine is not None:
        header["xyzt_units"] = _MM_AND_UNKNOWN_TIME
        header.set_sform(affine, code=_SCANNER_COORDINATES)
        header.set_qform(affine, code=_SCANNER_COORDINATES, strip_shears=True)
    else:
        header.set_sform(np.eye(4), code=0)
    header["magic"] = b"n+1" if kind is nibabel.Nifti1Header else b"n+2\0\r\n\x1a\n"
    header["vox_offset"] = int(header["sizeof_hdr"]) + 4
    return bytes(header.binaryblock) + b"\0\0\0\0"


def write_volume(path: Path, values: NDArray[Any], affine: NDArray[np.float64] | None) -> None:
    """Write a (Z, Y, X) volume as .nii.gz with fixed bytes (no time, no name in the gzip)."""
    content = header_bytes(values.shape[::-1], values.dtype, affine)
    with path.open("wb") as raw, _gzip(raw) as file:
        file.write(content)
        file.write(np.ascontiguousarray(values).data)


def write_frames(
    path: Path,
    frames: Iterable[NDArray[Any]],
    shape: tuple[int, int, int, int],
    dtype: DTypeLike,
    affine: NDArray[np.float64] | None,
) -> None:
    """Write (Z, Y, X) volumes, one after the other, as one .nii.gz (X, Y, Z, T).

    Parameters
    ----------
    path : Path
        The file to write.
    frames : iterable of ndarray
        T volumes; one at a time is in memory.
    shape : tuple of int
        (T, Z, Y, X).
    dtype : dtype
        Of the numbers.
    affine : ndarray or None
        As in `header_bytes`.
    """
    with path.open("wb") as raw, _gzip(raw) as file:
        file.write(header_bytes(shape[::-1], np.dtype(dtype), affine))
        for frame in frames:
            file.write(np.ascontiguousarray(frame, dtype=dtype).data)


def write_series(
    path: Path,
    signal: Any,
    affine: NDArray[np.float64] | None,
    *,
    packed: bool,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write a (T, Z, Y, X) series as complex64, slice by slice.

    Parameters
    ----------
    path : Path
        The file to write. A packed file needs room for an unpacked one beside it.
    signal : ndarray or dask array
        Complex.
    affine : ndarray or None
        (4, 4) to mm.
    packed : bool
        Whether to write gzip.
    progress : callable, optional
        Is told (percent, 100); what it raises ends the writing.
    """
    dtype = np.dtype(np.complex64)
    written = 5 if packed else 100  # percent; packing takes all but that
    content = header_bytes(tuple(signal.shape[::-1]), dtype, affine)
    n_slices = signal.shape[1]
    plain = path.with_name(f"{path.name}.raw") if packed else path
    try:
        with plain.open("wb") as file:
            file.write(content)
            # Not mapped into memory: where the disk is full, that would end the program.
            for z in range(n_slices):
                for frame, image in enumerate(np.asarray(signal[:, z], dtype)):
                    file.seek(len(content) + (frame * n_slices + z) * image.nbytes)
                    file.write(np.ascontiguousarray(image).data)
                progress(written * (z + 1) // n_slices, 100)
        if packed:
            size = plain.stat().st_size
            with plain.open("rb") as source, path.open("wb") as raw, _gzip(raw) as file:
                while part := source.read(1 << 20):
                    file.write(part)
                    progress(written + (100 - written) * source.tell() // size, 100)
    finally:
        if packed:
            plain.unlink(missing_ok=True)


def _gzip(raw: Any) -> gzip.GzipFile:
    return gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0)
