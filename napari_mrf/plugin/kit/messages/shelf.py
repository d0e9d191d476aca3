"""The place of messages: below the scrolling column, where one that comes moves no button."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_mrf.plugin.kit.notice import Notice
from napari_mrf.plugin.present import present

if TYPE_CHECKING:
    from qtpy.QtGui import QResizeEvent, QShowEvent

_MOST_OF_COLUMN = 0.4


class NoticeShelf(QScrollArea):
    """Shows the notices of all panels, the youngest on top, as high as they need.

    The column above keeps its height and what is in it its place: the shelf covers its end, which
    can be scrolled to. It takes at most two fifths of the room of both and scrolls itself then.

    Parameters
    ----------
    column : QScrollArea
        Above the shelf, with the panels, in the same layout.
    """

    def __init__(self, column: QScrollArea) -> None:
        super().__init__()
        self._column = column
        self._places: list[_Place] = []
        self._is_arranging = False
        self._content = QWidget()
        self._layout = QVBoxLayout(self._content)
        self._layout.setContentsMargins(8, 4, 6, 4)
        self._layout.setSpacing(4)
        self._layout.addStretch(1)  # the content may be higher than its messages
        self.setWidget(self._content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        # A bar that comes with the first message would make the column narrower.
        column.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        for watched in (self._content, self._viewport()):
            watched.installEventFilter(self)
        self.hide()

    def _viewport(self) -> QWidget:
        # Asked for each time: what Qt has made, PySide6 loses where it is kept in Python.
        return present(self._column.viewport())

    def take(self, widget: QWidget, title: str = "") -> None:
        """Show a widget here whenever it and the panel that it stands in are to be seen.

        Parameters
        ----------
        widget : QWidget
            A notice, or something that hides itself.
        title : str
            Of the panel, above the message; with it comes a button to close the message.
        """
        place = _Place(self, widget, title)
        self._places.append(place)
        self._layout.insertWidget(0, place)
        self.arrange()

    def take_notices(self, panel: QWidget, title: str) -> None:
        """Take the notices of a panel that do not stay in it."""
        for notice in panel.findChildren(Notice):
            if not notice.stays and notice.parentWidget() is panel:
                self.take(notice, title)

    def arrange(self) -> None:
        """Show the messages that there are, in the room that they need."""
        if self._is_arranging:
            return
        self._is_arranging = True
        try:
            self._arrange()
        finally:
            self._is_arranging = False

    def _arrange(self) -> None:
        came = [place for place in self._places if place.renew()]
        for place in came:
            self._layout.removeWidget(place)
            self._layout.insertWidget(0, place)
            self._places.remove(place)
            self._places.append(place)
        if came:
            present(self.verticalScrollBar()).setValue(0)
        is_wanted = any(not place.isHidden() for place in self._places)
        dock = present(self.parentWidget())
        room = max(dock.height() - self._column.y(), 0)  # less before the first layout
        self._content.ensurePolished()
        # Before the first layout its inside may be higher than itself.
        own = max(self.height() - present(self.viewport()).height(), 0)
        words = self._layout.heightForWidth(self._column.width() - own) if is_wanted else 0
        # Else labels claim the height of narrow ones, and a bar scrolls to nothing.
        self._content.setMinimumHeight(max(words, 1))
        # Before the column is made shorter: nothing in it may give way.
        frame = self._column.height() - self._viewport().height()
        present(self._column.widget()).setMinimumHeight(max(room - frame, 0))
        self.setFixedHeight(min(words + own, round(_MOST_OF_COLUMN * room)))
        self.setVisible(is_wanted)

    def come_last(self) -> None:
        """Let Tab reach the buttons of the messages after all others, from the top down.

        Widgets that come later stand at the end of Qt's order: it is set when Tab is pressed, and
        when the widget with the focus can no longer have it. Qt's order begins with the window. It
        ends here before that: PySide6 would give the window away, and never free one that closes.
        """
        last: QWidget = self._column
        at, end = last, present(self.window()).previousInFocusChain()
        while at is not end:
            at = present(at.nextInFocusChain())
            last = at if self._column.isAncestorOf(at) else last
        for place in reversed(self._places):
            for button in place.findChildren(QAbstractButton):
                self.setTabOrder(last, button)
                last = button

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow what the messages need, and the room that there is."""
        if event is not None and hasattr(self, "_content"):  # of what ends, PySide6 clears it first
            kind = event.type()
            if (watched is self._content and kind == QEvent.Type.LayoutRequest) or (
                kind == QEvent.Type.Resize and watched is self._viewport()
            ):
                self.arrange()
        return super().eventFilter(watched, event)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Show what was said while the dock was hidden."""
        super().showEvent(event)
        self.arrange()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Follow the width of the dock."""
        super().resizeEvent(event)
        self.arrange()


class _Place(QWidget):
    """A message with its head; visible while the message and its panel are."""

    def __init__(self, shelf: NoticeShelf, widget: QWidget, title: str) -> None:
        super().__init__()
        self._shelf, self._widget, self._home = shelf, widget, widget.parentWidget()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        if title and isinstance(widget, Notice):
            head = QHBoxLayout()
            name, close = QLabel(title), QToolButton()
            name.setObjectName("mrfSmall")
            name.setEnabled(False)
            close.setText("×")
            close.setAutoRaise(True)
            close.setToolTip("Close this message")
            close.clicked.connect(widget.clear)
            head.addWidget(name, 1)
            head.addWidget(close)
            column.addLayout(head)
        column.addWidget(widget)
        for one in (widget, self._home):
            if one is not None:
                one.installEventFilter(self)
        self.renew()

    def renew(self) -> bool:
        """Come or go with the message and its panel; return whether it came."""
        home, dock = self._home, self._shelf.parentWidget()
        is_open = home is None or home is dock or dock is None or home.isVisibleTo(dock)
        was_hidden = self.isHidden()
        self.setVisible(is_open and not self._widget.isHidden())
        return was_hidden and not self.isHidden()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the message and its panel."""
        if event is not None and hasattr(self, "_shelf") and event.type() in (
            QEvent.Type.ShowToParent, QEvent.Type.HideToParent, QEvent.Type.Show, QEvent.Type.Hide
        ):  # fmt: skip
            self._shelf.arrange()
        return False
