"""Test and retest: published peak flow readings, closed forms, regions of several subjects."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from published import results
from scipy import stats

from napari_mrf.analysis.agreement.agreement_table import agreement_row
from napari_mrf.analysis.agreement.repeatability import repeatability
from napari_mrf.analysis.agreement.statistics import agreement

FIRST, SECOND = results.WRIGHT, results.WRIGHT_AGAIN


def test_peak_flow_repeats_as_published_in_1986():
    found = repeatability(FIRST, SECOND, range(17))
    # The paper: a coefficient of 43.2 l/min, twice the standard deviation of the differences.
    assert 2 * np.sqrt(2) * found.within_sd == pytest.approx(43.2, abs=0.15)
    squares = np.sum((FIRST - SECOND) ** 2) / 2
    assert found.within_sd == pytest.approx(np.sqrt(squares / 17), rel=1e-12)
    ends = np.sqrt(squares / stats.chi2.ppf([0.975, 0.025], 17))
    assert found.within_sd_interval == pytest.approx(tuple(ends), rel=1e-12)
    mean = (FIRST + SECOND) / 2
    cv = 100 * np.sqrt(np.mean((FIRST - SECOND) ** 2 / 2 / mean**2))
    assert found.within_cv == pytest.approx(cv, rel=1e-12)
    row = agreement_row("T1", agreement(FIRST, SECOND, range(17), is_retest=True))
    assert row["repeatability"] == pytest.approx(1.96 * np.sqrt(squares / 17 * 2), rel=1e-12)
    assert row["repeatability_high"] == pytest.approx(1.96 * np.sqrt(2) * ends[1], rel=1e-12)
    assert row["repeatability_percent"] == pytest.approx(1.96 * np.sqrt(2) * cv, rel=1e-12)


@given(st.floats(0.01, 100))
def test_unit_scales_the_standard_deviation_and_not_the_coefficient_of_variation(factor):
    plain, scaled = repeatability(FIRST, SECOND, range(17)), repeatability(
        factor * FIRST, factor * SECOND, range(17)
    )  # fmt: skip
    assert scaled.within_sd == pytest.approx(factor * plain.within_sd)
    assert scaled.within_cv_interval == pytest.approx(plain.within_cv_interval)


def test_intervals_of_several_regions_a_subject_know_of_subjects():
    random = np.random.default_rng(1)
    held, trials = {"subjects": 0, "regions": 0}, 300
    who = np.repeat(range(10), 12)
    # Differences share a shift of the subject: total variance 2 · 12² + 15² = 2 · 16.03².
    truth = np.sqrt(12.0**2 + 15.0**2 / 2)
    for _ in range(trials):
        first = random.normal(1300, 12, 120)
        second = random.normal(1300, 12, 120) + random.normal(0, 15, 10)[who]
        for kind, subjects in (("subjects", who.tolist()), ("regions", list(range(120)))):
            low, high = repeatability(first, second, subjects).within_sd_interval
            held[kind] += low < truth < high
    assert 0.90 < held["subjects"] / trials < 0.985
    assert held["regions"] / trials < 0.9


def test_without_numbers_it_says_why():
    assert "at least 3 pairs" in repeatability([1, 2], [1, 2], [1, 2]).message
    same = repeatability(FIRST, FIRST, range(17))
    assert same.within_sd == 0 and "identical" in same.message
    assert np.isnan(same.within_sd_interval).all()
    signed = repeatability(FIRST - 400, SECOND - 400, range(17))
    assert np.isnan(signed.within_cv) and "means of 0 or less" in signed.message
    assert np.isfinite(signed.within_sd_interval).all()
