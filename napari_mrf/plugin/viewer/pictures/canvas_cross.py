"""A cross hair over the canvas of napari, which has none of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

from qtpy.QtCore import QEvent, QObject, QPointF, Qt
from qtpy.QtGui import QPainter
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QWidget

from napari_mrf.plugin.session import one_per_viewer
from napari_mrf.plugin.viewer.pictures.picture import draw_cross

if TYPE_CHECKING:
    from qtpy.QtGui import QPaintEvent


class _Sheet(QWidget):
    """A transparent sheet over a widget, as large as it, which the mouse does not see."""

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self.at: QPointF | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.resize(canvas.size())
        canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stay as large as the canvas."""
        parent = self.parentWidget()
        if event is not None and event.type() == QEvent.Type.Resize and parent is not None:
            self.resize(parent.size())
        return False

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the cross hair."""
        if self.at is not None:
            painter = QPainter(self)
            draw_cross(painter, self.at, self.width(), self.height())
            painter.end()


class CanvasCross:
    """The cross hair of one viewer; a viewer without a window has none.

    Parameters
    ----------
    viewer : napari viewer
        Referred to weakly.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        window = getattr(getattr(viewer, "window", None), "_qt_window", None)
        canvas = None if window is None else window.centralWidget().findChild(QOpenGLWidget)
        self.sheet = None if canvas is None else _Sheet(canvas)

    def point_at(self, place: tuple[float, float] | None) -> None:
        """Show the cross hair at world coordinates (down, along), or nowhere."""
        viewer = self._viewer()
        if viewer is None or self.sheet is None:
            return
        if place is None or viewer.dims.ndisplay != 2 or viewer.canvas.grid.enabled:
            self.sheet.hide()
            return
        camera = viewer.scene.camera
        vertical, horizontal = (str(one) for one in camera.orientation2d)
        down, along = (camera.zoom * (one - middle)
                       for one, middle in zip(place, camera.center[-2:], strict=True))  # fmt: skip
        self.sheet.at = QPointF(
            self.sheet.width() / 2 + (along if horizontal == "right" else -along),
            self.sheet.height() / 2 + (down if vertical == "down" else -down),
        )
        self.sheet.show()
        self.sheet.update()


canvas_cross_of = one_per_viewer(CanvasCross)
"""Return the cross hair of a viewer."""
