"""Agreement statistics against an independent implementation (statsmodels)."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_mrf.analysis.agreement.bland_altman import bland_altman
from napari_mrf.analysis.agreement.regression import regression
from napari_mrf.analysis.agreement.reliability import intraclass_correlations
from napari_mrf.analysis.agreement.repeated_measures import limits_2007

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm
    from statsmodels.stats.weightstats import DescrStatsW

SEEDS = st.integers(0, 10_000)


def two_methods(seed, n):
    rng = np.random.default_rng(seed)
    truth = rng.normal(1300, 120, n)
    return truth + rng.normal(0, 40, n), truth + rng.normal(15, 60, n)


@settings(deadline=None, max_examples=15)
@given(seed=SEEDS, n=st.integers(4, 60))
def test_bias_and_its_interval_are_those_of_a_one_sample_t_interval(seed, n):
    reference, test = two_methods(seed, n)
    found = bland_altman(reference, test)
    theirs = DescrStatsW(reference - test)
    assert found.bias == pytest.approx(theirs.mean, rel=1e-10)
    assert found.sd == pytest.approx(np.sqrt(theirs.var_ddof(1)), rel=1e-10)
    np.testing.assert_allclose(found.bias_interval, theirs.tconfint_mean(0.05), rtol=1e-9)


@settings(deadline=None, max_examples=15)
@given(seed=SEEDS, n=st.integers(4, 40))
def test_intraclass_correlations_follow_from_an_analysis_of_variance(seed, n):
    table = np.stack(two_methods(seed, n), axis=1)
    long = pd.DataFrame(
        {
            "value": table.ravel(),
            "region": np.repeat(np.arange(n), 2),
            "method": np.tile([0, 1], n),
        }
    )
    squares = anova_lm(ols("value ~ C(region) + C(method)", long).fit())["mean_sq"]
    region, method, rest = squares["C(region)"], squares["C(method)"], squares["Residual"]
    # Shrout and Fleiss 1979, with k = 2 methods.
    agreement = (region - rest) / (region + rest + 2 * (method - rest) / n)
    consistency = (region - rest) / (region + rest)
    icc_2_1, icc_3_1 = intraclass_correlations(table)
    assert icc_2_1.value == pytest.approx(agreement, rel=1e-8)
    assert icc_3_1.value == pytest.approx(consistency, rel=1e-8)


@settings(deadline=None, max_examples=15)
@given(seed=SEEDS, n=st.integers(4, 60))
def test_line_is_that_of_ordinary_least_squares(seed, n):
    reference, test = two_methods(seed, n)
    found = regression(reference, test)
    theirs = ols("test ~ reference", pd.DataFrame({"reference": reference, "test": test})).fit()
    assert found.slope == pytest.approx(theirs.params["reference"], rel=1e-8)
    assert found.intercept == pytest.approx(theirs.params["Intercept"], rel=1e-6, abs=1e-6)
    assert found.r_squared == pytest.approx(theirs.rsquared, rel=1e-8, abs=1e-12)


@settings(deadline=None, max_examples=15)
@given(seed=SEEDS, counts=st.lists(st.integers(2, 6), min_size=4, max_size=9))
def test_components_of_the_repeated_limits_follow_from_an_analysis_of_variance(seed, counts):
    rng = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(len(counts)), counts)
    shift = rng.normal(0, 30, len(counts))[subjects]
    differences = 5 + shift + rng.normal(0, 20, len(subjects))
    found = limits_2007(differences, np.zeros_like(differences), subjects.tolist())
    fit = ols("d ~ C(s)", pd.DataFrame({"d": differences, "s": subjects})).fit()
    squares = anova_lm(fit)["mean_sq"]
    n, sizes = len(differences), np.array(counts)
    # Bland and Altman 2007, section 4: the divisor for unequal numbers of pairs.
    divisor = (n**2 - np.sum(sizes**2)) / ((len(sizes) - 1) * n)
    between = max((squares["C(s)"] - squares["Residual"]) / divisor, 0.0)
    assert found.within_variance == pytest.approx(squares["Residual"], rel=1e-8)
    assert found.between_variance == pytest.approx(between, rel=1e-8, abs=1e-8)
    assert found.sd == pytest.approx(np.sqrt(between + squares["Residual"]), rel=1e-8)
