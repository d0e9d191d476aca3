"""Comparisons without a screen: error maps, which voxels count, what is told and refused."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from napari_mrf.analysis.agreement.agreement_table import AGREEMENT_COLUMNS, agreement_table
from napari_mrf.analysis.comparison.compare import compare, iter_compare
from napari_mrf.analysis.comparison.options import ComparisonOptions
from napari_mrf.analysis.comparison.subjects import SubjectMaps, find_study
from napari_mrf.analysis.images.error_maps import ERROR_KINDS, error_limits, error_map, error_unit
from napari_mrf.analysis.images.metrics import image_metrics
from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.data.maps import ParameterMaps
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import MRFInputError
from napari_mrf.io import Label, save_label_table, save_labels, save_maps
from napari_mrf.plots.agreement.agreement_axes import print_ticks
from napari_mrf.plots.agreement.agreement_figure import agreement_figure
from napari_mrf.plots.blurriness_figure import blurriness_figure
from napari_mrf.plots.colormaps import error_colors
from napari_mrf.plots.error_figure import error_figure
from napari_mrf.plots.figure_files import figure_bytes, settle
from napari_mrf.plots.printed_numbers import formatted, printed
from napari_mrf.plots.region_styles import region_styles
from napari_mrf.plugin.panels.compare.work import selected
from napari_mrf.report.comparison.content import report_content
from napari_mrf.report.comparison.drawings import figure_names
from napari_mrf.report.comparison.html import html_report
from napari_mrf.report.comparison.readable import of_map, result_overview
from napari_mrf.report.comparison.save import save_comparison, save_report

AFFINE = np.diag([-2.0, -2.0, 8.0, 1.0])
SHAPE = (2, 16, 18)


def subject(seed=0, **changes):
    random = np.random.default_rng(seed)
    fraction = random.uniform(0, 1, SHAPE)
    water = random.normal(1200, 100, SHAPE)
    water[0, 0] = np.nan
    reference = ParameterMaps({"FF": fraction, "T1H2O": water}, affine=AFFINE)
    test = ParameterMaps(
        {"FF": fraction + random.normal(0, 0.02, SHAPE),
         "T1H2O": water + random.normal(5, 30, SHAPE)}, affine=AFFINE,
    )  # fmt: skip
    test["T1H2O"][0, 1] = np.nan
    labels = np.zeros(SHAPE, np.uint16)
    for label in range(1, 6):
        labels[:, 3:14, 3 * label : 3 * label + 2] = label
    table = {label: Label(label, f"muscle {label}") for label in range(1, 6)}
    return SubjectMaps(reference, test, labels=labels, table=table, **changes)


@pytest.mark.parametrize(
    ("kind", "expected"), [("difference", -60), ("relative", -5), ("absolute", 60)]
)
def test_error_is_reference_minus_test(kind, expected):
    one = ParameterMaps({"T1": np.full((1, 2, 2), 1200.0)})
    other = ParameterMaps({"T1": np.full((1, 2, 2), 1260.0)})
    assert error_map(one, other, "T1", kind) == pytest.approx(np.full((1, 2, 2), expected))
    assert error_unit("T1", kind) == ("%" if kind == "relative" else "ms")


def test_error_has_no_value_where_one_side_has_none_nor_where_a_rule_or_region_forbids():
    pair = subject()
    region = np.zeros(SHAPE, bool)
    region[0, :4] = True
    found = error_map(pair.reference, pair.test, "T1H2O", region=region)
    expected = region & (pair.reference["FF"] < 0.7)
    expected[0, :2] = False
    assert np.array_equal(np.isfinite(found), expected)
    everywhere = error_map(pair.reference, pair.test, "T1H2O", apply_validity=False)
    assert np.isfinite(everywhere).sum() == np.prod(SHAPE) - 2 * SHAPE[2]


def test_relative_error_has_no_value_where_the_reference_is_zero():
    one = ParameterMaps({"FF": np.array([[[0.0, 0.5, -0.5]]])})
    other = ParameterMaps({"FF": np.array([[[0.1, 0.4, -0.4]]])})
    found = error_map(one, other, "FF", "relative")[0, 0]
    assert np.isnan(found[0])
    assert found[1:] == pytest.approx([20, -20], rel=1e-5)


@pytest.mark.parametrize("key", PARAMETERS)
def test_limits_of_signed_errors_are_symmetric_and_their_colors_light_in_the_middle(key):
    for kind, about in ERROR_KINDS.items():
        low, high = error_limits(key, kind)
        assert low == (-high if about.is_signed else 0)
        middle, ends = error_colors(kind)[127, :3], error_colors(kind)[[0, -1], :3]
        assert (middle.min() > ends.mean(axis=1).max()) == about.is_signed


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000))
def test_swapping_the_sides_turns_the_sign_of_bias_and_limits(seed):
    random = np.random.default_rng(seed)
    pair = subject(seed % 7)
    pair.test["FF"][...] += np.float32(random.normal(0, 0.05))
    swapped = SubjectMaps(pair.test, pair.reference, labels=pair.labels, table=pair.table)
    one, other = (compare([each]).agreement.set_index("map").loc["FF"] for each in (pair, swapped))
    assert one.bias == pytest.approx(-other.bias, rel=1e-12, abs=1e-15)
    assert one.lower == pytest.approx(-other.upper, rel=1e-12)
    assert one.lower_low == pytest.approx(-other.upper_high, rel=1e-9)


def test_comparison_holds_what_its_parts_give():
    pair = subject()
    found = compare([pair], reference_name="a", test_name="b")
    metrics = image_metrics(pair.reference, pair.test, np.ones(SHAPE, bool), regions=found.pairs)
    assert found.metrics["value"].tolist() == pytest.approx([one.value for one in metrics])
    assert found.agreement.equals(agreement_table(found.pairs))
    assert found.maps == ("FF", "T1H2O")
    assert set(found.blurriness["method"]) == {"a", "b"}
    assert set(found.blurriness["side"]) == {"reference", "test"}


def test_options_reach_every_part():
    pair = subject()
    options = ComparisonOptions(RoiOptions(erosion_voxels=1, apply_validity=False), "slice", 3)
    eroded = subject()
    eroded.labels[:, :, 3::3] = 0  # regions of one column vanish under erosion
    found = compare([pair], options=options)
    assert set(found.pairs["erosion_voxels"]) == {1}
    assert set(found.metrics["region"]) == {"everywhere"}
    assert found.agreement["bootstrap_seed"].tolist() == [3, 3]
    by_slice = compare([pair], options=ComparisonOptions(scope="slice", independent=True)).agreement
    assert by_slice["n"].tolist() == [10, 10]
    assert by_slice["independent_bias"].tolist() == by_slice["bias"].tolist()
    assert options.as_record()["validity"] == {}
    with pytest.raises(MRFInputError, match="scope"):
        ComparisonOptions(scope="both")


def test_mask_limits_the_metrics_and_the_checks():
    pair = subject()
    mask = np.zeros(SHAPE, bool)
    mask[1] = True
    pair.test["T1H2O"][0] = 1.0
    limited = SubjectMaps(pair.reference, pair.test, mask=mask)
    found = compare([limited])
    n = found.metrics.set_index(["map", "metric"])["n"]
    assert n["FF", "NRMSE"] == mask.sum()
    assert found.agreement.empty
    assert list(found.agreement.columns) == list(AGREEMENT_COLUMNS)


def test_mask_limits_the_means_of_the_regions():
    pair = subject()
    mask = np.zeros(SHAPE, bool)
    mask[:, 5:9] = True
    pair.test["FF"][0, 10, 3] = np.nan  # in a region, outside the mask: nothing to tell
    limited = SubjectMaps(
        pair.reference, pair.test, labels=pair.labels, table=pair.table, mask=mask
    )
    found = compare([limited])
    rows = found.pairs[(found.pairs["map"] == "FF") & (found.pairs["scope"] == "pooled")]
    for label, row in rows.set_index("label").iterrows():
        where = mask & (pair.labels == label)
        assert row["n_reference"] == row["n_test"] == where.sum()
        assert row["reference"] == pytest.approx(pair.reference["FF"][where].mean(dtype=float))
        assert row["test"] == pytest.approx(pair.test["FF"][where].mean(dtype=float))
    assert not any("one side only" in one for one in found.warnings)


@pytest.mark.parametrize("erosion", [0, 1])
def test_r2_of_regions_is_that_of_the_means_in_the_table_of_regions(erosion):
    pair = subject()
    pair.labels[:, 3:14, 3:5] = 0
    pair.labels[:, 3:14, 1:5] = 1  # erosion leaves two columns of this one, of others none
    pair.labels[:, 3:14, 14:18] = 7
    pair.labels[0, 15, 0] = 9  # one voxel is no region
    found = compare([pair], options=ComparisonOptions(RoiOptions(erosion_voxels=erosion)))
    for key in ("FF", "T1H2O"):
        rows = found.pairs[(found.pairs["map"] == key) & (found.pairs["scope"] == "pooled")]
        rows = rows.dropna(subset=["difference"])
        assert len(rows) == (2 if erosion else 5)
        x, y = rows["reference"].to_numpy(float), rows["test"].to_numpy(float)
        printed = found.metrics.set_index(["map", "metric"]).loc[(key, "R2"), "value"]
        assert printed == pytest.approx(1 - np.sum((x - y) ** 2) / np.sum((x - x.mean()) ** 2))


def test_what_a_user_should_know_is_told():
    pair = subject()
    for maps in (pair.reference, pair.test):
        maps["T1H2O"][1, :2] = 0  # as other software writes air
        maps["FF"][1, :2] = 0
    del pair.reference["FF"]
    told = "\n".join(compare([pair]).warnings)
    assert "36 voxels of the reference left out: T1H2O is exactly 0 there" in told
    assert "36 voxels of the test left out: T1H2O is exactly 0 there" in told
    assert "Only the test has FF" in told
    assert "no fat fraction, so T1H2O is compared everywhere" in told
    unknown = ParameterMaps(subject().test)
    told = compare([SubjectMaps(subject().reference, unknown)]).warnings
    assert any("cannot be told" in one for one in told)


def test_voxels_with_a_value_on_one_side_only_are_in_neither_mean():
    pair = subject()
    pair.test["FF"][0, 5, 3] = np.nan
    pair.reference["FF"][1, 4, 4] = np.nan
    pair.reference["FF"][0, 5, 3] = 7.0  # would pull the mean of the reference alone
    found = compare([pair], options=ComparisonOptions(RoiOptions(apply_validity=False)))
    (told,) = [one for one in found.warnings if "one side only" in one]
    assert told == "2 voxels of muscle 1 with FF on one side only: left out of both means."
    rows = found.pairs[(found.pairs["map"] == "FF") & (found.pairs["scope"] == "pooled")]
    row = rows[rows["label"] == 1].iloc[0]
    common = (pair.labels == 1) & np.isfinite(pair.reference["FF"]) & np.isfinite(pair.test["FF"])
    assert row["n_reference"] == row["n_test"] == common.sum() == (pair.labels == 1).sum() - 2
    for side, maps in (("reference", pair.reference), ("test", pair.test)):
        assert row[side] == pytest.approx(maps["FF"][common].astype(float).mean(), rel=1e-12)


def test_maps_that_miss_the_same_voxels_are_told_of_in_one_sentence():
    pair = subject()
    for values in pair.test.values():
        values[0, 5, 3] = np.nan
    pair.test["FF"][1, 4, 4] = np.nan
    told = [one for one in compare([pair]).warnings if "one side only" in one]
    others = ", ".join(key for key in pair.test if key != "FF")
    assert sorted(told) == [
        f"1 voxel of muscle 1 with {others} on one side only: left out of both means.",
        "2 voxels of muscle 1 with FF on one side only: left out of both means.",
    ]


def test_subjects_are_loaded_one_at_a_time_and_progress_ends_at_the_total():
    loaded = []

    def subjects():
        for seed in range(3):
            loaded.append(seed)
            yield subject(seed, name=f"sub-{seed}")

    steps = iter_compare(subjects(), 3)
    first = next(steps)
    assert (first.done, loaded) == (0, [])
    next(steps)
    assert loaded == [0]
    done = [update.done for update in steps]
    assert done == sorted(done)
    assert done[-1] + 1 == first.total


def test_label_file_beside_the_label_map_gives_the_names(tmp_path):
    pair = subject()
    save_maps(pair.reference, tmp_path / "a")
    save_maps(pair.test, tmp_path / "b")
    save_labels(tmp_path / "rois.nii.gz", pair.labels, AFFINE)
    save_label_table(tmp_path / "rois.txt", [Label(1, "vastus medialis")])
    loaded = find_study(tmp_path / "a", tmp_path / "b", rois=tmp_path / "rois.nii.gz").load("")
    assert loaded.region_names == {1: "vastus medialis"}
    assert set(loaded.record) == {"reference", "test", "labels", "label_table"}
    save_labels(tmp_path / "other.nii.gz", pair.labels, AFFINE + np.eye(4))
    with pytest.raises(MRFInputError, match="another grid"):
        find_study(tmp_path / "a", tmp_path / "b", rois=tmp_path / "other.nii.gz").load("")


@pytest.mark.parametrize("independent", [False, True])
@pytest.mark.parametrize(
    ("n_subjects", "basis"), [(1, "assumes independent regions"), (4, "by subjects")]
)
def test_report_names_only_lines_that_are_drawn(n_subjects, basis, independent):
    subjects = [subject(seed, name=f"sub-{seed}") for seed in range(n_subjects)]
    found = compare(subjects, options=ComparisonOptions(independent=independent))
    content = report_content(found, datetime(2026, 1, 2, tzinfo=UTC))
    figures = dict.fromkeys(figure_names(found), b"<svg/>")
    page = html_report(content, figures)
    drawn = agreement_figure(found, "FF").axes[1]
    has_dashes = any(line.get_linestyle() == "--" for line in drawn.get_lines())
    assert has_dashes == independent
    assert ("Dashed: assumes independent regions." in page) == has_dashes
    assert (
        "Solid: regression line, and bias. "
        f"Dash-dotted: limits of agreement ({basis}) with shaded 95 % intervals." in page
    )
    assert f"limits: {basis}" in drawn.get_title()
    assert ("Lower limit, assumes independent regions" in page) == independent
    row = found.agreement.set_index("map").loc["FF"]
    shaded = [band.get_y() for band in drawn.patches]
    assert sorted(shaded) == pytest.approx(sorted([row.bias_low, row.lower_low, row.upper_low]))


def test_report_warns_of_differences_that_limits_do_not_fit():
    random = np.random.default_rng(3)
    pair = subject()
    level = np.linspace(0.4, 1.6, SHAPE[2])  # regions lie side by side, the last the noisiest
    reference = pair.reference["T1H2O"]
    reference[...] = (1000 * level + random.normal(0, 1, SHAPE)).astype(np.float32)
    several = []
    for seed in range(12):
        shifts = np.repeat(random.normal(0, 60, (1, 1, 6)), 3, axis=2) * (level - 0.3) ** 2
        several.append(SubjectMaps(
            ParameterMaps({"FF": pair.reference["FF"], "T1H2O": reference}, affine=AFFINE),
            ParameterMaps({"FF": pair.test["FF"], "T1H2O": reference + shifts}, affine=AFFINE),
            f"s{seed}", labels=pair.labels, table=pair.table,
        ))  # fmt: skip
    found = compare(several)
    row = found.agreement.set_index("map").loc["T1H2O"]
    assert row.spread_p < 0.05
    content = report_content(found, datetime(2026, 1, 2, tzinfo=UTC))
    (warning,) = [text for text in content.warnings if text.startswith("Water T1: ")]
    assert warning == f"Water T1: {row.advice}."
    assert "use limits of ratios (--limits ratio)" in warning


def test_figures_name_axes_with_units_and_keep_the_legend_off_the_data():
    found = compare([subject()], reference_name="truth", test_name="cohen")
    figure = agreement_figure(found, "T1H2O")
    scatter, bland_altman, beside = figure.axes
    assert scatter.get_xlabel() == "Water T1 (ms), truth"
    assert bland_altman.get_ylabel().replace("\n", " ") == "Water T1 (ms), truth − cohen"
    assert beside.get_legend() is not None
    assert scatter.get_legend() is None and bland_altman.get_legend() is None
    assert scatter.get_xlim() == scatter.get_ylim()
    figure.draw_without_rendering()
    assert beside.get_legend().get_window_extent().x0 >= bland_altman.get_window_extent().x1
    errors = settle(error_figure(found.pictures[0], names=("truth", "cohen")))
    images = [axis.images[0].get_clim() for axis in errors.axes if axis.images]
    assert images[0] == images[1] == PARAMETERS["FF"].display_limits
    assert images[2] == error_limits("FF", "difference")
    assert figure_bytes(errors, "svg") == figure_bytes(errors, "svg")


def test_fat_fractions_are_drawn_in_percent_and_files_keep_fractions():
    found = compare([subject()])
    scatter, bland_altman, _ = agreement_figure(found, "FF").axes
    assert scatter.get_xlabel() == "Fat fraction (%), reference"
    assert bland_altman.get_xlabel() == "Fat fraction (%), mean of reference and test"
    for axis in (scatter.xaxis, scatter.yaxis, bland_altman.xaxis, bland_altman.yaxis):
        assert axis.get_major_formatter()(0.125, 0) == "12.5"
    row = found.agreement.set_index("map").loc["FF"]
    limits = {one[0].text: one for one in result_overview(found).rows}
    bias = limits["Fat fraction (%)"][3]
    assert bias.text.startswith(f"{100 * row.bias:.2f} (".replace("-", "−"))
    assert float(bias.full) == row.bias
    assert found.agreement.set_index("map").unit.to_dict() == {"FF": "1", "T1H2O": "ms"}
    blur = blurriness_figure(found)
    assert blur.axes[0].get_ylabel() == "Fat fraction, energy above (%)"


def test_region_keeps_its_color_where_another_has_no_value():
    pair = subject()
    pair.test["T1H2O"][pair.labels == pair.labels[pair.labels > 0].min()] = np.nan
    found = compare([pair])
    looks = []
    for key in ("FF", "T1H2O"):
        points = [line for line in agreement_figure(found, key).axes[0].get_lines()
                  if line.get_linestyle() == "None"]  # fmt: skip
        looks.append({one.get_label(): (one.get_color(), one.get_marker()) for one in points})
    assert len(looks[1]) == len(looks[0]) - 1
    assert all(looks[0][name] == look for name, look in looks[1].items())


def test_looks_of_regions_differ():
    styles = region_styles(range(1, 71))
    assert len(set(styles.values())) == 70
    own = region_styles([4, 2, 9], {2: "#ff0000", 4: "#00ff00", 9: "#ff0000"})
    assert [own[label].color for label in (2, 4, 9)] == ["#ff0000", "#00ff00", "#ff0000"]
    assert len({style.marker for style in own.values()}) == 3


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [(-0.0004, 3, "−0.0004"), (0.00044, 3, "0.0004"), (-0.0, 2, "0.00"), (-1.5, 1, "−1.5"),
     (-0.004, 2, "−0.004"), (0.0, 3, "0.000"), (-0.005, 1, "−0.005"), (-7e-6, 3, "−0.000007")],
)  # fmt: skip
def test_rounding_takes_no_sign_and_makes_no_negative_zero(value, places, text):
    assert formatted(value, f".{places}f") == text


def test_arbitrary_units_are_printed_with_digits_whatever_their_size():
    how = printed("PD")
    assert [how.text(value) for value in (0.00123456, -4.5678e-6, 12345.6, 0.0)] == [
        "0.001235", "−4.568e−06", "1.235e+04", "0"
    ]  # fmt: skip
    assert of_map(3.21e-5, "PD", with_unit=True).text == "3.21e−05 a.u."
    assert of_map(np.nan, "PD").text == "–"
    axes = Figure().subplots()
    axes.plot([0, 4e-6], [0, 1])
    print_ticks("PD", axes.xaxis)
    axes.figure.canvas.draw()
    assert axes.xaxis.get_offset_text().get_text() == ""
    assert "2e−06" in [label.get_text() for label in axes.get_xticklabels()]


@pytest.fixture
def draws(monkeypatch):
    """Count how often subjects are drawn, by the number of regions."""
    from napari_mrf.analysis.agreement import statistics

    counted, draw = [], statistics.subject_bootstrap

    def counting(reference, *arguments, **options):
        counted.append(len(reference))
        return draw(reference, *arguments, **options)

    monkeypatch.setattr(statistics, "subject_bootstrap", counting)
    return counted


def test_agreement_is_computed_once_for_table_report_and_figures(draws, tmp_path):
    found = compare([subject()])
    assert len(draws) == 2  # FF and T1H2O
    save_comparison(found, tmp_path)
    save_report(found, tmp_path / "again.html")
    assert len(draws) == 2
    assert found.agreement_of("FF").simple.n == 5
    assert found.agreement_of("FF", scope="slice").simple.n == 10
    assert found.agreement_of("FF", labels=[2, 1]).simple.n == 2
    narrowed = selected(found, [1, 2], "pooled", 5)
    assert narrowed.agreement_of("FF") is found.agreement_of("FF", labels=[1, 2])
    assert draws[2:] == [10, 2]
    pairs = found.pairs[found.pairs["label"].isin([1, 2])]
    assert narrowed.agreement.equals(agreement_table(pairs))
