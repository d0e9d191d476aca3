"""Binds an Inspect panel to the mouse, the session and the slider of frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.analysis.inspection.traces import COMPONENTS, sequence_columns, voxel_name
from napari_mrf.data.geometry import grid_difference
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.layers import frame_of, layer_of_series, show_frame
from napari_mrf.plugin.panels.inspect.closeup_controller import CloseupBinding
from napari_mrf.plugin.panels.inspect.export import InspectExport
from napari_mrf.plugin.panels.inspect.readings import InspectReadings
from napari_mrf.plugin.preferences import preferences
from napari_mrf.plugin.present import present
from napari_mrf.plugin.session import BySubject, RegionChoice, session_of, unwrapped
from napari_mrf.plugin.viewer.pins_display import pins_display_of
from napari_mrf.plugin.viewer.pointer import pointer_of
from napari_mrf.plugin.viewer.readout import region_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.jobs import Failure
    from napari_mrf.plugin.kit.choice_button import ChoiceButton
    from napari_mrf.plugin.panels.inspect.panel import InspectPanel
    from napari_mrf.plugin.session import Session, Voxel


class InspectBinding:
    """Fills the panel for the voxel under the mouse, the pins and the regions.

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
        self.bond = Bond(panel)
        self.frames = InspectFrames(self.viewer, panel, self.bond)
        self.regions = InspectRegions(self.session, panel.regions_button)
        self.readings = InspectReadings(self.session, panel.isVisible)
        self.files = InspectExport(self.viewer, panel, self.bond, self.readings)
        self._hidden_maps = BySubject[set[str]](self.session, set)
        self.closeup = CloseupBinding(viewer, panel, lambda: self._hidden_maps.here,
                                      self.regions.choices)  # fmt: skip
        self._seen: Any = None
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
        panel.shown.connect(self._on_shown)
        panel.plot.theme_changed.connect(self._show_legend)
        bond, session, readings = self.bond, self.session, self.readings
        bond.connect(self.pointer.moved, readings.look_at)
        bond.connect(readings.drawn_changed, self._show)
        bond.connect(readings.resting_changed, self._show_legend)
        bond.connect(readings.place_changed, self._show_place)
        bond.connect(readings.failed, self._on_failed)
        bond.connect(session.subject_changed, self._on_subject_changed)
        bond.connect(session.series_changed, self._on_series_changed)
        bond.connect(session.maps_changed, self._refresh)
        bond.connect(session.voxel_changed, self._on_voxel_selected)
        bond.connect(session.pins_changed, self._on_pins_changed)
        bond.connect(session.regions_changed, self._on_regions_changed)
        bond.connect(session.region_chosen, self._on_region_chosen)

    @property
    def voxel(self) -> Voxel | None:
        """The voxel under the mouse, or the last one that was."""
        return self.readings.place

    def state(self) -> dict[str, Any]:
        """Return the choices of the panel, for the session file."""
        return {
            "component": self.panel.component_picker.currentText(),
            "residual": self.panel.residual_box.isChecked(),
            "hidden_maps": sorted(self._hidden_maps.here),
            "regions": list(self.regions.keys),
            "voxel": None if self.voxel is None else list(self.voxel),
            "closeup": self.closeup.state(),
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
            self._hide_maps(name for name in hidden if isinstance(name, str))
        if isinstance(regions, list):
            self.regions.keys = tuple(key for key in regions if isinstance(key, str))
        if isinstance(closeup := state.get("closeup"), dict):
            self.closeup.restore(closeup)
        self._refresh()
        voxel: Any = state.get("voxel")
        if _is_voxel(voxel, self.session.series):
            self.readings.look_at(tuple(voxel))

    def pin(self) -> None:
        """Pin the voxel that is shown, or unpin it."""
        if self.voxel is not None:
            self.pins.toggle(self.voxel)

    def clear_pins(self) -> None:
        """Unpin all voxels."""
        self.session.set_pins(())

    def _refresh(self, *_: Any) -> None:
        """Compute everything again: maps, voxel, pins, regions."""
        series = self.session.series
        if not self.panel.isVisible() or series is None:
            self.readings.is_stale = True
            return
        self.readings.is_stale = False
        self._take_maps()
        self.readings.ask_voxel()
        self.readings.ask_pins()
        self._ask_regions()
        self.closeup.refresh()

    def _hide_maps(self, names: Iterable[str]) -> None:
        hidden = self._hidden_maps.here
        hidden.clear()
        hidden.update(names)

    def _take_maps(self) -> None:
        series, sets = present(self.session.series), self.session.maps_sets
        shown = [name for name in sets if name not in self._hidden_maps.here]
        self.panel.maps_button.set_choices({name: name for name in sets}, shown)
        left_out = self.readings.predict_from([sets[name] for name in shown])
        axes = (series, left_out.tobytes())
        if self._seen is None or self._seen[0] is not series or self._seen[1:] != axes[1:]:
            self._seen = axes
            fits = left_out.size == series.n_frames
            self.panel.plot.set_series(series.n_frames, series.sequence, left_out if fits else None)
        self.panel.set_notes([f"{p.name} {p.note}." for p in self.readings.predictors if p.note])
        self.panel.values.set_thresholds(preferences().thresholds)

    def _ask_regions(self) -> None:
        self.regions.offer()
        choices = self.regions.choices()
        self.readings.ask_regions(choices, self.regions.colors_of(choices))

    def _show(self) -> None:
        drawn = self.readings.drawn
        # Outside the mask the axes stay; they shrink only once the predictions are there.
        self.panel.plot.show_traces(
            drawn.traces,
            drawn.colors,
            keep_axes=drawn.keeps_axes,
            may_shrink=not self.readings.is_partial,
        )
        self.panel.values.show_rows(drawn.value_rows())
        self._show_place()

    def _show_legend(self, *_: Any) -> None:
        resting, colors = self.readings.drawn.resting, self.panel.plot.colors
        self.panel.legend.set_entries(resting.legend(self.readings.predictors, colors))

    def _show_place(self) -> None:
        """Say which voxel is shown, and why something is missing."""
        pins, panel = self.session.pins, self.panel
        panel.set_pins(len(pins), can_pin=self.voxel is not None, is_pinned=self.voxel in pins)
        if self.session.series is None:
            panel.state_changed.emit("")
            return
        if self.voxel is None:
            panel.set_place("Move the mouse over the image.")
            words = "move the mouse over the image"
        else:
            words = voxel_name(self.voxel)
            place = words[0].upper() + words[1:]
            place += ", seen last" if self.pointer.voxel is None else ""
            place = " · ".join(filter(None, (place, region_at(self.session, self.voxel))))
            panel.set_place("; ".join([place, *self.readings.drawn.reasons()]))
        pinned = f" · {len(pins)} pinned" if pins else ""
        panel.state_changed.emit(f"{words}{pinned}")

    def _on_voxel_selected(self, voxel: Voxel | None) -> None:
        if voxel is not None:
            self.readings.look_at(voxel)

    def _on_failed(self, failure: Failure) -> None:
        self.panel.notice.say(failure.sentence)

    def _on_subject_changed(self, _: Any) -> None:
        self.readings.place = None  # a voxel of another subject

    def _on_series_changed(self, series: Any) -> None:
        self._seen = None
        self.readings.clear()
        self.panel.notice.clear()
        if series is None:
            self.readings.place = None
            self.panel.plot.set_series(0, None)
        elif self.voxel is not None and not all(
            index < n for index, n in zip(self.voxel, series.spatial_shape, strict=True)
        ):
            self.readings.place = None
        self.panel.set_needs("" if series is not None else "Load or pick a series first.")
        self._show_place()
        self._refresh()
        self.frames.update()

    def _on_maps_chosen(self, chosen: tuple[str, ...]) -> None:
        self._hide_maps(set(self.session.maps_sets) - set(chosen))
        self._refresh()

    def _on_pins_changed(self, pins: tuple[Voxel, ...]) -> None:
        self._show_place()
        if self.readings.is_awake():
            self.readings.ask_pins()

    def _on_regions_chosen(self, chosen: tuple[str, ...]) -> None:
        self.regions.keys = chosen
        self._ask_regions()
        self.closeup.refresh()

    def _on_regions_changed(self, regions: Any) -> None:
        if self.readings.is_awake():
            self._ask_regions()

    def _on_region_chosen(self, choice: Any) -> None:
        if CHOSEN_REGION in self.regions.keys:
            self._on_regions_changed(None)

    def _on_shown(self) -> None:
        if self.readings.is_stale:
            self._refresh()
        self.frames.update()


class InspectFrames:
    """Keeps the frame of the plot and of the slider in step, and shows its numbers.

    Parameters
    ----------
    viewer : napari viewer
        With the slider.
    panel : InspectPanel
        With the plot.
    bond : Bond
        For as long as the panel lives.
    """

    def __init__(self, viewer: Any, panel: InspectPanel, bond: Bond) -> None:
        self.viewer, self.panel, self.session = viewer, panel, session_of(viewer)
        panel.plot.frame_chosen.connect(self._on_frame_chosen)
        bond.connect(viewer.dims.events.current_step, self.update)
        bond.connect(viewer.dims.events.order, self.update)
        bond.connect(viewer.dims.events.ndisplay, self.update)
        bond.connect(viewer.layers.events.inserted, self.update)

    def update(self, event: Any = None) -> None:
        """Mark the frame that the slider shows; none where frames are no slider."""
        series = self.session.series
        layer = layer_of_series(self.viewer, series)
        frame = frame_of(self.viewer, layer) if layer is not None else None
        self.panel.plot.set_frame(frame)
        words = "" if frame is None else f"Frame {frame}"
        sequence = None if series is None else series.sequence
        if (
            frame is not None
            and series is not None
            and sequence is not None
            and sequence.n_frames == series.n_frames
        ):
            columns = sequence_columns(sequence)
            angle, echo, repetition = (columns[key][frame] for key in columns)
            words += f": FA {angle:.3g}°, TE {echo:.4g} ms, TR {repetition:.4g} ms"
        self.panel.set_frame_text(words)

    def _on_frame_chosen(self, frame: int) -> None:
        layer = layer_of_series(self.viewer, self.session.series)
        if layer is not None:
            show_frame(self.viewer, layer, frame)


CHOSEN_REGION = "chosen"


class InspectRegions:
    """The button *Regions* and the regions that are chosen with it.

    Parameters
    ----------
    session : Session
        With the regions.
    button : ChoiceButton
        Offers them.

    Attributes
    ----------
    keys : tuple of str
        The checked entries: numbers of labels, or `CHOSEN_REGION`.
    """

    def __init__(self, session: Session, button: ChoiceButton) -> None:
        self.session, self._button = session, button
        self.keys: tuple[str, ...] = ()

    def offer(self) -> None:
        """Offer the regions that there are."""
        regions = self.session.regions
        table = {} if regions is None else regions.table
        labels = {str(label): table[label].name for label in sorted(table) if label}
        if labels:
            labels = {CHOSEN_REGION: "the chosen region", **labels}
        self._button.set_choices(labels, self.keys)

    def choices(self) -> tuple[RegionChoice, ...]:
        """Return the regions to draw; none where the labels lie on another grid."""
        regions, series = self.session.regions, self.session.series
        if regions is None or series is None or grid_difference(regions, series):
            return ()
        choices = []
        if CHOSEN_REGION in self.keys and self.session.chosen_region is not None:
            choices.append(self.session.chosen_region)
        for key in self.keys:
            if key.isdigit() and int(key) in regions.table:
                choices.append(RegionChoice(int(key)))
        return tuple(dict.fromkeys(choices))

    def colors_of(self, choices: Iterable[RegionChoice]) -> tuple[str, ...]:
        """Return the colors of regions."""
        regions, colors = self.session.regions, []
        if regions is None:
            return ()
        for choice in choices:
            red, green, blue = regions.table[choice.label].color
            colors.append(f"#{red:02x}{green:02x}{blue:02x}")
        return tuple(colors)


def _is_voxel(voxel: Any, series: MRFSeries | None) -> bool:
    """Return whether something that a session file holds is a voxel (z, y, x) of a series."""
    return (
        series is not None
        and isinstance(voxel, list)
        and len(voxel) == 3
        and all(isinstance(one, int) for one in voxel)
        and all(0 <= one < n for one, n in zip(voxel, series.spatial_shape, strict=True))
    )
