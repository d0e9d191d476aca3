"""Phantoms as training data: who is measured, what is cut out, and what counts."""

import numpy as np
import pytest
import torch
from phantom_cases import KEYS, RANGES, SIGMA, all_of, images, patches

from napari_mrf import MRFInputError, Sequence, simulate
from napari_mrf.networks.normalization import Normalization
from napari_mrf.networks.trained import TrainedNetwork
from napari_mrf.networks.weights import load_network
from napari_mrf.networks.zoo import network_info
from napari_mrf.training.data import phantom_slices
from napari_mrf.training.data.phantom_data import PhantomPatches, phantom_data
from napari_mrf.training.data.phantom_slices import PhantomSlices
from napari_mrf.training.data.phantom_subjects import random_subject
from napari_mrf.training.phantom_metrics import slice_maps
from napari_mrf.training.recipe import Noise, Recipe
from napari_mrf.training.run import run


def test_middle_of_a_patch_is_the_fingerprint_of_its_maps(slices, normalization, short):
    exact = [one for one in slices if not one.is_undersampled]
    data = patches(exact, normalization, noise=1e-12)
    batch = all_of(data)
    assert batch.signals.shape == (40, 12, 10, 10)
    assert batch.maps.shape == (40, 5, 6, 6)
    assert batch.counted.any(dim=(1, 2)).all()
    values = normalization.values(batch.maps).movedim(1, -1)[batch.counted].double().numpy()
    signals = batch.signals[:, :, 2:-2, 2:-2].movedim(1, -1)[batch.counted].numpy()
    limits = np.array(list(RANGES.values()))
    expected = simulate(short, dict(zip(KEYS, np.clip(values, *limits.T).T, strict=True)))
    product = np.abs((expected.conj() * signals).sum(axis=1))
    norms = np.linalg.norm(expected, axis=1) * np.linalg.norm(signals, axis=1)
    assert (product / norms).min() > 1 - 1e-5
    # So it is for all eight ways to turn a patch, which are all there.
    assert len(np.unique(data._places[:, 3])) == 8


def test_heads_are_measured_with_fisp_sequences(cache):
    sequence = Sequence(
        name="short fisp", kind="fisp", flip_angles_deg=np.linspace(5, 60, 24),
        echo_times_ms=2.0, repetition_times_ms=12.0, inversion_time_ms=20.0,
    )  # fmt: skip
    plan = images(slices=1, validation_slices=1, undersampled=0.0, spokes_per_pulse=2)
    made = PhantomSlices(sequence, plan, Noise(), seed=0).load("training", 1)
    ranges = Normalization(torch.ones(24) + 0j, [100.0, 10.0], [5000.0, 3000.0], [True, True])
    data = PhantomPatches(
        made, [1, 2], ranges, Noise(sigma_lower=1e-12, sigma_upper=1e-12),
        n_patches=10, patch=8, margin=1, seed=0,
    )  # fmt: skip
    batch = all_of(data)
    t1, t2 = ranges.values(batch.maps).movedim(1, -1)[batch.counted].double().numpy().T
    signals = batch.signals[:, :, 1:-1, 1:-1].movedim(1, -1)[batch.counted].numpy()
    expected = simulate(sequence, {"T1": t1, "T2": t2})
    product = np.abs((expected.conj() * signals).sum(axis=1))
    norms = np.linalg.norm(expected, axis=1) * np.linalg.norm(signals, axis=1)
    assert (product / norms).min() > 1 - 1e-5


def test_tissue_counts_and_air_does_not(slices, normalization):
    batch = all_of(patches(slices, normalization, patch=20))
    assert torch.equal(torch.isfinite(batch.maps).all(dim=1), batch.counted)
    assert torch.equal(torch.isfinite(batch.maps).any(dim=1), batch.counted)
    assert 0.2 < batch.counted.float().mean() < 0.95
    scaled = batch.maps.movedim(1, -1)[batch.counted]
    assert scaled.min() >= -1e-6
    assert scaled.max() <= 1 + 1e-6


def test_fully_sampled_patches_get_new_noise_at_the_level_asked_for(slices, normalization):
    exact = [one for one in slices if not one.is_undersampled]
    clean = all_of(patches(exact, normalization, noise=1e-12)).signals
    data = patches(exact, normalization)
    noise = all_of(data, seed=1).signals - clean
    for part in (noise.real, noise.imag):
        assert part.std() == pytest.approx(SIGMA, rel=0.02)
    assert not torch.equal(all_of(data, seed=1).signals, all_of(data, seed=2).signals)
    assert torch.equal(all_of(data, seed=1).signals, all_of(data, seed=1).signals)


