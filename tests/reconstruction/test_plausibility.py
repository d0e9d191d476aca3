"""A fit that is implausible for the series as a whole is told with its cause; valid ones are not.

The faults are done to simulated series, so their causes are known.
"""

from dataclasses import replace

import numpy as np
import pytest
from plausibility_cases import (
    DECIBELS,
    SEQUENCES,
    TO_SIGNALS,
    faulty,
    odd_but_valid,
    some,
    valid,
    voxels,
)

import napari_mrf as mrf
from napari_mrf import methods
from napari_mrf.reconstruction.plausibility import CODE, Plausibility

CAUSES = (*TO_SIGNALS, "other-sequence")


def told(sequence, signals, frames=None):
    frames = np.arange(sequence.n_frames) if frames is None else np.asarray(frames)
    return Plausibility(sequence, frames, signals).warnings(len(signals))


def missed(name, cause, seeds, *, undersampled=False):
    """Return (faults, those not told, those told with another cause)."""
    n, silent, other = 0, [], []
    for seed in seeds:
        decibels = 20.0 if undersampled else DECIBELS[::3][seed % 2]
        signals = faulty(name, cause, decibels, seed, undersampled=undersampled)
        if signals is None:
            continue
        n += 1
        warnings = told(SEQUENCES[name], signals)
        if not warnings:
            silent.append((seed, decibels))
        elif cause not in warnings[0].causes:
            other.append((seed, decibels, warnings[0].causes))
    return n, silent, other


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("name", SEQUENCES)
def test_fault_is_told_with_its_cause_at_10_to_40_decibels(name, cause):
    _, silent, other = missed(name, cause, range(2))
    assert not silent
    assert not other


@pytest.mark.parametrize("cause", CAUSES)
def test_fault_is_told_in_an_undersampled_series(cause):
    _, silent, other = missed("t1ff", cause, range(1), undersampled=True)
    assert not silent
    assert not other


@pytest.mark.parametrize("name", SEQUENCES)
def test_valid_series_is_not_spoken_of(name):
    judged = {what: told(SEQUENCES[name], x) for what, x in odd_but_valid(name, seed=3)}
    assert {what: warnings for what, warnings in judged.items() if warnings} == {}


def test_named_sequence_that_explains_the_series_is_named():
    sequence = SEQUENCES["fisp"]
    other = replace(sequence, name="own", flip_angles_deg=sequence.flip_angles_deg[::-1])
    (warning,) = told(other, some(valid("fisp", 20.0, 1)))
    assert warning.causes == ("other-sequence",)
    assert "fits FISP" in warning.message


def test_noise_is_told_and_no_cause_is_made_up():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((2, 200, 175))
    (warning,) = told(SEQUENCES["t1ff"], (noise[0] + 1j * noise[1]).astype(np.complex64))
    assert (warning.code, warning.causes) == (CODE, ())
    assert "no better than noise" in warning.message


def test_dropped_frame_is_told_as_another_sequence():
    signals = np.roll(some(valid("t1ff", 20.0, 0)), 1, axis=1)
    (warning,) = told(SEQUENCES["t1ff"], signals)
    assert warning.causes == ("other-sequence",)


def test_tissue_that_makes_up_for_another_repetition_time_is_not_spoken_of():
    """All relaxation times longer by a fifth give the same signals: no fit can see it."""
    sequence = SEQUENCES["fisp"]
    slower = replace(sequence, repetition_times_ms=1.2 * sequence.repetition_times_ms)
    assert told(sequence, some(voxels(sequence, slower, 20.0, 0))) == []


def test_verdict_does_not_depend_on_phase_gain_and_unused_frames():
    sequence, rng = SEQUENCES["t1ff"], np.random.default_rng(1)
    signals = faulty("t1ff", "time-reversed", 20.0, 0)
    factors = 2.0 ** rng.integers(-3, 4) * np.exp(2j * np.pi * rng.random((len(signals), 1)))
    plain = told(sequence, signals)
    assert plain == told(sequence, (signals * factors).astype(np.complex64))
    right = some(valid("t1ff", 20.0, 0)).copy()
    right[:, 150:] = 7
    assert told(sequence, right, range(150)) == []
    assert told(sequence, right[:, :150], range(150)) == []


@pytest.mark.parametrize(
    ("name", "options"),
    [("water-fat", {}), ("water-fat", {"window": 25}), ("water-fat", {"frames": "0-149"}),
     ("water-fat", {"smooth": 0.5}), ("cohen", {})],
)  # fmt: skip
def test_warning_reaches_the_maps_whatever_the_method_and_its_options(name, options):
    sequence = SEQUENCES["t1ff"]
    signals = some(valid("t1ff", 20.0, 0), 60)
    right, wrong = signals.T, signals[:, ::-1].T
    method = methods.get(name, sequence=sequence, **options)

    def warnings(signal):
        series = mrf.MRFSeries(np.ascontiguousarray(signal).reshape(175, 2, 5, 6))
        maps = method.reconstruct(series, np.ones((2, 5, 6), bool))
        return [one for one in maps.warnings if one.code == CODE]

    assert warnings(right) == []
    (warning,) = warnings(wrong)
    assert (warning.causes, warning.voxels) == (("time-reversed",), 60)


@pytest.mark.monte_carlo
@pytest.mark.parametrize("name", SEQUENCES)
def test_shares_of_many_seeds(name):
    """The counts of docs/matching.md: at least 95 % of faults told, at most 1 % of valid series."""
    counts = [missed(name, cause, range(24)) for cause in CAUSES]
    n, silent = sum(one[0] for one in counts), sum(len(one[1]) for one in counts)
    assert silent <= 0.05 * n
    judged = [
        bool(told(SEQUENCES[name], x)) for seed in range(6) for _, x in odd_but_valid(name, seed)
    ]
    assert sum(judged) <= 0.01 * len(judged)
