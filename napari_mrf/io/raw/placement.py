"""The place of slices: from positions and directions to an affine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.raw.acquisition_report import AcquisitionReport

LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
"""Scanners and DICOM count to the left and to the back, NIfTI to the right and to the front."""
_SPACING_TOLERANCE = 0.01
_FARTHEST_MM = 1e5


def sort_slices(table: NDArray[Any], report: AcquisitionReport) -> NDArray[Any]:
    """Return the readouts (slices, readouts) with slices in the order of their positions.

    Slices whose counters follow their positions, in either direction, stay as they are.
    """
    along = _along(table)
    if len(table) < 3 or along is None:
        return table
    steps = np.diff(along)
    if np.all(steps > 0) or np.all(steps < 0):
        return table
    by_position = np.argsort(along, kind="stable")
    names = ", ".join(str(one) for one in table["slice"][by_position, 0][:12])
    report.taken.append(f"Slices in the order of their positions, not of their counter: {names}.")
    return table[by_position]


def _along(table: NDArray[Any]) -> NDArray[np.float64] | None:
    """Return where each slice lies along the normal of the first one (mm)."""
    normal = table["directions"][0, 0, 2]
    with np.errstate(all="ignore"):  # damaged headers hold anything
        along = table["position"][:, 0] @ normal
    if not np.all(np.isfinite(along)) or len(np.unique(np.round(along, 4))) < len(along):
        return None
    return np.asarray(along)


def affine_of(
    table: NDArray[Any], matrix: tuple[int, int], voxel_mm: tuple[float, float] | None,
    thickness_mm: float | None, report: AcquisitionReport,
) -> NDArray[np.float64] | None:  # fmt: skip
    """Return voxel indices (x, y, z) to mm (RAS), or None with the reason in the report.

    The position of a slice is that of voxel (Y // 2, X // 2), where the phase of every coordinate
    of k-space is 0.

    Parameters
    ----------
    table : ndarray
        (slices, readouts) of `READOUT`.
    matrix : tuple of int
        (Y, X).
    voxel_mm : tuple of float or None
        (Y, X).
    thickness_mm : float or None
        Of a slice; the spacing where there is only one slice.
    report : AcquisitionReport
        Is told what was found.
    """
    try:
        step = _step(table, voxel_mm, thickness_mm)
    except ValueError as error:
        report.left_out.append(
            f"Geometry: {error}. Images have no place in space, and regions no volumes."
        )
        return None
    assert voxel_mm is not None  # noqa: S101 - refused by `_step`
    x, y, _ = table["directions"][0, 0]
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = x * voxel_mm[1], y * voxel_mm[0], step
    center = np.array([matrix[1] // 2, matrix[0] // 2, 0])
    affine[:3, 3] = table["position"][0, 0] - affine[:3, :3] @ center
    report.taken.append(
        f"Geometry from positions and directions: voxels of {voxel_mm[1]:.4g} x {voxel_mm[0]:.4g} "
        f"x {np.linalg.norm(step):.4g} mm."
    )
    return affine


def _step(
    table: NDArray[Any], voxel_mm: tuple[float, float] | None, thickness_mm: float | None
) -> NDArray[np.float64]:
    """Return the way (mm) from slice to slice; why there is none as a `ValueError`."""
    directions, positions = table["directions"][:, 0], table["position"][:, 0]

    if voxel_mm is None:
        raise ValueError("the field of view is not known")
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(directions[0], axis=1)
    if not np.all(np.isfinite(directions)) or not np.allclose(lengths, 1.0, atol=1e-3):
        raise ValueError("the directions of the slices are missing or no unit vectors")
    if not np.allclose(directions[0] @ directions[0].T, np.eye(3), atol=1e-3):
        raise ValueError("the directions of the slices are not at right angles")
    if not np.allclose(directions, directions[0], atol=1e-4):
        raise ValueError("slices are turned against one another")
    if not np.all(np.abs(positions) < _FARTHEST_MM):
        raise ValueError(
            "the positions of the slices are not finite, or far outside of the scanner"
        )
    normal = directions[0, 2]
    step = normal * (thickness_mm or 0.0)
    if len(positions) > 1:
        steps = np.diff(positions, axis=0)
        step = steps.mean(axis=0)
        size = float(np.linalg.norm(step))
        if size <= 0 or np.abs(steps - step).max() > _SPACING_TOLERANCE * size:
            raise ValueError("the slices are not equally far apart")
        if np.linalg.norm(np.cross(step / size, normal)) > _SPACING_TOLERANCE:
            raise ValueError("the slices are not stacked along their normal")
    if not np.any(step):
        raise ValueError("the thickness of the slice is not known")
    return np.asarray(step)
