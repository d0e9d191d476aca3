"""Statistics of agreement against published worked examples and independent implementations."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from published import results
from scipy import stats

from napari_mrf.analysis.agreement.bland_altman import bland_altman
from napari_mrf.analysis.agreement.regression import regression
from napari_mrf.analysis.agreement.reliability import concordance, intraclass_correlations
from napari_mrf.analysis.agreement.repeated_measures import limits_2007, limits_2013
from napari_mrf.analysis.agreement.statistics import BY_SUBJECTS, INDEPENDENT, ONE_REGION, agreement
from napari_mrf.analysis.agreement.subject_bootstrap import subject_bootstrap
from napari_mrf.analysis.agreement.subject_coefficients import subject_coefficients
from napari_mrf.errors import MRFInputError

WRIGHT, MINI, JUDGES = results.WRIGHT, results.MINI, results.JUDGES
SUBJECTS, RV, IC = results.CARDIAC_SUBJECTS, results.VENTRICULOGRAPHY, results.IMPEDANCE

values = st.lists(
    st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=3, max_size=20
).map(lambda pairs: np.round(np.array(pairs), 3).T)


def test_peak_flow_limits_and_intervals_are_those_published_in_1986():
    result = bland_altman(WRIGHT, MINI, multiplier=2, interval_method="bland-altman-1986")
    assert (result.n, round(result.bias, 1), round(result.sd, 1)) == (17, -2.1, 38.8)
    assert (round(result.lower, 1), round(result.upper, 1)) == (-79.6, 75.4)
    # The paper rounds before it multiplies: -79.7 and 75.5, and 16.3 for the standard error.
    assert result.lower == pytest.approx(-79.7, abs=0.1)
    assert result.upper == pytest.approx(75.5, abs=0.1)
    assert result.bias_interval == pytest.approx((-22.0, 17.8), abs=0.06)
    assert result.lower_interval == pytest.approx((-114.3, -45.1), abs=0.2)
    assert result.upper_interval == pytest.approx((40.9, 110.1), abs=0.2)


def test_default_limits_are_bias_and_1_96_standard_deviations_of_reference_minus_test():
    result = bland_altman(WRIGHT, MINI)
    differences = WRIGHT - MINI
    sd = np.sqrt(np.sum((differences - differences.mean()) ** 2) / 16)
    assert result.bias == pytest.approx(differences.mean(), rel=1e-14)
    assert result.lower == pytest.approx(differences.mean() - 1.96 * sd, rel=1e-14)
    assert result.upper == pytest.approx(differences.mean() + 1.96 * sd, rel=1e-14)
    ttest = stats.ttest_rel(WRIGHT, MINI).confidence_interval(0.95)
    assert result.bias_interval == pytest.approx((ttest.low, ttest.high), rel=1e-12)


@pytest.mark.parametrize(("n", "factor"), [(10, 2.911), (20, 2.396), (30, 2.220)])
def test_exact_outer_limit_is_the_published_one_sided_tolerance_factor(n, factor):
    # NIST/SEMATECH e-Handbook 7.2.6.3 after Natrella 1963: content 95 %, confidence 95 %.
    sample = np.arange(n) - (n - 1) / 2
    result = bland_altman(sample, np.zeros(n), multiplier=stats.norm.ppf(0.95), confidence=0.9)
    assert result.upper_interval[1] / result.sd == pytest.approx(factor, abs=6e-4)


@pytest.mark.parametrize("method", ["exact", "bland-altman-1999"])
def test_intervals_of_the_limits_hold_the_truth_as_often_as_they_say(method):
    random, held, repeats = np.random.default_rng(1), np.zeros(2), 400
    for _ in range(repeats):
        result = bland_altman(random.normal(3, 2, 60), np.zeros(60), interval_method=method)
        for side, (interval, truth) in enumerate(
            [(result.lower_interval, 3 - 1.96 * 2), (result.upper_interval, 3 + 1.96 * 2)]
        ):
            held[side] += interval[0] < truth < interval[1]
    assert np.all(np.abs(held / repeats - 0.95) < 4 * np.sqrt(0.95 * 0.05 / repeats))


def test_exact_intervals_stand_for_thousands_of_regions():
    sample = np.random.default_rng(0).normal(0, 1, 5000)
    exact, approximate = (
        bland_altman(sample, np.zeros(5000), interval_method=m)
        for m in ("exact", "bland-altman-1999")
    )
    assert exact.upper_interval == pytest.approx(approximate.upper_interval, abs=1e-3)


@pytest.mark.parametrize(
    ("reference", "test", "said"),
    [
        ([], [], "at least 3 pairs, there are 0"),
        ([1, 2, np.nan], [2, 2, 3], "at least 3 pairs, there are 2"),
        ([1, 2, 3, 4], [1, 2, 3, 4], "identical"),
        ([1.1, 2.2, 3.3, 4.7], [1.2, 2.3, 3.4, 4.8], "differ by a constant"),
    ],
)
def test_too_few_pairs_or_identical_methods_have_no_limits_and_say_so(reference, test, said):
    subjects = list(range(len(reference)))
    for result in (
        bland_altman(reference, test),
        limits_2007(reference, test, subjects),
        limits_2013(reference, test, subjects),
        subject_bootstrap(reference, test, subjects),
    ):
        assert said in result.message
        assert np.isnan([*result.lower_interval, *result.upper_interval]).all()
        if hasattr(result, "lower"):
            assert np.isnan([result.lower, result.upper]).all()
    simple = bland_altman(reference, test)
    if len(reference) == 4:
        assert simple.bias == pytest.approx(np.mean(np.subtract(reference, test)))
        assert simple.sd == 0


@pytest.mark.parametrize("offset", [30.1, 1e-3, 5000.7])
def test_constant_offset_of_maps_in_single_precision_is_no_spread(offset):
    random = np.random.default_rng(0)
    voxels = random.uniform(900, 1500, (24, 50)).astype(np.float32)
    moved = voxels + np.float32(offset)
    first, second = (each.astype(np.float64).mean(axis=1) for each in (voxels, moved))
    if offset == 30.1:
        assert 0 < np.ptp(first - second) < 1e-3  # the means differ by rounding
    subjects = np.repeat(range(6), 4).tolist()
    for who in (subjects, range(24)):
        found = agreement(first, second, who, margin=50.0)
        assert "differ by a constant" in found.limits.message
        assert np.isnan([found.limits.lower, found.limits.upper, *found.limits.bias_interval]).all()
        assert np.isnan([found.equivalence.p, found.proportional.p]).all()
        assert found.simple.sd == 0
        assert found.coefficients.icc_3_1.value == 1
        assert np.isnan(found.coefficients.icc_3_1.interval).all()
    flat = np.full((24, 50), 0.1, np.float32).astype(np.float64).mean(axis=1)
    assert "reference is the same" in regression(flat + 1e-17, second).message


@settings(max_examples=60, deadline=None)
@given(values, st.floats(-100, 100), st.floats(0.01, 100))
def test_shift_scale_and_swap_of_methods_act_on_limits_as_they_should(pairs, shift, factor):
    reference, test = pairs
    result = bland_altman(reference, test)
    assume(np.ptp(reference - test) > 0.01)
    numbers = np.array([result.bias, result.lower, result.upper, *result.lower_interval,
                        *result.upper_interval])  # fmt: skip
    swapped = bland_altman(test, reference)
    mirrored = -np.array([swapped.bias, swapped.upper, swapped.lower,
                          *swapped.upper_interval[::-1], *swapped.lower_interval[::-1]
                          ])  # fmt: skip
    moved = bland_altman(factor * reference + shift, factor * test)
    both = np.array([moved.bias, moved.lower, moved.upper, *moved.lower_interval,
                     *moved.upper_interval])  # fmt: skip
    np.testing.assert_allclose(mirrored, numbers, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(both, factor * numbers + shift, rtol=1e-8, atol=1e-8)
    assert result.lower_interval[0] < result.lower_interval[1]
    assert result.lower_interval[0] < result.lower < result.bias < result.upper


def test_repeated_measures_limits_are_those_published_in_2007():
    result = limits_2007(RV, IC, SUBJECTS)
    assert (result.n, result.n_subjects) == (60, 12)
    assert result.bias == pytest.approx(0.6021667, abs=5e-8)
    assert result.within_variance == pytest.approx(0.170714026, rel=1e-6)
    assert result.between_variance + result.within_variance == pytest.approx(0.98133606, rel=1e-6)
    assert (result.lower, result.upper) == pytest.approx((-1.3394565, 2.5437899), abs=1e-6)
    simple = bland_altman(RV, IC)
    assert simple.sd == pytest.approx(0.9610571, abs=5e-8)


def test_repeated_measures_intervals_are_those_published_in_2013():
    first_four = [i for i, subject in enumerate(SUBJECTS) if subject <= 4]
    reference, test, who = (np.array(column)[first_four] for column in (RV, IC, SUBJECTS))
    result = limits_2013(reference, test, who.tolist(), mean_error="normal")
    assert (result.bias, result.lower, result.upper) == pytest.approx(
        (0.7255, -2.14, 3.59), abs=4e-3
    )
    assert result.lower_interval == pytest.approx((-9.83, -0.33), abs=0.011)
    assert result.upper_interval == pytest.approx((1.77, 11.27), abs=0.011)


def test_bias_by_subjects_has_the_t_interval_of_the_subjects_mean_differences():
    differences, who = np.subtract(RV, IC), np.array(SUBJECTS)
    means = [differences[who == subject].mean() for subject in range(1, 13)]
    expected = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    result = limits_2013(RV, IC, SUBJECTS)
    assert result.bias == pytest.approx(np.mean(means), rel=1e-12)
    assert result.bias_interval == pytest.approx((expected.low, expected.high), rel=1e-12)
    normal = limits_2013(RV, IC, SUBJECTS, mean_error="normal")
    assert result.lower_interval[0] < normal.lower_interval[0]
    assert result.upper_interval[1] > normal.upper_interval[1]


def test_repeated_measures_need_three_subjects_and_several_regions():
    two = limits_2013(RV[:9], IC[:9], SUBJECTS[:9])
    assert "at least 3 subjects" in two.message
    assert np.isnan(two.lower)
    single = limits_2007(RV[:5], IC[:5], list("abcde"))
    assert "one region" in single.message
    with pytest.raises(MRFInputError, match="must have a subject"):
        limits_2007(RV, IC, SUBJECTS[:-1])
    with pytest.raises(MRFInputError, match="same number of regions"):
        bland_altman(RV, IC[:-1])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_regions_that_are_independent_give_the_simple_limits(seed):
    random = np.random.default_rng(seed)
    reference, test = random.normal(0, 1, (2, 4000))
    subjects = np.repeat(np.arange(1000), 4).tolist()
    simple = bland_altman(reference, test)
    for repeated in (
        limits_2007(reference, test, subjects),
        limits_2013(reference, test, subjects),
    ):
        assert (repeated.lower, repeated.upper) == pytest.approx(
            (simple.lower, simple.upper), abs=0.12
        )
    swapped = limits_2013(test, reference, subjects)
    again = limits_2013(reference, test, subjects)
    assert swapped.lower_interval == pytest.approx([-end for end in again.upper_interval[::-1]])


def test_bootstrap_repeats_with_its_seed_and_agrees_with_drawing_one_by_one():
    # The twelve subjects, and twelve more that are a little different.
    reference, test = np.r_[RV, RV], np.r_[IC, np.add(IC, 0.3)]
    who = np.r_[SUBJECTS, np.add(SUBJECTS, 12)]
    result = subject_bootstrap(reference, test, who.tolist(), n_draws=300, seed=5)
    assert result == subject_bootstrap(reference, test, who.tolist(), n_draws=300, seed=5)
    assert result != subject_bootstrap(reference, test, who.tolist(), n_draws=300, seed=6)
    differences = reference - test
    rows = []
    for draw in np.random.default_rng(5).integers(24, size=(300, 24)):
        drawn = np.concatenate([differences[who == subject + 1] for subject in draw])
        mean, sd = drawn.mean(), drawn.std(ddof=1)
        rows.append((mean, mean - 1.96 * sd, mean + 1.96 * sd))
    expected = np.percentile(rows, [2.5, 97.5], axis=0)
    found = [result.bias_interval, result.lower_interval, result.upper_interval]
    np.testing.assert_allclose(np.transpose(found), expected, rtol=1e-10)


def test_bootstrap_of_fewer_than_twenty_subjects_is_withheld():
    few = subject_bootstrap(RV, IC, SUBJECTS)
    assert "at least 20 subjects, there are 12" in few.message
    assert np.isnan([few.bias_interval, few.lower_interval, few.upper_interval]).all()


def test_bootstrap_of_single_regions_agrees_with_scipy():
    random = np.random.default_rng(3)
    differences = random.normal(1, 2, 40)
    ours = subject_bootstrap(differences, np.zeros(40), range(40), n_draws=20000)
    theirs = stats.bootstrap((differences,), np.mean, method="percentile", rng=random,
                             n_resamples=20000).confidence_interval  # fmt: skip
    assert ours.bias_interval == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_intraclass_correlations_are_those_published_in_1979():
    absolute, consistent = intraclass_correlations(JUDGES)
    assert round(absolute.value, 2) == 0.29
    assert round(consistent.value, 2) == 0.71
    # Intervals of this table as several statistics packages print them.
    assert absolute.interval == pytest.approx((0.019, 0.761), abs=1e-3)
    assert consistent.interval == pytest.approx((0.342, 0.946), abs=1e-3)


def test_intraclass_correlation_of_two_methods_follows_from_variances():
    random = np.random.default_rng(2)
    truth = random.normal(0, 3, 30)
    x, y = truth + random.normal(0, 1, 30), truth + random.normal(0.5, 1, 30)
    _, consistent = intraclass_correlations(np.stack([x, y], axis=1))
    expected = 2 * np.cov(x, y)[0, 1] / (x.var(ddof=1) + y.var(ddof=1))
    assert consistent.value == pytest.approx(expected, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(values, st.floats(-100, 100), st.floats(0.01, 100))
def test_coefficients_do_not_change_with_unit_origin_or_order(pairs, shift, factor):
    reference, test = pairs
    assume(np.ptp(reference) > 0.1 and np.ptp(test) > 0.1 and np.ptp(reference - test) > 0.1)
    moved = pairs * factor + shift
    for function in (
        lambda a, b: concordance(a, b).value,
        lambda a, b: intraclass_correlations(np.stack([a, b], axis=1))[0].value,
        lambda a, b: intraclass_correlations(np.stack([a, b], axis=1))[1].value,
    ):
        value = function(reference, test)
        assert function(test, reference) == pytest.approx(value, abs=1e-9, nan_ok=True)
        assert function(*moved) == pytest.approx(value, rel=1e-6, abs=1e-6, nan_ok=True)
        assert value <= 1 + 1e-9
    assert abs(concordance(reference, test).value) <= 1 + 1e-9


def test_concordance_is_correlation_times_bias_correction():
    result = concordance(WRIGHT, MINI)
    r = stats.pearsonr(WRIGHT, MINI).statistic
    scale, location = WRIGHT.std() / MINI.std(), WRIGHT.mean() - MINI.mean()
    bias = 2 / (scale + 1 / scale + location**2 / (WRIGHT.std() * MINI.std()))
    assert result.value == pytest.approx(r * bias, rel=1e-12)
    assert result.interval[0] < result.value < result.interval[1]
    assert concordance(WRIGHT, WRIGHT).value == 1
    assert concordance(WRIGHT, -WRIGHT + 2 * WRIGHT.mean()).value == pytest.approx(-1)


def test_concordance_interval_holds_the_truth_as_often_as_it_says():
    # Bivariate normal, r = 0.9, SD 1 and 1.2, means 0 and 0.4.
    truth = 2 * 0.9 * 1.2 / (1 + 1.44 + 0.16)
    random, held, repeats = np.random.default_rng(8), 0, 600
    for _ in range(repeats):
        x, y = random.multivariate_normal([0, 0.4], [[1, 1.08], [1.08, 1.44]], 100).T
        low, high = concordance(x, y).interval
        held += low < truth < high
    assert abs(held / repeats - 0.95) < 0.035


def test_coefficients_without_numbers_say_why():
    for result in (concordance([1, 2], [1, 3]), *intraclass_correlations([[1, 2], [3, 4]])):
        assert np.isnan(result.value)
        assert "at least 3 regions" in result.message
    for result in (concordance([1, 1, 1], [1, 1, 1]), *intraclass_correlations(np.ones((3, 2)))):
        assert np.isnan(result.value)
        assert "equal" in result.message
    identical = intraclass_correlations([[1, 1], [2, 2], [5, 5]])
    assert [coefficient.value for coefficient in identical] == [1, 1]
    assert all("no interval" in coefficient.message for coefficient in identical)
    with pytest.raises(MRFInputError, match="one column per method"):
        intraclass_correlations([1, 2, 3])


def coefficients_with_pandas(reference, test, who):
    """Return ICC(2,1), ICC(3,1), CCC after Zou's variance of one region of a new subject."""
    frame = pd.DataFrame({"x": reference, "y": test, "who": who})
    frame["d"], frame["s"] = frame.x - frame.y, frame.x + frame.y
    groups, k = frame.groupby("who"), frame.who.nunique()
    share = 1 - (1 / groups.size()).mean()
    freedom = len(frame) - k
    variance = {
        name: groups[name].mean().var()
        + share * sum(one.var(ddof=0) * len(one) for _, one in groups[name]) / freedom
        for name in "xyds"
    }
    covariance = (variance["s"] - variance["d"]) / 4
    squared = groups["d"].mean().mean() ** 2
    total = variance["x"] + variance["y"]
    error = groups["d"].mean().var() / k
    return np.array([2 * covariance / (total + squared - error), 2 * covariance / total,
                     2 * covariance / (total + squared)])  # fmt: skip


