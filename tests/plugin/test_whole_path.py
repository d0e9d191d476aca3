"""A muscle study from the sample to the report, in one window, with mouse and keys alone."""

import numpy as np
import pytest
from gui_waits import wait_for_layers
from napari.settings import get_settings
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QFileDialog
from superqt.utils import WorkerBase

from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.io import load_labels, load_series
from napari_mrf.phantoms.samples.thigh import ROIS_NAME, SERIES_NAME, sample_directory
from napari_mrf.plugin.jobs import JobState
from napari_mrf.plugin.layers import series_of
from napari_mrf.plugin.session import session_of

MUSCLES = (7, 9, 10, 13)  # VL_R, VM_R, RF_R, SM_R


@pytest.fixture(scope="module", autouse=True)
def sample():
    """Make the sample before the clock of a test runs."""
    return sample_directory()


@pytest.fixture
def study(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    get_settings().application.confirm_close_window = False
    viewer.window._qt_window.resize(1280, 800)
    yield Study(qtbot, viewer)
    WorkerBase.await_workers(60_000)


class Study:
    """A user: finds things on the screen, clicks on them, and waits for what happens."""

    def __init__(self, qtbot, viewer):
        self.qtbot, self.viewer = qtbot, viewer
        viewer.open_sample("napari-mrf", "thigh")
        self.dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")[1]
        self.session = session_of(viewer)
        self.native = viewer.window._qt_viewer.canvas.native
        self.layer = next(layer for layer in viewer.layers if series_of(layer) is not None)
        self.orientation = DisplayOrientation.from_affine(self.session.series.affine)
        self.wait(self.panel("reconstruct").run_button.isEnabled)

    def panel(self, key):
        return self.dock.panels[key]

    def wait(self, condition, seconds=300):
        self.qtbot.waitUntil(condition, timeout=1000 * seconds)

    def click(self, widget, at=None):
        if at is None:
            at = QPoint(min(10, widget.width() // 2), widget.height() // 2)
        self.qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=at)

    def open(self, key):
        section = self.dock.sections[key]
        if not section.is_open():
            self.click(section._header)
        self.wait(section.is_open)
        QApplication.processEvents()

    def pick(self, picker, text):
        index = picker.findText(text, Qt.MatchFlag.MatchStartsWith)
        assert index >= 0, f"{text} is not offered"
        picker.setCurrentIndex(index)
        picker.activated.emit(index)
        picker.textActivated.emit(picker.currentText())

    def place(self, row, column):
        """Return the pixel of the canvas in the middle of a voxel in screen order."""
        world = self.layer.data_to_world((0, 0, row, column))
        camera = self.viewer.scene.camera
        size = np.array([self.native.width(), self.native.height()])
        offset = (np.array(world[-2:]) - np.array(camera.center)[-2:])[::-1] * camera.zoom
        x, y = size / 2 + offset
        return QPoint(round(x), round(y))

    def hover(self, *pixels):
        """Move the mouse over pixels of the canvas, which drops moves in quick succession."""
        for pixel in pixels:
            self.qtbot.mouseMove(self.native, pixel)
            self.qtbot.wait(20)

    def reconstruct(self, method):
        panel = self.panel("reconstruct")
        self.pick(panel.method_picker, method)
        self.click(panel.run_button)
        job = self.session.reconstruction
        self.wait(lambda: not job.status.is_running)
        assert job.status.state is JobState.DONE, job.status.failure

    def draw(self, label, mask):
        """Draw a polygon well inside a muscle, corner by corner."""
        panel = self.panel("rois")
        tree = panel.tree
        tree.scrollToItem(tree._rows[label])
        self.click(tree.viewport(), tree.visualItemRect(tree._rows[label]).center())
        if panel.draw_button.text().startswith("Draw "):
            self.click(panel.draw_button)
            self.wait(self.dock.bindings["rois"].editor.is_drawing)
        rows, columns = np.nonzero(mask)
        middle = np.array([np.median(rows), np.median(columns)])
        reach = 2.5
        for corner in ((-1, -1), (-1, 1), (1, 1), (1, -1)):
            pixel = self.place(*(middle + reach * np.array(corner)))
            self.hover(pixel + QPoint(-9, -7), pixel + QPoint(-3, 2), pixel)
            self.qtbot.mouseClick(self.native, Qt.MouseButton.LeftButton, pos=pixel)
        with self.qtbot.waitSignal(self.session.regions_changed, timeout=10_000):
            self.qtbot.mouseDClick(self.native, Qt.MouseButton.LeftButton, pos=pixel)
        self.wait(lambda: label in self.session.regions.table)


@pytest.mark.slow
def test_study_from_the_sample_to_the_report(study, sample, tmp_path, monkeypatch):
    session, viewer = study.session, study.viewer
    signal = np.asarray(load_series(sample / SERIES_NAME).signal)

    study.reconstruct("water-fat")
    study.reconstruct("cohen")
    assert list(session.maps_sets) == ["water-fat", "cohen"]
    maps = {name: one.maps for name, one in session.maps_sets.items()}

    # Hover, read the plot, pin.
    study.open("inspect")
    inspect = study.panel("inspect")
    at = (42, 48)
    voxel = study.orientation.file_index((0, *at), session.series.spatial_shape)
    expected = np.abs(signal[(slice(None), *voxel)])

    def is_shown():
        # The open panel may still be moving the image.
        study.hover(study.place(30, 30), study.place(*at))
        study.qtbot.wait(100)
        values = inspect.plot.shown_values()
        return values is not None and np.allclose(values, expected)

    study.wait(is_shown)
    study.click(study.native, study.place(*at))
    study.wait(lambda: session.pins == (voxel,))

    # Draw four muscles, read the table.
    study.open("rois")
    labels = load_labels(
        sample / ROIS_NAME, session.series.spatial_shape, session.series.affine
    ).values
    shown = study.orientation.to_screen(labels)[0]
    for label in MUSCLES:
        study.draw(label, shown == label)
    rois = study.panel("rois")
    study.click(rois.draw_button)
    table = rois.statistics.table
    study.wait(lambda: table.model().rowCount() == len(MUSCLES))
    drawn = session.regions.labels
    for label in MUSCLES:
        inside = drawn == label
        assert 16 <= inside.sum() <= 49
        assert (labels[inside] == label).mean() > 0.5
    chosen = rois.statistics.maps_picker.currentText()
    numbers = table.table()
    for row in range(len(numbers)):
        inside = drawn == numbers["label"].iloc[row]
        mean = maps[chosen]["FF"][inside].astype(float).mean()
        assert numbers["FF mean"].iloc[row] == pytest.approx(mean, rel=1e-6)

    # Compare the two reconstructions; a point of the plot is a region.
    study.open("compare")
    compare = study.panel("compare")
    study.pick(compare.pickers["reference"], "water-fat")
    study.pick(compare.pickers["test"], "cohen")
    study.click(compare.run_button)
    results = study.dock.bindings["compare"].results
    study.wait(lambda: results.compared is not None and not session.comparison.status.is_running)
    compare.results.set_tab("bland-altman")
    QApplication.processEvents()
    plot = compare.results.plot
    study.click(plot, plot.place_of(1))
    study.wait(lambda: session.chosen_region is not None)
    assert session.chosen_region.label in MUSCLES
    study.click(compare.results.error_button)
    study.wait(lambda: any(" − cohen" in layer.name for layer in viewer.layers))

    # The report holds what the panel compared, and that follows from the maps.
    report = tmp_path / "report.html"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(report), ""))
    study.click(compare.results.report_button)
    study.wait(lambda: report.exists() and report.with_suffix(".pdf").exists())
    means = {
        name: np.array([float(np.nanmean(one["FF"][drawn == label])) for label in MUSCLES])
        for name, one in maps.items()
    }
    difference = means["water-fat"] - means["cohen"]
    row = results.compared.comparison.agreement.set_index("map").loc["FF"]
    assert row["n"] == len(MUSCLES)
    assert row["bias"] == pytest.approx(difference.mean(), abs=1e-7)
    assert row["upper"] == pytest.approx(
        difference.mean() + 1.96 * difference.std(ddof=1), abs=1e-7
    )

    # Importance: start, let a bar appear, cancel; what was measured stays.
    study.open("importance")
    importance = study.panel("importance")
    study.wait(importance.run_button.isEnabled)
    study.click(importance.run_button)
    study.wait(lambda: session.importance.status.done > 0)
    study.click(importance.progress_row.cancel_button)
    assert session.importance.status.state is JobState.CANCELLED
    study.wait(importance.run_button.isEnabled)

    assert session.pins == (voxel,)

    # Save the session, empty the window, bring it back.
    path = tmp_path / "study.mrf.json"
    binding = study.dock.session_binding
    binding.save_to(path)
    study.wait(lambda: not binding.job.status.is_running)
    assert "Saved to" in study.dock.session_bar.notice.text()
    binding.open_file(path)
    study.wait(lambda: not binding.job.status.is_running)
    wait_for_layers(study.qtbot, viewer)
    assert study.dock.session_bar.notice.text() == ""
    assert set(session.maps_sets) == {"water-fat", "cohen"}
    np.testing.assert_array_equal(session.regions.labels, drawn)
    assert session.pins == (voxel,)
    for name, one in maps.items():
        np.testing.assert_array_equal(session.maps_sets[name].maps["T1H2O"], one["T1H2O"])
