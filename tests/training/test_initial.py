"""Fine-tuning: training that begins with weights."""

import json

import numpy as np
import pytest
import torch
from places import REPOSITORY
from training_cases import MAPS, finish, recipe, toml

from napari_mrf import MRFInputError, simulate
from napari_mrf.cli import main
from napari_mrf.data import sequences
from napari_mrf.networks.weights import load_network
from napari_mrf.training.data.tissue import inn_test_grid, random_tissues
from napari_mrf.training.evaluation import estimates, with_noise
from napari_mrf.training.recipe import Recipe
from napari_mrf.training.run import prepare, run

# Little fat: where there is no water, no training tells its T1.
LONG_T1 = {**MAPS, "FF": {"lower": 0.0, "upper": 0.3}, "T1H2O": {"lower": 2200.0, "upper": 3000.0}}


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A card of `cohen` that was trained a little."""
    folder = tmp_path_factory.mktemp("start")
    few = {key: values[::50] for key, values in inn_test_grid().items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_mrf.training.finishing.inn_test_grid", lambda: few)
        finish(run(recipe(epochs=60), folder))
    return folder / "cohen.json"


def fine(init, maps=LONG_T1, **changes):
    plan = recipe(maps=maps, epochs=8).model_dump()
    plan["data"]["tissues"] = 4000
    return Recipe.model_validate({**plan, "init": str(init), **changes})


def error_on(card_path, maps):
    """Mean absolute error on fresh tissues within ranges, in shares of the ranges."""
    trained, _ = load_network(card_path)
    tissues = random_tissues(Recipe.model_validate({"network": "cohen", "maps": maps}).maps, 800, 9)
    signals = with_noise(simulate(sequences.t1ff(), tissues), 0.005, seed=1)
    found = estimates(trained, signals, torch.device("cpu"))
    truth = np.stack([tissues[key] for key in maps], axis=1)
    widths = np.array([one["upper"] - one["lower"] for one in MAPS.values()])
    return float(np.mean(np.abs(found - truth) / widths))


def test_few_epochs_on_a_shifted_range_lower_the_error_there(tmp_path, start, few_test_tissues):
    (tmp_path / "a.toml").write_text(toml(fine(start)))
    arguments = ["train", str(tmp_path / "a.toml"), "--output", str(tmp_path), "--init", str(start)]
    assert main(arguments) == 0
    tuned = tmp_path / "cohen.json"
    assert error_on(tuned, LONG_T1) < 0.8 * error_on(start, LONG_T1)
    before, after = load_network(start), load_network(tuned)
    # What it was trained for, it keeps: scales and the reference of the phase.
    assert after[1].maps == before[1].maps
    for key, value in before[0].normalization.state_dict().items():
        assert torch.equal(after[0].normalization.state_dict()[key], value), key
    assert after[1].init is not None
    assert after[1].init.weights_sha256 == before[1].weights_sha256
    assert after[1].init.name == "cohen"
    assert before[1].init is None
    assert json.loads(tuned.read_text())["recipe"]["init"] == "cohen.json"


def test_training_begins_with_the_weights(start):
    trained = prepare(fine(start))[1]
    for key, value in load_network(start)[0].state_dict().items():
        assert torch.equal(trained.state_dict()[key], value), key


def test_installed_weights_are_found_by_name():
    trained = prepare(
        Recipe.model_validate(
            {
                "network": "cohen",
                "init": "cohen",
                "maps": {
                    "FF": {"lower": 0.0, "upper": 0.5},
                    "T1H2O": {"lower": 900.0, "upper": 1500.0},
                    "T1fat": {"lower": 200.0, "upper": 400.0},
                    "Df": {"lower": -50.0, "upper": 50.0},
                    "B1": {"lower": 0.5, "upper": 1.0},
                },
                "data": {"tissues": 100, "validation_tissues": 10},
            }
        )
    )[1]
    shipped = REPOSITORY / "napari_mrf" / "weights"
    paths = [path for path in shipped.glob("*/cohen.json") if "t1ff" in str(path)]
    expected = load_network(paths[0])[0].state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in trained.state_dict().items())


def test_weights_that_do_not_fit_are_refused_in_one_sentence(start):
    wider = {**MAPS, "T1H2O": {"lower": 500.0, "upper": 3500.0}}
    fewer = {key: MAPS[key] for key in ("T1H2O", "FF", "T1fat")}
    relaxation = {
        "T1": {"lower": 100.0, "upper": 3000.0}, "T2": {"lower": 10.0, "upper": 300.0}
    }  # fmt: skip
    cases = [
        (fine(start, network="fc"), "bad-init", "another network"),
        (fine(start, maps=fewer), "bad-init", "other maps"),
        (fine(start, maps=wider), "bad-init", "T1H2O"),
        (fine(start, maps=relaxation, sequence="fisp"), "wrong-sequence", "another sequence"),
        (fine("nonesuch"), "missing-weights", "nonesuch"),
        (fine("nonesuch.json"), "missing-weights", "nonesuch.json"),
    ]
    for plan, code, words in cases:
        with pytest.raises(MRFInputError) as caught:
            prepare(plan)
        assert caught.value.code == code
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


def test_half_precision_changes_nothing_on_the_cpu(tmp_path, few_test_tissues):
    found = []
    for precision in ("float32", "bfloat16", "float16"):
        plan = recipe(epochs=2, precision=precision, largest_gradient=0.5)
        finish(run(plan, tmp_path / precision))
        found.append(load_network(tmp_path / precision / "cohen.json")[0].state_dict())
    for other in found[1:]:
        assert all(torch.equal(value, other[key]) for key, value in found[0].items())
