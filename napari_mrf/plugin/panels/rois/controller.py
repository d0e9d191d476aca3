"""Controller of the ROIs panel: connects it to the editor of the viewer's regions."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels

from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.jobs.garbage import start_thread
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.layers import PARAMETER_KEY
from napari_mrf.plugin.layers.outlines import prepare_outlines
from napari_mrf.plugin.layers.regions import prepare_colors, table_names
from napari_mrf.plugin.panels.rois.files import RoisFilesBinding
from napari_mrf.plugin.panels.rois.labels import RoisLabelsBinding
from napari_mrf.plugin.panels.rois.statistics_controller import RoisStatisticsBinding
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.regions.pointer import regions_pointer_of
from napari_mrf.plugin.session import RegionChoice, session_of, unwrapped
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.rois.label_set import foreign_labels
from napari_mrf.rois.polygons import outline_record, outlines_from

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
        self.files = RoisFilesBinding(viewer, panel)
        self.statistics = RoisStatisticsBinding(viewer, panel.statistics, panel.notice)
        panel.delete_requested.connect(self._on_delete_requested)
        panel.copy_requested.connect(self._on_copy_requested)
        panel.fill_requested.connect(self._on_fill_requested)
        panel.undo_requested.connect(self.undo)
        panel.redo_requested.connect(self.redo)
        panel.gone.cure_requested.connect(self.editor.show_again)
        panel.edit_requested.connect(self._on_edit_requested)
        panel.layer_changed.connect(self._on_layer_picked)
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
        self.editor.set_pen(panel.tree.picked())

    def undo(self) -> None:
        """Undo the last change of the regions."""
        self.editor.undo()

    def redo(self) -> None:
        """Redo the last undone change."""
        self.editor.redo()

    def state(self) -> dict[str, Any]:
        """Return the options of the panel, and the polygons, which label files cannot hold."""
        return {
            "set": self.panel.set_picker.currentText(),
            "label": self.panel.tree.picked(),
            "outlines": [outline_record(one) for one in self.editor.layers.outlines],
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
            self.editor.set_pen(label)
        self.editor.put_back_outlines(outlines_from(state.get("outlines")))
        self.statistics.restore(state)
        self._show()

    def _show(self, *_: Any) -> None:
        editor, panel = self.editor, self.panel
        panel.set_labels(editor.table, editor.slices)
        panel.set_needs("" if editor.layers.grid() is not None else "Load or pick a series first.")
        panel.set_gone(editor.gone.sentence)
        self._show_layers()
        self.drawing.show()
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
        slices = self.editor.slices
        here = self.editor.layers.slice_in_view() in slices.get(self.panel.tree.picked(), ())
        self.panel.set_actions(is_picked_here=here, is_any=bool(slices))

    def _show_layers(self, *_: Any) -> None:
        self._layers = {
            layer.name: layer
            for layer in self.viewer.layers
            if isinstance(layer, Labels) and PARAMETER_KEY not in layer.metadata
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
        self.editor.delete(self.panel.tree.picked(), self.editor.layers.slice_in_view())

    def _on_copy_requested(self, is_for_all: bool) -> None:
        self.editor.copy_to_next_slice(self._regions(is_for_all))

    def _on_fill_requested(self, is_for_all: bool) -> None:
        self.editor.fill_between_slices(self._regions(is_for_all))

    def _regions(self, is_for_all: bool) -> list[int]:
        return list(self.editor.slices) if is_for_all else [self.panel.tree.picked()]

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
            self.panel.notice.clear()
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
                self.editor.set_pen(self.panel.tree.picked())
                return
        self._show()

    def _on_set_changed(self, _: str) -> None:
        self._has_picked_set = True
        self._show()
        self.editor.set_pen(self.panel.tree.picked())

    def _on_label_picked(self, label: int) -> None:
        self.editor.set_pen(label)
        self.drawing.show()
        self._show_actions()
        # A row of the list is a region like a row of the table, once it is drawn.
        if label in self.editor.slices and not self.editor.is_drawing():
            self.session.choose_region(RegionChoice(label))

    def _on_region_chosen(self, choice: RegionChoice | None) -> None:
        if choice is not None and choice.label != self.panel.tree.picked():
            self.panel.tree.select(choice.label)
            self.editor.set_pen(choice.label)
        self.drawing.show()
        self._show_actions()

    def _on_edit_requested(self, name: str) -> None:
        picked = self.panel.tree.picked()
        if name == "add":
            self.labels.add()
        elif name in ("import", "export"):
            self.files.ask(name)
        elif not picked:
            self._on_told("Pick a region in the list first.", "note")
        elif name == "rename":
            self.panel.tree.rename(picked)
        elif name == "recolor":
            self.labels.recolor(picked)
        elif name == "remove":
            self.labels.remove(picked)


_OWNER = "drawing"


class RoisDrawing:
    """Controller of drawing: the *Draw* button and double clicks in the list.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the regions.
    panel : RoisPanel
        The view.
    """

    def __init__(self, viewer: ViewerModel, panel: RoisPanel) -> None:
        self.panel = panel
        self.editor = regions_editor_of(viewer)
        self._turns = layer_turns_of(unwrapped(viewer))
        self._is_starting = False
        panel.shown.connect(prepare_drawing)
        panel.draw_requested.connect(self._on_draw_requested)
        panel.tree.draw_requested.connect(self._on_tree_draw_requested)

    def show(self, *_: Any) -> None:
        """Show whether drawing is on, and for which region."""
        label = self.editor.table.get(self.panel.tree.picked())
        is_drawing = self._is_starting or self.editor.is_drawing()
        self.panel.set_drawing(label.name if label is not None else "", is_drawing)

    def _on_draw_requested(self, is_wanted: bool) -> None:
        if is_wanted and self.panel.tree.picked():
            self.panel.notice.clear()
            self._start_drawing(self.panel.tree.picked())
        else:
            self._turns.drop(_OWNER)
            self._is_starting = False
            self.editor.stop_drawing()
        self.show()

    def _on_tree_draw_requested(self, label: int) -> None:
        if self.panel.draw_button.isEnabled():
            self._start_drawing(label)

    def _start_drawing(self, label: int) -> None:
        """Start now, or in the turns that follow where layers have to be made first."""
        self._is_starting = True
        self.show()
        self._turns.begin(_OWNER, self._start_by_turns(label), self.panel)
        if self.editor.outlines_layer is not None:
            self._turns.finish(_OWNER)

    def _start_by_turns(self, label: int) -> Iterator[None]:
        yield from self.editor.start_by_turns(label)
        self._is_starting = False
        self.show()


@cache
def prepare_drawing() -> None:
    """Compile, before the first stroke, what napari needs to draw regions and color labels."""
    start_thread(_compile, name="drawing")


def _compile() -> None:
    prepare_colors()
    prepare_outlines()
