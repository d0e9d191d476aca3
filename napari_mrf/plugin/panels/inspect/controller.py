"""Binds an Inspect panel to the mouse, the session and the slider of frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.analysis.inspection.traces import COMPONENTS, voxel_name
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.panels.inspect.drawn import Drawn
from napari_mrf.plugin.panels.inspect.export import InspectExport
from napari_mrf.plugin.panels.inspect.frames import InspectFrames
from napari_mrf.plugin.panels.inspect.readings import InspectReadings
from napari_mrf.plugin.panels.inspect.regions import CHOSEN_REGION, InspectRegions
from napari_mrf.plugin.preferences import preferences
from napari_mrf.plugin.session import session_of, unwrapped
from napari_mrf.plugin.viewer.pins_display import pins_display_of
from napari_mrf.plugin.viewer.pointer import pointer_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.plugin.jobs import Failure
    from napari_mrf.plugin.panels.inspect.panel import InspectPanel
    from napari_mrf.plugin.session import Voxel


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
        self.bond = Bond(panel)
        self.frames = InspectFrames(self.viewer, panel, self.bond)
        self.files = InspectExport(self.viewer, panel, self.bond, self._drawn)
        self.regions = InspectRegions(self.session, panel.regions_button)
        self.readings = InspectReadings(self.session, self.bond, self._show, self._on_failed)
        self.voxel: Voxel | None = self.session.selected_voxel
        self._hidden_maps: set[str] = set()
        self._is_stale = True
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
        panel.plot.theme_changed.connect(self._on_theme_changed)
        bond, session = self.bond, self.session
        bond.connect(self.pointer.moved, self._on_moved)
        bond.connect(session.series_changed, self._on_series_changed)
        bond.connect(session.maps_changed, self._refresh)
        bond.connect(session.voxel_changed, self._on_voxel_selected)
        bond.connect(session.pins_changed, self._on_pins_changed)
        bond.connect(session.regions_changed, self._on_regions_changed)
        bond.connect(session.region_chosen, self._on_region_chosen)

    def state(self) -> dict[str, Any]:
        """Return the choices of the panel, for the session file."""
        return {
            "component": self.panel.component_picker.currentText(),
            "residual": self.panel.residual_box.isChecked(),
            "hidden_maps": sorted(self._hidden_maps),
            "regions": list(self.regions.keys),
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
            self.regions.keys = tuple(key for key in regions if isinstance(key, str))
        self._refresh()

    def pin(self) -> None:
        """Pin the voxel that is shown, or unpin it."""
        if self.voxel is not None:
            self.pins.toggle(self.voxel)

    def clear_pins(self) -> None:
        """Let all pins go."""
        self.session.set_pins(())

    def _drawn(self) -> Drawn:
        """Return what is drawn at the moment."""
        read = self.readings
        choices = self.regions.choices()[: len(read.regions)]
        colors = self.regions.colors_of(choices)
        return Drawn(read.voxel, read.pins, read.regions[: len(choices)], colors)

    def _refresh(self, *_: Any) -> None:
        """Compute everything again: maps, voxel, pins, regions."""
        series = self.session.series
        if not self.panel.isVisible() or series is None:
            self._is_stale = True
            return
        self._is_stale = False
        self._take_maps()
        self.readings.ask_voxel(self.voxel)
        self.readings.ask_pins()
        self._ask_regions()

    def _take_maps(self) -> None:
        series, sets = self.session.series, self.session.maps_sets
        shown = [name for name in sets if name not in self._hidden_maps]
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
        self.readings.ask_regions(self.regions.choices())

    def _show(self) -> None:
        drawn = self._drawn()
        plot = self.panel.plot
        # Outside the mask the axes stay; they shrink only once the predictions are there.
        plot.show_traces(
            drawn.traces,
            drawn.colors,
            keep_axes=drawn.keeps_axes,
            may_shrink=not self.readings.is_partial,
        )
        self.panel.values.show_rows(drawn.value_rows())
        self.panel.legend.set_entries(drawn.legend(self.readings.predictors, plot.colors))
        self._show_place(drawn)

    def _on_theme_changed(self, colors: Any) -> None:
        self.panel.legend.set_entries(self._drawn().legend(self.readings.predictors, colors))

    def _show_place(self, drawn: Drawn | None = None) -> None:
        """Say which voxel is shown, and why something is missing."""
        pins, panel = self.session.pins, self.panel
        drawn = self._drawn() if drawn is None else drawn
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
            panel.set_place("; ".join([place, *drawn.reasons()]))
        pinned = f" · {len(pins)} pinned" if pins else ""
        panel.state_changed.emit(f"{words}{pinned}")

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
            self.readings.ask_voxel(self.voxel)

    def _on_voxel_selected(self, voxel: Voxel | None) -> None:
        if voxel is not None:
            self._look_at(voxel)

    def _on_failed(self, failure: Failure) -> None:
        self.panel.notice.say(failure.sentence)

    def _on_series_changed(self, series: Any) -> None:
        self._seen = None
        self.readings.clear()
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
        self.frames.update()

    def _on_maps_chosen(self, chosen: tuple[str, ...]) -> None:
        self._hidden_maps = set(self.session.maps_sets) - set(chosen)
        self._refresh()

    def _on_pins_changed(self, pins: tuple[Voxel, ...]) -> None:
        self._show_place()
        if self.panel.isVisible() and not self._is_stale:
            self.readings.ask_pins()
        else:
            self._is_stale = True

    def _on_regions_chosen(self, chosen: tuple[str, ...]) -> None:
        self.regions.keys = chosen
        self._ask_regions()

    def _on_regions_changed(self, regions: Any) -> None:
        if self.panel.isVisible() and not self._is_stale:
            self._ask_regions()
        else:
            self._is_stale = True

    def _on_region_chosen(self, choice: Any) -> None:
        if CHOSEN_REGION in self.regions.keys:
            self._on_regions_changed(None)

    def _on_shown(self) -> None:
        if self._is_stale:
            self._refresh()
        self.frames.update()
