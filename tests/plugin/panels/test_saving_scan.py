"""Maps and regions saved as a scan of a BIDS data set from the panel."""

import numpy as np
import pandas as pd
import pytest
from gui_waits import wait_for_layers
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_mrf import MRFSeries, ParameterMaps, load_maps
from napari_mrf.data import sequences
from napari_mrf.io import save_series
from napari_mrf.plugin.panels.reconstruct.work import DATA_SET
from napari_mrf.plugin.panels.session.work import _is_there
from napari_mrf.plugin.readers import open_dock
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import MapsSet, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.plugin.viewer.opening import opener_of

SHAPE = (2, 6, 5)
AFFINE = np.diag([2.0, 2.0, 8.0, 1.0])


@pytest.fixture
def scene(make_napari_viewer, qtbot, tmp_path):
    sequence = sequences.t1ff()
    signal = np.ones((sequence.n_frames, *SHAPE), np.complex64)
    save_series(MRFSeries(signal, AFFINE, sequence), tmp_path / "sub-07_ses-2_run-1_MRF.h5")
    viewer = make_napari_viewer()
    dock = open_dock(viewer)
    session = session_of(viewer)
    opener_of(viewer).open(tmp_path / "sub-07_ses-2_run-1_MRF.h5")
    qtbot.waitUntil(lambda: session.series is not None, timeout=60_000)
    values = np.random.default_rng(0).uniform(500, 1500, SHAPE).astype(np.float32)
    maps = ParameterMaps({"FF": values / 20000, "T1H2O": values}, affine=AFFINE, provenance={
        "input": {"sha256": session.series.source_sha256}})  # fmt: skip
    maps_display_of(viewer).add(MapsSet("water-fat", maps))
    wait_for_layers(qtbot, viewer)
    return viewer, dock.panels["reconstruct"], session, maps


def test_maps_and_regions_become_a_scan_and_are_replaced_only_if_told(
    qtbot, scene, tmp_path, monkeypatch
):
    viewer, panel, session, maps = scene
    editor = regions_editor_of(viewer)
    label = next(key for key in editor.table if key)
    drawn = np.zeros(SHAPE, np.uint16)
    drawn[1, 1:4, 2:5] = label
    editor.show_labels(drawn, editor.table, name="ROIs")
    wait_for_layers(qtbot, viewer)
    editor.flush()
    results, data_set = panel.results, tmp_path / "set"
    while results.current_form() != DATA_SET:
        qtbot.keyClick(results.form_picker, Qt.Key.Key_Down)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(data_set))
    qtbot.mouseClick(results.save_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Saved to" in panel.notice.text(), timeout=60_000)
    home = data_set / "sub-07" / "ses-2"
    read = load_maps(home)
    for key in maps:
        np.testing.assert_allclose(read[key], maps[key], rtol=2e-7)
    table = pd.read_csv(home / "anat/sub-07_ses-2_run-1_desc-muscles_rois.tsv", sep="\t")
    row = table[(table["map"] == "T1H2O") & (table["scope"] == "pooled")].iloc[0]
    assert row["name"] == editor.table[label].name
    assert row["mean"] == pytest.approx(maps["T1H2O"][drawn > 0].mean(), rel=1e-5)
    saved = session.maps_sets["water-fat"]
    assert saved.folder == str(data_set)
    assert not _is_there(saved)  # a session keeps a copy of its own
    asked = []

    def answer(box):
        asked.append(box.text())
        return QMessageBox.StandardButton.Cancel

    monkeypatch.setattr(QMessageBox, "exec", answer)
    qtbot.mouseClick(results.save_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(asked), timeout=60_000)
