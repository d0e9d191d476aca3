"""Lines of Deming and Passing-Bablok against their criteria, the papers and simulations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from napari_mrf.analysis.agreement.errors_in_both import MOST_PAIRS, deming, passing_bablok
from napari_mrf.analysis.agreement.regression_table import REGRESSION_COLUMNS, regression_table
from napari_mrf.analysis.regions.pairs import PAIR_COLUMNS
from napari_mrf.errors import MRFInputError


def study(seed, k=8, m=4, ratio=1.0, slope=1.1, intercept=-40.0, shift=0.0):
    """Return reference, test and subjects; errors of 15, √ratio times as large in the test."""
    random = np.random.default_rng(seed)
    who = np.repeat(np.arange(k), m)
    true = 1200 + 80 * random.normal(size=k)[who] + 60 * random.normal(size=k * m)
    first = true + 15 * random.normal(size=k * m)
    second = slope * true + intercept + 15 * np.sqrt(ratio) * random.normal(size=k * m)
    return first, second + shift * random.normal(size=k)[who], who.tolist()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.3, 4.0))
def test_deming_line_is_the_most_likely_of_normal_errors(seed, ratio):
    first, second, who = study(seed, ratio=ratio)

    def badness(slope):
        offset = second.mean() - slope * first.mean()
        return np.sum((second - offset - slope * first) ** 2) / (ratio + slope**2)

    best = optimize.minimize_scalar(badness, bounds=(0.5, 2.0), method="bounded",
                                    options={"xatol": 1e-9})  # fmt: skip
    found = deming(first, second, who, error_ratio=ratio)
    assert found.slope == pytest.approx(best.x, rel=1e-6)
    assert found.intercept == pytest.approx(second.mean() - found.slope * first.mean())


def test_deming_with_equal_errors_is_the_principal_axis():
    first, second, who = study(1)
    values, axes = np.linalg.eigh(np.cov(first, second))
    direction = axes[:, np.argmax(values)]
    assert deming(first, second, who).slope == pytest.approx(direction[1] / direction[0])


@pytest.mark.parametrize("m", [1, 4])
def test_deming_interval_is_a_jackknife_over_subjects(m):
    first, second, who = study(2, m=m)
    whole = deming(first, second, who)
    owner = np.array(who)
    pseudo = []
    for one in range(8):
        rest = owner != one
        left = deming(first[rest], second[rest], owner[rest].tolist())
        pseudo.append([8 * whole.slope - 7 * left.slope, 8 * whole.intercept - 7 * left.intercept])
    for column, interval in enumerate([whole.slope_interval, whole.intercept_interval]):
        values = np.array(pseudo)[:, column]
        half = stats.t.ppf(0.975, 6) * stats.sem(values)
        assert interval == pytest.approx((values.mean() - half, values.mean() + half))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_exchanged_methods_have_the_reciprocal_line(seed):
    first, second, _ = study(seed, m=1, k=15, ratio=2.0)
    one, other = (
        deming(first, second, range(15), error_ratio=2.0),
        deming(second, first, range(15), error_ratio=0.5),
    )
    assert one.slope * other.slope == pytest.approx(1)
    # An odd number of slopes: the median is one of them.
    first, second = first[:14], second[:14]
    one, other = (passing_bablok(*pair, range(14)) for pair in ((first, second), (second, first)))
    assert one.slope * other.slope == pytest.approx(1)
    assert one.slope_interval == pytest.approx([1 / end for end in other.slope_interval[::-1]])


def by_the_paper(x, y, confidence):
    """Passing and Bablok 1983, counted one by one; ranks from 1."""
    n, slopes = len(x), []
    for i in range(n):
        for j in range(i + 1, n):
            if x[i] == x[j]:
                if y[i] != y[j]:
                    slopes.append(np.inf if y[j] > y[i] else -np.inf)
            elif (slope := (y[j] - y[i]) / (x[j] - x[i])) != -1:
                slopes.append(slope)
    slopes.sort()
    N, K = len(slopes), sum(slope < -1 for slope in slopes)
    middle = [(N + 1) // 2] if N % 2 else [N // 2, N // 2 + 1]
    b = np.mean([slopes[rank + K - 1] for rank in middle])
    C = stats.norm.ppf((1 + confidence) / 2) * np.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    M1 = round((N - C) / 2)
    low, high = slopes[M1 + K - 1], slopes[N - M1 + 1 + K - 1]
    return b, np.median(y - b * x), (low, high), (np.median(y - high * x), np.median(y - low * x))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(8, 25), st.sampled_from([0.9, 0.95]))
def test_passing_bablok_is_that_of_the_paper_counted_one_by_one(seed, n, confidence):
    random = np.random.default_rng(seed)
    x = random.integers(0, 30, n).astype(float)  # with ties
    y = x + random.integers(-4, 5, n)
    found = passing_bablok(x, y, range(n), confidence=confidence)
    if found.message:
        return
    slope, intercept, slopes, intercepts = by_the_paper(x, y, confidence)
    assert (found.slope, found.intercept) == pytest.approx((slope, intercept))
    assert found.slope_interval == pytest.approx(slopes)
    assert found.intercept_interval == pytest.approx(intercepts)


def test_passing_bablok_of_a_line_with_outliers_is_the_line():
    x = np.arange(1.0, 16.0)
    y = 1.2 * x + 3
    y[[2, 9]] = 50, -20
    found = passing_bablok(x, y, range(15))
    assert (found.slope, found.intercept) == pytest.approx((1.2, 3))


def test_passing_bablok_interval_by_subjects_is_given_on_request_only():
    first, second, who = study(3)
    withheld, asked = (passing_bablok(first, second, who, independent=i) for i in (False, True))
    assert np.isnan(withheld.slope_interval).all()
    assert "takes regions as independent" in withheld.message
    assert asked.slope == withheld.slope and np.isfinite(asked.slope_interval).all()


@pytest.mark.parametrize("line", [deming, passing_bablok])
@pytest.mark.parametrize(
    ("reference", "test", "said"),
    [([1, 2], [1, 2], "at least 3"), ([1, 1, 1, 1], [1, 2, 3, 4], "reference is the same"),
     ([1, 2, 3, 4], [0.1] * 4, "test is the same"), ([1, 2, np.nan, 4], [1, 2, 3, np.nan],
                                                     "there are 2")],
)  # fmt: skip
def test_without_a_line_it_says_why(line, reference, test, said):
    found = line(reference, test, range(len(reference)))
    assert said in found.message
    assert np.isnan([found.slope, found.intercept, *found.slope_interval]).all()


def test_methods_that_fall_or_are_many_have_no_median_line():
    x = np.arange(10.0)
    assert "do not rise together" in passing_bablok(x, -x, range(10)).message
    many = np.arange(MOST_PAIRS + 1.0)
    assert f"more than {MOST_PAIRS}" in passing_bablok(many, many, range(len(many))).message
    assert "no linear relation" in deming([-1, 0, 1, 0], [0, 1, 0, -1], range(4)).message


@pytest.mark.parametrize("ratio", [0.0, -1.0, np.nan, np.inf])
def test_error_ratio_must_be_above_zero(ratio):
    with pytest.raises(MRFInputError, match="ratio of error variances") as error:
        deming([1, 2, 3], [1, 2, 4], range(3), error_ratio=ratio)
    assert error.value.code == "bad-option"


@pytest.mark.parametrize(("k", "m"), [(10, 1), (30, 1), (10, 6)])
def test_intervals_hold_the_true_line_as_often_as_they_say(k, m):
    held = np.zeros(4)
    trials = 300
    for seed in range(trials):
        first, second, who = study(seed, k=k, m=m, slope=1.0,
                                   intercept=-10.0)  # fmt: skip
        lines = deming(first, second, who), passing_bablok(first, second, who)
        for at, line in enumerate(lines):
            (low, high), (below, above) = line.slope_interval, line.intercept_interval
            held[2 * at : 2 * at + 2] += low < 1 < high, below < -10 < above
    tolerance = 3.5 * np.sqrt(0.95 * 0.05 / trials)
    for share in held[: 4 if m == 1 else 2] / trials:
        assert share == pytest.approx(0.95, abs=tolerance)


def test_table_has_two_lines_a_map_and_says_what_their_intervals_rest_on():
    import pandas as pd

    first, second, who = study(4)
    rows = pd.DataFrame({"subject": who, "scope": "pooled", "map": "T1H2O", "reference": first,
                         "test": second})  # fmt: skip
    pairs = rows.reindex(columns=list(PAIR_COLUMNS))
    table = regression_table(pairs, error_ratio=2.0)
    assert list(table) == list(REGRESSION_COLUMNS)
    assert list(table["method"]) == ["Deming", "Passing-Bablok"]
    assert list(table["basis"]) == ["by subjects", ""]
    assert table["slope"][0] == deming(first, second, who, error_ratio=2.0).slope
    asked = regression_table(pairs, independent=True)
    assert list(asked["basis"]) == ["by subjects", "assumes independent regions"]
    single = regression_table(pairs[pairs["subject"] == 0])
    assert list(single["basis"]) == ["assumes independent regions", ""]  # 4 regions: no interval
    one_each = regression_table(pairs.assign(subject=range(len(pairs))))
    assert list(one_each["basis"]) == ["one region per subject"] * 2
    assert regression_table(pairs.iloc[:0]).empty
