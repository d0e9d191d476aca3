"""Regions carried from another scan in the window: nothing counts before it is accepted."""

import json
import sys

import numpy as np
import pytest
from gui_waits import wait_for_layers
from napari.components import ViewerModel
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QFileDialog
from scipy.ndimage import shift
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.analysis.registration.register import Registration
from napari_mrf.data.label import Label
from napari_mrf.io import save_labels, save_maps
from napari_mrf.io.labels.carried_record import FORMAT
from napari_mrf.phantoms.thigh.phantom import thigh
from napari_mrf.plugin.dock import RoisDock
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.layers.maps import show_maps
from napari_mrf.plugin.layers.regions import CARRIED_KEY
from napari_mrf.plugin.panels.rois.carry_view import FROM_FILE, CarryDialog
from napari_mrf.plugin.panels.session.study import study_of
from napari_mrf.plugin.session import MapsSet, Regions, session_of

pytest.importorskip("SimpleITK")

VL, RF = 7, 10
DOWN, RIGHT = 3, -2  # voxels that the follow-up lies beside the first scan
PHANTOM = thigh(shape=(1, 40, 44))
FF = np.nan_to_num(PHANTOM.truth()["FF"]).astype(np.float32)
AFFINE = PHANTOM.affine
TABLE = {VL: Label(VL, "VL_R", (200, 30, 30)), RF: Label(RF, "RF_R", (30, 30, 200))}


def drawn():
    """Two regions of which the carried ones are known: the same, moved by whole voxels."""
    labels = np.zeros(FF.shape, np.uint16)
    labels[0, 12:20, 8:18], labels[0, 22:30, 24:34] = VL, RF
    return labels


def moved(values):
    return shift(values, (0, DOWN, RIGHT), order=0)


class Window:
    """A window with two scans of a thigh, the second moved, and the ROIs step."""

    def __init__(self, qtbot, *, has_maps=True):
        self.qtbot, self.viewer = qtbot, ViewerModel()
        self.session = session_of(self.viewer)
        for name, ff in (("before", FF), ("after", moved(FF))):
            self.add(name, ff, has_maps=has_maps)
            if name == "before":
                self.session.set_regions(Regions(drawn(), TABLE, "", AFFINE))
        wait_for_layers(qtbot, self.viewer)
        self.dock = RoisDock(self.viewer)
        qtbot.addWidget(self.dock)
        self.dock.resize(340, 1200)
        with qtbot.waitExposed(self.dock):
            self.dock.show()
        self.binding, self.panel = self.dock.bindings["rois"], self.dock.panels["rois"]
        self.job = self.binding.carry.carried.job

    def add(self, name, ff, *, has_maps=True):
        signal = np.repeat((1 + ff)[None], 2, 0).astype(np.complex64)
        series = MRFSeries(signal, AFFINE)
        data, attributes, _ = series_layer_data(series, name)
        self.viewer.add_image(data, **attributes)
        self.session.set_series(series, name)
        if has_maps:
            maps = ParameterMaps({"FF": ff}, affine=AFFINE)
            self.session.add_maps(MapsSet("water-fat", maps))
            show_maps(self.viewer, "water-fat", maps)

    def click(self, button):
        assert button.isEnabled()
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def answer(self, source, movement="move, turn and stretch", button="run_button"):
        """Answer the dialog once it is there, with keys and a click."""

        def act(tries=200):
            dialog = QApplication.activeModalWidget()
            if not isinstance(dialog, CarryDialog):
                assert tries
                QTimer.singleShot(20, lambda: act(tries - 1))
                return
            self.offered = [dialog.source.itemText(at) for at in range(dialog.source.count())]
            for picker, text in ((dialog.source, source), (dialog.movement, movement)):
                while picker.currentText() != text:
                    self.qtbot.keyClick(picker, Qt.Key.Key_Down)
            self.qtbot.mouseClick(getattr(dialog, button), Qt.MouseButton.LeftButton)

        QTimer.singleShot(0, act)

    def ask(self):
        """Pick the entry of the menu with the keys."""
        menu = self.panel.edit_menu
        action = next(one for one in menu.actions() if one.data() == "carry")
        menu.popup(self.dock.mapToGlobal(self.dock.rect().center()))
        menu.setActiveAction(action)
        self.qtbot.keyClick(menu, Qt.Key.Key_Return)

    def carry(self, source="before", **options):
        self.answer(source, **options)
        with self.qtbot.waitSignal(self.job.succeeded):
            self.ask()
        wait_for_layers(self.qtbot, self.viewer)

    def proposals(self):
        return [one for one in self.viewer.layers if "Proposal" in one.name]

    def said(self):
        return self.panel.carry_bar.text()


