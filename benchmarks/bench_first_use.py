"""What the first Reconstruct and the first polygon on a machine cost the window.

In a process of its own, with empty caches: nothing has been compiled. The real window opens with
the dock, Reconstruct is pressed as soon as it can be, and a polygon is drawn with the mouse as soon
as the step lets one draw. A timer that is due every 5 ms tells how long the window does not listen,
one turn of its event loop: by the clock, on a machine that does nothing else. Run it under
``xvfb-run -a -s "-screen 0 1600x1000x24"`` where there is no screen; it takes two minutes.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SIDE = 40
LIMIT_S = 0.2


class Turns:
    """Times the turns of the event loop, and what is being waited for meanwhile."""

    def __init__(self):
        from qtpy.QtCore import Qt, QTimer

        self.phase, self.longest, self.n_long, self.seconds = "", {}, {}, {}
        self._last = self._start = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(5)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def look(self):
        """Note the time since the last look."""
        now = time.perf_counter()
        turn, self._last = now - self._last, now
        self.longest[self.phase] = max(self.longest.get(self.phase, 0.0), turn)
        self.n_long[self.phase] = self.n_long.get(self.phase, 0) + (turn > LIMIT_S)

    def begin(self, phase):
        """Count what follows to another phase."""
        self.look()
        self.seconds[self.phase] = time.perf_counter() - self._start
        self.phase, self._start = phase, time.perf_counter()

    def wait(self, until, seconds=900):
        """Run the event loop until something holds."""
        from qtpy.QtCore import QEventLoop, QTimer

        loop, end = QEventLoop(), time.monotonic() + seconds
        timer = QTimer()
        timer.setInterval(20)
        timer.timeout.connect(lambda: loop.quit() if until() or time.monotonic() > end else None)
        timer.start()
        loop.exec()
        assert until(), self.phase


def first_use():
    """Do all of it in this process; print a row for every phase."""
    import napari
    import numpy as np
    from clicks_scene import click_image, make_viewer, place_of, press
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    from napari_mrf import MRFSeries
    from napari_mrf.data import sequences
    from napari_mrf.plugin.layers import series_layer_data
    from napari_mrf.plugin.preparation.preparation import PREPARATION
    from napari_mrf.plugin.preparation.record import is_compiled
    from napari_mrf.plugin.readers import open_dock
    from napari_mrf.plugin.regions.editor import regions_editor_of
    from napari_mrf.plugin.session import session_of
    from napari_mrf.plugin.viewer.layer_turns import layer_turns_of

    assert not is_compiled()
    viewer = make_viewer()
    sequence = sequences.t1ff()
    noise = np.random.default_rng(0).standard_normal((2, sequence.n_frames, 1, SIDE, SIDE))
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    signal = ((np.hypot(y, x) < 0.7) + 0.05 * (noise[0] + 1j * noise[1])).astype(np.complex64)
    data, attributes, _ = series_layer_data(MRFSeries(signal, np.eye(4), sequence), "thigh")
    viewer.add_image(data, **attributes)
    turns = Turns()
    turns.begin("open the dock")
    dock = open_dock(viewer)
    panel, session = dock.panels["reconstruct"], session_of(viewer)
    turns.wait(panel.run_button.isEnabled)
    turns.begin("first Reconstruct")
    assert PREPARATION.progress() is not None
    press(panel.run_button)
    turns.wait(lambda: "water-fat" in session.maps_sets and not layer_turns_of(viewer).owners)
    turns.begin("open the step ROIs")
    rois = dock.panels["rois"]
    dock.sections["rois"].set_open(True)
    turns.wait(rois.draw_button.isEnabled)
    turns.begin("Draw, until it can be drawn")
    press(rois.draw_button)
    turns.wait(lambda: not layer_turns_of(viewer).owners and PREPARATION.is_ready_for("drawing"))
    turns.wait(lambda: str(regions_editor_of(viewer).outlines_layer.mode).startswith("add_polygon"))
    turns.begin("first polygon")
    for corner in ((10, 10), (10, 30), (30, 30), (30, 10)):
        click_image(viewer, *corner)
        turns.wait(lambda: True)
    QTest.mouseDClick(viewer.window._qt_viewer.canvas.native, Qt.MouseButton.LeftButton,
                      pos=place_of(viewer, *corner))  # fmt: skip
    turns.wait(lambda: session.regions is not None and session.regions.labels.any())
    turns.begin("")
    for phase in list(turns.longest):
        if phase:
            print(f"{phase:30} {turns.seconds[phase]:6.1f} s  longest turn "
                  f"{1000 * turns.longest[phase]:5.0f} ms, above 0.2 s: {turns.n_long[phase]}"
                  )  # fmt: skip
    sys.stdout.flush()
    PREPARATION.stop()
    napari.Viewer.close_all()
    os._exit(0)


def main():
    """Run it in a process with empty caches."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "NAPARI_MRF_PREPARE": "1", "NUMBA_CACHE_DIR": f"{folder}/numba", "HOME": folder,
            "XDG_CACHE_HOME": f"{folder}/cache", "LOCALAPPDATA": folder, "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        code = "from bench_first_use import first_use; first_use()"
        subprocess.run([sys.executable, "-c", code], env=environment, check=True,
                       cwd=Path(__file__).parent)  # fmt: skip


if __name__ == "__main__":
    main()
