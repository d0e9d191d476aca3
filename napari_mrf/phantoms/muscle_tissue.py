"""Tissues of muscles, ill and healthy: fat fraction, relaxation, fields and textures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.phantoms.labels import (
    BLOOD,
    INTERMUSCULAR_FAT,
    OTHER,
    SUBCUTANEOUS_FAT,
)
from napari_mrf.phantoms.random_fields import RandomField

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.phantoms.section import Points, Section


class MuscleTissue:
    """The state of one patient's muscles at 3 T: which are ill, and how.

    Healthy muscle has 3-8 % fat and a water T1 of 1250-1400 ms. Infiltrated muscles have
    12-80 % fat in streaks and patches, edematous ones a water T1 raised by 200-600 ms in
    patches. Values are typical of in-vivo maps of neuromuscular patients.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws everything.
    muscles : tuple of str
        Their names.
    infiltrated_fraction, oedema_fraction : float
        Share of muscles that are fatty, and that have edema, 0-1.

    References
    ----------
    Marty and Carlier, MRM 2020; Balsiger et al., Medical Image Analysis 2020, section 4.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        muscles: tuple[str, ...],
        infiltrated_fraction: float,
        oedema_fraction: float,
    ) -> None:
        n_infiltrated = round(infiltrated_fraction * len(muscles))
        self.fat_fractions = dict(zip(muscles, rng.uniform(0.03, 0.08, len(muscles)), strict=True))
        ill = [muscles[index] for index in rng.permutation(len(muscles))]
        for rank, name in enumerate(ill[:n_infiltrated]):
            # One muscle is nearly replaced by fat, the others at every stage.
            self.fat_fractions[name] = (
                rng.uniform(0.62, 0.78) if rank == 0 else rng.uniform(0.12, 0.6)
            )
        self.water_t1_ms = dict(zip(muscles, rng.uniform(1240, 1400, len(muscles)), strict=True))
        n_edema = round(oedema_fraction * len(muscles))
        wet = [name for name in ill[1:] + ill[:1] if self.fat_fractions[name] < 0.5]
        self.edema_ms = {name: rng.uniform(250, 600) for name in wet[:n_edema]}

        self._streaks = RandomField(rng, (10.0, 2.0, 3.5), 150)
        self._patches = RandomField(rng, (25.0, 8.0, 8.0), 80)
        self._wet_patches = RandomField(rng, (25.0, 9.0, 9.0), 80)
        self._grain = RandomField(rng, (4.0, 1.6, 1.6), 200)
        self._lobules = RandomField(rng, (12.0, 5.0, 2.5), 150)
        self._df_background = RandomField(rng, (70.0, 38.0, 38.0), 40)
        self._df_fine = RandomField(rng, (40.0, 14.0, 14.0), 60)
        self._b1_background = RandomField(rng, (150.0, 45.0, 45.0), 40)
        self._density = RandomField(rng, (150.0, 60.0, 60.0), 40)
        self._df_offset_hz = rng.uniform(-5.0, 15.0)
        self._b1_mean = rng.uniform(0.70, 0.78)
        # Shim fails near the skin in one or two places: angle, width (rad) and height (Hz).
        self._df_lobes = [
            (rng.uniform(-np.pi, np.pi), rng.uniform(0.3, 0.55), sign * rng.uniform(45.0, 85.0))
            for sign in (1.0, rng.choice([-1.0, 1.0]))
        ]

    def paint(
        self,
        section: Section,
        labels_of: Mapping[str, int],
        z_mm: float,
        y_mm: Points,
        x_mm: Points,
    ) -> dict[str, Points]:
        """Return ``FF, T1H2O, T1fat, Df, B1`` and the proton density ``m0`` of a section.

        The rows lie at y (Y,), the columns at x (X,); `labels_of` has the label of each muscle.
        """
        at = (z_mm, y_mm, x_mm)
        labels = section.labels
        grain, lobules = self._grain(*at), self._lobules(*at)
        fat_fraction = np.zeros(labels.shape)
        water_t1 = np.full(labels.shape, 1150.0) + 30.0 * grain
        density = np.ones(labels.shape)
        self._paint_muscles(section, labels_of, at, fat_fraction, water_t1)

        fat = labels == SUBCUTANEOUS_FAT
        fat_fraction[fat] = (0.90 - 0.02 * lobules**2 + 0.008 * grain)[fat]
        septa = labels == INTERMUSCULAR_FAT
        fat_fraction[septa] = (0.72 + 0.09 * self._patches(*at) + 0.04 * grain)[septa]
        fat_fraction[section.marrow] = (0.89 + 0.02 * grain)[section.marrow]
        blood = labels == BLOOD
        fat_fraction[blood], water_t1[blood], density[blood] = 0.02, 1900.0, 1.05
        # Nerve deep inside, skin at the surface: short water T1, low density.
        other = labels == OTHER
        fat_fraction[other], water_t1[other] = 0.35, 1200.0
        skin = section.skin
        fat_fraction[skin], density[skin] = 0.2, 0.7
        water_t1[skin] = (820.0 + 60.0 * grain)[skin]
        fat_fraction = np.clip(fat_fraction, 0.0, 0.97)

        density *= (0.80 + 0.16 * fat_fraction) * np.exp(0.06 * self._density(*at) + 0.02 * grain)
        density[labels == 0] = 0.0
        density[section.silent] = 0.0
        df = self._off_resonance(section, at, fat_fraction)
        b1 = self._b1_mean + 0.085 * self._b1_background(*at) - 0.02 * fat
        return {
            "FF": fat_fraction,
            "T1H2O": np.clip(water_t1, 700.0, 2200.0),
            "T1fat": np.clip(335.0 - 15.0 * section.marrow + 8.0 * lobules, 290.0, 380.0),
            "Df": df,
            "B1": np.clip(b1, 0.42, 0.98),
            "m0": density,
        }

    def _paint_muscles(
        self, section: Section, labels_of: Mapping[str, int], at: tuple[float, Points, Points],
        fat_fraction: Points, water_t1: Points,
    ) -> None:  # fmt: skip
        patches = self._patches(*at)
        texture = 0.75 * self._streaks(*at) + 0.6 * patches
        near_fascia = np.exp(-section.septum_distance_mm / 2.0)
        wet = 1.0 / (1.0 + np.exp(-2.5 * (self._wet_patches(*at) + 0.5)))
        grain = self._grain(*at)
        for name, label in labels_of.items():
            here = section.labels == label
            mean = self.fat_fractions[name]
            logit = np.log(mean / (1.0 - mean)) + (0.85 if mean > 0.1 else 0.35) * texture
            fat_fraction[here] = (1.0 / (1.0 + np.exp(-logit - 0.5 * near_fascia)))[here]
            raised = self.edema_ms.get(name, 0.0) * wet
            water_t1[here] = (self.water_t1_ms[name] + 28.0 * grain + 25.0 * patches + raised)[here]

    def _off_resonance(
        self, section: Section, at: tuple[float, Points, Points], fat_fraction: Points
    ) -> Points:
        df = self._df_offset_hz + 11.0 * self._df_background(*at) + 4.0 * self._df_fine(*at)
        df -= 7.0 * fat_fraction
        depth = np.maximum(section.depth_mm, 0.0)
        for angle, width, height in self._df_lobes:
            apart = np.angle(np.exp(1j * (section.angle_rad - angle)))
            df += height * np.exp(-((apart / width) ** 2) - depth / 9.0)
        return np.clip(df, -110.0, 110.0)
