"""Make the picture of a raw file in the window: ``python docs/screenshots_raw.py``.

Needs a display with OpenGL; without one, run it under
``xvfb-run -a -s "-screen 0 1600x1000x24"``. ``--every`` also writes the panel in each state,
at three widths and in both themes.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import napari
import numpy as np
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_mrf.plugin.session import session_of
from napari_mrf.plugin.viewer.opening import opener_of
from napari_mrf.plugin.viewer.raw.files import raw_files_of

IMAGES = Path(__file__).parent / "images"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=IMAGES)
    parser.add_argument("--every", action="store_true", help="every state, width and theme")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    os.environ["NAPARI_MRF_PREPARE"] = "0"  # no bar of compilation in the pictures
    os.environ["NAPARI_MRF_AUTOSAVE"] = tempfile.mkdtemp()  # nor work of other windows
    viewer = napari.Viewer(show=False)
    window = viewer.window._qt_window
    window.resize(1280, 990)
    window.show()
    try:
        Pictures(viewer, window, arguments.output, every=arguments.every).take()
    finally:
        viewer.close()


class Pictures:
    """Goes through the states of a raw file and writes pictures."""

    def __init__(self, viewer, window, output, *, every):
        self.viewer, self.window, self.output, self.every = viewer, window, output, every
        self.dock_widget, self.dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")
        self.series, self.raw = self.dock.panels["series"], self.dock.panels["series"].raw
        self.files, self.session = raw_files_of(viewer), session_of(viewer)

    def take(self):
        if self.every:
            self.questions()
        self.viewer.open_sample("napari-mrf", "raw_thigh")
        self.wait(until=self.raw.make_button.isEnabled)
        self.panel("report")
        self.raw.report_section.set_open(False)
        self.raw.look_section.set_open(True)
        self.wait(until=lambda: bool(self.raw.plot.figure.axes))
        self.panel("kspace")
        self.whole("plugin-raw")
        if not self.every:
            return
        self.raw.look_section.set_open(False)
        self.raw.options_section.set_open(True)
        self.panel("options")
        self.raw.images_picker.setCurrentText("gridded")
        self.raw.images_picker.textActivated.emit("gridded")
        self.panel("options-gridded")
        self.raw.otherwise.click()
        self.panel("otherwise")
        self.raw.otherwise.click()
        self.series.sequence_picker.textActivated.emit("FISP")
        self.wait(until=lambda: bool(self.raw.question.text()))
        self.panel("mismatch")
        self.series.sequence_picker.textActivated.emit("MRF T1-FF")
        self.wait(until=self.raw.make_button.isEnabled)
        self.raw.images_picker.setCurrentText("subspace")
        self.raw.images_picker.textActivated.emit("subspace")
        self.raw.make_button.click()
        self.wait(until=lambda: self.files.making.status.done > 20)
        self.panel("making", settles=0.05)
        self.wait(until=lambda: self.session.series is not None)
        self.panel("made")
        self.whole("whole-made")
        entry = next(name for name in self.files.names if name.startswith("thigh_raw"))
        self.series.layer_picker.setCurrentText(entry)
        self.series.layer_picker.textActivated.emit(entry)
        self.wait(1)
        self.dock.panels["reconstruct"].run_button.click()
        self.wait(until=lambda: self.files.making.status.done > 20)
        self.dock._scroll.ensureWidgetVisible(self.dock.panels["reconstruct"].progress_text)
        self.panel("one-press", settles=0.05)
        self.wait(until=lambda: bool(self.session.maps_sets))
        self.wait(2)
        self.whole("whole-maps")

    def questions(self):
        """Files that leave something open."""
        folder = Path(tempfile.mkdtemp())
        numbers = np.random.default_rng(0).standard_normal((2, 1, 4, 200, 32)).astype(np.float32)
        kdata = numbers[0] + 1j * numbers[1]
        for name, traj in (("no_matrix", 0.5), ("odd_unit", 0.05)):
            places = np.linspace(-traj, traj, 32)[None, :, None] * np.ones((200, 1, 2))
            np.savez(folder / f"{name}.npz", kdata=kdata, traj=places)
        self.open(folder / "no_matrix.npz")
        self.panel("no-matrix")
        self.open(folder / "odd_unit.npz")
        self.raw.matrix_box.setValue(32)
        self.raw.read_button.click()
        self.wait(until=self.raw.unit_picker.isVisible)
        self.panel("no-unit")
        self.raw.unit_picker.setCurrentText("cycles/voxel")
        self.raw.read_button.click()
        self.wait(until=lambda: self.files.current.raw is not None)
        self.panel("no-sequence")
        measured = Path(os.environ.get("NAPARI_MRF_TWIX", ""))
        if measured.is_file():
            self.open(measured)
            self.panel("no-trajectory")
        self.open(folder / "cut.h5", content=b"\x89HDF\r\n\x1a\n" + b"\0" * 500)
        self.panel("damaged")

    def open(self, path, content=None):
        if content is not None:
            path.write_bytes(content)
        opener_of(self.viewer).open(path)
        self.wait(until=lambda: not self.session.opening.status.is_running)
        self.wait(0.3)

    def wait(self, seconds=0.3, until=None):
        end = time.monotonic() + (seconds if until is None else 300)
        while time.monotonic() < end and (until is None or not until()):
            QApplication.processEvents()
            time.sleep(0.01)

    def panel(self, name, settles=0.4):
        if not self.every:
            return
        for theme in ("dark", "light"):
            if theme == "light" and name not in ("report", "kspace"):
                continue
            self.viewer.theme = theme
            for width in (300, 340, 420):
                self.window.resizeDocks([self.dock_widget], [width], Qt.Orientation.Horizontal)
                self.wait(settles)
                self.dock._scroll.verticalScrollBar().setValue(0)
                self.wait(0.05)
                save(self.dock, self.output / f"raw-{name}-{theme}-{width}.png")
        self.viewer.theme = "dark"

    def whole(self, name):
        self.window.resizeDocks([self.dock_widget], [340], Qt.Orientation.Horizontal)
        self.wait(1)
        save(self.window, self.output / f"{name}.png")


def save(widget, path):
    widget.grab().toImage().save(str(path))
    image = Image.open(path).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
