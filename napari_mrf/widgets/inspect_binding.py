"""Binds an Inspect panel to the mouse, the session and the slider of frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_mrf.analysis.prediction import Predictor
from napari_mrf.analysis.traces import COMPONENTS, sequence_columns, values_table, voxel_name
from napari_mrf.jobs import Failure, Job, JobState, JobStatus
from napari_mrf.layers import frame_of, layer_of_series, show_frame
from napari_mrf.plots.trace_styles import measured_style, pin_color, predicted_style
from napari_mrf.session import RegionChoice, session_of, unwrapped
from napari_mrf.widgets.bond import Bond
from napari_mrf.widgets.inspect_values import ValueRow
from napari_mrf.widgets.inspection import (
    Export,
    RegionsQuestion,
    VoxelReader,
    VoxelsAnswer,
    VoxelsQuestion,
    answer_regions,
    export,
    is_own_series,
)
from napari_mrf.widgets.latest import Latest
from napari_mrf.widgets.pins_display import pins_display_of
from napari_mrf.widgets.plot_legend import LegendEntry
from napari_mrf.widgets.pointer import pointer_of
from napari_mrf.widgets.preferences import preferences
from napari_mrf.widgets.readable_color import readable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.analysis.traces import Trace
    from napari_mrf.session import Voxel
    from napari_mrf.widgets.inspect_panel import InspectPanel

_CHOSEN_REGION = "chosen"


class InspectBinding:
    """What the panel shows of the voxel under the mouse, of pins and of regions.

    Parameters
    ----------
    viewer : napari viewer
        Whose mouse is followed.
    panel : InspectPanel
        The view. While it is out of sight nothing is computed.
    """

    def __init__(self, viewer: Any, panel: InspectPanel) -> None:
        self.viewer = unwrapped(viewer)
        self.panel = panel
        self.session = session_of(viewer)
        self.pointer = pointer_of(viewer)
        self.pins = pins_display_of(viewer)
        self.exporting = Job()
        self.voxel: Voxel | None = self.session.selected_voxel
        self._hidden_maps: set[str] = set()
        self._regions: tuple[str, ...] = ()
        self._predictors: tuple[Predictor, ...] = ()
        self._voxel_traces: tuple[Trace, ...] = ()
        self._pin_traces: tuple[Trace, ...] = ()
        self._region_traces: tuple[Trace, ...] = ()
        self._is_stale = True
        self._is_partial = False
        self._seen: Any = None
        self.voxel_reading = Latest(VoxelReader().answers)
        self.pins_reading = Latest(VoxelReader().answers)
        self.regions_reading = Latest(answer_regions)
        self.pins.attend(panel)
        panel.plot.follow(self.viewer)
        self._connect()
        self._on_series_changed(self.session.series)

    def _connect(self) -> None:
        panel = self.panel
        panel.component_changed.connect(panel.plot.set_component)
        panel.residual_changed.connect(panel.plot.set_residual)
        panel.maps_chosen.connect(self._on_maps_chosen)
        panel.regions_chosen.connect(self._on_regions_chosen)
        panel.pin_requested.connect(self.pin)
        panel.clear_requested.connect(self.clear_pins)
        panel.copy_requested.connect(self.copy_values)
        panel.export_requested.connect(self._on_export_requested)
        panel.shown.connect(self._on_shown)
        panel.plot.frame_chosen.connect(self._on_frame_chosen)
        panel.plot.theme_changed.connect(self._show_legend)
        bond, session = Bond(panel), self.session
        self.bond = bond
        bond.connect(self.pointer.moved, self._on_moved)
        bond.connect(session.series_changed, self._on_series_changed)
        bond.connect(session.maps_changed, self._on_maps_changed)
        bond.connect(session.voxel_changed, self._on_voxel_selected)
        bond.connect(session.pins_changed, self._on_pins_changed)
        bond.connect(session.regions_changed, self._on_regions_changed)
        bond.connect(session.region_chosen, self._on_region_chosen)
        bond.connect(self.viewer.dims.events.current_step, self._on_dims_changed)
        bond.connect(self.viewer.dims.events.order, self._on_dims_changed)
        bond.connect(self.viewer.dims.events.ndisplay, self._on_dims_changed)
        bond.connect(self.viewer.layers.events.inserted, self._on_dims_changed)
        bond.connect(self.voxel_reading.answered, self._on_voxel_answered)
        bond.connect(self.pins_reading.answered, self._on_pins_answered)
        bond.connect(self.regions_reading.answered, self._on_regions_answered)
        for reading in (self.voxel_reading, self.pins_reading, self.regions_reading):
            bond.connect(reading.failed, self._on_failed)
        bond.connect(self.exporting.changed, self._on_exporting_changed)

    def state(self) -> dict[str, Any]:
        """Return the choices of the panel, for the session file."""
        return {
            "component": self.panel.component_picker.currentText(),
            "residual": self.panel.residual_box.isChecked(),
            "hidden_maps": sorted(self._hidden_maps),
            "regions": list(self._regions),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take choices from a session file; what is missing or unknown stays as it is."""
        component, residual = state.get("component"), state.get("residual")
        if component in COMPONENTS:
            self.panel.component_picker.setCurrentText(component)
            self.panel.plot.set_component(component)
        if isinstance(residual, bool):
            self.panel.residual_box.setChecked(residual)
            self.panel.plot.set_residual(residual)
        hidden, regions = state.get("hidden_maps"), state.get("regions")
        if isinstance(hidden, list):
            self._hidden_maps = {name for name in hidden if isinstance(name, str)}
        if isinstance(regions, list):
            self._regions = tuple(key for key in regions if isinstance(key, str))
        self._refresh()

    def pin(self) -> None:
        """Pin the voxel that is shown, or unpin it."""
        if self.voxel is not None:
            self.pins.toggle(self.voxel)

    def clear_pins(self) -> None:
        """Let all pins go."""
        self.session.set_pins(())

    def copy_values(self) -> None:
        """Copy the values of all voxels that are shown, tab-separated with a header."""
        traces = (*self._voxel_traces, *self._pin_traces)
        table = values_table(traces)
        QApplication.clipboard().setText(table.to_csv(sep="\t", index=False, lineterminator="\n"))
        self.panel.notice.say("Copied the values of the voxels shown.", kind="note")

    def export_to(self, path: str | Path, kind: str) -> None:
        """Write what is drawn; a key of `inspect_panel.EXPORTS`."""
        series, (traces, colors) = self.session.series, self._drawn()
        if series is None or not traces or self.exporting.status.is_running:
            return
        what = Export(
            traces,
            colors,
            series.sequence,
            self.panel.component_picker.currentText(),
            self.panel.residual_box.isChecked(),
        )
        self.exporting.start("Exporting", export, what, Path(path), kind)

    def _drawn(self) -> tuple[tuple[Trace, ...], tuple[str | None, ...]]:
        """Return what is drawn, each with its color: the voxel, pins, regions."""
        pins = [pin_color(number) for number in range(1, len(self._pin_traces) + 1)]
        regions = self.session.regions
        colors = []
        for choice in self._region_choices()[: len(self._region_traces)]:
            red, green, blue = regions.table[choice.label].color
            colors.append(f"#{red:02x}{green:02x}{blue:02x}")
        shown: tuple[None, ...] = (None,) * len(self._voxel_traces)
        traces = (*self._voxel_traces, *self._pin_traces, *self._region_traces[: len(colors)])
        return traces, (*shown, *pins, *colors)

    def _refresh(self) -> None:
        """Compute everything again: maps, voxel, pins, regions."""
        series = self.session.series
        if not self.panel.isVisible() or series is None:
            self._is_stale = True
            return
        self._is_stale = False
        self._take_maps()
        self._ask_voxel()
        self._ask_pins()
        self._ask_regions()

    def _take_maps(self) -> None:
        series, sets = self.session.series, self.session.maps_sets
        shown = [name for name in sets if name not in self._hidden_maps]
        self.panel.maps_button.set_choices({name: name for name in sets}, shown)
        self._predictors = tuple(
            Predictor.of(name, sets[name].maps, series,
                         is_own_series=is_own_series(sets[name], series, self.session.series_name))
            for name in shown
        )  # fmt: skip
        left_out = ~np.any([p.used for p in self._predictors] or [np.ones(1, bool)], axis=0)
        axes = (series, left_out.tobytes())
        if self._seen is None or self._seen[0] is not series or self._seen[1:] != axes[1:]:
            self._seen = axes
            fits = left_out.size == series.n_frames
            self.panel.plot.set_series(series.n_frames, series.sequence, left_out if fits else None)
        self.panel.set_notes([f"{p.name} {p.note}." for p in self._predictors if p.note])
        self.panel.values.set_thresholds(preferences().thresholds)

    def _ask_voxel(self) -> None:
        if self.voxel is None:
            self._voxel_traces = ()
            self._show()
        else:
            self.voxel_reading.ask(self._question(self.voxel))

    def _ask_pins(self) -> None:
        if self.session.pins:
            self.pins_reading.ask(self._question(*self.session.pins))
        else:
            self.pins_reading.forget()
            self._pin_traces = ()
            self._show()

    def _question(self, *voxels: Voxel) -> VoxelsQuestion:
        return VoxelsQuestion(self.session.series, self._predictors, voxels)

    def _ask_regions(self) -> None:
        self._offer_regions()
        choices, series = self._region_choices(), self.session.series
        if choices and series is not None:
            self.regions_reading.ask(
                RegionsQuestion(series, self._predictors, self.session.regions, choices)
            )
        elif self._region_traces or self.regions_reading.is_busy:
            self.regions_reading.forget()
            self._region_traces = ()
            self._show()

    def _offer_regions(self) -> None:
        regions = self.session.regions
        table = {} if regions is None else regions.table
        labels = {str(label): table[label].name for label in sorted(table) if label}
        if labels:
            labels = {_CHOSEN_REGION: "the chosen region", **labels}
        self.panel.regions_button.set_choices(labels, self._regions)

    def _region_choices(self) -> tuple[RegionChoice, ...]:
        """Return the regions to draw; none where the labels lie on another grid."""
        regions, series = self.session.regions, self.session.series
        if regions is None or series is None or regions.labels.shape != series.spatial_shape:
            return ()
        choices = []
        if _CHOSEN_REGION in self._regions and self.session.chosen_region is not None:
            choices.append(self.session.chosen_region)
        for key in self._regions:
            if key.isdigit() and int(key) in regions.table:
                choices.append(RegionChoice(int(key)))
        return tuple(dict.fromkeys(choices))

    def _show(self) -> None:
        traces, colors = self._drawn()
        voxel = self._voxel_traces[0] if self._voxel_traces else None
        # Outside the mask the axes stay; they shrink only once the predictions are there.
        keeps = voxel is not None and bool(
            voxel.problem
            or (voxel.predictions and all(one.signal is None for one in voxel.predictions))
        )
        self.panel.plot.show_traces(
            traces, colors, keep_axes=keeps, may_shrink=not self._is_partial
        )
        rows = [
            ValueRow(prediction.name, prediction)
            for trace in self._voxel_traces
            for prediction in trace.predictions
        ]
        rows += [
            ValueRow(f"{number}\u00a0{prediction.name}", prediction)
            for number, trace in enumerate(self._pin_traces, 1)
            for prediction in trace.predictions
        ]
        self.panel.values.show_rows(rows)
        self._show_legend()
        self._show_place()

    def _show_legend(self, _: Any = None) -> None:
        colors = self.panel.plot.colors
        entries = [LegendEntry("measured", "", ".")]
        for index, predictor in enumerate(self._predictors):
            style = predicted_style(index)
            color = readable(style["color"], colors.background, colors.text)
            entries.append(LegendEntry(predictor.name, color or "", style["linestyle"]))
        traces, own = self._drawn()
        n_voxels, n_pins = len(self._voxel_traces), len(self._pin_traces)
        for index in range(n_voxels, len(traces)):
            color = readable(own[index], colors.background, colors.text)
            label = traces[index].name
            if index < n_voxels + n_pins:
                label = f"{index - n_voxels + 1} {label.removeprefix('voxel ')}"
            if traces[index].problem:
                label = f"{label}: {traces[index].problem}"
            dashes = measured_style("")["marker"] and "."
            entries.append(LegendEntry(label, color or "", dashes))
        self.panel.legend.set_entries(entries)

    def _show_place(self) -> None:
        """Say which voxel is shown, and why something is missing."""
        pins, panel = self.session.pins, self.panel
        panel.set_pins(len(pins), can_pin=self.voxel is not None, is_pinned=self.voxel in pins)
        if self.session.series is None:
            panel.state_changed.emit("")
            return
        if self.voxel is None:
            panel.set_place("Move the mouse over the image.")
            words = "follows the mouse"
        else:
            words = voxel_name(self.voxel)
            place = words[0].upper() + words[1:]
            if self.pointer.voxel != self.voxel:
                place += ", seen last" if self.pointer.voxel is None else ""
            panel.set_place("; ".join([place, *self._reasons()]))
        pinned = f" · {len(pins)} pinned" if pins else ""
        panel.state_changed.emit(f"{words}{pinned}")

    def _reasons(self) -> list[str]:
        """Return what is wrong with the voxel, each reason once."""
        if not self._voxel_traces:
            return []
        trace = self._voxel_traces[0]
        if trace.problem:
            return [trace.problem]
        reasons = {p.reason: p.name for p in trace.predictions if p.reason}
        if len(trace.predictions) == 1:
            return list(reasons)
        everywhere = len(reasons) == 1 and all(p.reason for p in trace.predictions)
        return [reason if everywhere else f"{name}: {reason}" for reason, name in reasons.items()]

    def _on_moved(self, voxel: Voxel | None) -> None:
        if voxel is None:
            self._show_place()
        else:
            self._look_at(voxel)

    def _look_at(self, voxel: Voxel) -> None:
        self.voxel = voxel
        if self._is_stale or not self.panel.isVisible():
            self._is_stale = True
            self._show_place()
        else:
            self._ask_voxel()

    def _on_voxel_selected(self, voxel: Voxel | None) -> None:
        if voxel is not None:
            self._look_at(voxel)

    def _on_voxel_answered(self, answer: VoxelsAnswer) -> None:
        self._voxel_traces, self._is_partial = answer.traces, not answer.is_complete
        self._show()

    def _on_pins_answered(self, answer: VoxelsAnswer) -> None:
        self._pin_traces = answer.traces
        self._show()

    def _on_regions_answered(self, traces: tuple[Trace, ...]) -> None:
        self._region_traces = traces
        self._show()

    def _on_failed(self, failure: Failure) -> None:
        self.panel.notice.say(failure.sentence)

    def _on_series_changed(self, series: Any) -> None:
        self._voxel_traces = self._pin_traces = self._region_traces = ()
        self._seen = None
        for reading in (self.voxel_reading, self.pins_reading, self.regions_reading):
            reading.forget()
        self.panel.notice.clear()
        if series is None:
            self.voxel = None
            self.panel.plot.set_series(0, None)
        elif self.voxel is not None and not all(
            index < n for index, n in zip(self.voxel, series.spatial_shape, strict=True)
        ):
            self.voxel = None
        self.panel.set_needs("" if series is not None else "Load or pick a series first.")
        self._show_place()
        self._refresh()
        self._on_dims_changed()

    def _on_maps_changed(self, name: str) -> None:
        self._refresh()

    def _on_maps_chosen(self, chosen: tuple[str, ...]) -> None:
        self._hidden_maps = set(self.session.maps_sets) - set(chosen)
        self._refresh()

    def _on_pins_changed(self, pins: tuple[Voxel, ...]) -> None:
        self._show_place()
        if self.panel.isVisible() and not self._is_stale:
            self._ask_pins()
        else:
            self._is_stale = True

    def _on_regions_chosen(self, chosen: tuple[str, ...]) -> None:
        self._regions = chosen
        self._ask_regions()

    def _on_regions_changed(self, regions: Any) -> None:
        if self.panel.isVisible() and not self._is_stale:
            self._ask_regions()
        else:
            self._is_stale = True

    def _on_region_chosen(self, choice: Any) -> None:
        if _CHOSEN_REGION in self._regions:
            self._on_regions_changed(None)

    def _on_shown(self) -> None:
        if self._is_stale:
            self._refresh()
        self._on_dims_changed()

    def _on_dims_changed(self, event: Any = None) -> None:
        series = self.session.series
        layer = layer_of_series(self.viewer, series)
        frame = frame_of(self.viewer, layer) if layer is not None else None
        self.panel.plot.set_frame(frame)
        words = "" if frame is None else f"Frame {frame}"
        sequence = None if series is None else series.sequence
        if frame is not None and sequence is not None and sequence.n_frames == series.n_frames:
            columns = sequence_columns(sequence)
            angle, echo, repetition = (columns[key][frame] for key in columns)
            words += f": FA {angle:.3g}°, TE {echo:.4g} ms, TR {repetition:.4g} ms"
        self.panel.set_frame_text(words)

    def _on_frame_chosen(self, frame: int) -> None:
        layer = layer_of_series(self.viewer, self.session.series)
        if layer is not None:
            show_frame(self.viewer, layer, frame)

    def _on_export_requested(self, kind: str) -> None:
        if not self._drawn()[0]:
            self.panel.notice.say("Nothing is drawn yet. Move the mouse over the image first.")
            return
        path, _ = QFileDialog.getSaveFileName(
            self.panel, "Export", f"fingerprints.{kind}", f"{kind.upper()} (*.{kind})"
        )
        if path:
            self.export_to(path if Path(path).suffix else f"{path}.{kind}", kind)

    def _on_exporting_changed(self, status: JobStatus) -> None:
        if status.state is JobState.FAILED and status.failure is not None:
            self.panel.notice.say(status.failure.sentence)
        elif status.state is JobState.DONE:
            self.panel.notice.say("Exported what is drawn.", kind="note")
