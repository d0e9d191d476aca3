"""Both engines of water and fat, compiled and through torch, give the same numbers."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from properties import check_chunks_and_threads, in_chunks

import napari_mrf as mrf
from napari_mrf.simulation.models import MODELS
from napari_mrf.simulation.water_fat import WaterFat

T1FF = mrf.sequences.t1ff()
SMALL = replace(
    T1FF,
    flip_angles_deg=np.repeat([5.0, 15.0, 10.0, 20.0], 4),
    repetition_times_ms=np.tile([4.0, 5.0], 8),
    echo_times_ms=np.repeat([2.0, 2.5, 3.0, 3.5], 4),
    rf_phases_deg=np.repeat([0.0, 30.0, 60.0, 90.0], 4),
    pulses_per_frame=2,
    recovery_time_ms=700.0,
)
SEQUENCES = {
    "t1ff": T1FF,
    "small": SMALL,
    "no inversion": replace(SMALL, inversion_time_ms=None),
    "one repetition": replace(SMALL, repetitions=1, recovery_time_ms=0.0),
    "three repetitions": replace(SMALL, repetitions=3),
    "a frame a pulse": replace(SMALL, pulses_per_frame=1),
}
N = 37  # no multiple of the rows that the kernel takes together


@pytest.fixture(scope="module")
def tissues():
    rng = np.random.default_rng(3)
    ranges = {"FF": (0.0, 1.0), "T1H2O": (300.0, 4000.0), "T1fat": (150.0, 800.0),
              "Df": (-300.0, 300.0), "B1": (0.2, 1.6), "PD": (0.5, 2.0)}  # fmt: skip
    return {key: rng.uniform(*one, N) for key, one in ranges.items()}


def through_torch(sequence, tissues):
    """Return fingerprints of parameters that could be differentiated."""
    columns = {key: torch.as_tensor(one) for key, one in tissues.items()}
    return mrf.simulate(sequence, columns, dtype="complex128").numpy()


@pytest.fixture
def compiled(monkeypatch):
    """Return the numbers of tissues that were compiled."""
    counts, compiled = [], WaterFat.compiled

    def counted(self, sequence, tissue, n_states):
        counts.append(len(tissue["FF"]))
        return compiled(self, sequence, tissue, n_states)

    monkeypatch.setattr(WaterFat, "compiled", counted)
    return counts


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("left_out", [(), ("Df",), ("B1", "PD"), ("Df", "B1", "PD")])
def test_both_engines_give_the_same_numbers(name, left_out, tissues, compiled):
    of = {key: one for key, one in tissues.items() if key not in left_out}
    found = mrf.simulate(SEQUENCES[name], of, dtype="complex128")
    assert compiled == [N]
    expected = through_torch(SEQUENCES[name], of)
    assert compiled == [N]
    assert np.abs(found - expected).max() < 1e-12


def test_chunks_and_threads_change_nothing(tissues):
    rows = np.stack(list(tissues.values()), axis=1)

    def simulated(part):
        return {"signal": mrf.simulate(T1FF, dict(zip(tissues, part.T, strict=True)))}

    check_chunks_and_threads(
        lambda chunk, _: in_chunks(simulated, rows, chunk), [(None, 2), (8, 1), (5, 2)]
    )


def test_a_row_does_not_depend_on_its_neighbors(tissues):
    whole = mrf.simulate(SMALL, tissues, dtype="complex128")
    for row in (0, 5, N - 1):
        one = {key: values[row : row + 1] for key, values in tissues.items()}
        np.testing.assert_array_equal(mrf.simulate(SMALL, one, dtype="complex128")[0], whole[row])


def test_sequences_without_a_product_of_factors_go_through_torch(tissues, compiled):
    echo_times_ms = np.tile([2.0, 2.5, 3.0, 3.5], 4)  # they differ within a frame
    varied = replace(SMALL, echo_times_ms=echo_times_ms)
    overlapping = replace(SMALL, pulses_per_frame=4, pulses_between_frames=2)
    assert mrf.simulate(varied, tissues).shape == (N, varied.n_frames)
    assert mrf.simulate(overlapping, tissues).shape == (N, overlapping.n_frames)
    assert compiled == []
    assert not MODELS["spoiled"].is_compiled(varied)


def test_numba_that_does_not_compile_is_not_asked(tissues, compiled, monkeypatch):
    expected = mrf.simulate(SMALL, tissues)
    monkeypatch.setattr("numba.config.DISABLE_JIT", 1)
    np.testing.assert_allclose(mrf.simulate(SMALL, tissues), expected, rtol=1e-6, atol=1e-6)
    assert compiled == [N]


def test_pure_water_and_pure_fat_are_their_own(tissues):
    """T1 of a species that is not there has no say."""
    of = {**tissues, "FF": np.zeros(N)}
    other = {**of, "T1fat": of["T1fat"] * 0.5}
    np.testing.assert_array_equal(mrf.simulate(T1FF, of), mrf.simulate(T1FF, other))
    of = {**tissues, "FF": np.ones(N)}
    other = {**of, "T1H2O": of["T1H2O"] * 0.5}
    np.testing.assert_array_equal(mrf.simulate(T1FF, of), mrf.simulate(T1FF, other))
