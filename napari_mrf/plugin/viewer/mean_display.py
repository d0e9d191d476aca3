"""The mean over frames of the series of a viewer: computed in a thread, slice by slice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

from napari_mrf.plugin.jobs import Job, Step
from napari_mrf.plugin.layers.closeup.mean_view import MeanView, slice_mean
from napari_mrf.plugin.layers.metadata import series_of
from napari_mrf.plugin.layers.voxels import slice_in_view
from napari_mrf.plugin.session import one_per_viewer

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari_mrf.data.series import MRFSeries


class MeanDisplay:
    """Fills the layers of a viewer that show the mean over frames, the slice in view first.

    Parameters
    ----------
    viewer : napari viewer
        Referred to weakly.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        self._layer: Any = lambda: None
        self.job = Job()
        self.job.updated.connect(self._on_slice)
        self.job.succeeded.connect(self._on_done)
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.layers.events.removed.connect(self._on_removed)
        for layer in viewer.layers:
            self._watch(layer)

    def _watch(self, layer: Any) -> None:
        if series_of(layer) is not None:
            layer.events.data.connect(self._fill)
            self._fill()

    def _fill(self, event: Any = None) -> None:
        """Compute what is missing of the first layer that shows a mean with missing slices."""
        viewer = self._viewer()
        if viewer is None or self.job.status.is_running:
            return
        for layer in viewer.layers:
            view, series = layer.data, series_of(layer)
            if series is None or not isinstance(view, MeanView) or view.mean.is_known.all():
                continue
            self._layer = ref(layer)
            missing = [z for z, known in enumerate(view.mean.is_known) if not known]
            at = slice_in_view(viewer, series, nearest=True) or 0
            missing.sort(key=lambda z: abs(z - at))
            self.job.start("Mean over frames", means_of_slices, series, missing)
            return

    def _on_slice(self, value: Any) -> None:
        layer = self._layer()
        if layer is None:
            return
        (z, values), view = value, layer.data
        if not isinstance(view, MeanView):  # the user looks at something else by now
            self.job.cancel()
            return
        is_first = not view.mean.peak
        view.mean.put(z, values)
        if is_first and view.mean.peak:
            limits = (0.0, view.mean.peak)
            layer.contrast_limits_range = limits
            layer.contrast_limits = limits
        layer.refresh(thumbnail=is_first, extent=False)

    def _on_done(self, _: Any) -> None:
        self._fill()

    def _on_inserted(self, event: Any) -> None:
        self._watch(event.value)

    def _on_removed(self, event: Any) -> None:
        if event.value is self._layer():
            self.job.cancel()
            self._layer = lambda: None
            self._fill()


def means_of_slices(series: MRFSeries, slices: Sequence[int]) -> Generator[Step, None, int]:
    """Yield steps whose values are a slice in file order and its mean (Y, X) over frames.

    Returns how many slices there were.
    """
    for done, z in enumerate(slices):
        for values in slice_mean(series, z):
            found = None if values is None else (z, values)
            yield Step(done=done, total=len(slices), value=found, keep=found is not None)
    return len(slices)


mean_display_of = one_per_viewer(MeanDisplay)
"""Return the display of means of a viewer."""
