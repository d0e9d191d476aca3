"""``napari-mrf rois``: numbers worked out by hand, options on record, cohorts, refusals."""

import csv
import json
import math

import nibabel
import numpy as np
import pandas as pd
import pytest

from napari_mrf import cli
from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.analysis.regions.statistics import roi_statistics
from napari_mrf.data.maps import ParameterMaps
from napari_mrf.io import Label, save_label_table, save_labels, save_maps
from napari_mrf.report.regions import without_numbers

AFFINE = np.diag([-2.0, -2.0, 5.0, 1.0])  # a voxel is 20 mm³
SHAPE = (2, 6, 7)
MUSCLE = np.s_[:, 1:4, 1:5]


def labels():
    drawn = np.zeros(SHAPE, np.uint16)
    drawn[MUSCLE] = 1
    drawn[0, 5, 6] = 2
    return drawn


def maps(shift=0.0, **extra):
    """Columns 1-4 of the muscle: 1010, 1020, 1030, 1040 ms, then 2000 ms in the second slice."""
    water = np.broadcast_to(1000.0 + 10.0 * np.arange(SHAPE[2]), SHAPE) + shift
    water = water.copy()
    water[1] = 2000.0 + shift
    fat = np.full(SHAPE, 0.1)
    fat[0, 2, 2] = 0.8  # there water T1 is 1020 ms and does not count
    return ParameterMaps({"FF": fat, "T1H2O": water}, affine=AFFINE, **extra)


