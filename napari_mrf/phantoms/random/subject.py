"""From drawn values to a phantom: one slice, NaN where there is no signal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_mrf.errors import MRFInputError
from napari_mrf.phantoms.phantom import Phantom

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.phantoms.random.fields import Range
    from napari_mrf.phantoms.random.layout import Layout

    Values = NDArray[np.float64]

LEAST_DENSITY = 0.25
"""Voxels with fewer protons count as void, as in the phantoms of people."""


def generator_of(seed: int, index: int) -> np.random.Generator:
    """Return the generator of a subject: of seed and index alone, on every machine.

    Raises
    ------
    MRFInputError
        ``"bad-phantom"`` for a negative number.
    """
    if seed < 0 or index < 0:
        raise MRFInputError(
            "bad-phantom", "seed and index of a random subject must not be negative",
            found=f"{seed}, {index}",
        )  # fmt: skip
    return np.random.default_rng([seed, index, 0xD03A])


def blurred_mean(values: Values, weights: Values, sigma: float) -> Values:
    """Return weighted means (Y, X) over a Gaussian (voxels); the values where nothing weighs."""
    share = gaussian_filter(weights, sigma)
    total = gaussian_filter(weights * values, sigma)
    return np.asarray(np.where(share > 1e-6, total / np.maximum(share, 1e-12), values))


def limited(
    maps: Mapping[str, Values], inside: NDArray[np.bool_], limits: Mapping[str, Range]
) -> dict[str, NDArray[np.float32]]:
    """Return maps (…) kept within their limits, NaN where there is no signal."""
    return {
        key: np.where(inside, np.clip(values, *limits.get(key, (-np.inf, np.inf))), np.nan)
        .astype(np.float32)
        for key, values in maps.items()
    }  # fmt: skip


def as_phantom(
    name: str,
    layout: Layout,
    maps: Mapping[str, NDArray[np.float32]],
    density: Values,
    settings: dict[str, Any],
) -> Phantom:
    """Return one slice (1, Y, X) of voxels of 1 x 1 x 8 mm, each region with a label of its own.

    Parameters
    ----------
    name : str
        For provenance.
    layout : Layout
        Its regions.
    maps : mapping
        (Y, X) by parameter key.
    density : ndarray
        (Y, X); less than `LEAST_DENSITY` is none.
    settings : dict
        How it was made.
    """
    inside = density >= LEAST_DENSITY
    shown = {key: np.where(inside, one, np.nan)[None].astype(np.float32)
             for key, one in maps.items()}  # fmt: skip
    labels = np.where(inside, layout.labels + 1, 0)[None].astype(np.uint16)
    present = [int(label) for label in np.unique(labels) if label]
    affine = np.diag([-1.0, -1.0, 8.0, 1.0])
    affine[:2, 3] = (np.array(inside.shape[::-1]) - 1) / 2.0
    return Phantom(
        name=name,
        maps=shown,
        m0=np.where(inside, density, 0.0)[None].astype(np.float32),
        foreground=inside[None],
        labels=labels,
        label_names={label: f"region {label}" for label in present},
        label_colors={label: (37 * label % 256, 91 * label % 256, 151 * label % 256)
                      for label in present},
        affine=affine,
        settings={**settings, **layout.settings},
    )  # fmt: skip
