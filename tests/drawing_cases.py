"""Drawing with the mouse on the canvas of a real window."""

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

SHAPE = (3, 60, 80)
AFFINE = np.diag([-1.0, -1.0, 8.0, 1.0])  # shown as in the file
VL, VI, VM, RF = 7, 8, 9, 10
SQUARE = [(10, 10), (10, 40), (35, 40), (35, 10)]


def at(viewer, position):
    """Return the pixel of the canvas that shows (row, column) in mm."""
    camera = viewer.scene.camera
    size = np.array(viewer.canvas.size)
    y, x = (np.array(position, float) - camera.center[-2:]) * camera.zoom + size / 2
    return QPoint(round(x), round(y))


def canvas(viewer):
    return viewer.window._qt_viewer.canvas.native


def click(qtbot, viewer, position):
    native, pixel = canvas(viewer), at(viewer, position)
    qtbot.mouseMove(native, pixel)
    qtbot.mouseClick(native, Qt.MouseButton.LeftButton, pos=pixel)


def draw_polygon(qtbot, viewer, corners):
    native = canvas(viewer)
    for corner in corners:
        pixel = at(viewer, corner)
        for step in (QPoint(-9, -7), QPoint(-3, 2), QPoint(0, 0)):  # a hand moves, it does not jump
            qtbot.mouseMove(native, pixel + step)
            qtbot.wait(5)
        qtbot.mouseClick(native, Qt.MouseButton.LeftButton, pos=pixel)
    qtbot.mouseDClick(native, Qt.MouseButton.LeftButton, pos=pixel)


def drag_to(native, pixel):
    """Move the mouse with the button down, which QTest cannot."""
    where = QPointF(pixel), QPointF(native.mapToGlobal(pixel))
    left = Qt.MouseButton.LeftButton
    move = QMouseEvent(QEvent.Type.MouseMove, *where, Qt.MouseButton.NoButton, left,
                       Qt.KeyboardModifier.NoModifier)  # fmt: skip
    QApplication.sendEvent(native, move)


def pick(qtbot, panel, label):
    tree = panel.tree
    tree.scrollToItem(tree._rows[label])
    center = tree.visualItemRect(tree._rows[label]).center()
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=center)


def press(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton, pos=QPoint(8, button.height() // 2))


def stroke(qtbot, viewer, start, end):
    """Press at a position, move to another, and release."""
    native, first, last = canvas(viewer), at(viewer, start), at(viewer, end)
    qtbot.mouseMove(native, first)
    qtbot.mousePress(native, Qt.MouseButton.LeftButton, pos=first)
    for share in np.linspace(0.2, 1, 5):
        drag_to(native, first + (last - first) * share)
        qtbot.wait(20)
    qtbot.mouseRelease(native, Qt.MouseButton.LeftButton, pos=last)
