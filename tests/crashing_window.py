"""A window in which somebody draws until the process is killed; its argument is a series.

It draws a square with the mouse, waits until that is kept, sets two corners of another one, and
says so on its output.
"""

import sys

import napari
import numpy as np
from napari.settings import get_settings
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtTest import QTest

from napari_mrf.plugin.panels.session.autosave import autosave_of
from napari_mrf.plugin.session import session_of
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of

SQUARE = [(8, 8), (8, 30), (26, 30), (26, 8)]


def wait_until(is_true):
    while not is_true():
        QTest.qWait(20)


def click(viewer, corner, press=QTest.mouseClick):
    native, camera = viewer.window._qt_viewer.canvas.native, viewer.scene.camera
    y, x = (np.array(corner) - camera.center[-2:]) * camera.zoom + np.array(viewer.canvas.size) / 2
    pixel = QPoint(round(x), round(y))
    for step in (QPoint(-9, -7), QPoint(-3, 2), QPoint(0, 0)):
        QTest.mouseMove(native, pixel + step)
        QTest.qWait(5)
    press(native, Qt.MouseButton.LeftButton, pos=pixel)


def draw(path):
    get_settings(None)  # those of the user stay as they are
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1200, 800)
    dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF ROIs")[1]
    from napari_mrf.plugin.viewer.opening import opener_of

    opener_of(viewer).open(path)
    panel = dock.panels["rois"]
    wait_until(panel.draw_button.isEnabled)
    QTest.qWait(300)  # the canvas gets its size
    viewer.fit_to_view()
    QTest.mouseClick(panel.draw_button, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    wait_until(lambda: not layer_turns_of(viewer).owners)
    for corner in SQUARE:
        click(viewer, corner)
    click(viewer, SQUARE[-1], QTest.mouseDClick)
    wait_until(lambda: session_of(viewer).regions is not None)
    autosave = autosave_of(viewer)
    autosave.timer.start(50)
    wait_until(lambda: (autosave.folder / "study.mrf.json").is_file())
    wait_until(lambda: not autosave.job.status.is_running)
    for corner in ((4, 4), (4, 12)):
        click(viewer, corner)
    sys.stdout.write("drawing\n")
    sys.stdout.flush()
    QTimer.singleShot(120_000, lambda: sys.exit("nobody killed it"))
    napari.run()


if __name__ == "__main__":
    draw(sys.argv[1])
