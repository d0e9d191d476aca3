"""What every click in the panels costs the window, and how much memory it takes.

A series of 350 × 350 × 5 with 175 frames, mapped from disk; two sets of maps with uncertainty; 24
ROIs drawn as polygons in all slices; a comparison; an importance. All sections of the dock are
open, which is the most work there can be. Run it under ``xvfb-run -a -s "-screen 0
1600x1000x24"`` where there is no screen.

Columns, in milliseconds of processor time of the window's thread, medians of the repeats: ``click``
until the handler returns; ``turn`` the longest that the window does not listen afterwards, one turn
of its event loop; ``all`` the click with all that follows within half a second, timers and results
of threads too; ``canvas`` napari painting its canvas, by software where there is no graphics card,
which is in none of the others; ``wall`` until the handler returns, by the clock. Work on the other
cores slows this one down, so all but ``wall`` are given at the pace of the machine at rest: a loop
is timed before and after every click, and its fastest time in the whole run is the pace at rest.
Rows are printed as they are measured, at the pace known by then, and sorted at the end.
What napari costs by itself is measured first, in the same window before there is a dock, with as
many layers.
"""

import argparse
import cProfile
import gc
import os
import pstats
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import vispy.app
from clicks_scene import (
    LABELS,
    SHAPE,
    click_image,
    click_row,
    fill,
    make_viewer,
    pick,
    press,
    write_series,
)
from pace import Pace
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QApplication

from napari_mrf.plugin.panels.importance.result import importance_store_of
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import RegionChoice

LIMIT_MS = 100.0
QUIET_S = 0.5
REPEATS = 3


class Painting:
    """Counts the time the canvas takes to paint."""

    def __init__(self):
        self.seconds = 0.0
        backend = vispy.app.use_app().backend_module.CanvasBackendDesktop
        paint = backend.paintGL

        def timed(canvas):
            start = time.thread_time()
            paint(canvas)
            self.seconds += time.thread_time() - start

        backend.paintGL = timed


class Clicks:
    """Measures clicks and keeps the rows of the table."""

    def __init__(self, only, profiles):
        self.rows, self.only, self.profiles = [], only, profiles
        self.painting = Painting()
        self.peak_anonymous = self.peak_mapped = 0.0
        self.polling, self.pace = 0.0, Pace()

    def measure(self, name, act, repeats=REPEATS, show=None):
        if self.only and not any(one.lower() in name.lower() for one in self.only):
            if not name.startswith("napari"):
                act(0)  # later clicks build on it
                self.settle()
            return
        taken = []
        profile = cProfile.Profile() if self.profiles else None
        for number in range(repeats):
            if show is not None:
                show()
            self.settle()
            self.painting.seconds = 0.0
            pace = self.pace.now()
            wall, start = time.perf_counter(), time.thread_time()
            if profile:
                profile.enable()
            act(number)
            click = time.thread_time() - start - self.painting.seconds
            wall = time.perf_counter() - wall
            turn, spent = self.settle()
            if profile:
                profile.disable()
            pace = (pace + self.pace.now()) / 2
            total = click + spent - self.polling
            times = (click, turn, total, self.painting.seconds)
            taken.append((*(1e3 * one / pace for one in times), 1e3 * wall))
            anonymous, mapped = memory_gb()
            self.peak_anonymous = max(self.peak_anonymous, anonymous)
            self.peak_mapped = max(self.peak_mapped, mapped)
        self.rows.append((name, *map(statistics.median, zip(*taken, strict=True))))
        print(self.line(self.rows[-1]), flush=True)
        if profile:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(self.profiles)

    def settle(self):
        """Let the window rest; return its longest turn, and all it took, without the canvas."""
        longest = total = 0.0
        end = time.perf_counter() + QUIET_S
        while time.perf_counter() < end:
            start, painted = time.thread_time(), self.painting.seconds
            QApplication.processEvents()
            turn = time.thread_time() - start - (self.painting.seconds - painted)
            longest, total = max(longest, turn), total + turn
            time.sleep(0.005)
        return longest, total

    def calibrate(self):
        """Find what waiting itself costs."""
        self.settle()
        self.polling = min(self.settle()[1] for _ in range(3))

    def line(self, row):
        name, *times, wall = row
        click, turn, total, canvas = (self.pace.at_rest * one for one in times)
        is_over = max(click, turn) >= LIMIT_MS and not name.startswith("napari")
        return (f"{name:44s}{click:7.0f} {turn:7.0f} {total:7.0f} {canvas:7.0f} {wall:7.0f}"
                f"{' over' if is_over else ''}")  # fmt: skip

    def table(self):
        print("\n" + self.pace.describe())
        print(f"{'click':44s}" + "".join(f"{name:>7s} " for name in
              ("click", "turn", "all", "canvas", "wall")))  # fmt: skip
        for row in sorted(self.rows, key=lambda row: -max(row[1:3])):
            print(self.line(row))


