"""Make the pictures of the plugin by driving it: ``python docs/screenshots.py``.

Needs a display with OpenGL; without one, run it under
``xvfb-run -a -s "-screen 0 1600x1000x24"``. ``--every`` also writes each panel in each state,
theme and width, to be looked at after a change. Pictures of other origin in the folder are
left alone.
"""

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import napari
import numpy as np
from PIL import Image
from qtpy.QtWidgets import QApplication

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.data import sequences
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.session import MapsSet, session_of
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of

IMAGES = Path(__file__).parent / "images"
WINDOW = (1280, 800)
LARGEST_BYTES = 300_000


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=IMAGES)
    parser.add_argument("--every", action="store_true", help="every state, theme and width")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    os.environ["NAPARI_MRF_PREPARE"] = "0"  # no bar of compilation in the pictures
    viewer = napari.Viewer(show=False)
    window = viewer.window._qt_window
    window.resize(*WINDOW)
    window.show()
    try:
        Pictures(viewer, window, arguments.output).take(every=arguments.every)
    finally:
        viewer.close()


class Pictures:
    """Goes through the states of the panels and writes a picture of each."""

    def __init__(self, viewer, window, output):
        self.viewer, self.window, self.output = viewer, window, output
        self.session = session_of(viewer)
        self.dock_widget, self.dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")

    def take(self, *, every):
        self.every = every
        self.wait()
        if every:
            self.panel("empty")
            self.mismatch()
        self.viewer.open_sample("napari-mrf", "thigh")
        self.wait(until=self.dock.panels["reconstruct"].run_button.isEnabled)
        self.viewer.dims.set_point(0, 60)
        self.panel("series")
        job = self.session.reconstruction
        job.changed.connect(self.running)
        self.dock.panels["reconstruct"].run_button.click()
        self.wait(until=lambda: not job.status.is_running)
        job.changed.disconnect(self.running)
        self.show_running()
        self.viewer.layers.selection.active = self.viewer.layers["water-fat · FF"]
        self.whole("plugin", smallest=True)
        self.panel("results")
        uncertainty = self.dock.panels["reconstruct"].results.companions["uncertainty"]
        uncertainty.click()
        self.only("water-fat · FF SD")
        self.whole("plugin-uncertainty")
        if every:
            for key in ("T1H2O SD (ms)", "T1fat SD (ms)", "Df SD (Hz)", "B1 SD"):
                self.only(f"water-fat · {key}")
                self.whole(f"map-{key.replace(' ', '-')}")
            uncertainty.click()
            self.only("water-fat · FF")
            self.whole("whole-light", theme="light")
            for key in ("T1H2O", "T1fat", "Df", "B1"):
                self.only(f"water-fat · {key}")
                self.whole(f"map-{key}")
            boxes = self.dock.panels["reconstruct"].results.companions
            for name in ("quality", "flags", "mask"):
                boxes[name].click()
            self.only("water-fat · quality")
            self.whole("map-quality")
            self.only("water-fat · flags")
            self.whole("map-flags")
            self.dock.panels["reconstruct"].notice.say(
                "/home/somebody/a/rather/long/path/results: the folder is not writable "
                "(Permission denied). Choose another folder."
            )
            self.panel("problem")
            self.advice()
            for section in self.dock.sections.values():
                section.set_open(False)
            self.panel("closed")
            for name in ("MRF Series", "MRF Reconstruct"):
                self.window.removeDockWidget(self.dock_widget)
                self.dock_widget, self.dock = self.viewer.window.add_plugin_dock_widget(
                    "napari-mrf", name
                )
                self.whole(name.replace(" ", "-").lower())

    def running(self, status):
        """Remember a moment in the middle of the second pass."""
        if status.stage == "refining" and status.seconds_left:
            self.moment = status

    def show_running(self):
        """Show that moment again and let the panel be laid out, for which a run has no time."""
        panel, section = self.dock.panels["reconstruct"], self.dock.sections["reconstruct"]
        ended = section.state()
        panel.results.hide()
        panel.set_needs("Wait for this run, or cancel it.")
        panel.set_status(self.moment)
        self.wait()
        self.save(self.dock.grab().toImage(), "panel-running-dark")
        panel.set_status(self.session.reconstruction.status)
        panel.set_needs("")
        panel.results.show()
        section.set_state(ended)

    def advice(self):
        """A warning with a cure, the cure taken, a refused option, a series without phase."""
        panel = self.dock.panels["reconstruct"]
        panel.notice.clear()
        self.dock.sections["series"].set_open(False)
        maps = self.session.maps_sets["water-fat"].maps
        warnings = [
            "T1H2O lies on the edge of its grid in 812 of 4,769 voxels with FF < 0.7: the true "
            "values may lie outside (a wider grid helps), or the noise is high.",
            "The series fits better with the opposite phase sign (quality 0.987 against 0.912): "
            "its phase or frequency sign seems reversed. Try the option conjugate.",
        ]
        provenance = {**maps.provenance, "warnings": warnings}
        again = ParameterMaps(maps, quality=maps.quality, affine=maps.affine, provenance=provenance)
        maps_display_of(self.viewer).add(MapsSet("reversed", again))
        self.panel("advice")
        panel.results.advice.notices[0].cure_button.click()
        panel.options.set_value("frames", "0-74, x")
        self.panel("advice-taken")
        panel.run_button.click()
        self.wait(until=lambda: not self.session.reconstruction.status.is_running)
        self.panel("refused")
        panel.options.set_value("frames", "all")
        panel.more.set_open(False)
        panel.notice.clear()
        series = self.session.series
        self.session.set_series(replace(series, metadata={"magnitude_only": True}), "thigh")
        self.panel("magnitude-only")
        self.session.set_series(series, "thigh_t1ff")

    def mismatch(self):
        """A spoke series that has not been averaged."""
        signal = np.ones((sequences.t1ff().n_pulses, 1, 8, 8), np.complex64)
        data, attributes, _ = series_layer_data(MRFSeries(signal), "spokes")
        layer = self.viewer.add_image(data, **attributes)
        self.wait()
        self.panel("mismatch")
        self.viewer.layers.remove(layer)

    def only(self, name):
        self.wait()
        for layer in self.viewer.layers:
            layer.visible = layer.name in (name, self.session.series_name)
        self.viewer.layers.selection.active = self.viewer.layers[name]

    def panel(self, name):
        widths = (340, 300) if self.every else (340,)
        for theme in ("dark", "light") if self.every else ("dark",):
            self.viewer.theme = theme
            for width in widths:
                self.window.resizeDocks([self.dock_widget], [width], _horizontal())
                self.wait()
                suffix = f"-{width}" if self.every else ""
                self.save(self.dock.grab().toImage(), f"panel-{name}-{theme}{suffix}")
        self.viewer.theme = "dark"
        self.window.resizeDocks([self.dock_widget], [340], _horizontal())

    def whole(self, name, *, theme="dark", smallest=False):
        self.viewer.theme = theme
        self.wait()
        image = self.window.grab().toImage()
        self.save(image, name, smallest=smallest)
        self.viewer.theme = "dark"

    def save(self, image, name, *, smallest=False):
        path = self.output / f"{name}.png"
        image.save(str(path))
        if smallest:  # 256 colors are enough for a page
            with Image.open(path) as picture:
                small = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
            small.save(path, optimize=True)
        size = path.stat().st_size
        print(f"{path.name}: {image.width()} x {image.height()}, {size / 1000:.0f} kB")
        if smallest and size > LARGEST_BYTES:
            sys.exit(f"{path} is larger than {LARGEST_BYTES / 1000:.0f} kB")

    def wait(self, seconds=0.4, until=None):
        """Let the window work for a while, or until something holds, and all layers are there."""
        end = time.monotonic() + (60 if until else seconds)
        while time.monotonic() < end and not (until and until()):
            QApplication.processEvents()
            time.sleep(0.01)
        while layer_turns_of(self.viewer).owners:
            QApplication.processEvents()
            time.sleep(0.01)
        QApplication.processEvents()


def _horizontal():
    from qtpy.QtCore import Qt

    return Qt.Orientation.Horizontal


if __name__ == "__main__":
    main()
