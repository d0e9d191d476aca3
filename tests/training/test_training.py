"""Training: recipes, resumption to the last bit, what is written, and a network that learns."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import kills
import numpy as np
import pytest
import torch
from training_cases import FEW_TESTS, MAPS, finish, recipe, toml

from napari_mrf import MRFInputError
from napari_mrf.data import sequences
from napari_mrf.networks.weights import load_network
from napari_mrf.training.data.tissue import inn_test_grid, inn_training_grid, random_tissues
from napari_mrf.training.evaluation import metrics, r_squared, with_noise
from napari_mrf.training.loop.step import GENERATIVE, loss_of
from napari_mrf.training.recipe import Recipe, load_recipe, shipped_recipes
from napari_mrf.training.run import run


def weights_of(folder, name="cohen"):
    return load_network(folder / f"{name}.json")[0].state_dict()


def test_grids_are_those_of_the_paper():
    training, testing = inn_training_grid(), inn_test_grid()
    assert len(training["FF"]) == 396_000
    assert len(testing["FF"]) == 33_600
    # No test tissue is a training tissue, and every one lies between them.
    for key in training:
        assert not set(np.round(testing[key], 6)) & set(np.round(training[key], 6))
        assert training[key].min() < testing[key].min()
        assert testing[key].max() < training[key].max()


def test_random_tissues_fill_their_ranges_and_are_possible():
    ranges = Recipe.model_validate(
        {
            "network": "cohen",
            "sequence": "fisp",
            "maps": {
                "T1": {"lower": 100, "upper": 4000, "logarithmic": True},
                "T2": {"lower": 10, "upper": 2000, "logarithmic": True},
            },
        }
    ).maps
    tissues = random_tissues(ranges, 5000, seed=1)
    assert len(tissues["T1"]) == 5000
    assert np.all(tissues["T2"] <= tissues["T1"])
    assert tissues["T1"].min() < 150
    assert tissues["T1"].max() > 3500
    np.testing.assert_array_equal(tissues["T2"], random_tissues(ranges, 5000, seed=1)["T2"])


@pytest.mark.parametrize("network", ["cohen", "inn", "fc-fc"])
def test_training_lowers_the_loss_and_writes_what_it_says(tmp_path, few_test_tissues, network):
    steps = run(recipe(network, epochs=4), tmp_path)
    losses = []
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            card = stop.value
            break
        if step.share == 0.0:
            losses.append(step.loss)
    assert losses[-1] < losses[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{network}.json", f"{network}.metrics.csv", f"{network}.safetensors"]  # fmt: skip
    assert card.sequence_fingerprint == sequences.t1ff().fingerprint()
    assert [one.key for one in card.maps] == list(MAPS)
    assert {one.sigma for one in card.metrics} == {0.003, 0.00877, 0.03}
    assert "672 fingerprints" in card.test_data
    assert card.n_epochs == 4


def test_interrupted_and_resumed_is_the_same_as_uninterrupted(tmp_path, few_test_tissues):
    finish(run(recipe(), tmp_path / "whole"))
    broken = run(recipe(), tmp_path / "broken")
    for step in broken:
        if step.epoch == 2:
            break
    broken.close()
    assert (tmp_path / "broken" / "cohen.checkpoint").exists()
    finish(run(recipe(), tmp_path / "broken"))
    whole, resumed = weights_of(tmp_path / "whole"), weights_of(tmp_path / "broken")
    for key, value in whole.items():
        assert torch.equal(value, resumed[key]), key


KILLS = """
from itertools import count
from pathlib import Path
from kills import killed, temporary_names

def train(folder, *options):
    assert main(["train", "plan.toml", "--output", folder, *options]) == 0

def train_until(name, number, *options):
    numbers = count(1)
    def is_moment(event, path):
        return event == "os.rename" and path.name == name and next(numbers) == number
    assert killed(lambda: train("killed", *options), is_moment)

