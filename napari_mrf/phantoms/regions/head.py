"""The geometry of a head with the tissue of muscles: shapes that no thigh has.

Apart from `anatomy`, which draws by a plan: this one takes the sections of the brain phantom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.phantoms.brain.anatomy import BrainAnatomy
from napari_mrf.phantoms.brain.labels import BLOOD as SINUS
from napari_mrf.phantoms.brain.labels import (
    BONE,
    BRAIN_LABELS,
    CAUDATE,
    CSF,
    GREY_MATTER,
    MARROW,
    MUSCLE,
    PALLIDUM,
    PUTAMEN,
    SCALP_FAT,
    SKIN,
    THALAMUS,
    WHITE_MATTER,
)
from napari_mrf.phantoms.labels import BLOOD, OTHER, SUBCUTANEOUS_FAT
from napari_mrf.phantoms.regions.anatomy import BONE as BONE_OF_REGIONS
from napari_mrf.phantoms.regions.anatomy import FIRST_MUSCLE
from napari_mrf.phantoms.section import Section

if TYPE_CHECKING:
    from napari_mrf.phantoms.section import Points

_AS_MUSCLES = (WHITE_MATTER, GREY_MATTER, CAUDATE, PUTAMEN, PALLIDUM, THALAMUS, MUSCLE)
_OTHERS = {CSF: BLOOD, SINUS: BLOOD, SCALP_FAT: SUBCUTANEOUS_FAT, SKIN: OTHER,
           MARROW: BONE_OF_REGIONS, BONE: BONE_OF_REGIONS}  # fmt: skip


class MuscleHead:
    """One person's head, see `RegionAnatomy`: each tissue of the brain is a muscle, fluid is blood.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the person.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._brain = BrainAnatomy(rng)

    @property
    def muscles(self) -> dict[str, int]:
        """Labels of what counts as a muscle, by name."""
        names = (BRAIN_LABELS[label][0] for label in _AS_MUSCLES)
        return {name: FIRST_MUSCLE + index for index, name in enumerate(names)}

    def extent_mm(self) -> tuple[float, float]:
        """Return height and width of the head."""
        return self._brain.extent_mm()

    def draw(self, z_mm: float, y_mm: Points, x_mm: Points) -> Section:
        """Return what lies on a grid with rows at y (Y,) and columns at x (X,) of one slice."""
        drawn = self._brain.draw(z_mm, y_mm, x_mm)
        labels = np.zeros_like(drawn.labels)
        for index, label in enumerate(_AS_MUSCLES):
            labels[drawn.labels == label] = FIRST_MUSCLE + index
        for label, other in _OTHERS.items():
            labels[drawn.labels == label] = other
        y, x = np.meshgrid(y_mm, x_mm, indexing="ij")
        no_septa = np.full(labels.shape, np.inf)
        return Section(
            labels, drawn.labels == MARROW, drawn.labels == BONE, drawn.labels == SKIN,
            drawn.depth_mm, no_septa, np.arctan2(y, x),
        )  # fmt: skip
