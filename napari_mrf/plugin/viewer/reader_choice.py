"""napari's question which reader to take, with this plugin picked where it is offered.

It stands apart as it knows nothing but a dialog of napari, which lists readers by name: its own
comes first, and fails on NIfTI files. A plain click on *OK* then opens the file, or the panel says
why not.
"""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QChildEvent, QEvent, QObject
from qtpy.QtWidgets import QRadioButton

from napari_mrf.plugin.session import one_per_viewer

_DIALOG, _OURS = "QtReaderDialog", "napari-mrf"


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
        if content is not None:
            content.installEventFilter(self)

    def eventFilter(self, _: QObject | None, event: QEvent | None) -> bool:
        """Look at what is about to be seen, when it is whole; hold nothing back."""
        if isinstance(event, QChildEvent) and event.type() == QEvent.Type.ChildPolished:
            dialog = event.child()
            if dialog is not None and type(dialog).__name__ == _DIALOG:
                for button in dialog.findChildren(QRadioButton):
                    if button.text() == _OURS:
                        button.setChecked(True)
        return False


reader_choice_of = one_per_viewer(ReaderChoice)
"""Let this plugin be picked in the questions of a viewer's window."""
