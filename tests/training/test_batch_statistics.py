"""Batch normalization after dropout is told what it will see once dropout is off."""

import pytest
import torch
from torch import nn

from napari_mrf.networks.normalization import Normalization
from napari_mrf.networks.trained import TrainedNetwork
from napari_mrf.training.data.batches import Batch
from napari_mrf.training.loop.loop import settle_statistics

CPU = torch.device("cpu")


class Plain:
    """Random fingerprints, the same at every use."""

    def __init__(self):
        generator = torch.Generator().manual_seed(1)
        self.signals = torch.randn(640, 6, dtype=torch.complex64, generator=generator)

    def __len__(self):
        return len(self.signals)

    def start_epoch(self, epoch):
        pass

    def batch(self, rows, generator):
        return Batch(self.signals[rows], torch.zeros(len(rows), 2))


def network_with(dropout):
    torch.manual_seed(0)
    parts = [nn.Flatten(), nn.Linear(12, 8), nn.BatchNorm1d(8, affine=False)]
    if dropout:
        parts.insert(2, nn.Dropout(0.5))
    # A large mean is what dropout turns into variance.
    parts[1].bias.data += 3.0
    return TrainedNetwork(
        nn.Sequential(*parts), Normalization(torch.ones(6) + 0j, [0.0, 0.0], [1.0, 1.0])
    )


def trained_for_a_while(trained, data):
    trained.train()
    for _ in range(100):
        trained.network(trained.normalization.canonical(data.signals))
    return trained


def applied(trained, data):
    trained.eval()
    with torch.no_grad():
        return trained.network(trained.normalization.canonical(data.signals))


def test_what_leaves_the_normalization_has_mean_0_and_variance_1_again():
    data = Plain()
    trained = trained_for_a_while(network_with(dropout=True), data)
    assert applied(trained, data).std(dim=0).max() < 0.5  # the shift: far from 1
    settle_statistics(trained, data, 64, CPU)
    found = applied(trained, data)
    assert found.mean(dim=0).abs().max() < 0.02
    assert found.std(dim=0).numpy() == pytest.approx(1.0, abs=0.02)


def test_network_without_dropout_is_left_alone():
    data = Plain()
    trained = trained_for_a_while(network_with(dropout=False), data)
    before = {key: value.clone() for key, value in trained.state_dict().items()}
    settle_statistics(trained, data, 64, CPU)
    for key, value in trained.state_dict().items():
        assert torch.equal(value, before[key])


def test_training_goes_on_as_if_nothing_had_happened():
    data = Plain()
    trained = trained_for_a_while(network_with(dropout=True), data)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    settle_statistics(trained, data, 64, CPU)
    assert torch.equal(torch.rand(3), expected)
    assert trained.network[3].momentum == 0.1
    trained.train()
    assert trained.network[2].training
