"""Cuts of layers with a plane, as pieces that Qt paints: images, outlines, points.

Nothing is copied from a layer but the voxels of the plane; colors are those of the layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from napari.layers import Image, Labels, Points, Shapes
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFont, QImage, QPainter, QPen, QPolygonF, QTransform

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_mrf.plugin.viewer.pictures.planes import Plane

_N_COLORS = 1024
_TEXT_POINTS = 9


class Piece(Protocol):
    """Something to paint."""

    def paint(self, painter: QPainter, to_screen: QTransform) -> None:
        """Paint it, from world coordinates (along, down) to the picture."""


@dataclass(frozen=True)
class Raster:
    """Voxels of a plane.

    Parameters
    ----------
    image : QImage
        (rows, columns).
    place : QTransform
        From columns and rows of the image to world coordinates.
    opacity : float
        0-1.
    is_smooth : bool
        Whether colors are interpolated between voxels.
    """

    image: QImage
    place: QTransform
    opacity: float
    is_smooth: bool

    def paint(self, painter: QPainter, to_screen: QTransform) -> None:
        """Paint it."""
        painter.save()
        painter.setOpacity(self.opacity)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.is_smooth)
        painter.setTransform(self.place * to_screen)
        painter.drawImage(0, 0, self.image)
        painter.restore()


@dataclass(frozen=True)
class Mark:
    """A closed outline, or a ring, with a name.

    Parameters
    ----------
    corners : QPolygonF
        World coordinates (along, down); one corner for a ring.
    width : float
        Of the line, or of the ring, in world coordinates.
    color, text_color : QColor
        Of line and name.
    text : str
        The name; may be empty.
    """

    corners: QPolygonF
    width: float
    color: QColor
    text: str
    text_color: QColor

    def paint(self, painter: QPainter, to_screen: QTransform) -> None:
        """Paint it, with a line of a pixel at least."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        on_screen = to_screen.map(self.corners)
        width = self.width * abs(to_screen.m11())
        painter.setBrush(Qt.BrushStyle.NoBrush)
        middle = on_screen.boundingRect().center()
        if len(self.corners) == 1:
            painter.setPen(QPen(self.color, 1.6))
            painter.drawEllipse(on_screen.at(0), max(width / 2, 2.0), max(width / 2, 2.0))
            middle = on_screen.at(0) + QPointF(width / 2 + 6, -width / 2 - 4)
        else:
            painter.setPen(QPen(self.color, max(width, 1.0)))
            painter.drawPolygon(on_screen)
        if self.text:
            font = QFont(painter.font())
            font.setPointSizeF(_TEXT_POINTS)
            painter.setFont(font)
            painter.setPen(self.text_color)
            painter.drawText(QRectF(middle.x() - 60, middle.y() - 10, 120, 20),
                             int(Qt.AlignmentFlag.AlignCenter), self.text)  # fmt: skip
        painter.restore()


@dataclass(frozen=True)
class _Cut:
    """Where a layer is cut: its axes down and along, and the index on all its axes."""

    down: int
    along: int
    index: tuple[int, ...]
    place: QTransform


def cut(layer: Any, plane: Plane) -> _Cut | None:
    """Return where a plane cuts a layer, or None where it does not."""
    first = len(plane.point) - layer.ndim
    down, along = plane.down - first, plane.along - first
    if min(first, down, along) < 0:
        return None
    at = np.asarray(layer.world_to_data(plane.point), float)
    at[[down, along]] = 0
    if not np.isfinite(at).all():
        return None
    index = np.floor(at + 0.5)  # a voxel reaches half a voxel to either side of its index
    origin, right, below = (
        np.asarray(layer.data_to_world(index + step))[[along, down]]
        for step in (np.zeros(layer.ndim), np.eye(layer.ndim)[along], np.eye(layer.ndim)[down])
    )
    (xx, xy), (yx, yy) = right - origin, below - origin
    place = QTransform(xx, xy, yx, yy, *origin)
    return _Cut(down, along, tuple(int(one) for one in index), place)


def is_painted(layer: Any) -> bool:
    """Return whether layers of this kind are painted; images in RGB or of many scales are not."""
    if isinstance(layer, Image | Labels):
        return not (getattr(layer, "rgb", False) or layer.multiscale)
    return isinstance(layer, Shapes | Points)


def pieces_of(layer: Any, plane: Plane) -> Iterator[Piece]:
    """Yield what a layer shows in a plane, if layers of its kind are painted."""
    where = cut(layer, plane) if is_painted(layer) else None
    if where is None:
        return
    if isinstance(layer, Image | Labels):
        values = _values(layer, where)
        if values is not None:
            colors = _label_colors if isinstance(layer, Labels) else _image_colors
            is_smooth = isinstance(layer, Image) and str(layer.interpolation2d) != "nearest"
            # The first voxel has its middle at index 0.
            place = QTransform.fromTranslate(-0.5, -0.5) * where.place
            yield Raster(_image(colors(layer, values)), place, float(layer.opacity), is_smooth)
    elif isinstance(layer, Shapes):
        kinds = zip(layer.data, layer.shape_type, strict=True)
        closed = [kind in ("polygon", "rectangle") for _, kind in kinds]
        yield from _marks(layer, where, layer.data, layer.edge_color, layer.edge_width, closed)
    elif isinstance(layer, Points):
        places = [one[None] for one in np.asarray(layer.data, float)]
        yield from _marks(layer, where, places, layer.face_color, layer.size, layer.shown)


