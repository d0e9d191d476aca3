"""Intervals of agreement hold the truth as often as they say, in the designs of the docs."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

_PATH = Path(__file__).parents[2] / "docs" / "results_coverage.py"
_spec = importlib.util.spec_from_file_location("results_coverage", _PATH)
results = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = results  # where dataclasses look for it
_spec.loader.exec_module(results)

TRIALS, FEW_TRIALS = 2000, 150
LEAST, MOST = 92.0, 98.0


def _name(design):
    return f"{design.name}, {design.subjects} of {design.regions}"


def check(table, trials):
    """Hold percentages to the band, give or take 2.6 standard errors of the simulation."""
    room = 2.6 * np.sqrt(np.array([LEAST, MOST]) * np.array([100 - LEAST, 100 - MOST]) / trials)
    assert np.isfinite(table).all()
    assert (table >= LEAST - room[0]).all(), table
    assert (table <= MOST + room[1]).all(), table


@pytest.mark.parametrize("design", results.DESIGNS, ids=_name)
def test_default_intervals_hold_the_truth_in_every_design(design):
    check(results.coverage(design, FEW_TRIALS, seed=1).loc["default"], FEW_TRIALS)


@pytest.mark.monte_carlo
@pytest.mark.parametrize("design", results.DESIGNS, ids=_name)
def test_default_intervals_hold_the_truth_in_every_design_in_many_trials(design):
    check(results.coverage(design, TRIALS).loc["default"], TRIALS)


def test_intervals_of_independent_regions_hold_the_truth_only_where_regions_are_independent():
    own = results.coverage(results.INDEPENDENT_DESIGN, FEW_TRIALS).loc["independent regions"]
    check(own.drop("icc_2_1"), FEW_TRIALS)  # Satterthwaite's degrees of freedom: 98 %
    clustered = results.coverage(results.DESIGNS[4], FEW_TRIALS).loc["independent regions"]
    assert (clustered < 90).all()


@pytest.mark.parametrize("design", results.DESIGNS[:9:2], ids=_name)
def test_intervals_of_lines_and_ratios_hold_the_truth(design):
    found = results.other_coverage(design, FEW_TRIALS, seed=2)
    several = design.regions > 1
    withheld = [name for name in results.LINES if name.startswith("Passing")]
    assert found[withheld].isna().all() == several
    # With five subjects the ranks of ten slopes leave no level near 95 %.
    check(found.drop(withheld if several or design.subjects < 10 else []), FEW_TRIALS)


def test_truth_of_a_design_is_what_a_large_study_of_it_finds():
    for name in ("normal", "SD doubling"):
        design = next(one for one in results.DESIGNS if (one.name, one.regions) == (name, 12))
        large = results.Design(name, 60_000, 1, growing=design.growing)
        reference, test, _ = large.draw(np.random.default_rng(0))
        differences, truth = reference - test, design.truth()
        (xx, xy), (_, yy) = np.cov(reference, test)
        bias, sd = differences.mean(), differences.std()
        assert bias == pytest.approx(truth["bias"], abs=0.4)
        assert bias - 1.96 * sd == pytest.approx(truth["lower"], abs=1.0)
        assert bias + 1.96 * sd == pytest.approx(truth["upper"], abs=1.0)
        assert 2 * xy / (xx + yy) == pytest.approx(truth["icc_3_1"], abs=2e-3)
        assert 2 * xy / (xx + yy + bias**2) == pytest.approx(truth["ccc"], abs=2e-3)
