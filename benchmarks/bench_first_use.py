"""What the first Reconstruct, polygon and images of raw data on a machine cost the window.

In a process of its own, with empty caches: nothing has been compiled. The real window opens with
the dock, Reconstruct is pressed as soon as it can be, and a polygon is drawn with the mouse as soon
as the step lets one draw. A timer that is due every 5 ms tells how long the window does not listen,
one turn of its event loop: by the clock, on a machine that does nothing else. What of a turn is
napari painting its canvas is told apart: where there is no graphics card, OpenGL in software
compiles the shaders of every kind of layer on its first painting. The rest is also given in
processor time of the thread. napari's own cost of a new layer is measured first, without our dock
and with nothing being compiled beside it. Run it under
``xvfb-run -a -s "-screen 0 1600x1000x24"`` where there is no screen; it takes two minutes.
"""

import os
import shutil
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
        import vispy.app
        from qtpy.QtCore import Qt, QTimer

        self.phase, self.seconds, self.turns = "", {}, {}
        self._painted = [0.0, 0.0]
        self._last, self._start = self._now(), time.perf_counter()
        backend = vispy.app.use_app().backend_module.CanvasBackendDesktop
        paint = backend.paintGL

        def timed(canvas):
            start = time.perf_counter(), time.thread_time()
            paint(canvas)
            self._painted[0] += time.perf_counter() - start[0]
            self._painted[1] += time.thread_time() - start[1]

        backend.paintGL = timed
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(5)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def _now(self):
        """Return the clock, and clock and processor time without painting."""
        clock, paint = time.perf_counter(), self._painted
        return clock, clock - paint[0], time.thread_time() - paint[1]

    def look(self):
        """Note the times since the last look."""
        now = self._now()
        turn = tuple(one - before for one, before in zip(now, self._last, strict=True))
        self._last = now
        self.turns.setdefault(self.phase, []).append(turn)

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
    from napari_mrf.plugin.viewer.opening import opener_of
    from napari_mrf.plugin.viewer.raw.files import raw_files_of

    assert not is_compiled()
    viewer = make_viewer()
    sequence = sequences.t1ff()
    noise = np.random.default_rng(0).standard_normal((2, sequence.n_frames, 1, SIDE, SIDE))
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    signal = ((np.hypot(y, x) < 0.7) + 0.05 * (noise[0] + 1j * noise[1])).astype(np.complex64)
    data, attributes, _ = series_layer_data(MRFSeries(signal, np.eye(4), sequence), "thigh")
    viewer.add_image(data, **attributes)
    turns = Turns()
    turns.begin("napari alone, five images")
    alone = []
    for _ in range(5):
        alone.append(viewer.add_image(np.ones((1, SIDE, SIDE), np.float32)))
        turns.wait(lambda: True)
    for layer in alone:
        viewer.layers.remove(layer)
        turns.wait(lambda: True)
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
    turns.begin("open a raw file")
    raw_files, series = raw_files_of(viewer), session.series
    opener_of(viewer).open(Path(os.environ["RAW_FILE"]))
    turns.wait(lambda: raw_files.current is not None and raw_files.needs == "")
    turns.begin("Make images")
    press(dock.panels["series"].raw.make_button)
    turns.wait(lambda: session.series is not series and not layer_turns_of(viewer).owners)
    turns.begin("")
    print(
        f"{'longest turn (ms), number above 0.2 s':42}{'all':>12}{'no painting':>14}{'its CPU':>12}"
    )
    for phase, taken in turns.turns.items():
        if phase:
            cells = [f"{1000 * max(one):5.0f} ({sum(t > LIMIT_S for t in one)})"
                     for one in zip(*taken, strict=True)]  # fmt: skip
            print(f"{phase:32}{turns.seconds[phase]:8.1f} s"
                  f"{cells[0]:>12}{cells[1]:>14}{cells[2]:>12}")  # fmt: skip
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
        words = ["phantom", "--raw", "--size", "96", "--slices", "2", "--output"]
        phantom = [sys.executable, "-c", "from napari_mrf.cli import run; run()", *words]
        subprocess.run(
            [*phantom, f"{folder}/phantom"], env=environment, check=True, stdout=subprocess.DEVNULL
        )
        shutil.rmtree(f"{folder}/numba", ignore_errors=True)
        shutil.rmtree(f"{folder}/cache", ignore_errors=True)
        environment["RAW_FILE"] = f"{folder}/phantom/raw.h5"
        code = "from bench_first_use import first_use; first_use()"
        subprocess.run([sys.executable, "-c", code], env=environment, check=True,
                       cwd=Path(__file__).parent)  # fmt: skip


if __name__ == "__main__":
    main()
