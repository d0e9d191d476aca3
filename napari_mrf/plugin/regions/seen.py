"""The picture that the user sees: the map in front, or the mean magnitude of the series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from napari.layers import Image
from psygnal import Signal

from napari_mrf.plugin.kit.latest import Latest
from napari_mrf.plugin.layers import MAPS_KEY, series_of
from napari_mrf.plugin.session import session_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.layers.regions import RegionGrid

_FRAMES_AT_ONCE = 25


class SeenPicture:
    """The picture of a slice, as its edges are seen.

    Maps are cut off at their limits of display, so that an edge counts that can be seen. The mean
    of a series takes a moment: until it is there, the picture is even.

    Parameters
    ----------
    viewer : napari viewer
        Referred to weakly.

    Attributes
    ----------
    arrived : Signal()
        A mean that was asked for is there.
    """

    arrived = Signal()

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        self._session = session_of(viewer)
        self._means: dict[tuple[int, int], NDArray[np.float32]] = {}
        self._asked: MRFSeries | None = None
        self._latest = Latest(_averaging)
        self._latest.answered.connect(self._on_answered)

    def of_slice(self, at: int, grid: RegionGrid) -> NDArray[Any]:
        """Return the picture of a slice, (row, column) on the screen.

        Parameters
        ----------
        at : int
            The slice in screen order.
        grid : RegionGrid
            That the picture lies on; what lies on another is not looked at.
        """
        viewer = self._viewer()
        for layer in reversed(() if viewer is None else viewer.layers):
            if not layer.visible:
                continue
            if series_of(layer) is not None:
                break
            if isinstance(layer, Image) and _lies_on(layer, grid):
                low, high = layer.contrast_limits
                values: NDArray[np.float64] = np.asarray(layer.data[at], np.float64)
                return np.clip(values, low, high)
        series = self._session.series
        if series is None or series.spatial_shape != grid.shape:
            return np.zeros(grid.screen_shape[1:])
        z = grid.orientation.file_index((at, 0, 0), grid.shape)[0]
        if self._asked is not series:
            self._means.clear()
        self._asked = series
        mean = self._means.get((id(series), z))
        if mean is None:
            self._latest.ask((series, z))
            return np.zeros(grid.screen_shape[1:])
        volume = np.broadcast_to(mean, grid.shape)  # every slice of it is this one
        return np.asarray(grid.orientation.to_screen(volume)[0])

    def _on_answered(self, answer: tuple[int, int, NDArray[np.float32]]) -> None:
        series, z, mean = answer
        self._means[series, z] = mean
        self.arrived.emit()


def _averaging(question: tuple[MRFSeries, int]) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
    """Yield the mean magnitude (Y, X) of a slice."""
    series, z = question
    total: NDArray[np.float32] = np.zeros(series.spatial_shape[1:], np.float32)
    for start in range(0, series.n_frames, _FRAMES_AT_ONCE):
        frames = np.asarray(series.signal[start : start + _FRAMES_AT_ONCE, z])
        total += np.abs(np.nan_to_num(frames)).sum(axis=0) / series.n_frames
    yield id(series), z, total


def _lies_on(layer: Any, grid: RegionGrid) -> bool:
    return MAPS_KEY in layer.metadata and layer.data.shape == grid.screen_shape
