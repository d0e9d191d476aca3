"""A widget in a dock of its own, opened and closed by a button, that leaves nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

from qtpy.compat import isalive
from qtpy.QtCore import QObject, Qt, QTimer, Signal
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_mrf.plugin.present import present

if TYPE_CHECKING:
    from collections.abc import Callable


class SideDock(QObject):
    """One dock of a viewer.

    Signals
    -------
    closed
        The dock has gone, whoever closed it.

    Parameters
    ----------
    viewer : napari viewer
        Referred to weakly.
    title : str
        Of the dock.
    area : str
        ``"right"`` or ``"bottom"``.
    make : callable
        Returns the widget, when the dock opens.
    owner : QWidget
        In the dock beside which it opens; ends with that dock.
    """

    closed = Signal()

    def __init__(
        self, viewer: Any, title: str, area: str, make: Callable[[], QWidget], owner: QWidget
    ) -> None:
        super().__init__(owner)
        self._viewer, self._owner = ref(viewer), owner
        self._title, self._area, self._make = title, area, make
        self.widget: QWidget | None = None
        self._width = 0  # of the dock beside, which it keeps
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._share_room)

    def open(self) -> None:
        """Open the dock, once; a viewer without a window has none."""
        viewer: Any = self._viewer()
        if self.widget is not None or not hasattr(viewer, "window"):
            return
        self.widget = self._make()
        dock = viewer.window.add_dock_widget(self.widget, name=self._title, area=self._area)
        # Whoever removes the dock, napari leaves its widget behind.
        dock.destroyed.connect(self.widget.deleteLater)
        dock.destroyed.connect(self._on_gone)
        beside = _dock_around(self._owner)
        if beside is not None:
            beside.destroyed.connect(self.close)
            self._place(dock, beside)

    def close(self, *_: object) -> None:
        """Close the dock and let its widget go."""
        viewer: Any = self._viewer()
        widget, self.widget = self.widget, None
        if widget is None:
            return
        window: Any = getattr(viewer, "window", None)
        # While the window closes it takes its docks with it.
        if getattr(window, "_qt_window", None) is not None and isalive(widget):
            window.remove_dock_widget(widget)
        self._tell()

    def _place(self, dock: QDockWidget, beside: QDockWidget) -> None:
        """Put it between the canvas and the dock of its owner."""
        window = dock.parent()
        if not isinstance(window, QMainWindow) or beside.isFloating():
            return
        right, side_by_side = Qt.DockWidgetArea.RightDockWidgetArea, Qt.Orientation.Horizontal
        if self._area == "right" and window.dockWidgetArea(beside) == right:
            if not self._later.isActive():  # else it is still about to get its width back
                self._width = beside.width()
            window.splitDockWidget(dock, beside, side_by_side)
        self._later.start(0)  # the window gives room to a new dock after this event

    def _share_room(self) -> None:
        """Make it as wide as the canvas, or a third as high as the window; give it back after."""
        dock, beside = (None if one is None else _dock_around(one)
                        for one in (self.widget, self._owner))  # fmt: skip
        window = None if beside is None else beside.parent()
        if beside is None or not isinstance(window, QMainWindow):
            return
        if dock is None:
            if self._width:
                window.resizeDocks([beside], [self._width], Qt.Orientation.Horizontal)
            return
        if self._area != "right":
            window.resizeDocks([dock], [window.height() // 3], Qt.Orientation.Vertical)
        elif self._width:
            half = (present(window.centralWidget()).width() + dock.width()) // 2
            half -= max(self._width - beside.width(), 0) // 2
            window.resizeDocks([dock, beside], [half, self._width], Qt.Orientation.Horizontal)

    def _on_gone(self, *_: object) -> None:
        """Hear that a dock has gone, which may have been an earlier one."""
        widget = self.widget
        if widget is not None and not (isalive(widget) and _dock_around(widget) is not None):
            self.widget = None
            self._tell()

    def _tell(self) -> None:
        self._later.start(0)
        self.closed.emit()


def _dock_around(widget: QWidget) -> QDockWidget | None:
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parentWidget()
    return parent
