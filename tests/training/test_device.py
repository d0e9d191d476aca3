"""Training data and steps on a GPU: the same examples, the same weights."""

import numpy as np
import pytest
import skips
import torch
from phantom_cases import all_of, patches

from napari_mrf.training.data.batches import Kept
from napari_mrf.training.data.patches_on_device import PatchesOnDevice
from napari_mrf.training.loop.checkpoint import Progress, load_checkpoint, save_checkpoint
from napari_mrf.training.loop.loop import train
from napari_mrf.training.loop.processes import Processes
from napari_mrf.training.loop.step import Stepper
from napari_mrf.training.recipe import Recipe
from napari_mrf.training.run import prepare

CPU = torch.device("cpu")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason=skips.NO_GPU)


def small_recipe(network="cohen", **optimisation):
    return Recipe.model_validate(
        {
            "network": network,
            "maps": {"FF": {"lower": 0, "upper": 1}, "T1H2O": {"lower": 500, "upper": 3000},
                     "T1fat": {"lower": 200, "upper": 400}, "Df": {"lower": -100, "upper": 100},
                     "B1": {"lower": 0.4, "upper": 1.1}},
            "data": {"kind": "random", "tissues": 400, "validation_tissues": 100},
            "optimisation": {"batch": 50, "epochs": 2, **optimisation},
        }
    )  # fmt: skip


@pytest.mark.parametrize("margin", [0, 2])
def test_patches_cut_at_once_are_those_cut_one_by_one(slices, normalization, margin):
    data = patches(slices, normalization, noise=1e-12, margin=margin)
    expected = all_of(data)
    cutter = PatchesOnDevice(slices, range(5), patch=6, margin=margin, device=CPU)
    signals, maps, counted, has_noise = cutter.cut(torch.from_numpy(data._places))
    torch.testing.assert_close(signals, expected.signals, rtol=0, atol=1e-9)
    assert torch.equal(counted, expected.counted)
    torch.testing.assert_close(
        normalization.scaled(maps), expected.maps, rtol=0, atol=0, equal_nan=True
    )
    wanted = [slices[index].is_undersampled for index in data._places[:, 0]]
    assert has_noise.tolist() == wanted
    assert len(set(data._places[:, 3].tolist())) == 8, "all turns are among them"


def test_tensors_are_brought_to_a_device_once():
    kept = Kept(torch.arange(3), torch.zeros(2))
    there = kept.on(torch.device("meta"))
    assert [one.device.type for one in there] == ["meta", "meta"]
    assert kept.on(torch.device("meta")) is there
    assert kept.on(CPU)[0].tolist() == [0, 1, 2]


def test_card_names_the_machine_that_trained(tmp_path):
    recipe = small_recipe()
    _, trained, training, validation = prepare(recipe)
    optimizer = Stepper(recipe, trained, Processes()).optimizer
    for step in train(recipe, trained, training, validation):  # noqa: B007 - the last one counts
        pass
    assert step.progress.trained_on.startswith("CPU, ")
    elsewhere = Progress(trained_on="a GPU far away")
    save_checkpoint(tmp_path / "some", trained, optimizer, trained.state_dict(), elsewhere, recipe)
    assert load_checkpoint(tmp_path / "some", trained, optimizer, recipe)[1] == elsewhere


@needs_cuda
@pytest.mark.parametrize("network", ["cohen", "inn", "oksuz", "blochnet"])
def test_recorded_steps_train_as_plain_ones(network):
    recipe = small_recipe(network, largest_gradient=1.0)
    weights = []
    for is_recorded in (True, False):
        _, trained, training, _ = prepare(recipe)
        stepper = Stepper(recipe, trained.to("cuda"), Processes(device=torch.device("cuda:0")))
        assert stepper._recorded is not None
        if not is_recorded:
            stepper._recorded = None
        generator = torch.Generator("cuda").manual_seed(0)
        for count in (50,) * 8 + (20,) + (50,) * 3:
            stepper.step(training.batch(torch.arange(count), generator), 1e-3)
        weights.append(torch.cat([one.detach().flatten() for one in trained.parameters()]).cpu())
    assert np.abs((weights[0] - weights[1]).numpy()).max() < 1e-4


@needs_cuda
def test_training_on_a_gpu_learns_what_the_cpu_learns():
    scores = []
    for device in ("cpu", "cuda:0"):
        recipe = small_recipe(epochs=20)
        _, trained, training, validation = prepare(recipe)
        steps = train(recipe, trained, training, validation, device=torch.device(device))
        *_, step = steps
        scores.append(step.progress.best_r_squared)
    assert scores[1] == pytest.approx(scores[0], abs=0.05)
