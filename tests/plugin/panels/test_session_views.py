"""A session brings back sections, grid mode, rules of drawing and the profile line."""

import json

import numpy as np
import pytest
from gui_waits import wait_for_layers
from napari.components import ViewerModel
from qtpy.QtCore import QPoint, Qt
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.data import sequences
from napari_mrf.io import save_series
from napari_mrf.plugin.dock import MRFDock
from napari_mrf.plugin.layers.closeup.profile_line import (
    draw_profile_line,
    end_profile_line,
    ends_of_profile,
    profile_layer,
)
from napari_mrf.plugin.panels.session.views import views_of
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import MapsSet, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of

SHAPE = (2, 12, 16)
AFFINE = np.diag([-2.0, 3.0, -8.0, 1.0])  # rows and slices are shown in reverse order
OPENED = ("rois", "inspect", "inspect/Distribution, profile", "reconstruct/More")
CLOSED = ("series", "rois/Statistics")
ENDS = ((0.0, 2.5, 3.0), (0.0, 9.0, 11.25))
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def window(qtbot):
    def show():
        dock = MRFDock(ViewerModel())
        qtbot.addWidget(dock)
        dock.resize(340, 1200)
        with qtbot.waitExposed(dock):
            dock.show()
        return dock

    yield show
    WorkerBase.await_workers(60_000)


@pytest.fixture
def path(tmp_path):
    signal = np.random.default_rng(3).normal(size=(175, *SHAPE)) + 1j
    path = tmp_path / "thigh.nii"
    save_series(MRFSeries(signal.astype(np.complex64), AFFINE, sequences.t1ff()), path)
    return path


def settle(qtbot, dock):
    qtbot.waitUntil(lambda: not dock.session_binding.job.status.is_running, timeout=60_000)
    wait_for_layers(qtbot, dock.viewer)


def click(qtbot, dock, widget, at=None):
    dock._scroll.ensureWidgetVisible(widget)
    qtbot.waitUntil(widget.isVisible)
    qtbot.mouseClick(widget, LEFT, pos=widget.rect().center() if at is None else at)


def toggle(qtbot, dock, key):
    step, _, title = key.partition("/")
    section = dock.sections[step]
    if title:
        (section,) = (one for one in section.findChildren(type(section)) if one.title == title)
    click(qtbot, dock, section._header, QPoint(40, 10))


