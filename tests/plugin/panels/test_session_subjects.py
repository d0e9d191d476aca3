"""Sessions of several subjects in one window: each is added, and nothing of theirs is mixed."""

import numpy as np
import pytest
from gui_waits import answer_next_question, drop, press_ok, wait_for_layers
from napari._qt.dialogs.qt_reader_dialog import QtReaderDialog
from napari.components import ViewerModel
from napari.settings import get_settings
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QRadioButton
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.compute.steps import result_of
from napari_mrf.data import sequences
from napari_mrf.io import Label, load_series, save_maps, save_series
from napari_mrf.io.session.file import FileRecord, MapsRecord, SessionFile, save_session
from napari_mrf.plugin.dock import MRFDock
from napari_mrf.plugin.layers.metadata import SET_KEY, SUBJECT_KEY, series_of
from napari_mrf.plugin.panels.compare.state import compare_memory_of
from napari_mrf.plugin.panels.session.place import session_places_of
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import MapsSet, Regions, session_of
from napari_mrf.plugin.viewer.layer_turns import SESSION, layer_turns_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.plugin.viewer.opening import opener_of, read_series
from napari_mrf.plugin.viewer.unsaved import unsaved_of
from napari_mrf.rois.polygons import Outline

AFFINE = np.diag([-1.5, -1.5, 4.0, 1.0])
SHAPES = {"visit1": (2, 12, 16), "visit2": (2, 14, 10)}
PINS = {"visit1": ((0, 3, 4), (1, 2, 3)), "visit2": ((1, 13, 9),)}
TABLE = {7: Label(7, "VL_R", (32, 103, 0)), 10: Label(10, "RF_R", (1, 2, 3))}
SQUARE = Outline(7, 1, ((1.5, 1.5), (1.5, 6.5), (7.5, 6.5), (7.5, 1.5)))


def write_scan(folder, visit):
    shape = SHAPES[visit]
    random = np.random.default_rng(len(visit) + shape[1])
    signal = random.normal(size=(175, *shape)) + 1j * random.normal(size=(175, *shape))
    path = folder / visit / "leg.nii"
    path.parent.mkdir(exist_ok=True)
    save_series(MRFSeries(signal.astype(np.complex64), AFFINE, sequences.t1ff()), path)
    return path


def some_maps(shape, seed):
    random = np.random.default_rng(seed)
    values = {"FF": random.uniform(0, 0.6, shape), "T1H2O": random.uniform(900, 1500, shape)}
    return ParameterMaps(
        {key: one.astype(np.float32) for key, one in values.items()},
        quality=np.ones(shape, np.float32), affine=AFFINE,
    )  # fmt: skip


def settle(qtbot, dock):
    binding = dock.session_binding
    qtbot.waitUntil(lambda: not binding.job.status.is_running, timeout=60_000)
    wait_for_layers(qtbot, dock.viewer)
    qtbot.waitUntil(lambda: not binding.job.status.is_running, timeout=60_000)
    wait_for_layers(qtbot, dock.viewer)


