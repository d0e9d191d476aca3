"""napari's question which reader to take, with this plugin picked where it is offered.

It stands apart as it knows nothing but a dialog of napari, which lists readers by their names in
the menus and picks the first. That of this plugin comes before napari's own, which fails on NIfTI
files, but not before those of all plugins. A plain click on *OK* then opens the file, or the panel
says why not.
"""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QRadioButton

from napari_mrf.plugin.present import present
from napari_mrf.plugin.session import one_per_viewer

_DIALOG, _OURS, _SEEN = "QtReaderDialog", "MR fingerprinting", "mrf_seen"


class ReaderChoice(QObject):
    """Picks this plugin in the question of one window; the user may pick another.

    Parameters
    ----------
    viewer : napari viewer
        One without a window asks nothing.
    """

    def __init__(self, viewer: Any) -> None:
        content = getattr(getattr(viewer, "window", None), "_qt_viewer", None)
        super().__init__(content)
        # A dialog has its buttons, and its type in Python, only once it is made: in the next turn.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._look)
        if content is not None:
            content.installEventFilter(self)

    def eventFilter(self, _: QObject | None, event: QEvent | None) -> bool:
        """Look soon at what has come; hold nothing back."""
        if event is not None and event.type() == QEvent.Type.ChildAdded:
            self._soon.start(0)
        return False

    def _look(self) -> None:
        for dialog in present(self.parent()).children():
            if type(dialog).__name__ != _DIALOG or dialog.property(_SEEN):
                continue
            dialog.setProperty(_SEEN, True)  # what the user picks later stays
            for button in dialog.findChildren(QRadioButton):
                if button.text() == _OURS:
                    button.setChecked(True)


reader_choice_of = one_per_viewer(ReaderChoice)
"""Let this plugin be picked in the questions of a viewer's window."""
