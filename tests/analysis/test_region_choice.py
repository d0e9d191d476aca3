"""Regions by name; those with too little are left out with a reason; outliers are listed."""

import csv
import json

import numpy as np
import pandas as pd
import pytest

from napari_mrf import MRFInputError, ParameterMaps, cli
from napari_mrf.analysis.agreement.outliers import farthest, outliers, robust_distances
from napari_mrf.analysis.comparison.checks import outlier_notes
from napari_mrf.analysis.comparison.compare import compare
from napari_mrf.analysis.comparison.inclusion import INCLUSION_COLUMNS, LeftOut, inclusion_table
from napari_mrf.analysis.comparison.options import ComparisonOptions
from napari_mrf.analysis.comparison.subjects import SubjectMaps
from napari_mrf.analysis.regions.choice import chosen_labels
from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.analysis.regions.pairs import PAIR_COLUMNS
from napari_mrf.analysis.regions.statistics import roi_statistics
from napari_mrf.data.label import Label
from napari_mrf.io import save_label_table, save_labels, save_maps
from napari_mrf.phantoms.thigh.phantom import thigh

AFFINE = np.diag([2.0, 2.0, 8.0, 1.0])
SHAPE = (1, 12, 20)
NAMES = {1: "VL_R", 2: "RF_R", 3: "FEMUR_R"}


def labels():
    drawn = np.zeros(SHAPE, np.uint16)
    for label in NAMES:
        drawn[0, 1:11, 6 * label - 5 : 6 * label] = label  # 50 voxels each
    return drawn


def maps(shift=0.0, n_lean=3):
    """In the third region water T1 is valid in a few voxels only."""
    fat = np.full(SHAPE, 0.1)
    bone = labels() == 3
    fat[bone] = np.where(np.arange(50) < n_lean, 0.6, 0.95)
    water = 1200.0 + shift + np.arange(SHAPE[2]) * np.ones(SHAPE)
    return ParameterMaps({"FF": fat, "T1H2O": water}, affine=AFFINE)


def pooled(table, key="T1H2O"):
    return table[(table["scope"] == "pooled") & (table["map"] == key)].set_index("label")


@pytest.mark.parametrize(("n_lean", "is_in"), [(4, False), (5, True)])
def test_a_region_below_the_least_valid_share_has_a_reason_and_no_mean(n_lean, is_in):
    table = pooled(roi_statistics(maps(n_lean=n_lean), labels(), NAMES))
    assert table.loc[3, "n"] == n_lean
    assert table.loc[3, "valid_share"] == pytest.approx(n_lean / 50)
    assert np.isfinite(table.loc[3, "mean"]) == is_in
    words = f"{n_lean} of 50 voxels have a valid value, less than the minimum of 10 %"
    assert table.loc[3, "reason"] == ("" if is_in else words)
    fat = pooled(roi_statistics(maps(n_lean=n_lean), labels(), NAMES), "FF")
    assert fat["mean"].notna().all()
    assert fat.loc[3, "valid_share"] == 1


def test_the_minima_can_be_chosen():
    options = RoiOptions(min_voxels=4, min_valid_share=0)
    table = pooled(roi_statistics(maps(), labels(), NAMES, options=options))
    assert table.loc[3, "reason"] == "3 voxels have a valid value, less than the minimum of 4"
    options = RoiOptions(min_voxels=3, min_valid_share=0.06)
    assert pooled(roi_statistics(maps(), labels(), NAMES, options=options))["mean"].notna().all()
    for wrong in ({"min_voxels": 1}, {"min_valid_share": 1.1}, {"min_valid_share": -0.1}):
        with pytest.raises(MRFInputError) as caught:
            RoiOptions(**wrong)
        assert caught.value.code == "bad-option"


def test_regions_are_chosen_by_name_or_number_in_any_case():
    assert chosen_labels(["vl_r", "3", "FEMUR_R"], NAMES) == [1, 3]
    table = roi_statistics(maps(), labels(), NAMES, options=RoiOptions(regions=("RF_R", "1")))
    assert list(dict.fromkeys(table["name"])) == ["RF_R", "VL_R"]
    with pytest.raises(MRFInputError, match="there is no region 'SAR_R'") as caught:
        roi_statistics(maps(), labels(), NAMES, options=RoiOptions(regions=("SAR_R",)))
    assert caught.value.code == "bad-region"
    with pytest.raises(MRFInputError, match="several regions"):
        chosen_labels(["a"], {1: "A", 2: "a ", 3: "A"})