def test_mean_norm_of_tissue_is_one(slices):
    exact = [one for one in slices if not one.is_undersampled]
    assert len(exact) == 2
    for one in exact:
        norms = np.linalg.norm(one.signals[one.inside], axis=-1)
        assert norms.mean() == pytest.approx(1.0, abs=1e-4)


def test_undersampled_scans_have_their_artifacts_and_no_more_noise(slices, normalization):
    scanned = [one for one in slices if one.is_undersampled]
    data = patches(scanned, normalization)
    assert torch.equal(all_of(data, seed=1).signals, all_of(data, seed=2).signals)
    air = np.linalg.norm(scanned[0].signals[~scanned[0].inside], axis=-1)
    assert air.mean() > 3 * SIGMA * np.sqrt(2 * 12)  # streaks, well above the noise


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.25, 2), (0.5, 4), (1.0, 8)])
def test_share_of_undersampled_slices_is_as_asked_for(short, share, expected):
    made = PhantomSlices(short, images(undersampled=share), Noise(), seed=0)
    assert sum(made.is_undersampled(index) for index in range(8)) == expected


def test_people_of_training_and_validation_differ_and_come_again(source, slices, short, cache):
    validation = source.load("validation", 1)[0]
    assert validation.inside.shape != slices[0].inside.shape or not np.array_equal(
        validation.inside, slices[0].inside
    )
    again = source._made("training", 1)
    np.testing.assert_array_equal(again[0], slices[1].maps)
    np.testing.assert_array_equal(again[1], slices[1].signals)
    other = PhantomSlices(short, images(), Noise(sigma_lower=SIGMA, sigma_upper=SIGMA), seed=6)
    assert other.folder != source.folder


