"""The Series panel says what is loaded, what is wrong, and how to cure it."""

import nibabel as nib
import numpy as np
import pytest
from gui_waits import delete
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries, load_series
from napari_mrf.data import sequences
from napari_mrf.io import save_series
from napari_mrf.plugin.dock import MRFDock, SeriesDock
from napari_mrf.plugin.layers import series_layer_data, series_of
from napari_mrf.plugin.session import session_of
from napari_mrf.reconstruction.method import MethodOption

AFFINE = np.diag([-1.5, -2.0, 8.0, 1.0])
RNG = np.random.default_rng(3)


def make_series(n_frames=175, affine=AFFINE, **fields):
    shape = (n_frames, 2, 4, 5)
    signal = (RNG.normal(size=shape) + 1j * RNG.normal(size=shape)).astype(np.complex64)
    return MRFSeries(signal, affine, **fields)


def add(viewer, series, name="thigh"):
    data, attributes, _ = series_layer_data(series, name)
    return viewer.add_image(data, **attributes)


@pytest.fixture
def viewer(qapp):
    return ViewerModel()


@pytest.fixture
def dock(qtbot, viewer):
    dock = SeriesDock(viewer)
    qtbot.addWidget(dock)
    dock.show()
    yield dock
    dock.bindings["series"].bond.release()
    WorkerBase.await_workers(10_000)


@pytest.fixture
def panel(dock):
    return dock.panels["series"]


def facts(panel):
    layout = panel.facts
    return {
        layout.itemAt(row, layout.ItemRole.LabelRole).widget().text(): layout.itemAt(
            row, layout.ItemRole.FieldRole
        )
        .widget()
        .text()
        for row in range(layout.rowCount())
    }


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_without_a_series_the_panel_says_how_to_get_one(dock, panel):
    assert "Open Sample" in panel.notice.text()
    assert not panel.sequence_picker.isEnabled()
    assert panel.open_button.isEnabled()
    assert dock.sections["series"].state() == "open a series"


def test_series_is_told_in_words_and_its_sequence_is_found_by_length(dock, panel, viewer):
    layer = add(viewer, make_series())
    assert panel.layer_picker.currentText() == "thigh"
    assert panel.sequence_picker.currentText() == "MRF T1-FF"
    assert series_of(layer).sequence == sequences.t1ff()
    assert session_of(viewer).series is series_of(layer)
    assert facts(panel) == {
        "Frames": "175",
        "Grid": "2 slices · 4 × 5",
        "Voxel": "1.5 × 2 × 8 mm · axial",
        "Signal": "56 kB · in memory",
    }
    assert dock.sections["series"].state() == "thigh · MRF T1-FF · 175 frames · 2 × 4 × 5"
    assert panel.notice.isHidden()


def test_missing_geometry_and_warnings_of_the_reader_are_shown(panel, viewer):
    add(viewer, make_series(affine=None, warnings=("12 voxels are not finite.",)))
    assert facts(panel)["Voxel"] == "size unknown"
    assert panel.warnings.text() == "12 voxels are not finite."


def test_unknown_length_asks_for_the_sequence(panel, viewer):
    add(viewer, make_series(n_frames=33))
    assert "33 frames" in panel.notice.text()
    assert panel.notice.cure_button.isHidden()
    panel.sequence_picker.textActivated.emit("MRF T1-FF")
    assert "expected 175 frames, found 33 frames" in panel.notice.text()
    assert session_of(viewer).series.sequence is None


def test_unaveraged_spokes_are_averaged_at_a_click(qtbot, panel, viewer):
    series = make_series(n_frames=1400)
    add(viewer, series)
    assert panel.notice.text() == (
        "The series has 1400 frames, MRF T1-FF has 175. "
        "1400 / 175 = 8: is this the unaveraged spoke series?"
    )
    assert panel.notice.cure_button.text() == "Average 8 spokes"
    click(qtbot, panel.notice.cure_button)
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=10_000)
    averaged = session_of(viewer).series
    assert session_of(viewer).series_name == "thigh averaged"
    expected = series.signal[8:16].mean(axis=0)
    assert np.allclose(averaged.signal[1], expected, atol=1e-6)
    assert averaged.metadata["reading"]["average_spokes"] is True  # a session reads it so again
    assert panel.notice.isHidden()


def test_scan_that_was_cut_short_is_taken_at_a_click(qtbot, panel, viewer):
    series = make_series(n_frames=150)
    add(viewer, series)
    panel.sequence_picker.textActivated.emit("MRF T1-FF")
    assert "expected 175 frames, found 150 frames" in panel.notice.text()
    assert panel.notice.cure_button.text() == "Use frames 0-149"
    click(qtbot, panel.notice.cure_button)
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=10_000)
    longer = session_of(viewer).series
    assert longer.sequence == sequences.t1ff()
    np.testing.assert_array_equal(longer.signal[:150], series.signal)
    assert np.isnan(longer.signal[150:]).all()
    assert "150-174" in panel.warnings.text()
    assert longer.metadata["reading"] == {"frames": "0-149"}


