"""A raw file in the window: report, questions, images, maps, by clicks."""

import gzip
import json
import threading

import numpy as np
import pytest
from fit_cases import settle, what_does_not_fit
from gui_waits import wait_for_layers
from napari._qt.qt_resources import get_stylesheet
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QMainWindow
from raw_cases import PERSON, SITE, radial, samples, write_mrd
from superqt.utils import WorkerBase

from napari_mrf.cli import main
from napari_mrf.compute.steps import result_of
from napari_mrf.data import sequences
from napari_mrf.io.session.contents import iter_contents
from napari_mrf.plugin.dock import MRFDock
from napari_mrf.plugin.jobs import JobState
from napari_mrf.plugin.layers import series_of
from napari_mrf.plugin.panels.session.autosave import autosave_of
from napari_mrf.plugin.panels.session.closing import close_guard_of
from napari_mrf.plugin.panels.shared.texts import SEQUENCE_FILES
from napari_mrf.plugin.session import session_of
from napari_mrf.plugin.viewer.opening import opener_of
from napari_mrf.plugin.viewer.raw.files import raw_files_of
from napari_mrf.plugin.viewer.raw.work import WAYS
from napari_mrf.plugin.viewer.user_folder import user_folder

PATIENCE_MS = 120_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw") / "phantom"
    words = ["phantom", "--output", str(folder), "--size", "32", "--slices", "2", "--raw"]
    assert main(words) == 0
    return folder


@pytest.fixture
def window(qtbot):
    window = Window(qtbot)
    yield window
    for binding in window.dock.bindings.values():
        if hasattr(binding, "bond"):
            binding.bond.release()
    WorkerBase.await_workers(PATIENCE_MS)


class Window:
    """A user: opens files, clicks, and waits for what happens."""

    def __init__(self, qtbot):
        self.qtbot, self.viewer = qtbot, ViewerModel()
        self.dock = MRFDock(self.viewer)
        self.main = QMainWindow()
        self.letters(9)
        self.main.setCentralWidget(self.dock)
        qtbot.addWidget(self.main)
        self.main.resize(340, 900)
        self.main.show()
        self.session, self.files = session_of(self.viewer), raw_files_of(self.viewer)
        self.series, self.reconstruct = (self.dock.panels[key] for key in ("series", "reconstruct"))
        self.raw = self.series.raw

    def letters(self, points):
        sheet = get_stylesheet("dark", extra_variables={"font_size": f"{points}pt"})
        self.main.setStyleSheet(sheet)

    def wait(self, condition):
        self.qtbot.waitUntil(condition, timeout=PATIENCE_MS)

    def click(self, button):
        assert button.isVisible() and button.isEnabled(), button.toolTip()
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def pick(self, picker, text):
        index = picker.findText(text, Qt.MatchFlag.MatchStartsWith)
        assert index >= 0, (
            f"{text} is not among {[picker.itemText(i) for i in range(picker.count())]}"
        )
        picker.setCurrentIndex(index)
        picker.activated.emit(index)
        picker.textActivated.emit(picker.currentText())

    def open(self, path):
        opener_of(self.viewer).open(path)
        self.wait(lambda: not self.session.opening.status.is_running)
        self.qtbot.wait(20)

    def layers(self):
        return [layer.name for layer in self.viewer.layers]


