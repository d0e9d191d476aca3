"""Statistics across subjects: each counts once, runs of a session count together."""

import numpy as np
import pandas as pd
import pytest

from napari_mrf import MRFInputError, ParameterMaps
from napari_mrf.analysis.regions.across_subjects import across_subjects, subject_means
from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.analysis.regions.scans import find_scan_study, measure_scan
from napari_mrf.io import Regions, ScanTarget

SHAPE = (1, 2, 3)


def table(**means):
    same = {"label": 1, "name": "leg", "map": "T1", "unit": "ms"}
    return pd.DataFrame([{**same, "subject": name, "scope": scope, "mean": mean}
                         for name, mean in means.items() for scope in ("slice", "pooled")]
                        )  # fmt: skip


def test_a_subject_counts_once_however_often_it_was_measured():
    found = across_subjects(table(**{
        "sub-1_ses-a_run-1": 10.0, "sub-1_ses-a_run-2": 30.0, "sub-2_ses-a": 50.0,
        "sub-2_ses-b": 7.0, "sub-3_ses-b": np.nan,
    }))  # fmt: skip
    assert found["session"].tolist() == ["ses-a", "ses-b"]
    assert found["n_subjects"].tolist() == [2, 1]
    assert found["mean"].tolist() == [(20 + 50) / 2, 7]
    assert found["sd"].iloc[0] == pytest.approx(30 / 2**0.5)
    assert np.isnan(found["sd"].iloc[1])
    assert found[["minimum", "median", "maximum"]].iloc[0].tolist() == [20, 35, 50]


def test_names_that_are_not_of_bids_are_subjects():
    means = subject_means(table(leg_one=1.0, leg_two=3.0))
    assert means["subject"].tolist() == ["leg_one", "leg_two"]
    assert set(means["session"]) == {""}


def save(folder, subject, value, regions=None, **provenance):
    values = np.full(SHAPE, value)
    values[0, 0, 0] = np.nan
    maps = ParameterMaps({"T2": values}, affine=np.eye(4), provenance=provenance)
    ScanTarget(folder, {"sub": subject}).save(maps, regions)


def test_without_label_maps_all_voxels_with_a_value_are_the_region(tmp_path):
    save(tmp_path, "1", 40.0)
    save(tmp_path, "2", 60.0)
    study = find_scan_study(tmp_path)
    measured = measure_scan(study, "sub-1", RoiOptions()).statistics
    pooled = measured[measured["scope"] == "pooled"].iloc[0]
    assert (pooled["name"], pooled["n"]) == ("foreground", 5)
    assert pooled["mean"] == pytest.approx(40, rel=1e-6)
    assert list(find_scan_study(tmp_path, ("2",)).folders) == ["sub-2"]
    with pytest.raises(MRFInputError) as caught:
        find_scan_study(tmp_path, ("1", "3"))
    assert caught.value.code == "no-maps"
    assert "sub-3" in str(caught.value) and "sub-1" not in str(caught.value)


def test_where_some_have_label_maps_the_others_are_left_out_and_named(tmp_path):
    save(tmp_path, "1", 40.0, Regions(np.ones(SHAPE, np.uint16)))
    save(tmp_path, "2", 60.0)
    study = find_scan_study(tmp_path)
    assert list(study.folders) == ["sub-1"]
    assert "sub-2" in study.warnings[0]


def test_subjects_whose_maps_were_made_in_different_ways_are_refused(tmp_path):
    save(tmp_path, "1", 40.0, method={"name": "exhaustive"})
    save(tmp_path, "2", 60.0, method={"name": "compressed"})
    with pytest.raises(MRFInputError) as caught:
        find_scan_study(tmp_path)
    assert caught.value.code == "mixed-provenance"
    assert find_scan_study(tmp_path, allow_mixed=True).warnings
