"""Two visits in the window: a known change is shown, saved, and not mixed up with a method."""

import json

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.data.label import Label
from napari_mrf.plugin.dock import CompareDock
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.session import MapsSet, Regions, session_of

SHAPE = (2, 8, 9)
AFFINE = np.diag([2.0, 2.0, 5.0, 1.0])
TABLE = {7: Label(7, "VL_R", (200, 30, 30)), 10: Label(10, "RF_R", (30, 30, 200))}
CHANGE = 0.05
BEFORE, AFTER = "before · water-fat", "after · water-fat"


class Window:
    """A window with a scan and its follow-up, regions on both, and the Compare step."""

    def __init__(self, qtbot):
        self.qtbot, self.viewer = qtbot, ViewerModel()
        self.session = session_of(self.viewer)
        for at, name in enumerate(("before", "after")):
            self.add(name, CHANGE * at)
        self.dock = CompareDock(self.viewer)
        qtbot.addWidget(self.dock)
        self.dock.resize(340, 900)
        with qtbot.waitExposed(self.dock):
            self.dock.show()
        self.visits = self.dock.bindings["compare"].visits

    def add(self, name, change, method="water-fat"):
        labels = np.zeros(SHAPE, np.uint16)
        labels[:, 1:4, 1:5], labels[:, 5:7, 2:8] = 7, 10
        series = MRFSeries(np.full((2, *SHAPE), 1 + change, np.complex64), AFFINE)
        data, attributes, _ = series_layer_data(series, name)
        self.viewer.add_image(data, **attributes)
        self.session.set_series(series, name)
        values = np.where(labels == 7, 0.2 + change, 0.1).astype(np.float32)
        maps = ParameterMaps({"FF": values}, affine=AFFINE,
                             provenance={"method": {"name": method}})  # fmt: skip
        self.session.add_maps(MapsSet("water-fat", maps))
        self.session.set_regions(Regions(labels, TABLE, "", AFFINE))

    def click(self, button):
        assert button.isEnabled()
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def open(self):
        self.click(self.dock.panels["compare"].visits_button)
        self.qtbot.waitExposed(self.visits.window)
        return self.visits.window

    def compare(self):
        self.click(self.visits.window.run_button)
        self.qtbot.waitUntil(lambda: not self.visits.job.status.is_running)
        assert self.visits.job.status.failure is None

    def cells(self):
        table = self.visits.window.table.table()
        return {row["name"]: row for row in table.to_dict("records")}


@pytest.fixture
def window(qtbot, qapp):
    window = Window(qtbot)
    yield window
    if window.visits.window is not None:
        window.visits.window.close()
    WorkerBase.await_workers(20_000)


def test_a_known_change_is_shown_and_saved(window, tmp_path, monkeypatch):
    view = window.open()
    assert view.visits() == (BEFORE, AFTER)
    window.qtbot.keyClicks(view.repeatability, "FF=2%")
    window.compare()
    rows = window.cells()
    numbers = [rows["VL_R"][name] for name in ("first", "second", "change")]
    assert numbers == pytest.approx([20, 25, 5], abs=1e-4)  # in percent
    assert rows["VL_R"]["verdict"] == "beyond"
    assert rows["RF_R"]["change"] == pytest.approx(0, abs=1e-4)
    assert rows["RF_R"]["verdict"] == "within"
    assert len(view.plot.figure.axes[0].lines) == 2
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "out"))
    with window.qtbot.waitSignal(window.visits.writing.succeeded):
        window.click(view.save_button)
    changes = pd.read_csv(tmp_path / "out" / "changes.csv").set_index("name")
    assert changes.loc["VL_R", "change"] == pytest.approx(CHANGE, abs=1e-6)
    record = json.loads((tmp_path / "out" / "visits.json").read_text(encoding="utf-8"))
    assert record["visits"] == ["before", "after"]
    assert (tmp_path / "out" / "visits.html").is_file()


def test_swapped_visits_change_the_sign(window):
    view = window.open()
    window.click(view.swap_button)
    window.compare()
    assert window.cells()["VL_R"]["change"] == pytest.approx(-5, abs=1e-4)


def test_another_method_is_refused_and_taken_only_where_that_is_wanted(window):
    window.add("third", CHANGE, method="cohen")
    view = window.open()
    picker = view.pickers[1]
    while picker.currentText() != "third · water-fat":
        window.qtbot.keyClick(picker, Qt.Key.Key_Down)
    window.click(view.run_button)
    window.qtbot.waitUntil(lambda: "not made in one way" in view.notice.text())
    assert view.found is None
    with window.qtbot.waitSignal(window.visits.job.succeeded):
        window.click(view.notice.cure_button)
    assert view.found.is_mixed
    assert "a change may be that of the method" in view.notice.text()


def test_what_is_missing_is_said_and_old_results_are_told(window):
    view = window.open()
    window.compare()
    regions = window.session.regions
    window.session.set_regions(Regions(regions.labels.copy(), TABLE, "", AFFINE))
    assert "have changed since" in view.notice.text()
    window.session.set_regions(None)
    assert not view.run_button.isEnabled()
    assert "Pick two different visits" in view.needs.text() or "both" in view.needs.text()


def test_repeatability_that_is_no_number_is_told(window):
    view = window.open()
    window.qtbot.keyClicks(view.repeatability, "FF 2")
    window.click(view.run_button)
    assert "MAP=NUMBER" in view.notice.text()
