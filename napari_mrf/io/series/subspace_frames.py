"""The frames of a subspace signal as a lazy array.

Apart, for readers and for reconstruction from raw data alike: `data` knows no dask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_mrf.data.subspace_signal import SubspaceSignal


def lazy_frames(signal: SubspaceSignal) -> Any:
    """Return the frames as the dask array (T, Z, Y, X) that an `MRFSeries` holds.

    One chunk a slice, made when it is read. The array carries the signal as its attribute
    ``subspace``, which arrays that are computed from it do not; see `MRFSeries.subspace`.
    """
    import dask.array

    n_frames, _, n_rows, n_columns = signal.shape
    frames = dask.array.from_array(signal, chunks=(n_frames, 1, n_rows, n_columns), name=False)
    frames.subspace = signal
    return frames
