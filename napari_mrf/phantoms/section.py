"""A drawn cross-section of muscles, and what anatomies that draw one share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label as connected_components

from napari_mrf.phantoms.labels import INTERMUSCULAR_FAT

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Section:
    """Labels of one drawn slice and what tissue models need to know about each point.

    Parameters
    ----------
    labels : ndarray of uint16
        (Y, X).
    marrow, silent, skin : ndarray of bool
        Marrow of bones, what gives no signal (the bone around it, air inside), and the skin.
    depth_mm : ndarray
        Below the surface of the skin.
    septum_distance_mm : ndarray
        From the next septum, for muscles.
    angle_rad : ndarray
        Around the middle of the section.
    """

    labels: NDArray[np.uint16]
    marrow: NDArray[np.bool_]
    silent: NDArray[np.bool_]
    skin: NDArray[np.bool_]
    depth_mm: Points
    septum_distance_mm: Points
    angle_rad: Points


def soft_gap(distances: NDArray[np.float64], depth_mm: Points) -> Points:
    """Return how much farther the neighbors are than the own muscle, with round corners.

    Where several neighbors, or a neighbor and the fascia, are equally near, the gap is
    smaller than to the nearest alone: muscles get round corners, filled with fat.
    """
    softness_mm = 2.5
    margins = distances - distances.min(axis=0)
    crowd = np.exp(-margins / softness_mm).sum(axis=0) - 1.0
    crowd += np.exp(-2.0 * np.maximum(depth_mm, 0.0) / softness_mm)
    return np.asarray(-softness_mm * np.log(np.maximum(crowd, 1e-12)))


def harmonics(amplitudes: Points, angle: Points, *, first: int) -> Points:
    """Return a sum of cosines and sines of the angle, by amplitudes (2, orders)."""
    cosines, sines = amplitudes
    total = np.zeros_like(angle)
    for order, (cosine, sine) in enumerate(zip(cosines, sines, strict=True), start=first):
        total = total + cosine * np.cos(order * angle) + sine * np.sin(order * angle)
    return total


def drop_islands(labels: NDArray[np.uint16], muscles: NDArray[np.uint16]) -> None:
    """Turn pieces cut off from their muscle into fat."""
    for muscle in muscles:
        pieces, count = connected_components(labels == muscle)
        if count > 1:
            sizes = np.bincount(pieces.ravel())[1:]
            islands = (pieces > 0) & (pieces != 1 + int(np.argmax(sizes)))
            labels[islands] = INTERMUSCULAR_FAT
