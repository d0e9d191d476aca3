"""Proportional bias and limits that follow the value: the milk of 1999, scipy, subjects."""

import numpy as np
import pytest
from published import results
from scipy import stats

from napari_mrf.analysis.agreement.proportional_bias import proportional_bias

TRIGLYCERIDE, GERBER = results.TRIGLYCERIDE, results.GERBER


def test_milk_has_the_line_published_in_1999():
    found = proportional_bias(TRIGLYCERIDE, GERBER, range(45))
    assert found.intercept == pytest.approx(0.079, abs=6e-4)
    assert found.slope == pytest.approx(-0.0283, abs=6e-5)
    x, y = np.add(TRIGLYCERIDE, GERBER) / 2, np.subtract(TRIGLYCERIDE, GERBER)
    line = stats.linregress(x, y)
    half = stats.t.ppf(0.975, 43) * line.stderr
    assert found.slope_interval == pytest.approx((line.slope - half, line.slope + half), rel=1e-9)
    assert found.p == pytest.approx(line.pvalue, rel=1e-9)
    spread = stats.linregress(x, np.abs(y - line.intercept - line.slope * x))
    lower, upper = found.limits([2.0, 5.0])
    center = line.intercept + line.slope * np.array([2.0, 5.0])
    # 2.46 in the paper.
    half = 1.96 * np.sqrt(np.pi / 2) * (spread.intercept + spread.slope * np.array([2.0, 5.0]))
    np.testing.assert_allclose(upper, center + half, rtol=1e-9)
    np.testing.assert_allclose(lower, center - half, rtol=1e-9)


def test_slope_of_several_regions_a_subject_has_an_interval_by_subjects():
    random = np.random.default_rng(0)
    who = np.repeat(range(10), 12)
    held, by_region, trials = 0, 0, 300
    for _ in range(trials):
        # Subjects differ in value and in shift, so that regions are far from independent.
        average = 1300 + random.normal(0, 80, 10)[who] + random.normal(0, 20, 120)
        difference = 0.1 * (average - 1300) + random.normal(0, 10, 10)[who]
        difference += random.normal(0, 5, 120)
        columns = average + difference / 2, average - difference / 2
        low, high = proportional_bias(*columns, who.tolist()).slope_interval
        held += low < 0.1 < high
        low, high = proportional_bias(*columns, range(120)).slope_interval
        by_region += low < 0.1 < high
    assert 0.90 < held / trials < 0.985
    assert by_region / trials < 0.7


def test_without_numbers_it_says_why():
    assert "at least 3 pairs" in proportional_bias([1, 2], [1, 3], [1, 2]).message
    assert "identical" in proportional_bias([1, 2, 3], [1, 2, 3], [1, 2, 3]).message
    crossed = proportional_bias([1, 2, 3], [3, 2, 1], [1, 2, 3])
    assert "same everywhere" in crossed.message and np.isnan(crossed.slope)
