"""Make the pictures of the tutorial by doing what it says: ``python docs/screenshots_tutorial.py``.

Needs a display with OpenGL; without one, run it under
``xvfb-run -a -s "-screen 0 1920x1080x24"``. ``--report`` also writes the report of the
last step into a folder. ``--size 1280x800 1920x1080 --theme dark light`` takes every picture in
each of them, to be looked at after a change.
"""

import argparse
import os
import time
from pathlib import Path

import napari
import numpy as np
from PIL import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.io import load_labels
from napari_mrf.phantoms.samples.thigh import ROIS_NAME, sample_directory
from napari_mrf.plugin.layers import series_of
from napari_mrf.plugin.session import session_of
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of

IMAGES = Path(__file__).parent / "images"
MUSCLES = (7, 9, 10, 13, 14)  # VL_R, VM_R, RF_R, SM_R, ST_R
FRAME = 130


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=IMAGES)
    parser.add_argument("--report", type=Path, help="folder for report.html and report.pdf")
    parser.add_argument("--size", nargs="+", type=_size, default=[(1280, 800)])
    parser.add_argument("--theme", nargs="+", choices=("dark", "light"), default=["dark"])
    arguments = parser.parse_args()
    os.environ["NAPARI_MRF_PREPARE"] = "0"  # no bar of compilation in the pictures
    viewer = napari.Viewer(show=False)
    window = viewer.window._qt_window
    window.resize(*arguments.size[0])
    window.show()
    arguments.output.mkdir(parents=True, exist_ok=True)
    try:
        tutorial = Tutorial(viewer, window, arguments.output)
        tutorial.looks = [(size, theme) for size in arguments.size for theme in arguments.theme]
        tutorial.take(arguments.report)
    finally:
        viewer.close()


def _size(text):
    width, height = text.split("x")
    return int(width), int(height)