card, checkpoint = Path("killed/cohen.json"), Path("killed/cohen.checkpoint")
train_until("cohen.checkpoint", 2)  # while it is written
assert checkpoint.exists() and not card.exists() and temporary_names(card.parent)
train_until("cohen.json", 1)
assert Path("killed/cohen.training.svg").exists()  # the card comes last
assert checkpoint.exists() and not card.exists()
train("killed")
assert card.exists() and not checkpoint.exists() and not temporary_names(card.parent)
train_until("cohen.checkpoint", 3, "--overwrite")
train("killed")  # goes on, without being told again
assert not checkpoint.exists()
train("whole")
"""


@pytest.mark.slow
def test_killed_and_resumed_is_the_same_as_uninterrupted(tmp_path):
    plan = recipe(epochs=4)
    (tmp_path / "plan.toml").write_text(toml(plan))
    assert load_recipe(tmp_path / "plan.toml").model_dump() == plan.model_dump()
    tests = str(Path(kills.__file__).parent)
    search = os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": search}
    command = [sys.executable, "-c", FEW_TESTS + KILLS]
    subprocess.run(command, env=environment, cwd=tmp_path, check=True)
    whole, resumed = weights_of(tmp_path / "whole"), weights_of(tmp_path / "killed")
    for key, value in whole.items():
        assert torch.equal(value, resumed[key]), key


def test_checkpoint_of_another_recipe_or_broken_is_refused(tmp_path):
    broken = run(recipe(), tmp_path)
    next(step for step in broken if step.epoch == 1)
    broken.close()
    with pytest.raises(MRFInputError) as caught:
        finish(run(recipe(learning_rate=0.5), tmp_path))
    assert caught.value.code == "bad-checkpoint"
    checkpoint = tmp_path / "cohen.checkpoint"
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    with pytest.raises(MRFInputError) as caught:
        finish(run(recipe(), tmp_path))
    assert caught.value.code == "bad-checkpoint"


def test_loss_is_that_of_the_papers():
    class Both(torch.nn.Module):
        def forward(self, fingerprints):
            return torch.full((len(fingerprints), 2), 0.5)

        def simulate(self, maps):
            return maps.sum() * torch.ones(len(maps), 2, 3)

    fingerprints, maps = torch.zeros(4, 2, 3), torch.ones(4, 2)
    backward = 0.25
    assert loss_of("cohen", Both(), fingerprints, maps, 1.0).item() == pytest.approx(backward)
    # inn: the fingerprint of the true maps, whose sum is 8; the others: of the estimated, 4.
    assert loss_of("inn", Both(), fingerprints, maps, 0.5).item() == pytest.approx(backward + 32)
    assert loss_of("fc-fc", Both(), fingerprints, maps, 0.5).item() == pytest.approx(backward + 8)
    assert loss_of("inn-backward", Both(), fingerprints, maps, 1.0).item() == backward
    assert "inn-backward" not in GENERATIVE


def test_metrics_by_hand():
    truth = np.array([[0.0, -10.0], [1.0, 0.0], [2.0, 10.0]])
    found = truth + np.array([[0.5, 1.0], [0.5, -1.0], [-1.0, 1.0]])
    first, second = metrics(["FF", "Df"], truth, found, 0.01)
    assert first.mean_absolute_error == pytest.approx(2 / 3)
    # True zero left out: 50 % and 50 %.
    assert first.mean_relative_error_percent == pytest.approx(50.0)
    assert first.r_squared == pytest.approx(1 - 1.5 / 2)
    assert second.mean_relative_error_percent is None
    assert r_squared(truth[:, 1], truth[:, 1]) == 1.0


def test_noise_has_the_level_that_is_said():
    signals = np.ones((400, 175), np.complex64) * 7
    noisy = with_noise(signals, 0.02, seed=3)
    noise = noisy - 1 / np.sqrt(175)
    assert noise.real.std() == pytest.approx(0.02, rel=0.02)
    assert noise.imag.std() == pytest.approx(0.02, rel=0.02)


@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipes_are_valid(name):
    plan = load_recipe(name)
    assert name.endswith(plan.network)
    assert set(plan.maps) <= set(sequences.load(plan.sequence).parameters)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("network = ", "valid TOML"),
        ('network = "resnet"\n[maps]\nFF = { lower = 0, upper = 1 }', "resnet"),
        ('network = "cohen"\n[maps]\nXX = { lower = 0, upper = 1 }', "XX"),
        ('network = "cohen"\n[maps]\nFF = { lower = 1, upper = 0 }', "lower must be smaller"),
        ('network = "cohen"\nlearning = 1\n[maps]\nFF = { lower = 0, upper = 1 }', "learning"),
        ('network = "cohen"\n[maps]\nFF = { lower = 0, upper = 1 }\n[noise]\nsigma_lower = 1.0',
         "sigma_lower"),
    ],
)  # fmt: skip
def test_bad_recipes_are_refused_and_the_place_is_named(tmp_path, text, found):
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(MRFInputError) as caught:
        load_recipe(path)
    assert caught.value.code == "bad-recipe"
    assert found in str(caught.value)


def test_map_that_the_sequence_does_not_hold_is_refused(tmp_path):
    plan = Recipe.model_validate(
        {"network": "cohen", "sequence": "fisp", "maps": {"FF": {"lower": 0, "upper": 1}}}
    )
    with pytest.raises(MRFInputError) as caught:
        next(run(plan, tmp_path))
    assert caught.value.code == "bad-recipe"


def test_course_of_a_training_is_in_the_steps(tmp_path):
    steps = list(itertools.islice(run(recipe(), tmp_path), 9))
    # 400 fingerprints in batches of 50: eight shares of an epoch, then its end.
    assert [round(step.share, 3) for step in steps[:8]] == [
        0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0]  # fmt: skip
    assert steps[8].epoch == 1
    assert json.dumps(steps[8].progress.history)
