"""DICOM in the window: a folder is dropped, maps and regions are saved, nobody is named."""

import numpy as np
import pydicom
import pytest
from dicom_cases import PLANTED, affine, classic, expected, signal
from gui_waits import drop, press_ok, wait_for_layers
from napari.components import ViewerModel
from napari.settings import get_settings
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog
from superqt.utils import WorkerBase

from napari_mrf import ParameterMaps, load_maps, load_series
from napari_mrf.plugin.dock import ReconstructDock, RoisDock
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.readers import get_reader
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import MapsSet, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of

SHAPE = (2, 6, 7)
VALUES = signal((4, *SHAPE))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("dicom") / "thigh"
    for number, part in enumerate(("magnitude", "phase"), 5):
        classic(home, VALUES, part, number)
    return home


@pytest.fixture
def viewer(qapp, folder):
    viewer = ViewerModel()
    series = load_series(folder)
    data, attributes, _ = series_layer_data(series, "thigh")
    viewer.add_image(data, **attributes)
    session_of(viewer).set_series(series, "thigh")
    yield viewer
    WorkerBase.await_workers(10_000)


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_dropped_folder_opens_its_series_and_no_layer_names_a_person(
    qtbot, make_napari_viewer, folder
):
    viewer = make_napari_viewer(show=True)
    get_settings().application.confirm_close_window = False
    press_ok()
    drop(viewer, [folder])
    session = session_of(viewer)
    qtbot.waitUntil(lambda: session.series is not None, timeout=60_000)
    wait_for_layers(qtbot, viewer)
    assert session.series.source_path == str(folder)
    np.testing.assert_allclose(np.asarray(session.series.signal), expected(VALUES), rtol=2e-6,
                               atol=1e-2)  # fmt: skip
    assert [layer.name for layer in viewer.layers] == ["thigh"]
    told = repr([(layer.name, layer.metadata) for layer in viewer.layers]) + viewer.title
    assert not [word for word in PLANTED if word in told]
    WorkerBase.await_workers(60_000)


def test_only_folders_of_dicom_files_are_taken(folder, tmp_path):
    assert get_reader(str(folder)) is not None
    assert get_reader(str(next(folder.iterdir()))) is not None
    (tmp_path / "notes.txt").write_text("x")
    assert get_reader(str(tmp_path)) is None


@pytest.mark.parametrize(("steps", "file"), [
    (0, "FF.nii.gz"), (1, "FF.dcm"), (2, "FF_0002.dcm"), (3, "FF.mha"),
])  # fmt: skip
def test_maps_are_saved_in_the_form_that_is_picked(
    qtbot, viewer, tmp_path, monkeypatch, steps, file
):
    dock = ReconstructDock(viewer)
    qtbot.addWidget(dock)
    dock.show()
    values = np.random.default_rng(0).random(SHAPE, dtype=np.float32)
    source = session_of(viewer).series
    maps = ParameterMaps({"FF": values}, affine=affine(), provenance={
        "input": {"sha256": source.source_sha256, **source.metadata}})  # fmt: skip
    maps_display_of(viewer).add(MapsSet("water-fat", maps))
    wait_for_layers(qtbot, viewer)
    panel = dock.panels["reconstruct"]
    for _ in range(steps):
        qtbot.keyClick(panel.results.form_picker, Qt.Key.Key_Down)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "out"))
    click(qtbot, panel.results.save_button)
    qtbot.waitUntil(lambda: "Saved to" in panel.notice.text(), timeout=10_000)
    assert (tmp_path / "out" / file).exists()
    is_rounded = steps == 2
    assert bool(session_of(viewer).maps_sets["water-fat"].folder) != is_rounded
    if not is_rounded:
        assert np.array_equal(load_maps(tmp_path / "out")["FF"], values)
    held = b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert not [word for word in PLANTED if word.encode() in held]


def test_regions_are_saved_as_a_segmentation_that_refers_to_the_series(
    qtbot, viewer, folder, tmp_path, monkeypatch
):
    dock = RoisDock(viewer)
    qtbot.addWidget(dock)
    dock.show()
    panel, editor = dock.panels["rois"], regions_editor_of(viewer)
    label = next(iter(key for key in editor.table if key))
    values = np.zeros(SHAPE, np.uint16)
    values[1, 1:4, 2:5] = label
    editor.show_labels(values, editor.table, name="ROIs")
    wait_for_layers(qtbot, viewer)
    editor.flush()
    path = tmp_path / "rois.dcm"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    click(qtbot, panel.save_button)
    qtbot.waitUntil(lambda: "Saved to" in panel.notice.text(), timeout=10_000)
    assert "not read back" in panel.notice.text()
    one = pydicom.dcmread(path)
    assert [item.SegmentLabel for item in one.SegmentSequence] == [editor.table[label].name]
    assert one.pixel_array.sum() == (editor.labels() == label).sum()
    assert one.StudyInstanceUID == pydicom.dcmread(next(folder.iterdir())).StudyInstanceUID
    assert session_of(viewer).regions.path == ""  # they are still to be saved
    assert not [path.name for path in tmp_path.iterdir() if path.suffix == ".txt"]
