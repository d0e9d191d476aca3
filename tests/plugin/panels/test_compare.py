"""The Compare panel: two sets in, numbers and plots out; points and regions find each other."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import nibabel
import numpy as np
import pandas as pd
import pytest
from gui_waits import answer_next_question, delete, wait_for_layers
from matplotlib.colors import to_hex
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QFileDialog, QToolTip
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.analysis.agreement.agreement_table import agreement_table
from napari_mrf.analysis.agreement.statistics import agreement
from napari_mrf.compute.steps import result_of
from napari_mrf.data import sequences
from napari_mrf.io import Label, load_maps, save_maps
from napari_mrf.plugin.dock import CompareDock
from napari_mrf.plugin.jobs import JobState, Step
from napari_mrf.plugin.kit.plot_colors import readable
from napari_mrf.plugin.layers import ERROR_KEY, find_errors, series_layer_data
from napari_mrf.plugin.panels.compare import controller as compare_controller
from napari_mrf.plugin.panels.compare.opening import name_of_folder
from napari_mrf.plugin.panels.compare.panel import FROM_FOLDER, TRUTH
from napari_mrf.plugin.panels.compare.results_controller import advice_note, bland_altman_note
from napari_mrf.plugin.panels.compare.work import selected, write_report, write_tables
from napari_mrf.plugin.session import MapsSet, RegionChoice, Regions, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.plugin.viewer.unsaved import unsaved_of
from napari_mrf.report.comparison.content import report_content

AFFINE = np.diag([-1.5, -2.0, -8.0, 1.0])  # slices run to the feet: shown in reverse order
SHAPE = (3, 20, 24)
NAMES = {label: Label(label, f"muscle {label}", (20 * label, 90, 90)) for label in range(1, 7)}


def regions(**changes):
    labels = np.zeros(SHAPE, np.uint16)
    for label in NAMES:
        labels[:, 2:18, 4 * label - 4 : 4 * label - 1] = label
    labels[2] *= labels[2] != 6  # muscle 6 ends in slice 1
    return Regions(labels, NAMES, **changes)


def maps(seed, shift=0.0):
    random = np.random.default_rng(seed)
    level = np.linspace(0, 1, SHAPE[2])[None, None] * np.ones(SHAPE)
    noise = random.normal(0, 1, SHAPE)
    fraction = np.clip(0.1 + 0.4 * level + 0.02 * noise + shift / 5000, 0, 1)
    water = 1100 + 300 * level + 15 * noise + shift * (1 + level)
    fraction[:, 0] = np.nan
    return ParameterMaps({"FF": fraction, "T1H2O": water}, affine=AFFINE,
                         provenance={"method": {"name": "water-fat"}})  # fmt: skip


@pytest.fixture
def viewer(qapp):
    viewer = ViewerModel()
    signal = np.ones((175, *SHAPE), np.complex64)
    series = MRFSeries(signal, AFFINE, sequences.t1ff())
    data, attributes, _ = series_layer_data(series, "thigh")
    viewer.add_image(data, **attributes)
    session_of(viewer).set_series(series, "thigh")
    maps_display_of(viewer).add(MapsSet("truth", maps(0), "thigh"))
    maps_display_of(viewer).add(MapsSet("cohen", maps(1, 20.0), "thigh", 3.0))
    session_of(viewer).set_regions(regions())
    return viewer


@pytest.fixture
def session(viewer):
    return session_of(viewer)


@pytest.fixture
def dock(qtbot, viewer):
    dock = CompareDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(340, 1400)
    with qtbot.waitExposed(dock):
        dock.show()
    yield dock
    session_of(viewer).comparison.cancel()
    WorkerBase.await_workers(10_000)


@pytest.fixture
def panel(dock):
    return dock.panels["compare"]


@pytest.fixture
def compared(qtbot, dock, panel, session):
    """Return the binding of the results after a comparison."""
    with qtbot.waitSignal(session.comparison.succeeded, timeout=30_000):
        click(qtbot, panel.run_button)
    return dock.bindings["compare"].results


def click(qtbot, widget, at=None):
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=at or QPoint())


def pick(picker, text):
    picker.setCurrentText(text)
    picker.textActivated.emit(text)


def click_map(qtbot, panel, row):
    table = panel.results.maps
    rect = table.visualRect(table.model().index(row, 0))
    click(qtbot, table.viewport(), rect.center())


def point_of(results, label, z=None):
    points = results._points
    same = points["label"] == label
    if z is not None:
        same &= points["slice"] == z
    return int(np.flatnonzero(same)[0])


def test_two_sets_are_picked_by_themselves_and_change_places(qtbot, panel):
    assert (panel.current("reference"), panel.current("test")) == ("truth", "cohen")
    click(qtbot, panel.swap_button)
    assert (panel.current("reference"), panel.current("test")) == ("cohen", "truth")
    assert panel.pickers["test"].currentText() == "truth"


def test_what_is_missing_is_said_in_gray(qtbot):
    dock = CompareDock(ViewerModel())
    qtbot.addWidget(dock)
    panel = dock.panels["compare"]
    assert "Reconstruct the series first" in panel.needs.text()
    assert not panel.run_button.isEnabled()
    assert panel.results.isHidden()


def test_a_set_is_not_compared_with_itself(panel):
    pick(panel.pickers["reference"], "cohen")
    assert panel.needs.text() == "Pick two different sets of maps."
    assert not panel.run_button.isEnabled()


def test_regions_on_another_grid_block_the_comparison(panel, session):
    session.set_regions(Regions(np.ones((3, 20, 25), np.uint16), NAMES))
    assert "not on the grid of the reference" in panel.needs.text()
    assert not panel.run_button.isEnabled()


def test_numbers_are_those_of_the_library(qtbot, panel, compared, session):
    pairs = compared.compared.comparison.pairs
    table = agreement_table(pairs)
    shown = panel.results.statistics.table().set_index("statistic")
    assert shown.loc["Bias", "value"] == f"{100 * table.bias[0]:.2f} %".replace("-", "−")
    click_map(qtbot, panel, 1)
    shown = panel.results.statistics.table().set_index("statistic")
    assert shown.loc["Bias", "value"] == f"{table.bias[1]:.1f} ms".replace("-", "−")
    low, high = table.upper_low[1], table.upper_high[1]
    assert shown.loc["Upper limit", "interval"] == f"{low:.1f} to {high:.1f}".replace("-", "−")
    metrics = compared.compared.comparison.metrics.set_index(["map", "metric"])["value"]
    of_maps = panel.results.maps.table().set_index("map")
    assert of_maps.loc["T1H2O", "NRMSE"] == metrics["T1H2O", "NRMSE"]
    assert of_maps.loc["FF", "MRE"] == pytest.approx(100 * metrics["FF", "MRE"])
    header = panel.results.maps.model()
    tips = [header.headerData(i, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
            for i in range(3)]  # fmt: skip
    assert "maximum - minimum of the reference" in tips[1]
    assert "structural similarity" in panel.results.definitions.text()


@pytest.mark.parametrize("kind", ["scatter", "bland-altman"])
def test_a_click_on_a_point_chooses_its_region_and_goes_there(
    qtbot, viewer, panel, compared, session, kind
):
    panel.results.set_tab(kind)
    click(qtbot, panel.results.by_slice)
    plot = panel.results.plot
    for label, z in ((3, 0), (5, 2)):
        place = plot.place_of(point_of(compared, label, z))
        click(qtbot, plot, place)
        assert session.chosen_region == RegionChoice(label, z)
        # The slices run the other way on the screen.
        assert viewer.dims.point[-3] == pytest.approx((SHAPE[0] - 1 - z) * 8.0)
        assert plot.highlighted() == [point_of(compared, label, z)]
        # Rows 2 to 17 of 2 mm and three columns of 1.5 mm, whose middle is in the middle.
        center = viewer.scene.camera.center[-2:]
        assert center == pytest.approx((19.0, 1.5 * (4 * label - 3)))


def test_a_click_beside_all_points_chooses_nothing(qtbot, panel, compared, session):
    plot = panel.results.plot
    click(qtbot, plot, QPoint(plot.width() - 6, 6))
    assert session.chosen_region is None


def test_the_point_under_the_mouse_tells_muscle_slice_and_subject(qtbot, panel, compared):
    plot = panel.results.plot
    row = point_of(compared, 4)
    qtbot.mouseMove(plot, QPoint(3, 3))
    qtbot.mouseMove(plot, plot.place_of(row))
    qtbot.waitUntil(lambda: QToolTip.text().startswith("muscle 4"), timeout=2000)
    point = compared._points.iloc[row]
    assert plot.tooltip_of(row).startswith(
        f"muscle 4 · all slices · subject thigh\nreference {100 * point.reference:.2f} %, "
    )
    panel.results.set_tab("regions")
    shown = panel.results.points.table()["reference"]
    assert shown[row] == pytest.approx(100 * point.reference)
    panel.results.set_tab("scatter")
    click(qtbot, panel.results.by_slice)
    assert "slice 1" in plot.tooltip_of(point_of(compared, 4, 1))


def test_a_region_chosen_elsewhere_gets_a_ring(panel, compared, session):
    plot = panel.results.plot
    session.choose_region(RegionChoice(2))
    assert plot.highlighted() == [point_of(compared, 2)]
    session.choose_region(None)
    assert plot.highlighted() == []
    panel.results.by_slice.click()
    session.choose_region(RegionChoice(6))
    assert len(plot.highlighted()) == 2  # in both slices it is drawn in
    panel.results.set_tab("regions")
    session.choose_region(RegionChoice(3, 1))
    assert panel.results.points.selected_rows() == [point_of(compared, 3, 1)]


def compare_again(qtbot, panel, session):
    with qtbot.waitSignal(session.comparison.succeeded, timeout=30_000):
        click(qtbot, panel.run_button)
    return panel.results.statistics.table().set_index("statistic")


def open_statistics(qtbot, panel):
    click(qtbot, panel.statistics.section._arrow)
    assert panel.statistics.section.is_open()
    return panel.statistics


def pick_by_key(qtbot, picker, index):
    """Step down in a combo box with the keyboard, as a user does."""
    picker.setFocus()
    for _ in range(index):
        qtbot.keyClick(picker, Qt.Key.Key_Down)


def test_proportional_bias_and_checks_stand_in_the_table(panel, compared):
    row = agreement_table(compared.compared.comparison.pairs).iloc[0]
    shown = panel.results.statistics.table().set_index("statistic")
    assert shown.loc["Prop. bias", "value"] == f"{row.proportional_slope:.3f}".replace("-", "−")
    assert shown.loc["No prop. bias", "value"] == f"p = {row.proportional_p:.3f}"
    assert np.isnan(row.normality_p)  # of fewer than eight regions
    assert shown.loc["Normal differences", "value"] == "–"
    assert shown.loc["Even spread", "value"] == f"p = {row.spread_p:.3f}"
    assert "Repeatability" not in shown.index
    assert not [name for name in shown.index if name.startswith(("Margin", "Lower, indep"))]


def test_design_margin_limits_and_independence_are_asked_for_by_hand(qtbot, dock, panel, session):
    form = open_statistics(qtbot, panel)
    pick_by_key(qtbot, form.design, 1)
    qtbot.keyClicks(form.margins, "FF=2%, T1H2O=60")
    pick_by_key(qtbot, form.limits, 2)
    click(qtbot, form.independent, QPoint(8, form.independent.height() // 2))
    state = "test and retest · margin FF=2% · margin T1H2O=60 · also of ratios · "
    assert form.section.state() == f"{state}independent regions too"
    shown = compare_again(qtbot, panel, session)
    found = dock.bindings["compare"].results.compared.comparison
    assert (found.options.design, found.options.limits) == ("test-retest", "ratio")
    assert found.options.margins == {"FF": 0.02, "T1H2O": 60.0}
    assert found.options.independent
    row = found.agreement.set_index("map").loc["FF"]
    # One subject: no verdict, and the note says why.
    assert shown.loc["Margin ±2.00 %", "value"] == "no verdict"
    assert "a verdict on a margin needs at least 3 subjects" in panel.results.note.text().lower()
    assert shown.loc["Repeatability", "value"] == f"{100 * row.repeatability:.2f} %"
    assert shown.loc["wCV", "value"] == f"{row.within_cv:.1f} %"
    assert "Upper, indep." not in shown.index  # the limits of one subject assume it anyway
    assert shown.loc["Upper limit, ratio", "value"] == f"{row.relative_upper:.3f}"


def test_margins_that_cannot_be_read_block_the_comparison_and_say_so(qtbot, panel, session):
    form = open_statistics(qtbot, panel)
    qtbot.keyClicks(form.margins, "T1H2O")
    assert "is not MAP=NUMBER" in panel.needs.text()
    assert not panel.run_button.isEnabled()
    qtbot.keyClicks(form.margins, "=30")
    assert panel.needs.text() == "" and panel.run_button.isEnabled()
    form.margins.clear()
    qtbot.keyClicks(form.margins, "T1=-3")
    assert "a margin is a number above 0" in panel.needs.text()


SHIFTS = {1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0, 5: 5.0, 6: 300.0}


def add_flat_maps(viewer):
    """Water T1 that differs by a number a muscle; it counts in 12 of 144 voxels of muscle 2."""
    drawn = regions().labels
    water, fraction = np.full(SHAPE, 1200.0), np.full(SHAPE, 0.1)
    fraction[drawn == 2] = 0.9
    fraction[0, 2:6, 4:7] = 0.1
    for name in ("a", "b"):
        shifts = SHIFTS.items() if name == "b" else ()
        shifted = water - sum(shift * (drawn == label) for label, shift in shifts)
        one = ParameterMaps({"FF": fraction, "T1H2O": shifted}, affine=AFFINE)
        maps_display_of(viewer).add(MapsSet(name, one, "thigh"))


@pytest.fixture
def flat(qtbot, viewer, dock, panel):
    add_flat_maps(viewer)
    pick(panel.pickers["reference"], "a")
    pick(panel.pickers["test"], "b")
    compare_again(qtbot, panel, session_of(viewer))
    click_map(qtbot, panel, 1)
    return dock.bindings["compare"].results


def test_regions_left_out_of_a_map_are_listed_in_gray_with_the_reason(qtbot, panel, flat, session):
    view = panel.results.inclusion
    assert view.regions_section.state() == "T1H2O: 5 in, 1 left out"
    assert not view.regions_section.is_open()
    click(qtbot, view.regions_section._arrow)
    table = view.regions
    qtbot.waitUntil(table.isVisible)
    first = table.table().iloc[0]
    assert (first["name"], first["voxels"]) == ("muscle 2", 12)
    assert first["percent"] == pytest.approx(100 * 12 / 144)
    reason = "12 of 144 voxels have a valid value, less than the minimum of 10 %"
    model = table.model()
    titles = [column.title for column in model.columns]
    assert titles == ["Region", "Left out because", "Voxels", "Valid (%)"]
    for column in range(len(titles)):
        assert model.index(0, column).data(Qt.ItemDataRole.ToolTipRole) == reason
        assert model.index(0, column).data(Qt.ItemDataRole.ForegroundRole) is not None
        assert model.index(1, column).data(Qt.ItemDataRole.ForegroundRole) is None
    click(qtbot, table.viewport(), table.visualRect(model.index(0, 0)).center())
    assert session.chosen_region == RegionChoice(2)
    click_map(qtbot, panel, 0)
    assert view.regions_section.state() == "FF: all 6"

    box = panel.rules.min_valid_share
    box.selectAll()
    qtbot.keyClicks(box, "5")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    compare_again(qtbot, panel, session)
    assert flat.compared.comparison.options.rois.min_valid_share == 0.05
    click_map(qtbot, panel, 1)
    assert view.regions_section.state() == "T1H2O: all 6"
    panel.regions.list.item(3).setCheckState(Qt.CheckState.Unchecked)
    assert view.regions_section.state() == "T1H2O: 5 in, 1 left out"
    assert table.table().iloc[0][["name", "why"]].tolist() == ["muscle 4", "not selected"]


def test_a_click_on_an_outlier_shows_its_map_and_chooses_its_region(
    qtbot, viewer, panel, flat, session
):
    view = panel.results.inclusion
    assert view.outliers_section.state() == "T1H2O: 1"
    click_map(qtbot, panel, 0)
    click(qtbot, view.outliers_section._arrow)
    table = view.outliers
    qtbot.waitUntil(table.isVisible)
    (row,) = table.table().to_dict("records")
    # Differences 1, 3, 4, 5 and 300 ms: median 4, median absolute deviation 1.
    assert row["name"] == "muscle 6"
    assert row["distance"] == pytest.approx(296 / 1.4826, rel=1e-6)
    assert (row["difference printed"], row["median printed"]) == ("300.0 ms", "4.0 ms")
    click(qtbot, table.viewport(), table.visualRect(table.model().index(0, 1)).center())
    assert session.chosen_region == RegionChoice(6)
    assert flat.state()["map"] == "T1H2O"
    assert panel.results.plot.highlighted() == [point_of(flat, 6)]
    assert table.selected_rows() == [0]

    click(qtbot, panel.results.by_slice, QPoint(8, panel.results.by_slice.height() // 2))
    rows = table.table()
    assert rows["slice"].tolist() == [0, 1]  # both slices of muscle 6
    click(qtbot, table.viewport(), table.visualRect(table.model().index(1, 0)).center())
    assert session.chosen_region == RegionChoice(6, 1)
    assert viewer.dims.point[-3] == pytest.approx((SHAPE[0] - 1 - 1) * 8.0)

    click(qtbot, panel.results.by_slice, QPoint(8, panel.results.by_slice.height() // 2))
    panel.regions.list.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert view.outliers_section.state() == "none"  # of four differences none is far


def test_only_checked_regions_count(qtbot, panel, compared):
    item = panel.regions.list.item(0)
    item.setCheckState(Qt.CheckState.Unchecked)
    pairs = compared.compared.comparison.pairs
    kept = agreement_table(pairs[pairs["label"] != 1])
    shown = panel.results.statistics.table().set_index("statistic")
    assert shown.loc["Bias", "value"] == f"{100 * kept.bias[0]:.2f} %".replace("-", "−")
    assert len(compared._points) == 5
    assert panel.regions.section.state() == "5 of 6"
    click(qtbot, panel.regions.none_button)
    assert len(compared._points) == 0
    click(qtbot, panel.regions.all_button)
    assert len(compared._points) == 6


@pytest.mark.parametrize(
    ("kind", "limits", "value"),
    [("difference", (-0.15, 0.15), -0.01), ("relative", (-25, 25), -5.0),
     ("absolute", (0, 0.15), 0.01)],
)  # fmt: skip
def test_error_layers_have_fixed_limits_and_follow_the_regions(
    qtbot, viewer, panel, compared, session, kind, limits, value
):
    flat = ParameterMaps({"FF": np.full(SHAPE, 0.2)}, affine=AFFINE)
    other = ParameterMaps({"FF": np.full(SHAPE, 0.21)}, affine=AFFINE)
    maps_display_of(viewer).add(MapsSet("flat", flat))
    maps_display_of(viewer).add(MapsSet("other", other))
    wait_for_layers(qtbot, viewer)
    pick(panel.pickers["reference"], "flat")
    pick(panel.pickers["test"], "other")
    with qtbot.waitSignal(session.comparison.succeeded, timeout=30_000):
        click(qtbot, panel.run_button)
    panel.results.error_picker.setCurrentText(kind)
    click(qtbot, panel.results.error_button)
    wait_for_layers(qtbot, viewer)
    (layer,) = find_errors(viewer).values()
    assert layer.contrast_limits == pytest.approx(limits)
    assert layer.data == pytest.approx(np.full(SHAPE, value), abs=1e-5)
    middle = layer.colormap.colors[128][:3]
    assert (min(middle) > 0.8) == (kind != "absolute")  # light where there is no difference
    assert layer.metadata[ERROR_KEY] == ("flat", "other", "FF", kind)
    title = viewer.canvas.overlays["mrf_title"].text.split("\n")
    assert title[1:] == ["flat − other", "gray: not compared"] and "FF" in title[0]
    assert tuple(layer.units[0].dimensionality) == ("[length]",)
    assert not any(one.visible for one in viewer.layers if one.name.endswith("· FF")
                   and one is not layer)  # fmt: skip
    panel.results.regions_only.setChecked(True)
    click(qtbot, panel.results.error_button)
    wait_for_layers(qtbot, viewer)
    assert len(find_errors(viewer)) == 1
    drawn = regions().labels > 0
    assert np.isfinite(layer.data).sum() == drawn.sum()
    changed = regions()
    changed.labels[0] = 0
    session.set_regions(changed)
    qtbot.waitUntil(lambda: np.isfinite(layer.data).sum() == (changed.labels > 0).sum())


def test_changed_regions_and_maps_make_it_out_of_date_with_a_cure(qtbot, panel, compared, session):
    changed = regions()
    changed.labels[:, :, 20:] = 0
    session.set_regions(changed)
    assert panel.notice.text() == "The regions have changed since this comparison."
    with qtbot.waitSignal(session.comparison.succeeded, timeout=30_000):
        click(qtbot, panel.notice.cure_button)
    assert "changed" not in panel.notice.text()
    assert len(compared._points) == 5
    session.add_maps(MapsSet("cohen", maps(5), "thigh"))
    assert panel.notice.text() == "The maps cohen have changed since this comparison."


def test_the_error_map_lies_over_maps_that_came_later(qtbot, viewer, panel, compared):
    click(qtbot, panel.results.error_button)
    wait_for_layers(qtbot, viewer)
    (error,) = find_errors(viewer).values()
    maps_display_of(viewer).add(MapsSet("later", maps(7)))  # such as the known truth
    regions = viewer.add_labels(np.zeros(SHAPE, int))
    click(qtbot, panel.results.error_button)  # while they are still coming
    wait_for_layers(qtbot, viewer)
    pictures = [layer for layer in viewer.layers if isinstance(layer, Image)]
    assert "later · FF" in viewer.layers
    assert pictures[-1] is error and viewer.layers.selection.active is error
    assert [one for one in pictures if one.visible and one.name != "thigh"] == [error]
    assert viewer.layers[-1] is regions  # what is drawn stays over it


def test_an_error_layer_follows_its_maps_when_they_are_compared_again(
    qtbot, viewer, panel, compared, session
):
    click(qtbot, panel.results.error_button)
    wait_for_layers(qtbot, viewer)
    (layer,) = find_errors(viewer).values()
    before = layer.data.copy()
    session.add_maps(MapsSet("cohen", maps(5), "thigh"))
    with qtbot.waitSignal(session.comparison.succeeded, timeout=30_000):
        click(qtbot, panel.notice.cure_button)
    assert find_errors(viewer)["truth", "cohen", "FF", "difference"] is layer
    assert not np.array_equal(layer.data, before, equal_nan=True)


def test_without_regions_there_are_metrics_and_error_maps(qtbot, panel, session):
    session.set_regions(None)
    with qtbot.waitSignal(session.comparison.succeeded, timeout=30_000):
        click(qtbot, panel.run_button)
    assert len(panel.results.maps.table()) == 2
    assert panel.results.statistics.isHidden()
    assert "No regions of interest" in panel.notice.text()


def test_cancel_stops_at_once_and_keeps_the_earlier_comparison(
    qtbot, panel, compared, session, monkeypatch
):
    gate = threading.Event()

    def slow(*arguments):
        for step in range(1000):
            yield Step(step, 1000, "metrics of FF")
            gate.wait(0.02)

    monkeypatch.setattr(compare_controller, "compare_sets", slow)
    earlier = compared.compared
    click(qtbot, panel.run_button)
    qtbot.waitUntil(lambda: panel.progress_row.bar.value() > 2, timeout=5000)
    assert panel.needs.text() == "Wait for this comparison, or cancel it."
    click(qtbot, panel.progress_row.cancel_button)
    assert session.comparison.status.state is JobState.CANCELLED
    assert panel.progress_row.isHidden()
    assert panel.run_button.isEnabled()
    assert compared.compared is earlier
    gate.set()


def test_name_of_the_study_is_kept_with_the_choices_of_the_panel(panel):
    panel.statistics.restore({"study": "MUSCLE-01"})
    assert panel.statistics.study.text() == "MUSCLE-01"
    assert panel.statistics.state()["study"] == "MUSCLE-01"


def test_failures_are_one_sentence(qtbot, panel, viewer, session):
    seconds = maps(1)
    seconds["T1H2O"] /= 1000
    maps_display_of(viewer).add(MapsSet("seconds", seconds))
    pick(panel.pickers["test"], "seconds")
    with qtbot.waitSignal(panel.state_changed, timeout=10_000):
        click(qtbot, panel.run_button)
    qtbot.waitUntil(lambda: session.comparison.status.state is JobState.FAILED, timeout=10_000)
    assert "Is it in seconds?" in panel.notice.text()
    assert "Traceback" not in panel.notice.text()


def test_odd_header_of_maps_from_a_folder_is_told(
    qtbot, viewer, panel, session, tmp_path, monkeypatch
):
    image = nibabel.Nifti1Image(np.full(SHAPE, 0.2, np.float32).T, np.diag([2.0, 2, 8, 1]))
    image.set_qform(np.diag([-2.0, 2, 8, 1]), 1)
    (tmp_path / "odd").mkdir()
    nibabel.save(image, tmp_path / "odd" / "FF.nii.gz")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "odd"))
    with qtbot.waitSignal(session.maps_changed, timeout=10_000):
        pick(panel.pickers["reference"], FROM_FOLDER)
    qtbot.waitUntil(lambda: "left and right run the other way" in panel.notice.text())
    assert "Header of FF: The header gives two places" in panel.notice.text()
    wait_for_layers(qtbot, viewer)


def test_folder_that_is_picked_while_another_is_read_is_told(qtbot, dock, panel, session, tmp_path):
    for seed, name in enumerate(("one", "two")):
        save_maps(maps(seed), tmp_path / name)
    dock.bindings["compare"].opening.open_maps(str(tmp_path / "one"), "reference")
    dock.bindings["compare"].opening.open_maps(str(tmp_path / "two"), "test")
    assert "Pick this folder again" in panel.notice.text()
    qtbot.waitUntil(lambda: "one" in session.maps_sets, timeout=10_000)
    assert "two" not in session.maps_sets


def test_a_folder_is_opened_under_one_name_however_it_is_reached(tmp_path):
    truth, cohen = tmp_path / "truth" / "P1", tmp_path / "cohen" / "P1"
    cohen.mkdir(parents=True)
    first = MapsSet("P1", maps(0), folder=str(truth))
    assert name_of_folder(str(cohen), []) == "P1"
    assert name_of_folder(str(cohen), [first]) == "cohen/P1"
    second = MapsSet("cohen/P1", maps(1), folder=str(cohen))
    (tmp_path / "link").symlink_to(tmp_path / "cohen")
    for path in (cohen, f"{cohen}/", tmp_path / "truth" / ".." / "cohen" / "P1",
                 tmp_path / "link" / "P1"):  # fmt: skip
        assert name_of_folder(str(path), [first, second]) == "cohen/P1"
        assert name_of_folder(str(path), [second]) == "cohen/P1"  # also without the other
    others = [first, second, MapsSet("b/P1", maps(2), folder="/a/b/P1")]
    assert name_of_folder("/c/b/P1", others) == "c/b/P1"  # none is replaced by another
    made_here = MapsSet("water-fat", maps(3), "thigh", 3.0, folder=str(cohen))
    assert name_of_folder(str(cohen), [made_here]) == "P1"


def test_maps_come_from_a_folder_and_are_picked(
    qtbot, viewer, dock, panel, session, tmp_path, monkeypatch
):
    save_maps(maps(7), tmp_path / "saved")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory",
                        lambda *_: str(tmp_path / "saved"))  # fmt: skip
    with qtbot.waitSignal(session.maps_changed, timeout=10_000):
        pick(panel.pickers["reference"], FROM_FOLDER)
    assert panel.current("reference") == "saved"
    assert panel.pickers["reference"].currentText() == "saved"
    assert session.maps_sets["saved"].folder == str(tmp_path / "saved")
    wait_for_layers(qtbot, viewer)
    assert "saved · FF" in viewer.layers
    with qtbot.waitSignal(session.comparison.succeeded, timeout=30_000):
        click(qtbot, panel.run_button)
    (record,) = dock.bindings["compare"].results.compared.comparison.inputs
    assert len(record["reference"]["sha256"]["FF.nii.gz"]) == 64
    assert record["test"]["provenance"]["method"]["name"] == "water-fat"


def test_the_known_truth_of_the_sample_is_offered(qtbot, viewer, panel, session, tmp_path):
    assert panel.pickers["reference"].findText(TRUTH) < 0
    save_maps(maps(3), tmp_path / "truth")
    series = session.series
    session.set_series(MRFSeries(series.signal, AFFINE, series.sequence,
                                 source_path=str(tmp_path / "thigh.nii")), "other")  # fmt: skip
    assert panel.pickers["reference"].findText(TRUTH) > 0
    with qtbot.waitSignal(session.maps_changed, timeout=10_000):
        pick(panel.pickers["reference"], TRUTH)
    # A set of that name, which is not the one of the folder, stays.
    assert panel.current("reference").endswith("/truth")
    assert load_maps(tmp_path / "truth")["FF"].shape == SHAPE


@pytest.mark.slow
def test_agreement_is_computed_once_for_table_plots_and_report(
    qtbot, request, viewer, tmp_path, monkeypatch
):
    from napari_mrf.analysis.agreement import statistics as module

    counted, draw = [], module.subject_bootstrap
    monkeypatch.setattr(module, "subject_bootstrap",
                        lambda *words, **options: counted.append(1) or draw(*words, **options)
                        )  # fmt: skip
    results = request.getfixturevalue("compared")
    panel = request.getfixturevalue("panel")
    for row in (1, 0):
        click_map(qtbot, panel, row)
    assert results._key == "FF"
    with qtbot.waitSignal(results.saving.writing.succeeded, timeout=60_000):
        results.saving.save_report(str(tmp_path / "report.html"))
    assert len(counted) == len(results.compared.comparison.maps)


def test_report_shows_a_bar_and_is_cancelled_with_a_click(
    qtbot, panel, compared, tmp_path, monkeypatch
):
    goes_on, row, writing = threading.Event(), panel.results.writing_row, compared.saving.writing

    def write_slowly(*_, **__):
        yield "the first page"
        yield "the second page"
        goes_on.wait(20)
        yield "the third page"

    monkeypatch.setattr("napari_mrf.report.comparison.save.iter_save_report", write_slowly)
    monkeypatch.setattr("napari_mrf.report.comparison.save.n_report_steps", lambda _: 3)
    monkeypatch.setattr(QFileDialog, "getSaveFileName",
                        lambda *_: (str(tmp_path / "report.html"), ""))  # fmt: skip
    click(qtbot, panel.results.report_button)
    qtbot.waitUntil(lambda: writing.status.is_running and not row.isHidden(), timeout=10_000)
    assert row.text.text().startswith("Writing the report")
    assert not panel.results.report_button.isEnabled()
    click(qtbot, row.cancel_button)
    assert row.isHidden()
    assert panel.results.report_button.isEnabled()
    assert panel.notice.text() == "Writing the report: cancelled."
    goes_on.set()
    qtbot.waitUntil(lambda: not WorkerBase._worker_set, timeout=10_000)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_report_and_tables_hold_what_is_selected(qtbot, dock, panel, compared, tmp_path,
                                                 monkeypatch):  # fmt: skip
    unsaved, here = unsaved_of(compared.viewer), session_of(compared.viewer).subject.key
    (result,) = unsaved.results_of(here)
    assert dock.sections["compare"].mark() == f"Not saved: comparison {result.name}"
    result.write(tmp_path / "beside")
    found = pd.read_csv(tmp_path / "beside" / "agreement.csv")
    assert found.bias.tolist() == agreement_table(
        compared.compared.comparison.pairs).bias.tolist()  # fmt: skip
    panel.regions.list.item(0).setCheckState(Qt.CheckState.Unchecked)
    monkeypatch.setattr(QFileDialog, "getSaveFileName",
                        lambda *_: (str(tmp_path / "report.html"), ""))  # fmt: skip
    with qtbot.waitSignal(compared.saving.writing.succeeded, timeout=60_000):
        click(qtbot, panel.results.report_button)
    assert "Saved to" in panel.notice.text()
    assert unsaved.results_of(here) == ()
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Agreement over 5 of 6 regions, as selected." in page
    assert (tmp_path / "report.pdf").stat().st_size > 20_000
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    (tmp_path / "agreement.csv").touch()
    asked = answer_next_question(qtbot, "Replace")
    with qtbot.waitSignal(compared.saving.writing.succeeded, timeout=20_000):
        click(qtbot, panel.results.csv_button)
    assert asked == ["The folder already contains tables. Replace the earlier results?"]
    pairs = compared.compared.comparison.pairs
    expected = agreement_table(pairs[pairs["label"] != 1])
    written = pd.read_csv(tmp_path / "agreement.csv")
    assert written.bias.tolist() == expected.bias.tolist()
    monkeypatch.setattr(QFileDialog, "getSaveFileName",
                        lambda *_: (str(tmp_path / "all"), ""))  # fmt: skip
    with qtbot.waitSignal(compared.saving.writing.succeeded, timeout=20_000):
        click(qtbot, panel.results.excel_button)
    sheets = pd.read_excel(tmp_path / "all.xlsx", sheet_name=None)
    assert list(sheets) == [
        "metrics", "rois", "inclusion", "outliers", "agreement", "agreement_by_region",
        "agreement_regression", "blurriness",
    ]  # fmt: skip
    assert (tmp_path / "outliers.csv").is_file()
    for table in (sheets["inclusion"], pd.read_csv(tmp_path / "inclusion.csv")):
        left_out = table[~table["included"]]
        assert left_out[["name", "why"]].to_numpy().tolist() == [["muscle 1", "not selected"]]
        assert table["included"].sum() == 5 * 2  # the others, in both maps
    assert sheets["agreement"].upper.tolist() == pytest.approx(expected.upper.tolist(), rel=1e-12)


def test_choices_are_kept_and_come_back(qtbot, viewer, dock, panel, compared):
    binding = dock.bindings["compare"]
    panel.results.set_tab("bland-altman")
    panel.results.by_slice.setChecked(True)
    panel.regions.list.item(2).setCheckState(Qt.CheckState.Unchecked)
    click_map(qtbot, panel, 1)
    panel.rules.erosion.setValue(1)
    panel.rules.min_voxels.setValue(30)
    panel.rules.min_valid_share.setValue(12.5)
    panel.statistics.restore({"design": "test-retest", "margins": "FF=2%", "limits": "percent",
                              "independent": True})  # fmt: skip
    state = binding.state()
    assert (state["design"], state["margins"], state["independent"]) == (
        "test-retest",
        "FF=2%",
        True,
    )
    other = CompareDock(viewer)
    qtbot.addWidget(other)
    restored = other.bindings["compare"]
    restored.restore({**state, "unknown": 1})
    assert restored.state() == state
    restored.restore({})
    assert restored.panel.current("reference") == "truth"


def test_the_comparison_is_there_again_in_a_new_panel(qtbot, viewer, session):
    dock = CompareDock(viewer)
    dock.show()
    panel = dock.panels["compare"]
    panel.rules.erosion.setValue(1)
    panel.rules.min_valid_share.setValue(20)
    panel.statistics.margins.setText("T1H2O=30")
    with qtbot.waitSignal(session.comparison.succeeded, timeout=30_000):
        click(qtbot, panel.run_button)
    panel.regions.list.item(0).setCheckState(Qt.CheckState.Unchecked)
    panel.results.regions_only.setChecked(True)
    click(qtbot, panel.results.error_button)
    wait_for_layers(qtbot, viewer)
    (layer,) = find_errors(viewer).values()
    n_shown = np.isfinite(layer.data).sum()
    earlier = dock.bindings["compare"].results.compared
    close(qtbot, dock)
    reopened = CompareDock(viewer)
    again, results = reopened.panels["compare"], reopened.bindings["compare"].results
    assert reopened.sections["compare"].state() == "cohen against truth"
    assert results.compared is earlier
    assert not again.results.isHidden()
    assert len(again.results.maps.table()) == 2
    assert again.rules.erosion.value() == 1
    assert again.rules.chosen()["min_valid_share"] == 0.2
    assert again.statistics.margins.text() == "T1H2O=30"
    assert again.regions.section.state() == "5 of 6"
    assert again.notice.text() == ""
    assert np.isfinite(layer.data).sum() == n_shown  # masked as before
    session.set_regions(regions())  # the same voxels and names
    assert again.notice.text() == ""
    fewer = regions()
    fewer.labels[0, 2:18, 0] = 0
    session.set_regions(fewer)
    assert again.notice.text() == "The regions have changed since this comparison."
    close(qtbot, reopened)
    third = CompareDock(viewer)
    qtbot.addWidget(third)
    assert third.sections["compare"].state() == "cohen against truth · out of date"
    assert "The regions have changed" in third.panels["compare"].notice.text()


def test_a_comparison_that_ends_while_no_panel_is_open_is_kept(qtbot, viewer, monkeypatch):
    session, gate = session_of(viewer), threading.Event()
    compare_sets = compare_controller.compare_sets

    def held(*arguments):
        yield Step(detail="waiting")
        gate.wait(10)
        return (yield from compare_sets(*arguments))

    monkeypatch.setattr(compare_controller, "compare_sets", held)
    first = CompareDock(viewer)
    first.bindings["compare"].run()
    close(qtbot, first)
    second = CompareDock(viewer)
    assert second.panels["compare"].needs.text() == "Wait for this comparison, or cancel it."
    assert not second.panels["compare"].progress_row.isHidden()
    close(qtbot, second)
    with qtbot.waitSignal(session.comparison.succeeded, timeout=30_000):
        gate.set()
    third = CompareDock(viewer)
    qtbot.addWidget(third)
    assert third.sections["compare"].state() == "cohen against truth"
    assert third.panels["compare"].progress_row.isHidden()
    assert third.bindings["compare"].results.compared is not None


def close(qtbot, dock):
    dock.close()
    delete(qtbot, dock)


def made_by(method, name="", **extra):
    one = maps(1)
    return MapsSet(name or method, ParameterMaps(dict(one), affine=AFFINE,
                   provenance={"method": {"name": method}}), "thigh", 3.0, **extra)  # fmt: skip


def sides(dock):
    return tuple(dock.panels["compare"].current(side) for side in ("reference", "test"))


def test_usual_sides_are_the_first_made_set_and_the_last_of_another_method(qtbot):
    viewer = ViewerModel()
    session = session_of(viewer)
    first = CompareDock(viewer)
    close(qtbot, first)
    for name in ("water-fat", "water-fat", "cohen"):
        session.add_maps(made_by(name))
    dock = CompareDock(viewer)
    qtbot.addWidget(dock)
    assert sides(dock) == ("water-fat", "cohen")
    session.add_maps(made_by("water-fat"))  # one that replaces a set keeps its place
    assert sides(dock) == ("water-fat", "cohen")
    session.add_maps(made_by("water-fat", "water-fat slice 3"))
    assert sides(dock) == ("water-fat", "cohen")  # of the same method
    session.add_maps(made_by("network"))
    assert sides(dock) == ("water-fat", "network")
    session.remove_maps("water-fat")
    assert sides(dock) == ("cohen", "network")


def test_usual_sides_come_one_by_one_while_the_panel_is_open(qtbot):
    viewer = ViewerModel()
    session = session_of(viewer)
    dock = CompareDock(viewer)
    qtbot.addWidget(dock)
    seen = []
    for name in ("water-fat", "water-fat", "cohen"):
        session.add_maps(made_by(name))
        seen.append(sides(dock))
    assert seen == [("water-fat", ""), ("water-fat", ""), ("water-fat", "cohen")]


def test_a_side_that_was_picked_stays_in_a_new_panel_too(qtbot):
    viewer = ViewerModel()
    session = session_of(viewer)
    dock = CompareDock(viewer)
    for name in ("water-fat", "cohen", "network"):
        session.add_maps(made_by(name))
    pick(dock.panels["compare"].pickers["test"], "cohen")
    session.add_maps(made_by("other"))
    assert sides(dock) == ("water-fat", "cohen")
    close(qtbot, dock)
    again = CompareDock(viewer)
    qtbot.addWidget(again)
    assert sides(again) == ("water-fat", "cohen")
    click(qtbot, again.panels["compare"].swap_button)
    session.add_maps(made_by("one more"))
    assert sides(again) == ("cohen", "water-fat")


def test_the_truth_is_a_side_only_when_picked(qtbot):
    viewer = ViewerModel()
    session = session_of(viewer)
    truth = ParameterMaps(dict(maps(0)), affine=AFFINE, provenance={"phantom": "thigh"})
    for one in (MapsSet("truth", truth), made_by("water-fat"), made_by("cohen")):
        session.add_maps(one)
    dock = CompareDock(viewer)
    qtbot.addWidget(dock)
    assert sides(dock) == ("water-fat", "cohen")
    pick(dock.panels["compare"].pickers["reference"], "truth")
    assert sides(dock) == ("truth", "cohen")


def test_only_lines_that_are_drawn_are_named(qtbot, panel, compared):
    note = panel.results.note
    assert note.text() == "Dotted: identity. Solid: regression line."
    panel.results.set_tab("bland-altman")
    assert note.text() == (
        "Solid: bias. Dash-dotted: limits (assumes independent regions). Shaded: 95 % intervals."
    )
    for row in range(1, 6):
        panel.regions.list.item(row).setCheckState(Qt.CheckState.Unchecked)
    assert note.text() == "Solid: bias."  # one region has neither limits nor intervals
    panel.results.set_tab("scatter")
    assert note.text() == "Dotted: identity."
    click(qtbot, panel.regions.none_button)
    assert note.isHidden()


def test_report_and_tables_name_the_field_of_the_panel_too(compared, tmp_path):
    """The same comparison keeps its report id, whoever reads the advice."""
    random = np.random.default_rng(0)
    pairs = compared.compared.comparison.pairs
    first = pairs[(pairs["map"] == "T1H2O") & (pairs["scope"] == "pooled")].iloc[0].to_dict()
    reference = np.linspace(900, 1500, 60)
    test = reference + (reference - 890) * random.normal(0, 0.1, 60)
    many = [
        {**first, "label": at, "name": f"R{at}", "reference": one, "test": other,
         "average": (one + other) / 2, "difference": one - other}
        for at, (one, other) in enumerate(zip(reference, test, strict=True), 1)
    ]  # fmt: skip
    grown = replace(compared.compared.comparison, pairs=pd.DataFrame(many), known={})
    assert "--limits ratio" in grown.agreement["advice"][0]
    selection = (None, "pooled", 60)
    report = result_of(write_report(grown, str(tmp_path / "report.html"), selection))[0]
    html = report.read_text(encoding="utf-8")
    assert "limits of ratios (Limits under Statistics)" in html and "--limits" not in html
    result_of(write_tables(grown, str(tmp_path / "tables"), selection, False))
    table = (tmp_path / "tables" / "agreement.csv").read_text(encoding="utf-8")
    assert "Limits under Statistics" in table and "--limits" not in table
    now = datetime(2026, 1, 2, tzinfo=UTC)
    both = (grown, selected(grown, *selection))
    ids = {report_content(one, now).label.report_id for one in both}
    assert len(ids) == 1 and ids.pop() in html


def test_limits_by_subjects_are_named_where_they_are_drawn():
    random = np.random.default_rng(0)
    reference = random.normal(1000, 50, 40)
    found = agreement(reference, reference + random.normal(5, 10, 40), np.repeat(range(10), 4))
    assert np.isfinite(found.repeated.lower)
    assert "Dash-dotted: limits (by subjects)." in bland_altman_note(found)


def test_advice_names_the_field_of_the_panel_instead_of_an_option_of_the_command_line():
    random = np.random.default_rng(0)
    reference = np.linspace(900, 1500, 60)
    test = reference + (reference - 890) * random.normal(0, 0.1, 60)  # errors grow with the value
    note = advice_note("T1", agreement(reference, test, range(60)))
    assert "use limits of ratios (Limits under Statistics), or limits that follow" in note
    assert "--" not in note


def test_points_have_the_colors_of_the_muscles_and_a_legend(viewer, panel, compared, session):
    table = session.regions.table
    entries = panel.results.legend.entries()
    assert [entry.label for entry in entries] == [table[label].name for label in sorted(table)]
    for label, entry in zip(sorted(table), entries, strict=True):
        own = to_hex([channel / 255 for channel in table[label].color])
        assert entry.color == readable(own, panel.results.plot.colors.background,
                                       panel.results.plot.colors.text)  # fmt: skip
    (points,) = [line for line in compared.view.plot.figure.axes[0].get_lines()
                 if line.get_label() == entries[2].label]  # fmt: skip
    assert (points.get_color(), points.get_marker()) == (entries[2].color, entries[2].marker)
    assert len({entry.marker for entry in entries}) == len(entries)  # not by color alone
    assert panel.results.legend.isVisible()
    picture = panel.results.legend.grab().toImage()
    for index, entry in enumerate(entries):
        left, top = panel.results.legend._places(panel.results.legend.width())[index]
        middle = top + panel.results.legend._row_height() // 2
        color = picture.pixelColor(left + entry.width // 2, middle)
        assert color.name() == entry.color
    panel.results.set_tab("blurriness")
    methods = [(entry.label, entry.marker) for entry in panel.results.legend.entries()]
    assert methods == [("truth", "o"), ("cohen", "s")]
    panel.results.set_tab("regions")
    assert panel.results.legend.isHidden()


def test_tabs_are_clicked_and_reached_by_keys(qtbot, panel, compared):
    tabs = panel.results.tabs
    panel.window().activateWindow()
    qtbot.waitUntil(panel.window().isActiveWindow)
    qtbot.mouseClick(tabs["bland-altman"], Qt.MouseButton.LeftButton)
    assert panel.results.tab() == "bland-altman" and not tabs["scatter"].isChecked()
    assert "mean of" in panel.results.plot.figure.axes[0].get_xlabel()
    qtbot.keyClick(tabs["bland-altman"], Qt.Key.Key_Left)
    assert panel.results.tab() == "scatter"
    qtbot.mouseClick(tabs["scatter"], Qt.MouseButton.LeftButton)  # one is always open
    assert panel.results.tab() == "scatter"


def test_plot_follows_the_theme(viewer, panel, compared):
    plot = panel.results.plot
    viewer.theme = "light"
    assert plot.colors.text == plot._rings[0].get_markeredgecolor()
    assert not plot.colors.is_dark


def test_panel_fits_a_narrow_dock(panel, compared):
    assert panel.minimumSizeHint().width() <= 284  # 300 less the margins and a scroll bar
