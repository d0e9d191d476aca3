"""Stored comparisons and importance are those that were stored, in every number and word."""

import json

import numpy as np
import pandas as pd
import pytest
from importance_cases import OneFrame, series_of, small_sequence

from napari_mrf import ParameterMaps
from napari_mrf.analysis.comparison import stored as comparisons
from napari_mrf.analysis.comparison.compare import compare
from napari_mrf.analysis.comparison.options import ComparisonOptions
from napari_mrf.analysis.comparison.subjects import SubjectMaps
from napari_mrf.analysis.importance import stored as importances
from napari_mrf.analysis.importance.measure import iter_importance
from napari_mrf.analysis.importance.options import ImportanceOptions
from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.compute.steps import result_of
from napari_mrf.data.label import Label

SHAPE = (2, 12, 16)
TABLES = ("metrics", "pairs", "blurriness", "agreement", "by_region", "regression", "inclusion",
          "outliers")  # fmt: skip


def some_maps(seed):
    rng = np.random.default_rng(seed)
    maps = {"FF": rng.uniform(0, 0.9, SHAPE), "T1H2O": rng.uniform(900, 1500, SHAPE)}
    maps["FF"][0, :2] = np.nan
    maps = {key: one.astype(np.float32) for key, one in maps.items()}
    affine = np.diag([-2.0, 2.0, 5.0, 1.0])
    return ParameterMaps(maps, affine=affine, provenance={"seed": seed})


def drawn():
    labels = np.zeros(SHAPE, np.uint16)
    labels[0, 2:6, 2:8], labels[1, 6:9, 2:9], labels[1, 1, 1] = 7, 10, 3
    return labels


def stored_and_read(kind, result):
    words, arrays = kind.as_stored(result)
    return kind.from_stored(json.loads(json.dumps(words, allow_nan=False)), arrays)


@pytest.mark.parametrize("labels", [None, np.zeros(SHAPE, np.uint16), drawn()],
                         ids=["none", "empty", "drawn"])  # fmt: skip
@pytest.mark.parametrize("are_same", [False, True])
def test_comparison_is_the_one_that_was_stored(labels, are_same):
    table = {7: Label(7, "VL"), 10: Label(10, "RF"), 12: Label(12, "not drawn")}
    options = ComparisonOptions(
        RoiOptions(thresholds={"T1H2O": 0.6}, erosion_voxels=1, regions=("VL", "12"), min_voxels=4),
        scope="slice", seed=3, margins={"FF": 0.02}, limits="ratio", design="test-retest",
    )  # fmt: skip
    if labels is None:
        options = ComparisonOptions()
    subjects = [
        SubjectMaps(some_maps(at), some_maps(at if are_same else at + 9), f"subject {at}", labels,
                    table, record={"reference": {"path": "a", "sha256": {}}})
        for at in range(2)
    ]  # fmt: skip
    before = compare(subjects, reference_name="größer", test_name="b", options=options)
    if are_same:
        assert np.isinf(before.metrics["value"]).any()  # PSNR of no difference
    after = stored_and_read(comparisons, before)
    for name in TABLES:
        pd.testing.assert_frame_equal(
            getattr(after, name), getattr(before, name), check_exact=True, check_index_type=False
        )
    for name in ("reference_name", "test_name", "options", "warnings", "inputs", "labels",
                 "left_out", "maps", "subjects"):  # fmt: skip
        assert getattr(after, name) == getattr(before, name), name
    for one, other in zip(after.pictures, before.pictures, strict=True):
        for name, value in vars(other).items():
            np.testing.assert_equal(getattr(one, name), value)


def test_importance_is_the_one_that_was_stored():
    series = series_of(small_sequence())
    series = series.with_mask(np.ones(series.spatial_shape, bool))
    options = ImportanceOptions(repeats=2, group=2, stride=3)
    before = result_of(
        iter_importance(OneFrame(series.sequence, 5), series, options=options, keep="FF")
    )
    before = getattr(before, "importance", before)
    before.change["FF"][1, 2:] = np.nan  # as after a cancel
    after = stored_and_read(importances, before)
    for name, value in vars(before).items():
        if name == "sequence":
            assert after.sequence.fingerprint() == value.fingerprint()
        elif name != "provenance":
            np.testing.assert_equal(getattr(after, name), value)
    assert after.provenance == json.loads(json.dumps(before.provenance))
    assert np.isfinite(after.change_map("FF", 0)).any()


def test_importance_whose_arrays_do_not_belong_together_is_refused():
    series = series_of(small_sequence())
    series = series.with_mask(np.ones(series.spatial_shape, bool))
    last = result_of(iter_importance(OneFrame(series.sequence, 5), series, keep="FF"))
    words, arrays = importances.as_stored(getattr(last, "importance", last))
    for name in ("change.FF", "quartile_change.FF", "values.FF", "voxel_change.FF"):
        with pytest.raises(ValueError, match="has the shape"):
            importances.from_stored(words, {**arrays, name: arrays[name][..., 1:]})
    with pytest.raises(KeyError):
        importances.from_stored(words, {})
