"""The NIfTI header: checked before anything is believed of it."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError

from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.nifti_affine import affine_of
from napari_mrf.io.formats.source import truncated

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True)
class NiftiHeader:
    """What the reader needs of a header.

    Parameters
    ----------
    shape : tuple of int
        (X, Y, Z, ...), axes of length one behind the third left out.
    dtype : numpy.dtype
        With the byte order of the file.
    offset : int
        Bytes before the first number.
    slope, intercept : float
        1 and 0 where the numbers are not scaled.
    affine : ndarray or None
        (4, 4) to mm.
    warnings : tuple of str
        What is wrong with the geometry.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    slope: float
    intercept: float
    affine: NDArray[np.float64] | None
    warnings: tuple[str, ...]

    @property
    def end(self) -> int:
        """Size in bytes of a file with this header."""
        return self.offset + math.prod(self.shape) * self.dtype.itemsize


def matches(head: bytes) -> bool:
    """Return whether the first bytes are a NIfTI header."""
    return head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0")


def read_header(head: bytes, path: Path) -> NiftiHeader:
    """Read and check a header.

    Parameters
    ----------
    head : bytes
        The first bytes of the unpacked file.
    path : Path
        For messages.

    Returns
    -------
    NiftiHeader

    Raises
    ------
    MRFInputError
        ``"bad-header"``, ``"truncated"``, ``"not-numeric"`` or ``"bad-scaling"``.
    """
    if not matches(head):
        raise MRFInputError("unknown-format", "the file is no NIfTI file", path=path)
    if head[344:348] == b"ni1\0" or head[4:8] == b"ni2\0":
        raise MRFInputError("bad-header", "the header and the data lie in two files", path=path,
                            hint="Convert the pair to one .nii file.")  # fmt: skip
    second = head[4:8] == b"n+2\0"
    kind = nibabel.Nifti2Header if second else nibabel.Nifti1Header
    least = kind.template_dtype.itemsize
    if len(head) < least:
        raise truncated(path, least, len(head), least=True)
    header = kind.from_fileobj(io.BytesIO(head), check=False)
    if int(header["sizeof_hdr"]) != least:
        raise _bad("sizeof_hdr", least, int(header["sizeof_hdr"]), path)
    slope, intercept = _scaling(header, path)
    affine, warnings = affine_of(header)
    offset = float(header["vox_offset"])
    if not math.isfinite(offset) or offset < least + 4 or offset != int(offset):
        raise _bad("vox_offset", f"{least + 4} or more", offset, path)
    return NiftiHeader(_shape(header, path), _dtype(header, path), int(offset), slope, intercept,
                       affine, warnings)  # fmt: skip


def _bad(field: str, expected: object, found: object, path: Path) -> MRFInputError:
    return MRFInputError("bad-header", f"{field} in the NIfTI header is impossible", path=path,
                         expected=expected, found=found)  # fmt: skip


def _shape(header: Any, path: Path) -> tuple[int, ...]:
    n_axes, *lengths = (int(n) for n in header["dim"])
    if not 1 <= n_axes <= 7:
        raise _bad("dim[0]", "1 to 7 axes", n_axes, path)
    shape = lengths[:n_axes]
    if min(shape) < 1:
        raise _bad("dim", "lengths of 1 or more", tuple(shape), path)
    # Time may stand on the fifth axis behind an axis of one; NIfTI keeps three for space.
    return tuple(shape[:3] + [n for n in shape[3:] if n > 1])


def _dtype(header: Any, path: Path) -> np.dtype[Any]:
    try:
        dtype: np.dtype[Any] = np.dtype(header.get_data_dtype())
    except (HeaderDataError, KeyError) as error:
        raise _bad("datatype", "a NIfTI data type", str(error), path) from None
    if dtype.kind not in "iufc" or dtype.itemsize > 16:
        raise MRFInputError("not-numeric", "the numbers are of a kind that is not read", path=path,
                            expected="integers, float32/64 or complex64/128",
                            found=str(dtype))  # fmt: skip
    if int(header["bitpix"]) != 8 * dtype.itemsize:
        raise _bad("bitpix", 8 * dtype.itemsize, int(header["bitpix"]), path)
    return dtype


def _scaling(header: Any, path: Path) -> tuple[float, float]:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    # Zero means "not scaled" in the standard; several tools write NaN to say the same.
    if slope == 0.0 or math.isnan(slope):
        return 1.0, 0.0
    if not math.isfinite(slope) or not math.isfinite(intercept):
        raise MRFInputError("bad-scaling", "the scaling in the NIfTI header is not finite",
                            path=path, expected="finite scl_slope and scl_inter",
                            found=f"{slope} and {intercept}")  # fmt: skip
    return slope, intercept
