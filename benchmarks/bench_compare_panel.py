"""How long a click in the Compare panel takes: 350 × 350 × 5, two reconstructions, 24 ROIs.

Run it under ``xvfb-run -a -s "-screen 0 1600x1000x24"`` where there is no screen.
"""

import resource
import statistics
import time

import napari
import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_mrf import ParameterMaps
from napari_mrf.io import Label
from napari_mrf.plugin.dock import CompareDock
from napari_mrf.plugin.session import MapsSet, RegionChoice, Regions, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of

SHAPE = (5, 350, 350)
REPEATS = 7
LIMIT_MS = 100
RANGES = {"FF": (0, 1), "T1H2O": (900, 1500), "T1fat": (250, 350), "Df": (-60, 60), "B1": (0.6, 1)}


def maps(seed):
    random = np.random.default_rng(seed)
    affine = np.diag([1.0, 1.0, 8.0, 1.0])
    return ParameterMaps({key: random.uniform(*ends, SHAPE) for key, ends in RANGES.items()},
                         affine=affine)  # fmt: skip


def regions():
    labels = np.zeros(SHAPE, np.uint16)
    for index in range(24):
        y, x = 60 + 55 * (index // 6), 60 + 38 * (index % 6)
        labels[:, y : y + 50, x : x + 34] = index + 1
    table = {label: Label(label, f"muscle {label}", (9 * label, 90, 90)) for label in range(1, 25)}
    return Regions(labels, table)


def wait(until):
    end = time.monotonic() + 120
    while not until() and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


def milliseconds(act, repeats=REPEATS):
    """Median wall and main-thread time from a click until what it calls has been drawn.

    On a busy machine the second says more.
    """
    taken = []
    for index in range(repeats):
        QApplication.processEvents()
        start, start_thread = time.perf_counter(), time.thread_time()
        act(index)
        QApplication.sendPostedEvents()
        ends = time.perf_counter() - start, time.thread_time() - start_thread
        taken.append([1e3 * end for end in ends])
    wall, thread = zip(*taken, strict=True)
    return statistics.median(wall), statistics.median(thread)


def main():
    viewer = napari.Viewer(show=False)
    viewer.window._qt_window.resize(1280, 800)
    viewer.window._qt_window.show()
    dock = CompareDock(viewer)
    dock.resize(340, 1400)
    dock.show()
    session = session_of(viewer)
    for index, name in enumerate(("first", "second")):
        maps_display_of(viewer).add(MapsSet(name, maps(index), "made up"))
    session.set_regions(regions())
    panel, binding = dock.panels["compare"], dock.bindings["compare"]
    start = time.perf_counter()
    QTest.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    wait(lambda: binding.results.compared is not None)
    print(f"comparison in the background: {time.perf_counter() - start:.1f} s")
    view, plot = panel.results, panel.results.plot

    def click_map(index):
        table = view.maps
        place = table.visualRect(table.model().index(index % 5, 0)).center()
        QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)

    def click_tab(index):
        QTest.mouseClick(list(view.tabs.values())[(index + 1) % 4], Qt.MouseButton.LeftButton)

    def click_point(index):
        QTest.mouseClick(plot, Qt.MouseButton.LeftButton, pos=plot.place_of(3 * index))

    def click_slices(_):
        QTest.mouseClick(view.by_slice, Qt.MouseButton.LeftButton, pos=QPoint(6, 6))

    def check_region(index):
        item = panel.regions.list.item(index)
        item.setCheckState(Qt.CheckState.Unchecked)

    def click_error(_):
        QTest.mouseClick(view.error_button, Qt.MouseButton.LeftButton)

    rows = [("another map", milliseconds(click_map)), ("another plot", milliseconds(click_tab))]
    view.set_tab("bland-altman")
    rows.append(("a point of the plot", milliseconds(click_point)))
    rows.append(("a region in the image", milliseconds(
        lambda index: session.choose_region(RegionChoice(index + 1)))))  # fmt: skip
    rows.append(("every slice", milliseconds(click_slices)))
    rows.append(("a region left out", milliseconds(check_region)))
    rows.append(("error map, a new layer", milliseconds(click_error, 1)))
    image = np.zeros(SHAPE, np.float32)
    rows.append(("  napari's own add_image", milliseconds(
        lambda _: viewer.add_image(image, units=("mm",) * 3), 1)))  # fmt: skip
    rows.append(("error map, again", milliseconds(click_error)))
    print("click                        wall   main thread")
    for name, (wall, thread) in rows:
        print(f"{name:24s} {wall:6.0f} ms {thread:6.0f} ms"
              + ("" if thread < LIMIT_MS else f"   over {LIMIT_MS} ms"))  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak memory {peak:.2f} GB")
    dock.close()
    viewer.close()


if __name__ == "__main__":
    main()
