"""Make the pictures of the ROIs panel by driving it: ``python docs/screenshots_rois.py``.

Needs a display with OpenGL; without one, run it under
``xvfb-run -a -s "-screen 0 1600x1000x24"``. ``--every`` also writes the panel
in both themes and widths.
"""

import argparse
import os
import time
from pathlib import Path

import napari
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_mrf.io import load_maps, load_series
from napari_mrf.phantoms.samples.thigh import SERIES_NAME, sample_directory
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.session import MapsSet, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of

IMAGES = Path(__file__).parent / "images"
# Corners (row, column) of two muscles of the sample, as a reader of the guide would set them.
VASTUS_LATERALIS = [(19, 15), (24, 9), (36, 8), (48, 10), (56, 16), (62, 26), (62, 30), (52, 24),
                    (44, 19), (36, 18), (28, 22), (20, 22)]  # fmt: skip
RECTUS_FEMORIS = [(13, 24), (21, 25), (22, 30), (19, 40), (13, 42), (11, 34)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=IMAGES)
    parser.add_argument("--every", action="store_true", help="the panel, both themes and widths")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    os.environ["NAPARI_MRF_PREPARE"] = "0"  # no bar of compilation in the pictures
    viewer = napari.Viewer(show=False)
    window = viewer.window._qt_window
    window.resize(1280, 990)
    window.show()
    sample = sample_directory()
    series = load_series(sample / SERIES_NAME)
    data, attributes, _ = series_layer_data(series, "thigh_t1ff")
    viewer.add_image(data, **attributes)
    session_of(viewer).set_series(series, "thigh_t1ff")
    maps_display_of(viewer).add(MapsSet("truth", load_maps(sample / "truth")))
    dock_widget, dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF ROIs")
    panel, binding = dock.panels["rois"], dock.bindings["rois"]
    wait(1)
    viewer.fit_to_view()
    for label, corners in ((7, VASTUS_LATERALIS), (10, RECTUS_FEMORIS)):
        panel.tree.select(label)
        list(binding.editor.start_by_turns(label))
        binding.editor.outlines_layer.add_polygons([[0, *corner] for corner in corners])
    wait(2)
    save(window.grab().toImage(), arguments.output / "plugin-rois.png")
    binding.editor.stop_drawing()
    binding.files.load(str(sample / "rois.nii.gz"))
    wait(3)
    for theme in ("dark", "light") if arguments.every else ():
        viewer.theme = theme
        for width in (340, 300):
            window.resizeDocks([dock_widget], [width], Qt.Orientation.Horizontal)
            wait(0.5)
            save(dock.grab().toImage(), arguments.output / f"panel-rois-{theme}-{width}.png")
    viewer.close()


def save(image, path):
    image.save(str(path))
    with Image.open(path) as picture:
        small = picture.convert("RGB")
    small.save(path, optimize=True)
    print(f"{path.name}: {image.width()} x {image.height()}, {path.stat().st_size / 1000:.0f} kB")


def wait(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