def test_component_follows_the_radio_buttons(qtbot, panel, viewer):
    layer = add(viewer, make_series())
    phase = next(b for b in panel.components.buttons() if b.text() == "phase")
    phase.click()  # the middle of a wide row lies beside its text
    assert layer.data.component == "phase"
    assert len(viewer.layers) == 1


def test_picking_another_layer_makes_it_current(panel, viewer):
    first = add(viewer, make_series(), "first")
    add(viewer, make_series(), "second")
    assert session_of(viewer).series_name == "second"
    panel.layer_picker.textActivated.emit("first")
    assert session_of(viewer).series is series_of(first)
    viewer.layers.remove(first)
    assert session_of(viewer).series_name == "second"


def test_renamed_layer_stays_the_current_one(panel, viewer):
    first = add(viewer, make_series(), "first")
    add(viewer, make_series(), "second")
    panel.layer_picker.textActivated.emit("first")
    first.name = "patient 7"
    assert session_of(viewer).series_name == "patient 7"
    assert panel.layer_picker.currentText() == "patient 7"


def test_sequence_is_loaded_from_csv_and_errors_are_said_in_place(
    qtbot, dock, panel, viewer, tmp_path
):
    add(viewer, make_series(n_frames=3))
    good, bad = tmp_path / "mine.csv", tmp_path / "bad.csv"
    good.write_text("FA,TE,TR\n5,2,4\n6,2,4\n7,2,4\n")
    bad.write_text("FA,TE\n5,2\n")
    dock.bindings["series"].load_sequence(bad)
    qtbot.waitUntil(lambda: "lacks a column" in panel.notice.text())
    assert dock.sections["series"].state() == "thigh · no sequence · 3 frames · 2 × 4 × 5"
    dock.bindings["series"].load_sequence(good)
    qtbot.waitUntil(lambda: panel.sequence_picker.currentText() == "mine")
    assert session_of(viewer).series.sequence.n_frames == 3


def test_file_is_opened_in_the_background(qtbot, dock, panel, viewer, tmp_path):
    save_series(make_series(sequence=sequences.t1ff()), tmp_path / "leg.nii")
    dock.bindings["series"].open_file(tmp_path / "leg.nii")
    assert not panel.progress_row.isHidden()
    assert not panel.open_button.isEnabled()
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=10_000)
    assert panel.progress_row.isHidden()
    assert panel.open_button.isEnabled()
    assert facts(panel)["File"] == "leg.nii"
    assert viewer.canvas.overlays["mrf_left"].text == "R"
    assert viewer.canvas.overlays["mrf_top"].text == "A"


def test_file_that_cannot_be_read_is_one_sentence(qtbot, dock, panel, viewer, tmp_path):
    (tmp_path / "x.nii").write_bytes(b"nothing")
    dock.bindings["series"].open_file(tmp_path / "x.nii")
    qtbot.waitUntil(lambda: bool(panel.notice.text()), timeout=10_000)
    assert "x.nii" in panel.notice.text()
    assert "Traceback" not in panel.notice.text()
    assert not viewer.layers


def test_closed_panel_hears_nothing_more(qtbot, viewer):
    dock = MRFDock(viewer)
    dock.show()
    dock.close()
    delete(qtbot, dock)
    add(viewer, make_series())
    session_of(viewer).set_series(None)
    WorkerBase.await_workers(10_000)


@pytest.mark.parametrize("width", [300, 340])
def test_nothing_is_wider_than_the_dock(qtbot, viewer, width):
    dock = MRFDock(viewer)
    qtbot.addWidget(dock)
    add(viewer, make_series(warnings=("/a/long/path/to/a/series_with_a_long_name.nii.gz: odd.",)))
    dock.panels["reconstruct"].results.set_maps(["water-fat slice 12"], "water-fat slice 12")
    options = [
        MethodOption("w", "int", 1, "Sliding window inside a segment (frames)", "Long."),
        MethodOption("p", "choice", "a", "Prior", "Short.", choices=("a", "b")),
    ]
    dock.panels["reconstruct"].options.set_options(options)
    dock.panels["reconstruct"].more.setVisible(True)
    dock.panels["reconstruct"].more.set_open(True)
    dock.resize(width, 700)
    dock.show()
    content = dock._scroll.widget()
    assert content.minimumSizeHint().width() <= dock._scroll.viewport().width()
    dock.bindings["reconstruct"].catalogue.cancel()
    WorkerBase.await_workers(10_000)


def test_of_sequences_that_play_the_same_pulses_the_first_is_proposed(viewer, dock):
    add(viewer, make_series(n_frames=1000))
    assert session_of(viewer).series.sequence == sequences.fisp()
    assert sequences.fisp_b1().n_frames == 1000


