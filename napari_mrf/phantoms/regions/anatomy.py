"""Anatomy of a section of another region: random, drawn point by point after a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.phantoms.labels import INTERMUSCULAR_FAT, OTHER, SUBCUTANEOUS_FAT
from napari_mrf.phantoms.random_fields import RandomField
from napari_mrf.phantoms.regions.plans import AIR
from napari_mrf.phantoms.section import Points, Section, drop_islands, harmonics, soft_gap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.phantoms.regions.plans import RegionPlan

BONE, FIRST_MUSCLE = 6, 101
SKIN_MM, SEPTUM_MM, CORTEX_SHARE = 1.8, 1.4, 0.72


class RegionAnatomy:
    """One person's section.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws sizes, positions and the warps of shapes.
    plan : RegionPlan
        Of a mean person.
    """

    def __init__(self, rng: np.random.Generator, plan: RegionPlan) -> None:
        self._scale = rng.normal(1.0, 0.02, 2)
        self._half_widths_mm = np.array(plan.half_widths_mm) * self._scale
        self._fat_mm = rng.uniform(*plan.fat_mm)
        self._outline = rng.normal(0.0, 1.0, (2, 4)) * [0.012, 0.012, 0.008, 0.005]
        self._fat_outline = rng.normal(0.0, 1.0, (2, 3)) * [0.16, 0.12, 0.06]
        self._discs = {
            name: np.array(discs, dtype=float) + np.append(rng.normal(0.0, 1.2, 2), 0.0)
            for name, discs in plan.muscles.items()
        }
        self._organs, self._bones = (
            [(x + rng.normal(0.0, 0.8), y + rng.normal(0.0, 0.8), *rest) for x, y, *rest in parts]
            for parts in (plan.organs, plan.bones)
        )
        self._warps = [RandomField(rng, (60.0, 26.0, 26.0), 40) for _ in range(2)]
        self._ripples = [RandomField(rng, (20.0, 7.0, 7.0), 60) for _ in range(2)]
        self._width = RandomField(rng, (25.0, 9.0, 9.0), 60)

    @property
    def muscles(self) -> dict[str, int]:
        """Labels of the muscles by name."""
        return {name: FIRST_MUSCLE + index for index, name in enumerate(self._discs)}

    def extent_mm(self) -> tuple[float, float]:
        """Return height and width of the body."""
        angle = np.linspace(-np.pi, np.pi, 721)
        radius = self._radius(angle) + self._fat_thickness(angle)
        height, width = (np.abs(radius * wave(angle)).max() for wave in (np.sin, np.cos))
        return 2.0 * float(height), 2.0 * float(width)

    def draw(self, z_mm: float, y_mm: Points, x_mm: Points) -> Section:
        """Return what lies on a grid with rows at y (Y,) and columns at x (X,) of one slice."""
        at = (z_mm, y_mm, x_mm)
        y, x = np.meshgrid(y_mm, x_mm, indexing="ij")
        warped_x = x + 2.0 * self._warps[0](*at) + 0.7 * self._ripples[0](*at)
        warped_y = y + 2.0 * self._warps[1](*at) + 0.7 * self._ripples[1](*at)
        angle = np.arctan2(y, x)
        depth = self._radius(angle) - np.hypot(warped_x, warped_y)
        skin_depth = self._radius(angle) + self._fat_thickness(angle) - np.hypot(x, y)
        depth = np.minimum(depth, skin_depth - SKIN_MM - 1.5)

        names = np.array(list(self.muscles.values()), dtype=np.uint16)
        distances = np.stack([self._distance(one, warped_y, warped_x) for one in self._discs])
        gap = soft_gap(distances, depth)
        width = SEPTUM_MM * np.exp(0.45 * self._width(*at))
        labels = np.where(skin_depth > 0, SUBCUTANEOUS_FAT, 0).astype(np.uint16)
        inside = depth > 0
        labels[inside] = INTERMUSCULAR_FAT
        muscle = inside & (gap >= width)
        labels[muscle] = names[np.argmin(distances, axis=0)][muscle]
        skin = (skin_depth > 0) & (skin_depth < SKIN_MM)
        labels[skin] = OTHER
        # Organs and bones follow the warps less: they keep their round shape.
        soft = (y + 0.4 * (warped_y - y), x + 0.4 * (warped_x - x))
        for center_x, center_y, half_x, half_y, label in self._organs:
            labels[self._ellipse(soft, center_x, center_y, half_x, half_y) & inside] = label
        cortex, marrow = self._insert_bones(labels, soft, inside)
        drop_islands(labels, names)
        silent = cortex | ((labels == AIR) & inside)
        return Section(
            labels, marrow, silent, skin, skin_depth, np.maximum(gap - width, 0.0), angle
        )

    def _insert_bones(
        self, labels: NDArray[np.uint16], at: tuple[Points, Points], inside: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        bone, marrow = (np.zeros(labels.shape, dtype=bool) for _ in range(2))
        for center_x, center_y, half_x, half_y in self._bones:
            bone |= self._ellipse(at, center_x, center_y, half_x, half_y) & inside
            inner = (CORTEX_SHARE * half_x, CORTEX_SHARE * half_y)
            marrow |= self._ellipse(at, center_x, center_y, *inner) & inside
        labels[bone] = BONE
        return bone & ~marrow, marrow

    def _ellipse(
        self, at: tuple[Points, Points], center_x: float, center_y: float, half_x: float,
        half_y: float,
    ) -> NDArray[np.bool_]:  # fmt: skip
        y, x = at
        scale_x, scale_y = self._scale
        dx, dy = x / scale_x - center_x, y / scale_y - center_y
        return np.asarray((dx / half_x) ** 2 + (dy / half_y) ** 2 < 1)

    def _radius(self, angle: Points) -> Points:
        a, b = self._half_widths_mm
        exponent = 2.4
        radius = np.abs(np.cos(angle) / a) ** exponent + np.abs(np.sin(angle) / b) ** exponent
        shape = 1.0 + harmonics(self._outline, angle, first=2)
        return np.asarray(radius ** (-1.0 / exponent) * shape)

    def _fat_thickness(self, angle: Points) -> Points:
        shape = 1.0 + harmonics(self._fat_outline, angle, first=1)
        return np.asarray(self._fat_mm * np.maximum(shape, 0.35))

    def _distance(self, name: str, y: Points, x: Points) -> Points:
        scale_x, scale_y = self._scale
        discs = [
            np.hypot(x - scale_x * disc_x, y - scale_y * disc_y) - radius
            for disc_x, disc_y, radius in self._discs[name]
        ]
        return np.asarray(np.min(discs, axis=0))
