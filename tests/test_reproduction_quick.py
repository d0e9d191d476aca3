"""Every experiment in its quick form, as continuous integration runs it."""

import time
from pathlib import Path

import pytest
from reproduction_cases import save_untrained

from napari_mrf.reproduction.experiment import Settings
from napari_mrf.reproduction.experiments import EXPERIMENTS, run_experiment
from napari_mrf.reproduction.save import save_outcome

REAL_THIGH = Path(__file__).parents[2] / "shared" / "data" / "thigh" / "thigh_maps.npz"


@pytest.mark.slow
def test_all_quick_experiments_take_less_than_five_minutes(tmp_path):
    weights = save_untrained(tmp_path / "weights", "inn", "inn-backward")
    maps = REAL_THIGH if REAL_THIGH.exists() else None
    settings = Settings(quick=True, weights=weights, maps=maps)
    started_s = time.process_time()
    for name in EXPERIMENTS:
        outcome = run_experiment(name, settings)
        assert "|---|" in outcome.text
        assert all(len(table) for table in outcome.tables.values())
        files = save_outcome(name, outcome, tmp_path / name, settings)
        assert {path.suffix for path in files} == {".md", ".csv", ".png", ".svg", ".json"}
    # Of all cores together, so that other work on the machine does not count.
    assert time.process_time() - started_s < 300
