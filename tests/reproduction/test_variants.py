"""Networks that an experiment trains itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_mrf.errors import MRFInputError
from napari_mrf.networks.zoo import network_info
from napari_mrf.reproduction.experiment import Settings
from napari_mrf.reproduction.media.trainings import KEYS, phantoms_recipe, sized, steps_of
from napari_mrf.reproduction.rinq.table1 import SIGNALS, _variant
from napari_mrf.reproduction.variants import OfMagnitudes, Variant, VoxelByVoxel, errors_of


@pytest.fixture
def variant():
    return Variant("small", sized(3, 400_000), phantoms_recipe(quick=True))


def random_images(*size):
    return torch.randn(size, generator=torch.Generator().manual_seed(0))


def test_a_network_for_fingerprints_gives_every_voxel_what_it_gives_alone():
    network = network_info("cohen").build(175, 5).eval()
    images = random_images(2, 2, 175, 3, 4)
    with torch.no_grad():
        maps = VoxelByVoxel(network)(images)
        alone = network(images[1, :, :, 2, 3][None])
    assert maps.shape == (2, 5, 3, 4)
    torch.testing.assert_close(maps[1, :, 2, 3][None], alone)


def test_magnitudes_do_not_know_the_phase():
    network = OfMagnitudes(replace(network_info("rinq"), arguments={"n_channels": 1}).build(175, 5))
    network.eval()
    images = random_images(1, 2, 175, 4, 4)
    turned = torch.stack([-images[:, 1], images[:, 0]], dim=1)  # by a quarter
    with torch.no_grad():
        torch.testing.assert_close(network(turned), network(images))
        assert not torch.allclose(network(2 * images), network(images))


@pytest.mark.parametrize("field", [1, 5, 15, 21])
def test_a_receptive_field_has_its_margin_and_about_the_wanted_size(field):
    info = sized(field, 1_000_000)
    network = info.build(175, 5).eval()
    size = 24
    with torch.no_grad():
        maps = network(random_images(1, 2, 175, size, size))
    assert maps.shape[-1] == size - 2 * info.margin == size - field + 1
    n_parameters = sum(one.numel() for one in network.parameters())
    assert 0.9e6 < n_parameters < 1.1e6


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("model", ["CNN1", "RNN1", "RNN3"])
def test_models_of_rinq_take_images_and_their_signals(model, signal):
    variant = _variant(model, signal, quick=True)
    network = variant.as_images(variant.info.build(1000, 2)).eval()
    images = random_images(2, 2, 1000, 5, 5)
    turned = torch.stack([-images[:, 1], images[:, 0]], dim=1)
    with torch.no_grad():
        maps = network(images)
        is_same = torch.allclose(network(turned), maps, atol=1e-5)
    assert maps.shape == (2, 2, 5 - 2 * variant.info.margin, 5 - 2 * variant.info.margin)
    assert is_same == (signal == "magnitude")


def test_errors_are_those_of_the_estimates_where_a_map_means_something(variant):
    found = errors_of(variant, Settings(quick=True))
    assert list(found.r_squared) == list(found.mean_absolute_error) == list(KEYS)
    difference = np.abs(found.found - found.truth)
    watery = found.truth[:, 0] < 0.7
    assert 0 < watery.sum() < len(watery)
    assert found.mean_absolute_error["T1H2O"] == pytest.approx(difference[watery, 1].mean())
    assert found.mean_absolute_error["Df"] == pytest.approx(difference[:, 3].mean())
    true = found.truth[:, 4]
    residual = ((found.found[:, 4] - true) ** 2).sum()
    expected = 1 - residual / ((true - true.mean()) ** 2).sum()
    assert found.r_squared["B1"] == pytest.approx(expected)


def test_a_training_that_is_kept_is_not_done_again(variant, tmp_path):
    settings = Settings(quick=True, folder=tmp_path)
    told = []

    def progress(stage, done, total):
        if stage.startswith("training"):
            told.append(done)

    first = errors_of(variant, replace(settings, progress=progress))
    assert max(told) == 200 and len(told) > steps_of(variant.recipe)
    told.clear()
    second = errors_of(variant, replace(settings, progress=progress))
    assert told == [200]
    np.testing.assert_array_equal(first.found, second.found)
    other = replace(variant, recipe=phantoms_recipe(quick=True, seed=3))
    with pytest.raises(MRFInputError, match="another recipe") as error:
        errors_of(other, settings)
    assert error.value.code == "bad-checkpoint"


def test_variants_are_tried_on_people_that_none_was_trained_on(variant, monkeypatch):
    from napari_mrf.training.data import phantom_slices

    seeds = []
    load = phantom_slices.PhantomSlices.load

    def noted(self, role, count, progress=None):
        seeds.append((role, self._seed))
        return load(self, role, count, progress)

    monkeypatch.setattr(phantom_slices.PhantomSlices, "load", noted)
    truth = errors_of(variant, Settings(quick=True)).truth
    assert len(truth)
    (trained_on, judged_by), (_, tried_on) = seeds[:2], seeds[-2:]
    assert trained_on[1] == judged_by[1] == 0
    assert tried_on[0] == "validation" and tried_on[1] != 0
