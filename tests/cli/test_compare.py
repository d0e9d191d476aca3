"""``napari-mrf compare``: numbers worked out by hand, cohorts, plain maps, refusals, the report."""

import csv
import json
import math
import re
from contextlib import redirect_stderr, redirect_stdout
from html.parser import HTMLParser
from io import StringIO

import nibabel
import numpy as np
import pytest

from napari_mrf import cli
from napari_mrf.data.maps import ParameterMaps
from napari_mrf.io import Label, save_label_table, save_labels, save_maps

AFFINE = np.diag([-2.0, -2.0, 8.0, 1.0])
SHAPE = (2, 12, 14)
REGIONS = {1: (slice(1, 11), slice(1, 4)), 2: (slice(1, 11), slice(5, 8)),
           3: (slice(1, 11), slice(10, 13))}  # fmt: skip
# Region means of water T1, and what the test adds: differences -2, -4 and -9.
WATER, ADDED = {1: 1000.0, 2: 1200.0, 3: 1400.0}, {1: 2.0, 2: 4.0, 3: 9.0}
FEW_FILES = {"metrics.csv", "rois.csv", "inclusion.csv", "outliers.csv", "agreement.csv",
             "agreement_by_region.csv", "agreement_regression.csv", "blurriness.csv",
             "report.html", "report.pdf", "comparison.json", "figures"}  # fmt: skip


pytestmark = pytest.mark.slow


def labels():
    drawn = np.zeros(SHAPE, np.uint16)
    for label, (rows, columns) in REGIONS.items():
        drawn[:, rows, columns] = label
    return drawn


def water(shift=0.0, added=None):
    """Texture with mean 0 in every row, so that region means are what the tables above say."""
    texture = np.tile([-30.0, 0.0, 30.0, 0.0], 4)[: SHAPE[2]] * np.ones(SHAPE)
    values = np.full(SHAPE, 1100.0) + texture
    for label, (rows, columns) in REGIONS.items():
        region = values[:, rows, columns]
        region += WATER[label] + shift - region.mean() + (added or {}).get(label, 0.0)
    return values


def write(folder, maps, affine=AFFINE, **extra):
    save_maps(ParameterMaps(maps, affine=affine, **extra), folder)
    return folder


def write_plain(folder, maps, suffix=".nii.gz"):
    folder.mkdir(parents=True)
    for key, values in maps.items():
        image = nibabel.Nifti1Image(np.asarray(values, np.float32).T, AFFINE)
        image.set_qform(AFFINE, 1)
        nibabel.save(image, folder / f"{key}{suffix}")
    return folder


