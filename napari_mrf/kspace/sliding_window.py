"""Sliding-window reconstruction: frames that share readouts, from frames that do not.

A window of N frames combines the spokes of N consecutive frames into one image: it is N times
less undersampled, and successive images differ by one frame only. Gridding is linear, and each
spoke's share of k-space shrinks as the number of spokes grows, so the image of the combined
spokes is the mean of the N images.

References
----------
Balsiger et al., MLMI 2018, section 2.1 (720 images, window 48, 673 images).
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from napari_mrf.data.series import MRFSeries


def sliding_window(series: MRFSeries, n_frames: int) -> MRFSeries:
    """Return a series as a sliding-window reconstruction of its readouts would give it.

    Parameters
    ----------
    series : MRFSeries
        (T, Z, Y, X), gridded from readouts that no two frames share.
    n_frames : int
        Frames combined into one.

    Returns
    -------
    MRFSeries
        (T - n_frames + 1, Z, Y, X) in memory, with a sequence of as many frames: matchers
        average their atoms in the same way.

    Raises
    ------
    MRFInputError
        ``"no-sequence"``, or ``"bad-option"`` for an impossible window.
    """
    if series.sequence is None:
        raise MRFInputError(
            "no-sequence", "a sliding window needs the sequence, which is not known",
            path=series.source_path, hint="Pick the sequence that was measured.",
        )  # fmt: skip
    windowed = series.sequence.sliding_window(n_frames)
    signal = np.empty((windowed.n_frames, *series.spatial_shape), np.complex64)
    for z in range(series.spatial_shape[0]):
        for frame, image in enumerate(moving_means(series.slab(z), n_frames)):
            signal[frame, z] = image
    metadata = {**series.metadata, "sliding_window_frames": n_frames}
    return replace(series, signal=signal, sequence=windowed, metadata=metadata)


def moving_means(
    images: Iterable[NDArray[np.complexfloating]], size: int, step: int = 1
) -> Iterator[NDArray[np.complex64]]:
    """Yield the means of `size` consecutive images, `step` images apart.

    Parameters
    ----------
    images : iterable of ndarray
        Complex, of one shape; no more than `size` of them are kept.
    size, step : int
        1 or more; n images give ``(n - size) // step + 1`` means.

    Yields
    ------
    ndarray
        complex64, summed in double precision.
    """
    if size == step == 1:
        yield from images
        return
    inside: deque[NDArray[np.complexfloating]] = deque()
    total: NDArray[np.complex128] | None = None
    for index, image in enumerate(images):
        total = image.astype(np.complex128) if total is None else total + image
        inside.append(image)
        if len(inside) > size:
            total -= inside.popleft()
        if len(inside) == size and (index + 1 - size) % step == 0:
            yield (total / size).astype(np.complex64)
