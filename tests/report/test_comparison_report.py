"""The report of a comparison: the order of its parts, what stands on every page, what fits."""

import itertools
import re
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from matplotlib.lines import Line2D

from napari_mrf.analysis.comparison.compare import compare
from napari_mrf.analysis.comparison.inclusion import LeftOut
from napari_mrf.analysis.comparison.options import ComparisonOptions
from napari_mrf.analysis.comparison.subjects import ONLY_SUBJECT, SubjectMaps
from napari_mrf.compute.steps import result_of
from napari_mrf.data.maps import ParameterMaps
from napari_mrf.io import Label
from napari_mrf.plots.agreement.agreement_figure import agreement_figure, overview_figure
from napari_mrf.plots.agreement.shares_figure import shares_figure
from napari_mrf.plots.region_styles import point_styles
from napari_mrf.report.comparison.content import ReportLabel, report_content
from napari_mrf.report.comparison.drawings import figure_names
from napari_mrf.report.comparison.html import html_report
from napari_mrf.report.comparison.inclusion import inclusion_overview, left_out
from napari_mrf.report.comparison.pdf import iter_pages
from napari_mrf.report.comparison.regions_figure import regions_figure
from napari_mrf.report.comparison.save import save_comparison, save_report

MADE = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
AFFINE = np.diag([-2.0, -2.0, 8.0, 1.0])
SECTIONS = [
    "Result", "Inclusion", "Agreement by map", "Agreement by region",
    "Lines and assumptions", "Maps and differences", "Definitions", "Provenance", "Sign-off",
    "Appendix: sums of the inputs (sha256)",
]  # fmt: skip
LEAST_FILLED = 0.6


def subjects(n_subjects, n_regions, *, name="sub-{:02d}", region="muscle {}", keys=("FF", "T1H2O")):
    shape = (1, 2 * n_regions + 4, 12)
    labels = np.zeros(shape, np.uint16)
    for label in range(1, n_regions + 1):
        labels[:, 2 * label : 2 * label + 2, 2:10] = label
    table = {label: Label(label, region.format(label)) for label in range(1, n_regions + 1)}
    for number in range(n_subjects):
        random = np.random.default_rng(number)
        means = random.uniform(0.05, 0.3, n_regions + 1)[labels]
        reference, test = {}, {}
        for key, scale in zip(keys, (1.0, 5000.0), strict=False):
            reference[key] = scale * means
            test[key] = scale * (means + random.normal(0.004, 0.02, shape))
        record = {
            side: {"path": f"study/{side}/{number}", "sha256": {"FF.nii.gz": f"{number:064x}"}}
            for side in ("reference", "test")
        }
        yield SubjectMaps(
            ParameterMaps(reference, affine=AFFINE), ParameterMaps(test, affine=AFFINE),
            labels=labels.copy(), table=table, name=name.format(number) if n_subjects > 1 else "",
            record=record,
        )  # fmt: skip


def pages_of(comparison, **label):
    return result_of(iter_pages(comparison, report_content(comparison, MADE, ReportLabel(**label))))


def page_of(comparison):
    content = report_content(comparison, MADE)
    return html_report(content, dict.fromkeys(figure_names(comparison), b"<svg/>"))


def texts(page):
    """Return the texts of a page and of the figures on it."""
    return [text.get_text() for text in page.findobj(lambda one: hasattr(one, "get_text"))]


def extents(page):
    """Return left, right, and bottom of everything that was written, as shares of the page."""
    page.draw_without_rendering()
    width, height = page.bbox.width, page.bbox.height
    found = []
    for one in [*page.texts, *page.axes, *(art for art in page.artists if isinstance(art, Line2D))]:
        box = one.get_tightbbox() if hasattr(one, "get_tightbbox") else one.get_window_extent()
        if box is not None and box.width + box.height > 0:
            found.append((box.x0 / width, box.x1 / width, box.y0 / height, box.y1 / height))
    return np.array(found)