def memory_gb():
    """Return what is private and what is mapped from files, in GB."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return tuple(int(fields[key].split()[0]) * 1024e-9 for key in ("RssAnon", "RssFile"))


def napari_alone(viewer, clicks):
    """Measure napari's own operations with as many layers as there will be."""
    data = np.zeros((175, *SHAPE), np.float32)
    for number in range(12):
        image = np.random.default_rng(number).random(SHAPE).astype(np.float32)
        viewer.add_image(data if number == 0 else image, contrast_limits=(0, 1),
                         visible=number in (0, 5, 10))  # fmt: skip
    labels = viewer.add_labels(np.zeros(SHAPE, np.uint16))
    viewer.add_shapes([np.array([(2, 9, 9), (2, 60, 9), (2, 60, 60)])] * 24, shape_type="polygon")
    clicks.calibrate()
    top = viewer.layers[10]
    rng = np.random.default_rng(0)
    image = rng.random(SHAPE).astype(np.float32)
    toggle = {True: False, False: True}
    clicks.measure("napari: the canvas painted once more",
                   lambda _: viewer.window._qt_viewer.canvas.native.update())  # fmt: skip
    clicks.measure("napari: eye of an image",
                   lambda _: setattr(top, "visible", toggle[top.visible]))  # fmt: skip
    clicks.measure("napari: other values in an image", lambda n: setattr(top, "data", image + n))
    clicks.measure("napari: another slice", lambda n: viewer.dims.set_point(1, n % 5))
    clicks.measure("napari: another frame", lambda n: viewer.dims.set_point(0, n))
    layers, selection = viewer.layers, viewer.layers.selection
    clicks.measure("napari: another active layer",
                   lambda n: setattr(selection, "active", layers[n]))  # fmt: skip
    clicks.measure("napari: one label alone", lambda _: setattr(
        labels, "show_selected_label", toggle[labels.show_selected_label]))  # fmt: skip
    clicks.measure("napari: add an image", lambda _: viewer.add_image(
        image, contrast_limits=(0, 1)), 3)  # fmt: skip
    clicks.measure("napari: add points", lambda _: viewer.add_points([(2, 9, 9)], ndim=3), 3)
    clicks.measure("napari: add labels", lambda _: viewer.add_labels(np.ones(SHAPE, np.uint8)), 3)
    clicks.measure("napari: remove a layer", lambda _: viewer.layers.pop(), 5)
    viewer.layers.clear()


def series_clicks(s, clicks):
    panel = s.series
    show = shower(s, panel)
    clicks.measure("Series: phase, magnitude", lambda n: press(
        panel.components.button((n + 1) % 2 * 1)), 4, show)  # fmt: skip
    clicks.measure("Series: another sequence", lambda n: pick(
        panel.sequence_picker, panel.sequence_picker.currentIndex() + n), 2, show)  # fmt: skip
    clicks.measure("Series: the same sequence", lambda _: pick(
        panel.sequence_picker, panel.sequence_picker.findText("MRF T1-FF")), 2, show)  # fmt: skip


