"""The dialogs for files and folders; all of them begin where the user works.

That is the folder that the window of the asking widget offers, else the last one that was picked,
which napari's own dialogs know too; never the working directory, of which the user knows nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from napari.utils.history import get_open_history, update_open_history
from qtpy.QtWidgets import QFileDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

_OFFERS: WeakKeyDictionary[QWidget, Callable[[], Path | None]] = WeakKeyDictionary()


def offer_folder(widget: QWidget, folder: Callable[[], Path | None]) -> None:
    """Let all dialogs of a widget, and of what is in it, begin in a folder.

    Parameters
    ----------
    widget : QWidget
        A dock, or a whole window.
    folder : callable
        Returns the folder, None while there is none; asked for every dialog.
    """
    _OFFERS[widget] = folder


def start_folder(parent: QWidget) -> Path:
    """Return where a dialog of a widget begins."""
    widget: QWidget | None = parent
    while widget is not None:
        offered = _OFFERS[widget]() if widget in _OFFERS else None
        if offered is not None and offered.is_dir():
            return offered
        widget = widget.parentWidget()
    return Path(get_open_history()[0])


def ask_open_path(parent: QWidget, title: str, file_filter: str) -> str:
    """Ask for a file to read; empty if the user cancels."""
    chosen, _ = QFileDialog.getOpenFileName(parent, title, str(start_folder(parent)), file_filter)
    return _noted(chosen)


def ask_folder(parent: QWidget, title: str, at: str = "") -> str:
    """Ask for a folder, beginning at one if it is there; empty if the user cancels."""
    start = at if at and Path(at).is_dir() else str(start_folder(parent))
    chosen = QFileDialog.getExistingDirectory(parent, title, start)
    if chosen:
        _noted(str(Path(chosen) / "inside"))
    return chosen


def ask_new_path(parent: QWidget, title: str, name: str, file_filter: str) -> str:
    """Ask for a file to write, with a proposed name; the caller asks before one is replaced."""
    proposal = str(start_folder(parent) / name)
    chosen, _ = QFileDialog.getSaveFileName(
        parent, title, proposal, file_filter, "", QFileDialog.Option.DontConfirmOverwrite
    )
    return _noted(chosen)


def _noted(path: str) -> str:
    if path:
        update_open_history(path)
    return path
