"""Controller of the ROIs panel: connects it to the editor of the viewer's regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels

from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.layers import PARAMETER_KEY
from napari_mrf.plugin.layers.metadata import PREVIEW_KEY
from napari_mrf.plugin.layers.regions import table_names
from napari_mrf.plugin.layers.subjects import is_here
from napari_mrf.plugin.panels.rois.carry import RoisCarryBinding
from napari_mrf.plugin.panels.rois.drawing import RoisDrawing
from napari_mrf.plugin.panels.rois.files import RoisFilesBinding
from napari_mrf.plugin.panels.rois.labels import RoisLabelsBinding
from napari_mrf.plugin.panels.rois.look import RegionsLookBinding
from napari_mrf.plugin.panels.rois.statistics_controller import RoisStatisticsBinding
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.regions.pointer import regions_pointer_of
from napari_mrf.plugin.regions.slice_edits import copy_to_next_slice, delete_here
from napari_mrf.plugin.session import RegionChoice, session_of, unwrapped
from napari_mrf.rois.label_set import foreign_labels
from napari_mrf.rois.polygons import outline_record, outlines_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.components import ViewerModel
    from napari.utils.events import Event

    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.panels.rois.panel import RoisPanel


class RoisBinding:
    """Controller of the ROIs panel: acts on the signals of the view and updates it.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the regions.
    panel : RoisPanel
        The view.
    """

    def __init__(self, viewer: ViewerModel, panel: RoisPanel) -> None:
        self.viewer: ViewerModel = unwrapped(viewer)
        self.panel = panel
        self.session = session_of(viewer)
        self.editor = regions_editor_of(viewer)
        self.pointer = regions_pointer_of(viewer)
        self._has_picked_set = False
        self._layers: dict[str, Labels] = {}
        self.drawing = RoisDrawing(viewer, panel)
        self.labels = RoisLabelsBinding(viewer, panel, self._show, self._on_label_picked)
        self.look = RegionsLookBinding(viewer, panel)
        self.files = RoisFilesBinding(viewer, panel)
        self.carry = RoisCarryBinding(viewer, panel)
        self.statistics = RoisStatisticsBinding(viewer, panel.statistics, panel.notice)
        panel.delete_requested.connect(self._on_delete_requested)
        panel.copy_requested.connect(self._on_copy_requested)
        panel.undo_requested.connect(self.undo)
        panel.redo_requested.connect(self.redo)
        panel.gone.cure_requested.connect(self.editor.show_again)
        panel.edit_requested.connect(self._on_edit_requested)
        panel.layer_changed.connect(self._on_layer_picked)
        panel.new_requested.connect(self._on_new_requested)
        panel.set_changed.connect(self._on_set_changed)
        panel.tree.label_picked.connect(self._on_label_picked)
        self.bond = Bond(panel)
        layers = self.viewer.layers.events
        for signal, slot in (
            (self.editor.changed, self._show),
            (self.editor.told, self._on_told),
            (self.session.region_chosen, self._on_region_chosen),
            (self.session.series_changed, self._on_series_changed),
            (self.session.maps_changed, self._show),
            (self.viewer.dims.events.current_step, self._show_actions),
            (layers.inserted, self._on_layer_inserted),
            (layers.removed, self._show_layers),
            (self.viewer.layers.selection.events.active, self.drawing.show),
        ):
            self.bond.connect(signal, slot)
        for layer in self.viewer.layers:
            self.bond.connect(layer.events.name, self._show_layers)
        self._on_series_changed(self.session.series)
        self.drawing.set_pen(panel.tree.picked())

    def undo(self) -> None:
        """Undo the last thing the user did to the regions."""
        if not self.drawing.smart.take_back():
            self.editor.undo()

    def redo(self) -> None:
        """Redo what was undone last."""
        self.editor.redo()

    def toggle_outlines(self) -> None:
        """Show the outlines of regions only, or fill them."""
        self.look.toggle()

    def next_region(self) -> None:
        """Pick the next region of the list."""
        self.panel.tree.pick_beside(1)

    def previous_region(self) -> None:
        """Pick the region before in the list."""
        self.panel.tree.pick_beside(-1)

    def state(self) -> dict[str, Any]:
        """Return the options of the panel, and the polygons, which label files cannot hold."""
        return {
            "set": self.panel.set_picker.currentText(),
            "label": self.panel.tree.picked(),
            "outlines": [outline_record(one) for one in self.editor.outlines()],
            "filled": self.look.is_filled(),
            "for_all": self.panel.for_all.isChecked(),
            **self.statistics.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Set the options of the panel; missing or unknown ones are kept.

        Polygons are put back over the regions they fit; the regions stay as they are.
        """
        at = self.panel.set_picker.findText(str(state.get("set", "")))
        if at >= 0:
            self.panel.set_picker.setCurrentIndex(at)
            self._has_picked_set = True
        label = state.get("label")
        self._show()
        if isinstance(label, int) and label in self.editor.table:
            self.panel.tree.select(label)
            self.drawing.set_pen(label)
        self.editor.put_back_outlines(outlines_from(state.get("outlines")))
        self.look.restore(state.get("filled"))
        if isinstance(is_for_all := state.get("for_all"), bool):
            self.panel.for_all.setChecked(is_for_all)
        self.statistics.restore(state)
        self._show()

    def _show(self, *_: Any) -> None:
        editor, panel = self.editor, self.panel
        panel.set_labels(editor.table, editor.slices)
        panel.set_needs("" if editor.layers.grid() is not None else "Load or pick a series first.")
        panel.set_gone(editor.gone.sentence)
        self._show_layers()
        self.drawing.show()
        self.look.show()
        self._show_actions()
        n_drawn, n_slices = len(editor.slices), len({z for s in editor.slices.values() for z in s})
        if not n_drawn:
            panel.state_changed.emit("nothing drawn")
        else:
            regions = "1 region" if n_drawn == 1 else f"{n_drawn} regions"
            panel.state_changed.emit(
                f"{regions} in {n_slices} {'slice' if n_slices == 1 else 'slices'}"
            )

    def _show_actions(self, *_: Any) -> None:
        slices, z = self.editor.slices, self.editor.layers.slice_in_view()
        self.panel.set_actions(
            is_picked_drawn=self.panel.tree.picked() in slices,
            is_any_here=any(z in drawn for drawn in slices.values()),
            is_any=bool(slices),
        )

    def _show_layers(self, *_: Any) -> None:
        self._layers = {
            layer.name: layer
            for layer in self.viewer.layers
            if isinstance(layer, Labels)
            and not {PARAMETER_KEY, PREVIEW_KEY} & layer.metadata.keys()
            and is_here(self.viewer, layer)
        }
        current = next((name for name, one in self._layers.items() if one is self.editor.layer), "")
        self.panel.set_layers(list(self._layers), current)

    def _on_layer_inserted(self, event: Event) -> None:
        self.bond.connect(event.value.events.name, self._show_layers)
        self._show_layers()

    def _on_told(self, sentence: str, kind: str) -> None:
        if sentence:
            self.panel.notice.say(sentence, kind=kind)
        else:
            self.panel.notice.clear()

    def _on_delete_requested(self) -> None:
        delete_here(self.editor, self.panel.tree.picked())

    def _on_copy_requested(self, is_for_all: bool, step: int) -> None:
        copy_to_next_slice(self.editor, self.drawing.regions(is_for_all), step)

    def _on_layer_picked(self, name: str) -> None:
        if name not in self._layers:
            return
        layer = self._layers[name]
        try:
            self.editor.use_layer(layer)
        except MRFInputError as error:
            if error.code == "other-grid" and layer.ndim == 3:
                self.files.offer_nearest(error.sentence(), lambda: self._take_nearest(layer))
            else:
                self._on_told(error.sentence(), "problem")
        else:
            layer.visible = True  # what is drawn has to be seen
            self.panel.notice.clear()
        self._show_layers()

    def _on_new_requested(self) -> None:
        self.editor.start_anew()
        self._show_layers()

    def _take_nearest(self, layer: Labels) -> None:
        """Draw on a copy of a layer that is shown elsewhere, as it is seen over the series."""
        try:
            labels = self.editor.layers.nearest(layer)
        except MRFInputError as error:
            self._on_told(error.sentence(), "problem")
            return
        if labels is None or not labels.any():
            self._on_told(f"The layer {layer.name} shows no label over the series.", "problem")
            return
        table = foreign_labels(np.unique(labels).tolist(), table_names(layer))
        self.editor.show_labels(labels, table, name=f"{layer.name}, nearest")
        layer.visible = False
        self._on_told(f"Every voxel took the nearest label of {layer.name}.", "note")

    def _on_series_changed(self, series: MRFSeries | None) -> None:
        """List what such a series shows, unless the user has picked something else."""
        if series is not None and series.sequence is not None and not self._has_picked_set:
            usual = SIGNAL_KINDS[series.sequence.kind].anatomy
            if usual and self.panel.set_picker.currentText() != usual:
                self.panel.set_picker.setCurrentText(usual)
                self._show()
                self.drawing.set_pen(self.panel.tree.picked())
                return
        self._show()

    def _on_set_changed(self, _: str) -> None:
        self._has_picked_set = True
        self._show()
        self.drawing.set_pen(self.panel.tree.picked())

    def _on_label_picked(self, label: int) -> None:
        self.drawing.set_pen(label)
        self.drawing.show()
        self.look.show()
        self._show_actions()
        # A row of the list is a region like a row of the table, once it is drawn.
        if label in self.editor.slices and not self.editor.is_drawing():
            self.pointer.pick(RegionChoice(label))

    def _on_region_chosen(self, choice: RegionChoice | None) -> None:
        if choice is not None and choice.label != self.panel.tree.picked():
            self.panel.tree.select(choice.label)
            self.drawing.set_pen(choice.label)
        self.drawing.show()
        self.look.show()
        self._show_actions()

    def _on_edit_requested(self, name: str) -> None:
        picked = self.panel.tree.picked()
        if name == "add":
            self.labels.add()
        elif name in ("import", "export"):
            self.files.ask(name)
        elif name == "numbers":
            self.files.numbers.ask()
        elif name == "carry":
            self.carry.ask()
        elif not picked:
            self._on_told("Pick a region in the list first.", "note")
        elif name == "rename":
            self.panel.tree.rename(picked)
        elif name == "recolor":
            self.labels.recolor(picked)
        elif name == "remove":
            self.labels.remove(picked)
