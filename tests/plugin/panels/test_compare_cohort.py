"""Several subjects in the Compare panel: folders in, agreement and a written report out."""

import re

import numpy as np
import pandas as pd
import pytest
from gui_waits import answer_next_question
from napari.components import ViewerModel
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QFileDialog
from scipy import stats
from superqt.utils import WorkerBase

from napari_mrf import ParameterMaps
from napari_mrf.io import Label, load_maps, save_label_table, save_labels, save_maps
from napari_mrf.plugin.dock import CompareDock
from napari_mrf.plugin.session import session_of

AFFINE = np.diag([-1.5, -2.0, -8.0, 1.0])
SHAPE = (2, 16, 16)
SUBJECTS = ("sub-01", "sub-02", "sub-03")
NAMES = {1: Label(1, "VL_R", (0, 170, 0)), 2: Label(2, "RF_R", (156, 0, 9))}
# What the test reads less than the reference, in ms, by subject and region.
SHIFTS = {"sub-01": (12.0, 5.0), "sub-02": (-4.0, 9.0), "sub-03": (7.0, 3.0)}
pytestmark = pytest.mark.slow


def regions():
    labels = np.zeros(SHAPE, np.uint16)
    labels[:, 2:7, 2:14], labels[:, 9:14, 2:14] = 1, 2
    return labels


def write_subject(folder, subject, shifts, others=None, *, has_regions=True):
    """Write maps of both sides that differ in the regions by the shifts, in ms."""
    random = np.random.default_rng(list(subject.encode()))
    values = random.normal(1300, 30, SHAPE).astype(np.float32)
    shifted = values.copy()
    for label, shift in zip(NAMES, shifts, strict=True):
        shifted[regions() == label] -= shift
    for side, one in (("a", values), ("b", shifted)):
        save_maps(
            ParameterMaps({"T1H2O": one, **(others or {})}, affine=AFFINE), folder / side / subject
        )
    if has_regions:
        save_labels(folder / "rois" / f"{subject}.nii.gz", regions(), AFFINE)
        save_label_table(folder / "rois" / f"{subject}.txt", NAMES.values())


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Return a study of one map: every further one costs seconds of drawing for each report."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "rois").mkdir()
    for subject in SUBJECTS:
        write_subject(folder, subject, SHIFTS[subject])
    return folder


@pytest.fixture
def dock(qtbot):
    dock = CompareDock(ViewerModel())
    qtbot.addWidget(dock)
    dock.resize(340, 1000)
    with qtbot.waitExposed(dock):
        dock.show()
    yield dock
    WorkerBase.await_workers(20_000)