def test_slices_are_measured_once(source, slices, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("measured again")

    monkeypatch.setattr(phantom_slices, "acquire", refuse)
    again = source.load("training", 3)
    np.testing.assert_array_equal(again[2].signals, slices[2].signals)


def test_cleared_cache_is_empty(short, tmp_path, monkeypatch):
    monkeypatch.setattr(phantom_slices, "cache_directory", lambda: tmp_path / "phantoms")
    made = PhantomSlices(short, images(undersampled=0.0), Noise(), seed=0)
    calls = []
    made.load("validation", 2, lambda *done: calls.append(done))
    assert calls == [(1, 2), (2, 2)]
    on_disk = sum(path.stat().st_size for path in made.folder.iterdir())
    assert phantom_slices.clear_cache() == on_disk > 0
    assert not list((tmp_path / "phantoms").iterdir())
    assert phantom_slices.clear_cache() == 0


def test_epochs_differ_and_come_again(slices, normalization):
    data = patches(slices, normalization)
    first = all_of(data).signals
    data.start_epoch(1)
    second = all_of(data).signals
    assert not torch.equal(first, second)
    fresh = patches(slices, normalization)
    fresh.start_epoch(1)
    assert torch.equal(all_of(fresh).signals, second)
    data.start_epoch(0)
    assert torch.equal(all_of(data).signals, first)


def test_every_voxel_of_tissue_is_seen_alike(slices, normalization):
    one = slices[0]
    data = patches([one], normalization, n_patches=8_000)
    seen = np.zeros(one.inside.shape)
    for _, y, x, _ in data._places:
        seen[y : y + 6, x : x + 6] += 1
    # Poisson: 8,000 patches of 36 voxels, one voxel of tissue in each.
    counts = seen[one.inside]
    deep = counts[counts > np.median(counts)]
    assert counts.min() > 0.15 * counts.mean()  # at the rim
    assert deep.std() < 0.35 * deep.mean()


def test_people_vary_within_the_ranges_of_the_recipes():
    people = [random_subject("spoiled", np.random.default_rng(seed), 48) for seed in range(6)]
    for key, (low, high) in RANGES.items():
        values = np.concatenate([one.maps[key][one.foreground] for one in people])
        assert low <= values.min() < values.max() <= high
        means = [one.maps[key][one.foreground].mean() for one in people]
        assert np.std(means) > 0.02 * (high - low), key


def test_heads_vary_within_the_ranges_of_the_recipes():
    heads = [random_subject("fisp", np.random.default_rng(seed), 64) for seed in range(4)]
    for key, (low, high) in {"T1": (100.0, 4500.0), "T2": (10.0, 2500.0)}.items():
        values = np.concatenate([one.maps[key][one.foreground] for one in heads])
        assert low <= values.min() < values.max() <= high
        medians = [np.median(one.maps[key][one.foreground]) for one in heads]
        assert np.std(medians) > 0.05 * np.mean(medians)


def test_patches_larger_than_a_phantom_are_refused(slices, normalization):
    with pytest.raises(MRFInputError) as caught:
        patches(slices, normalization, patch=64)
    assert caught.value.code == "bad-recipe"
    assert "data.patch" in str(caught.value)


def test_network_of_single_fingerprints_is_refused(short, normalization):
    plan = plan_of("balsiger2018", short)
    with pytest.raises(MRFInputError) as caught:
        phantom_data(plan, plan.data, short, normalization, network_info("cohen"))
    assert caught.value.code == "bad-recipe"


def test_sequence_without_a_phantom_is_refused():
    with pytest.raises(MRFInputError) as caught:
        random_subject("bssfp", np.random.default_rng(0), 64)
    assert caught.value.code == "bad-recipe"


def plan_of(network, sequence, **optimisation):
    return Recipe.model_validate(
        {
            "network": network,
            "sequence": str(sequence),
            "maps": {key: {"lower": low, "upper": high} for key, (low, high) in RANGES.items()},
            "data": images().model_dump(),
            "noise": {"sigma_lower": SIGMA, "sigma_upper": SIGMA},
            "optimisation": {"epochs": 2, "batch": 4, "seed": 5, **optimisation},
        }
    )


@pytest.fixture
def short_file(short, tmp_path, monkeypatch, cache):
    """The short sequence as a file, and few and small phantoms to test on."""
    monkeypatch.setattr("napari_mrf.training.phantom_metrics._MATRIX", 60)
    monkeypatch.setattr("napari_mrf.training.phantom_metrics.N_PEOPLE", 1)
    path = tmp_path / "short.json"
    short.to_json(path)
    return path


@pytest.mark.parametrize("network", ["balsiger2018", "fang"])
def test_training_on_phantoms_ends_in_a_card_and_can_be_resumed(tmp_path, short_file, network):
    plan = plan_of(network, short_file)
    card = finish_of(run(plan, tmp_path / "whole"))
    rows = {(one.map, one.sigma, one.undersampling) for one in card.metrics}
    factor = np.pi / 2 * 80 / 2
    expected = [(0.003, 1.0), (0.00877, 1.0), (0.03, 1.0), (0.00877, pytest.approx(factor))]
    assert len(rows) == len(card.metrics) == 4 * len(KEYS)
    for sigma, undersampling in expected:
        assert sum(1 for one in rows if one[1:] == (sigma, undersampling)) == len(KEYS)
    assert "1 phantoms" in card.test_data
    assert "T1H2O where FF < 0.7" in card.test_data

    broken = run(plan, tmp_path / "broken")
    for step in broken:
        if step.epoch == 1:
            break
    broken.close()
    finish_of(run(plan, tmp_path / "broken"))
    whole, resumed = (
        load_network(tmp_path / folder / f"{network}.json")[0].state_dict()
        for folder in ("whole", "broken")
    )
    for key, value in whole.items():
        assert torch.equal(value, resumed[key]), key


@pytest.mark.parametrize("network", ["balsiger2018", "rinq", "fang"])
def test_slice_in_strips_is_the_slice_as_a_whole(normalization, network):
    torch.manual_seed(0)
    info = network_info(network)
    trained = TrainedNetwork(info.build(12, 5), normalization).eval()
    signals = torch.randn(27, 16, 12, 2).numpy().view(np.complex64)[..., 0]
    found = slice_maps(trained, signals, info, torch.device("cpu"))
    with torch.no_grad():
        whole = trained(torch.from_numpy(signals).movedim(-1, 0)[None])[0]
    assert found.shape == (27 - 2 * info.margin, 16 - 2 * info.margin, 5)
    spans = np.array([high - low for low, high in RANGES.values()])
    assert np.abs((found - whole.movedim(0, -1).numpy()) / spans).max() < 1e-5


def finish_of(work):
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return stop.value