@pytest.fixture
def window(qtbot, qapp, request):
    yield Window(qtbot, has_maps=getattr(request, "param", True))
    WorkerBase.await_workers(20_000)


def test_regions_are_proposed_accepted_and_undone(window, tmp_path, monkeypatch):
    steps = []
    window.job.changed.connect(lambda status: steps.append((status.done, status.total)))
    window.carry()
    assert window.offered == ["before", FROM_FILE]
    assert max(steps) > (0, 0)
    # A proposal is seen, and counts for nothing.
    (proposal,) = window.proposals()
    assert proposal.visible
    assert window.session.regions is None
    assert window.panel.layer_picker.findText(proposal.name) < 0
    bar = window.panel.carry_bar
    assert bar.isVisible()
    assert "2 regions of before, by FF" in window.said()
    assert "correlation of the images 0." in window.said()
    window.click(bar.accept_button)
    wait_for_layers(window.qtbot, window.viewer)
    assert not window.proposals()
    assert not bar.isVisible()
    np.testing.assert_array_equal(window.session.regions.labels, moved(drawn()))
    assert window.session.regions.table == TABLE
    layer = window.binding.editor.layer
    assert layer.name.endswith("ROIs of before")
    # What was carried is known in the file, too, and whether it was changed since.
    record = saved(window, tmp_path / "one.nii.gz", monkeypatch)
    assert record["from"]["scan"] == "before"
    assert record["to"]["scan"] == "after"
    assert not record["edited_since"]
    matrix = np.array(record["registration"]["matrix_mm_to_from"])
    spacing = np.linalg.norm(AFFINE[:3, :3], axis=0)
    expected = AFFINE[:3, :3] @ [-RIGHT, -DOWN, 0]
    center = (AFFINE @ [22, 20, 0, 1])[:3]
    np.testing.assert_allclose((matrix @ [*center, 1])[:3] - center, expected,
                               atol=spacing.min() / 4)  # fmt: skip
    window.binding.editor.delete(RF)
    assert saved(window, tmp_path / "two.nii.gz", monkeypatch)["edited_since"]
    for _ in range(2):
        window.click(window.panel.undo_button)
    assert window.session.regions is None
    window.click(window.panel.redo_button)
    np.testing.assert_array_equal(window.session.regions.labels, moved(drawn()))


def saved(window, path, monkeypatch):
    """Press Save, and return the record beside the label map."""
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    with window.qtbot.waitSignal(window.binding.files.saving.succeeded):
        window.click(window.panel.save_button)
    beside = path.with_name(path.name.replace(".nii.gz", ".carried.json"))
    return json.loads(beside.read_text(encoding="utf-8"))


def test_where_regions_come_from_is_kept_in_files_and_sessions(window, tmp_path, monkeypatch):
    record = {"format": FORMAT, "from": {"scan": "before"}, "labels_sha256": ""}
    window.session.set_regions(Regions(drawn(), TABLE, "", AFFINE, record))
    wait_for_layers(window.qtbot, window.viewer)
    assert window.binding.editor.layer.metadata[CARRIED_KEY] == record
    assert study_of(window.viewer).panels["rois"]["carried"] == record
    written = saved(window, tmp_path / "rois.nii.gz", monkeypatch)
    assert written == {**record, "edited_since": True}
    window.session.set_regions(None)
    with window.qtbot.waitSignal(window.binding.files.loading.succeeded):
        window.binding.files.load(str(tmp_path / "rois.nii.gz"))
    assert window.session.regions.carried == written
    # Other regions under that name have no record of these.
    window.session.set_regions(Regions(drawn() * 1, TABLE, "", AFFINE))
    with window.qtbot.waitSignal(window.binding.files.saving.succeeded):
        window.binding.files.save(str(tmp_path / "rois.nii.gz"))
    assert not (tmp_path / "rois.carried.json").exists()


