"""Binds an Importance panel to the viewer and the session."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_mrf.errors import MRFInputError
from napari_mrf.jobs import Job, JobState, JobStatus
from napari_mrf.layers import PARAMETER_KEY, mask_from_layer
from napari_mrf.layers.importance import importance_layer, show_importance
from napari_mrf.layers.voxels import frame_of, layer_of_series, show_frame
from napari_mrf.parameters import PARAMETERS
from napari_mrf.session import session_of, unwrapped
from napari_mrf.widgets.bond import Bond
from napari_mrf.widgets.canvas_texts import show_canvas_texts
from napari_mrf.widgets.importance_panel import NO_TRUTH
from napari_mrf.widgets.importance_store import importance_store_of
from napari_mrf.widgets.importance_work import (
    ImportanceParameters,
    measure,
    options_of,
    save,
)
from napari_mrf.widgets.preferences import preferences
from napari_mrf.widgets.reconstruct_panel import AUTOMATIC_MASK, duration
from napari_mrf.widgets.reconstruction import Catalogue, list_catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.analysis.importance_result import Importance
    from napari_mrf.maps import ParameterMaps
    from napari_mrf.widgets.importance_panel import ImportancePanel

# A full redraw takes 60-100 ms of the window's thread.
_REDRAW_INTERVAL_MS = 500


class ImportanceBinding:
    """What happens when the user acts on an Importance panel, and what the panel shows.

    Parameters
    ----------
    viewer : napari viewer
        Where the series is.
    panel : ImportancePanel
        The view.
    """

    def __init__(self, viewer: Any, panel: ImportancePanel) -> None:
        self.viewer = unwrapped(viewer)
        self.panel = panel
        self.session = session_of(viewer)
        self.store = importance_store_of(viewer)
        self.catalogue, self.saving = Job(), Job()
        self._listed_for: Any = None
        self._wanted: dict[str, Any] = {}
        self._directory = ""
        self._masks: dict[str, Labels] = {}
        self._redraw = QTimer(panel)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(_REDRAW_INTERVAL_MS)
        self._redraw.timeout.connect(self._show_result)
        panel.plot.follow(viewer)
        panel.run_requested.connect(self._on_run_requested)
        panel.cancel_requested.connect(self._on_cancel_requested)
        panel.method_changed.connect(self._on_method_changed)
        panel.view_changed.connect(self._on_view_changed)
        panel.layer_requested.connect(self._on_layer_requested)
        panel.save_requested.connect(self._on_save_requested)
        panel.frame_clicked.connect(self._on_frame_clicked)
        self.bond = Bond(panel)
        layers = self.viewer.layers.events
        self.bond.connect(layers.inserted, self._on_layer_inserted)
        self.bond.connect(layers.removed, self._on_layers_changed)
        for layer in self.viewer.layers:
            self.bond.connect(layer.events.name, self._on_layers_changed)
        self.bond.connect(self.viewer.dims.events.current_step, self._on_frame_moved)
        self.bond.connect(self.session.series_changed, self._on_series_changed)
        self.bond.connect(self.session.maps_changed, self._on_maps_changed)
        self.bond.connect(self.session.importance.changed, self._on_run_changed)
        self.bond.connect(self.store.changed, self._on_result_changed)
        self.bond.connect(self.store.filled, self._on_result_filled)
        self.bond.connect(self.catalogue.changed, self._on_catalogue_changed)
        self.bond.connect(self.catalogue.succeeded, self._on_catalogue_listed)
        self.bond.connect(self.saving.changed, self._on_saving_changed)
        self._on_layers_changed()
        self._on_maps_changed("")
        self._on_series_changed(self.session.series)
        self._on_run_changed(self.session.importance.status)
        if self.store.result is not None:
            self._on_result_changed(self.store.result)

    def run(self) -> None:
        """Measure the importance of the frames, as the panel says."""
        series = self.session.series
        if self._needs() or series is None:
            return
        self.panel.notice.clear()
        try:
            mask, truth = self._mask(), self._truth()
        except MRFInputError as error:
            self.panel.notice.say(error.sentence())
            return
        parameters = self.parameters()
        self.store.begin(series)
        self.session.importance.start(f"Importance, {parameters.method}", measure, series, mask,
                                      truth, parameters)  # fmt: skip

    def cancel(self) -> None:
        """Stop the run; what has been measured stays."""
        self.session.importance.cancel()

    def parameters(self) -> ImportanceParameters:
        """Return what the panel asks for."""
        panel = self.panel
        return ImportanceParameters(
            method=panel.current_method(),
            options=panel.options.values(),
            settings=panel.settings.values(),
            keep=panel.current_map(),
        )

    def save_to(self, directory: str, *, overwrite: bool = False) -> None:
        """Write the result to a folder, with the changes per voxel of the map that is shown."""
        result, key = self.store.result, self.panel.current_map()
        if result is None or self.saving.status.is_running:
            return
        self._directory = directory
        layers = [key] if key in result.voxel_change else []
        self.saving.start("Saving importance", save, result, directory, layers,
                          self.panel.fisher_box.isChecked(), overwrite)  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Return what is chosen, for a session file."""
        panel = self.panel
        return {
            "method": panel.current_method(),
            "options": panel.options.values(),
            "settings": panel.settings.values(),
            "map": panel.current_map(),
            "fisher": panel.fisher_box.isChecked(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Choose as a session file says, as soon as the methods are listed."""
        self._wanted = dict(state)
        _enter(self.panel.settings, state.get("settings"))
        self.panel.fisher_box.setChecked(bool(state.get("fisher", True)))
        if not self.catalogue.status.is_running:
            self._choose_wanted()
        self._show_result()

    def _choose_wanted(self) -> None:
        wanted, self._wanted = self._wanted, {}
        self.panel.choose_method(str(wanted.get("method", "")))
        _enter(self.panel.options, wanted.get("options"))
        at = self.panel.map_picker.findText(str(wanted.get("map", "")))
        if at >= 0:
            self.panel.map_picker.setCurrentIndex(at)

    def _needs(self) -> str:
        series = self.session.series
        if series is None:
            return "Load or pick a series first."
        if series.sequence is None:
            return "Pick the sequence of the series first."
        if series.metadata.get("magnitude_only"):
            return "The series has magnitude only, and the phase is needed."
        if self.catalogue.status.is_running:
            return "Loading the methods…"
        if not self.panel.current_method():
            return f"No method works for {series.sequence.name}."
        if self.session.importance.status.is_running:
            return "Wait for this run, or cancel it."
        return ""

    def _mask(self) -> NDArray[np.bool_] | None:
        name = self.panel.mask_picker.currentText()
        if name == AUTOMATIC_MASK:
            return None
        return mask_from_layer(self._masks[name], self.session.series)

    def _truth(self) -> ParameterMaps | None:
        maps_set = self.session.maps_sets.get(self.panel.truth_picker.currentText())
        return None if maps_set is None else maps_set.maps

    def _take_options(self, method: str) -> None:
        """Set the options of a method to those of its youngest maps."""
        series = self.session.series
        for maps_set in reversed(list(self.session.maps_sets.values())):
            record = maps_set.maps.provenance.get("method", {})
            if isinstance(record, dict) and record.get("name") == method and series is not None:
                with suppress(KeyError, TypeError, ValueError, AttributeError):
                    # maps from disk may say anything
                    _enter(self.panel.options,
                           options_of(maps_set.maps.provenance, series.sequence))  # fmt: skip
                return

    def _show_result(self) -> None:
        result = self.store.result
        if result is None:
            return
        panel = self.panel
        keys, current = list(result.keys), panel.current_map()
        if [panel.map_picker.itemText(i) for i in range(panel.map_picker.count())] != keys:
            panel.set_maps(keys, current)
        key = panel.current_map()
        panel.fisher_box.setEnabled(key in result.fisher)
        panel.plot.show_importance(result, key, with_fisher=panel.fisher_box.isChecked())
        layer = importance_layer(self.viewer, result.method, key)
        if layer is not None:
            layer.refresh()
        self._show_frame()

    def _show_frame(self) -> None:
        result = self.store.result
        if result is None:
            return
        layer = self._series_layer()
        frame = None if layer is None else frame_of(self.viewer, layer)
        self.panel.plot.mark(frame)
        if frame is not None:
            text = frame_sentence(result, self.panel.current_map(), frame)
            self.panel.frame_text.setText(text)

    def _series_layer(self) -> Any:
        """Return the layer of the series that was measured, while it is in the viewer."""
        return layer_of_series(self.viewer, self.store.series)

    def _on_run_requested(self) -> None:
        self.run()

    def _on_cancel_requested(self) -> None:
        self.cancel()

    def _on_method_changed(self, method: str) -> None:
        self._take_options(method)
        self._show_needs()

    def _on_view_changed(self) -> None:
        self._show_result()

    def _on_frame_clicked(self, frame: int) -> None:
        layer = self._series_layer()
        if layer is not None:
            show_frame(self.viewer, layer, frame)

    def _on_frame_moved(self, event: Any = None) -> None:
        self._show_frame()

    def _on_layer_requested(self) -> None:
        result, key = self.store.result, self.panel.current_map()
        if result is None:
            return
        show_canvas_texts(self.viewer)
        try:
            show_importance(self.viewer, result, key)
        except MRFInputError as error:
            self.panel.notice.say(error.sentence())
            return
        self._show_frame()

    def _on_save_requested(self) -> None:
        directory = QFileDialog.getExistingDirectory(self.panel, "Save importance to a folder")
        if directory:
            self.save_to(directory)

    def _on_saving_changed(self, status: JobStatus) -> None:
        self.panel.set_saving(status.is_running)
        if status.state is JobState.DONE:
            self.panel.notice.say(f"Saved to {self._directory}", kind="note")
        elif status.failure is not None:
            error = status.failure.error
            if isinstance(error, MRFInputError) and error.code == "exists":
                self._ask_to_overwrite()
            else:
                self.panel.notice.say(status.failure.sentence)

    def _ask_to_overwrite(self) -> None:
        box = QMessageBox(self.panel)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Save importance")
        box.setText("The folder holds importance already. Replace it?")
        box.setInformativeText(self._directory)
        replace = box.addButton("Replace", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        if box.clickedButton() is replace:
            self.save_to(self._directory, overwrite=True)

    def _on_series_changed(self, series: Any) -> None:
        sequence = series.sequence if series is not None else None
        if sequence is None:
            self._listed_for = None
            self.panel.set_methods((), "")
        elif self._listed_for != sequence:
            self._listed_for = sequence
            self.catalogue.cancel()
            self.catalogue.start("Methods", list_catalogue, sequence)
        self._show_needs()

    def _on_catalogue_changed(self, status: JobStatus) -> None:
        if status.failure is not None:
            self.panel.notice.say(status.failure.sentence)
        self._show_needs()

    def _on_catalogue_listed(self, catalogue: Catalogue) -> None:
        names = [info.name for info in catalogue.methods]
        wanted = self.panel.current_method() or preferences().method
        self.panel.set_methods(catalogue.methods, wanted if wanted in names else "")
        self._take_options(self.panel.current_method())
        self._choose_wanted()
        self._show_needs()

    def _on_layer_inserted(self, event: Any) -> None:
        self.bond.connect(event.value.events.name, self._on_layers_changed)
        self._on_layers_changed()

    def _on_layers_changed(self, event: Any = None) -> None:
        # A mask that was renamed stays picked, so the choice is of a layer, not of a name.
        picked = self._masks.get(self.panel.mask_picker.currentText())
        self._masks = {
            layer.name: layer
            for layer in self.viewer.layers
            if isinstance(layer, Labels) and layer.metadata.get(PARAMETER_KEY) != "flags"
        }
        current = next((name for name, layer in self._masks.items() if layer is picked),
                       AUTOMATIC_MASK)  # fmt: skip
        self.panel.set_masks(list(self._masks), current)

    def _on_maps_changed(self, name: str) -> None:
        current = self.panel.truth_picker.currentText() or NO_TRUTH
        self.panel.set_truths(list(self.session.maps_sets), current)
        maps_set = self.session.maps_sets.get(name)
        record = {} if maps_set is None else maps_set.maps.provenance.get("method", {})
        method = self.panel.current_method()
        if method and isinstance(record, dict) and record.get("name") == method:
            self._take_options(method)

    def _on_run_changed(self, status: JobStatus) -> None:
        self.panel.set_status(status)
        self._show_needs()
        if status.state is JobState.FAILED and status.failure is not None:
            self.panel.notice.say(status.failure.sentence)
            self.panel.state_changed.emit(f"{status.title} failed")
        elif status.state is JobState.CANCELLED:
            kept = f" after {status.done:,} of {status.total:,}" if status.done else ""
            self.panel.state_changed.emit(f"{status.title} cancelled{kept}")
            self._show_result()
        elif status.state is JobState.DONE:
            self.panel.state_changed.emit(f"{status.title} · {duration(status.seconds)}")
        elif status.state is JobState.IDLE:
            result = self.store.result
            found = "not run" if result is None else f"{result.method}, measured"
            self.panel.state_changed.emit(found)

    def _on_result_changed(self, result: Importance) -> None:
        self._show_result()

    def _on_result_filled(self, result: Importance) -> None:
        if not self._redraw.isActive():
            self._redraw.start()

    def _show_needs(self) -> None:
        self.panel.set_needs(self._needs())


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


def _enter(form: Any, values: Any) -> None:
    """Enter values into a form as far as they fit; a session file may hold anything."""
    for name, value in values.items() if isinstance(values, dict) else ():
        with suppress(TypeError, ValueError, OverflowError):
            form.set_value(str(name), value)