def reconstruct_clicks(s, clicks):
    panel, results = s.reconstruct, s.reconstruct.results
    show, show_results = shower(s, panel), shower(s, results)
    clicks.measure("Reconstruct: another method", lambda n: pick(panel.method_picker, n + 1),
                   4, show)  # fmt: skip
    clicks.measure("Reconstruct: water-fat", lambda n: panel.choose("water-fat", "") or
                   panel.method_changed.emit("water-fat"), 1, show)  # fmt: skip
    clicks.measure("Reconstruct: another mask", lambda n: pick(panel.mask_picker, (n + 1) % 2),
                   2, show)  # fmt: skip
    clicks.measure("Reconstruct: More", lambda _: panel.more.toggle(), 2, show)
    clicks.measure("Reconstruct: other maps", lambda n: pick(results.maps_picker, n), 4,
                   show_results)  # fmt: skip
    for name, box in results.companions.items():
        for what in ("show", "hide"):
            clicks.measure(f"Reconstruct: {what} {name}", lambda _, box=box: press(box), 1,
                           show_results)  # fmt: skip
    clicks.measure("Reconstruct: hide what is not valid", lambda _: press(results.validity), 2,
                   show_results)  # fmt: skip


def inspect_clicks(s, clicks):
    panel = s.inspect
    show = shower(s, panel)
    pins = iter(range(10**6))
    clicks.measure("Inspect: first pin, click in the image",
                   lambda _: click_image(s.viewer, 40, 60), 1, show)  # fmt: skip
    clicks.measure("Inspect: more pins, click in the image",
                   lambda _: click_image(s.viewer, 44 + 6 * next(pins), 180), 4, show)  # fmt: skip
    clicks.measure("Inspect: unpin", lambda _: press(panel.pin_button), 1, show)
    clicks.measure("Inspect: pin", lambda _: press(panel.pin_button), 1, show)
    clicks.measure("Inspect: residual", lambda _: press(panel.residual_box), 4, show)
    clicks.measure("Inspect: phase, magnitude", lambda n: pick(panel.component_picker, n % 2),
                   4, show)  # fmt: skip
    clicks.measure("Inspect: maps on and off",
                   lambda _: panel.maps_button.menu().actions()[0].trigger(), 4, show)  # fmt: skip
    regions = panel.regions_button.menu()
    clicks.measure("Inspect: a region's mean", lambda n: regions.actions()[n].trigger(), 3, show)
    plot = panel.plot
    clicks.measure("Inspect: a frame in the plot", lambda n: press(
        plot, QPoint(80 + 30 * n, 90)), 4, show)  # fmt: skip
    clicks.measure("Inspect: copy values", lambda _: panel.copy_requested.emit(), 3, show)
    clicks.measure("Inspect: clear pins", lambda _: press(panel.clear_button), 1, show)


