"""Random subjects for sequences of water and fat: any tissue next to any other, any texture.

Networks that look at neighbors learn what neighbors are like. On phantoms of people they learn
to return local means, which in-vivo maps are not. Here roughness, contrast, size of regions and
fields differ by orders of magnitude from subject to subject, so that a network has to read them
from the signal (domain randomization: Tobin et al., IROS 2017, doi 10.1109/IROS.2017.8202133).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.phantoms.random.fields import (
    all_alike,
    log_uniform,
    log_uniforms,
    smooth_field,
    sum_of_fields,
)
from napari_mrf.phantoms.random.layout import random_layout
from napari_mrf.phantoms.random.subject import as_phantom, blurred_mean, generator_of, limited

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.phantoms.phantom import Phantom
    from napari_mrf.phantoms.random.fields import Range
    from napari_mrf.phantoms.random.layout import Layout

    Values = NDArray[np.float64]

LIMITS: dict[str, Range] = {
    "FF": (0.0, 1.0),
    "T1H2O": (400.0, 3100.0),
    "T1fat": (180.0, 500.0),
    "Df": (-150.0, 150.0),
    "B1": (0.25, 1.25),
}
"""No value leaves these, the ranges of the recipes for MRF T1-FF."""

_WATER_T1_MS: Range = (450.0, 2900.0)


def random_water_fat(
    shape: tuple[int, int], *, seed: int, index: int, white_texture: bool = True
) -> Phantom:
    """Draw a random subject with maps of FF, T1H2O, T1fat, Df and B1.

    Parameters
    ----------
    shape : tuple of int
        (Y, X).
    seed, index : int
        The subject is a function of these two and the shape alone.
    white_texture : bool
        Whether it may have some.

    Returns
    -------
    Phantom
        One slice (1, Y, X).

    Raises
    ------
    MRFInputError
        ``"bad-phantom"`` for a slice that is too small and negative numbers.
    """
    rng = generator_of(seed, index)
    layout = random_layout(rng, shape)
    tissue = _tissue(rng, layout)
    density = np.where(layout.inside, rng.uniform(0.6, 1.1, layout.n_regions)[layout.labels], 0.0)
    if rng.random() < 0.5:
        density, tissue = _partial_volume(density, tissue, rng.uniform(0.3, 0.9))
    maps = {**tissue, **_fields(rng, layout)}
    phantom = as_phantom(
        "random water and fat", layout, limited(maps, np.ones(shape, bool), LIMITS), density,
        {"seed": seed, "index": index},
    )  # fmt: skip
    return roughened(phantom, rng) if white_texture else phantom


def roughened(phantom: Phantom, rng: np.random.Generator) -> Phantom:
    """Return a subject whose maps have white texture, as maps matched voxel by voxel have it.

    Parameters
    ----------
    phantom : Phantom
        With maps of water and fat.
    rng : numpy.random.Generator
        Draws how much of it: none in a quarter of the subjects, nor in a tenth in Df and in B1.
    """
    maps = {key: values.astype(np.float64) for key, values in phantom.maps.items()}
    shape = phantom.foreground.shape

    def white(size: Range) -> Values:
        return np.asarray(log_uniform(rng, size) * rng.standard_normal(shape))

    if rng.random() >= 0.25:
        maps["FF"] += white((0.005, 0.15))
        maps["T1H2O"] *= 1.0 + white((0.005, 0.35))
        maps["T1fat"] *= 1.0 + white((0.01, 0.2))
    if rng.random() < 0.3:
        lost = rng.random(shape) < log_uniform(rng, (0.005, 0.2))
        anything = log_uniforms(rng, _WATER_T1_MS, shape)
        maps["T1H2O"] = np.where(lost, anything, maps["T1H2O"])
    for key, size in (("Df", (1.0, 15.0)), ("B1", (0.015, 0.12))):
        if rng.random() >= 0.1:
            maps[key] += white(size)
    return replace(phantom, maps=limited(maps, phantom.foreground, LIMITS))


def _tissue(rng: np.random.Generator, layout: Layout) -> dict[str, Values]:
    """Return FF, T1H2O and T1fat (Y, X): a value for each region, and smooth texture."""
    n, shape = layout.n_regions, layout.labels.shape
    kind, spread = rng.random(n), rng.random(n)
    ff = np.where(kind < 0.4, 0.15 * spread, np.where(kind < 0.7, 0.75 + 0.25 * spread, spread))
    water = np.where(
        rng.random(n) < 0.5,
        rng.normal(1300.0, 150.0, n),
        log_uniforms(rng, _WATER_T1_MS, n),
    )
    water = all_alike(rng, water, 0.4)
    fat = all_alike(rng, rng.uniform(200.0, 480.0, n), 0.6)

    def texture(size: Range) -> Values:
        return log_uniform(rng, size) * smooth_field(rng, shape, log_uniform(rng, (0.6, 8.0)))

    return {
        "FF": np.clip(ff[layout.labels] + texture((0.004, 0.2)), 0.0, 1.0),
        "T1H2O": water[layout.labels] * (1.0 + texture((0.005, 0.25))),
        "T1fat": fat[layout.labels] * (1.0 + texture((0.005, 0.15))),
    }


def _partial_volume(
    density: Values, tissue: dict[str, Values], sigma: float
) -> tuple[Values, dict[str, Values]]:
    """Mix neighbors, each quantity weighted by the protons that carry it."""
    weights = {
        "FF": density,
        "T1H2O": density * (1.0 - tissue["FF"]),
        "T1fat": density * tissue["FF"],
    }
    mixed = {key: blurred_mean(tissue[key], weights[key], sigma) for key in weights}
    return blurred_mean(density, np.ones_like(density), sigma), mixed


def _fields(rng: np.random.Generator, layout: Layout) -> dict[str, Values]:
    """Return Df (Hz) and B1 (Y, X)."""
    shape = layout.labels.shape
    coarse, fine = (8.0, 60.0), (0.7, 6.0)
    df = sum_of_fields(rng, shape, ((2.0, 50.0), coarse), ((0.3, 10.0), fine))
    if rng.random() < 0.8:
        df += rng.uniform(-60.0, 60.0)
    if rng.random() < 0.2:
        df += rng.normal(0.0, 12.0, layout.n_regions)[layout.labels]
    b1 = sum_of_fields(rng, shape, ((0.01, 0.15), coarse), ((0.002, 0.05), fine))
    return {"Df": df, "B1": b1 + rng.uniform(0.4, 1.1)}
