"""Reconstruction in a temporal subspace, against sums written out and dense equations."""

from itertools import islice

import bart_files
import numpy as np
import pytest
import torch
from properties import check_adjoint, complex_normal

from napari_mrf.compute.steps import result_of
from napari_mrf.errors import MRFInputError
from napari_mrf.kspace import subspace, toeplitz
from napari_mrf.kspace.coil_estimation import estimating_coil_maps
from napari_mrf.kspace.coils import simulated_sensitivities
from napari_mrf.kspace.conjugate_gradients import solving
from napari_mrf.kspace.preconditioner import circulant, filtered, inverted
from napari_mrf.kspace.subspace import SubspaceReconstruction
from napari_mrf.kspace.subspace_operator import SubspaceOperator
from napari_mrf.kspace.toeplitz import (
    NormalOperator,
    convolved,
    hermitian_products,
    making_kernels,
    pairs,
)
from napari_mrf.kspace.trajectory import RadialTrajectory

RANK, COILS, READOUTS = 3, 4, 60
SHAPE = (16, 18)


def basis(n_readouts=READOUTS, rank=RANK):
    rng = np.random.default_rng(1)
    return np.linalg.qr(complex_normal(rng, n_readouts, rank))[0].astype(np.complex64)


def spokes(n=READOUTS, matrix=18):
    return RadialTrajectory(n, matrix).coordinates()


def spiral():
    """Spiral arms, one after the other turned by the golden angle."""
    t = np.linspace(0, 1, 40)
    angles = 2 * np.pi * (3 * t + np.arange(READOUTS)[:, None] * 0.618)
    return 0.49 * t[:, None] * np.stack([np.sin(angles), np.cos(angles)], axis=-1)