class Tutorial:
    """Goes through the steps and takes a picture of each."""

    def __init__(self, viewer, window, output):
        self.viewer, self.window, self.output = viewer, window, output
        self.session = session_of(viewer)
        viewer.open_sample("napari-mrf", "thigh")
        self.dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")[1]
        self.native = viewer.window._qt_viewer.canvas.native
        self.layer = next(layer for layer in viewer.layers if series_of(layer) is not None)
        self.orientation = DisplayOrientation.from_affine(self.session.series.affine)

    def take(self, report):
        self.wait(until=self.dock.panels["reconstruct"].run_button.isEnabled)
        self.viewer.dims.set_point(0, FRAME)
        self.picture("series")
        self.reconstruct("water-fat")
        self.advice()
        self.reconstruct("cohen")
        self.only("cohen · FF", "water-fat · FF")
        self.picture("maps")
        self.inspect()
        self.draw()
        self.compare()
        if report is not None:
            self.report(report)
        self.importance()

    def reconstruct(self, method):
        panel = self.dock.panels["reconstruct"]
        picker = panel.method_picker
        picker.setCurrentIndex(picker.findData(method))
        picker.activated.emit(picker.currentIndex())
        self.click(panel.run_button)
        job = self.session.reconstruction
        self.wait(until=lambda: not job.status.is_running)

    def advice(self):
        """Take the advice of the panel: a window against streaks."""
        panel = self.dock.panels["reconstruct"]
        self.click(panel.results.advice.notices[0].cure_button)
        self.picture("advice")
        self.reconstruct("water-fat")

    def inspect(self):
        self.fold("inspect")
        # A voxel of healthy muscle is pinned, one of infiltrated muscle lies under the mouse.
        labels = self.labels()
        for label, is_pinned in ((7, True), (10, False)):
            rows, columns = np.nonzero(labels == label)
            pixel = self.place(np.median(rows), np.median(columns))
            self.move(pixel)
            self.wait(1.0)
            if is_pinned:
                QTest.mouseClick(self.native, Qt.MouseButton.LeftButton, pos=pixel)
        self.wait(1.0)
        self.picture("inspect")

    def draw(self):
        self.fold("rois")
        panel, labels = self.dock.panels["rois"], self.labels()
        for label in MUSCLES:
            panel.tree.scrollToItem(panel.tree._rows[label])
            row = panel.tree.visualItemRect(panel.tree._rows[label]).center()
            QTest.mouseClick(panel.tree.viewport(), Qt.MouseButton.LeftButton, pos=row)
            if panel.draw_button.text().startswith("Draw "):
                self.click(panel.draw_button)
            self.polygon(labels == label)
        self.click(panel.draw_button)
        table = panel.statistics.table
        self.wait(until=lambda: table.model().rowCount() == len(MUSCLES))
        self.picture("rois")

    def polygon(self, mask):
        """Draw inside the outline of a mask, corner by corner."""
        from scipy.ndimage import binary_erosion
        from skimage.measure import approximate_polygon, find_contours

        contour = max(find_contours(binary_erosion(mask).astype(float), 0.5), key=len)
        for corner in approximate_polygon(contour, 0.8)[:-1]:
            pixel = self.place(*corner)
            self.move(pixel)
            QTest.mouseClick(self.native, Qt.MouseButton.LeftButton, pos=pixel)
        QTest.mouseDClick(self.native, Qt.MouseButton.LeftButton, pos=pixel)
        self.wait(0.4)

    def compare(self):
        self.fold("compare")
        panel = self.dock.panels["compare"]
        for side, name in (("reference", "water-fat"), ("test", "cohen")):
            picker = panel.pickers[side]
            picker.setCurrentIndex(picker.findText(name, Qt.MatchFlag.MatchStartsWith))
            picker.textActivated.emit(picker.currentText())
        self.click(panel.run_button)
        results = self.dock.bindings["compare"].results
        self.wait(until=lambda: results.compared is not None)
        results.show_map("T1H2O")
        panel.results.set_tab("bland-altman")
        self.click(panel.results.error_button)
        self.wait(2.0)
        plot = panel.results.plot
        QTest.mouseClick(plot, Qt.MouseButton.LeftButton, pos=plot.place_of(0))
        self.wait(1.0)
        self.scroll_to(panel.results.maps)
        self.picture("compare")

    def report(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        binding = self.dock.bindings["compare"].results.saving
        binding.save_report(str(folder / "report.html"))
        self.wait(until=lambda: not binding.writing.status.is_running)

    def importance(self):
        self.fold("importance")
        panel = self.dock.panels["importance"]
        for name, value in (("repeats", 1), ("voxels", 100)):
            panel.settings.set_value(name, value)
        self.wait(until=panel.run_button.isEnabled)
        self.click(panel.run_button)
        job = self.session.importance
        self.wait(until=lambda: not job.status.is_running)
        self.scroll_to(panel.map_picker)
        self.picture("importance")

    def labels(self):
        series = self.session.series
        values = load_labels(
            sample_directory() / ROIS_NAME, series.spatial_shape, series.affine
        ).values
        return self.orientation.to_screen(values)[0]

    def only(self, *names):
        self.wait()
        for layer in self.viewer.layers:
            layer.visible = layer.name in (*names, self.session.series_name)

    def fold(self, key):
        """Close the other sections and open one, as a user does who needs the room."""
        for name, section in self.dock.sections.items():
            section.set_open(name == key)
        self.wait(0.5)

    def scroll_to(self, widget):
        self.wait(0.3)
        content = self.dock._scroll.widget()
        top = widget.mapTo(content, QPoint(0, 0)).y()
        self.dock._scroll.verticalScrollBar().setValue(top - 8)

    def place(self, row, column):
        world = self.layer.data_to_world((0, 0, row, column))
        camera = self.viewer.scene.camera
        size = np.array([self.native.width(), self.native.height()])
        offset = (np.array(world[-2:]) - np.array(camera.center)[-2:])[::-1] * camera.zoom
        x, y = size / 2 + offset
        return QPoint(round(x), round(y))

    def move(self, pixel):
        for step in (QPoint(-9, -7), QPoint(-3, 2), QPoint(0, 0)):
            QTest.mouseMove(self.native, pixel + step)
            self.wait(0.03)

    def click(self, button):
        place = QPoint(min(10, button.width() // 2), button.height() // 2)
        QTest.mouseClick(button, Qt.MouseButton.LeftButton, pos=place)
        self.wait(0.2)

    def picture(self, name):
        several = len(self.looks) > 1
        for size, theme in self.looks:
            if several:
                self.window.resize(*size)
                self.viewer.theme = theme
                self.wait(0.6)
                self.viewer.fit_to_view()
            self.wait(0.6)
            suffix = f"-{size[0]}-{theme}" if several else ""
            path = self.output / f"tutorial-{name}{suffix}.png"
            self.window.grab().toImage().save(str(path))
            with Image.open(path) as picture:
                picture.convert("RGB").save(path, optimize=True)
            print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB", flush=True)
        if several:
            self.window.resize(*self.looks[0][0])
            self.viewer.theme = self.looks[0][1]
            self.wait(0.6)
            self.viewer.fit_to_view()
            self.wait(0.3)

    def wait(self, seconds=0.3, until=None):
        """Let the window work for a while, or until something holds, and all layers are there."""
        end = time.monotonic() + (300 if until else seconds)
        while time.monotonic() < end and not (until and until()):
            QApplication.processEvents()
            time.sleep(0.01)
        while layer_turns_of(self.viewer).owners:
            QApplication.processEvents()
            time.sleep(0.01)
        QApplication.processEvents()


if __name__ == "__main__":
    main()