def test_raw_file_to_images_to_maps_by_clicks(window, folder):
    window.open(folder / "raw.h5")
    assert window.series.layer_picker.currentText() == "raw.h5 (raw file)"
    assert window.series.sequence_picker.currentText() == "MRF T1-FF"  # the one of 1400 pulses
    assert window.dock.sections["series"].state() == (
        "raw.h5 · raw file · MRF T1-FF · 2 slices · 1400 readouts · 8 coils"
    )
    report = window.raw.report.text()
    assert "Found:" in report and "Taken:" in report and "cycles/voxel" in report
    assert window.raw.question.isHidden() and not window.raw.read_button.isVisible()
    previews = []
    window.viewer.layers.events.inserted.connect(lambda event: previews.append(event.value.name))
    window.click(window.raw.make_button)
    assert window.raw.progress_row.isVisible() and not window.raw.make_button.isVisible()
    window.wait(lambda: window.session.series is not None)
    assert previews == ["raw preview", "raw subspace"]
    window.wait(lambda: window.layers() == ["raw subspace"])
    series = window.session.series
    assert series.sequence == sequences.t1ff() and series.spatial_shape == (2, 32, 32)
    assert window.series.layer_picker.currentText() == "raw subspace"
    assert not window.raw.isVisible()
    window.wait(window.reconstruct.run_button.isEnabled)
    window.click(window.reconstruct.run_button)
    window.wait(lambda: bool(window.session.maps_sets))
    assert list(window.session.maps_sets) == ["water-fat subspace"]
    wait_for_layers(window.qtbot, window.viewer)


def test_one_press_of_reconstruct_makes_images_and_maps(window, folder):
    window.open(folder / "raw.h5")
    window.wait(window.reconstruct.run_button.isEnabled)
    window.click(window.reconstruct.run_button)
    assert "Making subspace images of raw.h5" in window.reconstruct.progress_text.text()
    assert window.reconstruct.progress_row.isVisible()
    window.wait(lambda: bool(window.session.maps_sets))
    assert list(window.session.maps_sets) == ["water-fat subspace"]
    assert window.session.subject.name == "raw"
    wait_for_layers(window.qtbot, window.viewer)


def test_gridded_images_lie_beside_those_of_the_subspace(window, folder):
    window.open(folder / "raw.h5")
    window.click(window.raw.make_button)
    window.wait(lambda: window.layers() == ["raw subspace"])
    window.pick(window.series.layer_picker, "raw.h5 (raw file)")
    window.click(window.raw.options_section._header)
    window.pick(window.raw.images_picker, "gridded")
    assert "Window and Smooth" in window.raw.about.text()
    window.click(window.raw.make_button)
    window.wait(lambda: window.layers() == ["raw subspace", "raw gridded"])
    subspace, gridded = (series_of(window.viewer.layers[name]) for name in window.layers())
    assert [one.metadata["images"] for one in (subspace, gridded)] == ["subspace", "gridded"]
    assert len(window.session.subjects) == 1 and window.session.subject.name == "raw"
    window.pick(window.series.layer_picker, "raw subspace")
    assert window.session.series is subspace
    for name in ("raw subspace", "raw gridded"):
        window.pick(window.series.layer_picker, name)
        window.wait(window.reconstruct.run_button.isEnabled)
        before = len(window.session.maps_sets)
        window.click(window.reconstruct.run_button)
        window.wait(lambda before=before: len(window.session.maps_sets) > before)
    assert list(window.session.maps_sets) == ["water-fat subspace", "water-fat gridded"]
    wait_for_layers(window.qtbot, window.viewer)
    picker = window.dock.panels["compare"].pickers["test"]
    assert {"water-fat subspace", "water-fat gridded"} <= {
        picker.itemText(at) for at in range(picker.count())
    }
    # The same images once more are told to be there.
    window.pick(window.series.layer_picker, "raw.h5 (raw file)")
    window.click(window.raw.make_button)
    window.wait(lambda: not window.files.making.status.is_running)
    window.wait(lambda: "is open already" in window.series.notice.text())
    assert sum(series_of(layer) is not None for layer in window.viewer.layers) == 2