def dense(phi, places, maps):
    """The acquisition as a matrix (coils x readouts x samples, K x Y x X), in double precision."""
    y, x = (np.arange(n) - n // 2 for n in maps.shape[1:])
    waves = np.exp(
        -2j * np.pi * (places[..., 0, None, None] * y[:, None] + places[..., 1, None, None] * x)
    )
    matrix = np.einsum("rk,cyx,rnyx->crnkyx", phi.astype(complex), maps.astype(complex), waves)
    return matrix.reshape(maps.shape[0] * places.shape[0] * places.shape[1], -1)


@pytest.mark.parametrize("places", [spokes(), spiral()], ids=["radial", "spiral"])
def test_operator_equals_the_sum_written_out(places):
    phi, maps = basis(), simulated_sensitivities(SHAPE, COILS)
    images = complex_normal(np.random.default_rng(0), RANK, *SHAPE)
    found = SubspaceOperator(phi, places, maps).forward(images)
    expected = (dense(phi, places, maps) @ images.ravel()).reshape(found.shape)
    assert np.linalg.norm(found - expected) < 3e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("places", [spokes(), spiral()], ids=["radial", "spiral"])
def test_operator_and_its_adjoint_are_a_pair(places):
    operator = SubspaceOperator(basis(), places, simulated_sensitivities(SHAPE, COILS))
    samples = (COILS, *places.shape[:2])
    check_adjoint(operator.forward, operator.adjoint, (RANK, *SHAPE), samples, tolerance=1e-4)


@pytest.mark.parametrize("places", [spokes(), spiral()], ids=["radial", "spiral"])
def test_toeplitz_equals_the_two_transforms(places):
    phi, maps = basis(), simulated_sensitivities(SHAPE, COILS)
    images = complex_normal(np.random.default_rng(0), RANK, *SHAPE)
    matrix = dense(phi, places, maps)
    expected = (matrix.conj().T @ (matrix @ images.ravel())).reshape(images.shape)
    kernels = result_of(making_kernels(phi, places, SHAPE))
    operator = NormalOperator(kernels, torch.from_numpy(maps))
    found = operator(torch.from_numpy(images.astype(np.complex64))).numpy()
    assert np.linalg.norm(found - expected) < 1e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("places", [spokes(), spiral()], ids=["radial", "spiral"])
def test_convolutions_are_the_operator_of_a_coil_that_sees_all_places_alike(places):
    rng = np.random.default_rng(0)
    kernels = result_of(making_kernels(basis(), places, SHAPE))
    operator = NormalOperator(kernels, torch.ones((1, *SHAPE), dtype=torch.complex64))
    images = torch.from_numpy(complex_normal(rng, 2, RANK, *SHAPE).astype(np.complex64))
    expected = torch.stack([operator(each) for each in images])
    assert torch.allclose(convolved(kernels, images), expected, atol=1e-5 * expected.abs().max())


@pytest.mark.parametrize("coils", [4, 8, 16])
def test_a_step_can_be_left_as_often_as_there_are_coils(coils, monkeypatch):
    """A pause lies between the work on half of the spectra of four coils, and the next."""
    maps = torch.from_numpy(simulated_sensitivities(SHAPE, coils))
    done = []
    products = toeplitz.hermitian_products
    monkeypatch.setattr(
        toeplitz, "hermitian_products", lambda *of: done.append(len(of[1])) or products(*of)
    )
    operator = NormalOperator(result_of(making_kernels(basis(), spokes(), SHAPE)), maps, workers=1)
    images = torch.ones((RANK, *SHAPE), dtype=torch.complex64)
    for pauses, _ in enumerate(operator.applying(images), start=1):
        assert sum(done) == 8 * pauses  # two quarters of as many coils, and no more ahead
    assert pauses == coils / 2 and set(done) == {4}
    working = operator.applying(images)
    next(working)
    done.clear()
    working.close()
    assert not done


def test_kernels_and_coil_maps_can_be_left():
    rank, coils = 7, 5
    kernels = list(making_kernels(basis(rank=rank), spokes(), SHAPE))
    assert len(kernels) > len(pairs(rank)) / 11
    samples = complex_normal(np.random.default_rng(0), coils, READOUTS, 36).astype(np.complex64)
    maps = list(estimating_coil_maps(samples, basis(), spokes(), SHAPE))
    assert len(maps) > coils + 12  # the coils, and the steps of a solver


@pytest.mark.parametrize(("rank", "coils", "shape"), [(1, 1, (3, 5)), (4, 3, (40, 33))])
@pytest.mark.parametrize(
    "products", [hermitian_products, toeplitz._products_of_tensors], ids=["compiled", "torch"]
)
def test_products_are_those_of_hermitian_matrices(products, rank, coils, shape):
    rng = np.random.default_rng(0)
    matrices = complex_normal(rng, *shape, rank, rank)
    matrices = matrices + matrices.conj().swapaxes(-1, -2)
    triangles = np.stack([matrices[..., k, other] for k, other in pairs(rank)])
    vectors = complex_normal(rng, coils, rank, *shape)
    expected = np.einsum("yxkl,clyx->ckyx", matrices, vectors)
    found = products(
        torch.from_numpy(triangles.astype(np.complex64)),
        torch.from_numpy(vectors.astype(np.complex64)),
    )
    assert np.allclose(found.numpy(), expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_do_not_change_a_bit(threads):
    samples = complex_normal(np.random.default_rng(0), COILS, READOUTS, 36).astype(np.complex64)
    results = []
    before = torch.get_num_threads()
    for count in (1, threads):
        torch.set_num_threads(count)
        try:
            results.append(solved(samples, workers=count).images)
        finally:
            torch.set_num_threads(before)
    assert np.array_equal(*results)


def solved(samples, workers=None):
    reconstruction = SubspaceReconstruction(
        basis(), np.array([1.0, 0.5, 0.2]), spokes(), SHAPE, device=torch.device("cpu"),
        workers=workers,
    )  # fmt: skip
    return result_of(reconstruction.reconstructing(samples, 1e-9))


@pytest.mark.parametrize("places", [spokes(), spiral()], ids=["radial", "spiral"])
@pytest.mark.parametrize(
    "maps", [np.ones((1, *SHAPE), np.complex64), simulated_sensitivities(SHAPE, COILS)],
    ids=["one constant coil, Chan's", "any coils"],
)  # fmt: skip
def test_circulant_keeps_the_diagonal_of_the_operator_among_the_frequencies(places, maps):
    phi = basis(rank=1)
    matrix = dense(phi, places, maps)
    normal = matrix.conj().T @ matrix
    y, x = SHAPE
    fourier = np.kron(np.fft.fft(np.eye(y)), np.fft.fft(np.eye(x))) / np.sqrt(y * x)
    expected = np.diag(fourier @ normal @ fourier.conj().T).reshape(SHAPE)
    kernels = result_of(making_kernels(phi, places, SHAPE))
    found = circulant(kernels, torch.from_numpy(maps)).numpy()
    assert np.allclose(found[0], expected, rtol=1e-4, atol=1e-4 * expected.real.max())


def test_filters_are_inverted_at_each_frequency():
    rng = np.random.default_rng(0)
    half = complex_normal(rng, *SHAPE, RANK, RANK)
    matrices, prior = half @ half.conj().swapaxes(-1, -2), np.array([0.5, 1.0, 2.0])
    filters = np.stack([matrices[..., k, other] for k, other in pairs(RANK)])
    inverse = inverted(torch.from_numpy(filters), torch.from_numpy(prior))
    expected = np.linalg.inv(matrices + np.diag(prior))
    for found, (k, other) in zip(inverse.numpy(), pairs(RANK), strict=True):
        assert np.allclose(found, expected[..., k, other])
    images = complex_normal(rng, 2, RANK, *SHAPE)
    expected = np.fft.ifft2(np.einsum("yxkl,clyx->ckyx", expected, np.fft.fft2(images)))
    kept = torch.from_numpy(images.astype(np.complex64))
    found = filtered(inverse.to(torch.complex64), kept).numpy()
    assert np.allclose(found, expected, atol=1e-4)
    assert np.array_equal(kept.numpy(), images.astype(np.complex64))


def test_solver_solves_dense_equations():
    rng = np.random.default_rng(0)
    square = complex_normal(rng, 20, 20)
    matrix = torch.from_numpy(square.conj().T @ square + np.eye(20))
    right = torch.from_numpy(complex_normal(rng, 20))
    inverse_diagonal = 1 / matrix.diagonal()
    steps = solving(in_two_parts(lambda x: matrix @ x), right, lambda x: inverse_diagonal * x)
    *_, last = islice(steps, 80)
    assert last.steps == 40
    assert torch.allclose(last.solution, torch.linalg.solve(matrix, right), atol=1e-8)
    assert last.left < 1e-8


def in_two_parts(operator):
    """An operator that pauses once."""

    def applying(x):
        yield
        return operator(x)

    return applying


def test_solver_passes_the_pauses_of_the_operator_on():
    scale = torch.tensor([1.0, 2.0])
    steps = solving(in_two_parts(lambda x: scale * x), torch.ones(2), lambda x: x)
    found = list(islice(steps, 5))
    assert [each.steps for each in found] == [0, 1, 1, 2, 3]
    assert [each.left for each in found[:2]] == [1.0, pytest.approx(1 / 3)]
    assert not found[0].solution.any()
    assert torch.allclose(found[1].solution, torch.tensor([2 / 3, 2 / 3]))  # by hand
    assert torch.allclose(found[3].solution, torch.tensor([1.0, 0.5]))


def test_solver_of_nothing_stays_at_nothing():
    nothing = torch.zeros(3, dtype=torch.complex64)
    found = next(solving(in_two_parts(lambda x: x), nothing, lambda x: x))
    assert not found.solution.any() and found.left == 0


def test_slice_equals_the_dense_solution(monkeypatch):
    """The most likely images under the prior that the documentation states."""
    monkeypatch.setattr(subspace, "_CLOSE", 1e-5)
    monkeypatch.setattr(subspace, "_MOST_STEPS", 200)
    n, coils = 16, 4
    phi, singular = basis(240), np.array([1.0, 0.5, 0.2])
    places = spokes(240, n)
    maps = simulated_sensitivities((n, n), coils)
    y, x = np.mgrid[:n, :n]
    blob = np.exp(-((y - 8) ** 2 + (x - 7) ** 2) / 18)
    images = singular[:, None, None] * blob * np.array([1, 1j, -1])[:, None, None]
    matrix = dense(phi, places, maps)
    samples = (matrix @ images.ravel()).reshape(coils, 240, -1).astype(np.complex64)
    reconstruction = SubspaceReconstruction(
        phi, singular, places, (n, n), device=torch.device("cpu")
    )
    found = result_of(reconstruction.reconstructing(samples, 1e-2))
    estimated = result_of(estimating_coil_maps(samples, phi, places, (n, n))).maps
    seen = dense(phi, places, estimated)
    density = np.sum(np.abs(phi[:, 0]) ** 2) * places.shape[1]
    power = result_of(estimating_coil_maps(samples, phi, places, (n, n))).power
    assert power == pytest.approx(np.sum(blob**4) / np.sum(blob**2), rel=0.2)
    ratio = 1e-2 / power
    assert ratio > 2.4e-5 * density  # a loud scan
    weight = 30 * ratio * np.sqrt(2.4e-5 * density / ratio)
    prior = (weight + 2e-5 * density) * (singular[0] / singular) ** 2
    prior = np.repeat(prior, n * n)
    normal = seen.conj().T @ seen + np.diag(prior)
    expected = np.linalg.solve(normal, seen.conj().T @ samples.ravel()).reshape(images.shape)
    assert np.linalg.norm(found.images - expected) < 5e-3 * np.linalg.norm(expected)
    # And both are the object, up to the phase of the coil maps.
    size = np.abs(found.images[0])
    assert np.abs(size - blob)[blob > 0.1].max() < 0.05


def test_coil_maps_are_those_of_the_measurement():
    n = 48
    phi, places = basis(400), spokes(400, n)
    maps = simulated_sensitivities((n, n), 6, seed=3)
    y, x = np.mgrid[:n, :n]
    inside = np.hypot(y - 24, x - 24) < 18
    rng = np.random.default_rng(0)
    images = inside * (1 + 0.3 * rng.standard_normal((RANK, n, n)))
    samples = SubspaceOperator(phi, places, maps).forward(images)
    found = result_of(estimating_coil_maps(samples, phi, places, (n, n))).maps
    assert np.allclose(np.linalg.norm(found, axis=0), 1, atol=1e-5)
    agreement = np.abs(np.sum(found.conj() * maps, axis=0))[inside]
    assert agreement.min() > 0.995 and agreement.mean() > 0.9995


def test_order_and_gains_of_coils_do_not_change_the_images(monkeypatch):
    monkeypatch.setattr(subspace, "_CLOSE", 1e-5)  # rounding may cost or save a step
    samples = complex_normal(np.random.default_rng(0), COILS, READOUTS, 36).astype(np.complex64)
    first = solved(samples).images
    other = solved(np.ascontiguousarray(samples[::-1])).images
    assert np.linalg.norm(np.abs(first) - np.abs(other)) < 1e-5 * np.linalg.norm(first)
    turned = solved(samples * np.complex64(2j)).images
    assert np.linalg.norm(np.abs(turned) - 2 * np.abs(first)) < 1e-3 * np.linalg.norm(turned)


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(MRFInputError) as error:
        SubspaceOperator(basis(10), spokes(12), simulated_sensitivities(SHAPE, 1))
    assert error.value.code == "bad-kspace"


def test_pairs_are_the_upper_triangle():
    assert pairs(3) == [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]


@pytest.mark.skipif(bart_files.BART is None, reason="BART is not installed")
def test_slice_equals_that_of_bart(monkeypatch, tmp_path):
    """Debian's `bart pics -B`, with the coil maps that we estimate and the same prior."""
    monkeypatch.setattr(subspace, "_LEAST", 2e-3)
    monkeypatch.setattr(subspace, "_CLOSE", 1e-5)
    monkeypatch.setattr(subspace, "_MOST_STEPS", 100)
    n, n_readouts = 32, 200
    phi, places = basis(n_readouts), spokes(n_readouts, n)
    y, x = np.mgrid[:n, :n]
    blob = np.exp(-((y - 16) ** 2 + (x - 13) ** 2) / 40)
    images = np.stack([blob, blob * 1j * np.cos(x / 5), -blob * np.sin(y / 4)])
    maps = simulated_sensitivities((n, n), COILS)
    samples = SubspaceOperator(phi, places, maps).forward(images.astype(np.complex64))
    noise = complex_normal(np.random.default_rng(0), *samples.shape)
    samples = (samples + 1e-3 * np.abs(samples).max() * noise).astype(np.complex64)
    estimated = result_of(estimating_coil_maps(samples, phi, places, (n, n))).maps
    weight = 2e-3 * np.sum(np.abs(phi[:, 0]) ** 2) * places.shape[1]
    expected = bart_files.pics(
        tmp_path, samples, phi, places, estimated, steps=300, weight=weight / n**2
    )
    reconstruction = SubspaceReconstruction(
        phi, np.ones(3), places, (n, n), device=torch.device("cpu")
    )
    found = result_of(reconstruction.reconstructing(samples, 1e-9)).images
    assert np.linalg.norm(found - expected) < 0.02 * np.linalg.norm(expected)


def test_prior_grows_with_the_noise_in_loud_scans_with_its_root():
    reconstruction = SubspaceReconstruction(
        basis(), np.array([1.0, 0.5, 0.2]), spokes(), SHAPE, device=torch.device("cpu")
    )  # fmt: skip
    nothing = reconstruction._prior(1.0, 0.0)
    for noise, growth in ((1e-6, 4.0), (10.0, 2.0)):
        one, four = (reconstruction._prior(1.0, n) - nothing for n in (noise, 4 * noise))
        assert torch.allclose(four / one, torch.full((RANK,), growth), rtol=1e-3)
    assert torch.allclose(one / one[0], torch.tensor([1.0, 4.0, 25.0]))  # (s1 / sk) squared
