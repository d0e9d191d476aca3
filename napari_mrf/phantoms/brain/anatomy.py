"""Anatomy of an axial section of the head: random, drawn point by point.

Lengths are in mm around the middle of the head: x points to the patient's left, y to the back,
z to the top. The sections lie at the level of the deep nuclei. Shells (skin, fat, bone, fluid,
cortex) follow the outline of the head; sulci are sheets of fluid that go inwards from it where a
random field along the surface is zero; ventricles and fissures are bands around drawn lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

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


Points = NDArray[np.float64]


@dataclass(frozen=True)
class HeadSection:
    """Labels of one drawn slice and how deep below the skin each point lies (mm)."""

    labels: NDArray[np.uint16]
    depth_mm: Points


class BrainAnatomy:
    """One random head.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws sizes, shapes and folds.
    n_lesions : int
        Lesions of white matter, 3-9 mm across.
    """

    def __init__(self, rng: np.random.Generator, n_lesions: int = 0) -> None:
        self._half_widths_mm = np.array([76.0, 95.0]) * rng.normal(1.0, 0.025, 2)
        self._outline = rng.normal(0.0, 1.0, (2, 4)) * [0.008, 0.012, 0.006, 0.004]
        self._fat_mm = rng.uniform(2.5, 6.0)
        self._marrow_mm = rng.uniform(1.8, 3.5)
        self._fluid_mm = rng.uniform(1.2, 3.0)
        self._ventricles = rng.uniform(0.75, 1.7)
        self._sulcus_mm = rng.uniform(0.35, 0.9)
        self._warps = [RandomField(rng, 26.0, 40) for _ in range(2)]
        self._ripples = [RandomField(rng, 8.0, 60) for _ in range(2)]
        self._shell = RandomField(rng, 22.0, 40)
        self._folds = RandomField(rng, (26.0, SULCUS_SCALE_MM, SULCUS_SCALE_MM), 100)
        self._bends = [RandomField(rng, 13.0, 60) for _ in range(2)]
        self._fold_depth = RandomField(rng, 14.0, 60)
        self._grain = RandomField(rng, 3.0, 100)
        self._lesions = [
            (rng.choice([-1.0, 1.0]) * rng.uniform(10.0, 38.0), rng.uniform(-50.0, 50.0),
             rng.normal(0.0, 3.0), rng.uniform(1.5, 4.5))
            for _ in range(n_lesions)
        ]  # fmt: skip

    def extent_mm(self) -> tuple[float, float]:
        """Return height (front to back) and width of the widest section."""
        angle = np.linspace(-np.pi, np.pi, 721)
        radius = self._head_radius(angle)
        return float(np.ptp(radius * np.sin(angle))), float(np.ptp(radius * np.cos(angle)))

    def draw(self, z_mm: float, y_mm: Points, x_mm: Points) -> HeadSection:
        """Return what lies on a grid with rows at y (Y,) and columns at x (X,) of one slice."""
        # The head narrows above and below its widest section.
        shrink = np.sqrt(max(1.0 - (z_mm / 95.0) ** 2, 0.05))
        rows, columns = y_mm / shrink, x_mm / shrink
        y, x = np.meshgrid(rows, columns, indexing="ij")
        at = (z_mm, rows, columns)
        angle, radius = np.arctan2(y, x), np.hypot(x, y)
        skin_depth = self._head_radius(angle) - radius
        labels = self._shells(skin_depth, angle, self._shell(*at))
        brain_depth = skin_depth - self._brain_starts_mm(angle, self._shell(*at))

        warped_x = x + 1.8 * self._warps[0](*at) + 0.4 * self._ripples[0](*at)
        warped_y = y + 2.2 * self._warps[1](*at) + 0.4 * self._ripples[1](*at)
        brain = brain_depth > 0
        labels[brain] = WHITE_MATTER
        step_mm = float(abs(rows[1] - rows[0])) if len(rows) > 1 else 1.0
        fluid_distance = self._to_fluid(at, warped_y, warped_x, brain_depth, step_mm)
        cortex = CORTEX_MM * (1.0 + 0.12 * self._grain(*at))
        labels[brain & (fluid_distance < cortex)] = GREY_MATTER
        self._insert_nuclei(labels, brain, warped_y, warped_x)
        self._insert_lesions(labels, z_mm, y, x)
        labels[brain & (fluid_distance < 0)] = CSF
        for line in (*LATERAL_VENTRICLE, THIRD_VENTRICLE):
            width = self._ventricles
            labels[brain & (_to_line(line, warped_y, np.abs(warped_x), width) < 0)] = CSF
        self._insert_sinus(labels, brain_depth, y, x)
        return HeadSection(labels, skin_depth * shrink)

    def _head_radius(self, angle: Points) -> Points:
        a, b = self._half_widths_mm
        exponent = 2.15
        radius = np.abs(np.cos(angle) / a) ** exponent + np.abs(np.sin(angle) / b) ** exponent
        radius = radius ** (-1.0 / exponent)
        cosines, sines = self._outline
        for order, (cosine, sine) in enumerate(zip(cosines, sines, strict=True), start=2):
            radius = radius * (1.0 + cosine * np.cos(order * angle) + sine * np.sin(order * angle))
        # The forehead is narrower than the back of the head.
        return np.asarray(radius * (1.0 + 0.035 * np.sin(angle)))

    def _scalp_mm(self, angle: Points, variation: Points) -> Points:
        """Return skin, fat and, at the temples, muscle: what lies upon the bone."""
        return np.asarray(
            SKIN_MM + self._fat_mm * np.exp(0.15 * variation) + self._muscle_mm(angle)
        )

    @staticmethod
    def _muscle_mm(angle: Points) -> Points:
        """Return the thickness of the temporal muscle, before and at the widest place."""
        towards = np.abs(np.angle(np.exp(1j * (np.abs(angle + np.pi / 2) - 1.15))))
        return np.asarray(9.0 * np.exp(-((towards / 0.38) ** 2)))

    def _bone_mm(self, angle: Points) -> Points:
        # Thinner under the temporal muscle.
        thin = 1.0 - 0.5 * self._muscle_mm(angle) / 9.0
        return np.asarray((OUTER_TABLE_MM + self._marrow_mm + INNER_TABLE_MM) * thin)

    def _brain_starts_mm(self, angle: Points, variation: Points) -> Points:
        return self._scalp_mm(angle, variation) + self._bone_mm(angle)

    def _shells(self, depth: Points, angle: Points, variation: Points) -> NDArray[np.uint16]:
        labels = np.zeros(depth.shape, dtype=np.uint16)
        scalp, bone = self._scalp_mm(angle, variation), self._bone_mm(angle)
        muscle = self._muscle_mm(angle)
        labels[depth > 0] = SCALP_FAT
        labels[(depth > 0) & (depth < SKIN_MM)] = SKIN
        labels[(depth > scalp - muscle) & (muscle > 1.0)] = MUSCLE
        labels[depth > scalp] = BONE
        inside = depth - scalp
        share = bone / (OUTER_TABLE_MM + self._marrow_mm + INNER_TABLE_MM)
        marrow = (inside > OUTER_TABLE_MM * share) & (inside < bone - INNER_TABLE_MM * share)
        labels[marrow] = MARROW
        return labels

    def _to_fluid(
        self, at: tuple[float, Points, Points], y: Points, x: Points, depth: Points, step_mm: float
    ) -> Points:
        """Return the distance (mm) to the fluid on and between the folds, negative in it."""
        outer = depth - self._fluid_mm
        nearest = np.minimum(outer, self._to_sulcus(at, y, x, depth, step_mm))
        for line in FOLDS_AROUND:
            nearest = np.minimum(nearest, _to_line(line, y, np.abs(x), 0.8 + self._sulcus_mm))
        return np.asarray(nearest)

    def _to_sulcus(
        self, at: tuple[float, Points, Points], y: Points, x: Points, depth: Points, step_mm: float
    ) -> Points:
        """Return the distance (mm) to the fluid in a sulcus, negative in it."""
        # Sampled on a curve around the head, so that the sheets go straight in and are equally
        # far from each other; they bend with the depth, and with the place.
        bent_y, bent_x = (
            along + 3.0 * bend(*at) for along, bend in zip((y, x), self._bends, strict=True)
        )
        angle = np.arctan2(bent_y, bent_x)
        field = np.zeros(depth.shape)
        near = (depth > -MARGIN_MM) & (depth < DEEPEST_SULCUS_MM + MARGIN_MM)
        field[near] = self._folds.at_points(
            at[0] + 1.3 * depth[near],
            FOLDED_MM * np.sin(angle[near]),
            FOLDED_MM * np.cos(angle[near]),
        )
        field = gaussian_filter(field, 0.4 / step_mm)
        steepness = np.hypot(*np.gradient(field, step_mm))
        # At a saddle of the field the slope tells nothing of the distance.
        distance = np.abs(field) / np.maximum(steepness, 0.35 / SULCUS_SCALE_MM)
        ends = np.clip(16.0 + 5.0 * self._fold_depth(*at), 5.0, DEEPEST_SULCUS_MM)
        beyond = np.maximum(depth - ends, 0.0)
        # Narrower towards the bottom.
        width = self._sulcus_mm * np.clip(1.3 - 0.05 * depth, 0.6, 1.3)
        return np.asarray(np.hypot(distance, beyond) - width)

    def _insert_nuclei(
        self, labels: NDArray[np.uint16], brain: NDArray[np.bool_], y: Points, x: Points
    ) -> None:
        for label, center_x, center_y, half_x, half_y, degrees in NUCLEI:
            dx, dy = np.abs(x) - center_x, y - center_y
            turn = np.deg2rad(degrees)
            across = dx * np.cos(turn) + dy * np.sin(turn)
            along = dy * np.cos(turn) - dx * np.sin(turn)
            labels[brain & ((across / half_x) ** 2 + (along / half_y) ** 2 < 1)] = label

    def _insert_lesions(
        self, labels: NDArray[np.uint16], z_mm: float, y: Points, x: Points
    ) -> None:
        for center_x, center_y, center_z, radius in self._lesions:
            distance = np.sqrt((x - center_x) ** 2 + (y - center_y) ** 2 + (z_mm - center_z) ** 2)
            labels[(distance < radius) & (labels == WHITE_MATTER)] = LESION

    def _insert_sinus(
        self, labels: NDArray[np.uint16], depth: Points, y: Points, x: Points
    ) -> None:
        """Draw the superior sagittal sinus, at the back in the midline under the bone."""
        labels[(np.hypot(1.3 * x, depth - 2.5) < 3.4) & (y > 0) & (depth > 0)] = BLOOD


def _to_line(line: Line, y: Points, x: Points, width: float) -> Points:
    """Return the distance (mm) to a band around a line of points (x, y, half-width)."""
    nearest = np.full(y.shape, np.inf)
    for (x0, y0, r0), (x1, y1, r1) in pairwise(line):
        dx, dy = x1 - x0, y1 - y0
        share = np.clip(((x - x0) * dx + (y - y0) * dy) / (dx**2 + dy**2), 0.0, 1.0)
        distance = np.hypot(x - x0 - share * dx, y - y0 - share * dy)
        nearest = np.minimum(nearest, distance - width * (r0 + share * (r1 - r0)))
    return nearest
