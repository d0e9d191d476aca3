"""Proportional bias and limits that follow the value: the milk of 1999, scipy, subjects."""

import numpy as np
import pytest
from scipy import stats

from napari_mrf.analysis.agreement.proportional_bias import proportional_bias

# Bland and Altman 1999, table 3: fat of human milk in g/100 ml, by triglyceride and by Gerber.
TRIGLYCERIDE = [
    0.96, 1.16, 0.97, 1.01, 1.25, 1.22, 1.46, 1.66, 1.75, 1.72, 1.67, 1.67, 1.93, 1.99, 2.01,
    2.28, 2.15, 2.29, 2.45, 2.40, 2.79, 2.77, 2.64, 2.73, 2.67, 2.61, 3.01, 2.93, 3.18, 3.18,
    3.19, 3.12, 3.33, 3.51, 3.66, 3.95, 4.20, 4.05, 4.30, 4.74, 4.71, 4.71, 4.74, 5.23, 6.21,
]  # fmt: skip
GERBER = [
    0.85, 1.00, 1.00, 1.00, 1.20, 1.20, 1.38, 1.65, 1.68, 1.70, 1.70, 1.70, 1.88, 2.00, 2.05,
    2.17, 2.20, 2.28, 2.43, 2.55, 2.60, 2.65, 2.67, 2.70, 2.70, 2.70, 3.00, 3.02, 3.03, 3.11,
    3.15, 3.15, 3.40, 3.42, 3.62, 3.95, 4.27, 4.30, 4.35, 4.75, 4.79, 4.80, 4.80, 5.42, 6.20,
]  # fmt: skip


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