def test_images_can_be_cancelled_and_leave_nothing(window, folder):
    window.open(folder / "raw.h5")
    window.click(window.raw.make_button)
    window.wait(lambda: "raw preview" in window.layers())
    assert close_guard_of(window.viewer)._running() == ["Making subspace images of raw.h5"]
    window.click(window.raw.progress_row.cancel_button)
    assert window.files.making.status.state is JobState.CANCELLED
    assert window.layers() == []
    assert window.raw.make_button.isVisible() and window.raw.make_button.isEnabled()
    assert "cancelled" in window.series.notice.text()
    # The run that waited for the images is given up with them.
    window.wait(window.reconstruct.run_button.isEnabled)
    window.click(window.reconstruct.run_button)
    window.click(window.reconstruct.cancel_button)
    assert window.files.making.status.state is JobState.CANCELLED
    WorkerBase.await_workers(PATIENCE_MS)
    window.qtbot.wait(50)
    assert window.session.series is None and not window.session.maps_sets
    assert window.reconstruct.run_button.isEnabled()


@pytest.mark.parametrize("is_there_first", [True, False])
def test_the_preview_is_seen_only_while_its_raw_file_is(window, folder, is_there_first):
    window.open(folder / "series.nii")
    window.wait(lambda: window.layers() == ["series"])
    before = window.viewer.dims.point
    window.open(folder / "raw.h5")
    window.click(window.raw.make_button)
    (series,) = window.viewer.layers
    if is_there_first:
        window.wait(lambda: "raw preview" in window.layers())
        assert window.viewer.layers["raw preview"].visible
    window.pick(window.series.layer_picker, "series")
    window.wait(lambda: "raw preview" in window.layers())
    preview = window.viewer.layers["raw preview"]
    assert series.visible and not preview.visible
    if not is_there_first:
        assert window.viewer.dims.point == before  # nor does it take the user elsewhere
    window.pick(window.series.layer_picker, "raw.h5 (raw file)")
    assert preview.visible
    window.click(window.raw.progress_row.cancel_button)
    assert window.layers() == ["series"]


def test_pulses_that_do_not_fit_are_told_with_the_cure(window, folder):
    window.open(folder / "raw.h5")
    window.pick(window.series.sequence_picker, "FISP")
    window.wait(lambda: bool(window.raw.question.text()))
    question = window.raw.question.text()
    assert "the readouts of a slice do not fit the sequence" in question.lower()
    assert "1000" in question and "1400" in question and "Pick the sequence" in question
    assert "--" not in question
    assert not window.raw.make_button.isEnabled()
    assert not window.reconstruct.run_button.isEnabled()
    assert "Found:" in window.raw.report.text()
    window.pick(window.series.sequence_picker, "MRF T1-FF")
    window.wait(window.raw.make_button.isEnabled)
    assert window.raw.question.isHidden()


def test_several_measurements_are_asked_for(window, tmp_path):
    def twice(acquisition, z, readout):
        acquisition.idx.repetition, acquisition.idx.kspace_encode_step_1 = divmod(readout, 12)
        return acquisition

    path = write_mrd(tmp_path / "scan.h5", samples((1, 2, 24, 16)), radial(24), change=twice)
    window.open(path)
    assert "several measurements" in window.raw.question.text()
    assert "--measurement" not in window.raw.question.text()
    picker = window.raw.measurement_picker
    assert picker.isVisible() and picker.count() == 2
    assert picker.itemText(1).startswith("1 is") and "repetition 1" in picker.itemText(1)
    assert not window.raw.make_button.isEnabled()
    for hidden in (window.raw.trajectory_picker, window.raw.unit_picker, window.raw.matrix_box):
        assert not hidden.isVisible()
    window.pick(picker, "1 is")
    window.click(window.raw.read_button)
    window.wait(lambda: window.files.current.raw is not None)
    assert window.files.current.raw.measurement == 1
    assert picker.isVisible() and picker.currentText().startswith("1 is")
    assert "Pick the sequence of this scan" in window.raw.question.text()  # 12 readouts
    assert window.files.current.series_name == "scan measurement 1"


