"""Where ventricles, fissures and nuclei lie in a head, in mm."""

from __future__ import annotations

from napari_mrf.phantoms.brain.labels import (
    CAUDATE,
    PALLIDUM,
    PUTAMEN,
    THALAMUS,
)

Line = tuple[tuple[float, float, float], ...]


# Lines of fluid on the left side: x, y, half-width in mm. The right side mirrors them.
LATERAL_VENTRICLE: tuple[Line, ...] = (
    ((3.5, -14, 2.6), (5, -22, 3.2), (9, -28, 2.8), (14, -33, 1.2)),  # frontal horn
    ((17, 30, 2.2), (23, 37, 4.2), (26, 46, 4.0), (25, 56, 1.8)),  # atrium and occipital horn
)


THIRD_VENTRICLE: Line = ((0, -6, 0.9), (0, 4, 1.6), (0, 13, 1.4))


SYLVIAN: tuple[Line, ...] = (
    ((75, -8, 1.6), (58, -10, 1.2), (45, -6, 1.2)),
    ((41, -22, 0.8), (44, -10, 1.2), (45, 2, 1.2), (42, 16, 0.8)),  # over the insula
)


FISSURE: tuple[Line, ...] = (
    ((0, -95, 1.0), (0, -42, 0.8)),
    ((0, 36, 0.9), (0, 95, 1.0)),
)


FOLDS_AROUND = (*SYLVIAN, *FISSURE)


# Deep nuclei on the left side: center x, y, half-widths, rotation in degrees.
NUCLEI: tuple[tuple[int, float, float, float, float, float], ...] = (
    (THALAMUS, 10.5, 14.0, 7.5, 14.0, -22.0),
    (PUTAMEN, 27.5, -3.0, 4.6, 16.0, 10.0),
    (PALLIDUM, 20.0, 0.0, 4.0, 9.0, 24.0),
    (CAUDATE, 13.5, -22.0, 4.6, 9.5, -24.0),
)


CORTEX_MM = 2.8


FOLDED_MM = 68.0
"""Radius of the curve along which the folds are drawn."""


SULCUS_SCALE_MM = 4.2


DEEPEST_SULCUS_MM = 26.0


MARGIN_MM = 6.0  # more than the cortex is thick


SKIN_MM, OUTER_TABLE_MM, INNER_TABLE_MM = 1.8, 2.2, 2.0
