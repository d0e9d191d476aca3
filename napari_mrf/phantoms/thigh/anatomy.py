"""Anatomy of a cross-section of the thigh: random, drawn point by point.

Lengths are in mm in the frame of a right thigh seen from the feet: x points to the patient's
left (medial), y to the back, z to the head. Muscles are the cells of a distance diagram: each
has a few discs, and a point belongs to the muscle whose disc is nearest. Where two muscles are
nearly equally near runs a septum of fat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.phantoms.labels import (
    BLOOD,
    INTERMUSCULAR_FAT,
    MUSCLES,
    OTHER,
    SUBCUTANEOUS_FAT,
    label_of,
)
from napari_mrf.phantoms.random_fields import RandomField
from napari_mrf.phantoms.section import Points, Section, drop_islands, harmonics, soft_gap

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Discs of each muscle in a mean thigh: (x, y, radius) in mm from the center of the muscles.
DISCS: dict[str, tuple[tuple[float, float, float], ...]] = {
    "VL": (
        (-49, -33, 10),
        (-56, -25, 11),
        (-60, -15, 12),
        (-62, -3, 12),
        (-60, 9, 12),
        (-54, 19, 11),
        (-46, 28, 8),
        (-40, 34, 5),
    ),
    "VI": (
        (-40, 2, 7),
        (-42, -6, 8),
        (-43, -14, 9),
        (-40, -22, 9),
        (-33, -28, 9),
        (-21, -30, 9),
        (-9, -26, 7),
    ),
    "VM": ((4, -37, 9), (11, -29, 11), (9, -19, 8), (2, -11, 5)),
    "RF": ((-38, -42, 7), (-31, -43, 10), (-23, -44, 10), (-15, -43, 7)),
    "SAR": ((27, -24, 4), (32, -20, 5), (37, -14, 4)),
    "GRA": ((54, 13, 9), (53, 8, 7)),
    "SM": ((39, 35, 10), (30, 43, 9)),
    "ST": ((10, 43, 12), (15, 35, 9)),
    "BF": ((-15, 39, 13), (-21, 29, 10)),
    "BF_SH": ((-36, 18, 7), (-28, 13, 7), (-21, 8, 4)),
    "AM": ((8, 18, 8), (23, 17, 11), (35, 17, 10), (38, 7, 7)),
    "AL": ((20, -3, 8), (28, -4, 7)),
    "AB": ((6, 3, 6), (-3, 8, 5)),
}


COMPARTMENTS = (("VL", "VI", "VM", "RF"), ("SAR",), ("GRA", "AM", "AL", "AB"),
                 ("SM", "ST", "BF", "BF_SH"))  # fmt: skip


FEMUR_MM = (-21.0, -15.0)


# Vessels and the sciatic nerve: x, y, half-widths along x and y, fat around them, label.
INCLUSIONS = (
    (13.0, -14.0, 3.6, 3.6, 1.3, BLOOD),
    (17.0, -9.0, 4.3, 3.6, 1.3, BLOOD),
    (-4.0, 1.0, 2.2, 1.8, 2.0, BLOOD),
    (-4.0, 24.0, 4.5, 2.6, 2.6, OTHER),
)


SKIN_MM = 1.8


WIDEST_MM = 172.0


class ThighAnatomy:
    """One random thigh.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws sizes, positions and the warps of shapes.
    side : {"right", "left"}
        The left thigh is the mirror image.
    """

    def __init__(self, rng: np.random.Generator, side: str = "right") -> None:
        self.side = side
        self._mirror = -1.0 if side == "left" else 1.0
        self._half_widths_mm = np.array([67.0, 53.0]) * rng.normal(1.0, 0.02, 2)
        self._fat_mm = rng.uniform(7.0, 17.0)
        self._outline = rng.normal(0.0, 1.0, (2, 4)) * [0.012, 0.02, 0.01, 0.006]
        self._fat_outline = rng.normal(0.0, 1.0, (2, 3)) * [0.14, 0.12, 0.06]
        self._femur_mm = np.array(FEMUR_MM) + rng.normal(0.0, 1.5, 2)
        self._cortex_mm = rng.normal(14.0, 0.6)
        self._marrow_mm = self._cortex_mm * rng.uniform(0.5, 0.62)
        self._discs = {
            name: np.array(discs) + np.append(rng.normal(0.0, 1.3, 2), rng.normal(0.0, 0.7))
            for name, discs in DISCS.items()
        }
        self._inclusions = [
            (x + rng.normal(0.0, 1.0), y + rng.normal(0.0, 1.0), *rest)
            for x, y, *rest in INCLUSIONS
        ]
        self._saphenous = (rng.uniform(-0.75, -0.25), rng.uniform(0.35, 0.6))
        self._warps = [RandomField(rng, (60.0, 24.0, 24.0), 40) for _ in range(2)]
        self._ripples = [RandomField(rng, (20.0, 7.0, 7.0), 60) for _ in range(2)]
        self._width = RandomField(rng, (25.0, 9.0, 9.0), 60)
        self._taper = rng.normal(0.0, 0.0012)
        while self._width_mm() > WIDEST_MM:
            self._fat_mm *= 0.95

    def draw(self, z_mm: float, y_mm: Points, x_mm: Points) -> Section:
        """Return what lies on a grid with rows at y (Y,) and columns at x (X,) of one slice."""
        taper = 1.0 + self._taper * z_mm
        rows, columns = y_mm / taper, self._mirror * x_mm / taper
        y, x = np.meshgrid(rows, columns, indexing="ij")
        at = (z_mm, rows, columns)
        warped_x = x + 2.2 * self._warps[0](*at) + 0.7 * self._ripples[0](*at)
        warped_y = y + 2.2 * self._warps[1](*at) + 0.7 * self._ripples[1](*at)

        angle = np.arctan2(y, x)
        radius = np.hypot(x, y)
        outline = self._compartment_radius(angle)
        depth = outline - np.hypot(warped_x, warped_y)
        skin_depth = outline + self._fat_thickness(angle) - radius

        names = np.array([label_of(name, self.side) for name in MUSCLES], dtype=np.uint16)
        distances = np.stack([self._distance(name, warped_y, warped_x) for name in MUSCLES])
        order = np.argsort(distances, axis=0)[:2]
        # The gracilis bulges into the fat, and the fascia follows; but not through the skin.
        depth = np.maximum(depth, 2.0 - self._distance("GRA", warped_y, warped_x))
        depth = np.minimum(depth, skin_depth - SKIN_MM - 1.5)
        gap = soft_gap(distances, depth)
        width = self._septum_width(order, self._width(*at))
        inside = depth > 0
        septum = gap < width

        labels = np.where(skin_depth > 0, SUBCUTANEOUS_FAT, 0).astype(np.uint16)
        labels[inside] = INTERMUSCULAR_FAT
        muscle = inside & ~septum
        labels[muscle] = names[order[0]][muscle]
        skin = (skin_depth > 0) & (skin_depth < SKIN_MM)
        labels[skin] = OTHER
        marrow = self._insert_bone(labels, y + 0.3 * (warped_y - y), x + 0.3 * (warped_x - x))
        self._insert_inclusions(labels, y, x)
        drop_islands(labels, names)
        silent = (labels == label_of("FEMUR", self.side)) & ~marrow
        return Section(
            labels, marrow, silent, skin, skin_depth, np.maximum(gap - width, 0.0), angle
        )

    def extent_mm(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the lowest and highest y and x of the skin in the middle slice."""
        angle = np.linspace(-np.pi, np.pi, 721)
        radius = self._compartment_radius(angle) + self._fat_thickness(angle)
        y, x = radius * np.sin(angle), self._mirror * radius * np.cos(angle)
        return (float(y.min()), float(y.max())), (float(x.min()), float(x.max()))

    def _width_mm(self) -> float:
        _, (left, right) = self.extent_mm()
        return right - left

    def _compartment_radius(self, angle: Points) -> Points:
        a, b = self._half_widths_mm
        exponent = 2.25  # a little squarer than an ellipse
        radius = np.abs(np.cos(angle) / a) ** exponent + np.abs(np.sin(angle) / b) ** exponent
        radius = radius ** (-1.0 / exponent)
        # Flat from the front to the medial side, where only the sartorius lies.
        flat = 0.16 * np.exp(-(((angle + 0.75) / 0.42) ** 2))
        return np.asarray(radius * (1.0 - flat + harmonics(self._outline, angle, first=2)))

    def _fat_thickness(self, angle: Points) -> Points:
        # More fat medially and in front than laterally.
        mean = 1.0 + 0.3 * np.cos(angle) - 0.12 * np.sin(angle)
        shape = mean + harmonics(self._fat_outline, angle, first=1)
        return np.asarray(self._fat_mm * np.maximum(shape, 0.35))

    def _distance(self, name: str, y: Points, x: Points) -> Points:
        scale_x, scale_y = self._half_widths_mm / [67.0, 53.0]
        discs = [
            np.hypot(x - scale_x * disc_x, y - scale_y * disc_y) - radius
            for disc_x, disc_y, radius in self._discs[name]
        ]
        return np.asarray(np.min(discs, axis=0))

    @staticmethod
    def _septum_width(order: NDArray[np.intp], variation: Points) -> Points:
        compartment = np.array(
            [next(i for i, group in enumerate(COMPARTMENTS) if name in group) for name in MUSCLES]
        )
        across = compartment[order[0]] != compartment[order[1]]
        return np.asarray(np.where(across, 2.4, 0.9) * np.exp(0.45 * variation))

    def _insert_bone(self, labels: NDArray[np.uint16], y: Points, x: Points) -> NDArray[np.bool_]:
        dx, dy = x - self._femur_mm[0], y - self._femur_mm[1]
        radius = np.hypot(dx, dy)
        # The linea aspera: a ridge at the back of the shaft.
        ridge = 2.6 * np.exp(-(((np.arctan2(dy, dx) - 1.2) / 0.35) ** 2))
        labels[radius < self._cortex_mm + ridge] = label_of("FEMUR", self.side)
        return np.asarray(radius < self._marrow_mm)

    def _insert_inclusions(self, labels: NDArray[np.uint16], y: Points, x: Points) -> None:
        bone = labels == label_of("FEMUR", self.side)
        for center_x, center_y, half_x, half_y, fat_mm, tissue in self._inclusions:
            dx, dy = x - center_x, y - center_y
            around = (dx / (half_x + fat_mm)) ** 2 + (dy / (half_y + fat_mm)) ** 2 < 1
            labels[around & ~bone] = INTERMUSCULAR_FAT
            labels[((dx / half_x) ** 2 + (dy / half_y) ** 2 < 1) & ~bone] = tissue
        # The great saphenous vein in the medial fat.
        angle, share = self._saphenous
        radius = self._compartment_radius(np.array(angle)) + share * self._fat_thickness(
            np.array(angle)
        )
        center_x, center_y = radius * np.cos(angle), radius * np.sin(angle)
        vein = np.hypot(x - center_x, y - center_y) < 2.2
        labels[vein & (labels == SUBCUTANEOUS_FAT)] = BLOOD
