"""The editor of the regions of a viewer, which keeps the session's regions up to date.

There is one editor per viewer, not per panel: drawing goes on when the panel is closed.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from napari.layers import Image
from psygnal import Signal
from qtpy.QtCore import QObject, QTimer

from napari_mrf.data.geometry import grid_difference
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.layers import regions as bridge
from napari_mrf.plugin.layers.order import bring_regions_to_front
from napari_mrf.plugin.layers.outlines import read_outlines
from napari_mrf.plugin.layers.subjects import is_here, plain_name
from napari_mrf.plugin.present import present
from napari_mrf.plugin.regions.brush import BrushRules
from napari_mrf.plugin.regions.history import RegionsHistory, RegionsState
from napari_mrf.plugin.regions.outline_sync import OutlineSync
from napari_mrf.plugin.regions.region_layers import LAYER_NAME, RegionLayers
from napari_mrf.plugin.regions.steps import RegionSteps
from napari_mrf.plugin.regions.subject_layers import SubjectLayers
from napari_mrf.plugin.session import Regions, one_per_viewer, session_of
from napari_mrf.rois import edits
from napari_mrf.rois.label_set import with_unknown_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_mrf.data.label import Label
    from napari_mrf.plugin.regions.gone_layers import GoneLayers
    from napari_mrf.rois.polygons import Outline

_QUIET_MS = 100


class RegionsEditor(QObject):
    """Everything that can be done to the regions of one viewer.

    Parameters
    ----------
    viewer : napari viewer
        Referred to weakly.

    Attributes
    ----------
    changed : Signal()
        The layer, the table, what is drawn, or whether a polygon is being drawn.
    told : Signal(str, str)
        A sentence for the user and its kind, ``"problem"`` or ``"note"``; an empty one takes
        the last one back.
    layers : RegionLayers
        The layers that are drawn in.
    rules : BrushRules
        What drawing leaves alone.
    slices : dict of int to tuple of int
        The slices, in file order, in which each label is drawn.
    """

    changed = Signal()
    told = Signal(str, str)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = ref(viewer)
        self._session = session_of(viewer)
        self.layers = RegionLayers(viewer)
        self.rules = BrushRules(self.layers, self._session)
        self._sync = OutlineSync(self.layers, self.rules)
        self._subjects = SubjectLayers(self._viewer, self._session)
        self._steps = RegionSteps(self._state)
        self.slices: dict[int, tuple[int, ...]] = {}
        self._labels: NDArray[np.uint16] | None = None
        self._shared: Regions | None = None
        self._is_receiving = False
        self._is_covered = False
        self._is_moved = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_QUIET_MS)
        self._timer.timeout.connect(self.flush)
        self.layers.voxels_changed.connect(self._flush_later)
        self.layers.mode_changed.connect(self.changed.emit)
        self.layers.painted.connect(self._on_painted)
        self.layers.painting.connect(self._on_painting)
        self._sync.edited.connect(self._on_edited)
        self._sync.told.connect(self.told.emit)
        self._session.subject_changing.connect(self._on_subject_changing)
        self._session.subject_changed.connect(self._on_subject_changed)
        self._session.regions_changed.connect(self._on_session_regions)
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.layers.events.removed.connect(self._on_removed)
        found = [
            layer
            for layer in viewer.layers
            if bridge.grid_of_regions(layer) is not None and is_here(viewer, layer)
        ]
        if found:
            self.use_layer(found[-1])
        elif self._session.regions is not None:
            self._on_session_regions(self._session.regions)

    @property
    def layer(self) -> Any | None:
        """The Labels layer in use."""
        return self.layers.layer

    @property
    def outlines_layer(self) -> Any | None:
        """The Shapes layer of its polygons."""
        return self.layers.outlines_layer

    def layer_of(self, subject: str) -> Any | None:
        """Return the Labels layer that is in use, or will be, while a subject is shown."""
        here = subject == self._session.subject.key
        return self.layer if here else self._subjects.layer_of(subject)

    @property
    def gone(self) -> GoneLayers:
        """The layers of the regions of the current subject that the user deleted."""
        return self._subjects.gone

    @property
    def table(self) -> Mapping[int, Label]:
        """The label of each number that can be drawn; the clear label is not among them."""
        return self.layers.table

    def labels(self) -> NDArray[np.uint16] | None:
        """Return the label values, (Z, Y, X) in file order, None before anything was drawn."""
        if self.gone.labels is not None and self._session.regions is not None:
            return self._session.regions.labels
        return self.layers.labels()

    def outlines(self) -> list[Outline]:
        """Return the polygons, in file order, also while the layer of their regions is gone."""
        gone = self.gone
        if gone.labels is None or gone.outlines is None:
            return self.layers.outlines
        return read_outlines(gone.outlines)[0]

    def affine(self) -> NDArray[np.float64] | None:
        """Return the (4, 4) affine to mm of the grid of the regions, None without geometry."""
        if self.layer is not None:
            affine: NDArray[np.float64] | None = self.layer.metadata[bridge.REGIONS_KEY].affine
            return affine
        return None if self._session.regions is None else self._session.regions.affine

    def is_drawing(self) -> bool:
        """Return whether a click on the canvas sets a vertex."""
        return self.layers.is_drawing()

    def use_layer(self, layer: Any) -> None:
        """Draw on a Labels layer from now on; a step that can be undone, unless it is the first.

        Raises
        ------
        MRFInputError
            ``"other-grid"`` or ``"bad-labels"`` for a layer that regions cannot be drawn on.
        """
        self._use(layer, is_step=self.layer is not None)

    def _use(self, layer: Any, *, is_step: bool) -> None:
        if layer is not self.layer:
            self.layers.adopt(layer)
            goes_on = self.layer is None and not self._is_receiving
            history = self._steps.before(layer, is_step=is_step, goes_on=goes_on)
            self._let_go()
            self._forget_gone(but=layer)
            self._take(layer)
            self._steps.use(layer, history, is_step=is_step)
        self.flush()

    def _take(self, layer: Any) -> None:
        self.layers.take(layer)
        self.rules.attach(layer)
        for keys, step in (("Control-Z", self.undo), ("Control-Shift-Z", self.redo)):
            # napari's own of a Labels layer take back its voxels only.
            layer.bind_key(keys, _calling(step), overwrite=True)

    def _state(self) -> RegionsState:
        return RegionsState(self.layer, self.labels(), tuple(self.layers.outlines), self.table)

    def record(self) -> None:
        """Make what the user has just done a step that can be undone."""
        if self.layer is not None:
            self._steps.record()

    def show_again(self) -> None:
        """Bring back the layers of the regions that the user deleted; see `GoneLayers`."""
        self.gone.insert()

    def ensure_shown(self) -> bool:
        """Bring back now, for it is to be changed, what the user deleted; return whether it was."""
        was_gone = self.gone.labels is not None
        if was_gone:
            self.gone.insert()
            self.gone.finish()
        return was_gone

    def _forget_gone(self, *, but: Any = None) -> None:
        """Forget the layers that are gone, with their steps: others are in use."""
        if self.gone.labels is not but:
            self._steps.forget(self.gone.labels)
        self.gone.forget(but=but)

    def set_table(self, table: Mapping[int, Label]) -> None:
        """Use other names, colors and numbers; what is drawn without a name gets one."""
        self.ensure_shown()
        history = self._steps.history
        self.layers.set_table(table, self.slices)
        history.record(self._state())
        self._labels = None  # the same voxels under other names are other regions
        self.flush()

    def set_pen(self, label: int) -> None:
        """Draw this label from now on, with polygons and with the brush."""
        self.layers.set_pen(label)

    def flush(self) -> None:
        """Find out now what is drawn, and make it the session's regions."""
        self._timer.stop()
        viewer = self._viewer()
        if viewer is None:
            return
        self._sync.finish()
        if self._is_covered:
            self._is_covered = False
            bring_regions_to_front(viewer, self.layers.present())
        labels = self._labels_in_place()
        if self.gone.labels is not None:
            pass  # the regions are those of before their layer was deleted
        elif labels is None:
            self.slices, self._labels = {}, None
            self._share(None)
        elif self._labels is None or not np.array_equal(labels, self._labels):
            self._labels = labels
            if self._steps.find(labels) and self.gone.outlines is None:
                self.layers.show_outlines(self._steps.history.state.outlines)
            self.slices = edits.drawn_slices(labels)
            self.layers.name_unknown(self.slices)
            self._steps.amend(table=self.table)
            self._share(labels)
        if self.outlines_layer is not None:
            self.gone.outlines = None
        self.changed.emit()

    def _labels_in_place(self) -> NDArray[np.uint16] | None:
        """Return what is drawn, or None, with a word, while it is shown elsewhere."""
        was_moved, self._is_moved = self._is_moved, False
        try:
            self.layers.check_place()
        except MRFInputError as error:
            self._is_moved = True
            self.told.emit(f"No region is counted: {error.sentence()}", "problem")
            return None
        if was_moved:
            self.told.emit("", "")
        return self.labels()

    def start_by_turns(self, label: int) -> Iterator[None]:
        """Let clicks on the canvas set the vertices of a polygon; yield after every new layer."""
        viewer, layers = self._viewer(), self.layers
        if viewer is None or (layers.layer is None and layers.grid() is None):
            return
        self.ensure_shown()
        if layers.layer is None:
            empty = np.zeros(present(layers.grid()).shape, np.uint16)
            self.use_layer(layers.add(empty, layers.table))
        layers.show()
        yield
        if viewer.dims.ndisplay != 2 or viewer.dims.displayed[0] < viewer.dims.ndim - 2:
            self.told.emit("Polygons are drawn in the slices of the series, one at a time. Switch "
                           "to the 2D view and do not turn the axes.", "problem")  # fmt: skip
            return
        if layers.outlines_layer is None:
            if self.gone.insert():
                self.gone.finish()
            else:
                layers.ensure_outlines_layer()
            yield
        layers.show()
        layers.activate_outlines()
        layers.set_pen(label)
        present(layers.outlines_layer).mode = "add_polygon"

    def stop_drawing(self) -> None:
        """Let clicks on the canvas be clicks again; a polygon that is half drawn is finished."""
        self.layers.end_drawing()

    def apply(self, edit: edits.Edit, outlines: Sequence[Outline]) -> None:
        """Change voxels, and make these the polygons; a step that can be undone."""
        self._sync.apply(edit, outlines)
        self.record()
        self.flush()

    def tell_kept(self, edit: edits.Edit, sentences: Sequence[str] = ()) -> None:
        """Tell the user these sentences, and which voxels a change left alone."""
        self._sync.tell_kept(edit, sentences)

    def delete(self, label: int, z: int | None = None) -> None:
        """Delete a region with its polygons, in one slice or in all."""
        self.ensure_shown()
        labels = self.labels()
        if labels is None:
            return
        self.apply(
            edits.delete_region(labels, label, z),
            [one for one in self.layers.outlines if one.label != label or z not in (None, one.z)],
        )

    def undo(self) -> None:
        """Undo the last thing the user did to the regions, whatever it was.

        Of a polygon that is half drawn that is its last corner. Where it was the deletion of their
        layer, the layer comes back.
        """
        if not self.layers.take_back_corner() and not self.ensure_shown():
            self._go(RegionsHistory.undo, "There is nothing to undo.")

    def redo(self) -> None:
        """Redo what was undone last; a polygon that is half drawn goes on."""
        nothing = "There is nothing to redo."
        if self.layers.is_half_drawn():
            self.told.emit(nothing, "note")
        else:
            self._go(RegionsHistory.redo, nothing)

    def _go(self, move: Callable[[RegionsHistory], RegionsState | None], nothing: str) -> None:
        self.layers.finish_polygon()  # what is half drawn is a step as well
        self.flush()
        before, viewer = self._steps.noted, self._viewer()
        state = None if before is None else move(self._steps.history)
        if before is None or state is None or viewer is None:
            self.told.emit(nothing, "note")
            return
        if state.layer is not before.layer:
            if state.layer is not None and state.layer not in viewer.layers:
                # The user has removed that layer since.
                self._steps.go_on(self.layer, RegionsHistory(before))
                return
            self._exchange(state.layer)
        elif state.labels is not None:
            self.layers.show_labels(state.labels)
        if state.table != self.table:
            self.layers.set_table(state.table, ())
        if list(state.outlines) != self.layers.outlines:
            self.layers.show_outlines(state.outlines)
        self._steps.amend(labels=self.labels())
        self._labels = None
        self.told.emit("", "")
        self.flush()

    def _exchange(self, layer: Any) -> None:
        """Draw on another layer, or on none, and hide the present one."""
        former, history = self.layers.present(), self._steps.history
        self._let_go()
        self._forget_gone()
        for one in former:
            one.visible = False
        if layer is not None:
            self._take(layer)
            self.layers.show()
        self._steps.resume(history)

    def show_labels(
        self,
        labels: NDArray[Any],
        table: Mapping[int, Label],
        *,
        name: str = LAYER_NAME,
        carried: Mapping[str, Any] | None = None,
    ) -> None:
        """Show a label map (Z, Y, X) on the present grid in a layer of its own and draw on it.

        The layer in use before stays in the layer list, hidden. `carried` is the record of regions
        that come from another scan.
        """
        viewer = self._viewer()
        if viewer is None or self.layers.grid() is None:
            return
        former = self.layers.present()
        table = with_unknown_labels({k: v for k, v in table.items() if k}, np.unique(labels))
        layer = self.layers.add(labels, table, name)
        if carried is not None:
            layer.metadata[bridge.CARRIED_KEY] = carried
        self._use(layer, is_step=not self._is_receiving)
        for one in former:
            one.visible = False
            if viewer.layers.selection.active is one:
                viewer.layers.selection.active = layer

    def start_anew(self) -> None:
        """Draw on another, empty layer; the former one stays in the layer list, hidden."""
        self.ensure_shown()
        grid, viewer = self.layers.grid(), self._viewer()
        if grid is not None and viewer is not None:
            taken = {plain_name(layer) for layer in viewer.layers}
            names = (f"{LAYER_NAME} {number}" for number in count(2))
            name = next(one for one in names if one not in taken)
            self._session.mark_results(self._session.subject.key)  # the former layer holds some
            self.show_labels(np.zeros(grid.shape, np.uint16), self.layers.table, name=name)

    def put_back_outlines(self, outlines: Iterable[Outline]) -> None:
        """Show the polygons of regions that are drawn already; no voxel changes.

        Those that hold no voxel of their region in their slice do not fit and are left out.
        Polygons that are drawn now stay, and then none is put back.
        """
        labels = self.labels()
        if labels is None or self.layers.outlines:
            return
        fitting = [one for one in outlines if one.label in self.table and _fits(one, labels)]
        if fitting:
            self.layers.show_outlines(fitting)
            self.gone.outlines = None
            self._steps.amend(outlines=tuple(fitting))
            self.changed.emit()

    def _let_go(self) -> None:
        self.layers.end_drawing()
        self._sync.finish()
        if self.layer is not None:
            self.rules.detach(self.layer)
            for keys in ("Control-Z", "Control-Shift-Z"):
                self.layer.bind_key(keys, None)
        self.layers.let_go()
        self._steps.pause()
        self._labels, self.slices = None, {}

    def _flush_later(self) -> None:
        self._timer.start()

    def _on_painting(self) -> None:
        before = self._steps.noted
        if before is not None and before.labels is not None:
            self.rules.take_back(before.labels)

    def _on_painted(self) -> None:
        self._on_painting()
        self.record()

    def _on_edited(self) -> None:
        self.record()
        self._flush_later()

    def _on_inserted(self, event: Any) -> None:
        gone = self._subjects.gone_with(event.value)
        if gone is not None and gone is not self.gone:  # it waits for its subject
            self._subjects.take_back(gone)
        elif gone is not None:
            self.use_layer(event.value)
        elif event.value is self.gone.outlines and self.layer is not None:
            self._take_back_outlines(event.value)
        # Maps that are added later must not cover the regions. They are moved once everybody
        # has heard of the new layer.
        if self.layer is None or not isinstance(event.value, Image):
            return
        layers = present(self._viewer()).layers
        if layers.index(event.value) > layers.index(self.layer):
            self._is_covered = True
            self._timer.start()

    def _take_back_outlines(self, layer: Any) -> None:
        """Use polygons that were deleted and are back, those that still fit their regions."""
        labels = present(self.layers.labels())
        self.gone.outlines = None
        self.layers.take_outlines(layer)
        fitting = [one for one in self.layers.outlines if _fits(one, labels)]
        if fitting != self.layers.outlines:
            self.layers.show_outlines(fitting)
        self._steps.amend(outlines=tuple(self.layers.outlines))
        self.changed.emit()

    def _on_removed(self, event: Any) -> None:
        if event.value is self.outlines_layer:
            self.layers.end_drawing()
            self._sync.finish()
            self.gone.outlines = self.outlines_layer
            self.layers.take_outlines(None)  # what they colored stays
            self._steps.amend(outlines=())
        elif event.value is self.layer:
            self._let_layer_go()
        else:
            self._subjects.note_removed(event.value)
        if self._subjects.gone_with(event.value) is None:
            self._steps.forget(event.value)
        self.changed.emit()

    def _let_layer_go(self) -> None:
        """Stop using a layer that was deleted; what was drawn last is still taken from it."""
        layers, outlines = self.layers, self.outlines_layer or self.gone.outlines
        layers.end_drawing()
        self._is_covered = False
        self.flush()
        layer, slices = self.layer, self.slices
        self._let_go()
        if self._session.regions is not None or self._is_moved:
            self.slices = slices
            self.gone.labels, self.gone.outlines = layer, outlines

    def _share(self, labels: NDArray[np.uint16] | None) -> None:
        """Make what is drawn, (Z, Y, X) in file order, the session's regions.

        They count as saved in their file while no voxel, no name and no color changes, nor their
        place.
        """
        if self._is_receiving:
            return
        if labels is None or not self.slices:
            if self._shared is not None:
                self._shared = None
                self._session.set_regions(None)
            return
        former = self._session.regions
        metadata = present(self.layer).metadata
        grid = metadata[bridge.REGIONS_KEY]
        path = ""
        drawn = {label: self.table[label] for label in self.slices}
        if (
            former is not None
            and not grid_difference(former, grid)
            and np.array_equal(former.labels, labels)
            and all(former.table.get(label) == one for label, one in drawn.items())
        ):
            path = former.path
            if drawn == former.table:
                self._shared = former
                return  # as when their layer is back
        self._shared = Regions(labels, drawn, path, grid.affine, metadata.get(bridge.CARRIED_KEY))
        self._session.set_regions(self._shared)

    def _on_subject_changing(self) -> None:
        """Finish what is being drawn while it still belongs to its subject."""
        self.stop_drawing()
        self.flush()
        self._subjects.leave(self.layer, self._shared)

    def _on_subject_changed(self, _: Any) -> None:
        """Go on with the layer of the subject; its regions are those that the session has."""
        self._let_go()
        self._timer.stop()
        self._shared = None
        layer = self._subjects.in_use
        if layer is not None:
            self._take(layer)
            self._steps.return_to(layer)
            self._labels = self.layers.labels()
            self.slices = edits.drawn_slices(present(self._labels))
            self._shared = self._subjects.shown
        elif self.gone.labels is not None and self._session.regions is not None:
            self.slices = edits.drawn_slices(self._session.regions.labels)
            self._shared = self._subjects.shown
        self.changed.emit()

    def _on_session_regions(self, regions: Regions | None) -> None:
        """Show regions that were loaded or set elsewhere in a layer of their own."""
        if _are_same(regions, self._shared):
            self._shared = regions  # it may have been saved
            return
        shown = self.layers.present()
        self._shared = regions
        self._forget_gone()
        grid = self.layers.grid()
        if regions is None:
            self._let_go()
            for layer in shown:
                layer.visible = False
            self.changed.emit()
        elif grid is not None and not grid_difference(regions, grid):
            self._is_receiving = True
            try:
                self.show_labels(regions.labels, {**self.table, **regions.table},
                                 carried=regions.carried)  # fmt: skip
            finally:
                self._is_receiving = False


def _are_same(one: Regions | None, other: Regions | None) -> bool:
    """Return whether regions are the same, wherever they are saved."""
    if one is None or other is None:
        return one is other
    return one.labels is other.labels and one.table == other.table


def _fits(outline: Outline, labels: NDArray[np.uint16]) -> bool:
    if not 0 <= outline.z < len(labels):
        return False
    mask = outline.mask((labels.shape[1], labels.shape[2]))
    return bool((labels[outline.z][mask] == outline.label).any())


def _calling(step: Callable[[], None]) -> Callable[[Any], None]:
    """Return what napari calls for a key of a layer, which keeps no editor alive."""
    editor, name = ref(step.__self__), step.__name__  # type: ignore[attr-defined]

    def call(_: Any) -> None:
        alive = editor()
        if alive is not None:
            getattr(alive, name)()

    call.__name__ = name
    return call


regions_editor_of = one_per_viewer(RegionsEditor)
"""Return the editor of a viewer."""