def test_missing_trajectory_unit_and_matrix_are_asked_for(window, tmp_path, monkeypatch):
    values, places = samples((1, 2, 12, 16)), radial()
    np.savez(tmp_path / "bare.npz", kdata=values, traj=places)
    window.open(tmp_path / "bare.npz")
    assert "how many voxels" in window.raw.question.text()
    assert window.raw.matrix_box.isVisible() and not window.raw.measurement_picker.isVisible()
    window.raw.matrix_box.setValue(16)
    window.viewer.add_image(np.zeros((2, 3)), name="something else")  # what was said stays
    window.click(window.raw.read_button)
    window.wait(lambda: window.files.current.raw is not None)
    assert window.files.current.raw.matrix == (16, 16)

    np.savez(tmp_path / "odd.npz", kdata=values, traj=0.1 * places)
    window.open(tmp_path / "odd.npz")
    window.raw.matrix_box.setValue(16)
    window.click(window.raw.read_button)
    window.wait(window.raw.unit_picker.isVisible)
    assert "range of the trajectory" in window.raw.question.text()
    window.pick(window.raw.unit_picker, "cycles/voxel")
    window.click(window.raw.read_button)
    window.wait(lambda: window.files.current.raw is not None)
    assert np.abs(window.files.current.raw.coordinates(0)).max() == pytest.approx(0.05)

    window.open(write_mrd(tmp_path / "without.h5", values))
    assert "where in k-space" in window.raw.question.text()
    assert window.raw.trajectory_picker.isVisible() and not window.raw.angle_box.isVisible()
    window.pick(window.raw.trajectory_picker, "spokes by their angle")
    assert window.raw.angle_box.isVisible()
    window.click(window.raw.read_button)
    window.wait(lambda: bool(window.files.current.raw.trajectories))
    assert "golden" in window.raw.trajectory_picker.itemText(1)
    np.testing.assert_allclose(
        window.files.current.raw.coordinates(0)[..., ::-1], places, atol=1e-6
    )
    np.save(tmp_path / "traj.npy", places[:5])
    monkeypatch.setattr(QFileDialog, "getOpenFileName",
                        lambda *_, **__: (str(tmp_path / "traj.npy"), ""))  # fmt: skip
    window.pick(window.raw.trajectory_picker, "from a file…")
    assert window.raw.trajectory_picker.currentText() == "traj.npy"
    window.click(window.raw.read_button)
    window.wait(lambda: "does not fit the readouts" in window.raw.question.text())


def test_trajectory_and_kspace_are_drawn_when_asked_for(window, folder):
    window.open(folder / "raw.h5")
    assert not window.raw.plot.figure.axes
    window.click(window.raw.look_section._header)
    window.wait(lambda: bool(window.raw.plot.figure.axes))
    places, strength = window.raw.plot.figure.axes[:2]
    assert places.get_xlabel() == "kx (cycles/voxel)" and len(places.lines) == 16
    drawn = np.array(places.lines[0].get_xydata())
    coordinates = window.files.current.raw.coordinates(1)
    np.testing.assert_allclose(drawn, coordinates[0][:, ::-1])
    level = np.asarray(strength.images[0].get_array())
    raw = window.files.current.raw
    power = (np.abs(raw.read(1)) ** 2).sum(axis=0)
    expected = 10 * np.log10(power / power.max())
    assert level.max() == 0 and level.shape == (350, 64)
    np.testing.assert_allclose(level[0], expected[:4].max(axis=0), atol=1e-3)


@pytest.mark.parametrize(("width", "points"), [(300, 9), (300, 12), (340, 9), (420, 12)])
def test_every_text_and_control_of_a_raw_file_fits(window, folder, width, points):
    window.main.resize(width, 900)
    window.letters(points)
    window.open(folder / "raw.h5")
    window.click(window.raw.look_section._header)
    window.wait(lambda: bool(window.raw.plot.figure.axes))
    window.click(window.raw.options_section._header)
    window.raw.otherwise.setChecked(True)
    window.pick(window.raw.trajectory_picker, "spokes by their angle")
    settle()
    assert what_does_not_fit(window.dock) == []
    window.pick(window.series.sequence_picker, "FISP")
    window.wait(lambda: bool(window.raw.question.text()))
    settle()
    assert what_does_not_fit(window.dock) == []