@pytest.fixture
def run(capsys):
    def run(*words):
        code = cli.main(["rois", *(str(word) for word in words)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def study(tmp_path):
    save_maps(maps(provenance={"input": {"path": "leg.nii.gz"}}), tmp_path / "water-fat")
    save_labels(tmp_path / "muscles.nii.gz", labels(), AFFINE)
    save_label_table(tmp_path / "names.txt",
                     [Label(1, "VL_R"), Label(2, "=cmd()"), Label(3, "RF_R")])  # fmt: skip
    return tmp_path


@pytest.fixture
def measured(study, run):
    def measured(*options):
        out = study / "out"
        words = [study / "water-fat", "--rois", study / "muscles.nii.gz", "--labels",
                 study / "names.txt", "--output", out, "--overwrite", *options]  # fmt: skip
        code, said, err = run(*words)
        assert code == 0, err
        with (out / "rois.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file)), said

    return measured


def row_of(rows, label, scope, key="T1H2O"):
    (row,) = [one for one in rows if (one["label"], one["map"]) == (str(label), key)
              and (one["slice"] or "pooled") == str(scope)]  # fmt: skip
    return row


def test_statistics_are_what_the_hand_finds(measured):
    rows, _ = measured("--all-values")
    row = row_of(rows, 1, 0)
    expected = {"n": 12, "n_invalid": 0, "n_drawn": 12, "mean": 1025, "sd": math.sqrt(1500 / 11),
                "median": 1025, "p05": 1010, "p25": 1017.5, "p75": 1032.5, "p95": 1040,
                "volume_ml": 0.24}  # fmt: skip
    assert {name: float(row[name]) for name in expected} == pytest.approx(expected)
    pooled = row_of(rows, 1, "pooled")
    assert float(pooled["mean"]) == pytest.approx((12 * 1025 + 12 * 2000) / 24)
    assert float(pooled["volume_ml"]) == pytest.approx(0.48)
    assert row["unit"] == "ms"
    assert row["validity"] == "not applied"


def test_rule_leaves_out_the_fatty_voxel_and_says_so(measured):
    rows, _ = measured()
    row = row_of(rows, 1, 0)
    assert (row["n"], row["n_by_rule"], row["validity"]) == ("11", "1", "FF < 0.7")
    assert float(row["mean"]) == pytest.approx((12 * 1025 - 1020) / 11)
    assert float(row_of(rows, 1, 0, "FF")["mean"]) == pytest.approx((11 * 0.1 + 0.8) / 12)


def test_erosion_takes_the_rim_and_is_recorded(measured, study):
    rows, _ = measured("--erosion", 1, "--all-values")
    row = row_of(rows, 1, 0)  # columns 2 and 3 of the middle row are left
    assert (row["n"], row["n_drawn"], row["erosion_voxels"]) == ("2", "12", "1")
    assert float(row["mean"]) == pytest.approx(1025)
    record = json.loads((study / "out" / "rois.json").read_text(encoding="utf-8"))
    assert record["options"] == {"validity": {}, "erosion_voxels": 1, "per_slice": True,
                                 "resample": None, "allow_mixed": False, "regions": None,
                                 "min_voxels": 2, "min_valid_share": 0.1}  # fmt: skip
    assert set(record["files"]) == {"rois.csv", "rois.xlsx"}
    (one,) = record["inputs"]
    assert set(one["maps"]["sha256"]) == {"FF.nii.gz", "T1H2O.nii.gz", "maps.json"}
    assert one["series"] == "leg.nii.gz"


def test_regions_without_numbers_keep_their_row_and_reason(measured):
    rows, said = measured()
    assert row_of(rows, 2, "pooled")["reason"] == "the region has one voxel, statistics need two"
    assert row_of(rows, 2, "pooled")["mean"] == ""
    assert row_of(rows, 3, "pooled")["reason"] == "the region is empty"
    assert "2 regions drawn" in said
    assert "as the region is empty: RF_R" in said
    assert "VL_R: FF 0.1292 ± " in said


def test_no_slices_leaves_the_pooled_rows(measured):
    rows, _ = measured("--no-slices")
    assert {row["scope"] for row in rows} == {"pooled"}
    assert len(rows) == 3 * 2


def test_sheets_are_those_of_the_panel_and_no_formula(measured, study):
    rows, _ = measured()
    assert row_of(rows, 2, "pooled")["name"] == "'=cmd()"
    assert list(rows[0])[:3] == ["maps", "label", "name"]
    assert rows[0]["maps"] == "water-fat"
    sheets = pd.read_excel(study / "out" / "rois.xlsx", sheet_name=None)
    assert list(sheets) == ["ROIs", "About", "Columns"]
    assert len(sheets["ROIs"]) == len(rows)
    assert "'=cmd()" in set(sheets["ROIs"]["name"])
    about = dict(sheets["About"].to_numpy())
    assert about["validity"] == "T1H2O where FF < 0.7"
    assert about["series"] == "leg.nii.gz"
    assert str(about["erosion (voxels)"]) == "0"


def test_without_a_fat_fraction_the_rule_is_not_claimed(run, tmp_path):
    save_maps(ParameterMaps({"T1H2O": maps()["T1H2O"]}, affine=AFFINE), tmp_path / "maps")
    save_labels(tmp_path / "rois.nii.gz", labels(), AFFINE)
    out = tmp_path / "out"
    assert run(tmp_path / "maps", "--rois", tmp_path / "rois.nii.gz", "--output", out)[0] == 0
    about = dict(pd.read_excel(out / "rois.xlsx", sheet_name="About").to_numpy())
    assert about["validity"] == "not applied: no fat fraction"
    assert about["names of the labels"] == "none given"


def test_the_same_input_gives_the_same_bytes(measured, study):
    measured()
    first = {path.name: path.read_bytes() for path in (study / "out").iterdir()}
    measured()
    assert first == {path.name: path.read_bytes() for path in (study / "out").iterdir()}


def test_labels_on_another_grid_are_blocked_until_nearest_is_chosen(run, study):
    coarse = np.zeros((2, 3, 4), np.uint16)
    coarse[:, 1, 1] = 5
    affine = np.diag([-4.0, -4.0, 5.0, 1.0])
    affine[:2, 3] = -1.0  # a voxel covers two by two of the maps: rows 2-3, columns 2-3
    save_labels(study / "coarse.nii.gz", coarse, affine)
    words = [study / "water-fat", "--rois", study / "coarse.nii.gz", "--output", study / "out"]
    code, _, err = run(*words)
    assert code == 3
    assert "another grid" in err and "nearest" in err
    assert not (study / "out").exists()
    code, _, err = run(*words, "--resample", "nearest", "--all-values")
    assert code == 0
    assert "nearest label was taken" in err
    table = pd.read_csv(study / "out" / "rois.csv")
    (row,) = table.query("map == 'T1H2O' and slice == 0").to_dict("records")
    assert (row["n"], row["mean"]) == (4, pytest.approx(1025))
    record = json.loads((study / "out" / "rois.json").read_text(encoding="utf-8"))
    assert record["inputs"][0]["labels"]["resampled"] == "nearest"


@pytest.fixture
def cohort(tmp_path):
    for number, name in enumerate(("sub-01", "sub-02", "sub-03")):
        save_maps(maps(shift=100.0 * number), tmp_path / "cohort" / name / "maps")
        save_maps(maps(shift=100.0 * number), tmp_path / "flat" / name)
        if number < 2:
            (tmp_path / "rois").mkdir(exist_ok=True)
            save_labels(tmp_path / "rois" / f"{name}.nii.gz", labels(), AFFINE)
    return tmp_path


@pytest.mark.parametrize("several", [False, True], ids=["a folder of subjects", "folders"])
def test_subjects_have_a_column_and_those_without_labels_are_named(cohort, run, several):
    given = [cohort / "flat"]
    if several:
        given = [cohort / "cohort" / name / "maps" for name in ("sub-01", "sub-02", "sub-03")]
    out = cohort / "out"
    code, said, err = run(*given, "--rois", cohort / "rois", "--output", out, "--all-values")
    assert code == 0
    assert "no label map: sub-03" in err
    assert "2 subjects" in said
    table = pd.read_csv(out / "rois.csv")
    assert list(table.columns[:3]) == ["subject", "maps", "label"]
    means = table.query("map == 'T1H2O' and label == 1 and slice == 0").set_index("subject")["mean"]
    assert means.to_dict() == pytest.approx({"sub-01": 1025, "sub-02": 1125})
    sheets = pd.read_excel(out / "rois.xlsx", sheet_name=None)
    about = dict(sheets["About"].to_numpy())
    assert about["sub-02: labels"].endswith("sub-02.nii.gz")
    assert "sub-03" in about["remark 1"]
    assert sheets["Columns"]["column"][0] == "subject"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["flat/sub-01", "--rois", "nowhere.nii.gz"], 3, "does not exist"),
        (["nowhere", "--rois", "rois/sub-01.nii.gz"], 3, "does not exist"),
        (["flat", "--rois", "rois/sub-01.nii.gz"], 3, "belong to several subjects"),
        (["flat", "flat/sub-01", "--rois", "rois"], 3, "share the name sub-01"),
        (["flat/sub-01", "--rois", "rois/sub-01.nii.gz", "--erosion", "-1"], 2, "--erosion"),
        (["flat/sub-01", "--rois", "rois/sub-01.nii.gz", "--resample", "linear"], 2, "nearest"),
        (["flat/sub-01"], 2, "--rois"),
    ],
)
def test_what_does_not_fit_is_refused(cohort, run, words, code, said):
    places = [word if word.startswith("-") or word in ("linear", "-1") else cohort / word
              for word in words]  # fmt: skip
    found, _, err = run(*places, "--output", cohort / "out")
    assert found == code
    assert said in err
    assert not (cohort / "out").exists()


