"""Confused units are found by medians; single values never are a reason."""

import numpy as np
import pytest

from napari_mrf.analysis.images.unit_checks import check_same_units, check_units
from napari_mrf.data.maps import ParameterMaps
from napari_mrf.errors import MRFInputError

SHAPE = (1, 20, 20)


def maps(**factors):
    random = np.random.default_rng(0)
    values = {
        "FF": random.uniform(0, 0.6, SHAPE),
        "T1H2O": random.normal(1300, 80, SHAPE),
        "T1fat": random.normal(320, 20, SHAPE),
        "T2": random.normal(40, 5, SHAPE),
        "Df": random.normal(20, 30, SHAPE),
        "B1": random.normal(0.9, 0.1, SHAPE),
    }
    return ParameterMaps({key: v * factors.get(key, 1) for key, v in values.items()})


WRONG = [
    ("T1H2O", 1e-3, "seconds"),
    ("T1fat", 1e-3, "seconds"),
    ("T2", 1e-3, "seconds"),
    ("FF", 100, "percent"),
    ("B1", 100, "percent"),
    ("T1H2O", 1e3, "microseconds"),
]


@pytest.mark.parametrize(("key", "factor", "guess"), WRONG)
def test_median_in_another_unit_is_an_error_that_names_it(key, factor, guess):
    with pytest.raises(MRFInputError, match=f"{key} of the reference.*{guess}") as caught:
        check_units(maps(**{key: factor}), what="the reference")
    assert caught.value.code == "unit-conflict"


@pytest.mark.parametrize(("key", "factor", "guess"), [*WRONG, ("Df", 2 * np.pi, "rad/s")])
@pytest.mark.parametrize("swap", [False, True])
def test_two_reconstructions_in_different_units_are_an_error(key, factor, guess, swap):
    pair = [maps(), maps(**{key: factor})]
    with pytest.raises(MRFInputError, match=f"{key}.*Nothing was rescaled") as caught:
        check_same_units(*(pair[::-1] if swap else pair))
    assert caught.value.code == "unit-conflict"


def test_right_units_pass_whatever_single_voxels_hold():
    wild = maps()
    for key in wild:
        wild[key][0, :4] = 1e6
        wild[key][0, 4:8] = -5
    check_units(wild)
    check_same_units(maps(), wild)
    check_units(ParameterMaps({"T1H2O": np.full(SHAPE, np.nan)}))


def test_large_errors_of_a_method_are_no_conflict():
    random = np.random.default_rng(3)
    bad = maps(T1H2O=2.5, B1=0.5, FF=1.6)
    bad["Df"] = random.normal(0, 120, SHAPE)
    check_units(bad)
    check_same_units(maps(), bad)


def test_times_of_exactly_zero_outside_the_patient_are_no_seconds():
    padded = maps()
    padded["T1H2O"][0, 3:] = 0
    check_units(padded)


def test_only_voxels_of_the_mask_count():
    outside = maps()
    outside["T1H2O"][0, 3:] = 1
    mask = np.zeros(SHAPE, bool)
    mask[0, :3] = True
    check_units(outside, mask)
    with pytest.raises(MRFInputError, match="T1H2O"):
        check_units(outside)


def test_percent_of_lean_muscle_is_told_though_its_median_passes():
    lean = np.random.default_rng(5).uniform(0.2, 1.4, SHAPE)
    (told,) = check_units(ParameterMaps({"FF": lean}), what="the maps")
    n = int((lean > 1.001).sum())
    assert told.startswith(f"FF of the maps exceeds 1 in {n} of 400 voxels, up to 1.4")
    assert "percent" in told
    assert check_units(ParameterMaps({"FF": lean / 100})) == []
    assert check_units(maps()) == []
    # Rounding of a fraction of 1 is no percent.
    assert check_units(ParameterMaps({"FF": np.full(SHAPE, 1 + 1e-6)})) == []


def test_percent_are_found_beside_zeros_outside_the_patient():
    padded = maps(FF=100)
    padded["FF"][0, 5:] = 0
    padded["T1H2O"][0, 5:] = 0
    with pytest.raises(MRFInputError, match=r"FF.*percent"):
        check_units(padded)
