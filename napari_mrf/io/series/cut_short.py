"""The chosen repair of a scan that was cut short: what is not there counts as not measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.frames import frames_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence


def holds_just(n_frames: int, frames: tuple[int, ...], sequence: Sequence) -> bool:
    """Return whether a series has just these frames of a sequence, and so not all."""
    return n_frames == len(frames) < sequence.n_frames and frames[-1] < sequence.n_frames


def filled(
    signal: Any, frames: tuple[int, ...], sequence: Sequence
) -> tuple[Any, dict[str, Any], str]:
    """Return a series as long as its sequence, NaN where frames are missing.

    Parameters
    ----------
    signal : ndarray or dask array
        Complex (K, Z, Y, X); lazy with all frames in one chunk.
    frames : tuple of int
        (K,) rising, those that are there, counted from 0.
    sequence : Sequence
        Has more frames.

    Returns
    -------
    tuple of array, dict and str
        complex64 (n_frames, Z, Y, X); what the provenance keeps; and a sentence for the user.
    """
    view = _Filled(signal, np.array(frames), sequence.n_frames)
    missing = frames_text(np.setdiff1d(np.arange(sequence.n_frames), frames))
    note = (f"Only frames {frames_text(frames)} are there, of {sequence.n_frames}: the others "
            f"({missing}) count as not measured and must be left out.")  # fmt: skip
    record = {"missing_frames": missing}
    if isinstance(signal, np.ndarray):
        return view[(slice(None),)], record, note
    import dask.array

    chunks = ((sequence.n_frames,), *signal.chunks[1:])
    return dask.array.from_array(view, chunks=chunks, name=False), record, note


@dataclass(frozen=True)
class _Filled:
    """A lazy series with NaN between its frames; only what is asked for is read."""

    signal: Any
    frames: NDArray[np.intp]
    n_frames: int

    ndim = 4
    dtype = np.dtype(np.complex64)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.n_frames, *self.signal.shape[1:])

    def __getitem__(self, index: tuple[Any, ...]) -> NDArray[np.complex64]:
        asked = np.arange(self.n_frames)[index[0]]
        place = np.searchsorted(self.frames, asked.ravel())
        place = np.minimum(place, len(self.frames) - 1)
        is_there = self.frames[place] == asked.ravel()
        # One frame at least, so that the shape of an image is known.
        start, end = (place[is_there].min(), place[is_there].max()) if is_there.any() else (0, 0)
        read = np.asarray(self.signal[(slice(start, end + 1), *index[1:])])
        images = np.full((asked.size, *read.shape[1:]), complex(np.nan, np.nan), np.complex64)
        images[is_there] = read[place[is_there] - start]
        return images if asked.ndim else np.asarray(images[0])
