"""The mean magnitude over frames of a series, as a picture that is the same in every frame.

Single frames of a series that is measured with one readout each are streaks; their mean shows the
anatomy. It is a picture only: panels and methods work on the complex series.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.plugin.layers.metadata import MEAN_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_mrf.data.orientation import DisplayOrientation
    from napari_mrf.data.series import MRFSeries

MEAN = "mean"
_FRAMES_AT_ONCE = 16


class MeanOverFrames:
    """The mean magnitude of every slice that has been computed.

    Parameters
    ----------
    shape : tuple of int
        (Z, Y, X) in file order.

    Attributes
    ----------
    values : ndarray
        (Z, Y, X) float32 in file order; NaN where nothing is known, or not yet.
    is_known : ndarray of bool
        (Z,), whether a slice has been computed.
    peak : float
        Upper display limit, 0 before there is a slice: the 99.7th percentile of the first one.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.values = np.full(shape, np.nan, np.float32)
        self.is_known = np.zeros(shape[0], bool)
        self.peak = 0.0

    def put(self, z: int, values: NDArray[np.float32]) -> None:
        """Keep the mean (Y, X) of a slice."""
        self.values[z] = values
        self.is_known[z] = True
        if not self.peak:
            finite = values[np.isfinite(values)]
            self.peak = float(np.percentile(finite, 99.7)) if finite.any() else 0.0


class MeanView:
    """Array-like (frame, slice, row, column) float32: the same mean in every frame.

    So the slider of frames stays for the panels that follow it. Nothing is computed here: a slice
    that is not known yet is NaN.

    Parameters
    ----------
    mean : MeanOverFrames
        Shared with whoever fills it.
    n_frames : int
        Of the series.
    orientation : DisplayOrientation
        How file order becomes screen order.
    """

    component = MEAN

    def __init__(
        self, mean: MeanOverFrames, n_frames: int, orientation: DisplayOrientation
    ) -> None:
        on_screen = orientation.to_screen(mean.values)
        self.mean = mean
        self._frames = np.broadcast_to(on_screen, (n_frames, *on_screen.shape))  # no copy
        self.shape, self.dtype = self._frames.shape, self._frames.dtype
        self.ndim, self.size = self._frames.ndim, self._frames.size

    def __getitem__(self, key: Any) -> NDArray[np.float32]:
        return np.array(self._frames[key], np.float32)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return everything at once; for small series only."""
        return np.asarray(self[...], dtype=dtype)


def slice_mean(series: MRFSeries, z: int) -> Iterator[NDArray[np.float32] | None]:
    """Compute the mean magnitude over frames of one slice, a few frames at a time.

    Parameters
    ----------
    series : MRFSeries
        Complex (T, Z, Y, X), in memory or on disk.
    z : int
        Slice in file order.

    Yields
    ------
    ndarray or None
        None between blocks of frames; at the end the mean, (Y, X) float32, over the frames that
        are finite, NaN where none is.
    """
    n_rows, n_columns = series.spatial_shape[1:]
    total, count = np.zeros((n_rows, n_columns)), np.zeros((n_rows, n_columns), int)
    for start in range(0, series.n_frames, _FRAMES_AT_ONCE):
        magnitude = np.abs(np.asarray(series.signal[start : start + _FRAMES_AT_ONCE, z]))
        finite = np.isfinite(magnitude)
        total += np.where(finite, magnitude, 0).sum(axis=0, dtype=np.float64)
        count += finite.sum(axis=0)
        yield None
    with np.errstate(invalid="ignore"):
        yield (total / np.where(count, count, np.nan)).astype(np.float32)


def mean_view(
    series: MRFSeries, orientation: DisplayOrientation, metadata: dict[str, Any]
) -> MeanView:
    """Return the view of the mean that a series layer keeps in its metadata, or of a new one."""
    mean = metadata.setdefault(MEAN_KEY, MeanOverFrames(series.spatial_shape))
    return MeanView(mean, series.n_frames, orientation)


def opening_component(series: MRFSeries) -> str:
    """Return what to show of a series at first: ``"mean"`` or ``"magnitude"``.

    A frame of a single readout (`Sequence.pulses_per_frame` is 1) is undersampled; frames of
    several readouts, and those of a sequence that nobody knows, are shown one by one.
    """
    sequence = series.sequence
    is_single = sequence is not None and sequence.pulses_per_frame == 1
    return MEAN if is_single else "magnitude"
