"""The fast simulator for single voxels gives the numbers of `simulate`."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import napari_mrf as mrf
from napari_mrf.simulation.voxel_simulator import VoxelSimulator

T1FF = mrf.sequences.t1ff()
FULL = VoxelSimulator(T1FF)
SHORT = replace(
    T1FF,
    flip_angles_deg=np.tile([5.0, 15.0, 10.0, 20.0], 4),
    repetition_times_ms=np.tile([4.0, 5.0], 8),
    echo_times_ms=np.tile([2.0, 2.5, 3.0, 3.5], 4),  # varies inside a frame
    rf_phases_deg=np.linspace(0.0, 150.0, 16),
    pulses_per_frame=4,
    recovery_time_ms=700.0,
)
TISSUES = {
    "FF": np.array([0.0, 0.31, 1.0]),
    "T1H2O": np.array([300.0, 1211.0, 4000.0]),
    "T1fat": np.array([150.0, 333.0, 800.0]),
    "Df": np.array([-217.0, 0.0, 63.0]),
    "B1": np.array([0.2, 0.87, 1.6]),
}


@pytest.mark.parametrize(
    "sequence",
    [SHORT, replace(SHORT, inversion_time_ms=None, repetitions=1, pulses_per_frame=1)],
    ids=["inversion", "no inversion"],
)
def test_numbers_are_those_of_simulate(sequence):
    expected = mrf.simulate(sequence, TISSUES, dtype="complex128")
    found = VoxelSimulator(sequence).fingerprints(TISSUES)
    assert found.shape == (3, sequence.n_frames)
    assert np.abs(found - expected).max() < 1e-12


@pytest.mark.filterwarnings("error")
def test_t1ff_has_the_published_first_frame():
    one = {"FF": [0.0], "T1H2O": [1300.0], "T1fat": [300.0], "Df": [0.0], "B1": [1.0]}
    found = FULL.fingerprints({key: np.array(values) for key, values in one.items()})
    assert found[0, 0].real == pytest.approx(-0.0774, abs=5e-5)
    expected = mrf.simulate(T1FF, one, dtype="complex128")
    assert np.abs(found - expected).max() < 1e-12


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 1), st.floats(-300, 300), st.floats(0.1, 1.6))
def test_fat_fraction_mixes_linearly(fraction, df_hz, b1):
    def at(fat_fraction):
        values = {"FF": fat_fraction, "T1H2O": 1200.0, "T1fat": 300.0, "Df": df_hz, "B1": b1}
        return FULL.fingerprints({key: np.array([value]) for key, value in values.items()})

    mixed = (1 - fraction) * at(0.0) + fraction * at(1.0)
    assert np.abs(at(fraction) - mixed).max() < 1e-12


def test_fisp_goes_through_simulate():
    sequence = mrf.sequences.fisp()
    tissues = {"T1": np.array([800.0, 1200.0]), "T2": np.array([60.0, 90.0])}
    found = VoxelSimulator(sequence).fingerprints(tissues)
    assert np.array_equal(found, mrf.simulate(sequence, tissues, dtype="complex128"))


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [("B1", 7.0, "parameter-out-of-range"), ("T1H2O", np.nan, "parameter-not-finite")],
)
def test_impossible_values_are_refused_as_by_simulate(key, value, code):
    tissues = {**TISSUES, key: np.array([value] * 3)}
    with pytest.raises(mrf.MRFInputError) as caught:
        FULL.fingerprints(tissues)
    assert caught.value.code == code
    missing = {name: values for name, values in TISSUES.items() if name != "FF"}
    with pytest.raises(mrf.MRFInputError, match="FF"):
        FULL.fingerprints(missing)
