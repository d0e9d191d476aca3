"""The experiments of BlochNet: sequences, tissues, decoder, and tables."""

import numpy as np
import pytest
import torch

from napari_mrf import simulate
from napari_mrf.reproduction.blochnet import tables
from napari_mrf.reproduction.blochnet.data import (
    T1_RANGE_MS,
    T2_RANGE_MS,
    SeveralSequences,
    brains,
    fingerprints,
    synthetic,
)
from napari_mrf.reproduction.blochnet.tables import (
    fisp_even,
    spline5_like,
    spline11_noisy_like,
)
from napari_mrf.reproduction.blochnet.training import (
    KnownPhase,
    Laboratory,
    forward_weight,
    matched,
)
from napari_mrf.reproduction.experiment import Settings
from napari_mrf.reproduction.published import published_table

PULSES = 60


def test_sequences_differ_in_their_flip_angles_alone():
    played = [fisp_even(), spline5_like(), spline11_noisy_like()]
    assert len({one.fingerprint() for one in played}) == 3
    for one in played:
        assert one.n_frames == 1000
        assert set(one.repetition_times_ms) == {12.0}
        assert set(one.echo_times_ms) == {2.0}
        assert (one.flip_angles_deg >= 0).all()
        assert (one.flip_angles_deg <= 120).all()
    # A cubic through 5 nodes bends smoothly between its limits, the other one is noisy.
    roughness = [
        np.abs(np.diff(one.flip_angles_deg, 2))[one.flip_angles_deg[1:-1] > 0].mean()
        for one in played[1:]
    ]
    assert roughness[0] < 0.02
    assert roughness[1] > 2
    np.testing.assert_array_equal(
        spline11_noisy_like(70).flip_angles_deg, played[2].flip_angles_deg[:70]
    )


def test_synthetic_tissues_fill_the_possible_half_of_the_ranges():
    pairs = synthetic(20_000, seed=0)
    assert (pairs[:, 1] <= pairs[:, 0]).all()
    assert (pairs.min(axis=0) >= [T1_RANGE_MS[0], T2_RANGE_MS[0]]).all()
    assert (pairs.max(axis=0) > [4900, 2400]).all()
    # Uniform where T2 <= T1: above T1 = 2500 lie 2500 · 2500 of 2500 · 2500 · 1.5.
    assert np.mean(pairs[:, 0] > 2500) == pytest.approx(2 / 3, abs=0.02)


def test_brain_tissues_are_those_of_a_brain():
    pairs = brains(2000, n_people=1, n_lesions=0, spread=0.04, seed=1)
    assert (pairs[:, 1] < pairs[:, 0]).all()
    white, fluid = np.percentile(pairs[:, 0], [5, 99])
    assert 700 < white < 1000
    assert fluid > 3000


def test_known_phase_keeps_the_sign_and_takes_the_scale():
    normalization = KnownPhase(torch.ones(40, dtype=torch.complex64), [0.0], [1.0])
    signals = torch.randn(3, 40, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    canonical = normalization.canonical(signals)
    torch.testing.assert_close((canonical**2).sum(dim=(1, 2)), torch.full((3,), 40.0))
    torch.testing.assert_close(normalization.canonical(7 * signals), canonical)
    torch.testing.assert_close(normalization.canonical(-signals), -canonical)


def test_batch_has_equal_parts_of_every_sequence_in_their_order():
    first, second = torch.zeros(6, 5) + 0j, torch.ones(6, 5) + 0j
    data = SeveralSequences([first, second], torch.arange(12.0).reshape(6, 2), sigma=0.0)
    batch = data.batch(torch.tensor([5, 0, 3, 1]), torch.Generator())
    np.testing.assert_array_equal(batch.signals[:, 0].real, [0, 0, 1, 1])
    np.testing.assert_array_equal(batch.maps[:, 0], [10, 0, 6, 2])


def test_decoder_plays_the_sequence_that_each_part_was_measured_with():
    played = [spline5_like(PULSES), spline11_noisy_like(PULSES)]
    laboratory = Laboratory(played, 100, 1, Settings())
    pairs = np.array([[900.0, 60.0], [1500.0, 90.0]] * 2)
    scaled = laboratory.normalization.scaled(torch.from_numpy(pairs))
    found = laboratory.decoder()(scaled)
    for rows, sequence in ((slice(0, 2), played[0]), (slice(2, 4), played[1])):
        exact = simulate(sequence, {"T1": pairs[rows, 0], "T2": pairs[rows, 1]}, dtype="complex128")
        exact *= np.sqrt(PULSES) / np.linalg.norm(exact, axis=1, keepdims=True)
        np.testing.assert_allclose(found[rows, 0], exact.real, atol=2e-3)
        np.testing.assert_allclose(found[rows, 1], exact.imag, atol=2e-3)


def test_weight_of_the_fingerprint_is_that_of_the_sum_of_squares_of_the_paper():
    rng = np.random.default_rng(0)
    ranges = np.log([T1_RANGE_MS[1] / T1_RANGE_MS[0], T2_RANGE_MS[1] / T2_RANGE_MS[0]])
    scaled = rng.normal(0, 0.01, (50_000, 2))
    embedding = np.sum((scaled * ranges) ** 2, axis=1).mean()
    canonical = rng.normal(0, 0.1, (2000, 2 * 175))  # of mean power 1: unit norm times sqrt(T)
    reconstruction = np.sum((canonical / np.sqrt(175)) ** 2, axis=1).mean()
    paper = reconstruction / embedding
    ours = forward_weight() * np.mean(canonical**2) / np.mean(scaled**2)
    assert ours == pytest.approx(paper, rel=0.02)


def test_matching_finds_the_atom_of_either_sequence():
    pairs = synthetic(50, seed=3)
    atoms = [fingerprints(one, pairs) for one in (fisp_even(PULSES), spline5_like(PULSES))]
    for signals in atoms:
        np.testing.assert_array_equal(matched(atoms, pairs, signals * 1j), pairs)


def test_errors_are_squares_of_natural_logarithms():
    truth = np.array([[1000.0, 100.0], [1000.0, 100.0]])
    found = truth * np.exp([[0.1, 0.0], [-0.1, 0.3]])
    errors = tables.log_errors(truth, found)
    assert errors["mse_T1"] == pytest.approx(0.01)
    assert errors["mse_T2"] == pytest.approx(0.045)
    assert errors["mse"] == pytest.approx(0.0275)


def test_published_numbers_of_blochnet_are_best_for_blochnet():
    for name in ("blochnet-table1", "blochnet-table2"):
        table = published_table(name).pivot(index="map", columns="method", values="mean")
        assert table.shape == (2, 7)
        assert set(table.idxmin(axis=1)) == {"blochnet"}
