"""Radial k-space of one slice to an image series: adjoint NUFFT frame by frame, coils combined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.compute.threads import indices_in_order
from napari_mrf.errors import MRFInputError
from napari_mrf.kspace import coils, density, nufft

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_mrf.kspace.trajectory import RadialTrajectory

# So many parts of the series, each of many spokes, tell the coils apart from the contrast.
_PARTS = 10


def coil_images(
    samples: NDArray[np.complex64],
    trajectory: RadialTrajectory,
    first: int,
    stop: int,
    shape: tuple[int, int],
) -> NDArray[np.complex64]:
    """Grid spokes ``first`` to ``stop`` into one image per coil.

    Parameters
    ----------
    samples : ndarray
        (coils, spokes, n_samples) complex64, all spokes of the slice.
    trajectory : RadialTrajectory
        Where they were measured.
    first, stop : int
        The spokes to use.
    shape : tuple of int
        (Y, X) of the images, at most the matrix.

    Returns
    -------
    ndarray
        (coils, Y, X) complex64, in the units of the object.
    """
    weights = density.radial_ramp(trajectory, stop - first).astype(np.float32)
    weighted = samples[:, first:stop] * weights
    images = nufft.adjoint(weighted, trajectory.coordinates(first, stop), shape)
    return images.astype(np.complex64, copy=False)


def grid_frames(
    samples: NDArray[np.complex64],
    trajectory: RadialTrajectory,
    spokes_per_frame: int,
    shape: tuple[int, int],
    *,
    workers: int | None = None,
) -> Iterator[NDArray[np.complex64]]:
    """Yield the combined image of every temporal frame.

    The coil weights are estimated once, from means over parts of the series, so that all
    frames share one unknown, smooth receive phase.

    Parameters
    ----------
    samples : ndarray
        (coils, spokes, n_samples) complex64.
    trajectory : RadialTrajectory
        Where they were measured.
    spokes_per_frame : int
        So many consecutive spokes make one frame.
    shape : tuple of int
        (Y, X) of the images.
    workers : int, optional
        Threads; by default one per CPU core.

    Yields
    ------
    ndarray
        (Y, X) complex64.

    Raises
    ------
    MRFInputError
        ``"bad-kspace"`` when samples and trajectory differ or no whole frames result.
    """
    n_spokes = trajectory.n_spokes
    if samples.shape[1:] != (n_spokes, trajectory.n_samples) or n_spokes % spokes_per_frame:
        raise MRFInputError(
            "bad-kspace", "the k-space samples do not fit the trajectory and the frames",
            expected=f"(coils, {n_spokes}, {trajectory.n_samples}), spokes a multiple of "
                     f"{spokes_per_frame}",
            found=f"shape {samples.shape}",
        )  # fmt: skip
    borders = np.linspace(0, n_spokes, min(_PARTS, n_spokes) + 1).astype(int)
    parts = indices_in_order(
        lambda part: coil_images(samples, trajectory, borders[part], borders[part + 1], shape),
        len(borders) - 1,
        workers=workers,
    )
    weights = coils.combination_weights(np.stack(list(parts)))

    def frame(index: int) -> NDArray[np.complex64]:
        first = index * spokes_per_frame
        images = coil_images(samples, trajectory, first, first + spokes_per_frame, shape)
        return coils.combine(images, weights).astype(np.complex64, copy=False)

    yield from indices_in_order(frame, n_spokes // spokes_per_frame, workers=workers)
