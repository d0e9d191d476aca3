"""The NIfTI header: checked before anything is believed of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
from nibabel.quaternions import mat2quat, quat2mat
from nibabel.spatialimages import HeaderDataError

from napari_mrf.data.geometry import Grid, grid_difference
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


def matches(head: bytes, path: Path) -> bool:
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
    if not matches(head, path):
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
    shape = _shape(header, path)
    with np.errstate(all="ignore"):  # what overflows is not usable, and told
        affine, warnings = affine_of(header, shape)
    offset = float(header["vox_offset"])
    if not math.isfinite(offset) or offset < least + 4 or offset != int(offset):
        raise _bad("vox_offset", f"{least + 4} or more", offset, path)
    return NiftiHeader(shape, _dtype(header, path), int(offset), slope, intercept, affine,
                       warnings)  # fmt: skip


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


_MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
_ROUNDING = 4 * float(np.finfo(np.float32).eps)
"""What float32 may round off the squared length of a quaternion."""
_MOST_EXCESS = 1e-5
"""A squared length above 1 by more is no rounding, not even to six digits."""
_SIZE_TOLERANCE = 1e-3


def affine_of(
    header: Any, shape: tuple[int, ...]
) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
    """Return the affine in mm, or None, and what a user should know about it.

    The sform is taken where its code is set, else the qform, else the voxel sizes alone with
    a warning that the orientation is not known. A header with neither code and all voxel
    sizes 1 is what tools write that know nothing: it gives None, never a silent 1 mm, and no
    warning, since there is nothing wrong with it.

    Parameters
    ----------
    header : nibabel.Nifti1Header
        Or Nifti2Header.
    shape : tuple of int
        (X, Y, Z, ...) of the file.

    Returns
    -------
    tuple of ndarray or None and tuple of str
        (4, 4), and warnings.
    """
    sizes = np.asarray(header["pixdim"][1:4], dtype=np.float64)
    n_space = min(len(shape), 3)
    if not np.all(np.isfinite(sizes[:n_space])) or np.any(sizes[:n_space] <= 0):
        shown = ", ".join(f"{size:g}" for size in sizes[:n_space])
        return None, (f"The voxel sizes in the header are not valid ({shown}).",)
    unit = int(header["xyzt_units"]) & 7
    factor = _MM_PER_UNIT.get(unit)
    if factor is None:
        return None, (f"The unit of length in the header is unknown ({unit}).",)
    has_sform, has_qform = header["sform_code"] > 0, header["qform_code"] > 0
    sform = _usable(header.get_sform(), factor) if has_sform else None
    qform, notes = _qform(header, factor, sform) if has_qform else (None, ())
    if has_sform:
        affine = sform
        if sform is not None:
            notes += _disagreement(sform, qform, has_qform, sizes * factor, shape)
    elif has_qform:
        affine = qform
    elif np.all(sizes == 1.0):
        return None, ()
    else:
        affine = _usable(np.diag([*sizes, 1.0]), factor)
        notes = ("The header gives voxel sizes but no orientation: left and right, front and "
                 "back are not known.",)  # fmt: skip
    if affine is None:
        return None, notes or ("The affine in the header is not finite or singular.",)
    if factor != 1.0:
        name = "meters" if unit == 1 else "micrometers"
        notes += (f"The header gives lengths in {name}; they were converted to mm.",)
    return affine, notes


def _usable(affine: NDArray[np.float64], factor: float) -> NDArray[np.float64] | None:
    """Return an affine in mm, None where it is not finite or singular."""
    try:
        return check_affine(np.vstack([affine[:3] * factor, affine[3:]]))
    except MRFInputError:
        return None


def _qform(
    header: Any, factor: float, sform: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
    """Return the affine of the quaternion (b, c, d), and what is wrong with it.

    The header leaves out a = sqrt(1 - b^2 - c^2 - d^2), which near half a turn is little but
    rounding. Where there is an sform, the nearest such a is taken: rounding alone is no
    disagreement. A quaternion that rounding made longer than 1 is normalized, as the library
    of the standard does.

    References
    ----------
    NIfTI-1 standard, nifti1.h, "QUATERNION REPRESENTATION OF ROTATION MATRIX"; nifti1_io.c,
    ``nifti_quatern_to_mat44``.
    """
    bcd = np.array([header[f"quatern_{letter}"] for letter in "bcd"], np.float64)
    handedness = float(header["pixdim"][0])
    squared = float(bcd @ bcd)
    if not squared <= 1 + _MOST_EXCESS:
        return None, ("The quaternion in the header (qform) is longer than 1 "
                      f"({math.sqrt(squared):.6g}).",)  # fmt: skip
    if handedness not in (-1.0, 0.0, 1.0):
        return None, (f"The handedness in the header (qfac) is {handedness:g}, neither 1 nor -1.",)
    a = math.sqrt(max(1 - squared, 0.0))
    if sform is not None:
        rotation = sform[:3, :3] / np.linalg.norm(sform[:3, :3], axis=0)
        rotation[:, 2] *= np.sign(np.linalg.det(rotation))
        least, most = (math.sqrt(max(1 - squared + by, 0.0)) for by in (-_ROUNDING, _ROUNDING))
        a = float(np.clip(mat2quat(rotation)[0], least, most))
    affine = np.eye(4)
    scale = np.array(header["pixdim"][1:4], np.float64) * (1, 1, handedness or 1)
    affine[:3, :3] = quat2mat([a, *bcd]) * scale
    affine[:3, 3] = [header[f"qoffset_{letter}"] for letter in "xyz"]
    notes: tuple[str, ...] = ()
    if squared > 1 + _ROUNDING:
        notes = ("The quaternion in the header (qform) is a little longer than 1 "
                 f"({math.sqrt(squared):.8g}) and was normalized.",)  # fmt: skip
    return _usable(affine, factor), notes


def _disagreement(
    sform: NDArray[np.float64],
    qform: NDArray[np.float64] | None,
    has_qform: bool,
    sizes_mm: NDArray[np.float64],
    shape: tuple[int, ...],
) -> tuple[str, ...]:
    """Tell where the header says something else than its sform, which is used."""
    grid = tuple((*shape[:3], 1, 1)[:3])[::-1]
    if qform is not None:
        difference = grid_difference(Grid(grid, qform), Grid(grid, sform))
        if difference:
            return ("The header gives two places; the sform was used. That of the qform differs: "
                    f"{difference}.",)  # fmt: skip
    elif has_qform:
        return ("The qform in the header is not valid; the sform was used.",)
    n_space = min(len(shape), 3)
    lengths = np.linalg.norm(sform[:3, :n_space], axis=0)
    if not np.allclose(lengths, sizes_mm[:n_space], rtol=_SIZE_TOLERANCE):
        shown = (" × ".join(f"{size:.4g}" for size in s) for s in (lengths, sizes_mm[:n_space]))
        return ("The header gives voxels of {} mm by its sform, which was used, and of {} mm by "
                "its voxel sizes.".format(*shown),)  # fmt: skip
    return ()
