"""Coil combination without knowing the sensitivities, and the gridding of a series."""

import threading

import numpy as np
import pytest
from properties import check_adjoint, check_chunks_and_threads, complex_normal

from napari_mrf.compute.threads import indices_in_order
from napari_mrf.errors import MRFInputError
from napari_mrf.kspace import coils, density, gridding, nufft
from napari_mrf.kspace.trajectory import RadialTrajectory


def object_series(rng, shape=(48, 52), n_images=6):
    """Smoothly shaded discs whose contrast changes from image to image, and their support."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    inside = np.hypot(y, x) < 0.8
    inner = np.hypot(y - 0.2, x + 0.3) < 0.3
    contrast = rng.uniform(0.4, 1.0, (n_images, 2)) * np.exp(1j * rng.uniform(-3, 3, (n_images, 2)))
    images = contrast[:, 0, None, None] * inside + contrast[:, 1, None, None] * inner
    return images, inside


def test_simulated_sensitivities_are_smooth_and_of_unit_sum_of_squares():
    sensitivities = coils.simulated_sensitivities((40, 50), 8, seed=1)
    assert sensitivities.dtype == np.complex64
    assert (np.abs(sensitivities) ** 2).sum(axis=0) == pytest.approx(1.0, abs=1e-5)
    assert np.abs(np.diff(sensitivities, axis=-1)).max() < 0.1
    assert np.abs(sensitivities).max(axis=(1, 2)).min() > 0.5  # every coil is the best somewhere
    assert not np.allclose(sensitivities, coils.simulated_sensitivities((40, 50), 8, seed=2))


@pytest.mark.parametrize("n_coils", [1, 2, 8])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_combination_finds_known_sensitivities_but_for_a_smooth_phase(n_coils, seed):
    rng = np.random.default_rng(seed)
    images, inside = object_series(rng)
    sensitivities = coils.simulated_sensitivities(inside.shape, n_coils, seed=seed)
    received = images[:, None] * sensitivities
    received = received + 1e-3 * rng.standard_normal(received.shape)
    weights = coils.combination_weights(received)
    assert (np.abs(weights) ** 2).sum(axis=0) == pytest.approx(1.0, abs=1e-5)
    agreement = (weights.conj() * sensitivities).sum(axis=0)
    assert np.abs(agreement)[inside].min() > 0.98

    combined = coils.combine(received, weights)
    assert np.abs(combined)[:, inside] == pytest.approx(np.abs(images)[:, inside], abs=0.03)
    unit = agreement / np.abs(agreement)
    steps = [np.abs(np.diff(unit, axis=axis)) for axis in (0, 1)]
    both = [inside[1:] & inside[:-1], inside[:, 1:] & inside[:, :-1]]
    assert max(step[mask].max() for step, mask in zip(steps, both, strict=True)) < 0.25


def test_combination_keeps_the_level_of_white_noise():
    rng = np.random.default_rng(4)
    sensitivities = coils.simulated_sensitivities((64, 64), 8)
    noise = complex_normal(rng, 8, 64, 64)
    combined = coils.combine(noise, sensitivities)
    assert combined.real.std() == pytest.approx(1.0, abs=0.03)
    assert combined.imag.std() == pytest.approx(1.0, abs=0.03)


def test_combination_of_nothing_is_finite():
    weights = coils.combination_weights(np.zeros((2, 4, 8, 8), dtype=np.complex64))
    assert np.all(np.isfinite(weights))


SHAPE, N_COILS = (24, 20), 3
TRAJECTORY = RadialTrajectory(9, 24)
RECEIVED = (N_COILS, 9, TRAJECTORY.n_samples)


@pytest.mark.parametrize("leading", [(), (4,)])
def test_combination_is_the_adjoint_of_reception(leading):
    sensitivities = coils.simulated_sensitivities(SHAPE, N_COILS)
    check_adjoint(
        lambda images: images[..., None, :, :] * sensitivities,
        lambda received: coils.combine(received, sensitivities),
        (*leading, *SHAPE), (*leading, N_COILS, *SHAPE),
    )  # fmt: skip


def test_gridding_is_the_adjoint_of_the_weighted_measurement():
    ramp = density.radial_ramp(TRAJECTORY, 9)
    check_adjoint(
        lambda images: nufft.forward(images, TRAJECTORY.coordinates()) * ramp,
        lambda samples: gridding.coil_images(samples, TRAJECTORY, 0, 9, SHAPE),
        (N_COILS, *SHAPE), RECEIVED, tolerance=5 * nufft.EPSILON,
    )  # fmt: skip


def test_combined_gridding_is_the_adjoint_of_a_measurement_with_coils():
    ramp, sensitivities = (
        density.radial_ramp(TRAJECTORY, 9), coils.simulated_sensitivities(SHAPE, N_COILS)
    )  # fmt: skip
    check_adjoint(
        lambda image: nufft.forward(image * sensitivities, TRAJECTORY.coordinates()) * ramp,
        lambda samples: coils.combine(
            gridding.coil_images(samples, TRAJECTORY, 0, 9, SHAPE), sensitivities
        ),
        SHAPE, RECEIVED, tolerance=5 * nufft.EPSILON,
    )  # fmt: skip


def test_frames_do_not_depend_on_threads():
    rng = np.random.default_rng(6)
    trajectory = RadialTrajectory(60, 24)
    samples = complex_normal(rng, N_COILS, 60, trajectory.n_samples).astype(np.complex64)

    def run(_, workers):
        frames = gridding.grid_frames(samples, trajectory, 6, SHAPE, workers=workers)
        return {"frames": np.stack(list(frames))}

    check_chunks_and_threads(run, [(None, 1), (None, 3)])


def test_kspace_that_does_not_fit_is_refused():
    trajectory = RadialTrajectory(16, 8)
    with pytest.raises(MRFInputError) as error:
        next(gridding.grid_frames(np.zeros((2, 15, 16), np.complex64), trajectory, 8, (8, 8)))
    assert error.value.code == "bad-kspace"


def test_work_in_threads_comes_back_in_order():
    assert list(indices_in_order(lambda index: index**2, 50, workers=3)) == [
        n**2 for n in range(50)
    ]


def test_work_not_begun_is_dropped_when_the_caller_stops():
    begun = []
    lock = threading.Lock()

    def work(index):
        with lock:
            begun.append(index)
        return index

    results = indices_in_order(work, 10_000, workers=2)
    assert next(results) == 0
    results.close()
    assert len(begun) < 10


def test_failure_in_a_thread_reaches_the_caller():
    def work(index):
        if index == 3:
            raise MRFInputError("bad-shape", "frame 3 is broken")
        return index

    with pytest.raises(MRFInputError, match="frame 3 is broken"):
        list(indices_in_order(work, 10, workers=2))
