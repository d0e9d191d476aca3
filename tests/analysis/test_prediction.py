"""What a set of maps predicts in a voxel: exact where the maps are the truth, silent elsewhere."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from properties import check_complex_factor_invariance, random_factors

import napari_mrf as mrf
from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.analysis.inspection.mean_fingerprint import mean_fingerprint
from napari_mrf.analysis.inspection.predictor import Predictor
from napari_mrf.data import sequences
from napari_mrf.data.maps import FLAGS

SEQUENCE = sequences.t1ff()
SHAPE = (2, 2, 3)
N = 12
RNG = np.random.default_rng(4)
TRUTH = {
    "FF": RNG.uniform(0.05, 0.9, N),
    "T1H2O": RNG.uniform(800, 1600, N),
    "T1fat": RNG.uniform(250, 400, N),
    "Df": RNG.uniform(-100, 100, N),
    "B1": RNG.uniform(0.6, 1.1, N),
}
# Rounded as maps are stored, so that the maps are the truth.
TRUTH = {key: values.astype(np.float32).astype(np.float64) for key, values in TRUTH.items()}
GAIN = (RNG.uniform(50, 200, N) * np.exp(1j * RNG.uniform(-3, 3, N))).astype(np.complex64)
MODEL = mrf.simulate(SEQUENCE, TRUTH, dtype="complex128")
SIGNAL = (MODEL * GAIN[:, None]).T.reshape(175, *SHAPE)
SERIES = MRFSeries(SIGNAL, sequence=SEQUENCE, affine=np.eye(4))
VOXEL = (1, 0, 2)
ROW = np.ravel_multi_index(VOXEL, SHAPE)


def maps_of(*, m0=None, provenance=None, flags=None, affine=None, **changed):
    values = {**{key: values.reshape(SHAPE) for key, values in TRUTH.items()}, **changed}
    values = {key: column for key, column in values.items() if column is not None}
    return ParameterMaps(values, m0=m0, provenance=provenance, flags=flags, affine=affine)


def predicted(maps, series=SERIES, **options):
    predictor = Predictor.of("set", maps, series, **options)
    return predictor, predictor.at(VOXEL, series.fingerprint(*VOXEL))


@pytest.mark.parametrize("m0", [None, GAIN.reshape(SHAPE)], ids=["fitted scale", "m0"])
def test_true_maps_predict_what_was_measured(m0):
    predictor, prediction = predicted(maps_of(m0=m0))
    assert prediction.scale_from == ("fit" if m0 is None else "m0")
    assert prediction.scale == pytest.approx(complex(GAIN[ROW]), rel=1e-6)
    error = np.abs(prediction.signal - SIGNAL[(slice(None), *VOXEL)]).max()
    assert error < 1e-6 * np.abs(SIGNAL).max()
    assert prediction.correlation == pytest.approx(1, abs=1e-12)
    assert predictor.used.all() and predictor.note == "" and prediction.reason == ""
    assert prediction.values["Df"] == TRUTH["Df"][ROW]


def test_m0_of_another_series_is_not_taken():
    _, prediction = predicted(maps_of(m0=3 * GAIN.reshape(SHAPE)), is_own_series=False)
    assert prediction.scale_from == "fit"
    assert prediction.correlation == pytest.approx(1)
    assert prediction.scale == pytest.approx(complex(GAIN[ROW]), rel=1e-6)


def test_a_complex_factor_of_the_series_scales_the_prediction():
    predictor = Predictor.of("set", maps_of(FF=0.5 * np.ones(SHAPE)), SERIES)

    def by_name(signals):
        predicted = [predictor.at(VOXEL, signal) for signal in signals]
        assert all(one.correlation < 0.9999 for one in predicted)
        return {
            "m0": np.array([one.scale for one in predicted]),
            "quality": np.array([one.correlation for one in predicted]),
        } | {f"frame {t}": np.array([one.signal[t] / one.scale for one in predicted])
             for t in range(175)}  # fmt: skip

    measured = np.repeat(SIGNAL[(slice(None), *VOXEL)][None], 20, axis=0)
    factors = random_factors(np.random.default_rng(6), 20, 4)
    check_complex_factor_invariance(by_name, measured, factors, rtol=1e-6)


def test_conjugated_run_is_turned_back():
    series = MRFSeries(SIGNAL.conj(), sequence=SEQUENCE)
    provenance = {"conditioning": {"conjugate": True}}
    for m0 in (None, GAIN.reshape(SHAPE)):
        predictor, prediction = predicted(maps_of(m0=m0, provenance=provenance), series)
        assert np.allclose(prediction.signal, series.fingerprint(*VOXEL), rtol=1e-5, atol=1e-5)
        assert "conjugate" in predictor.note


def test_frames_left_out_are_predicted_but_fit_nothing():
    provenance = {"conditioning": {"frames": list(range(150))}}
    broken = SIGNAL.copy()
    broken[150:] *= 7
    predictor, prediction = predicted(
        maps_of(provenance=provenance), replace(SERIES, signal=broken)
    )
    assert list(np.nonzero(~predictor.used)[0]) == list(range(150, 175))
    assert prediction.correlation == pytest.approx(1, abs=1e-9)
    assert np.allclose(prediction.signal, SIGNAL[(slice(None), *VOXEL)], rtol=1e-4, atol=1e-3)
    assert "150 of 175 frames" in predictor.note


def test_a_window_or_smoothing_is_told():
    provenance = {"conditioning": {"window_frames": 25, "smooth_voxels": 0.5}}
    note = Predictor.of("set", maps_of(provenance=provenance), SERIES).note
    assert "averaged 25 frames" in note and "smoothed by 0.5 voxels" in note


def test_missing_off_resonance_and_b1_are_assumed_and_told():
    predictor, prediction = predicted(maps_of(Df=None, B1=None))
    one = {key: [TRUTH[key][ROW]] for key in ("FF", "T1H2O", "T1fat")}
    expected = mrf.simulate(SEQUENCE, {**one, "Df": 0.0, "B1": 1.0}, dtype="complex128")[0]
    ratio = prediction.signal / expected
    assert np.allclose(ratio, ratio[0])
    assert "Df = 0 Hz and B1 = 1 is assumed" in predictor.note


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        (ParameterMaps({"FF": np.ones((1, 2, 3))}), "another shape, 1 × 2 × 3 voxels"),
        (maps_of(affine=np.diag([2.0, 2, 2, 1])), "another grid than the series: voxels of"),
        (maps_of(T1fat=None), "needs T1fat"),
        (maps_of(provenance={"sequence": {"name": "FISP", "fingerprint": "x"}}), "sequence, FISP"),
        (maps_of(B1=np.full(SHAPE, 8.0)), "B1 is out of range"),
    ],
)
def test_no_prediction_says_why(maps, words):
    _, prediction = predicted(maps)
    assert prediction.signal is None and np.isnan(prediction.correlation)
    assert words in prediction.reason


def test_no_prediction_without_sequence_or_phase():
    _, prediction = predicted(maps_of(), replace(SERIES, sequence=None))
    assert "pick it in Series" in prediction.reason
    _, prediction = predicted(maps_of(), replace(SERIES, metadata={"magnitude_only": True}))
    assert "magnitude alone" in prediction.reason


@pytest.mark.parametrize(
    ("flag", "words"),
    [(0, "outside the mask"), (FLAGS["no-signal"], "no signal"), (FLAGS["not-finite"], "finite")],
)
def test_voxel_without_value_says_why(flag, words):
    nothing = {key: np.full(SHAPE, np.nan) for key in TRUTH}
    _, prediction = predicted(maps_of(flags=np.full(SHAPE, flag), **nothing))
    assert prediction.signal is None and words in prediction.reason
    _, partly = predicted(maps_of(T1fat=np.full(SHAPE, np.nan)))
    assert partly.reason == "no value of T1fat" and partly.values["FF"] == TRUTH["FF"][ROW]


def test_mean_of_turned_copies_is_the_fingerprint():
    x = MODEL[0]
    turned = x[None] * np.exp(1j * RNG.uniform(-np.pi, np.pi, 40))[:, None]
    mean = mean_fingerprint(turned)
    assert mean.n == 40 and mean.n_left_out == 0
    assert np.abs(mean.signal) == pytest.approx(np.abs(x), abs=1e-12)
    assert np.abs(np.vdot(mean.signal, x)) == pytest.approx(np.vdot(x, x).real)
    assert np.allclose(mean.turns[:, None] * turned, mean.signal)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_mean_does_not_depend_on_the_phase_of_any_voxel(seed, n):
    rng = np.random.default_rng(seed)
    signals = (
        MODEL[rng.integers(0, N, n)] + 0.01 * rng.normal(size=(n, 175, 2)).view(complex)[..., 0]
    )
    phases = np.exp(1j * rng.uniform(-np.pi, np.pi, n))
    one, other = mean_fingerprint(signals), mean_fingerprint(phases[:, None] * signals)
    assert np.allclose(one.signal, other.signal, atol=1e-6 * np.abs(one.signal).max())
    # The length of a mean is at most the mean of the lengths.
    lengths = np.linalg.norm(signals, axis=1)
    assert np.linalg.norm(one.signal) <= lengths.mean() * (1 + 1e-12)


def test_aligned_mean_is_longer_than_any_other_choice_of_phases():
    rng = np.random.default_rng(1)
    signals = MODEL * np.exp(1j * rng.uniform(-3, 3, N))[:, None]
    best = np.linalg.norm(mean_fingerprint(signals).signal)
    for _ in range(300):
        turns = np.exp(1j * rng.uniform(-np.pi, np.pi, N))
        assert np.linalg.norm((turns[:, None] * signals).mean(axis=0)) <= best


def test_damaged_and_empty_voxels_do_not_count():
    signals = np.vstack([MODEL[:3], np.full((1, 175), np.nan), np.zeros((1, 175))])
    mean = mean_fingerprint(signals)
    assert (mean.n, mean.n_left_out) == (3, 2)
    assert np.array_equal(mean.signal, mean_fingerprint(MODEL[:3]).signal)
    assert list(mean.turns[3:]) == [0, 0]
    nothing = mean_fingerprint(signals[3:])
    assert nothing.n == 0 and np.isnan(nothing.signal).all()


@pytest.mark.parametrize("m0", [None, GAIN.reshape(SHAPE)], ids=["fitted scale", "m0"])
def test_prediction_of_a_region_is_the_mean_of_its_voxels(m0):
    voxels = np.unravel_index(np.arange(N), SHAPE)
    signals = SIGNAL[(slice(None), *voxels)].T
    mean = mean_fingerprint(signals)
    prediction = Predictor.of("set", maps_of(m0=m0), SERIES).mean_at(voxels, signals, mean)
    assert np.allclose(prediction.signal, mean.signal, atol=1e-4)
    assert prediction.note == "" and prediction.correlation == pytest.approx(1)
    holes = TRUTH["FF"].reshape(SHAPE).copy()
    holes[0, 0, 0] = np.nan
    partly = Predictor.of("set", maps_of(FF=holes), SERIES).mean_at(voxels, signals, mean)
    assert partly.note == "1 of 12 voxels have no value"


def test_flags_of_a_voxel_stand_in_the_note():
    flags = np.full(SHAPE, FLAGS["poor-fit"] | FLAGS["Df-edge"])
    assert predicted(maps_of(flags=flags))[1].note == "flagged Df-edge, poor-fit"
    assert predicted(maps_of(flags=np.zeros(SHAPE)))[1].note == ""