@pytest.fixture
def run(capsys):
    def run(*words):
        code = cli.main(["compare", *(str(word) for word in words)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Return one subject compared: a folder written by this software against plain NIfTI."""
    folder = tmp_path_factory.mktemp("a study ü")
    write(folder / "first", {"T1H2O": water(), "FF": np.full(SHAPE, 0.1)},
          provenance={"method": {"name": "water-fat", "refined": True}})  # fmt: skip
    write_plain(folder / "second", {"T1H2O": water(added=ADDED), "FF": np.full(SHAPE, 0.12)})
    save_labels(folder / "muscles.nii.gz", labels(), AFFINE)
    save_label_table(folder / "muscles.txt", [Label(1, "vastus <lateralis>"), Label(2, "=RF"),
                                              Label(3, "SAR_R"), Label(9, "nowhere")])  # fmt: skip
    words = [folder / "first", folder / "second", "--rois", folder / "muscles.nii.gz"]
    code = cli.main(["compare", *map(str, words), "--output", str(folder / "out")])
    assert code == 0
    return folder


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Page(HTMLParser):
    """Text, full numbers in tooltips, and everything that would be fetched."""

    def __init__(self, path):
        super().__init__()
        self.text, self.full, self.sources = [], [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.sources += [attrs[name] for name in ("src", "href") if name in attrs]
        if "title" in attrs:
            self.full.append(attrs["title"])

    def handle_data(self, data):
        self.text.append(data)


def test_agreement_is_the_bias_and_limits_worked_out_by_hand(study):
    header = (study / "out" / "agreement.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header.startswith("map,n,bias,lower,upper,")
    by_map = {row["map"]: row for row in rows_of(study / "out" / "agreement.csv")}
    found = by_map["T1H2O"]
    # Differences -2, -4, -9: mean -5, squares 9 + 1 + 16 over 2 degrees of freedom.
    sd = math.sqrt(13)
    assert int(found["n"]) == 3
    assert float(found["bias"]) == pytest.approx(-5, abs=1e-4)  # maps are float32
    assert float(found["lower"]) == pytest.approx(-5 - 1.96 * sd, abs=1e-4)
    assert float(found["upper"]) == pytest.approx(-5 + 1.96 * sd, abs=1e-4)
    assert float(found["bias_low"]) == pytest.approx(-5 - 4.302653 * sd / math.sqrt(3), abs=1e-4)
    assert float(found["sd"]) == pytest.approx(sd, rel=1e-12)  # full precision
    assert float(by_map["FF"]["bias"]) == pytest.approx(-0.02, abs=1e-6)
    assert by_map["FF"]["lower"] == ""
    assert "equal" in by_map["FF"]["message"]


def test_region_table_has_both_sides_names_and_reasons(study):
    rows = rows_of(study / "out" / "rois.csv")
    pooled = [row for row in rows if (row["scope"], row["map"]) == ("pooled", "T1H2O")]
    assert [row["label"] for row in pooled] == ["1", "2", "3", "9"]
    assert pooled[1]["name"] == "'=RF"  # no formula for a spreadsheet
    assert float(pooled[2]["reference"]) == pytest.approx(1400, abs=1e-3)
    assert float(pooled[2]["difference"]) == pytest.approx(-9, abs=1e-3)
    assert pooled[3]["reason"] == "the region is empty"
    assert pooled[3]["reference"] == ""
    assert {row["validity"] for row in pooled} == {"FF < 0.7"}


def test_metrics_have_their_definition_beside_them(study):
    rows = rows_of(study / "out" / "metrics.csv")
    assert {row["metric"] for row in rows} == {
        "NRMSE", "PSNR", "MAE", "MRE", "SSIM", "R2", "R2 voxels"}  # fmt: skip
    assert all(row["definition"] for row in rows)
    by_name = {row["metric"]: row for row in rows if row["map"] == "FF"}
    assert float(by_name["MAE"]["value"]) == pytest.approx(0.02, abs=1e-6)
    assert float(by_name["MRE"]["value"]) == pytest.approx(0.2, abs=1e-5)


def test_every_file_is_there_and_in_the_record(study):
    out = study / "out"
    assert {path.name for path in out.iterdir()} == FEW_FILES
    figures = {path.name for path in (out / "figures").iterdir()}
    assert figures == {f"{name}.{kind}" for kind in ("svg", "pdf")
                       for name in ("overview", "key", "agreement_FF", "agreement_T1H2O",
                                    "normality", "regions", "errors", "blurriness")
                       }  # fmt: skip
    record = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    assert set(record["files"]) >= {"agreement.csv", "report.pdf", "figures/errors.svg"}
    (one,) = record["inputs"]
    assert set(one["reference"]["sha256"]) == {"FF.nii.gz", "T1H2O.nii.gz", "maps.json"}
    assert len(one["labels"]["sha256"]) == 64
    assert record["options"]["validity"] == {"T1H2O": "FF < 0.7", "T1fat": "FF > 0.3"}
    assert "exact for normal differences" in record["definitions"]["bias_low … upper_high"]
    assert record["options"]["assume_independent"] is False


def test_report_is_one_file_that_fetches_nothing(study):
    path = study / "out" / "report.html"
    page = Page(path)
    assert page.sources
    assert all(source.startswith("data:image/svg+xml;base64,") for source in page.sources)
    markup = re.sub(r'src="data:[^"]*"', "", path.read_text(encoding="utf-8"))
    assert not re.search(r"https?:|file:|@import|url\(|<script|<link|<iframe", markup)


def test_report_tells_the_values_of_the_table_and_the_provenance(study):
    page = Page(study / "out" / "report.html")
    text = " ".join(" ".join(page.text).split())
    for row in rows_of(study / "out" / "agreement.csv"):
        for column in ("bias", "lower", "upper", "slope", "icc_2_1"):
            if row[column]:
                assert row[column] in page.full
    assert "−5.0 (−14.0 to 4.0)" in text
    assert "water-fat, refined" in text
    assert "vastus <lateralis>" in text
    assert "reference - test" in text
    assert "the reference for both sides" in text
    record = json.loads((study / "out" / "comparison.json").read_text(encoding="utf-8"))
    for sha256 in record["inputs"][0]["reference"]["sha256"].values():
        assert sha256 in text
    assert "napari-mrf" in text


def test_pdf_has_pages_and_text(study):
    content = (study / "out" / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert len(re.findall(rb"/Type /Page\b", content)) >= 5
    assert b"second against first" in content


def test_same_comparison_gives_the_same_files_apart_from_the_time(study, run, tmp_path):
    words = [study / "first", study / "second", "--rois", study / "muscles.nii.gz"]
    assert run(*words, "--output", tmp_path / "out")[0] == 0
    first = {path.relative_to(study / "out"): path.read_bytes()
             for path in (study / "out").rglob("*.*")}  # fmt: skip
    again = {path.relative_to(tmp_path / "out"): path.read_bytes()
             for path in (tmp_path / "out").rglob("*.*")}  # fmt: skip
    differing = {str(name) for name in first if first[name] != again.get(name)}
    assert first.keys() == again.keys()
    assert differing <= {"report.html", "report.pdf", "comparison.json"}
    undated = [re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d\+00:00)?", "", files[name].decode())
               for files in (first, again)
               for name in first if name.name == "report.html"]  # fmt: skip
    assert undated[0] == undated[1]


def test_mask_reaches_the_means_of_the_regions(study, run, tmp_path):
    mask = np.zeros(SHAPE, np.uint8)
    mask[1, :6] = 1
    save_labels(tmp_path / "mask.nii.gz", mask, AFFINE)
    code, _, _ = run(study / "first", study / "second", "--rois", study / "muscles.nii.gz",
                     "--mask", tmp_path / "mask.nii.gz", "--output", tmp_path / "out")  # fmt: skip
    assert code == 0
    pooled = [row for row in rows_of(tmp_path / "out" / "rois.csv")
              if (row["scope"], row["map"]) == ("pooled", "T1H2O")]  # fmt: skip
    for row in pooled[:3]:
        where = (mask > 0) & (labels() == int(row["label"]))
        assert int(row["n_reference"]) == where.sum()
        assert float(row["reference"]) == pytest.approx(water()[where].mean(), abs=1e-3)


def test_earlier_results_stay_without_leave_to_overwrite(study, run):
    before = (study / "out" / "agreement.csv").read_bytes()
    code, _, err = run(study / "second", study / "first", "--output", study / "out")
    assert code == 3
    assert "already contains a comparison" in err
    assert (study / "out" / "agreement.csv").read_bytes() == before


def test_without_regions_the_tables_have_headers_and_the_report_says_why(study, run, tmp_path):
    out = tmp_path / "out"
    (tmp_path / "out" / "figures").mkdir(parents=True)
    (out / "figures" / "agreement_FF.svg").touch()
    (out / "agreement.csv").touch()
    code, _, err = run(study / "first", study / "second", "--output", out, "--overwrite")
    assert code == 0
    assert "No regions of interest were given" in err
    assert len((out / "agreement.csv").read_text().splitlines()) == 1
    assert len((out / "rois.csv").read_text().splitlines()) == 1
    assert "No regions of interest" in (out / "report.html").read_text(encoding="utf-8")
    assert not list((out / "figures").glob("agreement_*"))  # of the earlier comparison


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    random = np.random.default_rng(4)
    for name in ("sub-01", "sub-02", "sub-03"):
        shift = random.normal(0, 40)
        added = {label: random.normal(5, 4) for label in REGIONS}
        write(folder / "a" / name, {"T1H2O": water(shift)})
        write(folder / "b" / name, {"T1H2O": water(shift, added)})
        save_labels(folder / "a" / name / "labels.nii.gz", labels(), AFFINE)
    write(folder / "a" / "only-a", {"T1H2O": water()})
    write(folder / "b" / "only-b", {"T1H2O": water()})
    return folder


@pytest.fixture(scope="module")
def pooled(cohort, tmp_path_factory):
    """Return the folder of the whole cohort compared, and what was printed."""
    folder = tmp_path_factory.mktemp("pooled") / "out"
    out, err = StringIO(), StringIO()
    words = [cohort / "a", cohort / "b", "--rois", cohort / "a", "--output", folder, "--seed", 7,
             "--assume-independent"]  # fmt: skip
    with redirect_stdout(out), redirect_stderr(err):
        assert cli.main(["compare", *map(str, words)]) == 0
    return folder, out.getvalue(), err.getvalue()


def test_subjects_of_two_folders_pool_with_the_subject_as_the_cluster(pooled):
    folder, out, err = pooled
    assert "3 subjects" in out
    assert ", by subjects" in out
    assert "only-a" in err and "only-b" in err
    (row,) = rows_of(folder / "agreement.csv")
    assert (row["n"], row["n_subjects"], row["bootstrap_seed"]) == ("9", "3", "7")
    regions = rows_of(folder / "rois.csv")
    differences = [float(one["difference"]) for one in regions if one["scope"] == "pooled"]
    assert len(differences) == 9
    assert float(row["bias"]) == pytest.approx(np.mean(differences), rel=1e-12)
    assert float(row["independent_upper"]) == pytest.approx(
        np.mean(differences) + 1.96 * np.std(differences, ddof=1), rel=1e-12
    )
    by_subject = np.reshape(differences, (3, 3))
    half = 4.302653 * by_subject.mean(axis=1).std(ddof=1) / math.sqrt(3)
    assert float(row["bias_low"]) == pytest.approx(np.mean(differences) - half, rel=1e-6)
    assert float(row["lower_low"]) < float(row["lower"]) < float(row["lower_high"])
    assert row["basis"] == "by subjects"
    assert row["bootstrap_bias_low"] == ""
    assert "at least 20 subjects" in row["message"]
    assert {one["subject"] for one in rows_of(folder / "metrics.csv")} == {
        "sub-01", "sub-02", "sub-03"}  # fmt: skip
    assert (folder / "figures" / "errors_sub-02.svg").exists()
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "repeated measures after Zou (2013)" in page
    assert "Lower limit, assumes independent regions" in page


def test_each_region_has_its_agreement_over_subjects(pooled):
    folder, _, _ = pooled
    found = rows_of(folder / "agreement_by_region.csv")
    assert [(row["map"], row["label"], row["n"]) for row in found] == [
        ("T1H2O", str(label), "3") for label in REGIONS
    ]
    regions = [one for one in rows_of(folder / "rois.csv") if one["scope"] == "pooled"]
    for row in found:
        d = [float(one["difference"]) for one in regions if one["label"] == row["label"]]
        sd = np.std(d, ddof=1)
        assert float(row["bias"]) == pytest.approx(np.mean(d), rel=1e-9)
        assert float(row["upper"]) == pytest.approx(np.mean(d) + 1.96 * sd, rel=1e-9)
        half = 4.302653 * sd / math.sqrt(3)
        assert float(row["bias_low"]) == pytest.approx(np.mean(d) - half, rel=1e-6)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Agreement of each region over subjects" in page


def test_margin_of_one_subject_has_no_verdict_and_says_why(cohort, run, tmp_path):
    one, other = cohort / "a" / "sub-01", cohort / "b" / "sub-01"
    code, out, _ = run(one, other, "--rois", one / "labels.nii.gz", "--output", tmp_path / "out",
                       "--margin", "T1H2O=100")  # fmt: skip
    assert code == 0
    assert ("margin ±100 ms: no verdict, a verdict on a margin needs at least 3 subjects, there "
            "are 1") in out  # fmt: skip


def test_two_scans_have_a_repeatability_and_a_margin_a_verdict(cohort, run, tmp_path):
    code, out, _ = run(cohort / "a", cohort / "b", "--rois", cohort / "a", "--output",
                       tmp_path / "out", "--design", "test-retest", "--margin", "T1H2O=100",
                       "--margin", "FF=5%")  # fmt: skip
    assert code == 0
    assert "margin ±100 ms: bias within the margin" in out
    (row,) = rows_of(tmp_path / "out" / "agreement.csv")
    regions = [one for one in rows_of(tmp_path / "out" / "rois.csv") if one["scope"] == "pooled"]
    differences = np.reshape([float(one["difference"]) for one in regions], (3, 3))
    within = np.sqrt((differences**2 / 2).mean())
    assert float(row["within_sd"]) == pytest.approx(within, rel=1e-9)
    assert float(row["repeatability"]) == pytest.approx(1.96 * math.sqrt(2) * within, rel=1e-9)
    assert f"repeatability coefficient {float(row['repeatability']):.4g} ms" in out
    error = differences.mean(axis=1).std(ddof=1) / math.sqrt(3)
    t = (100 - abs(differences.mean())) / error
    # The tail of t with two degrees of freedom in closed form.
    assert float(row["margin_p"]) == pytest.approx((1 - t / math.sqrt(2 + t * t)) / 2, rel=1e-5)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    for title in ("Repeatability of two scans", "Proportional bias", "bias within the margin"):
        assert title in page


def test_ratios_and_lines_are_those_of_the_region_means(cohort, run, tmp_path):
    code, out, _ = run(cohort / "a", cohort / "b", "--rois", cohort / "a", "--output",
                       tmp_path / "out", "--limits", "ratio", "--error-ratio", "2")  # fmt: skip
    assert code == 0
    regions = [one for one in rows_of(tmp_path / "out" / "rois.csv") if one["scope"] == "pooled"]
    first, second = (np.array([float(one[side]) for one in regions])
                     for side in ("reference", "test"))  # fmt: skip
    (row,) = rows_of(tmp_path / "out" / "agreement.csv")
    logs = np.reshape(np.log(first / second), (3, 3))
    assert row["relative_kind"] == "ratio"
    assert float(row["relative_bias"]) == pytest.approx(np.exp(logs.mean()), rel=1e-12)
    variance = logs.mean(axis=1).var(ddof=1) + 2 / 3 * logs.var(axis=1, ddof=1).mean()
    upper = np.exp(logs.mean() + 1.96 * np.sqrt(variance))
    assert float(row["relative_upper"]) == pytest.approx(upper, rel=1e-9)
    assert f"ratio {float(row['relative_lower']):.4g} to {upper:.4g}" in out
    deming, passing = rows_of(tmp_path / "out" / "agreement_regression.csv")
    assert (deming["basis"], deming["error_ratio"], deming["unit"]) == ("by subjects", "2.0", "ms")
    (xx, xy), (_, yy) = np.cov(first, second)
    slope = (yy - 2 * xx + np.sqrt((yy - 2 * xx) ** 2 + 8 * xy**2)) / (2 * xy)
    assert float(deming["slope"]) == pytest.approx(slope, rel=1e-9)
    assert passing["slope_low"] == "" and "takes regions as independent" in passing["message"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    for title in ("Limits of agreement as ratios", "What the limits assume",
                  "Regression with errors in both methods", "Quantiles of the differences",
                  "ICC(2,1) is the one to report"):  # fmt: skip
        assert title in page
    record = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert (record["options"]["limits"], record["options"]["error_ratio"]) == ("ratio", 2.0)
    assert "ICC(A,1)" in record["definitions"]["icc_2_1 … icc_2_1_high"]
    assert "absolute agreement" in record["definitions"]["choice of the ICC"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["a/sub-01", "b/sub-01", "--margin", "T1H2O"], 2, "is not MAP=NUMBER"),
        (["a/sub-01", "b/sub-01", "--margin", "T1H2O=-3"], 2, "a margin is a number above 0"),
        (["a/sub-01", "b/sub-01", "--margin", "water=3"], 2, "a margin is a number above 0"),
        (["a/sub-01", "b/sub-01", "--design", "both"], 2, "one of methods, test-retest"),
        (["a/sub-01", "b/sub-01", "--margin", "T1H2O=3%"], 2, "is not MAP=NUMBER"),
        (["a/sub-01", "b/sub-01", "--margin", "FF=2%", "--margin", "FF=1%"], 2, "two margins"),
        (["a/sub-01", "b/sub-01", "--limits", "log"], 2, "one of absolute, percent, ratio"),
        (["a/sub-01", "b/sub-01", "--error-ratio", "0"], 2, "ratio of error variances"),
        (["a", "b/sub-01"], 3, "one set of maps"),
        (["a", "b", "--rois", "a/sub-01/labels.nii.gz"], 3, "belong to several subjects"),
        (["a", "b", "--rois", "b"], 3, "no label map of the subjects"),
        (["a/sub-01", "nowhere"], 3, "does not exist"),
        (["a/sub-01", "b/sub-01", "--scope", "all"], 2, "not one of pooled, slice"),
        (["a/sub-01", "b/sub-01", "--erosion", "-1"], 2, "--erosion"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(cohort, run, tmp_path, words, code, said):
    places = [cohort / word if (cohort / word.split("/")[0]).exists() else word for word in words]
    found, _, err = run(*places, "--output", tmp_path / "out")
    assert found == code
    assert said in err
    assert not (tmp_path / "out").exists()


def test_errors_are_json_on_request(cohort, run, tmp_path):
    code, _, err = run(cohort, cohort / "b", "--output", tmp_path / "out", "--json-errors")
    assert code == 3
    assert json.loads(err)["error"]["code"] == "no-maps"


def refused(run, tmp_path, first, second, **options):
    write(tmp_path / "first", first)
    write(tmp_path / "second", second, **options)
    code, _, err = run(tmp_path / "first", tmp_path / "second", "--output", tmp_path / "out")
    assert code == 3
    assert not (tmp_path / "out").exists()
    return err


def test_seconds_are_not_compared_with_milliseconds(run, tmp_path):
    assert "Is it in seconds?" in refused(
        run, tmp_path, {"T1H2O": water()}, {"T1H2O": water() / 1000}
    )


def test_small_fractions_in_percent_are_found_by_the_other_side(run, tmp_path):
    fraction = np.random.default_rng(0).uniform(0.002, 0.01, SHAPE)
    assert "percent and fraction" in refused(run, tmp_path, {"FF": fraction},
                                             {"FF": fraction * 100})  # fmt: skip


def test_a_few_impossible_values_are_compared_like_others(run, tmp_path):
    strange = water()
    strange[0, 0, :3] = (-5000.0, 0.002, 90_000.0)
    write(tmp_path / "first", {"T1H2O": water()})
    write(tmp_path / "second", {"T1H2O": strange})
    assert run(tmp_path / "first", tmp_path / "second", "--output", tmp_path / "out")[0] == 0
    (row,) = [one for one in rows_of(tmp_path / "out" / "metrics.csv") if one["metric"] == "MAE"]
    assert float(row["value"]) > 200
    assert int(row["n"]) == np.prod(SHAPE)


def test_other_grids_are_blocked_and_described(run, tmp_path):
    flipped = AFFINE @ np.diag([-1.0, 1, 1, 1])
    said = refused(run, tmp_path, {"T1H2O": water()}, {"T1H2O": water()}, affine=flipped)
    assert "another grid" in said
    assert "left and right run the other way" in said


def test_labels_on_another_grid_need_leave_to_be_resampled(study, run, tmp_path):
    shifted = AFFINE.copy()
    shifted[0, 3] -= 2.0
    # On a grid a column further to the left; x runs to the left in this affine.
    save_labels(tmp_path / "shifted.nii.gz", np.roll(labels(), -1, axis=2), shifted)
    words = [study / "first", study / "second", "--rois", tmp_path / "shifted.nii.gz"]
    words += ["--labels", study / "muscles.txt", "--output", tmp_path / "out"]
    code, _, err = run(*words)
    assert code == 3
    assert "it is shifted by 2 mm to the left. Draw the labels" in err
    assert not (tmp_path / "out").exists()
    assert run(*words, "--resample", "linear")[0] == 2
    code, _, err = run(*words, "--resample", "nearest")
    assert code == 0
    assert "the nearest label was taken for every voxel" in err
    record = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert record["inputs"][0]["labels"]["resampled"] == "nearest"
    one, other = (
        {row["map"]: row for row in rows_of(folder / "out" / "agreement.csv")}
        for folder in (study, tmp_path)
    )
    assert other["T1H2O"] == one["T1H2O"]  # the labels come to lie where they were drawn


def test_maps_in_common_are_needed(run, tmp_path):
    said = refused(run, tmp_path, {"T1H2O": water()}, {"FF": np.full(SHAPE, 0.1)})
    assert "no map in common" in said


def test_odd_headers_of_maps_labels_and_masks_are_told_and_recorded(tmp_path, run):
    first = write(tmp_path / "first", {"FF": np.full(SHAPE, 0.1)})
    second = write_plain(tmp_path / "second", {"FF": np.full(SHAPE, 0.12)}, ".nii")
    elsewhere = AFFINE.copy()
    elsewhere[0, 3] = 5.0
    files = {
        "second/FF.nii": np.full(SHAPE, 0.12),
        "rois.nii": labels(),
        "mask.nii": np.ones(SHAPE),
    }
    for name, values in files.items():
        image = nibabel.Nifti1Image(np.asarray(values, np.float32).T, AFFINE)
        image.set_qform(elsewhere, 1)
        nibabel.save(image, tmp_path / name)
    code, _, err = run(first, second, "--rois", tmp_path / "rois.nii", "--mask",
                       tmp_path / "mask.nii", "-o", tmp_path / "out")  # fmt: skip
    assert code == 0
    record = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    for name in ("Header of the test, FF: ", "rois.nii: ", "mask.nii: "):
        (told,) = (text for text in record["warnings"] if name in text)
        assert "shifted by 5 mm to the right" in told
        assert told in " ".join(err.split())