def rois_clicks(s, clicks):
    panel, editor = s.rois, regions_editor_of(s.viewer)
    show = shower(s, panel)
    table, tree = panel.statistics.table, panel.tree
    show_table = shower(s, table)
    rows = iter(range(10**6))
    polygon = np.array([(2, 300, 300), (2, 300, 340), (2, 340, 340), (2, 340, 300)])

    def click_tree(_):
        row = tree._rows[LABELS[next(rows) % 6]]
        press(tree.viewport(), tree.visualItemRect(row).center())

    clicks.measure("ROIs: muscle in the list", click_tree, 4, show)
    clicks.measure("ROIs: draw on and off", lambda _: press(panel.draw_button), 6, show)
    clicks.measure("ROIs: finish a polygon", lambda _: editor.outlines_layer.add_polygons(
        polygon + next(rows) % 9), 3, show)  # fmt: skip
    clicks.measure("ROIs: undo", lambda _: press(panel.undo_button), 2, show)
    clicks.measure("ROIs: redo", lambda _: press(panel.redo_button), 2, show)
    clicks.measure("ROIs: delete here", lambda _: press(panel.delete_button), 1, show)
    clicks.measure("ROIs: fill", lambda _: press(panel.fill_button), 1, show)
    clicks.measure("ROIs: copy to the next slice", lambda _: press(panel.copy_button), 1, show)
    clicks.measure("ROIs: another set", lambda n: pick(panel.set_picker, n), 3, show)
    clicks.measure("ROIs: row of the table", lambda _: click_row(table, next(rows) % 8), 5,
                   show_table)  # fmt: skip
    statistics_panel = panel.statistics
    clicks.measure("ROIs: slices on and off", lambda _: press(statistics_panel.per_slice), 4,
                   show_table)  # fmt: skip
    clicks.measure("ROIs: all numbers of a map",
                   lambda n: pick(statistics_panel.view_picker, n + 1), 4, show_table)  # fmt: skip
    clicks.measure("ROIs: other maps", lambda n: pick(statistics_panel.maps_picker, n), 4,
                   show_table)  # fmt: skip
    clicks.measure("ROIs: valid voxels only", lambda _: press(statistics_panel.validity), 4,
                   show_table)  # fmt: skip
    clicks.measure("ROIs: erode", lambda n: statistics_panel.rules.erosion.setValue(n + 1), 2,
                   show_table)  # fmt: skip
    clicks.measure("ROIs: a region in the image", lambda n: click_image(
        s.viewer, 85 + 60 * (n % 2), 60 + 46 * n), 4, show)  # fmt: skip
    clicks.measure("ROIs: table in a window", lambda _: press(statistics_panel.window_button), 1,
                   show_table)  # fmt: skip


def compare_clicks(s, clicks):
    panel, view = s.compare, s.compare.results
    show, show_results = shower(s, panel), shower(s, view.plot)
    plot = view.plot
    binding = s.dock.bindings["compare"]
    binding.errors = binding.results.errors
    clicks.measure("Compare: compare", lambda _: press(panel.run_button), 2, show)
    clicks.measure("Compare: swap", lambda _: press(panel.swap_button), 2, show)
    clicks.measure("Compare: another map", lambda n: click_row(view.maps, (n + 1) % 5), 5,
                   shower(s, view.maps))  # fmt: skip
    clicks.measure("Compare: another plot", lambda n: press(
        list(view.tabs.values())[(n + 1) % 4]), 8, show_results)  # fmt: skip
    view.set_tab("bland-altman")
    clicks.measure("Compare: a point of the plot", lambda n: press(plot, plot.place_of(3 * n)), 4,
                   show_results)  # fmt: skip
    clicks.measure("Compare: every slice", lambda _: press(view.by_slice), 4, show_results)
    clicks.measure("Compare: a region left out", lambda n: panel.regions.list.item(n).setCheckState(
        panel.regions.list.item(0).checkState().__class__.Unchecked), 3, show)  # fmt: skip
    show_errors = shower(s, view.error_button)

    def show_error(n):
        view.error_picker.setCurrentIndex(n)
        press(view.error_button)

    clicks.measure("Compare: error map, a new layer", show_error, 3, show_errors)
    clicks.measure("Compare: error map, again", show_error, 3, show_errors)
    clicks.measure("Compare: only in the regions", lambda _: press(view.regions_only), 2,
                   show_errors)  # fmt: skip
    clicks.measure("Compare: error map of the regions", lambda _: press(view.error_button), 1,
                   show_errors)  # fmt: skip