def test_the_result_comes_first_and_the_sums_last():
    page = page_of(compare(subjects(4, 3)))
    assert re.findall(r"<h2>(.*?)</h2>", page) == SECTIONS
    result = page[page.index("<h2>Result</h2>") : page.index("<h2>Inclusion</h2>")]
    assert (result.count("<table"), result.count("<img")) == (1, 1)
    assert "Fat fraction: the test lies" in result
    by_map = page[page.index("<h2>Agreement by map") : page.index("<h2>Agreement by region")]
    assert by_map.count('<div class="beside">') == 2
    assert by_map.count("<table") == by_map.count("<img") == 2
    assert re.search(r"Prepared by.*Reviewed by", page, re.DOTALL)
    assert page.index(f"{1:064x}") > page.index("Appendix")


def test_repeatability_has_a_section_where_the_design_says_so():
    found = compare(subjects(4, 3), options=ComparisonOptions(design="test-retest"))
    titles = [section.title for section in report_content(found, MADE).sections]
    assert titles == [*SECTIONS[:5], "Repeatability", *SECTIONS[5:]]


def test_the_first_sentence_tells_bias_interval_and_limits_of_the_table():
    found = compare(subjects(5, 3))
    sentence = report_content(found, MADE).sections[0].parts[0]
    row = found.agreement.set_index("map").loc["T1H2O"]
    side = "below" if row["bias"] > 0 else "above"
    minus = f"{row['bias_low']:.1f} to {row['bias_high']:.1f}".replace("-", "−")
    limits = f"{row['lower']:.1f} to {row['upper']:.1f}".replace("-", "−")
    assert f"Water T1: the test lies {abs(row['bias']):.1f} ms {side} the reference" in sentence
    assert f"95 % interval of the difference {minus}" in sentence
    assert f"expected from {limits}" in sentence


def test_a_report_names_its_only_subject_and_counts_several():
    (one,), several = list(subjects(1, 3)), list(subjects(2, 3))
    named = replace(one, name="thigh (visit2)")
    for found, who in (([named], "Subject: thigh (visit2), maps"),
                       ([replace(one, name=ONLY_SUBJECT)], "1 subject, maps"),
                       (several, "2 subjects, maps")):  # fmt: skip
        assert who in report_content(compare(found), MADE).summary


def test_every_page_says_which_report_it_belongs_to():
    pages = pages_of(compare(subjects(3, 3)), study="MUSCLE-01", report_id="R7")
    assert len(pages) > 2
    for number, page in enumerate(pages, 1):
        (foot,) = [text for text in texts(page) if text.endswith(f"page {number} of {len(pages)}")]
        for part in ("Study MUSCLE-01", "Report R7", "napari-mrf ", "2026-01-02 03:04 UTC"):
            assert part in foot


def test_the_same_comparison_has_the_same_id_and_another_one_another():
    ids = {
        report_content(compare(subjects(n, 3)), made).label.report_id
        for n in (3, 4)
        for made in (MADE, MADE.replace(year=2027))
    }
    assert len(ids) == 2
    assert all(re.fullmatch("[0-9a-f]{10}", one) for one in ids)


@pytest.mark.parametrize(
    ("n_subjects", "n_regions", "names"),
    [(1, 5, {}), (4, 12, {}), (12, 24, {}), (1, 0, {}),
     (3, 3, {"name": "sub $\\undefined$ {}", "region": "_very long name of a region " * 3 + "{}"})],
)  # fmt: skip
def test_pages_are_full_and_nothing_leaves_them(n_subjects, n_regions, names):
    pages = pages_of(compare(subjects(n_subjects, n_regions, **names)))
    for number, page in enumerate(pages, 1):
        found = extents(page)
        assert found[:, 0].min() > 0.02, number
        assert found[:, 1].max() < 0.98, number
        body = found[found[:, 2] > 0.045]  # without the foot
        assert body[:, 3].max() < 0.97
        if number < len(pages):
            assert 1 - body[:, 2].min() > LEAST_FILLED, number