def test_a_damaged_file_is_told_and_the_one_before_stays(window, folder, tmp_path):
    window.open(folder / "raw.h5")
    cut = tmp_path / "cut.h5"
    cut.write_bytes((folder / "raw.h5").read_bytes()[:40_000])
    window.open(cut)
    assert "cut.h5" in window.series.notice.text()
    assert window.files.current.path == folder / "raw.h5"
    ge = tmp_path / "scan.7"
    ge.write_bytes(b"\0" * 100)
    window.open(ge)
    assert window.series.notice.text()


def test_raw_file_and_series_take_turns_in_the_picker(window, folder):
    window.open(folder / "raw.h5")
    window.click(window.raw.make_button)
    window.open(folder / "series.nii")
    window.click(window.raw.progress_row.cancel_button)  # also while something else is picked
    assert not window.files.making.status.is_running
    assert window.series.layer_picker.currentText() == "series"
    assert not window.raw.isVisible() and window.files.current is None
    window.pick(window.series.layer_picker, "raw.h5 (raw file)")
    assert window.raw.isVisible() and window.files.current is not None
    assert user_folder(window.viewer) == folder.resolve()
    window.pick(window.series.layer_picker, "series")
    assert not window.raw.isVisible()
    assert "175" in window.dock.sections["series"].state()


def test_no_name_of_a_person_or_site_reaches_layers_notices_or_autosave(
    window, tmp_path, monkeypatch
):
    monkeypatch.setenv("NAPARI_MRF_AUTOSAVE", str(tmp_path / "kept"))
    noise = samples((2, 4096), seed=3)
    values = samples((1, 2, 1400, 16), seed=1)
    path = write_mrd(tmp_path / "scan.h5", values, radial(1400), noise=noise)
    assert PERSON.encode() in path.read_bytes()
    window.open(path)
    told = [window.raw.report.text(), window.series.notice.text(), window.raw.question.text()]
    window.click(window.raw.make_button)
    window.wait(lambda: window.session.series is not None)
    window.wait(window.reconstruct.run_button.isEnabled)
    window.click(window.reconstruct.run_button)
    window.wait(lambda: bool(window.session.maps_sets))
    wait_for_layers(window.qtbot, window.viewer)
    keeper = autosave_of(window.viewer)
    keeper.keep()
    window.wait(lambda: not keeper.job.status.is_running)
    files = [one for one in (tmp_path / "kept").rglob("*") if one.is_file()]
    assert any(one.name.endswith(".mrf.json") for one in files)
    told += [*window.layers(), window.series.notice.text(), window.series.warnings.text()]
    told += [gzip.decompress(one.read_bytes()).decode("latin1") if one.suffix == ".gz"
             else one.read_bytes().decode("latin1") for one in files]  # fmt: skip
    words = [PERSON, "Zaphod", SITE, "Betelgeuse", "4242", "SN-31415", "STATION-9"]
    assert not [word for word in words for text in told if word in text]


