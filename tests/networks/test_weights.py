"""Normalization and weights files: invariant to the receiver, refused when touched."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from properties import check_complex_factor_invariance, random_factors

import napari_mrf as mrf
from napari_mrf import MRFInputError
from napari_mrf.networks.card import MapScale, ModelCard, read_card
from napari_mrf.networks.normalization import Normalization, reference_of
from napari_mrf.networks.trained import TrainedNetwork
from napari_mrf.networks.weights import load_network, save_network
from napari_mrf.networks.zoo import NETWORKS

T1FF, FISP = mrf.sequences.t1ff(), mrf.sequences.fisp()
SCALES = [
    MapScale(key="FF", lower=0.0, upper=1.0),
    MapScale(key="T1H2O", lower=400.0, upper=3100.0),
]


def tissues(n, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "FF": rng.uniform(0, 1, n),
        "T1H2O": rng.uniform(400, 3100, n),
        "T1fat": rng.uniform(180, 500, n),
        "Df": rng.uniform(-150, 150, n),
        "B1": rng.uniform(0.25, 1.25, n),
    }


def unit(signals):
    return signals / np.linalg.norm(signals, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def fingerprints():
    return mrf.simulate(T1FF, tissues(400))


@pytest.fixture(scope="module")
def normalization(fingerprints):
    return Normalization(
        reference_of(fingerprints), [one.lower for one in SCALES], [one.upper for one in SCALES]
    )


@pytest.fixture(scope="module")
def trained(normalization):
    torch.manual_seed(0)
    return TrainedNetwork(NETWORKS["cohen"].build(175, 2), normalization).eval()


@pytest.fixture
def card():
    return ModelCard(
        format="napari-mrf network", name="cohen", sequence_name=T1FF.name,
        sequence_kind="spoiled", sequence_fingerprint=T1FF.fingerprint(), n_frames=175,
        maps=SCALES, weights_sha256="0" * 64, n_parameters=1, recipe={}, seed=0,
        software_version="0", trained_on="here", training_minutes=0.0, n_epochs=1,
        is_reduced=True, test_data="none", metrics=[],
    )  # fmt: skip


def test_receive_phase_and_gain_do_not_matter(fingerprints, normalization):
    def canonical(signals):
        return {str(n): one for n, one in enumerate(
            normalization.canonical(torch.from_numpy(signals)).flatten(1).numpy().T)}  # fmt: skip

    factors = random_factors(np.random.default_rng(0), len(fingerprints), 5)
    check_complex_factor_invariance(
        canonical, fingerprints, factors, atol=dict.fromkeys(canonical(fingerprints), 1e-5)
    )


def test_canonical_phase_is_well_defined_over_all_tissue():
    t1ff = unit(mrf.simulate(T1FF, tissues(1500, seed=1)))
    rng = np.random.default_rng(2)
    T1 = np.exp(rng.uniform(np.log(100), np.log(4000), 200))
    T2 = np.minimum(np.exp(rng.uniform(np.log(10), np.log(2000), 200)), T1)
    fisp = unit(mrf.simulate(FISP, {"T1": T1, "T2": T2}))
    for signals, least in ((t1ff, 0.25), (fisp, 0.45)):
        products = np.abs(signals @ reference_of(signals).numpy().conj())
        assert products.min() > least


def test_canonical_fingerprints_have_power_one_and_silence_stays_silent(
    fingerprints, normalization
):
    signals = torch.from_numpy(fingerprints[:3].copy())
    signals[1] = 0
    canonical = normalization.canonical(signals)
    assert canonical.shape == (3, 2, 175)
    power = (canonical**2).sum(dim=(1, 2)) / 175
    torch.testing.assert_close(power, torch.tensor([1.0, 0.0, 1.0]))
    assert torch.isfinite(canonical).all()


def test_images_are_canonical_voxel_by_voxel(fingerprints, normalization):
    signals = torch.from_numpy(fingerprints[:12])
    image = signals.T.reshape(1, 175, 3, 4)
    expected = normalization.canonical(signals).permute(1, 2, 0).reshape(1, 2, 175, 3, 4)
    torch.testing.assert_close(normalization.canonical(image), expected)


@settings(deadline=None, max_examples=30)
@given(values=st.lists(st.floats(1.0, 5000.0), min_size=1, max_size=5))
def test_scaling_and_its_inverse_also_in_the_logarithm(values):
    reference = torch.ones(4, dtype=torch.complex64) / 2
    normalization = Normalization(reference, [0.0, 10.0], [6000.0, 5000.0], [False, True])
    both = torch.tensor(values)[:, None].repeat(1, 2)
    torch.testing.assert_close(
        normalization.values(normalization.scaled(both)), both, rtol=1e-4, atol=1e-2
    )


def test_saved_weights_give_the_same_maps(tmp_path, trained, card, fingerprints):
    path = tmp_path / "cohen.json"
    saved = save_network(path, trained, card)
    loaded, read = load_network(path, T1FF)
    assert read == saved
    signals = torch.from_numpy(fingerprints[:20])
    torch.testing.assert_close(loaded(signals), trained(signals), rtol=0, atol=0)


def test_half_precision_costs_little(tmp_path, trained, card, fingerprints):
    path = tmp_path / "cohen.json"
    save_network(path, trained, card.model_copy(update={"stored_type": "float16"}))
    loaded, _ = load_network(path)
    signals = torch.from_numpy(fingerprints[:20])
    scaled, exact = (one.normalization.scaled(one(signals)) for one in (loaded, trained))
    assert float((scaled - exact).detach().abs().max()) < 1e-2


@pytest.mark.parametrize("place", [0.02, 0.5, 0.99])
def test_flipped_byte_is_refused(tmp_path, trained, card, place):
    path = tmp_path / "cohen.json"
    save_network(path, trained, card)
    weights = path.with_suffix(".safetensors")
    data = bytearray(weights.read_bytes())
    data[int(place * len(data))] ^= 1
    weights.write_bytes(data)
    with pytest.raises(MRFInputError) as caught:
        load_network(path)
    assert caught.value.code == "sha256-mismatch"


def test_truncated_foreign_and_missing_weights_are_refused(tmp_path, trained, card):
    path = tmp_path / "cohen.json"
    save_network(path, trained, card)
    weights = path.with_suffix(".safetensors")
    data = weights.read_bytes()
    weights.write_bytes(data[:-100])
    with pytest.raises(MRFInputError) as caught:
        load_network(path)
    assert caught.value.code == "sha256-mismatch"
    weights.unlink()
    with pytest.raises(MRFInputError) as caught:
        load_network(path)
    assert caught.value.code == "missing-weights"
    other = TrainedNetwork(NETWORKS["oksuz"].build(175, 2), trained.normalization)
    save_network(path, other, card)
    with pytest.raises(MRFInputError) as caught:
        load_network(path)
    assert caught.value.code == "bad-weights"


def test_another_sequence_is_refused_by_both_names(tmp_path, trained, card):
    path = tmp_path / "cohen.json"
    save_network(path, trained, card)
    with pytest.raises(MRFInputError) as caught:
        load_network(path, FISP)
    assert caught.value.code == "wrong-sequence"
    assert T1FF.name in str(caught.value)
    assert FISP.name in str(caught.value)


@pytest.mark.parametrize(
    "edit",
    [
        lambda record: record.pop("format"),
        lambda record: record.update(version=9),
        lambda record: record.update(weights_sha256="no sum"),
        lambda record: record.update(code="os.system"),
        lambda record: record.update(maps=[]),
    ],
)
def test_edited_card_is_refused(tmp_path, trained, card, edit):
    path = tmp_path / "cohen.json"
    save_network(path, trained, card)
    record = json.loads(path.read_text())
    edit(record)
    path.write_text(json.dumps(record))
    with pytest.raises(MRFInputError) as caught:
        read_card(path)
    assert caught.value.code == "bad-card"
