"""A picture of layers in a plane: a widget that paints, and tells what the mouse does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QLinearGradient, QPainter, QPen, QPixmap, QTransform
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_mrf.plugin.viewer.pictures.cuts import pieces_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtCore import QEvent
    from qtpy.QtGui import QMouseEvent, QPaintEvent, QResizeEvent, QWheelEvent

    from napari_mrf.plugin.viewer.pictures.cuts import Piece
    from napari_mrf.plugin.viewer.pictures.planes import Plane

_MARGIN = 8
_BAR_WIDTH, _BAR_HEIGHT = 12, 160
_WHEEL_STEP = 120
_ZOOM_STEP = 1.2
_CLICK_PX = 3.0
_CROSS = QColor(255, 170, 0)
_HALO = QColor(0, 0, 0, 120)


@dataclass(frozen=True)
class View:
    """Where a picture looks from.

    Parameters
    ----------
    center : tuple of float
        (down, along) in world coordinates, in the middle of the picture.
    zoom : float
        Pixels of the screen for a unit of world coordinates.
    """

    center: tuple[float, float]
    zoom: float


@dataclass(frozen=True)
class Scene:
    """What a picture shows.

    Parameters
    ----------
    plane : Plane or None
        None shows the message alone.
    layers : sequence of napari layer
        From the back to the front.
    scaled : napari layer or None
        Whose color bar stands at the right.
    title : str
        At the top right; may have two lines.
    background : str
        Color of the canvas.
    message : str
        In the middle, where there is nothing to see.
    left_out : str
        What the canvas shows and the picture does not; at the bottom.
    """

    plane: Plane | None
    layers: Sequence[Any] = field(default_factory=tuple)
    scaled: Any = None
    title: str = ""
    background: str = "#000000"
    message: str = ""
    left_out: str = ""


class Picture(QWidget):
    """A view of a `Scene` from a `View`: it paints, and emits signals.

    Signals
    -------
    pointed
        World coordinates (down, along) under the mouse, or None when it has left.
    clicked
        World coordinates (down, along) of a press of the left button that did not drag.
    zoomed
        A factor, and the world coordinates that stay under the mouse.
    dragged
        The way (down, along) of the mouse in world coordinates, with the button down.
    resized
        It has another size.
    """

    pointed = Signal(object)
    clicked = Signal(object)
    zoomed = Signal(float, object)
    dragged = Signal(object)
    resized = Signal()

    def __init__(self, tooltip: str) -> None:
        super().__init__()
        self.setToolTip(tooltip)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.scene = Scene(None)
        self.view = View((0.0, 0.0), 1.0)
        self.cross: tuple[float, float] | None = None
        self.reading = ""
        self._pieces: list[Piece] | None = None
        self._painted: QPixmap | None = None
        self._pressed: QPointF | None = None
        self._dragged = False

    def minimumSizeHint(self) -> QSize:
        """Stay usable."""
        return QSize(120, 100)

    def sizeHint(self) -> QSize:
        """Ask for room like a canvas."""
        return QSize(400, 300)

    def show_scene(self, scene: Scene) -> None:
        """Show something else, or layers that have changed."""
        self.scene, self._pieces, self._painted = scene, None, None
        self.update()

    def look_from(self, view: View) -> None:
        """Look at the same from elsewhere."""
        if view != self.view:
            self.view, self._painted = view, None
            self.update()

    def point_at(self, place: tuple[float, float] | None, reading: str = "") -> None:
        """Draw the cross hair at world coordinates (down, along), with what is read there."""
        if (place, reading) != (self.cross, self.reading):
            self.cross, self.reading = place, reading
            self.update()

    def to_screen(self) -> QTransform:
        """Return the way from world coordinates (along, down) to the picture."""
        up, left = self.scene.plane.flips if self.scene.plane is not None else (False, False)
        down, along = self.view.center
        transform = QTransform.fromTranslate(self.width() / 2, self.height() / 2)
        transform.scale(-self.view.zoom if left else self.view.zoom,
                        -self.view.zoom if up else self.view.zoom)  # fmt: skip
        return transform.translate(-along, -down)

    def place_of(self, at: QPointF) -> tuple[float, float]:
        """Return the world coordinates (down, along) of a point of the picture."""
        place = self.to_screen().inverted()[0].map(at)
        return place.y(), place.x()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the scene when it is another one, else only what follows the mouse."""
        if self._painted is None:
            self._painted = self._paint_scene()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._painted)
        if self.cross is not None and self.scene.plane is not None:
            at = self.to_screen().map(QPointF(*reversed(self.cross)))
            draw_cross(painter, at, self.width(), self.height())
        if self.reading:
            self._write(painter, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom,
                        self.reading)  # fmt: skip
        painter.end()

    def _paint_scene(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(self.size() * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(QColor(self.scene.background))
        painter = QPainter(pixmap)
        painter.setFont(self.font())
        scene = self.scene
        if scene.plane is None:
            self._write(painter, Qt.AlignmentFlag.AlignCenter, scene.message)
            painter.end()
            return pixmap
        to_screen = self.to_screen()
        if self._pieces is None:
            self._pieces = [piece for layer in scene.layers
                            for piece in pieces_of(layer, scene.plane)]  # fmt: skip
        for piece in self._pieces:
            piece.paint(painter, to_screen)
        self._write_letters(painter, scene.plane.letters)
        right, top = Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignTop
        self._write(painter, right | top, scene.title)
        if scene.plane.name:
            self._write(painter, Qt.AlignmentFlag.AlignLeft | top, scene.plane.name)
        if scene.scaled is not None:
            self._draw_bar(painter, scene.scaled, len(scene.title.splitlines()))
        if scene.message:
            self._write(painter, Qt.AlignmentFlag.AlignCenter, scene.message)
        if scene.left_out:  # above the line of the reading
            self._write(painter, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom,
                        f"{scene.left_out}\n ")  # fmt: skip
        painter.end()
        return pixmap

    def _ink(self) -> QColor:
        return QColor("black" if QColor(self.scene.background).lightnessF() > 0.5 else "white")

    def _write(self, painter: QPainter, where: Qt.AlignmentFlag, text: str) -> None:
        room = self.rect().adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        flags = int(where) | int(Qt.TextFlag.TextWordWrap)
        _write_readably(painter, QRectF(room), flags, text, self._ink())

    def _write_letters(self, painter: QPainter, letters: tuple[str, str, str, str]) -> None:
        font = painter.font()
        large = self.font()
        large.setPointSizeF(1.3 * max(large.pointSizeF(), 8.0))
        painter.setFont(large)
        flag = Qt.AlignmentFlag
        for letter, where in zip(letters, (flag.AlignLeft | flag.AlignVCenter,
                                           flag.AlignRight | flag.AlignVCenter,
                                           flag.AlignTop | flag.AlignHCenter,
                                           flag.AlignBottom | flag.AlignHCenter),
                                 strict=True):  # fmt: skip
            self._write(painter, where, letter)
        painter.setFont(font)

    def _draw_bar(self, painter: QPainter, layer: Any, n_lines: int) -> None:
        """Draw the color bar of a layer below the title."""
        line = painter.fontMetrics().height()
        top = _MARGIN + (n_lines + 0.8) * line
        height = min(_BAR_HEIGHT, self.height() / 2 - top - line)
        if height < 3 * line:
            return
        bar = QRectF(self.width() - _MARGIN - _BAR_WIDTH, top, _BAR_WIDTH, height)
        shades = QLinearGradient(bar.bottomLeft(), bar.topLeft())
        stops = np.linspace(0, 1, 64)
        for stop, color in zip(stops, layer.colormap.map(stops**layer.gamma), strict=True):
            shades.setColorAt(float(stop), QColor.fromRgbF(*map(float, color)))
        painter.fillRect(bar, shades)
        painter.setPen(QPen(self._ink(), 1))
        painter.drawRect(bar)
        low, high = layer.contrast_limits
        for share in (0.0, 0.5, 1.0):
            y = bar.bottom() - share * bar.height()
            room = QRectF(0, y - line / 2, bar.left() - 4, line)
            flags = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            _write_readably(painter, room, flags, f"{low + share * (high - low):.4g}", self._ink())

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Ask for another zoom."""
        if event is None:
            return
        steps = event.angleDelta().y() / _WHEEL_STEP
        if steps:
            self.zoomed.emit(_ZOOM_STEP**steps, self.place_of(event.position()))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Begin a click or a drag."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self._pressed, self._dragged = event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Tell where the mouse is, or how far it has dragged."""
        if event is None:
            return
        if self._pressed is not None:
            way = event.position() - self._pressed
            if self._dragged or max(abs(way.x()), abs(way.y())) > _CLICK_PX:
                start, end = self.place_of(self._pressed), self.place_of(event.position())
                self._pressed, self._dragged = event.position(), True
                self.dragged.emit((end[0] - start[0], end[1] - start[1]))
        self.pointed.emit(self.place_of(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """End a click or a drag."""
        if event is not None and self._pressed is not None and not self._dragged:
            self.clicked.emit(self.place_of(event.position()))
        self._pressed = None

    def leaveEvent(self, event: QEvent | None) -> None:
        """Tell that the mouse has left."""
        self.pointed.emit(None)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Paint anew."""
        self._painted = None
        self.resized.emit()


def draw_cross(painter: QPainter, at: QPointF, width: int, height: int) -> None:
    """Draw a cross hair that can be seen on light and on dark colors, open in the middle."""
    gap = 6.0
    for color, line in ((_HALO, 3.0), (_CROSS, 1.0)):
        painter.setPen(QPen(color, line))
        for start, end in (
            (QPointF(0, at.y()), QPointF(at.x() - gap, at.y())),
            (QPointF(at.x() + gap, at.y()), QPointF(width, at.y())),
            (QPointF(at.x(), 0), QPointF(at.x(), at.y() - gap)),
            (QPointF(at.x(), at.y() + gap), QPointF(at.x(), height)),
        ):
            painter.drawLine(start, end)


def _write_readably(painter: QPainter, room: QRectF, flags: int, text: str, ink: QColor) -> None:
    """Write a text with a shadow, so that it can be read on any map."""
    shadow = QColor("white" if ink.lightnessF() < 0.5 else "black")
    shadow.setAlpha(170)
    for dx, dy in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
        painter.setPen(shadow)
        painter.drawText(room.translated(dx, dy), flags, text)
    painter.setPen(ink)
    painter.drawText(room, flags, text)