def test_session_brings_the_raw_file_back_and_computes_nothing_unasked(
    window, folder, tmp_path, qtbot
):
    window.open(folder / "raw.h5")
    window.raw.coils_box.setValue(4)
    window.wait(window.reconstruct.run_button.isEnabled)
    window.click(window.reconstruct.run_button)
    window.wait(lambda: bool(window.session.maps_sets))
    wait_for_layers(qtbot, window.viewer)
    window.session.set_pins(((1, 10, 12),))
    binding = window.dock.session_binding
    binding.save_to(tmp_path / "study.mrf.json")
    window.wait(lambda: not binding.job.status.is_running)
    assert (tmp_path / "study.mrf.json").is_file(), window.dock.session_bar.notice.text()

    other = Window(qtbot)
    other.dock.session_binding.open_file(tmp_path / "study.mrf.json")
    other.wait(lambda: other.files.current is not None)
    wait_for_layers(qtbot, other.viewer)
    said = other.dock.session_bar.notice.text()
    assert "raw.h5" in said and "Make images" in said
    assert list(other.session.maps_sets) == ["water-fat subspace"]
    assert not other.files.making.status.is_running and other.session.series is None
    assert other.raw.coils_box.value() == 4
    assert other.series.layer_picker.currentText() == "raw.h5 (raw file)"
    other.click(other.raw.make_button)
    other.wait(lambda: other.session.series is not None)
    assert other.session.series.metadata["virtual_coils"] == [4, 4]
    assert other.session.pins == ((1, 10, 12),)
    assert list(other.session.maps_sets) == ["water-fat subspace"]  # the same subject
    for one in other.dock.bindings.values():
        if hasattr(one, "bond"):
            one.bond.release()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda series: series["reading"].update(measurement="x"), "was left out"),
        (lambda series: series["files"][0].update(path="/gone.h5", relative="gone.h5"),
         "could not be found"),
    ],
    ids=["edited", "gone"],
)  # fmt: skip
def test_a_session_whose_raw_file_is_of_no_use_says_so(folder, tmp_path, change, said):
    record = {
        "format": "napari-mrf session",
        "series": {
            "name": "raw subspace",
            "files": [{"path": str(folder / "raw.h5"), "sha256": "0" * 64}],
            "reading": {"images": "subspace", "measurement": "0"},
        },
    }
    session = tmp_path / "study.mrf.json"
    session.write_text(json.dumps(record))
    contents = result_of(iter_contents(session))
    assert contents.raw_path == folder / "raw.h5" and contents.raw_reading["measurement"] == 0
    assert "Make images" in contents.remarks[-1] and "changed" in contents.remarks[0]
    change(record["series"])
    session.write_text(json.dumps(record))
    contents = result_of(iter_contents(session))
    assert contents.raw_path is None and said in contents.remarks[-1]


def test_images_that_are_saved_come_back_with_the_session(window, folder, tmp_path, monkeypatch):
    window.open(folder / "raw.h5")
    window.raw.set_images("gridded")
    window.raw.images_changed.emit()
    window.click(window.raw.make_button)
    window.wait(lambda: window.session.series is not None)
    path = tmp_path / "images.nii.gz"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path), ""))
    window.click(window.series.save_button)
    window.wait(lambda: "Saved to" in window.series.notice.text())
    assert not window.series.save_button.isVisible()
    binding = window.dock.session_binding
    binding.save_to(tmp_path / "study.mrf.json")
    window.wait(lambda: not binding.job.status.is_running)
    record = json.loads((tmp_path / "study.mrf.json").read_text())["series"]
    assert record["files"][0]["relative"] == "images.nii.gz" and record["reading"] == {}
    back = result_of(iter_contents(tmp_path / "study.mrf.json")).series
    np.testing.assert_array_equal(back.slab(1), window.session.series.slab(1))


def test_a_pulseq_file_is_read_in_a_thread(window, folder, tmp_path, monkeypatch):
    threads = []

    def load(path):
        threads.append(threading.current_thread())
        return sequences.t1ff()

    monkeypatch.setattr("napari_mrf.plugin.panels.series.controller.sequences.load", load)
    assert "*.seq" in SEQUENCE_FILES
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: ("scan.seq", ""))
    window.open(folder / "raw.h5")
    window.click(window.series.sequence_button)
    window.wait(lambda: bool(threads))
    window.wait(lambda: not window.session.opening.status.is_running)
    assert threads[0] is not threading.main_thread()


def test_ways_are_those_of_the_library():
    from napari_mrf.imaging.images import IMAGES

    assert tuple(IMAGES) == WAYS
