"""The temporal basis by pulse."""

import numpy as np
import pytest

import napari_mrf as mrf
from napari_mrf.data import sequences
from napari_mrf.dictionary.pulse_basis import cached_pulse_basis, make_pulse_basis
from napari_mrf.errors import MRFInputError


def short(name, n=80):
    """The first pulses of a published sequence."""
    import dataclasses

    whole = getattr(sequences, name)()
    cut = {
        key: getattr(whole, key)[:n]
        for key in ("flip_angles_deg", "echo_times_ms", "repetition_times_ms", "rf_phases_deg")
        if getattr(whole, key).ndim and len(getattr(whole, key)) > 1
    }
    return dataclasses.replace(whole, **cut, name="short")


@pytest.mark.parametrize("name", ["t1ff", "fisp", "fisp_b1"])
def test_vectors_are_orthonormal_and_leave_little_out(name):
    sequence = short(name)
    basis = make_pulse_basis(sequence)
    product = basis.vectors.conj().T @ basis.vectors
    assert np.allclose(product, np.eye(basis.rank), atol=1e-5)
    assert basis.left_out < 0.01 or basis.rank == 16
    assert np.all(np.diff(basis.singular_values) <= 0)


def test_mixtures_of_water_and_fat_lie_in_the_subspace():
    sequence = short("t1ff")
    basis = make_pulse_basis(sequence)
    rng = np.random.default_rng(0)
    tissue = {
        "FF": rng.random(200), "T1H2O": rng.uniform(600, 2000, 200),
        "T1fat": rng.uniform(230, 420, 200), "Df": rng.uniform(-100, 100, 200),
        "B1": rng.uniform(0.4, 1.1, 200),
    }  # fmt: skip
    signals = mrf.simulate(sequence, tissue)
    frames = basis.by_frame()
    assert frames.shape == (sequence.n_frames, basis.rank)
    fitted = frames @ np.linalg.lstsq(frames, signals.T, rcond=None)[0]
    left = np.linalg.norm(fitted - signals.T, axis=0) / np.linalg.norm(signals, axis=1)
    assert np.sqrt(np.mean(left**2)) < 0.02


def test_frames_are_means_of_their_pulses():
    basis = make_pulse_basis(short("t1ff"), rank=3)
    expected = basis.vectors.reshape(-1, 8, 3).mean(axis=1)
    assert np.allclose(basis.by_frame(), expected)


def test_rank_of_the_published_sequence_is_the_first_without_loss():
    basis = cached_pulse_basis(sequences.t1ff())
    assert basis.rank == 10


def test_kept_basis_is_the_same(tmp_path):
    sequence = short("fisp")
    first, again = cached_pulse_basis(sequence, 4), cached_pulse_basis(sequence, 4)
    assert np.array_equal(first.vectors, again.vectors)
    assert np.array_equal(first.singular_values, again.singular_values)
    assert first.left_out == again.left_out


@pytest.mark.parametrize("rank", [0, 81])
def test_impossible_rank_is_refused(rank):
    with pytest.raises(MRFInputError) as error:
        make_pulse_basis(short("fisp"), rank)
    assert error.value.code == "bad-option"
