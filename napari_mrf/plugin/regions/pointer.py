"""Choosing regions by a click in the image, and showing regions that are chosen elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from qtpy.QtCore import QObject, QTimer

from napari_mrf.plugin.layers.regions import REGIONS_KEY
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import RegionChoice, one_per_viewer, session_of

if TYPE_CHECKING:
    from collections.abc import Generator

_HIGHLIGHT_MS = 1200
_CLICK_PX = 3.0


class RegionsPointer(QObject):
    """Links the regions in the canvas of one viewer with the session's chosen region.

    Parameters
    ----------
    viewer : napari viewer
        Referred to weakly.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = ref(viewer)
        self._editor = regions_editor_of(viewer)
        self._session = session_of(viewer)
        self._stays = False
        self._highlighted: Any | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_HIGHLIGHT_MS)
        self._timer.timeout.connect(self._end_highlight)
        self._session.region_chosen.connect(self._on_region_chosen)
        viewer.mouse_drag_callbacks.append(self._on_mouse)

    def show(self, choice: RegionChoice, *, centered: bool = False) -> None:
        """Bring a region into view: its slice, its label, and its place.

        The camera moves if a part of the region is out of view, or if it is to be centered.
        """
        layer, z = self._editor.layer, self._slice_of(choice)
        if layer is None or z is None:
            return
        self._editor.layers.go_to_slice(z)
        layer.selected_label = choice.label
        self._center(choice.label, z, always=centered)
        self._highlight(layer)

    def choose(self, choice: RegionChoice) -> None:
        """Choose a region and center it; one that is chosen already is shown again."""
        if choice == self._session.chosen_region:
            self.show(choice, centered=True)
            return
        self._session.choose_region(choice)  # which shows it
        z = self._slice_of(choice)
        if z is not None:
            self._center(choice.label, z, always=True)

    def pick(self, choice: RegionChoice) -> None:
        """Choose a region and light it up if it is in the slice in view, which stays.

        A region that is picked in another slice than its own is to be drawn there.
        """
        slices = self._editor.slices.get(choice.label, ())
        self._stays = self._editor.layers.slice_in_view() not in slices
        try:
            self._session.choose_region(choice)
        finally:
            self._stays = False

    def _slice_of(self, choice: RegionChoice) -> int | None:
        """Return the slice to show a region in; None where it is not drawn."""
        slices = self._editor.slices.get(choice.label, ())
        if not slices or choice.z is not None:
            return choice.z if slices else None
        at = self._editor.layers.slice_in_view()
        return at if at in slices else min(slices, key=lambda one: (abs(one - at), one))

    def _center(self, label: int, z: int, *, always: bool) -> None:
        viewer, layer = self._viewer(), self._editor.layer
        regions = self._session.regions
        if viewer is None or layer is None or regions is None or viewer.dims.ndisplay != 2:
            return
        grid = layer.metadata[REGIONS_KEY]
        where = np.argwhere(regions.labels[z] == label)
        if not len(where):
            return
        ends = [
            np.array(layer.data_to_world(grid.orientation.screen_index((z, int(y), int(x)),
                                                                       grid.shape)))[1:]
            for y, x in (where.min(axis=0), where.max(axis=0))
        ]  # fmt: skip
        camera = viewer.scene.camera
        half = np.array(viewer.canvas.size) / (2 * camera.zoom)
        if always or (np.abs(np.array(ends) - camera.center[-2:]) > half).any():
            camera.center = (*camera.center[:-2], *np.mean(ends, axis=0))

    def _highlight(self, layer: Any) -> None:
        """Show the region alone for a moment, unless the user shows one region alone already."""
        now = self._highlighted
        if now is not None and now is layer and now.show_selected_label and not self._stays:
            self._timer.start()  # another one is alone by now
            return
        self._end_highlight()
        if not layer.show_selected_label and not self._stays:
            layer.show_selected_label = True
            self._highlighted = layer
            self._timer.start()

    def _end_highlight(self) -> None:
        self._timer.stop()
        if self._highlighted is not None:
            self._highlighted.show_selected_label = False
            self._highlighted = None

    def _on_region_chosen(self, choice: RegionChoice | None) -> None:
        if choice is not None and not self._stays:
            self.show(choice)

    def _on_mouse(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        start = np.array(event.pos)
        yield
        while event.type == "mouse_move":
            yield
        if np.abs(np.array(event.pos) - start).max() <= _CLICK_PX and event.button in (1, None):
            self._on_click(event.position)

    def _on_click(self, position: Any) -> None:
        viewer, layer = self._viewer(), self._editor.layer
        if viewer is None or layer is None or not layer.visible or viewer.dims.ndisplay != 2:
            return
        active = viewer.layers.selection.active
        # While a layer is being drawn on or edited a click belongs to it.
        if active is not None and str(active.mode) != "pan_zoom":
            return
        label = layer.get_value(position, world=True)
        if not label:
            return
        self._editor.flush()  # what has just been drawn can be clicked at once
        regions = self._session.regions
        if regions is None or int(label) not in regions.table:
            return
        self._stays = True
        try:
            layer.selected_label = int(label)
            z = self._editor.layers.slice_in_view()
            self._session.choose_region(RegionChoice(int(label), z))
        finally:
            self._stays = False


regions_pointer_of = one_per_viewer(RegionsPointer)
"""Return the regions pointer of a viewer."""