@pytest.mark.slow
def test_a_large_cohort_has_a_readable_report():
    pages = pages_of(compare(subjects(40, 24)))
    small = [
        text
        for page in pages
        for text in page.texts
        if text.get_fontsize() < 5.45 and text.get_text().strip()
    ]
    assert small == []
    assert all(extents(page)[:, 1].max() < 0.98 for page in pages)


def test_regions_keep_their_color_and_subjects_their_shape_in_all_figures():
    found = compare(subjects(4, 3))
    looks = point_styles([1, 2, 3], found.subjects)
    assert len({looks[label, "sub-00"].color for label in (1, 2, 3)}) == 3
    assert len({looks[1, who].marker for who in found.subjects}) == 4
    # A map without values in the first region must not shift the looks of the others.
    pairs = found.pairs.copy()
    pairs.loc[(pairs["map"] == "FF") & (pairs["label"] == 1), "difference"] = np.nan
    found = replace(found, pairs=pairs, known={})
    wanted = {(one.color, one.marker) for (label, _), one in looks.items() if label > 1}
    for axes in (agreement_figure(found, "FF").axes[1], overview_figure(found).axes[0]):
        drawn = {
            (line.get_color(), line.get_marker())
            for line in axes.get_lines()
            if line.get_linestyle() == "None"
        }
        assert drawn == wanted


def test_more_subjects_than_shapes_are_numbers():
    names = [f"sub-{number}" for number in range(30)]
    looks = point_styles([1], names)
    assert [looks[1, who].marker for who in names] == [f"${number}$" for number in range(1, 31)]


def test_every_region_of_every_subject_is_accounted_for():
    given = list(subjects(3, 4))
    given[1].labels[given[1].labels == 2] = 0
    given[2].test["FF"][given[2].labels == 3] = np.nan
    comparison = compare(given)
    table = inclusion_overview(comparison)
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["muscle 1", "3", "16"], ["muscle 2", "2", "16"], ["muscle 3", "2 to 3", "16"],
        ["muscle 4", "3", "16"],
    ]  # fmt: skip
    (_, missing), (why, unmeasured) = left_out(comparison)
    assert (missing, unmeasured) == ("muscle 2 of sub-01", "muscle 3 of sub-02")
    assert why.startswith("FF: ")


def test_labels_of_the_overview_do_not_run_into_each_other():
    found = compare(subjects(1, 4), reference_name="a long name of a method" * 2, test_name="b")
    figure = overview_figure(found)
    figure.draw_without_rendering()
    shown = [axes for axes in figure.axes if axes.axison]
    ends = [axes.xaxis.label.get_window_extent() for axes in shown]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(ends))
    assert [axes.get_xlabel() for axes in shown] == [
        "Fat fraction (%), mean",
        "Water T1 (ms), mean",
    ]


@pytest.mark.parametrize(("limits", "no_difference"), [("percent", 0.0), ("ratio", 1.0)])
def test_shares_are_plotted_with_their_limits(limits, no_difference):
    options = ComparisonOptions(limits=limits)
    comparison = compare(list(subjects(6, 4)), options=options)
    assert "shares" in figure_names(comparison)
    axes = shares_figure(comparison).axes[0]
    pairs = comparison.pairs.query("map == 'FF' and scope == 'pooled'")
    a, b = pairs["reference"].to_numpy(float), pairs["test"].to_numpy(float)
    expected = a / b if limits == "ratio" else 100 * (a - b) / ((a + b) / 2)
    markers = [line for line in axes.lines if line.get_linestyle() == "None"]
    drawn = np.concatenate([line.get_ydata() for line in markers])
    np.testing.assert_allclose(np.sort(drawn), np.sort(expected), rtol=1e-6)
    row = comparison.agreement.set_index("map").loc["FF"]
    levels = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() != "None"]
    wanted = [row[f"relative_{name}"] for name in ("bias", "lower", "upper")]
    np.testing.assert_allclose(levels, [*wanted, no_difference])
    # The mean share lies at the bias that is drawn, here found once more by hand.
    bias = np.exp(np.log(expected).mean()) if limits == "ratio" else expected.mean()
    assert levels[0] == pytest.approx(bias, rel=0.02)
    assert axes.get_yscale() == ("log" if limits == "ratio" else "linear")
    assert axes.get_ylabel() and "(%)" in axes.get_xlabel()


