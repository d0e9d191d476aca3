"""Make the picture of the Compare panel: ``python docs/screenshots_compare.py``.

The sample is reconstructed and compared with its truth, by muscle. Needs a display with OpenGL;
without one, run it under ``xvfb-run -a -s "-screen 0 1600x1000x24"``. ``--every`` writes each tab
in both themes, with inclusion and outliers folded out.
"""

import argparse
import os
import time
from pathlib import Path

import napari
from qtpy.QtWidgets import QApplication

import napari_mrf as mrf
from napari_mrf.io import load_label_table, load_labels
from napari_mrf.phantoms.files import LABELS_NAME, ROIS_NAME, TRUTH_NAME
from napari_mrf.phantoms.samples.thigh import SERIES_NAME, sample_directory
from napari_mrf.plugin.session import MapsSet, RegionChoice, Regions, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of

IMAGES = Path(__file__).parent / "images"
TABS = ("scatter", "bland-altman", "blurriness", "regions")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=IMAGES)
    parser.add_argument("--every", action="store_true", help="every tab in both themes")
    arguments = parser.parse_args()
    sample = sample_directory()
    series = mrf.load_series(sample / SERIES_NAME)
    maps = mrf.methods.get("water-fat", sequence=series.sequence, refine=True, window=25)
    maps = maps.reconstruct(series)
    os.environ["NAPARI_MRF_PREPARE"] = "0"  # no bar of compilation in the pictures
    viewer = napari.Viewer(show=False)
    viewer.window._qt_window.resize(1280, 800)
    viewer.window._qt_window.show()
    try:
        dock = show_comparison(viewer, sample, maps)
        results = dock.panels["compare"].results
        for section in (results.inclusion.regions_section, results.inclusion.outliers_section):
            section.set_open(arguments.every)
        themes = ("dark", "light") if arguments.every else ("dark",)
        for tab in TABS if arguments.every else ("bland-altman",):
            results.set_tab(tab)
            for theme in themes:
                viewer.theme = theme
                wait(0.5)
                name = f"panel-compare-{tab}-{theme}" if arguments.every else "panel-compare-dark"
                content = dock._scroll.widget().grab().toImage()
                bottom = results.geometry().bottom() + results.parent().mapTo(
                    dock._scroll.widget(), results.parent().rect().topLeft()).y() + 12  # fmt: skip
                content.copy(0, 0, content.width(), bottom).save(
                    str(arguments.output / f"{name}.png")
                )
    finally:
        viewer.close()


def show_comparison(viewer, sample, maps):
    _, dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF Compare")
    dock.resize(340, 1200)
    session, binding = session_of(viewer), dock.bindings["compare"]
    maps_display_of(viewer).add(MapsSet("water-fat", maps, "thigh_t1ff"))
    binding.opening.open_maps(str(sample / TRUTH_NAME), "reference")
    wait(until=lambda: TRUTH_NAME in session.maps_sets)
    labels = load_labels(sample / ROIS_NAME, maps.spatial_shape, maps.affine)
    table = load_label_table(sample / LABELS_NAME)
    named = {number: label for number, label in table.items() if number}
    session.set_regions(Regions(labels.values, named, str(sample / ROIS_NAME)))
    dock.panels["compare"].run_button.click()
    wait(until=lambda: binding.results.compared is not None)
    binding.results.show_map("T1H2O")
    session.choose_region(RegionChoice(11))
    return dock


def wait(seconds=0.3, until=None):
    end = time.monotonic() + (60 if until else seconds)
    while time.monotonic() < end and not (until and until()):
        QApplication.processEvents()
        time.sleep(0.02)


if __name__ == "__main__":
    main()