def fill(qtbot, dock, path, visit):
    """Make a study of a scan: two sets of maps, regions, pins and a comparison."""
    viewer, session, shape = dock.viewer, session_of(dock.viewer), SHAPES[visit]
    with qtbot.waitSignal(session.opening.succeeded, timeout=60_000):
        dock.bindings["series"].open_file(path)
    wait_for_layers(qtbot, viewer)
    for seed, name in enumerate(("water-fat", "cohen")):
        maps_display_of(viewer).add(MapsSet(name, some_maps(shape, shape[2] + seed), "leg", 2.5))
    labels = np.zeros(shape, np.uint16)
    labels[1][SQUARE.mask(shape[1:])] = 7
    labels[0, 2:9, 1 : shape[2] // 2] = 10
    session.set_regions(Regions(labels, TABLE, "", AFFINE))
    regions_editor_of(viewer).put_back_outlines([SQUARE])
    session.set_pins(PINS[visit])
    wait_for_layers(qtbot, viewer)
    panel = dock.panels["compare"]
    dock.sections["compare"].set_open(True)
    panel.rules.min_voxels.setValue(3)
    with qtbot.waitSignal(session.comparison.succeeded, timeout=60_000):
        dock._scroll.ensureWidgetVisible(panel.run_button)
        qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    wait_for_layers(qtbot, viewer)


def save(qtbot, dock, path):
    dock.session_binding.save_to(path)
    settle(qtbot, dock)
    assert "Saved to" in dock.session_bar.notice.text()


def content(viewer):
    """Return the numbers of the current subject, whose layers and panels show no others."""
    session = session_of(viewer)
    compared = compare_memory_of(viewer).here.compared
    return {
        "series": np.asarray(session.series.signal),
        "maps": {name: {**one.maps} for name, one in session.maps_sets.items()},
        "regions": session.regions.labels,
        "outlines": regions_editor_of(viewer).outlines(),
        "pins": session.pins,
        "comparison": compared.comparison.metrics.to_dict("list"),
        "shown": sorted(
            str((one.metadata.get(SET_KEY), one.metadata.get("mrf_parameter"), one.extent.data))
            for one in viewer.layers if one.visible and SUBJECT_KEY in one.metadata
        ),
    }  # fmt: skip


def choose(qtbot, dock, name):
    picker = dock.subject_bar.picker
    while picker.currentText() != name:
        up = picker.findText(name) < picker.currentIndex()
        qtbot.keyClick(picker, Qt.Key.Key_Up if up else Qt.Key.Key_Down)
        wait_for_layers(qtbot, dock.viewer)
    assert session_of(dock.viewer).subject.name == name


@pytest.fixture
def open_window(make_napari_viewer, qtbot):
    def show():
        viewer = make_napari_viewer(show=True)
        get_settings().application.confirm_close_window = False
        return viewer, viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")[1]

    yield show
    WorkerBase.await_workers(60_000)


def test_another_reader_can_be_picked(qtbot, open_window):
    viewer, _ = open_window()
    dialog = QtReaderDialog(
        parent=viewer.window._qt_viewer, pth="a.nii",
        readers={"napari": "napari builtins", "napari-mrf": "MR fingerprinting", "a": "A"},
    )  # fmt: skip
    dialog.show()
    qtbot.waitUntil(lambda: dialog._get_plugin_choice() == "MR fingerprinting")
    (other,) = [one for one in dialog.findChildren(QRadioButton) if "builtins" in one.text()]
    qtbot.mouseClick(other, Qt.MouseButton.LeftButton)
    qtbot.wait(50)
    assert dialog._get_plugin_choice() == "napari builtins"
    dialog.close()


def test_a_plain_click_on_ok_opens_a_series_before_any_dock_is_open(
    qtbot, make_napari_viewer, tmp_path
):
    viewer = make_napari_viewer(show=True)
    get_settings().application.confirm_close_window = False
    path = write_scan(tmp_path, "visit1")
    press_ok()
    drop(viewer, [path])
    session = session_of(viewer)
    qtbot.waitUntil(lambda: session.series is not None, timeout=60_000)
    assert session.series.source_path == str(path)
    WorkerBase.await_workers(60_000)


def test_of_several_dropped_scans_none_is_lost_and_a_broken_one_is_named(
    qtbot, open_window, tmp_path
):
    viewer, dock = open_window()
    session = session_of(viewer)
    first, last = (write_scan(tmp_path, visit) for visit in SHAPES)
    broken = tmp_path / "broken.nii"
    broken.write_bytes(first.read_bytes()[:5000])
    press_ok()
    drop(viewer, [first, broken, last])
    picker, notice = dock.subject_bar.picker, dock.panels["series"].notice
    # Names come with the layers; what was said of the broken one is said again after the last.
    qtbot.waitUntil(lambda: picker.count() == len(SHAPES), timeout=60_000)
    qtbot.waitUntil(lambda: "broken.nii" in notice.text())
    assert "the file ends too early" in notice.text()
    assert {picker.itemText(at) for at in range(picker.count())} == {"leg (visit1)", "leg (visit2)"}
    for path in (first, last):
        choose(qtbot, dock, f"leg ({path.parent.name})")
        expected = np.asarray(load_series(path).signal)
        np.testing.assert_array_equal(np.asarray(session.series.signal), expected)


def test_who_cancels_the_opening_of_one_file_gives_up_those_that_wait(qtbot, tmp_path):
    viewer = ViewerModel()
    opener = opener_of(viewer)
    for visit in SHAPES:
        opener.open_in_turn(write_scan(tmp_path, visit))
    opener.job.cancel()
    qtbot.wait(500)
    assert not viewer.layers
    opener.open_in_turn(tmp_path / "visit1" / "leg.nii")
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=30_000)


