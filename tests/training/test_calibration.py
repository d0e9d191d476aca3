"""Standard deviations of networks: scales that are learned, and the factor that makes them hold."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from training_cases import finish

from napari_mrf.networks.normalization import Normalization
from napari_mrf.networks.trained import TrainedNetwork
from napari_mrf.training.calibration import deviation_factors
from napari_mrf.training.data.batches import Batch
from napari_mrf.training.loop.checkpoint import read_state
from napari_mrf.training.loop.loop import train
from napari_mrf.training.loop.partial import pack, unpack
from napari_mrf.training.loop.step import scale_error
from napari_mrf.training.recipe import Recipe, load_recipe
from napari_mrf.training.run import build, run

CPU = torch.device("cpu")
KEYS = ["FF", "T1H2O"]
MAPS = {"FF": (0.0, 1.0), "T1H2O": (400.0, 3100.0), "T1fat": (180.0, 500.0),
        "Df": (-150.0, 150.0), "B1": (0.25, 1.25)}  # fmt: skip


class Told(nn.Module):
    """Maps and scales that are written in the signals, one frame each."""

    def with_log_scales(self, images):
        return images[:, 0, :2], images[:, 0, 2:4]


class Examples:
    """Maps with Laplace errors of known scale; other ones in every epoch."""

    def __init__(self, counted_share=1.0, n=40, ff=(0.0, 1.0)):
        self.counted_share, self.n, self.ff = counted_share, n, ff
        self.epoch = 0

    def __len__(self):
        return self.n

    def start_epoch(self, epoch):
        self.epoch = epoch

    def batch(self, rows, generator):
        rng = np.random.default_rng([self.epoch, int(rows[0])])
        shape = (len(rows), 2, 30, 30)
        truth = rng.uniform(0.3, 0.7, shape)
        truth[:, 0] = rng.uniform(*self.ff, truth[:, 0].shape) * 0.2 + 0.4
        scale = np.exp(rng.uniform(-6, -4, shape))
        found = truth + rng.laplace(size=shape) * scale
        counted = rng.random((len(rows), 30, 30)) < self.counted_share
        truth[:, :, ~counted[0]] = np.nan if self.counted_share < 1 else truth[:, :, ~counted[0]]
        counted = np.isfinite(truth).all(axis=1)
        signals = np.concatenate([found, np.log(scale)], axis=1)
        return Batch(torch.from_numpy(signals).float(), torch.from_numpy(truth).float(),
                     torch.from_numpy(counted))  # fmt: skip


@pytest.fixture
def told(monkeypatch):
    monkeypatch.setattr(Normalization, "canonical", lambda _, signals: signals[:, None])
    return TrainedNetwork(Told(), Normalization(torch.ones(4) + 0j, [0.0, 400.0], [1.0, 3100.0]))


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_factor_is_that_of_a_laplace_distribution(told, share):
    factors = deviation_factors(KEYS, told, Examples(share), 4, CPU)
    # P(|e| < q b) = 1 - exp(-q) = 0.95
    for key in KEYS:
        assert factors[key] == pytest.approx(math.log(20) / 1.96, rel=0.03)


def test_other_data_are_taken_than_those_that_chose_the_epoch(told):
    data = Examples()
    deviation_factors(KEYS, told, data, 4, CPU)
    assert data.epoch == 1


def test_a_map_that_hardly_counts_has_no_factor(told):
    told.normalization.upper[0] = 2.0  # FF 0.8 to 1.2: no water to speak of
    assert list(deviation_factors(KEYS, told, Examples(), 4, CPU)) == ["FF"]


def test_networks_without_scales_have_no_factors():
    _, trained = build(load_recipe("t1ff-cohen"))
    assert deviation_factors(KEYS, trained, Examples(), 4, CPU) == {}


def test_scale_is_the_mean_absolute_error_where_it_counts():
    torch.manual_seed(0)
    maps = torch.rand(2, 3, 50, 50)
    size = torch.tensor([0.01, 0.1, 0.5])[:, None, None]
    estimated = maps + size * torch.randn(maps.shape)
    counted = torch.rand(2, 50, 50) < 0.5
    maps[:, 0][~counted] = torch.nan
    estimated[:, 1][~counted] += 7.0
    log_scale = torch.full((1, 3, 1, 1), -1.0, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_scale], max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = scale_error(estimated, log_scale.expand(maps.shape), maps, counted)
        loss.backward()
        return loss

    optimizer.step(closure)
    error = (estimated - maps).abs().movedim(1, -1)[counted].mean(dim=0)
    torch.testing.assert_close(log_scale.detach().exp().flatten(), error, rtol=1e-3, atol=0)


def recipe(sequence, **optimisation):
    return Recipe.model_validate({
        "network": "subspacenet", "sequence": str(sequence),
        "maps": {key: {"lower": low, "upper": high} for key, (low, high) in MAPS.items()},
        "noise": {"sigma_lower": 0.005, "sigma_upper": 0.02},
        "data": {"kind": "random", "patches": 96, "validation_patches": 16, "patch": 12,
                 "patches_per_slice": 6, "matrix_lower": 32, "matrix_upper": 36, "phantoms": 0.0,
                 "undersampled": 0.0},
        "optimisation": {"batch": 4, "epochs": 3, "loss": "absolute", "largest_gradient": 5.0,
                         **optimisation},
    })  # fmt: skip


@pytest.fixture
def plan(short, tmp_path):
    path = tmp_path / "short.json"
    short.to_json(path)
    return recipe(path)


def test_a_training_gives_deviations_that_hold_on_other_data(plan, tmp_path, monkeypatch):
    from napari_mrf.networks.weights import load_network
    from napari_mrf.training import finishing
    from napari_mrf.training.run import training_data

    monkeypatch.setattr(finishing, "metrics_on_phantoms", lambda *_: ("none", []))
    card = finish(run(plan, tmp_path / "weights"))
    trained, stored = load_network(tmp_path / "weights" / "subspacenet.json")
    assert [one.deviation for one in stored.maps] == [one.deviation for one in card.maps]
    assert all(one.deviation > 0 for one in card.maps)
    sequence, _ = build(plan)
    data, others = training_data(plan, sequence, trained.normalization)
    others.start_epoch(2)  # neither chosen nor calibrated by
    held = []
    with torch.no_grad():
        for row in range(len(others)):
            batch = others.batch(torch.tensor([row]), torch.Generator())
            given = trained.normalization.canonical(batch.signals)
            maps, log_scales = trained.network.with_log_scales(given)
            width = torch.tensor([one.deviation for one in card.maps])[:, None, None] * 1.96
            inside = (maps.clamp(0, 1) - batch.maps).abs() <= width * log_scales.exp()
            held.append(inside.movedim(1, -1)[batch.counted])
    data.close()
    share = torch.cat(held).float().mean(dim=0)
    assert ((share > 0.85) & (share < 0.995)).all(), share


def work_of(plan, checkpoint=None):
    from napari_mrf.networks.zoo import network_info
    from napari_mrf.training.data.random_patches import random_images

    sequence, trained = build(plan)
    info = network_info(plan.network)
    data = random_images(plan, plan.data, sequence, trained.normalization, info, workers=0)
    return trained, train(plan, trained, *data, checkpoint=checkpoint)


def test_a_resumed_training_is_the_same_to_the_last_bit(plan, tmp_path):
    whole, work = work_of(plan)
    finish(work)
    _, broken = work_of(plan, tmp_path / "checkpoint")
    next(step for step in broken if step.epoch == 1 and step.share > 0)
    broken.close()
    resumed, work = work_of(plan, tmp_path / "checkpoint")
    finish(work)
    for key, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key


def test_a_packed_state_goes_on_and_packs_to_the_same(plan, tmp_path):
    checkpoint, packed, again = (tmp_path / name for name in ("checkpoint", "packed", "again"))
    _, broken = work_of(plan, checkpoint)
    next(step for step in broken if step.epoch == 2)
    broken.close()
    pack(checkpoint, packed)
    unpack(packed, tmp_path / "unpacked")
    pack(tmp_path / "unpacked", again)
    (first, texts, _), (second, same_texts, _) = read_state(packed), read_state(again)
    assert texts == same_texts
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[key]) for key, value in first.items())
    assert packed.stat().st_size < 0.7 * checkpoint.stat().st_size
    exact, texts, _ = read_state(checkpoint)
    found, same_texts, _ = read_state(tmp_path / "unpacked")
    assert texts == same_texts
    assert exact.keys() == found.keys()
    for key, value in exact.items():
        assert found[key].dtype == value.dtype, key
        kept = ".base." in key or ".subspace." in key or "normalization" in key or "step" in key
        tolerance = 0.0 if kept else 2**-8 if "exp_avg" in key else 2**-10
        torch.testing.assert_close(found[key], value, rtol=tolerance, atol=1e-7 * (not kept))
    _, work = work_of(plan, tmp_path / "unpacked")
    first = next(work)
    assert (first.epoch, first.progress.best_epoch) == (2, first.progress.best_epoch)
    assert finish(work).epoch == 3
