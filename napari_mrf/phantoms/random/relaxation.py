"""Random subjects for FISP: T1, T2, proton density and, where asked for, B1.

As `napari_mrf.phantoms.random.water_fat`, with tissue of the head and tissue that nobody has.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.phantoms.brain.tissue import TISSUES
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
    "T1": (100.0, 4500.0),
    "T2": (10.0, 2500.0),
    "B1": (0.6, 1.4),
}
"""No value leaves these: what FISP with B1 covers and the recipes for FISP are trained on."""

_T1_MS: Range = (150.0, 4500.0)
# Of the tissues of the head: from muscle, 0.035, to fluid, 0.375.
_T2_OVER_T1: Range = (0.02, 0.6)
_HEAD = [one for one in TISSUES.values() if one.density > 0]


def random_relaxation(
    shape: tuple[int, int], *, seed: int, index: int, b1: bool = False, white_texture: bool = True
) -> Phantom:
    """Draw a random subject with maps of PD, T1 and T2, and of B1 where asked for.

    Parameters
    ----------
    shape : tuple of int
        (Y, X).
    seed, index : int
        The subject is a function of these two and the shape alone.
    b1 : bool
        Whether relative B1 is among the maps.
    white_texture : bool
        Whether it may have some.

    Returns
    -------
    Phantom
        One slice (1, Y, X); T2 is at most T1.

    Raises
    ------
    MRFInputError
        ``"bad-phantom"`` for a slice that is too small and negative numbers.
    """
    rng = generator_of(seed, index)
    layout = random_layout(rng, shape)
    density = np.where(layout.inside, rng.uniform(0.5, 1.0, layout.n_regions)[layout.labels], 0.0)
    tissue = _tissue(rng, layout)
    if rng.random() < 0.5:
        density, tissue = _partial_volume(density, tissue, rng.uniform(0.3, 0.9))
    maps = {"PD": density, **tissue}
    if b1:
        parts = (((0.01, 0.15), (8.0, 60.0)), ((0.002, 0.05), (0.7, 6.0)))
        maps["B1"] = rng.uniform(0.75, 1.25) + sum_of_fields(rng, shape, *parts)
    phantom = as_phantom(
        "random relaxation", layout, limited(maps, np.ones(shape, bool), LIMITS), density,
        {"seed": seed, "index": index, **({"b1": True} if b1 else {})},
    )  # fmt: skip
    return roughened(phantom, rng) if white_texture else phantom


def roughened(phantom: Phantom, rng: np.random.Generator) -> Phantom:
    """Return a subject whose maps have white texture, as maps matched voxel by voxel have it.

    Parameters
    ----------
    phantom : Phantom
        With maps of T1 and T2.
    rng : numpy.random.Generator
        Draws how much of it: none in a quarter of the subjects, nor in half of them in B1.
    """
    maps = {key: values.astype(np.float64) for key, values in phantom.maps.items()}
    shape = phantom.foreground.shape

    def white(size: Range) -> Values:
        return np.asarray(log_uniform(rng, size) * rng.standard_normal(shape))

    if rng.random() >= 0.25:
        maps["T1"] *= 1.0 + white((0.005, 0.25))
        maps["T2"] *= 1.0 + white((0.005, 0.35))
    if rng.random() < 0.3:
        lost = rng.random(shape) < log_uniform(rng, (0.005, 0.2))
        t1, t2 = _anything(rng, shape)
        maps["T1"], maps["T2"] = np.where(lost, t1, maps["T1"]), np.where(lost, t2, maps["T2"])
    if "B1" in maps and rng.random() < 0.5:
        maps["B1"] += white((0.005, 0.05))
    kept = limited(maps, phantom.foreground, LIMITS)
    kept["T2"] = np.minimum(kept["T2"], kept["T1"])
    return replace(phantom, maps=kept)


def _anything(rng: np.random.Generator, shape: int | tuple[int, ...]) -> tuple[Values, Values]:
    t1 = log_uniforms(rng, _T1_MS, shape)
    return t1, t1 * log_uniforms(rng, _T2_OVER_T1, shape)


def _tissue(rng: np.random.Generator, layout: Layout) -> dict[str, Values]:
    """Return T1 and T2 (Y, X): a value for each region, and smooth texture."""
    n, shape = layout.n_regions, layout.labels.shape
    t1, t2 = _anything(rng, n)
    of_head = rng.random(n) < 0.5
    which = rng.integers(len(_HEAD), size=n)
    # As people differ in the training on phantoms: several times what healthy people do.
    spread = np.exp(rng.standard_normal((2, n)) * [[0.15], [0.2]])
    t1 = np.where(of_head, np.array([one.t1_ms for one in _HEAD])[which] * spread[0], t1)
    t2 = np.where(of_head, np.array([one.t2_ms for one in _HEAD])[which] * spread[1], t2)
    t1, t2 = all_alike(rng, t1, 0.4), all_alike(rng, t2, 0.4)

    def texture() -> Values:
        field = smooth_field(rng, shape, log_uniform(rng, (0.6, 8.0)))
        return 1.0 + log_uniform(rng, (0.005, 0.25)) * field

    maps = {"T1": t1[layout.labels] * texture(), "T2": t2[layout.labels] * texture()}
    return {key: np.clip(values, *LIMITS[key]) for key, values in maps.items()}


def _partial_volume(
    density: Values, tissue: dict[str, Values], sigma: float
) -> tuple[Values, dict[str, Values]]:
    """Mix the relaxation rates of neighbors, weighted by their protons (fast exchange)."""
    mixed = {key: 1.0 / blurred_mean(1.0 / values, density, sigma)
             for key, values in tissue.items()}  # fmt: skip
    return blurred_mean(density, np.ones_like(density), sigma), mixed