def test_two_sessions_are_two_subjects_as_they_were(qtbot, open_window, tmp_path):
    viewer, dock = open_window()
    before, sessions = {}, {}
    for visit in SHAPES:
        fill(qtbot, dock, write_scan(tmp_path, visit), visit)
        sessions[visit] = tmp_path / visit / f"{visit}.mrf.json"
        save(qtbot, dock, sessions[visit])
    for visit in reversed(SHAPES):
        choose(qtbot, dock, f"leg ({visit})")
        before[visit] = content(viewer)
    assert before["visit1"]["shown"] != before["visit2"]["shown"]

    other, dock = open_window()
    drop(other, sessions.values())  # both at once: they come one after the other
    qtbot.waitUntil(lambda: len(session_of(other).subjects) == 2, timeout=60_000)
    settle(qtbot, dock)
    session, picker = session_of(other), dock.subject_bar.picker
    assert dock.session_bar.notice.text() == ""
    assert [picker.itemText(at) for at in range(picker.count())] == ["leg (visit1)", "leg (visit2)"]
    assert session.subject.name == "leg (visit2)"
    for visit in (*SHAPES, "visit1"):
        choose(qtbot, dock, f"leg ({visit})")
        np.testing.assert_equal(content(other), before[visit])
        assert session_places_of(other).here.path == sessions[visit]
        assert dock.session_bar.title.full_text() == f"{visit}.mrf.json"
        assert {one.name.split(" · ")[0] for one in other.layers
                if one.visible and SUBJECT_KEY in one.metadata} == {f"leg ({visit})"}  # fmt: skip
    assert unsaved_of(other).items() == ()
    assert dock.session_bar.unsaved.isHidden()
    # Work on one of them is that one's alone, and saved to its own file without a question.
    session.add_maps(MapsSet("third", some_maps(SHAPES["visit1"], 9), "leg"))
    assert dock.session_bar.unsaved.toolTip() == "Not saved:\nmaps third (leg (visit1))"
    texts = {visit: path.read_bytes() for visit, path in sessions.items()}
    dock.session_bar.save_action.trigger()
    settle(qtbot, dock)
    assert "It holds leg (visit1) alone" in dock.session_bar.notice.text()
    assert sessions["visit2"].read_bytes() == texts["visit2"]
    assert b"third" in sessions["visit1"].read_bytes()


@pytest.fixture
def dock(qtbot, qapp):
    dock = MRFDock(ViewerModel())
    qtbot.addWidget(dock)
    dock.resize(340, 1200)
    with qtbot.waitExposed(dock):
        dock.show()
    yield dock
    WorkerBase.await_workers(60_000)


@pytest.fixture
def session_path(qtbot, dock, tmp_path):
    """Return the session file of the first scan, in a window that shows the second one."""
    for visit in SHAPES:
        fill(qtbot, dock, write_scan(tmp_path, visit), visit)
        save(qtbot, dock, tmp_path / f"{visit}.mrf.json")
    return tmp_path / "visit1.mrf.json"


def open_another_scan(dock, tmp_path):
    """Let another series have been read just now."""
    path = tmp_path / "other" / "arm.nii"
    path.parent.mkdir()
    signal = np.full((175, *SHAPES["visit1"]), 2 + 1j, np.complex64)
    save_series(MRFSeries(signal, AFFINE, sequences.t1ff()), path)
    session_of(dock.viewer).opening.succeeded.emit(result_of(read_series(path)))


def pick_the_other_subject(dock, _):
    picker = dock.subject_bar.picker
    picker.setCurrentText("leg (visit2)")
    picker.textActivated.emit("leg (visit2)")


def pick_the_other_layer(dock, _):
    names = [one.name for one in dock.viewer.layers if series_of(one) is not None]
    dock.panels["series"].layer_changed.emit(next(one for one in names if "visit2" in one))


def remove_the_subject(dock, _):
    dock.subject_bar.remove_requested.emit()


