"""Verdicts on a margin against statsmodels and scipy."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from napari_mrf.analysis.agreement.bland_altman import bland_altman
from napari_mrf.analysis.agreement.equivalence import NOT_SHOWN, WITHIN, equivalence
from napari_mrf.analysis.agreement.repeated_measures import limits_2013
from napari_mrf.errors import MRFInputError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from statsmodels.stats.weightstats import ttost_paired


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 40), st.floats(0.05, 3))
def test_two_one_sided_tests_are_those_of_statsmodels(seed, n, margin):
    reference, test = np.random.default_rng(seed).normal(0, 1, (2, n))
    found = equivalence(bland_altman(reference, test + 0.2), n, margin)
    p, *_ = ttost_paired(reference, test + 0.2, -margin, margin)
    assert found.p == pytest.approx(p, rel=1e-6, abs=1e-12)
    assert found.verdict == (WITHIN if p < 0.05 else NOT_SHOWN)


def test_regions_of_subjects_count_as_subjects():
    random = np.random.default_rng(2)
    who = np.repeat(range(6), 8)
    differences = random.normal(0, 1, 6)[who] + random.normal(0, 0.2, 48)
    found = equivalence(limits_2013(differences, np.zeros(48), who.tolist()), 6, 0.9)
    means = differences.reshape(6, 8).mean(axis=1)
    above = stats.ttest_1samp(means, -0.9, alternative="greater").pvalue
    below = stats.ttest_1samp(means, 0.9, alternative="less").pvalue
    assert found.p == pytest.approx(max(above, below), rel=1e-9)


def test_no_verdict_on_two_subjects_and_none_without_a_margin():
    limits = bland_altman([1, 2, 3, 4], [1, 3, 3, 6])
    few = equivalence(limits, 2, 1.0)
    assert (few.verdict, np.isnan(few.p)) == ("", True)
    assert "at least 3 subjects, there are 2" in few.message
    assert "identical" in equivalence(bland_altman([1, 2, 3], [1, 2, 3]), 3, 1.0).message
    for margin in (0.0, -1.0, np.nan):
        with pytest.raises(MRFInputError, match="above 0"):
            equivalence(limits, 4, margin)
