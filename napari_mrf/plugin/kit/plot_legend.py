"""A legend outside the plot, so that it never covers data; it wraps in narrow panels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QPaintEvent, QResizeEvent

    Dashes = str | tuple[float, Sequence[float]]

_SAMPLE, _SPACE, _BETWEEN = 20, 5, 12
_MARKER = 8  # pixels


@dataclass(frozen=True)
class LegendEntry:
    """One line of a legend.

    Parameters
    ----------
    label : str
        Text of the entry; shortened if it is wider than the panel.
    color : str
        Hexadecimal; empty for the color of the text.
    dashes : str or tuple
        ``"."`` for dots, ``"-"`` for a full line, or matplotlib's ``(offset, pattern)``.
    marker : str
        A filled marker of matplotlib, in place of a line.
    """

    label: str
    color: str = ""
    dashes: Dashes = "-"
    marker: str = ""

    @property
    def width(self) -> int:
        """Pixels of the sample."""
        return _MARKER if self.marker else _SAMPLE


class PlotLegend(QWidget):
    """Samples of lines and their names, left to right, in as many rows as needed."""

    def __init__(self) -> None:
        super().__init__()
        self._entries: tuple[LegendEntry, ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_entries(self, entries: Sequence[LegendEntry]) -> None:
        """Show these."""
        if tuple(entries) == self._entries:
            return
        self._entries = tuple(entries)
        self.setToolTip("\n".join(entry.label for entry in entries))
        self.setAccessibleName("Legend: " + ", ".join(entry.label for entry in entries))
        self.updateGeometry()
        self.update()

    def entries(self) -> tuple[LegendEntry, ...]:
        """Return what is shown."""
        return self._entries

    def hasHeightForWidth(self) -> bool:
        """Say that rows depend on the width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all rows."""
        places = self._places(width)
        return places[-1][1] + self._row_height() if places else 0

    def sizeHint(self) -> QSize:
        """Ask for the rows at the present width."""
        width = self.width() or 300
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        """Stay inside a narrow panel."""
        return QSize(80, self.heightForWidth(max(self.width(), 80)))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Wrap anew."""
        super().resizeEvent(event)
        self.updateGeometry()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the samples and the names."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().color(self.foregroundRole())
        height = self._row_height()
        for entry, (left, top) in zip(self._entries, self._places(self.width()), strict=True):
            color = QColor(entry.color) if entry.color else text
            middle = top + height / 2
            sample = entry.width
            if entry.marker:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(color)
                for polygon in _outlines(entry.marker):
                    painter.drawPolygon(polygon.translated(left + sample / 2, middle))
            elif entry.dashes == ".":
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(color)
                for at in (4, 10, 16):
                    painter.drawEllipse(QPointF(left + at, middle), 1.6, 1.6)
            else:
                pen = QPen(color, 1.6)
                if not isinstance(entry.dashes, str):
                    pen.setDashPattern([float(length) for length in entry.dashes[1]])
                    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
                painter.setPen(pen)
                painter.drawLine(QPointF(left, middle), QPointF(left + sample, middle))
            painter.setPen(text)
            room = self.width() - left - sample - _SPACE
            words = self.fontMetrics().elidedText(entry.label, Qt.TextElideMode.ElideRight, room)
            painter.drawText(left + sample + _SPACE, top, room, height,
                             Qt.AlignmentFlag.AlignVCenter, words)  # fmt: skip
        painter.end()

    def _row_height(self) -> int:
        return int(self.fontMetrics().height()) + 2

    def _places(self, width: int) -> list[tuple[int, int]]:
        """Return left and top of every entry."""
        places, left, top = [], 0, 0
        for entry in self._entries:
            wide = entry.width + _SPACE + int(self.fontMetrics().horizontalAdvance(entry.label))
            if left and left + wide > width:
                left, top = 0, top + self._row_height()
            places.append((left, top))
            left += wide + _BETWEEN
        return places


@cache
def _outlines(marker: str) -> tuple[QPolygonF, ...]:
    """Return a marker of matplotlib as polygons around the origin, in pixels."""
    from matplotlib.markers import MarkerStyle

    style = MarkerStyle(marker)
    path = style.get_path().transformed(style.get_transform())
    # Matplotlib's y axis points up.
    return tuple(
        QPolygonF([QPointF(_MARKER * x, -_MARKER * y) for x, y in corners])
        for corners in map(np.asarray, path.to_polygons())
    )