def open_another_session(dock, tmp_path):
    dock.session_binding.open_file(tmp_path / "visit2.mrf.json")


ACTS = {
    open_another_session: (["leg (visit1)", "leg (visit2)"], "leg (visit2)"),
    pick_the_other_layer: (["leg (visit1)", "leg (visit2)"], "leg (visit2)"),
    pick_the_other_subject: (["leg (visit1)", "leg (visit2)"], "leg (visit2)"),
    open_another_scan: (["arm", "leg (visit1)", "leg (visit2)"], "arm"),
    remove_the_subject: (["arm", "leg"], "arm"),
}


def test_what_is_done_while_a_session_comes_waits_for_it(qtbot, dock, session_path, tmp_path):
    session, turns = session_of(dock.viewer), layer_turns_of(dock.viewer)
    before = {}
    for name in ("leg (visit1)", "leg (visit2)"):
        choose(qtbot, dock, name)
        before[name] = content(dock.viewer)
    for act, (names, current) in ACTS.items():
        former = next(one.key for one in session.subjects if one.name == "leg (visit1)")
        acted = []

        def do(act=act, acted=acted):
            acted.append(turns.is_left(SESSION))
            act(dock, tmp_path)

        def on_changed(subject, former=former, do=do):
            if subject.name == "leg (visit1)" and subject.key != former:
                session.subject_changed.disconnect(on_changed)
                QTimer.singleShot(0, do)  # its series is there, and nothing else of it

        session.subject_changed.connect(on_changed)
        asked = answer_next_question(qtbot, "Remove") if act is remove_the_subject else [""]
        dock.session_binding.open_file(session_path)
        qtbot.waitUntil(lambda: bool(acted) and bool(asked), timeout=60_000)  # noqa: B023
        settle(qtbot, dock)
        assert acted == [True]
        assert sorted(one.name for one in session.subjects) == names, act
        assert former not in [one.key for one in session.subjects]
        assert session.subject.name == current, act
        for name in set(names) - {"arm", "leg"}:
            choose(qtbot, dock, name)
            np.testing.assert_equal(content(dock.viewer), before[name], str(act))
    assert list(session.maps_sets) == []
    choose(qtbot, dock, "leg")
    np.testing.assert_equal(content(dock.viewer), before["leg (visit2)"])


def test_a_script_that_shows_another_subject_breaks_a_session_off_with_a_word(
    qtbot, dock, session_path
):
    session = session_of(dock.viewer)
    second = session.subject.key
    other = content(dock.viewer)

    def on_changed(subject):
        if subject.key != second:
            session.subject_changed.disconnect(on_changed)
            QTimer.singleShot(0, lambda: session.choose_subject(second))

    session.subject_changed.connect(on_changed)
    dock.session_binding.open_file(session_path)
    qtbot.waitUntil(lambda: "Open the session again" in dock.session_bar.notice.text())
    settle(qtbot, dock)
    np.testing.assert_equal(content(dock.viewer), other)


def test_a_session_without_a_series_stays_apart_and_is_known_by_its_file(
    qtbot, dock, session_path, tmp_path
):
    maps = some_maps(SHAPES["visit1"], 3)
    save_maps(maps, tmp_path / "alone")
    path = tmp_path / "alone.mrf.json"
    files = [FileRecord.of(one, "0" * 64, path) for one in sorted((tmp_path / "alone").iterdir())]
    record = SessionFile(format="napari-mrf session",
                         maps=[MapsRecord(name="water-fat", files=files)])  # fmt: skip
    save_session(record, path)
    session = session_of(dock.viewer)
    for _ in range(2):  # the second time in its own place
        dock.session_binding.open_file(path)
        settle(qtbot, dock)
        assert [one.name for one in session.subjects] == ["leg (visit1)", "leg (visit2)",
                                                          "no series"]  # fmt: skip
        assert session.subject.name == "no series"
        assert session.series is None
        np.testing.assert_array_equal(session.maps_sets["water-fat"].maps["FF"], maps["FF"])
    # The series of the other session would suit its maps, but is not theirs.
    dock.session_binding.open_file(session_path)
    settle(qtbot, dock)
    assert session.subject.name == "leg (visit1)"
    choose(qtbot, dock, "no series")
    assert session.series is None
    assert list(session.maps_sets) == ["water-fat"]
