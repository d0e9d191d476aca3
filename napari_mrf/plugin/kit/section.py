"""A collapsible section with a line of state in its header, also when it is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QFontMetrics, QPainter
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_mrf.plugin.present import present

if TYPE_CHECKING:
    from qtpy.QtGui import QMouseEvent, QPaintEvent


class ElidedLabel(QLabel):
    """A label with one line of text that ends with an ellipsis if it does not fit.

    A new text causes only a repaint. A QLabel would renew all layouts around it, which is too
    slow for texts that follow the mouse.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(" ")  # for the height
        self._full = text
        self.setToolTip(text)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_full_text(self, text: str) -> None:
        """Set the text and the tooltip."""
        if text != self._full:
            self._full = text
            self.setToolTip(text)
            self.setAccessibleName(text)
            self.update()

    def full_text(self) -> str:
        """Return the text without the ellipsis."""
        return self._full

    def text(self) -> str:
        """Return the visible text."""
        room = self.contentsRect().width()
        return QFontMetrics(self.font()).elidedText(self._full, Qt.TextElideMode.ElideRight, room)

    def minimumSizeHint(self) -> QSize:
        """Ask for the height of a line only."""
        return QSize(10, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the text."""
        painter = QPainter(self)
        present(self.style()).drawItemText(
            painter, self.contentsRect(), int(Qt.AlignmentFlag.AlignVCenter), self.palette(),
            self.isEnabled(), self.text(), self.foregroundRole(),
        )  # fmt: skip
        painter.end()


class _Header(QWidget):
    """The header of a section; it reports clicks with the left mouse button."""

    clicked = Signal()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Report a click."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit()


class Section(QFrame):
    """A titled part of a dock that opens and closes at a click on its header.

    Parameters
    ----------
    title : str
        Bold, in the header.
    content : QWidget
        The widget in the section.
    is_open : bool
        Whether the section is open at first.
    """

    toggled = Signal(bool)

    def __init__(self, title: str, content: QWidget, *, is_open: bool = True) -> None:
        super().__init__()
        self.title, self.content = title, content
        self._arrow = QToolButton()
        self._arrow.setObjectName("mrfSectionArrow")
        self._arrow.setAutoRaise(True)
        self._arrow.setFixedSize(20, 20)
        self._arrow.clicked.connect(self.toggle)
        self._title = QLabel(f"<b>{title}</b>")
        # Open, the panel itself tells most; closed, its state has the whole width of a line.
        self._mark = QLabel("●")
        self._mark.hide()
        self._state, self._closed_state = ElidedLabel(), ElidedLabel()
        self._state.setEnabled(False)
        self._closed_state.setEnabled(False)
        self._closed_state.setContentsMargins(26, 0, 4, 2)

        header = QHBoxLayout()
        header.setContentsMargins(0, 0, 0, 0)
        header.setSpacing(6)
        header.addWidget(self._arrow)
        header.addWidget(self._title)
        header.addWidget(self._mark)
        header.addWidget(self._state, 1)
        self._header = _Header()
        self._header.clicked.connect(self.toggle)
        self._header.setLayout(header)
        self._header.setCursor(Qt.CursorShape.PointingHandCursor)
        self._header.setMinimumHeight(26)

        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        self._layout.addWidget(self._header)
        self._layout.addWidget(self._closed_state)
        self._layout.addWidget(content)
        self.set_open(is_open)

    def stretch_content(self) -> None:
        """Give the content all free space, for a dock with a single section."""
        self._layout.setStretchFactor(self.content, 1)

    def is_open(self) -> bool:
        """Return whether the content is shown."""
        return not self.content.isHidden()

    def set_open(self, is_open: bool) -> None:
        """Open or close the section."""
        self.content.setVisible(is_open)
        self._state.setVisible(is_open)
        self._closed_state.setVisible(not is_open and bool(self.state()))
        arrow = Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow
        self._arrow.setArrowType(arrow)
        self._arrow.setToolTip("Close this section" if is_open else "Open this section")
        self.toggled.emit(is_open)

    def toggle(self) -> None:
        """Open when closed, close when open."""
        self.set_open(not self.is_open())

    def set_state(self, text: str) -> None:
        """Show the state of the step in one line."""
        self._state.set_full_text(text)
        self._closed_state.set_full_text(text)
        self._closed_state.setVisible(not self.is_open() and bool(text))

    def set_mark(self, meaning: str) -> None:
        """Show a dot behind the title, with its meaning as tooltip; empty for none."""
        self._mark.setVisible(bool(meaning))
        self._mark.setToolTip(meaning)
        self._mark.setAccessibleName(meaning)

    def mark(self) -> str:
        """Return what the dot in the header means; empty without one."""
        return "" if self._mark.isHidden() else self._mark.toolTip()

    def state(self) -> str:
        """Return the line in the header."""
        return self._state.full_text()
