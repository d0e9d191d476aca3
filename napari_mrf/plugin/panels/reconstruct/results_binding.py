"""Binds the results part of a Reconstruct panel to the maps of the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.compat import isalive
from qtpy.QtWidgets import QFileDialog

from napari_mrf.data.maps import FLAGS
from napari_mrf.data.parameters import PARAMETERS, validity_rules
from napari_mrf.plugin.jobs import Job, JobState, JobStatus
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.overwriting import asks_to_overwrite
from napari_mrf.plugin.layers import COMPANIONS, PARAMETER_KEY, SET_KEY, is_companion_shown
from napari_mrf.plugin.panels.reconstruct.work import save
from napari_mrf.plugin.preferences import preferences
from napari_mrf.plugin.session import session_of, unwrapped
from napari_mrf.plugin.viewer.maps_display import maps_display_of

if TYPE_CHECKING:
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.plugin.kit.notice import Notice
    from napari_mrf.plugin.panels.reconstruct.results import ResultsPanel


class ResultsBinding:
    """What happens when the user acts on the results, and what is shown of them.

    Parameters
    ----------
    viewer : napari viewer
        Where the maps are shown.
    panel : ResultsPanel
        The view.
    notice : Notice
        Where problems are told.
    """

    def __init__(self, viewer: Any, panel: ResultsPanel, notice: Notice) -> None:
        self.viewer = unwrapped(viewer)
        self.panel = panel
        self.notice = notice
        self.session = session_of(viewer)
        self.display = maps_display_of(viewer)
        self.saving = Job()
        self._directory = self._saved_set = ""
        panel.save_requested.connect(self._on_save_requested)
        panel.maps_changed.connect(self._on_maps_picked)
        panel.companion_changed.connect(self._on_companion_changed)
        panel.validity_changed.connect(self._on_validity_changed)
        self.bond = Bond(panel)
        self.bond.connect(self.viewer.layers.events.inserted, self._on_inserted)
        self.bond.connect(self.viewer.layers.events.removed, self._on_layers_changed)
        self.bond.connect(self.session.maps_changed, self._on_maps_changed)
        self.bond.connect(self.saving.changed, self._on_saving_changed)
        for layer in self.viewer.layers:
            self._watch(layer)
        self._show("")

    def save_to(self, directory: str, *, overwrite: bool = False) -> None:
        """Write the maps that are picked in the panel to a folder."""
        maps_set = self.session.maps_sets.get(self.panel.current_maps())
        if maps_set is not None and not self.saving.status.is_running:
            self._directory, self._saved_set = directory, maps_set.name
            self.saving.start("Saving maps", save, maps_set.maps, directory, overwrite)

    def _show(self, name: str) -> None:
        sets = self.session.maps_sets
        current = name if name in sets else self.panel.current_maps()
        if current not in sets:
            current = next(reversed(sets), "")
        self.panel.set_maps(list(sets), current)
        self._show_companions()

    def _show_companions(self) -> None:
        name = self.panel.current_maps()
        maps_set = self.session.maps_sets.get(name)
        if maps_set is None:
            return
        maps = maps_set.maps
        available = ["mask"]
        available += ["quality"] if maps.quality is not None else []
        available += ["flags"] if maps.flags is not None else []
        available += ["uncertainty"] if maps.uncertainty else []
        shown = [one for one in COMPANIONS if is_companion_shown(self.viewer, name, one)]
        self.panel.set_companions(available, shown)
        rules = validity_rules(preferences().thresholds) if "FF" in maps else {}
        words = ", ".join(f"{key} where {rules[key].describe()}" for key in maps if key in rules)
        self.panel.set_validity(words, self.display.hides_invalid)

    def _tell_left_out(self, maps: ParameterMaps) -> None:
        if maps.flags is None:
            return
        n_left_out = int(np.count_nonzero(maps.flags & FLAGS["not-finite"]))
        if n_left_out:
            voxels = "1 voxel is" if n_left_out == 1 else f"{n_left_out:,} voxels are"
            self.notice.say(f"{voxels} not finite and left out. See the flags layer.")

    def _watch(self, layer: Any) -> None:
        """Let the box of a companion follow the eye of its layer."""
        if SET_KEY in layer.metadata and layer.metadata[PARAMETER_KEY] not in PARAMETERS:
            layer.events.visible.connect(self._on_seen)  # napari keeps no more than a weak hold

    def _on_seen(self, event: Any) -> None:
        if isalive(self.panel):
            self._show_companions()

    def _on_inserted(self, event: Any) -> None:
        self._watch(event.value)
        self._show_companions()

    def _on_layers_changed(self, event: Any) -> None:
        self._show_companions()

    def _on_maps_changed(self, name: str) -> None:
        self._show(name)
        if name in self.session.maps_sets:
            self._tell_left_out(self.session.maps_sets[name].maps)

    def _on_maps_picked(self, name: str) -> None:
        self._show_companions()

    def _on_companion_changed(self, companion: str, is_shown: bool) -> None:
        self.display.set_companion(self.panel.current_maps(), companion, is_shown)

    def _on_validity_changed(self, is_hidden: bool) -> None:
        self.display.set_hides_invalid(is_hidden)

    def _on_save_requested(self) -> None:
        directory = QFileDialog.getExistingDirectory(self.panel, "Save maps to a folder")
        if directory:
            self.save_to(directory)

    def _on_saving_changed(self, status: JobStatus) -> None:
        self.panel.set_saving(status.is_running)
        if status.state is JobState.DONE:
            self.session.mark_maps_saved(self._saved_set, self._directory)
            self.notice.say(f"Saved to {self._directory}", kind="note")
        elif status.failure is not None:
            self.notice.clear()
            if not asks_to_overwrite(self.panel, status, self._overwrite):
                self.notice.say(status.failure.sentence)

    def _overwrite(self) -> None:
        self.save_to(self._directory, overwrite=True)
