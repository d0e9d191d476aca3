"""Figures 3 and 4 of the INN paper, and the trainings of its networks."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from reproduction_cases import save_untrained

from napari_mrf import MRFInputError, cli
from napari_mrf.data import sequences
from napari_mrf.networks.weights import load_network
from napari_mrf.reproduction.experiment import Settings
from napari_mrf.reproduction.found_networks import found_networks, trained_alike
from napari_mrf.reproduction.inn import fig3, fig4, table1
from napari_mrf.reproduction.inn.data import inn_test


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    save_untrained(folder, "inn")
    return save_untrained(folder, "inn-backward", seed=1)


def test_benefit_is_the_error_of_the_other_network_minus_that_of_the_inn(pair, monkeypatch):
    monkeypatch.setattr(fig3, "_QUICK", 400)
    outcome = fig3.run(Settings(quick=True, weights=pair))
    table = outcome.tables["inn-fig3"]
    table = table[table["other"] == "inn-backward"]
    test = inn_test(400)
    found = {}
    for name in ("inn", "inn-backward"):
        trained, _ = load_network(pair / f"{name}.json")
        with torch.no_grad():
            found[name] = trained(torch.from_numpy(test.signals)).double().numpy()
    cell = table[(table["map"] == "T1fat")].iloc[3]
    rows = np.isclose(test.truth[:, 0], cell["FF"]) & np.isclose(test.truth[:, 1], cell["T1H2O"])
    true = test.truth[rows, 2]
    by_hand = 100 * np.mean(
        (abs(found["inn-backward"][rows, 2] - true) - abs(found["inn"][rows, 2] - true)) / true
    )
    assert cell["benefit"] == pytest.approx(by_hand, rel=1e-4)
    assert cell["n"] == rows.sum()
    assert "inn-backward - inn" in outcome.text


def test_networks_are_compared_only_when_they_were_trained_alike(pair, tmp_path):
    other = save_untrained(tmp_path, "inn-backward", sigma=0.03)
    networks, _ = found_networks(["inn", "inn-backward"], sequences.t1ff(), [pair, other])
    by_noise = {(one.name, one.training.split(",")[0]): one for one in networks if one.path}
    inn = by_noise["inn", "noise 0.003"]
    assert trained_alike(inn, by_noise["inn-backward", "noise 0.003"])
    assert not trained_alike(inn, by_noise["inn-backward", "noise 0.03"])
    # A record from before a key existed says the same as one with that key's default.
    earlier = {key: value for key, value in inn.card.recipe.items() if key != "init"}
    inn = replace(inn, card=inn.card.model_copy(update={"recipe": earlier}))
    assert trained_alike(inn, by_noise["inn-backward", "noise 0.003"])


def test_forward_and_backward_errors_are_those_of_the_network(pair, monkeypatch):
    monkeypatch.setattr(fig4, "_QUICK", 300)
    outcome = fig4.run(Settings(quick=True, weights=pair))
    table = outcome.tables["inn-fig4"]
    of_pair = table[table["training"].str.startswith("noise 0.003,")].reset_index(drop=True)
    test = inn_test(300)
    trained, _ = load_network(pair / "inn.json")
    with torch.no_grad():
        inputs = trained.normalization.canonical(torch.from_numpy(test.signals))
        maps = trained.normalization.scaled(torch.from_numpy(test.truth).float())
        simulated = trained.network.simulate(maps).flatten(1).double().numpy()
        values = trained(torch.from_numpy(test.signals)).double().numpy()
    measured = inputs.flatten(1).double().numpy()
    for row in (0, 17):
        product = measured[row] @ simulated[row]
        product /= np.linalg.norm(measured[row]) * np.linalg.norm(simulated[row])
        assert of_pair["product_true"][row] == pytest.approx(product, abs=1e-5)
        error = np.mean(np.abs(values[row] - test.truth[row]) / np.abs(test.truth[row]))
        assert of_pair["relative_error"][row] == pytest.approx(100 * error, rel=1e-4)
    assert "-0.301" in outcome.text
    assert len(outcome.figures) == 1


def test_correlation_of_a_falling_relation_is_minus_one():
    table = pd.DataFrame({"relative_error": [1.0, 2, 3, 4], "product_true": [0.9, 0.8, 0.5, 0.1],
                          "product_estimated": [0.1, 0.2, 0.3, 0.4]})  # fmt: skip
    rows = {one["fingerprint"]: one["spearman"] for one in fig4.spearman(table)}
    assert rows == {"true maps": pytest.approx(-1), "estimated maps": pytest.approx(1)}


def test_figure_that_needs_an_inn_says_how_to_get_one(monkeypatch):
    monkeypatch.setattr("napari_mrf.reproduction.found_networks.installed", dict)
    for run in (fig3.run, fig4.run):
        with pytest.raises(MRFInputError) as caught:
            run(Settings(quick=True))
        assert caught.value.code == "missing-weights"
        assert "napari-mrf train t1ff-inn" in str(caught.value)


def test_paper_recipe_is_that_of_the_paper():
    recipe = table1.paper_recipe("song", 0.03)
    assert (recipe.network, recipe.data.kind, recipe.optimisation.epochs) == (
        "song",
        "inn-grid",
        80,
    )
    assert (recipe.noise.sigma_lower, recipe.noise.sigma_upper) == (0.03, 0.03)
    assert recipe.optimisation.learning_rate in (0.01, 0.001, 0.0005, 0.0001)
    assert recipe.optimisation.batch in (50, 200)


def test_trainings_in_full_are_done_once_and_marked_reduced_within_minutes(tmp_path, monkeypatch):
    asked = []

    def remember(recipe, folder, device):
        asked.append((recipe.network, recipe.noise.sigma_lower, recipe.is_reduced, folder.name))
        yield from ()

    monkeypatch.setattr(table1, "run_training", remember)
    done = tmp_path / "weights" / "noise-0.003" / "cohen.json"
    done.parent.mkdir(parents=True)
    done.write_text("{}")
    settings = Settings(folder=tmp_path, minutes=2.0)
    assert table1.train_in_full(["cohen", "inn"], settings) == tmp_path / "weights"
    assert asked == [
        ("inn", 0.003, True, "noise-0.003"),
        ("cohen", 0.03, True, "noise-0.03"),
        ("inn", 0.03, True, "noise-0.03"),
    ]


def test_training_in_full_needs_a_folder():
    with pytest.raises(MRFInputError, match="needs a folder for the networks"):
        table1.train_in_full(["cohen"], Settings(train=True))


def test_quick_training_shows_both_readings_of_the_noise(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(table1, "_QUICK_TISSUES", 2000)
    monkeypatch.setattr(table1, "_QUICK_NETWORKS", ("cohen",))
    monkeypatch.setattr(table1, "_QUICK", 300)
    monkeypatch.setattr(table1, "_QUICK_MATCHED", 20)
    folder = str(tmp_path)
    assert cli.main(["reproduce", "inn-table1", "--quick", "--train", "--output", folder]) == 0
    capsys.readouterr()
    table = pd.read_csv(tmp_path / "inn-table1.csv")
    r_squared = table[table["metric"] == "R2"].set_index(["training", "test_sigma", "map"])["mean"]
    for sigma in table1.READINGS:
        words = f"noise {sigma:g}, 60 batches only (--quick --train)"
        assert r_squared[words, 0.0, "Df"] > 0.5  # something was learned
