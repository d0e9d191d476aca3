"""Checks of what limits assume: scipy, published data, how often they call by chance."""

import numpy as np
import pytest
from published import results
from scipy import stats

from napari_mrf.analysis.agreement.agreement_table import agreement_row
from napari_mrf.analysis.agreement.assumptions import normality
from napari_mrf.analysis.agreement.statistics import agreement


def study(random, k=12, m=8, growing=False, skewed=False):
    who = np.repeat(np.arange(k), m)
    true = 1300 + 80 * random.normal(size=k)[who] + 60 * random.normal(size=k * m)
    spread = 15 * (np.maximum((true - 1000) / 300, 0.1) if growing else 1)
    shift = random.exponential(1, k) ** 2 if skewed else random.normal(0, 0.8, k)
    return true, true + 10 + spread * (random.normal(size=k * m) + shift[who]), who.tolist()


def test_normality_is_tested_on_means_of_subjects_where_they_have_several_regions():
    first, second, who = study(np.random.default_rng(0))
    found = normality(first, second, who)
    means = np.sort([(first - second)[np.array(who) == one].mean() for one in range(12)])
    np.testing.assert_allclose(found.differences, means)
    expected = stats.shapiro(means)
    assert (found.w, found.p) == pytest.approx((expected.statistic, expected.pvalue))
    alone = normality(results.WRIGHT, results.MINI, range(17))
    assert alone.p == pytest.approx(stats.shapiro(results.WRIGHT - results.MINI).pvalue)
    assert np.isnan(normality(first, first + 3, who).p)
    assert np.isnan(normality(first[:2], second[:2], who[:2]).p)


def test_normality_of_few_differences_is_not_tested():
    differences = np.array([-17.3, -17.1, -7.8])  # of three subjects, two of them close by chance
    assert stats.shapiro(differences).pvalue < 0.05
    who = np.repeat(range(3), 6)
    first = differences[who] + np.tile([-2.0, -1, 0, 0, 1, 2], 3)
    row = agreement_row("T1H2O", agreement(first, np.zeros(18), who.tolist()))
    assert np.isnan(row["normality_p"]) and "normal" not in row["advice"]
    seven, eight = np.array([0.0, 1, 2, 3, 4, 5, 60]), np.array([0.0, 1, 2, 3, 4, 5, 6, 60])
    assert np.isnan(normality(seven, np.zeros(7), range(7)).p)
    assert normality(eight, np.zeros(8), range(8)).p < 0.01


def test_even_spread_of_independent_regions_is_tested_by_least_squares():
    found = agreement(results.OBSERVER_J, results.MACHINE_S, range(85)).proportional
    average = (results.OBSERVER_J + results.MACHINE_S) / 2
    difference = results.OBSERVER_J - results.MACHINE_S
    line = stats.linregress(average, difference)
    rest = np.abs(difference - line.intercept - line.slope * average)
    assert found.spread_p == pytest.approx(stats.linregress(average, rest).pvalue)


def test_growing_spread_advises_ratios_and_skew_advises_care():
    random = np.random.default_rng(1)
    growing = agreement_row("T1", agreement(*study(random, growing=True)))
    assert growing["spread_p"] < 0.05
    assert growing["advice"].startswith("the differences spread more at larger values (p")
    assert "limits of ratios (--limits ratio), or limits that follow the value" in growing["advice"]
    first, second, who = study(random, growing=True)
    signed = agreement_row("Df", agreement(first, second, who, is_signed=True))
    assert "ratio" not in signed["advice"] and "limits that follow the value" in signed["advice"]
    skewed = agreement_row("T1", agreement(*study(random, k=30, skewed=True)))
    assert skewed["normality_p"] < 0.05
    assert "do not look normal (Shapiro-Wilk, p < 0.001)" in skewed["advice"]
    even = agreement_row("T1", agreement(*study(np.random.default_rng(3))))
    assert even["advice"] == ""


@pytest.mark.parametrize(("k", "m"), [(8, 6), (30, 1)])
def test_even_and_normal_differences_are_called_out_in_five_percent(k, m):
    random, trials, called = np.random.default_rng(5), 500, np.zeros(2)
    for _ in range(trials):
        first, second, who = study(random, k=k, m=m)
        found = agreement_row("T1", agreement(first, second, who))
        called += found["spread_p"] < 0.05, found["normality_p"] < 0.05
    assert (called / trials < 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)).all()
    assert (called / trials > 0.015).all()
