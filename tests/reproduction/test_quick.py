"""Every experiment in its quick form, as continuous integration runs it, and what they show."""

import time

import numpy as np
import pytest
from places import SHARED
from reproduction_cases import save_untrained

from napari_mrf import cli
from napari_mrf.analysis.images.blurriness import high_frequency_energy
from napari_mrf.reproduction.blochnet.data import synthetic
from napari_mrf.reproduction.experiment import Settings
from napari_mrf.reproduction.experiments import EXPERIMENTS, run_experiment
from napari_mrf.reproduction.media.subjects import subjects
from napari_mrf.reproduction.save import save_outcome

REAL_THIGH = SHARED / "data" / "thigh" / "thigh_maps.npz"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    weights = save_untrained(tmp_path_factory.mktemp("weights"), "inn", "inn-backward")
    maps = REAL_THIGH if REAL_THIGH.exists() else None
    return Settings(quick=True, weights=weights, maps=maps)


@pytest.fixture(scope="module")
def outcomes(settings):
    """Outcomes by name, and the seconds of all cores together that they took."""
    started_s = time.process_time()
    found = {name: run_experiment(name, settings) for name in EXPERIMENTS}
    # Other work on the machine does not count.
    return found, time.process_time() - started_s


def test_all_quick_experiments_take_less_than_five_minutes(outcomes):
    assert outcomes[1] < 300


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiment_gives_tables_and_figures(name, outcomes, settings, tmp_path):
    outcome = outcomes[0][name]
    assert "|---|" in outcome.text
    assert all(len(table) for table in outcome.tables.values())
    files = save_outcome(name, outcome, tmp_path / name, settings)
    assert {path.suffix for path in files} == {".md", ".csv", ".png", ".svg", ".json"}


def test_tables_of_blochnet_are_printed_beside_the_paper_and_matching_fails_across_sequences(
    outcomes, capsys
):
    tables = {}
    for number in "12":
        outcome = outcomes[0][f"blochnet-table{number}"]
        table = outcome.tables[f"blochnet-table{number}"]
        tables[number] = table.set_index(["method", "data"])["mse"]
        assert "| blochnet | 0." in outcome.text
    assert tables["1"]["dictionary matching", "synthetic"] < 0.05
    for data in ("synthetic", "phantom", "anatomical"):
        assert tables["2"]["dictionary matching", data] > 0.2
    # The error of always saying the mean is the variance.
    guess = np.log(synthetic(5000, seed=9)).var(axis=0).mean()
    for method in ("fc", "rnn", "fc-fc", "rnn-rnn", "blochnet"):
        assert tables["1"][method, "synthetic"] < 0.7 * guess
    assert cli.main(["reproduce", "--list"]) == 0
    assert "blochnet-table2" in capsys.readouterr().out


def test_errors_fall_with_the_noise_and_matching_keeps_to_the_bound(outcomes):
    outcome = outcomes[0]["inn-fig2"]
    table = outcome.tables["inn-fig2"]
    means = table.set_index(["method", "training", "map", "snr_db"])["mean"].groupby(
        level=["method", "map", "snr_db"]
    ).first()  # fmt: skip
    for method in ("cohen", "water-fat", "bound"):
        for key in ("FF", "T1H2O", "T1fat", "Df", "B1"):
            assert means[method, key, 40] < means[method, key, 10]
    assert 0.4 < means["water-fat", "FF", 40] / means["bound", "FF", 40] < 2.5
    # At 30 dB less noise the bound falls nearly by 10^(30/20), the prior mattering no more.
    assert means["bound", "Df", 10] / means["bound", "Df", 40] == pytest.approx(31.6, rel=0.1)
    assert (table.loc[table["method"] == "cohen", "sd_of_draws"] > 0).all()
    assert len(outcome.figures["inn-fig2"].axes) == 6


def test_blurriness_of_the_truth_stands_beside_the_methods(outcomes, settings):
    table = outcomes[0]["media-fig5"].tables["media-fig5"]
    assert {"truth", "water-fat", "cohen"} <= set(table["method"])
    of = table[(table["method"] == "truth") & (table["map"] == "FF")].sort_values("percentile")
    assert (np.diff(of["mean"]) < 0).all()
    expected = np.mean(
        [
            high_frequency_energy(one.truth["FF"], one.mask, [55.0])[0, 0]
            for one in subjects(settings)
        ]
    )
    assert of["mean"].iloc[0] == pytest.approx(expected, rel=0.05)  # where all have a value


def test_importance_is_given_for_every_chosen_frame(outcomes):
    outcome = outcomes[0]["media-fig7"]
    table = outcome.tables["media-fig7"]
    frames = table.loc[table["map"] == "T1H2O", "frame"]
    assert list(frames) == list(range(0, 175, 25))
    assert (table["nrmse_change_mean"] >= 0).all()
    assert (table.groupby("map")["nrmse_change_mean"].max() > 0).all()
    assert "first 5 frames over the mean" in outcome.text
