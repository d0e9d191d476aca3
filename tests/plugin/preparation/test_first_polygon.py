"""The first polygon on a machine, drawn with the mouse in the real window."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import napari_mrf
from napari_mrf.plugin.preparation.preparation import SWITCH

ROOT = Path(napari_mrf.__file__).parents[1]

DRAWN = """
import json, os, threading, time
import numpy as np
from numba.core import event
from qtpy.QtCore import QEventLoop, QPoint, Qt, QTimer
from qtpy.QtTest import QTest
import napari
from vispy.scene import SceneCanvas
from drawing_cases import at, canvas
from napari_mrf import MRFSeries
from napari_mrf.data import sequences
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.preparation.kernels import DRAWING, TASKS
from napari_mrf.plugin.preparation.preparation import PREPARATION
from napari_mrf.plugin.preparation.record import is_compiled
from napari_mrf.plugin.readers import open_dock
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import session_of
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of

painted_s = [0.0]
draw_scene = SceneCanvas._draw_scene
def painting(*words, **options):
    started_s = time.thread_time()
    try:
        return draw_scene(*words, **options)
    finally:
        painted_s[0] += time.thread_time() - started_s
SceneCanvas._draw_scene = painting

compiled = []
class Listener(event.Listener):
    def on_start(self, event):
        if threading.current_thread() is threading.main_thread():
            compiled.append(event.data["dispatcher"].py_func.__name__)
    def on_end(self, event):
        pass
event.register("numba:compile", Listener())

def wait(until):
    loop, timer, end = QEventLoop(), QTimer(), time.monotonic() + 250
    timer.timeout.connect(lambda: loop.quit() if until() or time.monotonic() > end else None)
    timer.start(20)
    loop.exec()
    assert until()

assert not is_compiled()
PREPARATION.tasks = tuple(task for task in TASKS if DRAWING in task.needed_for)
PREPARATION._n_done = len(PREPARATION.tasks)
viewer = napari.Viewer()
data, attributes, _ = series_layer_data(
    MRFSeries(np.ones((175, 1, 40, 40), np.complex64), np.eye(4), sequences.t1ff()), "thigh")
viewer.add_image(data, **attributes)
dock, session = open_dock(viewer), session_of(viewer)
rois = dock.panels["rois"]
dock.sections["rois"].set_open(True)
wait(rois.draw_button.isEnabled)
assert not PREPARATION.is_ready_for(DRAWING), "it is prepared beside the window"
QTest.mouseClick(rois.draw_button, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
editor = regions_editor_of(viewer)
wait(lambda: not layer_turns_of(viewer).owners and editor.outlines_layer is not None
     and str(editor.outlines_layer.mode).startswith("add_polygon"))
viewer.fit_to_view()
longest_s = 0.0
for corner in ((10, 10), (10, 30), (30, 30), (30, 10)):
    for action in (QTest.mouseMove, lambda native, pos: QTest.mouseClick(
            native, Qt.MouseButton.LeftButton, pos=pos)):
        started_s = time.thread_time() - painted_s[0]
        action(canvas(viewer), at(viewer, corner))
        longest_s = max(longest_s, time.thread_time() - painted_s[0] - started_s)
QTest.mouseDClick(canvas(viewer), Qt.MouseButton.LeftButton, pos=at(viewer, corner))
wait(lambda: session.regions is not None and session.regions.labels.any())
print(json.dumps({"compiled": compiled, "longest_s": longest_s,
                  "voxels": int(session.regions.labels.astype(bool).sum())}), flush=True)
PREPARATION.stop()
os._exit(0)
"""


@pytest.mark.slow
def test_first_polygon_is_drawn_while_the_window_listens(qapp, tmp_path):
    """Caches are empty: nothing is compiled in the thread of the window, at no click.

    What OpenGL paints by software, and the shaders that it makes first, is not counted.
    """
    environment = os.environ | {
        SWITCH: "1", "NUMBA_CACHE_DIR": str(tmp_path / "numba"), "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"), "LOCALAPPDATA": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", DRAWN], env=environment, text=True,
                          capture_output=True, check=False, timeout=280)  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["compiled"] == []
    assert found["voxels"] > 300
    # Of the processor. The goal is 0.2 s; beside other tests on two cores it is up to 0.27, with a
    # kernel to compile 17.
    assert found["longest_s"] < 0.5
