"""Shares of the frames in the Fisher information: closed forms, and the Cramér-Rao bound."""

import numpy as np
import pytest
from importance_cases import small_sequence

import napari_mrf as mrf
from napari_mrf.analysis.importance.fisher import (
    fisher_shares,
    iter_mean_fisher_shares,
    marginal_shares,
)
from napari_mrf.simulation.cramer_rao import free_parameters, jacobian

TISSUE = {"FF": 0.3, "T1H2O": 1300.0, "T1fat": 320.0, "Df": 15.0, "B1": 0.8}


def test_decay_rate_with_unknown_scale_has_the_closed_form():
    """s = M0 exp(-R t): the share of t is proportional to (t - mean t)² exp(-2 R t)."""
    times, rate = np.linspace(1, 60, 30), 1 / 25
    signal = np.exp(-rate * times)
    weights = signal**2
    center = np.sum(weights * times) / np.sum(weights)
    expected = (times - center) ** 2 * weights
    shares = marginal_shares(np.array([[-times * signal, signal, 1j * signal]]))
    np.testing.assert_allclose(shares[0, 0], expected / expected.sum(), atol=1e-12)


def test_frequency_with_unknown_phase_has_the_closed_form():
    """s = M0 exp(-2πi f t): the share of t is proportional to (t - mean t)²."""
    times = np.linspace(0, 9, 10)
    signal = np.exp(-2j * np.pi * 0.05 * times)
    shares = marginal_shares(np.array([[-2j * np.pi * times * signal, signal, 1j * signal]]))
    expected = (times - times.mean()) ** 2
    np.testing.assert_allclose(shares[0, 0], expected / expected.sum(), atol=1e-12)


def test_off_resonance_of_water_with_fat_on_water_has_the_closed_form():
    """Without a chemical shift all derivatives but that by Df have the phase of the signal."""
    sequence = mrf.Sequence(
        name="short", kind="spoiled", flip_angles_deg=np.linspace(5, 30, 12),
        repetition_times_ms=10.0, echo_times_ms=np.linspace(2, 5, 12), inversion_time_ms=10.0,
        recovery_time_ms=500.0, water_t2_ms=40.0, fat_t2_ms=80.0, fat_shifts_hz=[0.0],
        fat_amplitudes=[1.0],
    )  # fmt: skip
    weights = np.abs(mrf.simulate(sequence, {k: [v] for k, v in TISSUE.items()}, dtype="c16")[0])
    weights = weights**2
    times = sequence.echo_times_ms
    expected = (times - np.sum(weights * times) / np.sum(weights)) ** 2 * weights
    shares = fisher_shares(sequence, TISSUE)["Df"][0]
    np.testing.assert_allclose(shares, expected / expected.sum(), atol=1e-9)


def test_shares_add_up_and_belong_to_the_cramer_rao_bound():
    """What is shared out is 1 / bound²: the part of the derivative that no other imitates."""
    sequence = mrf.sequences.t1ff()
    shares = fisher_shares(sequence, TISSUE)
    bound = mrf.crlb(sequence, TISSUE, 1.0)
    derivatives = jacobian(sequence, TISSUE)[0]
    stacked = np.concatenate([derivatives.real, derivatives.imag], axis=1)
    for row, key in enumerate(free_parameters(sequence)):
        others = np.delete(stacked, row, axis=0)
        sizes = np.linalg.norm(others, axis=1, keepdims=True)
        fit = np.linalg.lstsq((others / sizes).T, stacked[row], rcond=None)[0]
        rest = stacked[row] - fit @ (others / sizes)
        energy = rest[:175] ** 2 + rest[175:] ** 2
        assert energy.sum() == pytest.approx(bound[key][0] ** -2, rel=1e-6)
        np.testing.assert_allclose(shares[key][0], energy / energy.sum(), atol=1e-8)
        assert shares[key][0].sum() == pytest.approx(1.0)


def test_frames_left_out_have_no_share_and_the_rest_all():
    sequence = small_sequence()
    shares = fisher_shares(sequence, TISSUE, frames=range(9))
    for values in shares.values():
        assert np.all(values[0, 9:] == 0)
        assert values[0].sum() == pytest.approx(1.0)


def test_fat_t1_without_fat_has_no_shares():
    shares = fisher_shares(small_sequence(), TISSUE | {"FF": 0.0})
    assert np.isnan(shares["T1fat"]).all()
    assert np.isfinite(shares["T1H2O"]).all()


def test_mean_over_voxels_obeys_the_validity_rules():
    sequence = small_sequence()
    values = {key: np.full(4, value) for key, value in TISSUE.items()}
    values["FF"] = np.array([0.1, 0.2, 0.9, np.nan])
    *_, means = iter_mean_fisher_shares(sequence, values)
    tissues = {key: v[:3] for key, v in values.items()}
    each = fisher_shares(sequence, tissues)
    np.testing.assert_allclose(means["T1H2O"], each["T1H2O"][:2].mean(axis=0))
    np.testing.assert_allclose(means["T1fat"], each["T1fat"][2])
    np.testing.assert_allclose(means["B1"], each["B1"].mean(axis=0))


def test_proton_density_of_fisp_has_shares_too():
    sequence = mrf.Sequence(
        name="short", kind="fisp", flip_angles_deg=5 + 50 * np.sin(np.arange(40) / 9) ** 2,
        repetition_times_ms=12.0, echo_times_ms=2.0, inversion_time_ms=20.0,
    )  # fmt: skip
    shares = fisher_shares(sequence, {"T1": 1000.0, "T2": 80.0})
    assert set(shares) == {"PD", "T1", "T2"}
    for values in shares.values():
        assert values[0].sum() == pytest.approx(1.0)
