"""The NIfTI header: checked before anything is believed of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError

from napari_mrf.data.series import check_affine
from napari_mrf.errors import MRFInputError, reason
from napari_mrf.io.formats.source import truncated

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True)
class NiftiHeader:
    """The part of a header that the reader needs.

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
        raise MRFInputError("unknown-format", "the file is not a NIfTI file", path=path)
    if head[344:348] == b"ni1\0" or head[4:8] == b"ni2\0":
        raise MRFInputError("bad-header", "the header and the data lie in two files", path=path,
                            hint="Convert the pair to one .nii file.")  # fmt: skip
    second = head[4:8] == b"n+2\0"
    kind = nibabel.Nifti2Header if second else nibabel.Nifti1Header
    least = kind.template_dtype.itemsize
    if len(head) < least:
        raise truncated(path, least, len(head), least=True)
    try:
        header = kind(head[:least], check=False)
    except HeaderDataError as error:  # neither byte order makes sense
        raise _bad("dim[0]", "1 to 7 axes", reason(error), path) from None
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
    return MRFInputError("bad-header", f"{field} in the NIfTI header is not valid", path=path,
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
        raise MRFInputError("not-numeric", "the data type is not supported", path=path,
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


_MM_PER_UNIT = {1: 1000.0, 2: 1.0, 3: 0.001}
_WITHOUT = "Volumes are not available, and the display is in voxels."


def affine_of(header: Any) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
    """Return the affine in mm, or None, and what a user should know about it.

    The sform is taken where its code is set, else the qform, else the voxel sizes alone with
    a warning that the orientation is not known. A header with neither code and all voxel
    sizes 1 is what tools write that know nothing: it gives None, never a silent 1 mm.

    Parameters
    ----------
    header : nibabel.Nifti1Header
        Or Nifti2Header.

    Returns
    -------
    tuple of ndarray or None and tuple of str
        (4, 4), and warnings.
    """
    sizes = np.asarray(header["pixdim"][1:4], dtype=np.float64)
    n_space = min(int(header["dim"][0]), 3)
    if not np.all(np.isfinite(sizes[:n_space])) or np.any(sizes[:n_space] <= 0):
        shown = ", ".join(f"{size:g}" for size in sizes[:n_space])
        return None, (f"The voxel sizes in the header are not valid ({shown}). {_WITHOUT}",)
    warnings: tuple[str, ...] = ()
    if header["sform_code"] > 0:
        affine = header.get_sform()
    elif header["qform_code"] > 0:
        try:
            affine = header.get_qform()
        except (HeaderDataError, ValueError, ArithmeticError):
            affine = np.full((4, 4), np.nan)
    elif np.all(sizes == 1.0):
        return None, (f"The header contains no geometry. {_WITHOUT}",)
    else:
        affine = np.diag([*sizes, 1.0])
        warnings = ("The header gives voxel sizes but no orientation: left and right, front and "
                    "back are not known.",)  # fmt: skip
    try:
        affine = check_affine(affine)
    except MRFInputError:
        return None, (f"The affine in the header is not finite or singular. {_WITHOUT}",)
    unit = int(header["xyzt_units"]) & 7
    if unit not in (0, 2):
        factor = _MM_PER_UNIT.get(unit)
        if factor is None:
            return None, (f"The unit of length in the header is unknown ({unit}). {_WITHOUT}",)
        name = "meters" if unit == 1 else "micrometers"
        affine = np.vstack([affine[:3] * factor, affine[3:]])
        warnings += (f"The header gives lengths in {name}; they were converted to mm.",)
    return affine, warnings
