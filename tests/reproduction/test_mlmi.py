"""MLMI 2018 Table 1: errors by tissue, and the numbers of the paper."""

import numpy as np
import pytest

from napari_mrf import ParameterMaps
from napari_mrf.phantoms.brain.labels import (
    CSF,
    GREY_MATTER,
    PUTAMEN,
    SCALP_FAT,
    WHITE_MATTER,
)
from napari_mrf.reproduction.found_networks import cure
from napari_mrf.reproduction.mlmi.table1 import tissue_errors
from napari_mrf.reproduction.published import published_table

LABELS = np.repeat([WHITE_MATTER, GREY_MATTER, PUTAMEN, CSF, SCALP_FAT], 20).reshape(1, 10, 10)


def maps_of(**maps):
    return ParameterMaps({key: np.asarray(one, np.float32) for key, one in maps.items()})


def truth():
    rng = np.random.default_rng(0)
    draw = {"PD": (0.5, 1.0), "T1": (600.0, 1500.0), "T2": (40.0, 120.0)}
    return maps_of(**{key: rng.uniform(*one, LABELS.shape) for key, one in draw.items()})


def test_errors_are_those_of_each_tissue():
    reference = truth()
    wrong = {key: reference[key].copy() for key in ("PD", "T1", "T2")}
    wrong["T1"][LABELS == WHITE_MATTER] += 30.0
    wrong["T1"][LABELS == PUTAMEN] -= 60.0  # half of the gray matter here
    wrong["T2"][LABELS == CSF] = np.nan
    wrong["T2"].ravel()[np.flatnonzero(LABELS == CSF)[0]] = reference["T2"][LABELS == CSF][0] + 8.0
    wrong["T1"][LABELS == SCALP_FAT] = 0.0  # no tissue of the table
    values = tissue_errors(reference, maps_of(**wrong), LABELS)
    values = values.set_index(["tissue", "map", "metric"])["value"]
    assert len(values) == 3 * 3 * 2
    assert values["WM", "T1", "MAE"] == pytest.approx(30.0, rel=1e-4)
    assert values["WM", "T1", "RMSE"] == pytest.approx(30.0, rel=1e-4)
    assert values["GM", "T1", "MAE"] == pytest.approx(30.0, rel=1e-4)
    assert values["GM", "T1", "RMSE"] == pytest.approx(60.0 / np.sqrt(2.0), rel=1e-4)
    assert values["CSF", "T2", "MAE"] == pytest.approx(8.0, rel=1e-4)
    assert values["CSF", "T1", "MAE"] == 0


@pytest.mark.parametrize("gain", [1.0, 250.0])
def test_density_is_compared_whatever_the_gain_of_the_scanner(gain):
    reference = truth()
    rng = np.random.default_rng(1)
    wrong = reference["PD"] * (1.0 + 0.1 * rng.standard_normal(LABELS.shape))
    wrong[LABELS == SCALP_FAT] = 40.0  # has no say in the gain
    maps = maps_of(PD=gain * wrong, T1=reference["T1"], T2=reference["T2"])
    found = tissue_errors(reference, maps, LABELS).set_index(["tissue", "map", "metric"])["value"]
    counted = LABELS != SCALP_FAT
    a, b = wrong[counted].astype(float), reference["PD"][counted].astype(float)
    scale = (a @ b) / (a @ a)
    white = LABELS == WHITE_MATTER
    expected = np.abs(scale * wrong[white] - reference["PD"][white]).mean()
    assert found["WM", "PD", "MAE"] == pytest.approx(expected, rel=1e-4)


def test_published_numbers_are_complete_but_for_those_that_cannot_be_read():
    table = published_table("mlmi-table1").set_index(["method", "metric", "map"])["mean"]
    assert len(table) == 4 * 6 * 3
    assert table["balsiger2018", "WM MAE", "T1"] == 159.4
    assert table["gomez", "CSF RMSE", "T2"] == 286.8
    assert table.isna().sum() == 2 * 3
    mean, rms = (table.xs(metric, level="metric") for metric in ("GM MAE", "GM RMSE"))
    assert (mean < rms).all()


def test_cure_names_a_recipe_that_exists():
    assert "`napari-mrf train fisp-cohen`" in cure(["hoppe2017", "cohen"], sequence="fisp")
    assert "`napari-mrf train RECIPE`" in cure(["hoppe2017"], sequence="fisp")
    words = cure(["song"], trainable="inn-table1")
    assert "`napari-mrf train t1ff-song` or `napari-mrf reproduce inn-table1 --train`" in words
    assert cure([]) == ""
