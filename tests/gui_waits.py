"""Real events for tests of the window, and what is waited for."""

from functools import partial

from napari._qt.dialogs.qt_reader_dialog import QtReaderDialog
from qtpy.compat import isalive
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from qtpy.QtGui import QDropEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDialogButtonBox, QMessageBox

from napari_mrf.plugin.viewer.layer_turns import layer_turns_of


def wait_for_layers(qtbot, viewer):
    """Let all layers come and go that are to come and go, each in its turn."""
    qtbot.waitUntil(lambda: not layer_turns_of(viewer).owners, timeout=60_000)


def delete(qtbot, widget):
    """Delete a widget in the event loop, and wait until it is gone.

    With PySide6 nobody can wait for its signal ``destroyed``: the wait ends by a disconnection
    from what is no longer there.
    """
    widget.deleteLater()
    qtbot.waitUntil(lambda: not isalive(widget))


def answer_next_question(qtbot, button, tries=1200, *, detail=False):
    """Click a button of the box that comes next; return the list that its text will be in.

    With `detail` the text below the question comes second.
    """
    asked = []

    def look(left):
        box = QApplication.activeModalWidget()
        if isinstance(box, QMessageBox):
            asked.extend([box.text(), *([box.informativeText()] if detail else [])])
            names = {one.text().replace("&", ""): one for one in box.buttons()}
            if button in names:
                qtbot.mouseClick(names[button], Qt.MouseButton.LeftButton)
            else:
                box.reject()  # else the test would wait for ever
                raise AssertionError(f"no button {button}, but {list(names)}")
        elif left:
            QTimer.singleShot(50, lambda: look(left - 1))

    QTimer.singleShot(0, lambda: look(tries))
    return asked


def turn_wheel_down(widget):
    """Send a step to a widget and, as Qt does with steps of a mouse, on to who accepts it."""
    while widget is not None:
        at = widget.rect().center()
        event = QWheelEvent(
            QPointF(at), QPointF(widget.mapToGlobal(at)), QPoint(), QPoint(0, -120),
            Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(widget, event)
        if event.isAccepted():
            return
        widget = widget.parentWidget()


def drop(viewer, paths):
    """Drop files on the canvas, as from the desktop."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(50, 50), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    viewer.window._qt_viewer.dropEvent(event)


def press_ok(tries=200):
    """Answer napari's question which reader to take with a plain click, once it is asked."""
    dialog = QApplication.activeModalWidget()
    if isinstance(dialog, QtReaderDialog):
        ok = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok)
        QTest.mouseClick(ok, Qt.MouseButton.LeftButton)
    elif tries:
        QTimer.singleShot(50, partial(press_ok, tries - 1))