def test_fat_in_percent_is_refused_as_the_rule_would_drop_every_voxel(run, study):
    plain = study / "plain"
    plain.mkdir()
    for key, values in {"FF": maps()["FF"] * 100, "T1H2O": maps()["T1H2O"]}.items():
        nibabel.save(nibabel.Nifti1Image(values.T, AFFINE), plain / f"{key}.nii.gz")
    code, _, err = run(plain, "--rois", study / "muscles.nii.gz", "--output", study / "out",
                       "--json-errors")  # fmt: skip
    assert code == 3
    assert json.loads(err)["error"]["code"] == "unit-conflict"


def test_earlier_results_stay_without_leave_to_overwrite(run, study, measured):
    measured()
    before = (study / "out" / "rois.csv").read_bytes()
    code, _, err = run(study / "water-fat", "--rois", study / "muscles.nii.gz", "--output",
                       study / "out", "--all-values")  # fmt: skip
    assert code == 3
    assert "already contains statistics" in err
    assert (study / "out" / "rois.csv").read_bytes() == before


def test_regions_with_too_few_voxels_share_a_reason_whatever_their_numbers():
    fat = np.full(SHAPE, 0.1)
    fat[0, 1:, 1:] = 0.5  # T1fat is valid there
    both = ParameterMaps({"FF": fat, "T1fat": np.full(SHAPE, 350.0)}, affine=AFFINE)
    drawn = np.zeros(SHAPE, np.uint16)
    drawn[:, 1] = 1  # 6 of 14
    drawn[:, 2:4] = 2  # 12 of 28
    drawn[1, 5, 5:] = 3  # 0 of 2
    table = roi_statistics(both, drawn, {n: f"R{n}" for n in (1, 2, 3)},
                           options=RoiOptions(min_valid_share=0.5))  # fmt: skip
    assert without_numbers(table) == {
        "the valid voxels are less than the minimum of 50 %": ["R1 (T1fat)", "R2 (T1fat)"],
        "the validity rule leaves no voxel": ["R3 (T1fat)"],
    }
