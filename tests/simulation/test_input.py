"""What `simulate` accepts, returns and refuses."""

from __future__ import annotations

import numpy as np
import pytest
import skips
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import napari_mrf as mrf

GOOD = {
    "spoiled": {"FF": 0.2, "T1H2O": 1300.0, "T1fat": 300.0},
    "fisp": {"T1": 900.0, "T2": 80.0},
}


def short_sequence(kind):
    base = mrf.sequences.t1ff()
    return mrf.Sequence(
        name=f"short {kind}",
        kind=kind,
        flip_angles_deg=np.linspace(5.0, 60.0, 12),
        repetition_times_ms=10.0,
        echo_times_ms=2.0,
        inversion_time_ms=15.0,
        water_t2_ms=base.water_t2_ms,
        fat_t2_ms=base.fat_t2_ms,
        fat_shifts_hz=base.fat_shifts_hz,
        fat_amplitudes=base.fat_amplitudes,
    )


kinds = pytest.mark.parametrize("kind", ["spoiled", "fisp"])


@kinds
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"T1": 900.0, "T1H2O": 900.0, "T2": 900.0}, "unknown-parameter"),
        ({"fat": 1.0}, "unknown-parameter"),
        ({"B1": float("nan")}, "parameter-not-finite"),
        ({"PD": float("inf")}, "parameter-not-finite"),
        ({"B1": [1.0, -0.1]}, "parameter-out-of-range"),
        ({"PD": -1.0}, "parameter-out-of-range"),
        ({"Df": 5001.0}, "parameter-out-of-range"),
        ({"B1": [1.0, 1.0, 1.0], "Df": [1.0, 2.0]}, "lengths-differ"),
        ({"B1": [1.0, 1.0], "Df": [1.0]}, "lengths-differ"),
        ({"B1": "one"}, "bad-parameter"),
        ({"B1": ["1.0", ""]}, "bad-parameter"),
        ({"B1": None}, "parameter-not-finite"),
        ({"B1": [[1.0, 1.0]]}, "bad-parameter"),
        ({"B1": []}, "bad-parameter"),
        ({"B1": 1.0 + 2.0j}, "bad-parameter"),
        ({"B1": np.array([1.0 + 2.0j])}, "bad-parameter"),
        ({"B1": torch.tensor([1.0 + 2.0j])}, "bad-parameter"),
        ({"B1": torch.tensor([float("nan")])}, "parameter-not-finite"),
        ({"B1": torch.tensor([9.0], requires_grad=True)}, "parameter-out-of-range"),
    ],
)
def test_bad_parameters_are_refused(kind, change, code):
    with pytest.raises(mrf.MRFInputError) as refusal:
        mrf.simulate(short_sequence(kind), {**GOOD[kind], **change})
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("kind", "change", "unit"),
    [
        ("fisp", {"T1": 0.9}, "seconds"),
        ("fisp", {"T1": [900.0, 4.5]}, "seconds"),
        ("fisp", {"T2": [0.08]}, "seconds"),
        ("spoiled", {"T1H2O": 1.3}, "seconds"),
        ("spoiled", {"T1fat": 0.3}, "seconds"),
        ("spoiled", {"FF": 30.0}, "percent"),
        ("spoiled", {"B1": 90.0}, "percent"),
        ("fisp", {"B1": 90.0}, "percent"),
    ],
)
def test_tissue_in_another_unit_is_refused_with_the_likely_one(kind, change, unit):
    with pytest.raises(mrf.MRFInputError, match=f"Is it in {unit}") as refusal:
        mrf.simulate(short_sequence(kind), {**GOOD[kind], **change})
    assert refusal.value.code == "parameter-out-of-range"


@kinds
def test_missing_parameters_are_named(kind):
    for key in GOOD[kind]:
        rest = {k: v for k, v in GOOD[kind].items() if k != key}
        with pytest.raises(mrf.MRFInputError, match=rf"needs {key}\b") as refusal:
            mrf.simulate(short_sequence(kind), rest)
        assert refusal.value.code == "missing-parameter"


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("spoiled", {"FF": 20.0}),  # percent
        ("spoiled", {"T1H2O": [1300.0, 0.9]}),  # seconds
        ("spoiled", {"T1fat": 0.3}),
        ("fisp", {"T1": 0.0}),
        ("fisp", {"T2": 0.05}),
    ],
)
def test_wrong_units_are_refused_with_the_range_and_the_row(kind, change):
    with pytest.raises(mrf.MRFInputError, match=r"out of range in row \d.* ms") as refusal:
        mrf.simulate(short_sequence(kind), {**GOOD[kind], **change})
    assert refusal.value.code == "parameter-out-of-range"


@pytest.mark.parametrize("dtype", ["float32", "c", "nonsense", torch.float64, np.int64])
def test_result_types_that_are_not_complex_are_refused(dtype):
    with pytest.raises(mrf.MRFInputError) as refusal:
        mrf.simulate(short_sequence("fisp"), GOOD["fisp"], dtype=dtype)
    assert refusal.value.code == "bad-dtype"


@pytest.mark.parametrize("n_states", [0, -1, 2.5, True, "25"])
def test_numbers_of_states_that_make_no_sense_are_refused(n_states):
    with pytest.raises(mrf.MRFInputError) as refusal:
        mrf.simulate(short_sequence("fisp"), GOOD["fisp"], n_states=n_states)
    assert refusal.value.code == "bad-n-states"


