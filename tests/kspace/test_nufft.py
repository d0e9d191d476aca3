"""The NUFFT and the density weights, against sums written out and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from properties import check_adjoint, complex_normal
from scipy.special import j1

from napari_mrf.errors import MRFInputError
from napari_mrf.kspace import density, nufft
from napari_mrf.kspace.trajectory import GOLDEN_ANGLE_DEG, RadialTrajectory


def jinc_disc(coordinates, radius):
    """Fourier transform of a disc of this radius (voxels) and height 1."""
    k = np.hypot(coordinates[..., 0], coordinates[..., 1])
    safe = np.where(k > 0, k, 1.0)
    return np.where(k > 0, radius * j1(2 * np.pi * radius * safe) / safe, np.pi * radius**2)


def disc(shape, radius, oversampling=8):
    """Disc around voxel (Y // 2, X // 2), averaged over each voxel."""
    offsets = (np.arange(oversampling) + 0.5) / oversampling - 0.5
    y, x = ((np.arange(n)[:, None] - n // 2 + offsets).ravel() for n in shape)
    inside = (np.hypot(y[:, None], x) < radius).astype(float)
    return inside.reshape(shape[0], oversampling, shape[1], oversampling).mean(axis=(1, 3))


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("epsilon", [1e-4, 1e-6])
@pytest.mark.parametrize("shape", [(17, 24), (32, 32)])
def test_forward_equals_the_sum_over_voxels(dtype, epsilon, shape):
    rng = np.random.default_rng(0)
    images = complex_normal(rng, 2, *shape)
    coordinates = rng.uniform(-0.5, 0.5, (40, 2))
    y, x = (np.arange(n) - n // 2 for n in shape)
    kernel = np.exp(
        -2j * np.pi
        * (coordinates[:, 0, None, None] * y[:, None] + coordinates[:, 1, None, None] * x)
    )  # fmt: skip
    expected = np.einsum("myx,cyx->cm", kernel, images)
    found = nufft.forward(images.astype(dtype), coordinates, epsilon=epsilon)
    assert found.dtype == dtype
    assert np.linalg.norm(found - expected) < 5 * epsilon * np.linalg.norm(expected)


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(4, 40),
    width=st.integers(4, 40),
    spokes=st.integers(1, 9),
    epsilon=st.sampled_from([1e-4, 1e-6]),
    seed=st.integers(0, 2**31),
)
def test_adjoint_is_the_adjoint_of_forward(height, width, spokes, epsilon, seed):
    coordinates = RadialTrajectory(spokes, max(height, width)).coordinates()
    check_adjoint(
        lambda images: nufft.forward(images, coordinates, epsilon=epsilon),
        lambda samples: nufft.adjoint(samples, coordinates, (height, width), epsilon=epsilon),
        (3, height, width), (3, *coordinates.shape[:-1]), tolerance=5 * epsilon, seed=seed,
    )  # fmt: skip


def test_golden_angle_is_the_published_increment():
    trajectory = RadialTrajectory(1400, 350)
    steps = np.diff(trajectory.angles_deg) % 360.0
    assert np.allclose(steps, 111.246117975, atol=1e-8)
    assert pytest.approx(180.0 / 1.6180339887498949) == GOLDEN_ANGLE_DEG
    assert trajectory.undersampling_factor(8) == pytest.approx(68.7, abs=0.05)
    assert trajectory.metadata()["angle_increment_deg"] == pytest.approx(111.246, abs=1e-3)


def test_spokes_pass_through_the_center_in_their_direction():
    trajectory = RadialTrajectory(7, 16)
    coordinates = trajectory.coordinates(2, 5)
    assert coordinates.shape == (3, 32, 2)
    assert np.all(coordinates[:, 16] == 0)
    assert np.hypot(*coordinates[:, 0].T) == pytest.approx(0.5)
    ky, kx = coordinates[:, 20].T
    assert np.rad2deg(np.arctan2(ky, kx)) % 360 == pytest.approx(trajectory.angles_deg[2:5])


def test_golden_spokes_fill_the_half_circle_evenly_for_any_window():
    # Three-distance theorem: for any number of spokes the gaps have at most three lengths.
    angles = RadialTrajectory(200, 16).angles_deg
    for count in (5, 8, 21, 34):
        for first in (0, 50, 133):
            gaps = np.diff(np.sort(angles[first : first + count] % 180.0))
            assert len(np.unique(gaps.round(6))) <= 3
            assert gaps.max() / gaps.min() < 2.7


def test_density_weights_add_up_to_the_disc_of_kspace():
    trajectory = RadialTrajectory(11, 64)
    total = 11 * density.radial_ramp(trajectory, 11).sum()
    assert total == pytest.approx(np.pi * 0.25, rel=1e-4)


def test_disc_from_its_exact_kspace_has_height_one():
    trajectory = RadialTrajectory(151, 96, angle_increment_deg=180 / 151)
    coordinates = trajectory.coordinates()
    samples = jinc_disc(coordinates, 25.0) * density.radial_ramp(trajectory, 151)
    image = nufft.adjoint(samples[None].astype(np.complex128), coordinates, (96, 96))[0]
    y, x = np.indices(image.shape) - 48
    radius = np.hypot(y, x)
    assert image[radius < 20].real.mean() == pytest.approx(1.0, abs=0.005)
    assert np.abs(image[radius < 20] - 1.0).max() < 0.08  # Gibbs rings meet in the center
    assert np.abs(image[(radius > 30) & (radius < 46)]).mean() < 0.01


@pytest.mark.parametrize("oversampling", [2.0, 4.0])
def test_smooth_object_comes_back_from_its_exact_kspace(oversampling):
    trajectory = RadialTrajectory(151, 64, oversampling, angle_increment_deg=180 / 151)
    coordinates = trajectory.coordinates()
    width = 6.0
    k = np.hypot(coordinates[..., 0], coordinates[..., 1])
    samples = 2 * np.pi * width**2 * np.exp(-2 * (np.pi * width * k) ** 2)
    samples = samples * density.radial_ramp(trajectory, 151)
    image = nufft.adjoint(samples[None].astype(complex), coordinates, (64, 64), epsilon=1e-6)[0]
    y, x = np.indices(image.shape) - 32
    assert np.abs(image - np.exp(-(x**2 + y**2) / (2 * width**2))).max() < 2e-3


def test_kspace_of_a_disc_agrees_with_its_closed_form():
    coordinates = RadialTrajectory(5, 96).coordinates()
    found = nufft.forward(disc((96, 96), 25.0)[None].astype(np.complex128), coordinates)[0]
    # A voxel is a square: its own transform is a sinc, which the closed form must share.
    voxel = np.sinc(coordinates[..., 0]) * np.sinc(coordinates[..., 1])
    expected = jinc_disc(coordinates, 25.0) * voxel
    near = np.abs(coordinates).max(axis=-1) < 0.25
    assert np.abs(found - expected)[near].max() < 3e-3 * np.pi * 25.0**2
    assert np.abs(found.imag).max() < 1e-3 * np.pi * 25.0**2


def test_impossible_trajectory_is_refused():
    with pytest.raises(MRFInputError) as error:
        RadialTrajectory(0, 96)
    assert error.value.code == "bad-trajectory"


def test_weights_of_any_trajectory_are_on_average_those_of_the_ramp_on_spokes():
    trajectory = RadialTrajectory(200, 64)
    found = density.sampling_density(trajectory.coordinates(), (64, 64))
    expected = density.radial_ramp(trajectory, 200)
    middle = np.abs(trajectory.radii)
    inner = (middle > 0.05) & (middle < 0.45)
    # The gaps between golden-angle spokes differ, and with them the weights of each.
    assert np.allclose(found.mean(axis=0)[inner], expected[inner], rtol=0.03)


def test_weights_of_a_full_grid_are_the_area_of_a_sample():
    k = np.fft.fftfreq(32)
    places = np.stack(np.meshgrid(k, k, indexing="ij"), axis=-1)
    assert np.allclose(density.sampling_density(places, (32, 32)), 1 / 32**2, rtol=0.02)


def test_samples_that_do_not_count_have_no_weight():
    places = RadialTrajectory(50, 32).coordinates()
    counts = np.ones(places.shape[:2], bool)
    counts[:, :3] = False
    weights = density.sampling_density(places, (32, 32), counts)
    assert not weights[:, :3].any() and weights[:, 3:].all()