def importance_clicks(s, clicks):
    panel = s.importance
    show = shower(s, panel.plot)
    store = importance_store_of(s.viewer)
    store.show(store.result, s.session.series)  # another object by now
    clicks.measure("Importance: another map", lambda n: pick(panel.map_picker, n + 2), 5, show)
    clicks.measure("Importance: Fisher information", lambda _: press(panel.fisher_box), 4, show)
    panel.map_picker.setCurrentText("T1H2O")
    panel.view_changed.emit()
    clicks.measure("Importance: a frame", lambda n: press(panel.plot, QPoint(120 + 20 * n, 150)),
                   4, show)  # fmt: skip
    clicks.measure("Importance: show as layer", lambda _: press(panel.layer_button), 1, show)
    clicks.measure("Importance: show as layer, again", lambda _: press(panel.layer_button), 2, show)
    clicks.measure("Importance: a frame, with its layer", lambda n: press(
        panel.plot, QPoint(120 + 20 * n, 150)), 4, show)  # fmt: skip


def session_clicks(s, clicks):
    binding = s.dock.session_binding
    with tempfile.TemporaryDirectory() as folder:
        clicks.measure("Session: save", lambda n: binding.save_to(
            Path(folder) / f"study{n}.mrf.json"), 1)  # fmt: skip
    clicks.measure("Session: help", lambda _: press(s.dock.session_bar.help_button), 1)
    for dialog in s.dock.findChildren(type(QApplication.activeWindow() or s.dock)):
        if dialog.windowTitle() == "MRF" and dialog.isWindow():
            dialog.close()
    for key, section in s.dock.sections.items():
        show = shower(s, section)
        clicks.measure(f"Section {key}: close", lambda _, one=section: press(one._header), 1, show)
        clicks.measure(f"Section {key}: open", lambda _, one=section: press(one._header), 1, show)
    layer = s.viewer.layers["water-fat · T1H2O"]
    clicks.measure("layer list: eye of a map", lambda _: setattr(
        layer, "visible", not layer.visible), 4)  # fmt: skip
    clicks.measure("layer list: another layer", lambda n: setattr(
        s.viewer.layers.selection, "active", s.viewer.layers[n + 2]), 4)  # fmt: skip
    clicks.measure("slider: another slice", lambda n: s.viewer.dims.set_point(1, 8.0 * n), 4)
    clicks.measure("slider: another frame", lambda n: s.viewer.dims.set_point(0, n), 4)
    clicks.measure("session: a region chosen", lambda n: s.session.choose_region(
        RegionChoice(LABELS[n])), 4)  # fmt: skip


def shower(s, widget):
    def show():
        s.dock._scroll.ensureWidgetVisible(widget, 0, 60)

    return show


PARTS = {
    "series": series_clicks,
    "reconstruct": reconstruct_clicks,
    "inspect": inspect_clicks,
    "rois": rois_clicks,
    "compare": compare_clicks,
    "importance": importance_clicks,
    "session": session_clicks,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="keeps the series for another run")
    parser.add_argument("--panels", nargs="*", choices=PARTS, default=list(PARTS),
                        help="click in these panels only")  # fmt: skip
    parser.add_argument("--only", nargs="*", default=(), help="measure clicks with these words")
    parser.add_argument("--profile", type=int, default=0, help="print so many functions a click")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        path = folder / "series.nii"
        if not path.is_file():
            write_series(path)
        clicks = Clicks(arguments.only, arguments.profile)
        viewer = make_viewer()
        if not arguments.profile:
            napari_alone(viewer, clicks)
        else:
            clicks.calibrate()
        print("load of the machine:", *(f"{one:.1f}" for one in os.getloadavg()))
        s = fill(viewer, path)
        gc.collect()  # as Python does by itself when the process has grown by a quarter
        clicks.settle()
        anonymous, mapped = memory_gb()
        print(f"memory before the clicks: {anonymous:.2f} GB private, {mapped:.2f} GB of files")
        for name in arguments.panels:
            PARTS[name](s, clicks)
        clicks.table()
        print(f"peak memory: {clicks.peak_anonymous:.2f} GB private, "
              f"{clicks.peak_mapped:.2f} GB of files")  # fmt: skip
        print("load of the machine:", *(f"{one:.1f}" for one in os.getloadavg()))
        viewer.close()


if __name__ == "__main__":
    main()
