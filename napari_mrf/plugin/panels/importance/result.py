"""The result in the Importance panel: bars, current frame, and layer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
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
from napari_mrf.plugin.panels.importance.work import write_all
from napari_mrf.plugin.panels.shared.stored_items import Item, item_sources_of
from napari_mrf.plugin.session import BySubject, one_per_viewer, session_of, unwrapped
from napari_mrf.plugin.viewer.canvas_texts import show_canvas_texts
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.plugin.viewer.unsaved import Result, unsaved_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.components import ViewerModel
    from napari.layers import Layer
    from napari.utils.events import Event

    from napari_mrf.data.series import MRFSeries
    from napari_mrf.io.session.results import StoredResult
    from napari_mrf.plugin.panels.importance.panel import ImportancePanel
    from napari_mrf.plugin.panels.shared.stored_items import Items


@dataclass
class Measured:
    """The result of a subject so far, and the series that was measured."""

    result: Importance | None = None
    series: MRFSeries | None = None


class ImportanceStore:
    """The results of the runs so far; they are kept if a run is cancelled or fails.

    Attributes
    ----------
    changed : Signal(object)
        There is another `Importance` of the current subject, or it has been completed.
    filled : Signal(object)
        That of the current subject has more results; sent many times per second.
    """

    changed = Signal(object)
    filled = Signal(object)

    def __init__(self, viewer: Any) -> None:
        self._session = session_of(viewer)
        self._by_subject = BySubject(self._session, Measured)
        self._measured_series: MRFSeries | None = None
        self._unsaved = unsaved_of(viewer)
        self._job = self._session.importance
        self._job.updated.connect(self._on_updated)
        self._job.succeeded.connect(self._on_succeeded)
        item_sources_of(viewer).append(self)

    @property
    def result(self) -> Importance | None:
        """The result of the current subject, or None."""
        return self.of(self._session.subject.key).result

    @property
    def series(self) -> MRFSeries | None:
        """The series that it was measured in, or None."""
        return self.of(self._session.subject.key).series

    def of(self, key: str) -> Measured:
        """Return what was measured of a subject."""
        return self._by_subject.of(key)

    def run(self, title: str, work: Callable[..., Any], series: MRFSeries, *arguments: Any) -> None:
        """Start the job that measures a series; the earlier result stays until the first new one.

        See `Job.start`; the series is the first argument of the work.
        """
        self._job.start(title, work, series, *arguments)
        self._measured_series = series

    def show(self, result: Importance, series: MRFSeries) -> None:
        """Take a result that was measured before."""
        self._keep(result, series, self._session.subject.key, is_complete=True)

    def store(self, items: Items, subject: str) -> None:
        """Add the result of a subject to what a session stores, where it is of its series."""
        measured, now = self.of(subject), self._session.series_of(subject)
        result, series = measured.result, measured.series
        if result is None:
            return
        is_now = series is not None and now is not None and series.signal is now.signal
        is_running = self._job.status.is_running and self._session.owner_of(self._job) == subject
        if not is_now or is_running:
            items.remarks.append("The importance of the frames is not complete, or of another "
                                 "series, and was not saved.")  # fmt: skip
            return
        truth = result.provenance.get("reference_provenance")
        items.found.append(Item(
            "importance", "the importance of the frames", result, partial(_stored, result),
            of_series=True,
            maps=tuple(name for name, one in self._session.maps_sets_of(subject).items()
                       if truth is not None and one.maps.provenance == truth),
        ))  # fmt: skip

    def _on_updated(self, importance: Any) -> None:
        if isinstance(importance, Importance):
            self._keep_measured(importance)

    def _on_succeeded(self, importance: Any) -> None:
        if isinstance(importance, Importance):
            self._keep_measured(importance, is_complete=True)

    def _keep_measured(self, importance: Importance, *, is_complete: bool = False) -> None:
        """Keep a result for the subject whose series was measured."""
        owner = self._session.owner_of(self._job)
        self._keep(importance, self._measured_series, owner, is_complete=is_complete)

    def _keep(
        self, importance: Importance, series: MRFSeries | None, owner: str, *, is_complete: bool
    ) -> None:
        self._session.mark_results(owner)
        measured = self.of(owner)
        is_new = importance is not measured.result
        measured.result, measured.series = importance, series
        if is_new or is_complete:
            write = partial(write_all, importance)
            of = f"of {importance.method}"
            self._unsaved.note(Result("importance", "importance", of, importance, write), owner)
        if owner == self._session.subject.key:
            (self.changed if is_new or is_complete else self.filled).emit(importance)


def _stored(result: Importance) -> StoredResult:
    from napari_mrf.analysis.importance.stored import as_stored
    from napari_mrf.io.session.results import StoredResult

    return StoredResult(*as_stored(result))


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
        self._session = session_of(viewer)
        panel.plot.follow(viewer)
        panel.view_changed.connect(self._on_view_changed)
        panel.layer_requested.connect(self._on_layer_requested)
        panel.frame_clicked.connect(self._on_frame_clicked)
        self.bond = Bond(panel)
        self.bond.connect(self.viewer.dims.events.current_step, self._on_frame_moved)
        self.bond.connect(self._session.subject_changing, self._on_subject_changing)
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
            self.panel.set_maps([], "")
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
            self.panel.set_frame_text(text)

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

    def _on_subject_changing(self) -> None:
        layer_turns_of(self.viewer).finish("importance")  # its layer is that of this subject

    def _on_result_changed(self, result: Importance) -> None:
        self.show()

    def _on_result_filled(self, result: Importance) -> None:
        if not self._redraw.isActive():
            self._redraw.start()


def frame_sentence(result: Importance, key: str, frame: int) -> str:
    """Return what a frame does to a map, in words.

    ``"Frame 125: T1H2O changes by 3.6 % of its range of 1,247 ms (median; quartiles 2.1 to 5.3 %),
    RMS 4.2 ± 0.2 %"``.
    """
    group, baseline = result.group_of(frame), result.baseline[key]
    if baseline.reason:
        return f"{key}: {baseline.reason}."
    if group is None:
        return f"Frame {frame} was left out by the stride."
    first, last = result.groups[group]
    where = f"Frame {frame}" if first == last else f"Frames {first}-{last}"
    rms, deviation = 100 * result.mean(key)[group], 100 * result.deviation(key)[group]
    if not np.isfinite(rms):
        return f"{where}: not measured yet."
    spread = f" ± {deviation:.2g}" if np.isfinite(deviation) else ""
    unit = PARAMETERS[key].unit
    span = f"{baseline.span:,.3g}" if baseline.span < 100 else f"{baseline.span:,.0f}"
    low, median, high = 100 * result.quartiles(key)[:, group] / baseline.span
    text = f"{where}: {key} changes by {median:.2g} % of its range of {span} {unit}".rstrip()
    text += f" (median; quartiles {low:.2g} to {high:.2g} %), RMS {rms:.2g}{spread} %"
    shares = result.fisher_of_groups(key)
    if shares is not None and np.isfinite(shares[group]):
        text += f" · Fisher share {100 * shares[group]:.2g}\u00a0%"
    return text
