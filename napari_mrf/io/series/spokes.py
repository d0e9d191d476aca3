"""The chosen repair of a series with one image per pulse: the spokes of a frame averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence


def average(signal: Any, sequence: Sequence | None, path: Path) -> tuple[Any, int]:
    """Return the frames of a series of pulses, lazily where it is lazy.

    Parameters
    ----------
    signal : ndarray or dask array
        Complex (n_pulses, Z, Y, X); lazy with all pulses in one chunk.
    sequence : Sequence or None
        Says how many pulses make a frame.
    path : Path
        For messages.

    Returns
    -------
    tuple of array and int
        complex64 (n_frames, Z, Y, X), and the spokes averaged in each frame.

    Raises
    ------
    MRFInputError
        ``"no-sequence"``, or ``"frames-mismatch"`` for a series of another length.
    """
    if sequence is None:
        raise MRFInputError("no-sequence", "averaging the spokes of a frame needs the sequence, "
                            "which is not known", path=path,
                            hint="Pick the sequence that was measured.")  # fmt: skip
    spokes = sequence.pulses_per_frame
    n_pulses = int(signal.shape[0])
    if n_pulses != sequence.n_pulses or spokes == 1:
        raise MRFInputError("frames-mismatch", "there are no spokes to average", path=path,
                            expected=f"{sequence.n_pulses} images, {spokes} per frame",
                            found=f"{n_pulses} images",
                            hint="Load the series without averaging.")  # fmt: skip
    if isinstance(signal, np.ndarray):
        return _averaged(signal, sequence), spokes
    chunks = ((sequence.n_frames,), *signal.chunks[1:])
    return signal.map_blocks(_averaged, sequence, chunks=chunks, dtype=np.complex64), spokes


def _averaged(block: NDArray[Any], sequence: Sequence) -> NDArray[np.complex64]:
    size, step = sequence.pulses_per_frame, sequence.frame_step
    averaged = np.empty((sequence.n_frames, *block.shape[1:]), np.complex64)
    for frame, out in enumerate(averaged):
        pulses = block[frame * step : frame * step + size]
        pulses.mean(axis=0, dtype=np.complex64, out=out)
    return averaged