def test_coefficients_by_subject_and_their_jackknife_agree_with_another_way_to_compute_them():
    found = subject_coefficients(RV, IC, SUBJECTS)
    columns = np.array(RV), np.array(IC), np.array(SUBJECTS)
    whole = np.arctanh(coefficients_with_pandas(*columns))
    pseudo = []
    for subject in range(1, 13):
        rest = columns[2] != subject
        pseudo.append(
            12 * whole - 11 * np.arctanh(coefficients_with_pandas(*(c[rest] for c in columns)))
        )
    for index, one in enumerate(found):
        of = [values[index] for values in pseudo]
        interval = stats.t.interval(0.95, 11, np.mean(of), stats.sem(of))
        assert one.value == pytest.approx(np.tanh(whole[index]), rel=1e-9)
        assert one.interval == pytest.approx(np.tanh(interval), rel=1e-7)


def test_coefficients_of_one_region_a_subject_are_those_of_shrout_and_fleiss():
    by_subject = subject_coefficients(WRIGHT, MINI, range(17))
    simple = intraclass_correlations(np.stack([WRIGHT, MINI], axis=1))
    assert [one.value for one in by_subject[:2]] == pytest.approx([one.value for one in simple])
    assert by_subject.icc_3_1.interval == pytest.approx(simple[1].interval, abs=0.03)