def test_number_of_states_is_refused_for_a_spoiled_sequence():
    with pytest.raises(mrf.MRFInputError, match="kind fisp or fisp-b1 only"):
        mrf.simulate(short_sequence("spoiled"), GOOD["spoiled"], n_states=25)


def test_unknown_device_is_refused():
    with pytest.raises(mrf.MRFInputError) as refusal:
        mrf.simulate(short_sequence("fisp"), GOOD["fisp"], device="warp")
    assert refusal.value.code == "bad-device"


@kinds
@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("complex64", np.complex64),
        (np.complex128, np.complex128),
        (torch.complex64, np.complex64),
        (torch.complex128, np.complex128),
    ],
)
def test_result_has_the_asked_type(kind, dtype, expected):
    sequence = short_sequence(kind)
    array = mrf.simulate(sequence, GOOD[kind], dtype=dtype)
    assert isinstance(array, np.ndarray)
    assert array.dtype == expected
    tensors = {key: torch.tensor(value) for key, value in GOOD[kind].items()}
    tensor = mrf.simulate(sequence, tensors, dtype=dtype)
    assert isinstance(tensor, torch.Tensor)
    assert tensor.numpy().dtype == expected


@kinds
def test_single_precision_result_is_the_rounded_double(kind):
    single = mrf.simulate(short_sequence(kind), GOOD[kind])
    double = mrf.simulate(short_sequence(kind), GOOD[kind], dtype="complex128")
    np.testing.assert_array_equal(single, double.astype(np.complex64))
    assert np.max(np.abs(single - double)) < 1e-6


@kinds
def test_scalars_spread_over_the_rows(kind):
    sequence = short_sequence(kind)
    spread = mrf.simulate(sequence, {**GOOD[kind], "B1": [0.8, 1.0, 1.1]})
    assert spread.shape == (3, 12)
    rows = {key: np.full(3, value) for key, value in GOOD[kind].items()}
    full = mrf.simulate(sequence, {**rows, "B1": np.array([0.8, 1.0, 1.1])})
    np.testing.assert_array_equal(spread, full)


@kinds
def test_absent_parameters_are_on_resonance_with_nominal_b1_and_unit_scale(kind):
    sequence = short_sequence(kind)
    explicit = {**GOOD[kind], "Df": 0.0, "B1": 1.0, "PD": 1.0}
    np.testing.assert_array_equal(
        mrf.simulate(sequence, GOOD[kind]), mrf.simulate(sequence, explicit)
    )


@kinds
@given(scale=st.floats(0.0, 1e6))
@settings(max_examples=20, deadline=None)
def test_signal_is_linear_in_pd(kind, scale):
    sequence = short_sequence(kind)
    unit = mrf.simulate(sequence, GOOD[kind], dtype="complex128")
    scaled = mrf.simulate(sequence, {**GOOD[kind], "PD": scale}, dtype="complex128")
    np.testing.assert_allclose(scaled, scale * unit, rtol=1e-14, atol=1e-14 * scale)


@given(fraction=st.floats(0.0, 1.0))
@settings(max_examples=20, deadline=None)
def test_signal_is_linear_in_the_fat_fraction(fraction):
    sequence = short_sequence("spoiled")
    water, fat, mixed = mrf.simulate(
        sequence, {**GOOD["spoiled"], "FF": [0.0, 1.0, fraction], "Df": 30.0}, dtype="complex128"
    )
    np.testing.assert_allclose(mixed, (1.0 - fraction) * water + fraction * fat, atol=1e-15)


@kinds
@given(b1=st.floats(0.1, 2.0))
@settings(max_examples=20, deadline=None)
def test_b1_scales_the_flip_angles(kind, b1):
    base = short_sequence(kind)
    fields = {name: getattr(base, name) for name in base.__dataclass_fields__}
    scaled = mrf.Sequence(**{**fields, "flip_angles_deg": base.flip_angles_deg * b1})
    np.testing.assert_allclose(
        mrf.simulate(base, {**GOOD[kind], "B1": b1}, dtype="complex128"),
        mrf.simulate(scaled, GOOD[kind], dtype="complex128"),
        atol=1e-14,
    )


@kinds
def test_simulation_does_not_change_its_input(kind):
    parameters = {key: np.full(4, value) for key, value in GOOD[kind].items()}
    copies = {key: values.copy() for key, values in parameters.items()}
    mrf.simulate(short_sequence(kind), {**parameters, "PD": np.full(4, 2.0)})
    for key, values in parameters.items():
        np.testing.assert_array_equal(values, copies[key])


@pytest.mark.skipif(not torch.cuda.is_available(), reason=skips.NO_GPU)
@kinds
def test_accelerator_gives_the_numbers_of_the_cpu(kind):
    sequence = short_sequence(kind)
    on_cpu = mrf.simulate(sequence, GOOD[kind], dtype="complex128")
    on_cuda = mrf.simulate(sequence, GOOD[kind], dtype="complex128", device="cuda")
    assert isinstance(on_cuda, np.ndarray)
    np.testing.assert_allclose(on_cuda, on_cpu, atol=1e-12)