def test_robust_distance_is_that_of_the_median_absolute_deviation():
    values = np.array([1.0, 2.0, 3.0, 4.0, 100.0])
    expected = (values - 3) / (1.4826 * 1.0)
    np.testing.assert_allclose(robust_distances(values), expected)
    # Iglewicz and Hoaglin: more than half of them equal, so the mean deviation stands in.
    values = np.array([5.0, 5, 5, 5, 5, 5, 15])
    np.testing.assert_allclose(robust_distances(values)[-1], 10 / (1.2533 * 10 / 7))
    assert not robust_distances(np.full(6, 2.0)).any()
    assert not robust_distances(np.array([0.0, 1.0, 1000.0, 2.0])).any()


def table_of(differences, subject="s"):
    return pd.DataFrame(
        {"subject": [f"{subject}{i // 5}" for i in range(len(differences))], "map": "T1H2O",
         "label": range(len(differences)), "name": "a", "scope": "pooled", "slice": pd.NA,
         "difference": differences}
    )  # fmt: skip


def test_far_regions_and_subjects_are_listed_the_farthest_first():
    random = np.random.default_rng(3)
    differences = random.normal(0, 10, 30)
    differences[4], differences[12] = 90.0, -70.0
    differences[25:] += 66.0  # the sixth subject as a whole
    found = outliers(table_of(differences))
    regions = found[found["of"] == "region"]
    distance = np.abs(robust_distances(differences))
    expected = np.flatnonzero(distance >= farthest(30))
    assert list(regions["label"]) == sorted(expected, key=lambda i: -distance[i])
    assert regions["label"].iloc[0] == 4
    assert list(found[found["of"] == "subject"]["subject"]) == ["s5"]
    assert outliers(table_of(random.normal(0, 10, 4))).empty


@pytest.mark.parametrize("n", [5, 6, 7, 8, 10, 18, 40])
def test_normal_differences_are_listed_by_chance_in_five_percent_of_maps(n):
    random, trials = np.random.default_rng(n), 4000
    called = sum(
        (np.abs(robust_distances(random.normal(0, 10, n))) >= farthest(n)).any()
        for _ in range(trials)
    )
    assert 0.02 < called / trials < 0.1


def test_notes_of_outliers_name_subjects_where_there_are_several():
    differences = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 100])
    found = outliers(table_of(differences).assign(subject="1"))
    assert outlier_notes(found, several=False) == [
        "Far from the other differences of T1H2O, and counted: a."
    ]
    by_slice = found.assign(subject="s2", slice=3)
    assert outlier_notes(by_slice, several=True)[0].endswith("counted: a in slice 3 of s2.")


def test_every_region_of_every_subject_is_in_the_table_of_inclusion():
    pair = [SubjectMaps(maps(), maps(2.0 * number), name, labels(), {n: Label(n, t) for n, t in
            NAMES.items()}) for number, name in enumerate(("s1", "s2"))]  # fmt: skip
    pair.append(SubjectMaps(maps(), maps(), "s3"))
    options = ComparisonOptions(RoiOptions(regions=("VL_R", "FEMUR_R")))
    gone = [LeftOut("s4", "only the test has maps")]
    found = compare(pair, options=options, left_out=gone).inclusion
    assert tuple(found.columns) == tuple(INCLUSION_COLUMNS)
    rows = {(r["subject"], r["name"], r["map"]): r for _, r in found.iterrows()}
    assert list(dict.fromkeys(found["subject"])) == ["s1", "s2", "s3", "s4"]
    assert len(rows) == len(found) == 2 * (2 * 2 + 1) + 2
    water = rows["s1", "FEMUR_R", "T1H2O"]
    assert not water["included"]
    assert water["why"] == "3 of 50 voxels have a valid value, less than the minimum of 10 %"
    assert (water["voxels"], water["n_drawn"], water["valid_share"]) == (3, 50, 0.06)
    assert rows["s1", "FEMUR_R", "FF"]["included"]
    assert rows["s1", "VL_R", "T1H2O"]["why"] == ""
    assert rows["s2", "RF_R", ""]["why"] == "not among the regions asked for"
    assert rows["s3", "", ""]["why"] == "no label map"
    assert rows["s4", "", ""]["why"] == "only the test has maps"
    assert inclusion_table(pd.DataFrame(columns=list(PAIR_COLUMNS))).empty


@pytest.mark.parametrize("scope", ["pooled", "slice"])
def test_a_named_region_that_is_not_drawn_has_its_reason_in_either_scope(scope):
    names = {n: Label(n, t) for n, t in (NAMES | {4: "VI_R"}).items()}
    pair = SubjectMaps(maps(), maps(2.0), "s1", labels(), names)
    found = compare([pair], options=ComparisonOptions(scope=scope)).inclusion
    assert found["name"].tolist() == [name for name in (*NAMES.values(), "VI_R") for _ in range(2)]
    last = found[found["name"] == "VI_R"]
    assert last["why"].tolist() == ["the region is empty"] * 2
    assert not last["included"].any()
    assert found["slice"].tolist()[:6] == [pd.NA if scope == "pooled" else 0] * 6


