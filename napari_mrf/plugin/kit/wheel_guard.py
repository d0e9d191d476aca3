"""Editors that leave the mouse wheel to the scrolling panel around them.

A dock is scrolled with the pointer anywhere in it. By Qt's default an editor that comes under the
pointer takes the wheel and changes its value, unseen and unasked.
"""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QWidget


class _WheelGuard(QObject):
    """Passes wheel steps over an editor on to its parent while the editor has no focus."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the editor from seeing the step; ignored, it goes on to the parent."""
        is_wheel = event.type() == QEvent.Type.Wheel
        if is_wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False


def guard_wheel(editor: QWidget) -> None:
    """Let an editor answer to the wheel only after a click or the tab key gave it the focus.

    Parameters
    ----------
    editor : QWidget
        A combo box or a spin box; other widgets are left as they behave.
    """
    editor.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    editor.installEventFilter(_WheelGuard(editor))
