"""Gradients of every tissue parameter against central differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import napari_mrf as mrf

TISSUES = {
    "spoiled": {
        "FF": [0.05, 0.3, 0.9],
        "T1H2O": [1300.0, 900.0, 2000.0],
        "T1fat": [300.0, 215.0, 390.0],
        "Df": [10.0, 45.0, -120.0],
        "B1": [1.0, 0.35, 0.8],
        "PD": [1.0, 0.4, 7.0],
    },
    "fisp": {
        "T1": [800.0, 1200.0],
        "T2": [60.0, 900.0],
        "Df": [20.0, -35.0],
        "B1": [1.0, 0.7],
        "PD": [1.0, 3.0],
    },
}


def tensors(kind):
    return {k: torch.tensor(v, dtype=torch.float64) for k, v in TISSUES[kind].items()}


def short_sequence(kind):
    """Return 45 pulses in two repetitions: more than one replayed segment."""
    random = np.random.default_rng(8)
    base = mrf.sequences.t1ff()
    return mrf.Sequence(
        name="short",
        kind=kind,
        flip_angles_deg=random.uniform(5.0, 80.0, 45),
        repetition_times_ms=random.uniform(8.0, 14.0, 45),
        echo_times_ms=random.uniform(1.0, 6.0, 45),
        rf_phases_deg=0.0,
        inversion_time_ms=15.0,
        recovery_time_ms=90.0,
        repetitions=2,
        pulses_per_frame=3,
        water_t2_ms=base.water_t2_ms,
        fat_t2_ms=base.fat_t2_ms,
        fat_shifts_hz=base.fat_shifts_hz,
        fat_amplitudes=base.fat_amplitudes,
    )


CASES = [("spoiled", key, "all") for key in TISSUES["spoiled"]] + [
    ("fisp", key, given) for given in ("all", "on resonance") for key in TISSUES["fisp"]
]


@pytest.mark.parametrize(
    ("kind", "key", "given"), [c for c in CASES if c[1:] != ("Df", "on resonance")]
)
def test_gradient_agrees_with_central_differences(kind, key, given):
    parameters = tensors(kind)
    if given == "on resonance":
        del parameters["Df"]
    sequence = short_sequence(kind)

    mixture = torch.as_tensor(np.random.default_rng(9).standard_normal((sequence.n_frames, 2)))

    # A relative change, so that one step size suits milliseconds and fractions alike. Mixtures
    # of the frames, because the check plays the sequence back once for every output.
    def signal(relative):
        changed = {**parameters, key: parameters[key] * relative}
        return mrf.simulate(sequence, changed, dtype="complex128") @ mixture.to(torch.complex128)

    relative = torch.ones(len(parameters[key]), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(signal, relative, eps=1e-5, atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize("key", ["T1", "T2", "B1"])
def test_gradient_through_1000_pulses_agrees_with_central_differences(key):
    sequence = mrf.sequences.fisp()
    values = {"T1": 900.0, "T2": 120.0, "B1": 0.9}
    weights = np.random.default_rng(9).standard_normal(1000)
    variable = torch.tensor([values[key]], dtype=torch.float64, requires_grad=True)
    signal = mrf.simulate(sequence, {**values, key: variable}, dtype="complex128")
    (signal[0].imag * torch.as_tensor(weights)).sum().backward()

    step = 1e-5 * values[key]
    up, down = (
        mrf.simulate(sequence, {**values, key: values[key] + change}, dtype="complex128")[0]
        for change in (step, -step)
    )
    expected = weights @ (up - down).imag / (2 * step)
    assert float(variable.grad) == pytest.approx(expected, rel=1e-6)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script. is deprecated:DeprecationWarning")
@pytest.mark.parametrize("kind", ["spoiled", "fisp"])
def test_forward_mode_gives_the_same_derivatives_as_backward_mode(kind):
    values = tensors(kind)
    sequence = short_sequence(kind)
    key = "B1"
    direction = torch.ones_like(values[key])

    def signal(changed):
        result = mrf.simulate(sequence, {**values, key: changed}, dtype="complex128")
        return torch.view_as_real(result)

    _, forward = torch.func.jvp(signal, (values[key],), (direction,))
    backward = torch.autograd.functional.jacobian(signal, values[key]).sum(dim=-1)
    np.testing.assert_allclose(forward.numpy(), backward.numpy(), atol=1e-12)


def test_gradient_flows_into_single_precision_parameters():
    T1 = torch.tensor([900.0], requires_grad=True)
    mrf.simulate(short_sequence("fisp"), {"T1": T1, "T2": 80.0}).abs().sum().backward()
    assert T1.grad.dtype == torch.float32
    assert torch.isfinite(T1.grad).all()
