"""A picture beside the canvas: another map at the same place, slice, zoom and cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.session import unwrapped
from napari_mrf.plugin.viewer.pictures.canvas_cross import canvas_cross_of
from napari_mrf.plugin.viewer.pictures.changes import scene_changes_of
from napari_mrf.plugin.viewer.pictures.picture import Picture, Scene, View
from napari_mrf.plugin.viewer.pictures.planes import plane_of_canvas
from napari_mrf.plugin.viewer.pictures.seen import (
    front_map,
    position_at,
    reading_of,
    scene_of,
    stays_with,
)
from napari_mrf.plugin.viewer.pointer import pointer_of

if TYPE_CHECKING:
    from collections.abc import Callable


NOTHING = "Pick a map to show here."


class SideBySide(QWidget):
    """Shows the layers of a viewer with another map in the place of those on the canvas.

    The picture has no camera and no colors of its own: it looks from where the canvas does, at
    the layers that are there. The mouse moves the camera of the canvas from either side, so
    nothing has to be kept in step.

    Parameters
    ----------
    viewer : napari viewer
        Whose canvas is at the left.
    pick : callable
        Returns the layer to show, or None.
    why_nothing : callable
        Returns what to say where there is none.
    """

    def __init__(
        self, viewer: Any, pick: Callable[[], Any | None],
        why_nothing: Callable[[], str] = lambda: NOTHING,
    ) -> None:  # fmt: skip
        super().__init__()
        self.viewer: Any = unwrapped(viewer)
        self._pick, self._why_nothing = pick, why_nothing
        self.picture = Picture("The map picked beside the canvas: same slice, zoom and cursor.\n"
                               "Click to pin a voxel, turn the wheel to zoom, drag to move."
                               )  # fmt: skip
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.picture)
        self._cross, self._pointer = canvas_cross_of(self.viewer), pointer_of(self.viewer)
        changes = scene_changes_of(self.viewer)
        self.bond = Bond(self)
        self.bond.connect(changes.changed, self.refresh)
        self.bond.connect(changes.moved, self._look)
        self.bond.connect(changes.pointed, self._on_cursor)
        self.picture.pointed.connect(self._on_pointed)
        self.picture.clicked.connect(self._on_clicked)
        self.picture.zoomed.connect(self._on_zoomed)
        self.picture.dragged.connect(self._on_dragged)
        self.refresh()

    def refresh(self) -> None:
        """Show what there is now."""
        viewer, chosen = self.viewer, self._pick()
        if chosen is None or chosen not in viewer.layers:
            plane = plane_of_canvas(viewer, ())
            scene = scene_of(viewer, plane, [], None)
            self.picture.show_scene(
                Scene(None, background=scene.background, message=self._why_nothing())
            )
            return
        plane = plane_of_canvas(viewer, [chosen, *reversed(viewer.layers)])
        layers = [one for one in viewer.layers if one is chosen or stays_with(one, chosen)]
        self.picture.show_scene(scene_of(viewer, plane, layers, chosen))
        self._look()

    def _look(self) -> None:
        camera = self.viewer.scene.camera
        down, along = camera.center[-2:]
        self.picture.look_from(View((float(down), float(along)), float(camera.zoom)))

    def _on_cursor(self) -> None:
        """Put the cross hair of the picture where the cursor is."""
        viewer, chosen = self.viewer, self._pick()
        position = viewer.cursor.position
        if viewer.dims.ndisplay != 2 or len(position) != viewer.dims.ndim or chosen is None:
            return
        down, along = (position[axis] for axis in viewer.dims.displayed)
        place = (down, along)
        self.picture.point_at(place, reading_of(chosen, position_at(viewer, place)))

    def _on_pointed(self, place: tuple[float, float] | None) -> None:
        """Move the cursor of the viewer with the mouse over the picture."""
        viewer, chosen = self.viewer, self._pick()
        self._cross.point_at(place)
        if place is None or viewer.dims.ndisplay != 2 or chosen is None:
            return
        position = position_at(viewer, place)
        viewer.cursor.position = position
        both = [one for one in (front_map(viewer), chosen) if one is not None]
        told = {one.name: reading_of(one, position) for one in both}
        viewer.status = "    ".join(f"{name}: {read}" for name, read in told.items() if read)

    def _on_clicked(self, place: tuple[float, float]) -> None:
        """Do what a click at this place of the canvas does."""
        if self.viewer.dims.ndisplay == 2 and self._pick() is not None:
            self.viewer.cursor.position = position_at(self.viewer, place)
            self._pointer.click()

    def _on_zoomed(self, factor: float, anchor: tuple[float, float]) -> None:
        camera = self.viewer.scene.camera
        center = [middle + (one - middle) * (1 - 1 / factor)
                  for one, middle in zip(anchor, camera.center[-2:], strict=True)]  # fmt: skip
        camera.zoom *= factor
        camera.center = (*camera.center[:-2], *center)

    def _on_dragged(self, way: tuple[float, float]) -> None:
        camera = self.viewer.scene.camera
        center = [middle - one for one, middle in zip(way, camera.center[-2:], strict=True)]
        camera.center = (*camera.center[:-2], *center)