def test_there_is_no_plot_of_shares_unless_asked_for():
    assert "shares" not in figure_names(compare(list(subjects(3, 4))))


def test_a_map_without_any_region_is_one_sentence():
    made = []
    for one in subjects(4, 3):
        one.test["T1H2O"][:] = np.nan
        made.append(one)
    comparison = compare(made)
    pages = pages_of(comparison)
    words = " ".join(itertools.chain(*map(texts, pages)))
    assert words.count("Water T1 (ms): no region has a mean on both sides.") == 1
    assert "Water T1: no region has a mean on both sides." in words
    table = report_content(comparison, MADE).sections[0].parts[1]
    assert [row[-1].text for row in table.rows] == ["by subjects", "–"]
    assert not re.search(r"\bnan\b", words)


def without_some(comparison):
    """Leave a region out everywhere, two of one subject, and a subject whole."""
    kept = comparison.pairs["label"] != 2
    out = [LeftOut(one, "not selected", 2, "muscle 2") for one in comparison.subjects]
    first = comparison.subjects[0]
    for label in (3, 4):
        kept &= (comparison.pairs["label"] != label) | (comparison.pairs["subject"] != first)
        out.append(LeftOut(first, "fewer than 9 voxels", label, f"muscle {label}"))
    out.append(LeftOut("sub-99", "no label map"))
    return replace(comparison, pairs=comparison.pairs[kept], left_out=tuple(out))


def test_inclusion_says_every_reason_once_with_all_that_it_holds_for():
    comparison = without_some(compare(subjects(4, 6)))
    regions = inclusion_overview(comparison)
    assert [[cell.text for cell in row] for row in regions.rows] == [
        ["muscle 1", "4", "16"], ["muscle 3", "3", "16"], ["muscle 4", "3", "16"],
        ["muscle 5", "4", "16"], ["muscle 6", "4", "16"],
    ]  # fmt: skip
    assert dict(left_out(comparison)) == {
        "not selected": "muscle 2 of all subjects",
        "fewer than 9 voxels": "muscle 3, muscle 4 of sub-00",
        "no label map": "all regions of sub-99",
    }


def test_inclusion_does_not_grow_with_the_subjects():
    few, many = (inclusion_overview(compare(subjects(n, 12))) for n in (3, 12))
    assert len(few.rows) == len(many.rows) == 12
    assert len(few.header) == len(many.header) == 3


@pytest.mark.parametrize("n_subjects", [1, 4])
def test_files_are_named_only_where_they_are_written(tmp_path, n_subjects):
    comparison = compare(subjects(n_subjects, 3, keys=("FF",)))
    page, _ = save_report(comparison, tmp_path / "alone", made=MADE)
    visible = page.read_text("utf-8").split("<script")[0]
    assert not re.findall(r"\w+\.csv", visible)
    save_comparison(comparison, tmp_path / "whole", made=MADE)
    visible = (tmp_path / "whole" / "report.html").read_text("utf-8").split("<script")[0]
    named = set(re.findall(r"\w+\.csv", visible))
    assert "inclusion.csv" in named
    assert named <= {path.name for path in (tmp_path / "whole").iterdir()}


def test_regions_are_pictured_in_their_places_with_their_voxels():
    comparison = without_some(compare(subjects(2, 4)))
    figure = regions_figure(comparison)
    words = [text.get_text() for text in figure.findobj(lambda one: hasattr(one, "get_text"))]
    assert "1  muscle 1: 16 voxels" in words
    assert not any("muscle 2" in word for word in words)
    labels = comparison.pictures[0].labels
    overlay = figure.axes[0].images[1].get_array()
    np.testing.assert_array_equal(overlay[..., 3] > 0, labels == 1)