def click(qtbot, button):
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton, pos=QPoint(8, button.height() // 2))


def ask(qtbot, dock, **folders):
    """Press the button and fill in the dialog, but for the last click."""
    click(qtbot, dock.panels["compare"].cohort_button)
    dialog = dock.bindings["compare"].cohort.dialog
    for key, folder in folders.items():
        dialog.edits[key].clear()
        qtbot.keyClicks(dialog.edits[key], str(folder))
    return dialog


def test_subjects_pool_in_the_panel_and_in_the_files(qtbot, dock, tmp_path):
    panel, binding = dock.panels["compare"], dock.bindings["compare"]
    (tmp_path / "rois").mkdir()
    for subject in SUBJECTS:
        write_subject(tmp_path, subject, SHIFTS[subject], {"FF": np.full(SHAPE, 0.1)})
    panel.statistics.section.set_open(True)
    qtbot.keyClicks(panel.statistics.study, "MUSCLE-01")
    folders = {key: tmp_path / name for key, name in
               (("reference", "a"), ("test", "b"), ("rois", "rois"))}  # fmt: skip
    dialog = ask(qtbot, dock, **folders)
    assert not dialog.run_button.isEnabled()  # where should the results go?
    qtbot.keyClicks(dialog.edits["output"], str(tmp_path / "out"))
    with qtbot.waitSignal(binding.session.comparison.succeeded, timeout=120_000):
        click(qtbot, dialog.run_button)
        assert not panel.cohort_button.isEnabled()
    differences = [shift for shifts in SHIFTS.values() for shift in shifts]
    binding.results.show_map("T1H2O")
    shown = panel.results.statistics.table().set_index("statistic")
    assert shown.loc["Bias", "value"] == f"{np.mean(differences):.1f} ms"
    by_subject = np.array(list(SHIFTS.values()))  # Zou 2013, two regions each
    within = by_subject.var(axis=1, ddof=1).mean()
    sd = np.sqrt(by_subject.mean(axis=1).var(ddof=1) + within / 2)
    upper = np.mean(differences) + 1.96 * sd
    assert shown.loc["Upper limit", "value"] == f"{upper:.1f} ms"
    assert dock.sections["compare"].state() == "3 subjects, b against a"
    assert str(tmp_path / "out") in panel.notice.text()
    for name in ("report.html", "report.pdf", "rois.csv", "comparison.json"):
        assert (tmp_path / "out" / name).is_file()
    assert "Study MUSCLE-01 · Report " in (tmp_path / "out" / "report.html").read_text("utf-8")
    written = pd.read_csv(tmp_path / "out" / "agreement.csv").set_index("map")
    assert written.loc["T1H2O", "bias"] == pytest.approx(np.mean(differences), abs=1e-3)
    assert written.loc["T1H2O", "n_subjects"] == 3
    definitions = panel.results.definitions.text()
    assert "means over 3 subjects" in definitions
    assert definitions.count("NRMSE:") == 1
    assert f"T1H2O: {3 * np.prod(SHAPE):,} voxels" in definitions
    listed = [panel.regions.list.item(row).text() for row in range(panel.regions.list.count())]
    assert listed == ["VL_R", "RF_R"]

    # Fewer regions count at a click; nothing here acts on maps that are not open.
    panel.regions.list.item(1).setCheckState(Qt.CheckState.Unchecked)
    shown = panel.results.statistics.table().set_index("statistic")
    first = [shifts[0] for shifts in SHIFTS.values()]
    assert shown.loc["Bias", "value"] == f"{np.mean(first):.1f} ms"
    assert panel.results.errors.isHidden()
    panel.results.points.row_clicked.emit(1)
    assert (
        panel.notice.text()
        == "VL_R of subject sub-02. Its maps were compared in their folder, not in this window."
    )

    again = CompareDock(dock.viewer)
    qtbot.addWidget(again)
    assert again.sections["compare"].state() == "3 subjects, b against a"
    assert again.bindings["compare"].results.compared is binding.results.compared


def test_who_is_left_out_and_outliers_of_several_subjects_are_listed(qtbot, dock, tmp_path):
    shifts = SHIFTS | {"sub-04": (6.0, 150.0), "sub-05": (0.0, 0.0)}
    (tmp_path / "rois").mkdir()
    for subject, of_regions in shifts.items():
        write_subject(tmp_path, subject, of_regions, has_regions=subject != "sub-05")
    panel, binding = dock.panels["compare"], dock.bindings["compare"]
    folders = {"reference": "a", "test": "b", "rois": "rois", "output": "out"}
    dialog = ask(qtbot, dock, **{key: tmp_path / name for key, name in folders.items()})
    with qtbot.waitSignal(binding.session.comparison.succeeded, timeout=120_000):
        click(qtbot, dialog.run_button)
    binding.results.show_map("T1H2O")
    panel.results.set_tab("scatter")
    view = panel.results.inclusion
    assert view.regions_section.state() == "T1H2O: 8 in, 1 left out"
    view.regions_section.set_open(True)
    first = view.regions.table().iloc[0]
    assert (first["subject"], first["why"]) == ("sub-05", "no label map")
    assert view.regions.model().index(0, 1).data() == "all regions"
    view.outliers_section.set_open(True)
    assert view.outliers_section.state() == "T1H2O: 1"
    table = view.outliers
    at = table.visualRect(table.model().index(0, 1)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert (
        panel.notice.text()
        == "RF_R of subject sub-04. Its maps were compared in their folder, not in this window."
    )
    (ring,) = panel.results.plot.highlighted()
    assert binding.results._points.iloc[ring]["difference"] == pytest.approx(150)


def test_margin_typed_in_the_panel_has_its_verdict_over_subjects(qtbot, dock, study, tmp_path):
    panel, binding = dock.panels["compare"], dock.bindings["compare"]
    click(qtbot, panel.statistics.section._arrow)
    margins = panel.statistics.margins
    qtbot.keyClicks(margins, "T1H2O=")
    dialog = ask(qtbot, dock, reference=study / "a", test=study / "b", rois=study / "rois",
                 output=tmp_path / "out")  # fmt: skip
    click(qtbot, dialog.run_button)
    assert "is not MAP=NUMBER" in panel.notice.text()
    assert not (tmp_path / "out").exists()
    qtbot.keyClicks(margins, "20")
    independent = panel.statistics.independent
    click(qtbot, independent)
    dialog = ask(qtbot, dock)
    with qtbot.waitSignal(binding.session.comparison.succeeded, timeout=120_000):
        click(qtbot, dialog.run_button)
    binding.results.show_map("T1H2O")
    shown = panel.results.statistics.table().set_index("statistic")
    means = np.mean(list(SHIFTS.values()), axis=1)
    error = means.std(ddof=1) / np.sqrt(3)
    p = stats.t.sf((20 - abs(means.mean())) / error, 2)
    verdict = "within" if p < 0.05 else "not shown"
    assert tuple(shown.loc["Margin ±20.0 ms"]) == (verdict, f"p = {p:.3f}")
    written = pd.read_csv(tmp_path / "out" / "agreement.csv").set_index("map")
    upper = written.loc["T1H2O", "independent_upper"]
    assert shown.loc["Upper, indep.", "value"] == f"{upper:.1f} ms"
    assert written.loc["T1H2O", "margin_p"] == pytest.approx(p, rel=1e-3)


def test_an_earlier_report_is_replaced_only_when_the_user_says_so(qtbot, dock, study, tmp_path):
    panel, job = dock.panels["compare"], session_of(dock.viewer).comparison
    earlier = tmp_path / "report.html"
    earlier.write_text("earlier", encoding="utf-8")
    dialog = ask(qtbot, dock, reference=study / "a", test=study / "b", output=tmp_path)
    asked = answer_next_question(qtbot, "Cancel")
    click(qtbot, dialog.run_button)
    qtbot.waitUntil(lambda: bool(asked), timeout=60_000)
    assert asked == ["The folder already contains a comparison. Replace the earlier results?"]
    qtbot.wait(100)
    assert earlier.read_text(encoding="utf-8") == "earlier"
    assert not job.status.is_running
    answer_next_question(qtbot, "Replace")
    dialog = ask(qtbot, dock)
    with qtbot.waitSignal(job.succeeded, timeout=120_000):
        click(qtbot, dialog.run_button)
    assert "earlier" not in earlier.read_text(encoding="utf-8")[:100]
    assert "No regions of interest were given" in panel.notice.text()


def test_what_does_not_fit_is_one_sentence_and_the_folders_stay(qtbot, dock, study, tmp_path):
    panel = dock.panels["compare"]
    places = {"reference": study / "a" / "sub-01", "test": study / "b", "output": tmp_path / "out"}
    click(qtbot, ask(qtbot, dock, **places).run_button)
    qtbot.waitUntil(lambda: "one set of maps" in panel.notice.text(), timeout=60_000)
    assert not (tmp_path / "out").exists()
    assert panel.notice.cure_button.isHidden()
    dialog = ask(qtbot, dock)
    assert dialog.edits["test"].text() == str(study / "b")
    dialog.reject()


def test_maps_that_were_made_differently_are_taken_together_only_at_a_click(
    qtbot, dock, study, tmp_path
):
    panel, job = dock.panels["compare"], dock.bindings["compare"].session.comparison
    for side in "ab":
        for subject in SUBJECTS:
            maps = load_maps(study / side / subject)
            name = "group" if (side, subject) == ("b", "sub-02") else "water-fat"
            maps.provenance = {"method": {"name": name}}
            save_maps(maps, tmp_path / side / subject)
    folders = {"reference": tmp_path / "a", "test": tmp_path / "b", "rois": study / "rois",
               "output": tmp_path / "out"}  # fmt: skip
    click(qtbot, ask(qtbot, dock, **folders).run_button)
    qtbot.waitUntil(lambda: bool(panel.notice.text()), timeout=20_000)
    assert "method: water-fat (sub-01, sub-03), group (sub-02)" in panel.notice.text()
    assert not (tmp_path / "out").exists()
    with qtbot.waitSignal(job.succeeded, timeout=120_000):
        click(qtbot, panel.notice.cure_button)
    assert "The test maps were made in different ways" in panel.notice.text()
    written = pd.read_csv(tmp_path / "out" / "rois.csv")
    mixed = written.loc[written["subject"] == "sub-02", "mixed"]
    assert mixed.str.contains("method: group").all()


def test_folders_can_be_browsed_for(qtbot, dock, study, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(study / "a"))
    dialog = ask(qtbot, dock)
    click(qtbot, dialog.browse_buttons["reference"])
    assert dialog.folders().reference == str(study / "a")
    dialog.reject()


def test_regions_are_chosen_before_the_run_and_the_report_follows(qtbot, dock, study, tmp_path):
    panel, binding = dock.panels["compare"], dock.bindings["compare"]
    told = []
    binding.session.comparison.changed.connect(lambda status: told.append(status.detail))
    panel.statistics.section.set_open(True)
    qtbot.keyClicks(panel.statistics.margins, "T1H2O=30")
    panel.statistics.design.setCurrentIndex(1)
    folders = {"reference": study / "a", "test": study / "b", "output": tmp_path / "out"}
    dialog = ask(qtbot, dock, **folders)
    assert dialog.regions.isHidden()  # no folder of regions, no choice
    qtbot.keyClicks(dialog.edits["rois"], str(study / "rois"))
    assert dialog.regions.isVisible()
    assert dialog.regions.chosen() == ("VL_R", "RF_R")
    menu = dialog.regions.menu()
    menu.actions()[1].trigger()
    assert dialog.folders().regions == ("VL_R",)
    with qtbot.waitSignal(binding.session.comparison.succeeded, timeout=120_000):
        click(qtbot, dialog.run_button)
    first = [shifts[0] for shifts in SHIFTS.values()]
    written = pd.read_csv(tmp_path / "out" / "agreement.csv").set_index("map").loc["T1H2O"]
    assert written["bias"] == pytest.approx(np.mean(first), abs=1e-3)
    assert written["margin"] == 30
    assert set(pd.read_csv(tmp_path / "out" / "rois.csv")["name"]) == {"VL_R"}
    left = pd.read_csv(tmp_path / "out" / "inclusion.csv")
    assert set(left.loc[~left["included"], "name"]) == {"RF_R"}
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "RF_R of all subjects" in page
    assert "Repeatability" in page
    # Which of the three are told depends on the time between two looks at the work.
    assert any(re.match(r"subject ([123]) of 3, sub-0\1: ", one) for one in told)
    listed = [panel.regions.list.item(row).text() for row in range(panel.regions.list.count())]
    assert listed == ["VL_R"]
    binding.results.show_map("T1H2O")
    panel.results.set_tab("regions")
    titles = [panel.results.points.model().headerData(at, Qt.Orientation.Horizontal)
              for at in range(2)]  # fmt: skip
    assert titles == ["Subject", "Region"]
    again = ask(qtbot, dock)
    assert again.regions.chosen() == ("VL_R",)
    again.reject()
