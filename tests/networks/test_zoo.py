"""Every architecture of the papers: size, reach, shapes, gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_mrf import MRFInputError
from napari_mrf.networks.architectures.balsiger2020 import Balsiger2020, build_architecture
from napari_mrf.networks.architectures.frame_segments import n_segments
from napari_mrf.networks.architectures.inn import Inn
from napari_mrf.networks.architectures.rinq import Rinq, quantile_layer
from napari_mrf.networks.trained import GivesScales
from napari_mrf.networks.zoo import NETWORKS, network_info

FRAMES, MAPS = 175, 5
FINGERPRINT = [name for name, info in NETWORKS.items() if info.kind == "fingerprint"]
IMAGE = [name for name, info in NETWORKS.items() if info.kind == "image"]
GENERATIVE = ["inn", "inn-backward", "fc-fc", "rnn-rnn"]


def built(name, frames=FRAMES, maps=MAPS):
    torch.manual_seed(0)
    return NETWORKS[name].build(frames, maps)


def size(network):
    return sum(parameter.numel() for parameter in network.parameters())


# Counts as published, with the tolerance that the description allows.
@pytest.mark.parametrize(
    ("name", "millions", "tolerance"),
    [
        ("cohen", 0.20, 0.02),
        ("hoppe", 6.56, 0.02),
        ("oksuz", 0.12, 0.02),
        ("inn", 0.36, 0.02),
        ("song", 1.49, 0.10),
        ("fang", 3.84, 0.10),
        ("hoppe2017", 0.05, 0.10),
        ("subspacenet", 0.473, 0.005),
    ],
)
def test_parameter_counts_are_those_of_the_papers(name, millions, tolerance):
    assert size(built(name)) == pytest.approx(1e6 * millions, rel=tolerance)


def test_rinq_has_the_counts_of_its_tables():
    assert size(Rinq(3000, 2)) == pytest.approx(7.7e6, rel=0.02)
    assert size(Rinq(3000, 2, patch=1)) == pytest.approx(8.1e6, rel=0.02)
    assert size(Rinq(3000, 2, patch=1, n_channels=1)) == pytest.approx(7.7e6, rel=0.02)


def test_published_architecture_comes_out_of_the_algorithm_exactly():
    found = build_architecture(15, 5_000_000, 21)
    assert found.layers == (2,) * 7
    assert found.temporal_channels == (179, 147, 115, 83, 51, 32, 32)
    assert found.spatial_channels == (256, 224, 192, 160, 128, 96, 64)
    assert found.n_parameters == 4_995_684


def test_examples_of_the_algorithm_in_the_text():
    # Below equation 3: N_B = 4, N_LT = 10 gives (3, 3, 2, 2).
    assert build_architecture(9, 1_000_000, 14).layers == (3, 3, 2, 2)


@pytest.mark.parametrize("receptive_field", range(1, 22, 2))
@pytest.mark.parametrize("wanted", [1_000_000, 3_000_000, 5_000_000])
def test_every_receptive_field_and_size_can_be_built(receptive_field, wanted):
    found = build_architecture(receptive_field, wanted)
    assert found.n_parameters == pytest.approx(wanted, rel=0.02)
    assert sum(found.layers) + max((receptive_field - 1) // 2, 1) == 21
    network = Balsiger2020(FRAMES, MAPS, receptive_field=receptive_field, n_parameters=wanted)
    convolutions = sum(
        size(layer) for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)
    )
    assert convolutions == found.n_parameters


@pytest.mark.parametrize("receptive_field", [0, 2, -1, 45])
def test_impossible_receptive_fields_are_refused(receptive_field):
    with pytest.raises(ValueError, match=r"odd|too few"):
        build_architecture(receptive_field)


@pytest.mark.parametrize("name", FINGERPRINT)
@pytest.mark.parametrize(("frames", "maps"), [(175, 5), (1000, 2)])
def test_fingerprint_wise_shapes(name, frames, maps):
    network = built(name, frames, maps).eval()
    assert network(torch.randn(3, 2, frames)).shape == (3, maps)
    assert network(torch.randn(1, 2, frames)).shape == (1, maps)


@pytest.mark.parametrize("name", IMAGE)
def test_image_wise_shapes(name):
    network, margin = built(name).eval(), NETWORKS[name].margin
    images = torch.randn(2, 2, FRAMES, 19, 22)
    assert network(images).shape == (2, MAPS, 19 - 2 * margin, 22 - 2 * margin)


@pytest.mark.parametrize(
    ("name", "field"),
    [("balsiger2020", 15), ("balsiger2018", 5), ("fang", 54), ("rinq", 3), ("subspacenet", 13)],
)
def test_receptive_field_by_gradient(name, field):
    network, info = built(name).eval(), NETWORKS[name]
    images = torch.randn(1, 2, FRAMES, 96, 96, requires_grad=True)
    if name == "rinq":
        images = torch.randn(1, 2, FRAMES, 9, 9, requires_grad=True)
    at = images.shape[-1] // 2 - info.margin
    maps = network(images)
    touched = np.zeros(images.shape[-2:], bool)
    # The median sends its gradient to one voxel, so each map and several inputs are asked.
    for key in range(MAPS):
        (gradient,) = torch.autograd.grad(maps[0, key, at, at], images, retain_graph=True)
        touched |= (gradient.abs().sum((0, 1, 2)) > 0).numpy()
    rows = np.flatnonzero(touched.any(axis=1))
    if name == "rinq":
        assert rows[0] >= at + info.margin - 1
        assert rows[-1] <= at + info.margin + 1
    else:
        assert rows[-1] - rows[0] + 1 == field
    assert rows[-1] - at - info.margin <= info.reach
    assert at + info.margin - rows[0] <= info.reach


@pytest.mark.parametrize("name", NETWORKS)
def test_gradient_reaches_every_parameter(name):
    network = built(name).train()
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    shape = (4, 2, FRAMES) if name in FINGERPRINT else (2, 2, FRAMES, 18, 18)
    inputs = torch.randn(shape)
    if isinstance(network, GivesScales):
        loss = sum((one**2).sum() for one in network.with_log_scales(inputs))
    else:
        loss = (network(inputs) ** 2).sum()
    if name in GENERATIVE:
        loss = loss + (network.simulate(torch.rand(4, MAPS)) ** 2).sum()
    if name == "fang":
        loss = loss + (network.first_stage(inputs) ** 2).sum()
    loss.backward()
    for key, parameter in network.named_parameters():
        if not parameter.requires_grad:  # kept as they are
            assert name == "subspacenet"
            assert key.split(".")[0] in ("base", "subspace")
            continue
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
        assert parameter.grad.abs().sum() > 0, key


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), frames=st.integers(3, 40), n=st.integers(1, 5))
def test_invertible_network_is_inverted_exactly(seed, frames, n):
    torch.manual_seed(seed)
    network = Inn(frames, min(5, frames), seed=seed)
    values = torch.randn(n, 2 * frames)
    torch.testing.assert_close(
        network.latent(network.from_latent(values)), values, rtol=0, atol=1e-5
    )


def test_coupling_is_that_of_an_independent_implementation():
    from FrEIA.modules import RNVPCouplingBlock

    half = 6
    ours = Inn(half, 2).blocks[0]

    def no_subnet(before, after):
        return torch.nn.Linear(before, after)

    theirs = RNVPCouplingBlock(
        [(2 * half,)],
        subnet_constructor=no_subnet,
        clamp=2.0,
        clamp_activation=lambda logarithm: torch.tanh(logarithm / 2),
    )
    theirs.subnet_s1, theirs.subnet_t1 = ours.scale_1, ours.shift_1
    theirs.subnet_s2, theirs.subnet_t2 = ours.scale_2, ours.shift_2
    values = torch.randn(5, 2 * half)
    (forward,), _ = theirs([values])
    torch.testing.assert_close(ours(values), forward)
    (backward,), _ = theirs([values], rev=True)
    torch.testing.assert_close(ours.inverse(values), backward)


def test_permutations_of_the_invertible_network_are_part_of_its_state():
    first, second = Inn(10, 2, seed=1), Inn(10, 2, seed=2)
    second.load_state_dict(first.state_dict())
    values = torch.randn(3, 2, 10)
    torch.testing.assert_close(first(values), second(values))


def test_quantile_layer_is_the_median_and_its_gradient_goes_to_that_voxel():
    predictions = torch.tensor([[[5.0, 1.0, 9.0, 2.0, 7.0, 3.0, 8.0, 4.0, 6.0]]])
    predictions.requires_grad_()
    median = quantile_layer(predictions)
    assert median.item() == np.median(predictions.detach().numpy())
    median.sum().backward()
    assert predictions.grad[0, 0].tolist() == [1.0, 0, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(("frames", "steps"), [(3000, 30), (1000, 25), (175, 25), (7, 7)])
def test_segments_of_the_recurrent_networks(frames, steps):
    assert n_segments(frames) == steps


def test_too_few_frames_and_unknown_names_are_refused():
    with pytest.raises(MRFInputError) as caught:
        NETWORKS["hoppe"].build(20, 5)
    assert caught.value.code == "wrong-sequence"
    assert "20 frames" in str(caught.value)
    with pytest.raises(MRFInputError) as caught:
        network_info("resnet")
    assert caught.value.code == "unknown-method"


def test_blochnet_without_its_physics_says_so():
    with pytest.raises(RuntimeError, match="signal model of blochnet is not set"):
        built("blochnet").simulate(torch.rand(2, MAPS))
