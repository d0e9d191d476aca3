"""Procedural sections of other regions of the body: any resolution, any number of patients."""

from __future__ import annotations

from colorsys import hsv_to_rgb
from math import ceil

import numpy as np

from napari_mrf.errors import MRFInputError
from napari_mrf.phantoms.labels import LABELS
from napari_mrf.phantoms.muscle_tissue import MuscleTissue
from napari_mrf.phantoms.partial_volume import (
    checked_shape,
    fine_positions,
    majority,
    water_fat_means,
)
from napari_mrf.phantoms.phantom import Phantom
from napari_mrf.phantoms.regions.anatomy import BONE, RegionAnatomy
from napari_mrf.phantoms.regions.head import MuscleHead
from napari_mrf.phantoms.regions.plans import PLANS

HEAD = "head"
REGIONS = (*PLANS, HEAD)
"""Names of the regions."""

_FINE_MM, _LEAST_DENSITY = 0.7, 0.25
_SLICE_MM = 8.0
_ILL, _WET = 0.5, 0.25


def region(
    name: str, shape: tuple[int, int, int], *, seed: int, voxel_size_mm: float = 1.0
) -> Phantom:
    """Draw another region of a random patient: tissue as in the thigh, in other shapes.

    Parameters
    ----------
    name : {"shoulder", "pelvis", "head"}
        A shoulder with humerus, scapula and lung; a pelvis with both hips and bladder; the
        geometry of a head, whose tissues are muscles.
    shape : tuple of int
        (Z, Y, X) voxels.
    seed : int
        Of the patient: the same at every resolution.
    voxel_size_mm : float
        Edge length in plane.

    Returns
    -------
    Phantom
        With maps FF, T1H2O, T1fat, Df and B1; muscles are numbered from 101. Half of them have
        fatty infiltration and a quarter edema, as in the thigh. Cortical bone and air have no
        signal.

    Raises
    ------
    MRFInputError
        ``"bad-phantom"`` for an unknown region or an image into which it does not fit.
    """
    if name not in REGIONS:
        raise MRFInputError("bad-phantom", "there is no such region",
                            expected=", ".join(REGIONS), found=name)  # fmt: skip
    n_slices, height, width = checked_shape(shape)
    rng = np.random.default_rng([seed, 21])
    anatomy = MuscleHead(rng) if name == HEAD else RegionAnatomy(rng, PLANS[name])
    needed = anatomy.extent_mm()
    if needed[0] > height * voxel_size_mm or needed[1] > width * voxel_size_mm:
        raise MRFInputError(
            "bad-phantom", f"the {name} does not fit into the image",
            expected=f"at least {needed[0]:.0f} x {needed[1]:.0f} mm",
            found=f"{height * voxel_size_mm:.0f} x {width * voxel_size_mm:.0f} mm",
            hint="Give more or larger voxels.",
        )  # fmt: skip
    muscles = anatomy.muscles
    tissue = MuscleTissue(np.random.default_rng([seed, 22]), tuple(muscles), _ILL, _WET)
    factor = max(2, ceil(voxel_size_mm / _FINE_MM))
    y_mm = fine_positions(height, factor, voxel_size_mm)
    x_mm = fine_positions(width, factor, voxel_size_mm)
    maps: dict[str, np.ndarray] = {}
    m0, labels = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.uint16)
    for index in range(n_slices):
        z_mm = (index - (n_slices - 1) / 2.0) * _SLICE_MM
        section = anatomy.draw(z_mm, y_mm, x_mm)
        painted = tissue.paint(section, muscles, z_mm, y_mm, x_mm)
        values, density = water_fat_means(painted, factor)
        visible = density > _LEAST_DENSITY
        m0[index] = np.where(visible, density, 0.0)
        for key, image in values.items():
            whole = maps.setdefault(key, np.full(shape, np.nan, dtype=np.float32))
            whole[index][visible] = image[visible]
        labels[index] = majority(section.labels, factor)
    affine = np.diag([-voxel_size_mm, -voxel_size_mm, _SLICE_MM, 1.0])
    affine[:3, 3] = -affine[:3, :3] @ ((np.array([width, height, n_slices]) - 1) / 2.0)
    table = _table(muscles)
    present = [int(one) for one in np.unique(labels) if one]
    return Phantom(
        name=name,
        maps=maps,
        m0=m0,
        foreground=m0 > 0,
        labels=labels,
        label_names={one: table[one][0] for one in present},
        label_colors={one: table[one][1] for one in present},
        affine=affine,
        settings={"region": name, "seed": seed, "voxel_size_mm": voxel_size_mm},
    )


def _table(muscles: dict[str, int]) -> dict[int, tuple[str, tuple[int, int, int]]]:
    table = {**LABELS, BONE: ("BONE", LABELS[BONE][1])}
    for index, (name, label) in enumerate(muscles.items()):
        red, green, blue = (round(255 * one) for one in hsv_to_rgb(index / len(muscles), 0.7, 0.9))
        table[label] = (name, (red, green, blue))
    return table
