"""A procedural cross-section of the thigh: any resolution, any number of patients."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import label as connected_components

from napari_mrf.errors import MRFInputError
from napari_mrf.phantoms.labels import INTERMUSCULAR_FAT, LABELS, MUSCLES, label_of
from napari_mrf.phantoms.muscle_tissue import MuscleTissue
from napari_mrf.phantoms.partial_volume import (
    checked_shape,
    fine_positions,
    majority,
    water_fat_means,
)
from napari_mrf.phantoms.phantom import Phantom
from napari_mrf.phantoms.thigh.anatomy import ThighAnatomy

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The usual field of view; the default voxel size spreads the image over it.
_FIELD_OF_VIEW_MM = (170.0, 175.0)
_FINE_MM = 0.7
_DRAWN = ("FF", "T1H2O", "T1fat", "Df", "B1")


def thigh(
    shape: tuple[int, int, int] = (1, 170, 175),
    *,
    seed: int = 0,
    side: str = "right",
    voxel_size_mm: float | None = None,
    slice_thickness_mm: float = 8.0,
    infiltrated_fraction: float = 0.5,
    oedema_fraction: float = 0.25,
) -> Phantom:
    """Draw the thigh of a random patient: 13 muscles, fat, femur, vessels, nerve and skin.

    The anatomy, the illness and the fields are functions of the position in mm, so the same
    seed gives the same patient at every resolution. Everything is drawn on a finer grid and
    averaged, weighted by water and fat content, so that borders have partial volume.

    Parameters
    ----------
    shape : tuple of int
        (Z, Y, X) voxels.
    seed : int
        Of the patient.
    side : {"right", "left"}
        In the image the patient's left is at the right, the back at the bottom.
    voxel_size_mm : float, optional
        Edge length in plane; by default the image spans 170 x 175 mm.
    slice_thickness_mm : float
        Distance of slices.
    infiltrated_fraction, oedema_fraction : float
        Share of muscles with fatty infiltration (12-80 % fat) and with edema (T1H2O raised).

    Returns
    -------
    Phantom
        With maps FF, T1H2O, T1fat, Df and B1. The cortex of the femur has no signal.

    Raises
    ------
    MRFInputError
        ``"bad-phantom"`` for an unknown side, a fraction outside 0-1 or an image into which
        the thigh does not fit.
    """
    if side not in ("right", "left"):
        raise MRFInputError("bad-phantom", "the side of the thigh is unknown",
                            expected="right or left", found=repr(side))  # fmt: skip
    if not (0 <= infiltrated_fraction <= 1 and 0 <= oedema_fraction <= 1):
        raise MRFInputError("bad-phantom", "the shares of muscles must be between 0 and 1",
                            found=f"{infiltrated_fraction:g}, {oedema_fraction:g}")  # fmt: skip
    n_slices, height, width = checked_shape(shape)
    if voxel_size_mm is None:
        voxel_size_mm = max(_FIELD_OF_VIEW_MM[0] / height, _FIELD_OF_VIEW_MM[1] / width)
    anatomy = ThighAnatomy(np.random.default_rng([seed, 1]), side)
    tissue = MuscleTissue(
        np.random.default_rng([seed, 2]), MUSCLES, infiltrated_fraction, oedema_fraction
    )
    y_center, x_center = _center(anatomy, (height * voxel_size_mm, width * voxel_size_mm))

    factor = max(2, ceil(voxel_size_mm / _FINE_MM))
    y_mm = y_center + fine_positions(height, factor, voxel_size_mm)
    x_mm = x_center + fine_positions(width, factor, voxel_size_mm)
    z_mm = (np.arange(n_slices) - (n_slices - 1) / 2.0) * slice_thickness_mm

    labels_of = {name: label_of(name, side) for name in MUSCLES}
    maps = {key: np.full(shape, np.nan, dtype=np.float32) for key in _DRAWN}
    m0 = np.zeros(shape, dtype=np.float32)
    labels = np.zeros(shape, dtype=np.uint16)
    for index, z in enumerate(z_mm):
        section = anatomy.draw(float(z), y_mm, x_mm)
        painted = tissue.paint(section, labels_of, float(z), y_mm, x_mm)
        values, density = water_fat_means(painted, factor)
        visible = density > 0.25
        m0[index] = np.where(visible, density, 0.0)
        for key in _DRAWN:
            maps[key][index][visible] = values[key][visible]
        labels[index] = _majority(section.labels, factor)
    affine = np.diag([-voxel_size_mm, -voxel_size_mm, slice_thickness_mm, 1.0])
    # A thigh lies some 90 mm beside the middle of the body.
    middle = np.array([90.0 if side == "right" else -90.0, 0.0, 0.0])
    half = (np.array([width, height, n_slices]) - 1) / 2.0
    affine[:3, 3] = middle - affine[:3, :3] @ half
    return Phantom(
        name="thigh",
        maps=maps,
        m0=m0,
        foreground=m0 > 0,
        labels=labels,
        label_names={int(k): LABELS[int(k)][0] for k in np.unique(labels) if k},
        label_colors={int(k): LABELS[int(k)][1] for k in np.unique(labels) if k},
        affine=affine,
        settings={
            "seed": seed,
            "side": side,
            "voxel_size_mm": voxel_size_mm,
            "slice_thickness_mm": slice_thickness_mm,
            "infiltrated_fraction": infiltrated_fraction,
            "oedema_fraction": oedema_fraction,
        },
    )


def _center(anatomy: ThighAnatomy, field_of_view_mm: tuple[float, float]) -> tuple[float, float]:
    """Return the center (y, x) of the thigh; refuse an image that would cut it off."""
    (y_low, y_high), (x_low, x_high) = anatomy.extent_mm()
    size = (y_high - y_low, x_high - x_low)
    if size[0] > field_of_view_mm[0] or size[1] > field_of_view_mm[1]:
        raise MRFInputError(
            "bad-phantom", "the thigh does not fit into the image",
            expected=f"at least {size[0]:.0f} x {size[1]:.0f} mm",
            found=f"{field_of_view_mm[0]:.0f} x {field_of_view_mm[1]:.0f} mm",
            hint="Give more or larger voxels.",
        )  # fmt: skip
    return (y_low + y_high) / 2.0, (x_low + x_high) / 2.0


def _majority(fine: NDArray[np.uint16], factor: int) -> NDArray[np.uint16]:
    """Return the most frequent label of each voxel, every muscle kept in one piece."""
    labels = majority(fine, factor)
    for muscle in {label_of(name, side) for name in MUSCLES for side in ("right", "left")}:
        pieces, count = connected_components(labels == muscle)
        if count > 1:
            largest = 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
            labels[(pieces > 0) & (pieces != largest)] = INTERMUSCULAR_FAT
    return labels