@pytest.fixture
def study(tmp_path):
    save_maps(maps(), tmp_path / "ref")
    save_maps(maps(5.0), tmp_path / "test")
    save_labels(tmp_path / "rois.nii.gz", labels(), AFFINE)
    save_label_table(tmp_path / "rois.txt", [Label(n, t) for n, t in NAMES.items()])
    return tmp_path


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_commands_take_regions_and_minima_and_record_them(study, capsys):
    rois = ["--rois", str(study / "rois.nii.gz"), "--regions", "vl_r,FEMUR_R"]
    more = ["--min-voxels", "5", "--min-valid-share", "0.05"]
    assert cli.main(["rois", str(study / "test"), *rois, *more, "-o", str(study / "r")]) == 0
    table = rows_of(study / "r" / "rois.csv")
    assert {row["name"] for row in table} == {"VL_R", "FEMUR_R"}
    reasons = {row["reason"] for row in table if row["mean"] == ""}
    assert reasons == {"3 voxels have a valid value, less than the minimum of 5"}
    record = json.loads((study / "r" / "rois.json").read_text())["options"]
    assert record["regions"] == ["vl_r", "FEMUR_R"]
    assert (record["min_voxels"], record["min_valid_share"]) == (5, 0.05)
    capsys.readouterr()
    sides = [str(study / "ref"), str(study / "test")]
    assert cli.main(["compare", *sides, *rois, "-o", str(study / "c")]) == 0
    assert "Not in the agreement of T1H2O, as they have no mean: FEMUR_R" in capsys.readouterr().err
    found = {(row["name"], row["map"]): row for row in rows_of(study / "c" / "inclusion.csv")}
    assert found["RF_R", ""]["why"] == "not among the regions asked for"
    assert found["VL_R", "FF"]["included"] == "True"
    assert rows_of(study / "c" / "outliers.csv") == []
    options = json.loads((study / "c" / "comparison.json").read_text())["options"]
    assert options["min_valid_share"] == 0.1
    assert cli.main(["rois", *sides, *rois[:2], "--regions", "SAR_R", "-o", str(study / "n")]) == 3


def test_a_few_voxels_of_bone_do_not_turn_the_limits_of_a_phantom_cohort():
    subjects = []
    for seed in range(5):
        phantom = thigh((1, 85, 88), seed=seed)
        random = np.random.default_rng(seed)
        truth, names = phantom.truth(), phantom.label_names
        test = ParameterMaps(truth, affine=truth.affine)
        shift = np.zeros_like(truth["T1H2O"])
        for label, name in names.items():
            # Water T1 of bone is that of the partial volume at its border, and off by much more.
            error = 130.0 * (-1) ** seed if name == "FEMUR_R" else random.normal(0, 12)
            shift[phantom.labels == label] = error
        test["T1H2O"] = truth["T1H2O"] - shift
        table = {label: Label(label, name) for label, name in names.items()}
        subjects.append(SubjectMaps(truth, test, f"s{seed}", phantom.labels, table))
    rows = {}
    for share in (0.0, 0.1):
        found = compare(subjects, options=ComparisonOptions(RoiOptions(min_valid_share=share)))
        rows[share] = found, found.agreement.set_index("map").loc["T1H2O"]
    everything, kept = rows[0.0], rows[0.1]
    assert everything[1]["upper"] - everything[1]["lower"] > 2 * (
        kept[1]["upper"] - kept[1]["lower"]
    )
    assert -60 < kept[1]["lower"] < kept[1]["upper"] < 60
    left_out = kept[0].inclusion
    left_out = left_out[(left_out["map"] == "T1H2O") & ~left_out["included"]]
    assert "FEMUR_R" in set(left_out["name"])
    assert left_out["why"].str.contains("less than the minimum of 10 %").all()
    # Where they are counted, they are listed, and stay.
    far = everything[0].outliers
    assert set(far[(far["map"] == "T1H2O") & (far["of"] == "region")]["name"]) >= {"FEMUR_R"}
    assert any("and counted: FEMUR_R of s" in one for one in everything[0].warnings)
    n_bone = (everything[0].pairs["name"] == "FEMUR_R") & (everything[0].pairs["map"] == "T1H2O")
    assert (
        everything[0]
        .pairs[n_bone & (everything[0].pairs["scope"] == "pooled")]["difference"]
        .notna()
        .all()
    )
