"""The result in the Importance panel: bars, current frame, and layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_mrf.analysis.importance.result import Importance
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.layers.batch import keeping_selection
from napari_mrf.plugin.layers.importance import importance_layer, importance_limits, show_importance
from napari_mrf.plugin.layers.voxels import frame_of, layer_of_series, show_frame
from napari_mrf.plugin.session import one_per_viewer, session_of, unwrapped
from napari_mrf.plugin.viewer.canvas_texts import show_canvas_texts
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.components import ViewerModel
    from napari.layers import Layer
    from napari.utils.events import Event

    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.panels.importance.panel import ImportancePanel


class ImportanceStore:
    """The results of a run so far; they are kept if the run is cancelled or fails.

    Attributes
    ----------
    changed : Signal(object)
        There is another `Importance`, or the same one has been completed.
    filled : Signal(object)
        The current one has more results; sent many times per second.
    """

    changed = Signal(object)
    filled = Signal(object)

    def __init__(self, viewer: Any) -> None:
        self.result: Importance | None = None
        self.series: MRFSeries | None = None
        self._measured_series: MRFSeries | None = None
        self._job = session_of(viewer).importance
        self._job.updated.connect(self._on_updated)
        self._job.succeeded.connect(self._on_succeeded)

    def run(self, title: str, work: Callable[..., Any], series: MRFSeries, *arguments: Any) -> None:
        """Start the job that measures a series; the earlier result stays until the first new one.

        See `Job.start`; the series is the first argument of the work.
        """
        self._job.start(title, work, series, *arguments)
        self._measured_series = series

    def show(self, result: Importance, series: MRFSeries) -> None:
        """Take a result that was measured before."""
        self.result, self.series = result, series
        self.changed.emit(result)

    def _on_updated(self, importance: Any) -> None:
        if isinstance(importance, Importance):
            if importance is not self.result:
                self.result, self.series = importance, self._measured_series
                self.changed.emit(importance)
            else:
                self.filled.emit(importance)

    def _on_succeeded(self, importance: Any) -> None:
        if isinstance(importance, Importance):
            self.result, self.series = importance, self._measured_series
            self.changed.emit(importance)


importance_store_of = one_per_viewer(ImportanceStore)
"""Return the store of a viewer."""


# A full redraw takes 60-100 ms of the window's thread.
_REDRAW_INTERVAL_MS = 500


class ImportanceView:
    """Controller of the plot: draws the result in progress and follows the frame slider.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the series and the layer.
    panel : ImportancePanel
        The view with the plot.
    """

    def __init__(self, viewer: ViewerModel, panel: ImportancePanel) -> None:
        self.viewer: ViewerModel = unwrapped(viewer)
        self.panel = panel
        self.store = importance_store_of(viewer)
        self._wanted_map = ""
        self._redraw = QTimer(panel)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(_REDRAW_INTERVAL_MS)
        self._redraw.timeout.connect(self.show)
        panel.plot.follow(viewer)
        panel.view_changed.connect(self._on_view_changed)
        panel.layer_requested.connect(self._on_layer_requested)
        panel.frame_clicked.connect(self._on_frame_clicked)
        self.bond = Bond(panel)
        self.bond.connect(self.viewer.dims.events.current_step, self._on_frame_moved)
        self.bond.connect(self.store.changed, self._on_result_changed)
        self.bond.connect(self.store.filled, self._on_result_filled)
        self.show()

    def choose_map(self, key: str) -> None:
        """Show a map as soon as a result contains it."""
        self._wanted_map = key
        self.show()

    def show(self) -> None:
        """Draw the result so far, if there is one."""
        result = self.store.result
        if result is None:
            return
        panel, keys = self.panel, list(result.keys)
        offered = [panel.map_picker.itemText(at) for at in range(panel.map_picker.count())]
        wanted = panel.current_map()
        if self._wanted_map in keys:
            wanted, self._wanted_map = self._wanted_map, ""
        if wanted != panel.current_map() or offered != keys:
            panel.set_maps(keys, wanted)
        key = panel.current_map()
        panel.fisher_box.setEnabled(key in result.fisher)
        panel.plot.show_importance(result, key, with_fisher=panel.fisher_box.isChecked())
        layer = importance_layer(self.viewer, result.method, key)
        if layer is not None:
            layer.refresh()
        self._show_frame()

    def series_layer(self) -> Layer | None:
        """Return the layer of the series that was measured, while it is in the viewer."""
        layer: Layer | None = layer_of_series(self.viewer, self.store.series)
        return layer

    def _show_frame(self) -> None:
        result = self.store.result
        if result is None:
            return
        layer = self.series_layer()
        frame = None if layer is None else frame_of(self.viewer, layer)
        self.panel.plot.mark(frame)
        if frame is not None:
            text = frame_sentence(result, self.panel.current_map(), frame)
            self.panel.frame_text.setText(text)

    def _on_view_changed(self) -> None:
        self.show()

    def _on_frame_clicked(self, frame: int) -> None:
        layer = self.series_layer()
        if layer is not None:
            show_frame(self.viewer, layer, frame)

    def _on_frame_moved(self, event: Event | None = None) -> None:
        self._show_frame()

    def _on_layer_requested(self) -> None:
        result, key = self.store.result, self.panel.current_map()
        if result is None:
            return
        show_canvas_texts(self.viewer)
        layer_turns_of(self.viewer).begin("importance", self._by_turns(result, key),
                                           self.panel)  # fmt: skip

    def _by_turns(self, result: Importance, key: str) -> Iterator[None]:
        try:
            limits = importance_limits(result, key) if key in result.voxel_change else None
            yield
            with keeping_selection(self.viewer):
                layer = show_importance(self.viewer, result, key, limits)
            yield
        except MRFInputError as error:
            self.panel.notice.say(error.sentence())
            return
        if layer in self.viewer.layers:
            self.viewer.layers.selection.active = layer
        self._show_frame()

    def _on_result_changed(self, result: Importance) -> None:
        self.show()

    def _on_result_filled(self, result: Importance) -> None:
        if not self._redraw.isActive():
            self._redraw.start()


def frame_sentence(result: Importance, key: str, frame: int) -> str:
    """Return ``"Frame 125: T1H2O changes by 3.6 ± 0.2 % of its range of 1,247 ms"``."""
    group, baseline = result.group_of(frame), result.baseline[key]
    if baseline.reason:
        return f"{key}: {baseline.reason}."
    if group is None:
        return f"Frame {frame} was left out by the stride."
    first, last = result.groups[group]
    where = f"Frame {frame}" if first == last else f"Frames {first}-{last}"
    mean, deviation = 100 * result.mean(key)[group], 100 * result.deviation(key)[group]
    if not np.isfinite(mean):
        return f"{where}: not measured yet."
    spread = f" ± {deviation:.2g}" if np.isfinite(deviation) else ""
    unit = PARAMETERS[key].unit
    span = f"{baseline.span:,.3g}" if baseline.span < 100 else f"{baseline.span:,.0f}"
    text = f"{where}: {key} changes by {mean:.3g}{spread} % of its range of {span} {unit}".rstrip()
    shares = result.fisher_of_groups(key)
    if shares is not None and np.isfinite(shares[group]):
        text += f" · Fisher share {100 * shares[group]:.2g} %"
    return text