def test_coefficients_by_subject_say_why_there_are_none():
    few = subject_coefficients(RV[:9], IC[:9], SUBJECTS[:9])
    assert all("at least 3 subjects, there are 2" in one.message for one in few)
    flat = subject_coefficients(np.ones(60), np.ones(60), SUBJECTS)
    assert all("equal" in one.message and np.isnan(one.value) for one in flat)
    offset = subject_coefficients(RV, np.add(RV, 0.1), SUBJECTS)
    assert offset.icc_3_1.value == 1
    assert np.isnan(offset.icc_3_1.interval).all() and "±1" in offset.icc_3_1.message


def test_statistics_rest_on_subjects_only_where_they_have_several_regions():
    random = np.random.default_rng(3)
    reference = random.normal(0, 5, 24)
    test = reference + random.normal(0, 1, 24)
    several = agreement(reference, test, np.repeat(range(6), 4).tolist())
    assert several.basis == BY_SUBJECTS
    assert several.limits is several.repeated
    assert several.coefficients is several.subject_coefficients
    for subjects, basis in ((list(range(24)), ONE_REGION), ([1] * 12 + [2] * 12, INDEPENDENT)):
        found = agreement(reference, test, subjects)
        assert found.basis == basis
        assert found.limits is found.simple
        assert found.coefficients is found.simple_coefficients


def test_regression_is_that_of_scipy_and_says_when_there_is_none():
    result, expected = regression(WRIGHT, MINI), stats.linregress(WRIGHT, MINI)
    assert result.slope == pytest.approx(expected.slope, rel=1e-12)
    assert result.intercept == pytest.approx(expected.intercept, rel=1e-10)
    assert result.r == pytest.approx(expected.rvalue, rel=1e-12)
    assert result.r_squared == pytest.approx(expected.rvalue**2, rel=1e-12)
    assert "at least 3" in regression([1, 2], [1, 2]).message
    assert "reference" in regression([1, 1, 1], [1, 2, 3]).message
    flat = regression([1, 2, 3], [4, 4, 4])
    assert (flat.slope, flat.intercept) == (0, 4)
    assert np.isnan(flat.r)
    assert "test" in flat.message
