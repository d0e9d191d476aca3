"""The table of agreement of two reconstructions in the same regions."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from napari_mrf.analysis.agreement.agreement_table import agreement_table
from napari_mrf.analysis.agreement.by_region import BY_REGION_COLUMNS, agreement_by_region
from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.analysis.regions.pairs import PAIR_COLUMNS, roi_pairs
from napari_mrf.data.maps import ParameterMaps
from napari_mrf.io.tables.table_files import write_csv

SHAPE = (2, 20, 24)


def subject(seed):
    random = np.random.default_rng(seed)
    fraction = random.uniform(0, 1, SHAPE)
    water = random.normal(1300 + random.normal(0, 60), 80, SHAPE)
    reference = ParameterMaps({"FF": fraction, "T1H2O": water, "B1": random.random(SHAPE)})
    test = ParameterMaps({
        "FF": np.clip(fraction + random.normal(0, 0.1, SHAPE), 0, 1),
        "T1H2O": water + random.normal(10 + random.normal(0, 5), 40, SHAPE),
    })  # fmt: skip
    labels = np.zeros(SHAPE, np.uint16)
    for label in range(1, 9):
        labels[:, 2:18, 3 * label - 3 : 3 * label - 1] = label
    return reference, test, labels


def table(n_subjects, **options):
    return pd.concat(
        [roi_pairs(*subject(s), subject=f"sub-{s:02d}", options=RoiOptions(**options))
         for s in range(n_subjects)], ignore_index=True,
    )  # fmt: skip


def test_bias_and_limits_are_those_of_the_region_means_of_all_subjects():
    found = agreement_table(table(4))
    assert list(found.columns[:5]) == ["map", "n", "bias", "lower", "upper"]
    assert found["map"].tolist() == ["FF", "T1H2O"]
    differences = []
    for seed in range(4):
        reference, test, labels = subject(seed)
        for label in range(1, 9):
            where = (labels == label) & (reference["FF"] < 0.7)
            means = [m["T1H2O"][where].astype(float).mean() for m in (reference, test)]
            differences.append(means[0] - means[1])
    water = found[found["map"] == "T1H2O"].iloc[0]
    assert (water.n, water.n_subjects, water.unit, water.basis) == (32, 4, "ms", "by subjects")
    # By subjects: Zou 2013 for eight regions each.
    by_subject = np.reshape(differences, (4, 8))
    sd = np.sqrt(
        by_subject.mean(axis=1).var(ddof=1) + 7 / 8 * by_subject.var(axis=1, ddof=1).mean()
    )
    assert water.bias == pytest.approx(by_subject.mean(), rel=1e-12)
    assert water.sd == pytest.approx(sd, rel=1e-12)
    assert water.lower == pytest.approx(by_subject.mean() - 1.96 * sd, rel=1e-12)
    assert water.upper == pytest.approx(by_subject.mean() + 1.96 * sd, rel=1e-12)
    assert water.lower_low < water.lower < water.lower_high
    assert water.icc_2_1 <= water.icc_3_1 <= 1
    assert water.message == "a subject bootstrap needs at least 20 subjects, there are 4"
    assert found.filter(like="independent_").isna().all(axis=None)


def test_statistics_of_independent_regions_stand_beside_the_others_on_request():
    pairs = table(4)
    plain, found = agreement_table(pairs), agreement_table(pairs, independent=True)
    asked = [name for name in found if name.startswith("independent_")]
    assert plain.drop(columns=asked).equals(found.drop(columns=asked))
    for _, row in found.iterrows():
        of = pairs[(pairs["scope"] == "pooled") & (pairs["map"] == row["map"])]["difference"]
        assert row.independent_bias == pytest.approx(of.mean(), rel=1e-12)
        assert row.independent_upper == pytest.approx(of.mean() + 1.96 * of.std(), rel=1e-12)
        assert row.independent_bias_high > row.independent_bias
        assert row.independent_ccc_low < row.independent_ccc


def test_regions_in_slices_can_be_counted_one_by_one():
    pairs = table(2)
    assert list(pairs.columns) == list(PAIR_COLUMNS)
    by_slice = agreement_table(pairs, scope="slice")
    assert by_slice.n.tolist() == [32, 32]
    assert set(by_slice.basis) == {"assumes independent regions"}
    assert (
        "assumes independent regions: repeated-measures limits need at least 3 subjects"
        in (by_slice.message[0])
    )
    assert np.isnan(by_slice.repeated_2007_lower).all()


def test_identical_reconstructions_have_no_limits_and_a_message():
    reference, _, labels = subject(0)
    found = agreement_table(roi_pairs(reference, reference, labels))
    assert (found.bias == 0).all()
    assert found[["lower", "upper", "lower_low", "upper_high"]].isna().all(axis=None)
    assert found.message.str.contains("identical").all()


def test_region_without_a_mean_is_left_out_and_the_table_goes_to_a_file(tmp_path):
    reference, test, labels = subject(0)
    test["T1H2O"][labels == 3] = np.nan
    found = agreement_table(roi_pairs(reference, test, labels, {99: "=absent"}))
    assert found.n.tolist() == [8, 7]
    write_csv(tmp_path / "agreement.csv", found)
    # As text, for not every version of pandas reads numbers to their last digit.
    back = pd.read_csv(tmp_path / "agreement.csv", dtype=str)
    assert back.bias.astype(float).tolist() == found.bias.tolist()
    assert back.lower.astype(float).tolist() == found.lower.tolist()


def test_without_any_shared_map_the_table_is_empty():
    reference, _, labels = subject(0)
    other = ParameterMaps({"T2": np.ones(SHAPE)})
    assert agreement_table(roi_pairs(reference, other, labels)).empty


def test_agreement_by_region_has_a_row_for_each_map_and_region_of_several_subjects():
    assert agreement_by_region(table(1)).empty
    two = agreement_by_region(table(2))
    assert two["message"].str.contains("at least 3 pairs").all()
    pairs = table(4)
    found = agreement_by_region(pairs)
    assert list(found.columns) == list(BY_REGION_COLUMNS)
    assert found["map"].tolist() == ["FF"] * 8 + ["T1H2O"] * 8
    assert found["label"].tolist() == [*range(1, 9)] * 2
    for _, row in found.iterrows():
        of = pairs[(pairs["scope"] == "pooled") & (pairs["map"] == row["map"])]
        of = of[of["label"] == row["label"]]["difference"]
        assert row["lower"] == pytest.approx(of.mean() - 1.96 * of.std(), rel=1e-9)
        interval = stats.t.interval(0.95, 3, of.mean(), of.sem())
        assert (row["bias_low"], row["bias_high"]) == pytest.approx(interval, rel=1e-9)
