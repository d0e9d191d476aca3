"""The question before something is lost: one box for all panels, with *Cancel* as default."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.compat import isalive
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QMessageBox

from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.kit.files.dialogs import ask_new_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qtpy.QtWidgets import QWidget

    from napari_mrf.plugin.jobs import JobStatus


def is_confirmed(
    parent: QWidget, title: str, question: str, *, action: str = "Replace", detail: str = ""
) -> bool:
    """Ask for consent before something is lost.

    Parameters
    ----------
    parent : QWidget
        The box appears over its window.
    title : str
        Title of the box: what the user is about to do.
    question : str
        Text of the box: what would be lost.
    action : str
        Text of the button that continues.
    detail : str
        Text below the question, such as a path.

    Returns
    -------
    bool
        True if the user continues; False also if the box is closed.
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


def ask_to_save(parent: QWidget, title: str, question: str, detail: str) -> str:
    """Ask what becomes of unsaved work before something is closed.

    Parameters
    ----------
    parent : QWidget
        The box appears over its window.
    title, question, detail : str
        Title of the box, its text, and what is not saved.

    Returns
    -------
    str
        ``"save"``, ``"discard"``, or empty for *Cancel* and a box that is closed.
    """
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(title)
    box.setText(question)
    box.setInformativeText(detail)
    save = box.addButton("Save", QMessageBox.ButtonRole.AcceptRole)
    discard = box.addButton("Don't save", QMessageBox.ButtonRole.DestructiveRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(save)
    box.exec()
    clicked = box.clickedButton()
    box.deleteLater()
    return "save" if clicked is save else "discard" if clicked is discard else ""


def asks_to_overwrite(
    parent: QWidget,
    status: JobStatus,
    again: Callable[[], None],
    *,
    what: str = "the earlier results",
) -> bool:
    """Ask whether to replace earlier results, if these made a job fail.

    Parameters
    ----------
    parent : QWidget
        The panel.
    status : JobStatus
        Status of the job that writes.
    again : callable
        Starts the job again and lets it overwrite; called if the user agrees.
    what : str
        What would be replaced.

    Returns
    -------
    bool
        Whether the job failed for this reason; the caller reports other failures.
    """
    error = None if status.failure is None else status.failure.error
    if not isinstance(error, MRFInputError) or error.code != "exists":
        return False
    question = f"{error.what[0].upper()}{error.what[1:]}. Replace {what}?"

    def ask() -> None:
        if isalive(parent) and is_confirmed(
            parent, status.title, question, detail=error.path or ""
        ):
            again()

    # Other listeners get the failure before the job starts again.
    QTimer.singleShot(0, ask)
    return True


def ask_export_path(parent: QWidget, title: str, stem: str, kind: str) -> str:
    """Ask for a file of one kind to write; see `ask_save_path`.

    Parameters
    ----------
    parent : QWidget
        Asks.
    title : str
        Of the dialog.
    stem : str
        Proposed name without its ending.
    kind : str
        Ending without the dot, which is added where the user gives none.
    """
    return ask_save_path(
        parent, title, f"{stem}.{kind}", f"{kind.upper()} (*.{kind})",
        complete=lambda path: path if Path(path).suffix else f"{path}.{kind}",
    )  # fmt: skip


def ask_save_path(
    parent: QWidget,
    title: str,
    proposal: str,
    file_filter: str,
    *,
    complete: Callable[[str], str] = str,
    written: Callable[[str], Iterable[Path]] = lambda path: (Path(path),),
) -> str:
    """Ask for the name of a file to write, and once before earlier files are replaced.

    Parameters
    ----------
    parent : QWidget
        The dialog appears over its window.
    title, proposal, file_filter : str
        Title of the dialog, proposed file name, and filter of file types.
    complete : callable
        Adds the file ending to a path.
    written : callable
        Returns all files that are written for a path.

    Returns
    -------
    str
        Empty if the user cancels.
    """
    # The dialog would ask about the typed name only; all files are in the one question below.
    chosen = ask_new_path(parent, title, proposal, file_filter)
    if not chosen:
        return ""
    path = complete(chosen)
    earlier = [one for one in written(path) if one.exists()]
    if earlier:
        names = " and ".join(one.name for one in earlier)
        verb, files = ("exists", "it") if len(earlier) == 1 else ("exist", "them")
        question = f"{names} already {verb}. Replace {files}?"
        if not is_confirmed(parent, title, question, detail=str(earlier[0].parent)):
            return ""
    return path