def work(qtbot, dock, path):
    """Use a window in a way that nothing is as it is at first."""
    viewer, session = dock.viewer, session_of(dock.viewer)
    with qtbot.waitSignal(session.opening.succeeded, timeout=60_000):
        dock.bindings["series"].open_file(path)
    wait_for_layers(qtbot, viewer)
    maps = ParameterMaps(
        {"FF": np.full(SHAPE, 0.25, np.float32), "T1H2O": np.full(SHAPE, 1200, np.float32)},
        affine=AFFINE,
    )
    maps_display_of(viewer).add(MapsSet("water-fat", maps, "thigh"))
    wait_for_layers(qtbot, viewer)
    for key in (*OPENED, *reversed(CLOSED)):
        toggle(qtbot, dock, key)
    brush = dock.panels["rois"].tools.brush
    click(qtbot, dock, brush.spare, QPoint(8, brush.spare.height() // 2))
    brush.map_picker.setCurrentText("water-fat · FF")
    brush.map_picker.textActivated.emit("water-fat · FF")
    brush.high.setValue(0.5)
    line = draw_profile_line(viewer, session.series)
    line.add_lines(np.array([[1.0, 8.5, 3.0], [1.0, 2.0, 11.25]]))  # on the screen
    end_profile_line(line)
    closeup = dock.panels["inspect"].closeup
    closeup.kind_picker.setCurrentText("profile")
    closeup.kind_picker.textActivated.emit("profile")
    qtbot.waitUntil(lambda: dock.bindings["inspect"].closeup.found is not None, timeout=60_000)
    viewer.canvas.grid.shape, viewer.canvas.grid.stride = (1, -1), 2
    viewer.canvas.grid.spacing, viewer.canvas.grid.enabled = 0.1, True


def saved(qtbot, dock, path):
    work(qtbot, dock, path)
    session_path = path.with_name("thigh.mrf.json")
    dock.session_binding.save_to(session_path)
    settle(qtbot, dock)
    return session_path


def test_views_come_back_as_they_were(qtbot, window, path):
    dock = window()
    session_path = saved(qtbot, dock, path)
    before = views_of(dock.viewer)
    assert {key for key in OPENED if before["sections"][key]} == set(OPENED)
    assert not any(before["sections"][key] for key in CLOSED)
    assert before["limit"] == {"maps": "water-fat", "parameter": "FF", "low": 0.0, "high": 0.5}
    np.testing.assert_allclose(before["profile"], ENDS)
    profile = dock.bindings["inspect"].closeup.found
    record = json.loads(session_path.read_text())["views"]
    assert record["grid"] == {"enabled": True, "shape": [1, -1], "stride": 2, "spacing": 0.1}
    assert record["spares_others"] is False

    other = window()
    assert views_of(other.viewer) != before
    other.session_binding.open_file(session_path)
    settle(qtbot, other)
    assert other.session_bar.notice.text() == ""
    assert views_of(other.viewer) == before
    brush, rules = other.panels["rois"].tools.brush, regions_editor_of(other.viewer).rules
    assert brush.map_picker.currentText() == "water-fat · FF"
    assert (brush.low.value(), brush.high.value()) == (0.0, 0.5)
    assert not brush.spare.isChecked()
    assert rules.allowed().all()
    line = profile_layer(other.viewer)
    np.testing.assert_allclose(line.data[0], [[1.0, 8.5, 3.0], [1.0, 2.0, 11.25]])
    assert str(line.mode) == "pan_zoom"
    closeup = other.bindings["inspect"].closeup
    qtbot.waitUntil(lambda: closeup.found is not None, timeout=60_000)
    np.testing.assert_array_equal(closeup.found.distances, profile.distances)
    # As if it had been drawn: it can be moved, and drawn again.
    assert not other.panels["inspect"].closeup.draw_button.isChecked()
    other.viewer.layers.remove(line)
    qtbot.waitUntil(lambda: closeup.found is None, timeout=60_000)


def test_what_is_not_possible_is_told_and_not_used(qtbot, window, path):
    dock = window()
    session_path = saved(qtbot, dock, path)
    good = session_path.read_text()
    far = [[0, 0, 0], [0, 1e9, 0]]
    for edit, word in (
        (lambda views: views["sections"].update(spectra=True), "no section spectra"),
        (lambda views: views["limit"].update(maps="cohen"), "there is no map FF of cohen"),
        (lambda views: views["limit"].update(high=1.5), "FF from 0 to 1.5 is no range"),
        (lambda views: views["limit"].update(low=0.6), "FF from 0.6 to 0.5 is no range"),
        (lambda views: views["grid"].update(stride=0), "stride 0"),
        (lambda views: views.update(profile=far), "The profile line was left out"),
    ):
        record = json.loads(good)
        edit(record["views"])
        session_path.write_text(json.dumps(record))
        viewer = dock.viewer
        viewer.canvas.grid.enabled = False
        dock.session_binding.open_file(session_path)  # in its own place
        settle(qtbot, dock)
        said = dock.session_bar.notice.text()
        assert word in said and "\n" not in said
        assert (regions_editor_of(viewer).rules.limit is None) is ("FF" in word)
        assert (profile_layer(viewer) is None) is ("profile" in word)
        assert viewer.canvas.grid.enabled is ("stride" not in word)
        assert dock.sections["rois"].is_open()
    # A file of before says nothing of them, and changes nothing.
    record = json.loads(good)
    del record["views"]
    session_path.write_text(json.dumps(record))
    toggle(qtbot, dock, "compare")
    before = {**views_of(dock.viewer), "profile": None, "limit": None}  # its map went, too
    dock.session_binding.open_file(session_path)
    settle(qtbot, dock)
    assert views_of(dock.viewer) == before


def test_a_profile_line_is_that_of_its_subject(qtbot, window, path, tmp_path):
    dock = window()
    work(qtbot, dock, path)
    viewer, session = dock.viewer, session_of(dock.viewer)
    first, line = session.subject.key, profile_layer(viewer)
    arm = tmp_path / "arm.nii"
    signal = np.ones((175, 1, 9, 7), np.complex64)
    save_series(MRFSeries(signal, AFFINE, sequences.t1ff()), arm)
    draw = dock.panels["inspect"].closeup.draw_button
    click(qtbot, dock, draw)
    with qtbot.waitSignal(session.opening.succeeded, timeout=60_000):
        dock.bindings["series"].open_file(arm)
    wait_for_layers(qtbot, viewer)
    assert profile_layer(viewer) is None
    assert not draw.isChecked()
    assert str(line.mode) == "pan_zoom" and not line.visible
    session.choose_subject(first)
    wait_for_layers(qtbot, viewer)
    assert profile_layer(viewer) is line and line.visible
    np.testing.assert_allclose(ends_of_profile(line), ENDS)
