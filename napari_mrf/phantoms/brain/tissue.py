"""Tissues of the head: T1, T2 and proton density, and how people differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_mrf.phantoms.brain.labels import (
    BLOOD,
    BONE,
    CAUDATE,
    CSF,
    GREY_MATTER,
    LESION,
    MARROW,
    MUSCLE,
    PALLIDUM,
    PUTAMEN,
    SCALP_FAT,
    SKIN,
    THALAMUS,
    WHITE_MATTER,
)
from napari_mrf.phantoms.random_fields import RandomField

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.phantoms.brain.anatomy import HeadSection

    Points = NDArray[np.float64]


class Tissue(NamedTuple):
    """Typical values at 3 T.

    Parameters
    ----------
    t1_ms, t2_ms : float
        Relaxation times.
    density : float
        Of visible protons, 1 in water.
    """

    t1_ms: float
    t2_ms: float
    density: float


TISSUES: dict[int, Tissue] = {
    # Wright et al., MAGMA 2008, 3 T: T1 of white matter 838, gray 1607, putamen 1332, head of
    # the caudate 1395 ms. Wansapura et al., JMRI 1999, 3 T: T1 832 and 1331, T2 79.6 and 110 ms
    # of white and grey matter. Grey matter lies between the two.
    WHITE_MATTER: Tissue(838, 78, 0.70),
    GREY_MATTER: Tissue(1450, 105, 0.82),
    CAUDATE: Tissue(1395, 88, 0.82),
    PUTAMEN: Tissue(1332, 78, 0.81),
    # Between white and grey matter, where both lie; iron shortens T2 (our choice).
    PALLIDUM: Tissue(1040, 60, 0.75),
    THALAMUS: Tissue(1200, 82, 0.78),
    # Free fluid: T1 4 s, T2 of seconds; within the dictionary of Hoppe et al., MICCAI 2019.
    CSF: Tissue(4000, 1500, 1.00),
    LESION: Tissue(1500, 160, 0.85),
    # Stanisz et al., MRM 2005, 3 T: blood 1932 and 275 ms, muscle 1412 and 50 ms.
    BLOOD: Tissue(1932, 275, 0.90),
    MUSCLE: Tissue(1412, 50, 0.80),
    # Gold et al., AJR 2004, 3 T: subcutaneous fat 371 and 133 ms, marrow 365 and 133 ms.
    SCALP_FAT: Tissue(371, 133, 0.90),
    MARROW: Tissue(420, 110, 0.65),
    SKIN: Tissue(900, 45, 0.65),
    BONE: Tissue(1000, 1, 0.0),
}
"""T1, T2 and proton density by label; cortical bone gives no signal."""


class BrainTissue:
    """One person's tissues.

    T1 and T2 of every tissue are those of `TISSUES` times a factor of the person and tissue
    (standard deviation `spread` of T1, 1.3 times that of T2) and smooth variations of 2-4 %
    within it.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws everything.
    spread : float
        Relative standard deviation between people, 0 or more.
    """

    def __init__(self, rng: np.random.Generator, spread: float) -> None:
        self._factors = {
            label: (
                float(np.exp(spread * np.clip(rng.standard_normal(), -2.5, 2.5))),
                float(np.exp(1.3 * spread * np.clip(rng.standard_normal(), -2.5, 2.5))),
            )
            for label in TISSUES
        }
        self._coarse = [RandomField(rng, 25.0, 40) for _ in range(3)]
        self._fine = [RandomField(rng, 4.0, 80) for _ in range(3)]

    def paint(
        self, section: HeadSection, z_mm: float, y_mm: Points, x_mm: Points
    ) -> dict[str, Points]:
        """Return ``T1, T2`` (ms) and ``PD`` of a section, rows at y (Y,), columns at x (X,)."""
        at = (z_mm, y_mm, x_mm)
        t1, t2, density = (np.zeros(section.labels.shape) for _ in range(3))
        for label in np.unique(section.labels):
            if label == 0:
                continue
            here = section.labels == label
            tissue, (factor1, factor2) = TISSUES[int(label)], self._factors[int(label)]
            t1[here], t2[here] = tissue.t1_ms * factor1, tissue.t2_ms * factor2
            density[here] = tissue.density
        variations = [
            np.exp(0.02 * coarse(*at) + 0.015 * fine(*at))
            for coarse, fine in zip(self._coarse, self._fine, strict=True)
        ]
        t1, t2 = np.clip(t1 * variations[0], 0, 4500.0), np.clip(t2 * variations[1], 0, 2500.0)
        return {"T1": t1, "T2": np.minimum(t2, t1), "PD": np.clip(density * variations[2], 0, 1)}
