"""The question before something is lost: one box for every panel, *Cancel* by default."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.compat import isalive
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qtpy.QtWidgets import QWidget

    from napari_mrf.plugin.jobs import JobStatus


def is_confirmed(
    parent: QWidget, title: str, question: str, *, action: str = "Replace", detail: str = ""
) -> bool:
    """Ask whether something may be lost.

    Parameters
    ----------
    parent : QWidget
        The box stands over its window.
    title : str
        What the user was about to do.
    question : str
        What is at stake.
    action : str
        On the button that goes on.
    detail : str
        Below the question, such as a path.

    Returns
    -------
    bool
        False also where the box is closed.
    """
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(title)
    box.setText(question)
    box.setInformativeText(detail)
    going_on = box.addButton(action, QMessageBox.ButtonRole.DestructiveRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(QMessageBox.StandardButton.Cancel)
    box.exec()
    answer = box.clickedButton() is going_on
    box.deleteLater()
    return answer


def asks_to_overwrite(parent: QWidget, status: JobStatus, again: Callable[[], None]) -> bool:
    """Ask the user where a job was refused because of earlier results.

    Parameters
    ----------
    parent : QWidget
        The panel.
    status : JobStatus
        Of the job that writes.
    again : callable
        Starts it anew with leave to overwrite; called when the user says so.

    Returns
    -------
    bool
        Whether the job failed for this reason; other failures are the caller's to tell.
    """
    error = None if status.failure is None else status.failure.error
    if not isinstance(error, MRFInputError) or error.code != "exists":
        return False
    question = f"{error.what[0].upper()}{error.what[1:]}. Replace the earlier results?"

    def ask() -> None:
        if isalive(parent) and is_confirmed(
            parent, status.title, question, detail=error.path or ""
        ):
            again()

    # All others hear of the failure before the job starts again.
    QTimer.singleShot(0, ask)
    return True


def ask_save_path(
    parent: QWidget,
    title: str,
    proposal: str,
    file_filter: str,
    *,
    complete: Callable[[str], str] = str,
    written: Callable[[str], Iterable[Path]] = lambda path: (Path(path),),
) -> str:
    """Ask for the name of a file to write, and before any earlier file is replaced.

    Parameters
    ----------
    parent : QWidget
        The dialog stands over its window.
    title, proposal, file_filter : str
        Of the dialog.
    complete : callable
        Returns the path with its ending.
    written : callable
        Returns all files that are written for a path.

    Returns
    -------
    str
        Empty where the user has changed their mind.
    """
    chosen, _ = QFileDialog.getSaveFileName(parent, title, proposal, file_filter)
    if not chosen:
        return ""
    path = complete(chosen)
    # The dialog has asked about the name as it was typed, not about any other.
    earlier = [one for one in written(path) if one != Path(chosen) and one.exists()]
    if earlier:
        names = " and ".join(one.name for one in earlier)
        question = f"{names} {'exists' if len(earlier) == 1 else 'exist'} already. Replace?"
        if not is_confirmed(parent, title, question, detail=str(earlier[0].parent)):
            return ""
    return path
