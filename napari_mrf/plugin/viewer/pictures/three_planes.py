"""Axial, coronal and sagittal pictures through the cursor, in the scale of millimeters."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.session import unwrapped
from napari_mrf.plugin.viewer.pictures.canvas_cross import canvas_cross_of
from napari_mrf.plugin.viewer.pictures.changes import scene_changes_of
from napari_mrf.plugin.viewer.pictures.picture import Picture, Scene, View
from napari_mrf.plugin.viewer.pictures.planes import Plane, upright_planes
from napari_mrf.plugin.viewer.pictures.seen import front_map, reading_of, scene_of

_FILLED = 0.94
_MOST_ZOOM = 50.0


class ThreePlanes(QWidget):
    """Shows the visible layers of a viewer in three planes through one point.

    The point follows the mouse over the canvas and the sliders; a click or a drag in a picture
    puts it there, and the canvas goes to its slice.

    Parameters
    ----------
    viewer : napari viewer
        With three axes or more.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer: Any = unwrapped(viewer)
        self.pictures = [Picture("Click or drag to go there, turn the wheel to zoom.")
                         for _ in range(3)]  # fmt: skip
        self.point: tuple[float, ...] = ()
        self._factor = 1.0
        self._leads = False
        self._cross = canvas_cross_of(self.viewer)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for picture, moves in zip(self.pictures, (self._on_first, self._on_second,
                                                  self._on_third), strict=True):  # fmt: skip
            layout.addWidget(picture, 1)
            picture.clicked.connect(moves)
            picture.dragged.connect(self._on_dragged)
            picture.zoomed.connect(self._on_zoomed)
            picture.pointed.connect(self._on_pointed)
            picture.resized.connect(self._look)
        changes = scene_changes_of(self.viewer)
        self.bond = Bond(self)
        self.bond.connect(changes.changed, self.refresh)
        self.bond.connect(changes.pointed, self._on_cursor)
        self.refresh()

    def refresh(self) -> None:
        """Show what there is now."""
        dims = self.viewer.dims
        if len(self.point) != dims.ndim:
            self.point = tuple((low + high) / 2 for low, high, _ in dims.range)
        # The sliders say where the canvas is; on its own axes the point stays.
        self.point = tuple(at if axis in dims.displayed else float(dims.point[axis])
                           for axis, at in enumerate(self.point))  # fmt: skip
        self._show(every=True)

    def _planes(self) -> list[Plane]:
        if self.viewer.dims.ndim < 3:
            return []
        return upright_planes(self.viewer, self.point, reversed(self.viewer.layers))

    def _show(self, *, every: bool) -> None:
        planes, scaled = self._planes(), front_map(self.viewer)
        layers = [layer for layer in self.viewer.layers if layer.visible]
        for picture, plane in zip(self.pictures, planes, strict=False):
            if every or plane != picture.scene.plane:
                titled = picture is self.pictures[-1]
                picture.show_scene(scene_of(self.viewer, plane, layers, scaled, titled=titled))
        if not planes:
            for picture in self.pictures:
                picture.show_scene(Scene(None, message="No slices to show."))
        self._look()

    def _look(self) -> None:
        """Fit each plane into its picture, all in one scale; zoomed in, around the point."""
        dims, scaled = self.viewer.dims, front_map(self.viewer)
        shown = [(picture, (picture.scene.plane.down, picture.scene.plane.along))
                 for picture in self.pictures if picture.scene.plane is not None]  # fmt: skip
        room = [size / (dims.range[axis].stop - dims.range[axis].start + dims.range[axis].step)
                for picture, axes in shown
                for axis, size in zip(axes, (picture.height(), picture.width()),
                                      strict=True)]  # fmt: skip
        for picture, (down, along) in shown:
            at = self.point[down], self.point[along]
            middle = [(dims.range[axis].start + dims.range[axis].stop) / 2
                      for axis in (down, along)]  # fmt: skip
            center = (middle[0], middle[1]) if self._factor == 1 else at
            picture.look_from(View(center, _FILLED * min(room) * self._factor))
            is_first = picture is self.pictures[0] and scaled is not None
            picture.point_at(at, reading_of(scaled, self.point) if is_first else "")

    def _go_to(self, picture: Picture, place: tuple[float, float]) -> None:
        """Put the point at a place of a picture, and the sliders with it."""
        plane, dims = picture.scene.plane, self.viewer.dims
        if plane is None:
            return
        point = list(self.point)
        for axis, at in zip((plane.down, plane.along), place, strict=True):
            low, high, _ = dims.range[axis]
            point[axis] = min(max(at, low), high)
        self.point, self._leads = tuple(point), True
        try:
            # A slider that moves tells the cursor again where the mouse was last.
            for axis in {plane.down, plane.along} - set(dims.displayed):
                dims.set_point(axis, point[axis])
            self.viewer.cursor.position = self.point
        finally:
            self._leads = False
        self._show(every=False)

    def _on_first(self, place: tuple[float, float]) -> None:
        self._go_to(self.pictures[0], place)

    def _on_second(self, place: tuple[float, float]) -> None:
        self._go_to(self.pictures[1], place)

    def _on_third(self, place: tuple[float, float]) -> None:
        self._go_to(self.pictures[2], place)

    def _on_dragged(self, way: tuple[float, float]) -> None:
        picture = self.sender()
        if isinstance(picture, Picture) and picture.cross is not None:
            self._go_to(picture, (picture.cross[0] + way[0], picture.cross[1] + way[1]))

    def _on_zoomed(self, factor: float, _: tuple[float, float]) -> None:
        self._factor = min(max(self._factor * factor, 1.0), _MOST_ZOOM)
        self._look()

    def _on_pointed(self, place: tuple[float, float] | None) -> None:
        """Show on the canvas where the point is, while the mouse is over a picture."""
        dims = self.viewer.dims
        if place is None or dims.ndisplay != 2:
            self._cross.point_at(None)
        else:
            down, along = (self.point[axis] for axis in dims.displayed)
            self._cross.point_at((down, along))

    def _on_cursor(self) -> None:
        position, dims = self.viewer.cursor.position, self.viewer.dims
        if self._leads or dims.ndisplay != 2 or len(position) != dims.ndim:
            return
        point = tuple(float(position[axis] if axis in dims.displayed else self.point[axis])
                      for axis in range(dims.ndim))  # fmt: skip
        if point != self.point and _inside(point, dims.range):
            self.point = point
            self._show(every=False)


def _inside(point: tuple[float, ...], ranges: Any) -> bool:
    return all(one.start - one.step / 2 <= at <= one.stop + one.step / 2
               for at, one in zip(point, ranges, strict=True))  # fmt: skip