def test_what_is_discarded_changes_nothing(window):
    mine = np.zeros(FF.shape, np.uint16)
    mine[0, 5:9, 5:9] = VL
    window.session.set_regions(Regions(mine, {VL: TABLE[VL]}, "", AFFINE))
    wait_for_layers(window.qtbot, window.viewer)
    window.carry(movement="move and turn only")
    board = window.panel.carry_bar.board
    window.click(board)
    wait_for_layers(window.qtbot, window.viewer)
    shown = next(one for one in window.proposals() if "checkerboard" in one.name)
    assert shown.visible
    # The phantom is the same in both scans, but for what the shift brings in at the edges.
    inner = window.binding.carry.carried.here.carried.checkerboard()[0, 6:-6, 6:-6]
    np.testing.assert_allclose(inner, moved(FF)[0, 6:-6, 6:-6], atol=0.35)
    seen = [one.name for one in window.viewer.layers if one.visible]
    assert not any("FF" in name for name in seen)  # it takes the place of the map
    window.click(board)
    assert not shown.visible
    assert any("FF" in one.name and one.visible for one in window.viewer.layers)
    window.click(window.panel.carry_bar.discard_button)
    wait_for_layers(window.qtbot, window.viewer)
    assert not window.proposals()
    np.testing.assert_array_equal(window.session.regions.labels, mine)
    assert window.session.regions.carried is None


@pytest.mark.parametrize("window", [False], indirect=True)
def test_scans_without_maps_are_laid_over_each_other_by_their_magnitudes(window):
    window.carry()
    assert "by magnitude" in window.said()
    np.testing.assert_array_equal(window.binding.carry.carried.here.carried.values, moved(drawn()))


def test_a_proposal_waits_for_its_subject_and_goes_with_its_layer(window):
    window.carry()
    keys = {one.name: one.key for one in window.session.subjects}
    window.session.choose_subject(keys["before"])
    wait_for_layers(window.qtbot, window.viewer)
    assert not window.panel.carry_bar.isVisible()
    assert not any(one.visible for one in window.proposals())
    window.session.choose_subject(keys["after"])
    wait_for_layers(window.qtbot, window.viewer)
    assert window.panel.carry_bar.isVisible()
    (layer,) = window.proposals()
    assert layer.visible
    window.viewer.layers.remove(layer)
    assert not window.panel.carry_bar.isVisible()
    assert "discarded" in window.panel.notice.text()


def test_files_of_a_scan_that_is_not_open_are_taken(window, tmp_path, monkeypatch):
    save_labels(tmp_path / "rois.nii.gz", drawn(), AFFINE)
    save_maps(ParameterMaps({"FF": FF}, affine=AFFINE), tmp_path / "maps")
    paths = iter([tmp_path / "rois.nii.gz", tmp_path / "maps" / "FF.nii.gz"])
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(next(paths)), ""))
    window.carry(FROM_FILE)
    assert "2 regions of rois.nii.gz, by FF" in window.said()
    window.click(window.panel.carry_bar.accept_button)
    np.testing.assert_array_equal(window.session.regions.labels, moved(drawn()))
    record = window.binding.editor.layer.metadata[CARRIED_KEY]
    assert record["from"]["image"] == str(tmp_path / "maps" / "FF.nii.gz")


def test_scans_that_are_not_alike_are_told(window, monkeypatch):
    window.session.add_maps(
        MapsSet("water-fat", ParameterMaps({"FF": moved(FF)[:, ::-1].copy()}, affine=AFFINE))
    )
    alike = Registration(np.eye(4), 0.1, 0.4, True)
    monkeypatch.setattr("napari_mrf.analysis.registration.carry.register", lambda *_, **__: alike)
    window.carry()
    assert "not much alike" in window.said()
    assert window.binding.carry.carried.here.carried.is_doubtful


def test_without_the_extra_the_cure_is_named_before_anything_is_asked(window, monkeypatch):
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    window.ask()
    assert "napari-mrf[registration]" in window.panel.notice.text()
    assert QApplication.activeModalWidget() is None


def test_a_failed_registration_is_told_and_leaves_no_proposal(window):
    flat = ParameterMaps({"FF": np.full_like(FF, 0.5)}, affine=AFFINE)
    window.session.add_maps(MapsSet("water-fat", flat))
    window.answer("before")
    window.ask()
    window.qtbot.waitUntil(lambda: "cannot be registered" in window.panel.notice.text())
    assert not window.proposals()
    assert not window.panel.carry_bar.isVisible()
