"""The network of this package: what it begins with, and what must not matter to it."""

import math

import numpy as np
import pytest
import torch

from napari_mrf.networks.comparison import PLAINEST
from napari_mrf.networks.weights import installed, load_network
from napari_mrf.simulation import simulate
from napari_mrf.training.recipe import Recipe, load_recipe
from napari_mrf.training.run import build

MARGIN = 6


@pytest.fixture(scope="module")
def started():
    """Sequence and network of the recipe as they are before training."""
    return build(load_recipe("t1ff-subspacenet"))


@pytest.fixture(scope="module")
def image(started):
    """(1, T, 16, 16) fingerprints of random tissue, with noise, phase and gain."""
    rng = np.random.default_rng(3)
    n = 256
    tissue = {"FF": rng.uniform(0, 1, n), "T1H2O": rng.uniform(500, 2500, n),
              "T1fat": rng.uniform(200, 450, n), "Df": rng.uniform(-80, 80, n),
              "B1": rng.uniform(0.5, 1.1, n)}  # fmt: skip
    signals = simulate(started[0], tissue)
    signals /= np.linalg.norm(signals, axis=1, keepdims=True)
    signals = signals + 0.01 * (rng.standard_normal((*signals.shape, 2)) @ [1, 1j])
    return torch.from_numpy(signals.T.reshape(1, -1, 16, 16).astype(np.complex64))


def awake(trained):
    """The network with something to say beyond what it begins with."""
    torch.manual_seed(1)
    for head in (trained.network.head, trained.network.scale_head):
        torch.nn.init.normal_(head[-1].weight, std=0.05)
    return trained.eval()


def test_it_begins_with_the_maps_of_cohen(started, image):
    sequence, trained = started
    path = installed()[PLAINEST, sequence.fingerprint()]
    cohen, _ = load_network(path, sequence)
    inner = image[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
    with torch.no_grad():
        rows = cohen(inner[0].flatten(1).T)
        maps = trained.eval()(image)[0].flatten(1).T
    torch.testing.assert_close(maps, rows, rtol=1e-5, atol=1e-3)
    assert rows.std(dim=0).min() > 0  # there is something to compare


def test_without_weights_of_cohen_it_begins_in_the_middle(image):
    recipe = load_recipe("t1ff-subspacenet").model_dump()
    recipe["maps"]["T1H2O"]["upper"] = 3000.0  # the weights of cohen are for another range
    _, trained = build(Recipe.model_validate(recipe))
    with torch.no_grad():
        maps = trained.eval()(image)
    middle = [0.5, 1700.0, 340.0, 0.0, 0.75]
    torch.testing.assert_close(maps[0].amax((1, 2)), torch.tensor(middle))
    torch.testing.assert_close(maps[0].amin((1, 2)), torch.tensor(middle))


def test_first_coefficients_are_those_of_the_singular_vectors(started):
    sequence, trained = started
    subspace = trained.network.subspace.weight.double()
    torch.testing.assert_close(
        subspace @ subspace.T, torch.eye(24, dtype=torch.float64), rtol=0, atol=1e-6
    )
    # Turning a fingerprint turns its coefficients: rows are real and imaginary parts.
    signal = torch.randn(sequence.n_frames, dtype=torch.complex128)
    both = [subspace @ torch.cat([one.real, one.imag]) for one in (signal, 1j * signal)]
    torch.testing.assert_close(both[0][:12], both[1][12:])
    torch.testing.assert_close(both[0][12:], -both[1][:12])
    exact = simulate(sequence, {"FF": 0.3, "T1H2O": 1234.0, "T1fat": 321.0, "Df": 33.0, "B1": 0.77})
    exact = torch.from_numpy(np.atleast_2d(exact)[0].astype(np.complex128))
    inside = (subspace @ torch.cat([exact.real, exact.imag])).square().sum()
    assert 1 - inside / exact.abs().square().sum() < 1e-3


def test_noise_is_told_by_the_energy_outside_the_subspace(started):
    network = started[1].network
    told = []
    network.dense.register_forward_pre_hook(lambda _, given: told.append(given[0][..., 24]))
    n = 2 * network.n_frames
    share = torch.tensor([1e-4, 1e-2, 0.3])
    inside, rest = (
        network.subspace.weight[0],
        torch.linalg.qr(network.subspace.weight.T, "complete")[0][:, -1],
    )
    rows = torch.sqrt(1 - share)[:, None] * inside + torch.sqrt(share)[:, None] * rest
    images = (math.sqrt(n / 2) * rows).T.reshape(1, 2, n // 2, 1, 3).expand(-1, -1, -1, 13, -1)
    with torch.no_grad():
        network(torch.nn.functional.pad(images, (5, 5)))
    torch.testing.assert_close(told[0][0, 0, 5:8], share.log() / 4 + 1, rtol=1e-3, atol=1e-3)
    assert torch.isfinite(told[0]).all()  # silence too
    network.dense._forward_pre_hooks.clear()


def test_phase_and_gain_do_not_matter(started, image):
    trained = awake(build(load_recipe("t1ff-subspacenet"))[1])
    generator = torch.Generator().manual_seed(2)
    gain = torch.rand(16, 16, generator=generator) * 5 + 0.1
    phase = torch.rand(16, 16, generator=generator) * 2 * math.pi
    with torch.no_grad():
        plain = trained.network.with_log_scales(trained.normalization.canonical(image))
        other = trained.network.with_log_scales(
            trained.normalization.canonical(image * torch.polar(gain, phase))
        )
    for one, changed in zip(plain, other, strict=True):
        torch.testing.assert_close(changed, one, rtol=1e-4, atol=1e-4)
        assert one.std() > 1e-3


def test_scales_teach_nothing_to_the_maps(started, image):
    trained = awake(build(load_recipe("t1ff-subspacenet"))[1])
    _, log_scales = trained.network.with_log_scales(trained.normalization.canonical(image))
    log_scales.sum().backward()
    reached = {key.split(".")[0] for key, one in trained.network.named_parameters()
               if one.grad is not None and one.grad.abs().sum() > 0}  # fmt: skip
    assert reached == {"scale_head"}
