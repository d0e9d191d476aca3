"""Limits in percent and of ratios: published ratios, closed forms, and where there are none."""

import numpy as np
import pytest
from published import results

from napari_mrf.analysis.agreement.agreement_table import agreement_row
from napari_mrf.analysis.agreement.bland_altman import bland_altman
from napari_mrf.analysis.agreement.proportional_bias import proportional_bias
from napari_mrf.analysis.agreement.relative import relative_limits
from napari_mrf.analysis.agreement.repeated_measures import limits_2013
from napari_mrf.analysis.agreement.statistics import agreement, map_agreement
from napari_mrf.analysis.comparison.options import ComparisonOptions
from napari_mrf.analysis.regions.pairs import PAIR_COLUMNS
from napari_mrf.errors import MRFInputError


def study(seed=0, k=10, m=6):
    """Return values whose spread grows with them: errors of 3 %, a shift of 2 % a subject."""
    random = np.random.default_rng(seed)
    who = np.repeat(np.arange(k), m)
    true = np.exp(random.uniform(np.log(40), np.log(2000), k * m))
    first = true * np.exp(0.03 * random.normal(size=k * m))
    second = true * np.exp(0.05 + 0.02 * random.normal(size=k)[who])
    return first, second, who.tolist()


def test_ratio_limits_of_plasma_are_those_published_in_1999():
    found = agreement(results.NADLER, results.HURLEY, range(99), limits="ratio")
    limits = found.relative.limits
    # Antilogs of 0.099, 0.056 and 0.141.
    assert limits.bias == pytest.approx(np.exp(0.099), abs=6e-4)
    assert (limits.lower, limits.upper) == pytest.approx((1.06, 1.15), abs=5e-3)
    # The volume by Nadler exceeds that by Hurley by 6 to 15 %; differences grow with the volume.
    assert found.proportional.p < 0.001


@pytest.mark.parametrize("m", [1, 6])
def test_they_are_limits_of_transformed_values_on_the_same_basis(m):
    first, second, who = study(m=m)
    found = {kind: agreement(first, second, who, limits=kind) for kind in ("percent", "ratio")}
    of_percent, of_ratio = (one.relative.limits for one in found.values())
    mean = (first + second) / 2
    pairs = ((100 * first / mean, 100 * second / mean), (np.log(first), np.log(second)))
    plain, logs = (
        limits_2013(*pair, who) if m > 1 else bland_altman(*pair) for pair in pairs
    )  # fmt: skip
    for name in ("bias", "lower", "upper", "bias_interval", "lower_interval", "upper_interval"):
        assert getattr(of_percent, name) == pytest.approx(getattr(plain, name))
        assert getattr(of_ratio, name) == pytest.approx(np.exp(getattr(logs, name)))
    assert of_ratio.sd == logs.sd
    row = agreement_row("T1", found["ratio"])
    assert (row["relative_kind"], row["relative_upper"]) == ("ratio", of_ratio.upper)
    assert row["relative_lower_low"] == of_ratio.lower_interval[0]
    # Differences stay beside them.
    assert row["upper"] == agreement(first, second, who).limits.upper


def test_unit_and_order_of_methods_act_on_ratios_as_they_should():
    first, second, who = study()
    one = agreement(first, second, who, limits="ratio").relative.limits
    scaled = agreement(7 * first, 7 * second, who, limits="ratio").relative.limits
    swapped = agreement(second, first, who, limits="ratio").relative.limits
    ends = (one.lower, one.bias, one.upper, *one.lower_interval)
    assert (scaled.lower, scaled.bias, scaled.upper, *scaled.lower_interval) == pytest.approx(ends)
    turned = (1 / swapped.upper, 1 / swapped.bias, 1 / swapped.lower)
    assert turned == pytest.approx(ends[:3])


@pytest.mark.parametrize("kind", ["percent", "ratio"])
@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda a, b: (a, b), {"is_signed": True}, "pass through zero"),
        (lambda a, b: (a - a.min(), b), {}, "a mean of 0 or less"),
        (lambda a, b: (a - 2000, b), {}, "a mean of 0 or less"),
        (lambda a, b: (a, a), {}, "identical"),
        (lambda a, b: (a, a + 5), {}, "by a constant"),
        (lambda a, b: (a.astype(np.float32), a.astype(np.float32) * np.float32(1.1)), {},
         "by a constant factor"),
        (lambda a, b: (a[:2], b[:2]), {}, "at least 3 pairs"),
    ],
)  # fmt: skip
def test_where_shares_mean_nothing_there_are_none_and_it_says_why(kind, change, options, said):
    first, second = change(*study(m=1)[:2])
    found = agreement(first, second, range(len(first)), limits=kind, **options)
    limits = found.relative.limits
    assert said in limits.message
    assert np.isnan([limits.bias, limits.lower, limits.upper, *limits.upper_interval]).all()
    assert said in agreement_row("T1", found)["message"]


def test_small_fat_fractions_have_no_shares_and_larger_ones_do():
    random = np.random.default_rng(0)
    true = random.uniform(0.02, 0.3, 40)
    first, second = true + random.normal(0, 0.01, (2, 40))
    first, second = np.abs(first), np.abs(second)
    line = proportional_bias(first, second, range(40))
    near = relative_limits(first, second, range(40), "percent", line, by_subjects=False)
    assert "no larger than the limits of agreement are wide" in near.message
    first, second = first + 0.2, second + 0.2
    line = proportional_bias(first, second, range(40))
    far = relative_limits(first, second, range(40), "percent", line, by_subjects=False)
    assert not far.message and far.limits.upper > far.limits.lower


def test_off_resonance_is_refused_by_its_name_alone():
    import pandas as pd

    first, second, who = study()
    rows = {"subject": who, "scope": "pooled", "map": "Df", "reference": first, "test": second}
    pairs = pd.DataFrame(rows).reindex(columns=list(PAIR_COLUMNS))
    found = map_agreement(pairs, "Df", limits="percent", is_retest=True)
    assert "pass through zero" in found.relative.message
    assert np.isnan(found.repeatability.within_cv)
    assert "pass through zero" in found.repeatability.message


def test_unknown_limits_are_refused():
    with pytest.raises(MRFInputError, match="no such limits") as error:
        ComparisonOptions(limits="log")
    assert error.value.code == "bad-option"
    with pytest.raises(MRFInputError, match="ratio of error variances"):
        ComparisonOptions(error_ratio=0)
