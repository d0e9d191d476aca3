"""Fingerprints of a phantom as they reach the receiver: scale, phase, noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.errors import MRFInputError
from napari_mrf.phantoms.random_fields import RandomField
from napari_mrf.simulation import simulate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.sequence import Sequence


# Bounds the memory of double-precision signals: 1400 pulses x 2048 voxels x 16 bytes = 46 MB.
VOXELS_PER_CHUNK = 2048


def signal_scale(
    maps: ParameterMaps, sequence: Sequence
) -> tuple[NDArray[np.complex128], NDArray[np.bool_]]:
    """Return the complex scale of every voxel and where there is signal."""
    missing = [key for key in sequence.parameters if key not in maps]
    if missing:
        raise MRFInputError("missing-map", f"the object lacks the maps {', '.join(missing)}",
                            expected=", ".join(sequence.parameters),
                            found=", ".join(maps) or "none")  # fmt: skip
    scale = np.ones(maps.spatial_shape, dtype=np.complex128)
    if maps.m0 is not None and "PD" not in sequence.parameters:
        scale = maps.m0.astype(np.complex128)
    foreground = np.isfinite(scale) & (scale != 0)
    for key in sequence.parameters:
        foreground &= np.isfinite(maps[key])
    return scale, foreground


def receive_phase(maps: ParameterMaps, seed: int) -> NDArray[np.float64]:
    """Return a smooth phase (rad) with an arbitrary offset, over the grid of the maps."""
    rng = np.random.default_rng([seed, 0x9A5E])
    affine = np.eye(4) if maps.affine is None else maps.affine
    sizes = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))[::-1]
    z, y, x = (
        (np.arange(count) - count / 2.0) * size
        for count, size in zip(maps.spatial_shape, sizes, strict=True)
    )
    extent = max(len(y) * sizes[1], len(x) * sizes[2])
    field = RandomField(rng, float(0.35 * extent), 30)
    offset = rng.uniform(-np.pi, np.pi)
    return offset + 0.8 * np.stack([field(position, y, x) for position in z])


def received_fingerprints(
    sequence: Sequence, parameters: dict[str, NDArray[np.float32]],
    scale: NDArray[np.complex128], simulated: Callable[[], None],
) -> NDArray[np.complex64]:  # fmt: skip
    """Return the scaled signals (frames or pulses, voxels)."""
    signals = np.empty((sequence.n_frames, len(scale)), dtype=np.complex64)
    for start in range(0, len(scale), VOXELS_PER_CHUNK):
        part = slice(start, start + VOXELS_PER_CHUNK)
        chunk = simulate(sequence, {key: values[part] for key, values in parameters.items()})
        signals[:, part] = np.asarray(chunk).T * scale[part]
        simulated()
    return signals


def frame_norms(signals: NDArray[np.complex64], n_frames: int) -> NDArray[np.float64]:
    """Return the norm of each voxel's fingerprint from signals of frames or pulses."""
    squares = np.zeros(signals.shape[1])
    for pulses in np.split(signals, n_frames):
        squares += np.abs(pulses.mean(axis=0, dtype=np.complex128)) ** 2
    return np.sqrt(squares)