def test_frames_on_the_first_axis_are_named_and_taken_at_a_click(
    qtbot, viewer, dock, panel, tmp_path
):
    stored = RNG.normal(size=(175, 5, 4, 2)) * np.exp(1j)
    nib.save(nib.Nifti1Image(stored.astype(np.complex64), AFFINE), tmp_path / "scan.nii")
    session = session_of(viewer)
    dock.bindings["series"].open_file(tmp_path / "scan.nii")
    qtbot.waitUntil(lambda: panel.notice.cure_button.text() == "Frames are the first axis")
    assert session.series.signal.shape == (2, 4, 5, 175)  # nothing is turned silently
    assert 'axes="TXYZ"' in panel.warnings.text()
    assert "2 frames" in panel.notice.text()
    click(qtbot, panel.notice.cure_button)
    qtbot.waitUntil(lambda: session.series is not None and session.series.n_frames == 175)
    assert [layer.name for layer in viewer.layers] == ["scan"]
    frames = stored.astype(np.complex64).transpose(0, 3, 2, 1)
    np.testing.assert_array_equal(np.asarray(session.series.signal), frames)
    assert session.series.metadata["reading"] == {"axes": "TXYZ"}
    assert session.series.sequence == sequences.t1ff()


def test_real_and_imaginary_part_behind_the_frames_are_taken_at_a_click(
    qtbot, viewer, dock, panel, tmp_path
):
    stored = RNG.normal(size=(175, 5, 4, 2)).astype(np.float32)  # T, X, Y, real and imaginary
    nib.save(nib.Nifti1Image(stored, AFFINE), tmp_path / "scan.nii")
    dock.bindings["series"].open_file(tmp_path / "scan.nii")
    qtbot.waitUntil(lambda: panel.notice.cure_button.text() == "Frames are the first axis")
    assert 'axes="TXYC"' in panel.notice.text()
    click(qtbot, panel.notice.cure_button)
    session = session_of(viewer)
    qtbot.waitUntil(lambda: session.series is not None)
    expected = (stored[..., 0] + 1j * stored[..., 1]).transpose(0, 2, 1)
    np.testing.assert_array_equal(np.asarray(session.series.signal)[:, 0], expected)


@pytest.mark.parametrize(("shape", "order", "says"), [
    ((175, 5, 4), "TXY", "Frames are the first axis"),
    ((175, 5, 4, 1), "TXY", "Frames are the first axis"),
    ((5, 4, 175), "XYT", "Frames are the last axis"),
    ((1000, 6, 3), "TXY", "Frames are the first axis"),
])  # fmt: skip
def test_a_single_slice_is_opened_at_a_click(
    qtbot, viewer, dock, panel, tmp_path, shape, order, says
):
    stored = (RNG.normal(size=shape) + 1j).astype(np.complex64)
    nib.save(nib.Nifti1Image(stored, AFFINE), tmp_path / "scan.nii")
    session = session_of(viewer)
    dock.bindings["series"].open_file(tmp_path / "scan.nii")
    qtbot.waitUntil(lambda: panel.notice.cure_button.text() == says)
    assert session.series is None and f'axes="{order}"' in panel.notice.text()
    click(qtbot, panel.notice.cure_button)
    qtbot.waitUntil(lambda: session.series is not None)
    at = [order.index(letter) for letter in "TYX"]
    expected = stored.reshape(stored.shape[:3]).transpose(at)
    np.testing.assert_array_equal(np.asarray(session.series.signal)[:, 0], expected)
    assert [layer.name for layer in viewer.layers] == ["scan"]


@pytest.mark.parametrize(("shape", "kind"), [
    ((175, 5, 4), np.float32),  # a volume
    ((175, 5, 175), np.complex64),  # either end may be the frames
    ((9, 5, 4), np.complex64),  # no known sequence
])  # fmt: skip
def test_no_order_of_three_axes_is_offered_where_nobody_knows(
    qtbot, dock, panel, tmp_path, shape, kind
):
    nib.save(nib.Nifti1Image(np.ones(shape, kind), AFFINE), tmp_path / "scan.nii")
    dock.bindings["series"].open_file(tmp_path / "scan.nii")
    qtbot.waitUntil(lambda: "the order of the axes is not known" in panel.notice.text())
    assert panel.notice.cure_button.isHidden()


@pytest.mark.parametrize("shape", [(5, 4, 2, 175), (5, 4, 2, 1400), (5, 4, 2, 9), (175, 4, 2, 175)])
def test_nothing_is_said_of_the_first_axis_where_nothing_speaks_for_it(tmp_path, shape):
    nib.save(nib.Nifti1Image(np.ones(shape, np.complex64), AFFINE), tmp_path / "scan.nii")
    series = load_series(tmp_path / "scan.nii")
    assert "frames_first" not in series.metadata
    assert not any("first axis" in one for one in series.warnings)
