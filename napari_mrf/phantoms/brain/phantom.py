"""A procedural axial section of the brain: any resolution, any number of people."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.errors import MRFInputError
from napari_mrf.phantoms.brain.anatomy import BrainAnatomy
from napari_mrf.phantoms.brain.labels import BRAIN_LABELS
from napari_mrf.phantoms.brain.tissue import BrainTissue
from napari_mrf.phantoms.partial_volume import block_means, checked_shape, fine_positions, majority
from napari_mrf.phantoms.phantom import Phantom
from napari_mrf.phantoms.random_fields import RandomField

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIELD_OF_VIEW_MM = 230.0
_FINE_MM = 0.6
_LEAST_DENSITY = 0.15
_B1_CORRELATION_MM, _B1_EXTENT_MM = 60.0, 70.0


def brain(
    shape: tuple[int, int, int] = (1, 192, 192),
    *,
    seed: int = 0,
    voxel_size_mm: float | None = None,
    slice_thickness_mm: float = 5.0,
    n_lesions: int = 0,
    spread: float = 0.04,
    b1: bool = False,
) -> Phantom:
    """Draw the head of a random person at the level of the deep nuclei, at 3 T.

    Skin, scalp fat, temporal muscle, bone and marrow, fluid, folded gray and white matter,
    caudate nucleus, putamen, pallidum and thalamus, ventricles, the sagittal sinus and, where
    asked for, lesions of white matter; where the values come from is in
    `napari_mrf.phantoms.brain.tissue`. Everything is a function of the position in mm, so the
    same seed gives the same person at every resolution. It is drawn on a finer grid and
    averaged: a voxel of several tissues has the mean of their relaxation rates, weighted by
    their protons (fast exchange).

    Parameters
    ----------
    shape : tuple of int
        (Z, Y, X) voxels.
    seed : int
        Of the person.
    voxel_size_mm : float, optional
        Edge length in plane; by default the image spans 230 mm.
    slice_thickness_mm : float
        Distance of slices.
    n_lesions : int
        Lesions of white matter, 3-9 mm across.
    spread : float
        Relative standard deviation of T1 between people; that of T2 is 1.3 times as large.
    b1 : bool
        Whether there is a map of relative B1: strong in the middle of the head and weak at its
        sides, smooth, within 0.6-1.4.

    Returns
    -------
    Phantom
        With maps PD (0-1), T1 and T2 (ms), and B1 where asked for. Cortical bone has no signal.

    Raises
    ------
    MRFInputError
        ``"bad-phantom"`` for a negative number of lesions, a spread outside 0-0.5 or an image
        into which the head does not fit.
    """
    if n_lesions < 0 or not 0 <= spread <= 0.5:
        raise MRFInputError(
            "bad-phantom", "an option of the brain is out of range",
            expected="n_lesions of 0 or more, spread of 0-0.5", found=f"{n_lesions}, {spread:g}",
        )  # fmt: skip
    n_slices, height, width = checked_shape(shape)
    if voxel_size_mm is None:
        voxel_size_mm = _FIELD_OF_VIEW_MM / min(height, width)
    anatomy = BrainAnatomy(np.random.default_rng([seed, 11]), n_lesions)
    tissue = BrainTissue(np.random.default_rng([seed, 12]), spread)
    needed = anatomy.extent_mm()
    if needed[0] > height * voxel_size_mm or needed[1] > width * voxel_size_mm:
        raise MRFInputError(
            "bad-phantom", "the head does not fit into the image",
            expected=f"at least {needed[0]:.0f} x {needed[1]:.0f} mm",
            found=f"{height * voxel_size_mm:.0f} x {width * voxel_size_mm:.0f} mm",
            hint="Give more or larger voxels.",
        )  # fmt: skip
    factor = max(2, ceil(voxel_size_mm / _FINE_MM))
    y_mm = fine_positions(height, factor, voxel_size_mm)
    x_mm = fine_positions(width, factor, voxel_size_mm)
    z_mm = (np.arange(n_slices) - (n_slices - 1) / 2.0) * slice_thickness_mm

    keys = ("PD", "T1", "T2", "B1") if b1 else ("PD", "T1", "T2")
    maps = {key: np.full(shape, np.nan, dtype=np.float32) for key in keys}
    # Of its own: a person is the same with and without.
    transmit = RandomField(np.random.default_rng([seed, 13]), _B1_CORRELATION_MM, 30)
    centers = [fine_positions(count, 1, voxel_size_mm) for count in (height, width)]
    labels = np.zeros(shape, dtype=np.uint16)
    for index, z in enumerate(z_mm):
        section = anatomy.draw(float(z), y_mm, x_mm)
        values = _average(tissue.paint(section, float(z), y_mm, x_mm), factor)
        visible = values["PD"] > _LEAST_DENSITY
        if b1:
            values["B1"] = _transmit_field(transmit, float(z), *centers)
        for key, image in values.items():
            maps[key][index][visible] = image[visible]
        labels[index] = majority(section.labels, factor)
    # The drawing has x to the patient's left and y to the back, the world right and front.
    affine = np.diag([-voxel_size_mm, -voxel_size_mm, slice_thickness_mm, 1.0])
    affine[:3, 3] = -affine[:3, :3] @ ((np.array([width, height, n_slices]) - 1) / 2.0)
    density = np.nan_to_num(maps["PD"])
    return Phantom(
        name="brain",
        maps=maps,
        m0=density,
        foreground=density > 0,
        labels=labels,
        label_names={int(k): BRAIN_LABELS[int(k)][0] for k in np.unique(labels) if k},
        label_colors={int(k): BRAIN_LABELS[int(k)][1] for k in np.unique(labels) if k},
        affine=affine,
        settings={
            "seed": seed,
            "voxel_size_mm": voxel_size_mm,
            "slice_thickness_mm": slice_thickness_mm,
            "n_lesions": n_lesions,
            "spread": spread,
            **({"b1": True} if b1 else {}),
        },
    )


def _transmit_field(
    field: RandomField, z_mm: float, y_mm: NDArray[np.float64], x_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return relative B1 (Y, X): a dome, as at 3 T, that differs smoothly between people."""
    squares = np.add.outer((y_mm / _B1_EXTENT_MM) ** 2, (x_mm / _B1_EXTENT_MM) ** 2)
    dome = 0.75 + 0.42 * np.exp(-squares)
    return np.asarray(np.clip(dome + 0.04 * field(z_mm, y_mm, x_mm), 0.6, 1.4))


def _average(
    painted: dict[str, NDArray[np.float64]], factor: int
) -> dict[str, NDArray[np.float64]]:
    """Average fine points into voxels: densities, and rates weighted by them."""
    density = painted["PD"]
    mean_density = block_means(density, factor)
    values = {"PD": mean_density}
    for key in ("T1", "T2"):
        rate = np.where(density > 0, density / np.maximum(painted[key], 1e-3), 0.0)
        mean_rate = block_means(rate, factor)
        values[key] = np.where(mean_rate > 0, mean_density / np.maximum(mean_rate, 1e-12), 0.0)
    return values
