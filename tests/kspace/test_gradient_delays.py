"""Gradient delays of spokes: what is a spoke, where delays move it, and how well they are found."""

from itertools import islice

import numpy as np
import pytest
from properties import complex_normal

from napari_mrf.compute.steps import result_of
from napari_mrf.kspace.coils import simulated_sensitivities
from napari_mrf.kspace.delays.estimation import estimating_delays
from napari_mrf.kspace.delays.spokes import of_axes, spokes_of
from napari_mrf.kspace.subspace_operator import SubspaceOperator
from napari_mrf.kspace.trajectory import RadialTrajectory

N, READOUTS, RANK = 32, 500, 3
NOMINAL = RadialTrajectory(READOUTS, N).coordinates()
DELAYS = {
    "equal": (0.5, 0.5, 0.0),
    "unequal": (0.7, -0.4, 0.0),
    "with a cross-term": (-0.3, 0.6, 0.25),
    "large": (3.5, 2.0, 0.0),
}


def moved(nominal, x, y, cross):
    """Each axis by its own shift, written out: both of the cross-terms are one number."""
    step = nominal[:, 1] - nominal[:, 0]
    move = np.stack([y * step[:, 0] + cross * step[:, 1], cross * step[:, 0] + x * step[:, 1]], -1)
    return nominal + move[:, None]


def contrasts(readouts=READOUTS):
    """Signals that change with every readout, in size and phase."""
    rng = np.random.default_rng(3)
    walk = np.cumsum(0.2 * complex_normal(rng, readouts, RANK), axis=0) + 1.0
    return np.linalg.qr(walk)[0].astype(np.complex64)


def measured(places, noise=1e-3, seed=0):
    """Samples of an object of three tissues, off center and of uneven phase."""
    y, x = np.mgrid[:N, :N] - N // 2
    phase = np.exp(1j * (0.05 * x - 0.08 * y + 0.002 * x * y))
    parts = [np.hypot(y - 1, x + 2) < 11, np.hypot(y - 4, x) < 4, np.abs(x + y + 5) < 2]
    images = np.stack([part * phase for part in parts]).astype(np.complex64)
    operator = SubspaceOperator(contrasts(len(places)), places, simulated_sensitivities((N, N), 2))
    samples = operator.forward(images)
    rng = np.random.default_rng(seed)
    return samples + noise * np.abs(samples).max() * complex_normal(rng, *samples.shape)


def estimated(samples, nominal=NOMINAL, **options):
    spokes = spokes_of(nominal)
    assert spokes is not None
    found = estimating_delays(
        samples.astype(np.complex64), contrasts(len(nominal)), nominal, (N, N), spokes, **options
    )
    return result_of(found)


@pytest.mark.parametrize("delays", DELAYS.values(), ids=DELAYS)
def test_delays_move_each_axis_by_its_own_shift(delays):
    found = spokes_of(NOMINAL).shifted(NOMINAL, of_axes(*delays))
    assert np.allclose(found, moved(NOMINAL, *delays), atol=1e-12)


@pytest.mark.parametrize("delays", DELAYS.values(), ids=DELAYS)
@pytest.mark.parametrize("noise", [1e-3, 1e-2])
def test_delays_are_found(delays, noise):
    found = estimated(measured(moved(NOMINAL, *delays), noise))
    assert found.converged and found.detected
    assert np.abs(found.shifts - of_axes(*delays)).max() < (0.01 if noise < 0.005 else 0.05)


def test_reversed_readouts_have_the_delays_of_their_directions():
    nominal = NOMINAL.copy()
    nominal[::2] = nominal[::2, ::-1]
    found = estimated(measured(moved(nominal, 0.7, -0.4, 0.0)), nominal)
    assert np.abs(found.shifts[:3] - [0.7, -0.4, 0.0]).max() < 0.01


def test_shifts_along_the_spokes_alone_are_found_too():
    """Whatever shifts spokes: across them they need not move as delays would have it."""
    spokes = spokes_of(NOMINAL)
    shifts = np.array([0.7, -0.4, 0.0, 0.0, 0.0, 0.0])
    found = estimated(measured(spokes.shifted(NOMINAL, shifts)))
    assert np.abs(found.shifts - shifts).max() < 0.01


@pytest.mark.parametrize("noise", [0.0, 1e-3, 3e-2])
def test_nothing_is_found_where_there_are_no_delays(noise):
    found = estimated(measured(NOMINAL, noise))
    assert found.converged and not found.detected


def test_nothing_is_found_in_noise():
    samples = complex_normal(np.random.default_rng(0), 2, READOUTS, NOMINAL.shape[1])
    assert not estimated(samples).detected
    assert not estimated(0 * samples).detected


def test_deviations_are_those_of_repeated_noise():
    places = moved(NOMINAL, 0.7, -0.4, 0.0)
    found = [estimated(measured(places, 2e-2, seed)) for seed in range(12)]
    scatter = np.std([one.shifts for one in found], axis=0)
    told = np.mean([one.deviations for one in found], axis=0)
    assert (scatter < 2 * told).all() and (told < 3 * scatter).all()


def test_threads_change_nothing():
    samples = measured(moved(NOMINAL, 0.7, -0.4, 0.0))
    one, two = (estimated(samples, workers=count).shifts for count in (1, 2))
    assert np.array_equal(one, two)


def test_estimation_can_be_left():
    samples = measured(NOMINAL).astype(np.complex64)
    some = estimating_delays(samples, contrasts(), NOMINAL, (N, N), spokes_of(NOMINAL))
    assert len(list(islice(some, 3))) == 3
    some.close()


def cartesian():
    along = (np.arange(64) - 32) / 64
    across = (np.arange(50) - 25) / 50
    return np.stack(np.meshgrid(across, along, indexing="ij"), axis=-1)


def spirals():
    t = np.linspace(0, 1, 40)
    angles = 2 * np.pi * (3 * t + np.arange(60)[:, None] * 0.618)
    return 0.49 * t[:, None] * np.stack([np.sin(angles), np.cos(angles)], axis=-1)


@pytest.mark.parametrize(
    "places",
    [
        cartesian(),
        spirals(),
        NOMINAL[:1].repeat(50, axis=0),  # one direction
        NOMINAL[[0, 1]].repeat(20, axis=0),  # two
        NOMINAL + np.array([0.2, 0.1]),  # beside the center
        NOMINAL * np.abs(NOMINAL) * 2,  # unevenly spaced
        NOMINAL * np.linspace(0.5, 1, READOUTS)[:, None, None],  # of several lengths
        NOMINAL[:, :2],
        np.zeros((20, 64, 2)),
    ],
    ids=["lines", "spirals", "one", "two", "beside", "uneven", "lengths", "short", "nowhere"],
)
def test_other_trajectories_are_no_spokes(places):
    assert spokes_of(places) is None


@pytest.mark.parametrize(
    "places",
    [
        NOMINAL,
        NOMINAL.astype(np.float32),
        NOMINAL[:, ::-1],
        NOMINAL[:, 24:],  # asymmetric
        moved(NOMINAL, 1.0, -2.0, 0.5),
    ],
    ids=["nominal", "single", "reversed", "partial", "moved"],
)
def test_spokes_are_told(places):
    found = spokes_of(places)
    assert found.step == pytest.approx(1 / 64)
    expected = places[:, -1] - places[:, 0]
    assert np.allclose(
        found.directions, expected / np.linalg.norm(expected, axis=-1)[:, None], atol=1e-6
    )
