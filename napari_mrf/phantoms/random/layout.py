"""Random geometry: regions of any size and shape, and where there is no signal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import cKDTree

from napari_mrf.errors import MRFInputError
from napari_mrf.phantoms.random.fields import log_uniform, smooth_field

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Labels = NDArray[np.int64]

_OVERLAYS = (0.4, 0.2)
_LEAST_TISSUE = 0.25
_SMALLEST_EDGE = 16


@dataclass(frozen=True, eq=False)
class Layout:
    """The regions of a slice.

    Parameters
    ----------
    labels : ndarray
        (Y, X) int64, 0 to n_regions - 1, voids included.
    n_regions : int
        How many.
    inside : ndarray
        (Y, X) bool, where there is signal.
    settings : dict
        How it was drawn, JSON-ready.
    """

    labels: Labels
    n_regions: int
    inside: NDArray[np.bool_]
    settings: dict[str, Any] = field(default_factory=dict)


def random_layout(rng: np.random.Generator, shape: tuple[int, int]) -> Layout:
    """Draw the regions of a slice.

    Half of the slices are parted by `voronoi`, 30 % by `levels`, 20 % by `ellipses`; with
    probability 0.4 a part of the regions of another such drawing lies on top, and of a third with
    0.2. In half of the slices up to a quarter of the regions is void, in half there is air around
    a body; at least a quarter of a slice is tissue.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws everything.
    shape : tuple of int
        (Y, X).

    Raises
    ------
    MRFInputError
        ``"bad-phantom"`` for a slice of fewer than 16 voxels along an edge.
    """
    if len(shape) != 2 or min(shape) < _SMALLEST_EDGE:
        raise MRFInputError(
            "bad-phantom", "a random subject is a slice of some size",
            expected=f"(Y, X) of {_SMALLEST_EDGE} voxels or more", found=f"{tuple(shape)}",
        )  # fmt: skip
    kind, labels = _drawing(rng, shape)
    overlays = []
    for share in _OVERLAYS:
        if rng.random() < share:
            name, above = _drawing(rng, shape)
            shown = rng.random(above.max() + 1) < rng.uniform(0.1, 0.5)
            labels = np.where(shown[above], labels.max() + 1 + above, labels)
            overlays.append(name)
    labels = np.unique(labels, return_inverse=True)[1].reshape(shape)
    n_regions = int(labels.max()) + 1
    inside = _body(rng, shape) if rng.random() < 0.5 else np.ones(shape, bool)
    if rng.random() < 0.5:
        left = inside & (rng.random(n_regions) >= rng.uniform(0.0, 0.25))[labels]
        if left.mean() >= _LEAST_TISSUE:
            inside = left
    return Layout(labels, n_regions, inside, {"labels": kind, "overlays": overlays})


def _drawing(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[str, Labels]:
    name = str(rng.choice(list(_DRAWINGS), p=_SHARES))
    return name, _DRAWINGS[name](rng, shape)


def voronoi(rng: np.random.Generator, shape: tuple[int, int]) -> Labels:
    """Return cells (Y, X) of 3-50 voxels, up to three times as long as wide, mostly warped."""
    cell = log_uniform(rng, (3.0, 50.0))
    stretch = np.sqrt(rng.uniform(0.35, 1.0))
    angle = rng.uniform(0.0, np.pi)
    places = np.indices(shape, dtype=np.float64)
    if rng.random() < 0.8:
        size, sigma = cell * rng.uniform(0.05, 0.3), max(cell * rng.uniform(0.2, 0.8), 1.0)
        places += size * np.stack([smooth_field(rng, shape, sigma) for _ in range(2)])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = (turn @ places.reshape(2, -1)).T * [stretch, 1.0 / stretch]
    low, high = points.min(axis=0), points.max(axis=0)
    n_cells = max(round(float(np.prod(high - low)) / cell**2), 2)
    nearest = cKDTree(rng.uniform(low, high, (n_cells, 2))).query(points)[1]
    return np.asarray(nearest, np.int64).reshape(shape)


def levels(rng: np.random.Generator, shape: tuple[int, int]) -> Labels:
    """Return a Gaussian field (Y, X) cut into 2-6 levels, each at least 4 % of the image."""
    values = smooth_field(rng, shape, log_uniform(rng, (0.8, 20.0)))
    shares = 0.04 + rng.dirichlet(np.ones(rng.integers(2, 7)))
    cuts = np.cumsum(shares)[:-1] / shares.sum()
    return np.asarray(np.searchsorted(np.quantile(values, cuts), values), np.int64)


def ellipses(rng: np.random.Generator, shape: tuple[int, int]) -> Labels:
    """Return 1-24 ellipses (Y, X), the later ones above the earlier."""
    labels = np.zeros(shape, np.int64)
    for label in range(1, int(rng.integers(1, 25)) + 1):
        radius = log_uniform(rng, (2.0, max(shape) / 3.0))
        labels[_ellipse(rng, shape, rng.uniform((0, 0), shape), radius) < 1.0] = label
    return labels


_DRAWINGS: dict[str, Callable[[np.random.Generator, tuple[int, int]], Labels]] = {
    "voronoi": voronoi,
    "levels": levels,
    "ellipses": ellipses,
}
_SHARES = (0.5, 0.3, 0.2)


def _ellipse(
    rng: np.random.Generator, shape: tuple[int, int], center: NDArray[np.float64], radius: float
) -> NDArray[np.float64]:
    """Return the squared distance (Y, X) from the center of an ellipse, 1 on its border."""
    angle, ratio = rng.uniform(0.0, np.pi), rng.uniform(0.35, 1.0)
    y, x = (np.arange(n) - at for n, at in zip(shape, center, strict=True))
    along = np.add.outer(y * np.sin(angle), x * np.cos(angle))
    across = np.add.outer(y * np.cos(angle), -x * np.sin(angle))
    return np.asarray((along / radius) ** 2 + (across / (ratio * radius)) ** 2)


def _body(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a warped ellipse (Y, X) around the middle that fills much of the image."""
    size = np.array(shape)
    center = size * rng.uniform(0.45, 0.55, 2)
    y, x = (np.arange(n) - at for n, at in zip(shape, center, strict=True))
    radii = size * rng.uniform(0.35, 0.55, 2)
    distance = np.add.outer((y / radii[0]) ** 2, (x / radii[1]) ** 2)
    warp = rng.uniform(0.0, 0.12) * smooth_field(rng, shape, 0.12 * min(shape))
    return np.asarray(distance < 1.0 + warp)
