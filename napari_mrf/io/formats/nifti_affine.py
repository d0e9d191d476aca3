"""Where a NIfTI image lies in space, or that nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.series import check_affine
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
        return None, (f"The voxel sizes in the header are impossible ({shown}). {_WITHOUT}",)
    warnings: tuple[str, ...] = ()
    if header["sform_code"] > 0:
        affine = header.get_sform()
    elif header["qform_code"] > 0:
        try:
            affine = header.get_qform()
        except (ValueError, ArithmeticError):
            affine = np.full((4, 4), np.nan)
    elif np.all(sizes == 1.0):
        return None, (f"The header holds no geometry. {_WITHOUT}",)
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
