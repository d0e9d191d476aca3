"""Two visits: a known change is found, and what is no change of the subject is refused or told."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import napari_mrf as mrf
from napari_mrf import cli
from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.analysis.visits.changes import Visit, change_summary, subject_changes
from napari_mrf.analysis.visits.study import (
    compare_visits,
    comparison_of,
    find_visits,
    read_visits_table,
    repeatability_of,
)
from napari_mrf.data.label import Label
from napari_mrf.io import save_label_table, save_labels, save_maps

SHAPE = (2, 12, 10)
AFFINE = np.diag([2.0, 2.0, 5.0, 1.0])
VL, RF, SOL = 7, 10, 51
NAMES = {VL: "VL_R", RF: "RF_R"}
SIGMA = 0.02
SUBJECTS = {"P1": 0.04, "P2": 0.01, "P3": 0.07, "P4": -0.02}
"""Change of the fat fraction of VL; that of RF is half of it."""


def regions(shift=0):
    """A square of 6 x 4 voxels in every slice; that of the second visit lies elsewhere."""
    labels = np.zeros(SHAPE, np.uint16)
    labels[:, 2:8, 1 + shift : 5 + shift], labels[:, 9:11, 1:9] = VL, RF
    return labels


def maps_with(labels, *, vl, rf, method="water-fat", numerics=1, sha=None):
    """Return maps whose regional means are known: half the voxels lie above, half below."""
    sign = np.where(np.indices(SHAPE).sum(axis=0) % 2, 1.0, -1.0)
    ff = np.full(SHAPE, 0.9)
    ff[labels == VL], ff[labels == RF] = vl, rf
    ff[labels > 0] += 0.01 * sign[labels > 0]
    t1 = np.where(labels > 0, 1200 + 1000 * ff, 0)
    return mrf.ParameterMaps(
        {"FF": ff, "T1H2O": t1}, uncertainty={"FF": np.full(SHAPE, SIGMA)}, affine=AFFINE,
        provenance={"method": {"name": method}, "software": {"numerics": numerics},
                    "input": {"path": "series.nii.gz", "sha256": sha}},
    )  # fmt: skip


def two_visits(change=0.04, **options):
    one, other = regions(), regions(1)
    first = Visit("visit 1", maps_with(one, vl=0.20, rf=0.10), one, NAMES)
    second = maps_with(other, vl=0.20 + change, rf=0.10 + change / 2, **options)
    return first, Visit("visit 2", second, other, NAMES)


def row_of(table, name, key):
    (row,) = table[(table["name"] == name) & (table["map"] == key)].to_dict("records")
    return row


def test_a_known_change_is_found_in_regions_that_moved():
    found = subject_changes("P1", *two_visits(), repeatability={"FF": 0.03})
    row = row_of(found.table, "VL_R", "FF")
    assert row["first"] == pytest.approx(0.20, abs=1e-6)
    assert row["second"] == pytest.approx(0.24, abs=1e-6)
    assert row["change"] == pytest.approx(0.04, abs=1e-6)
    # 48 voxels a visit, each with the same standard deviation
    assert row["noise_se"] == pytest.approx(SIGMA * np.sqrt(2 / 48), rel=1e-6)
    assert row["n_first"] == row["n_second"] == 48
    assert row["volume_first_ml"] == pytest.approx(48 * 20 / 1000)
    assert row["beyond"] is True
    other = row_of(found.table, "RF_R", "FF")
    assert other["change"] == pytest.approx(0.02, abs=1e-6)
    assert other["beyond"] is False
    water = row_of(found.table, "VL_R", "T1H2O")
    assert water["change"] == pytest.approx(40, abs=1e-3)
    assert np.isnan(water["noise_se"])  # the method gives none
    assert water["beyond"] == ""


def test_maps_without_standard_deviations_have_no_noise():
    first, second = two_visits()
    first.maps.uncertainty.clear()
    second.maps.uncertainty.clear()
    row = row_of(subject_changes("P1", first, second).table, "VL_R", "FF")
    assert row["change"] == pytest.approx(0.04, abs=1e-6)
    assert np.isnan(row["noise_se"])


def test_swapped_visits_change_the_sign_and_nothing_else():
    first, second = two_visits()
    there = subject_changes("P1", first, second).table
    back = subject_changes("P1", second, first).table
    np.testing.assert_array_equal(there["change"], -back["change"])
    np.testing.assert_array_equal(there["noise_se"], back["noise_se"])


def test_a_region_that_is_missing_at_a_visit_keeps_its_row_and_a_reason():
    first, second = two_visits()
    second.labels[second.labels == RF] = 0
    row = row_of(subject_changes("P1", first, second).table, "RF_R", "FF")
    assert row["first"] == pytest.approx(0.10, abs=1e-6)
    assert np.isnan(row["second"])
    assert np.isnan(row["change"])
    assert row["reason"] == "visit 2: the region is empty"


def test_another_name_of_a_number_is_refused():
    first, second = two_visits()
    renamed = Visit(second.name, second.maps, second.labels, {VL: "VM_R", RF: "RF_R"})
    with pytest.raises(mrf.MRFInputError, match="VL_R") as caught:
        subject_changes("P1", first, renamed)
    assert caught.value.code == "other-regions"


def test_a_map_of_one_visit_alone_is_told():
    first, second = two_visits()
    del second.maps["T1H2O"]
    found = subject_changes("P1", first, second)
    assert set(found.table["map"]) == {"FF"}
    assert "Only visit 1 has T1H2O, left out." in found.warnings


def test_mean_change_and_interval_are_those_of_scipy_and_pandas():
    changes = pd.concat(
        [subject_changes(who, *two_visits(change)).table for who, change in SUBJECTS.items()]
    )
    row = row_of(change_summary(changes, {"FF": 0.03}), "VL_R", "FF")
    values = np.array(list(SUBJECTS.values()))
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert row["n_subjects"] == 4
    assert row["change"] == pytest.approx(values.mean(), abs=1e-6)
    assert row["sd"] == pytest.approx(pd.Series(values).std(), abs=1e-6)
    assert (row["low"], row["high"]) == pytest.approx(tuple(expected), abs=1e-6)
    assert row["first"] == pytest.approx(0.20, abs=1e-6)
    assert row["smallest_of_one"] == 0.03
    assert row["smallest_of_mean"] == pytest.approx(0.015)


def test_two_subjects_have_a_mean_and_no_interval():
    changes = pd.concat([subject_changes(who, *two_visits(SUBJECTS[who])).table
                         for who in ("P1", "P2")])  # fmt: skip
    row = row_of(change_summary(changes), "VL_R", "FF")
    assert row["change"] == pytest.approx(0.025, abs=1e-6)
    assert np.isnan(row["low"])
    assert row["message"]


@pytest.fixture
def study(tmp_path):
    """Four subjects with two visits on the disk."""
    write(tmp_path)
    return tmp_path


def write(folder, **second):
    labels = [regions(), regions(1)]
    rows = []
    for at, (who, change) in enumerate(SUBJECTS.items()):
        for visit in (0, 1):
            options = {"sha": f"{at}{visit}", **(second if visit else {})}
            maps = maps_with(labels[visit], vl=0.20 + visit * change,
                             rf=0.10 + visit * change / 2, **options)  # fmt: skip
            save_maps(maps, folder / f"v{visit + 1}" / who)
            rois = folder / f"rois{visit + 1}"
            rois.mkdir(exist_ok=True)
            save_labels(rois / f"{who}.nii.gz", labels[visit], AFFINE)
            save_label_table(
                rois / f"{who}.txt", [Label(k, v, (9, 9, 9)) for k, v in NAMES.items()]
            )
            rows.append(f"{who},{'before' if visit == 0 else 'after'},v{visit + 1}/{who},"
                        f"rois{visit + 1}/{who}.nii.gz")  # fmt: skip
    (folder / "visits.csv").write_text("\n".join(["subject,session,maps,rois", *rows]))


def places(folder):
    return folder / "v1", folder / "v2", folder / "rois1", folder / "rois2"


def test_folders_and_a_table_give_the_same_changes(study):
    options = RoiOptions()
    by_folder = find_visits(*places(study))
    by_table = read_visits_table(study / "visits.csv")
    assert by_table.names == ("before", "after")
    found = [
        comparison_of(compare_visits(one, options), one.names, options)
        for one in (by_folder, by_table)
    ]
    pd.testing.assert_frame_equal(found[0].changes, found[1].changes)
    back = read_visits_table(study / "visits.csv", ("after", "before"))
    assert back.names == ("after", "before")
    assert list(found[0].changes["subject"].unique()) == list(SUBJECTS)


def test_sessions_that_are_numbers_are_called_sessions(study):
    text = (study / "visits.csv").read_text().replace(",before,", ",1,").replace(",after,", ",02,")
    (study / "numbers.csv").write_text(text)
    assert read_visits_table(study / "numbers.csv").names == ("session 1", "session 02")
    asked = read_visits_table(study / "numbers.csv", ("02", "1"))
    assert asked.names == ("session 02", "session 1")


@pytest.mark.parametrize("second", [{"method": "cohen"}, {"numerics": 2}])
def test_visits_that_were_made_in_different_ways_are_refused_or_marked(tmp_path, second):
    write(tmp_path, **second)
    with pytest.raises(mrf.MRFInputError) as caught:
        find_visits(*places(tmp_path))
    assert caught.value.code == "mixed-provenance"
    mixed = find_visits(*places(tmp_path), allow_mixed=True)
    assert any("different ways" in text for text in mixed.warnings)
    options = RoiOptions()
    found = comparison_of(compare_visits(mixed, options), mixed.names, options)
    assert found.is_mixed
    assert "visit 2: " in found.changes["mixed"].iloc[0]


def test_one_series_at_both_visits_is_refused(tmp_path):
    write(tmp_path)
    labels = regions(1)
    save_maps(maps_with(labels, vl=0.3, rf=0.2, sha="00"), tmp_path / "v2" / "P1", overwrite=True)
    with pytest.raises(mrf.MRFInputError, match="P1") as caught:
        find_visits(*places(tmp_path))
    assert caught.value.code == "same-scan"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["P1,a,v1/P1,rois1/P1.nii.gz"], "two sessions"),
        (["P1,a,v1/P1,", "P1,b,v2/P1,rois2/P1.nii.gz"], "no rois"),
        (["P1,a,v1/P1,x", "P1,a,v2/P1,y"], "again"),
        (["P1,a,v1/P1,x", "P1,b,v2/P1,y", "P1,c,v2/P1,y"], "two sessions"),
    ],
)
def test_tables_that_say_no_two_visits_are_refused(tmp_path, lines, found):
    path = tmp_path / "visits.csv"
    path.write_text("\n".join(["subject,session,maps,rois", *lines]))
    with pytest.raises(mrf.MRFInputError, match=found):
        read_visits_table(path)


def test_repeatability_is_a_number_or_comes_from_a_test_retest_comparison(tmp_path):
    (tmp_path / "agreement.csv").write_text("map,repeatability\nFF,0.03\nT1H2O,\n")
    assert repeatability_of([str(tmp_path), "T1H2O=40"]) == {"FF": 0.03, "T1H2O": 40.0}
    assert repeatability_of(["FF=2%"]) == {"FF": 0.02}
    for word in ("FF=-1", "nothing=3", "FF=nan"):
        with pytest.raises(mrf.MRFInputError) as caught:
            repeatability_of([word])
        assert caught.value.code == "bad-option"


def test_command_writes_tables_figures_and_a_page(study, capsys):
    words = ["visits", *map(str, places(study)[:2]), "--rois", study / "rois1", "--rois2",
             study / "rois2", "--repeatability", "FF=3%", "--output", study / "out"]  # fmt: skip
    assert cli.main(list(map(str, words))) == 0
    said = capsys.readouterr().out
    assert "4 subjects, visit 2 - visit 1" in said
    assert "VL_R: FF 20.00 to 22.50 %, change 2.50" in said
    changes = pd.read_csv(study / "out" / "changes.csv")
    assert len(changes) == 4 * 2 * 2
    page = (study / "out" / "visits.html").read_text(encoding="utf-8")
    assert "Visit 2 compared with visit 1" in page
    assert page.count("data:image/svg+xml") == 4  # two maps, lines and changes
    assert "http" not in page.replace("http-equiv", "")
    record = json.loads((study / "out" / "visits.json").read_text(encoding="utf-8"))
    assert record["repeatability"] == {"FF": 0.03}
    assert set(record["inputs"]) == set(SUBJECTS)
    assert cli.main(list(map(str, words))) == 3  # nothing is replaced
    assert cli.main(["visits", str(study / "v1"), "--output", str(study / "no")]) == 2