def value_at(layer: Any, position: Sequence[float]) -> float | None:
    """Return the value of an image at a world position; None outside it."""
    index = np.floor(np.asarray(layer.world_to_data(position), float) + 0.5)
    if not np.isfinite(index).all() or np.any(index < 0) or np.any(index >= layer.data.shape):
        return None
    return float(np.asarray(layer.data[tuple(int(one) for one in index)]))


def _values(layer: Any, where: _Cut) -> NDArray[Any] | None:
    key: list[Any] = [*where.index]
    for axis, one in enumerate(where.index):
        if axis not in (where.down, where.along) and not 0 <= one < layer.data.shape[axis]:
            return None
    key[where.down] = key[where.along] = slice(None)
    values = np.asarray(layer.data[tuple(key)])
    return values if where.down < where.along else values.T


def _image_colors(layer: Any, values: NDArray[Any]) -> NDArray[np.uint32]:
    low, high = layer.contrast_limits
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip((values.astype(np.float32) - low) / (high - low), 0, 1)
    if layer.gamma != 1:
        share = share**layer.gamma
    none = ~np.isfinite(share)
    share[none] = 0
    index = (share * (_N_COLORS - 1) + 0.5).astype(np.intp)
    index[none] = _N_COLORS
    colors = np.vstack([layer.colormap.map(np.linspace(0, 1, _N_COLORS)),
                        np.asarray(layer.colormap.nan_color)[None]])  # fmt: skip
    in_range: NDArray[np.uint32] = _packed(colors)[index]
    return in_range


def _label_colors(layer: Any, values: NDArray[Any]) -> NDArray[np.uint32]:
    if layer.contour:
        values = _contours(values, int(layer.contour), layer.colormap.background_value)
    present, index = np.unique(values, return_inverse=True)
    colors = np.array(layer.colormap.map(present), float)
    if layer.show_selected_label:
        colors[present != layer.selected_label] = 0
    colors[present == layer.colormap.background_value] = 0
    seen: NDArray[np.uint32] = _packed(colors)[index.reshape(values.shape)]
    return seen


def _contours(values: NDArray[Any], thickness: int, background: int) -> NDArray[Any]:
    """Return the labels of a plane where napari draws their outlines, along the inner side."""
    highest, lowest = _over_neighbors(np.maximum, values), values
    for _ in range(thickness):
        lowest = _over_neighbors(np.minimum, lowest)
    return np.where(highest == lowest, background, values)


def _over_neighbors(extreme: np.ufunc, values: NDArray[Any]) -> NDArray[Any]:
    padded = np.pad(values, 1, mode="edge")
    beside = padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]
    return np.asarray(extreme.reduce([values, *beside]))


def _packed(colors: NDArray[Any]) -> NDArray[np.uint32]:
    """Return (n, 4) colors, 0-1, as Qt wants them: premultiplied ARGB in 32 bits."""
    red, green, blue, alpha = np.asarray(colors, float).T
    parts = [np.round(255 * one).astype(np.uint32)
             for one in (alpha, red * alpha, green * alpha, blue * alpha)]  # fmt: skip
    packed: NDArray[np.uint32] = parts[0] << 24 | parts[1] << 16 | parts[2] << 8 | parts[3]
    return packed


def _image(colors: NDArray[np.uint32]) -> QImage:
    rows, columns = colors.shape
    image = QImage(colors.tobytes(), columns, rows, 4 * columns,
                   QImage.Format.Format_ARGB32_Premultiplied)  # fmt: skip
    return QImage(image.copy())  # Qt would not keep the bytes


def _marks(
    layer: Any, where: _Cut, shapes: Any, colors: Any, widths: Any, kept: Any
) -> Iterator[Mark]:
    names = layer.text.values if layer.text.visible and len(layer.text.values) else ()
    names = names if len(names) == len(shapes) else [""] * len(shapes)
    ink = QColor.fromRgbF(*map(float, np.ravel(getattr(layer.text.color, "constant", (1, 1, 1)))))
    others = [axis for axis in range(layer.ndim) if axis not in (where.down, where.along)]
    size = float(np.hypot(where.place.m11(), where.place.m12()))
    at = np.array(where.index)[others]
    for points, color, width, keep, name in zip(shapes, colors, widths, kept, names, strict=True):
        if keep and np.all(np.floor(points[:, others] + 0.5) == at):
            corners = QPolygonF([where.place.map(QPointF(*one))
                                 for one in points[:, [where.along, where.down]]])  # fmt: skip
            line = QColor.fromRgbF(*map(float, color))
            line.setAlphaF(line.alphaF() * float(layer.opacity))
            yield Mark(corners, float(np.ravel(width)[0]) * size, line, str(name), ink)
