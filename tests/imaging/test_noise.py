"""The noise of images from raw data: against dense equations, and in maps of repeated scans."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from properties import complex_normal

import napari_mrf as mrf
from napari_mrf.compute.steps import result_of
from napari_mrf.data import sequences
from napari_mrf.data.raw.raw_data import RawData
from napari_mrf.kspace import nufft, subspace
from napari_mrf.kspace.coefficient_noise import noise_of_replica, white_noise
from napari_mrf.kspace.coil_estimation import CoilEstimate
from napari_mrf.kspace.coils import simulated_sensitivities
from napari_mrf.kspace.subspace import SubspaceReconstruction
from napari_mrf.kspace.subspace_operator import SubspaceOperator
from napari_mrf.kspace.trajectory import RadialTrajectory

RANK = 3


def deviations(covariance):
    return np.sqrt(np.diagonal(covariance).real)


def test_replica_tells_covariance_and_scale():
    rng = np.random.default_rng(0)
    mixing = complex_normal(rng, 4, 4)
    y, x = np.mgrid[:80, :80]
    scale = 1 + 0.4 * np.sin(x / 25)
    noise = np.einsum("kl,lyx->kyx", mixing, complex_normal(rng, 4, 80, 80)) * scale
    images = np.where(np.hypot(y - 40, x - 40) < 35, 1.0, 0.0)[None] * np.ones((4, 1, 1))
    found = noise_of_replica(noise, images)
    expected = mixing @ mixing.conj().T * np.mean(np.abs(complex_normal(rng, 100_000)) ** 2)
    inside = images[0] > 0
    whole = found.covariance * np.mean(found.scale[inside] ** 2)
    expected = expected * np.mean(scale[inside] ** 2)
    assert np.linalg.norm(whole - expected) < 0.05 * np.linalg.norm(expected)
    ratio = found.scale[inside] / scale[inside]
    assert np.std(ratio) < 0.08 * np.mean(ratio)


def test_replica_of_nothing_is_no_noise():
    found = noise_of_replica(np.zeros((2, 5, 6)), np.ones((2, 5, 6)))
    assert not found.covariance.any() and np.all(found.scale == 1)


def test_white_noise_is_always_the_same():
    noise = white_noise((3, 20_000), 4.0)
    assert noise.dtype == np.complex64 and np.array_equal(noise, white_noise((3, 20_000), 4.0))
    assert np.mean(np.abs(noise) ** 2) == pytest.approx(4.0, rel=0.02)
    assert abs(np.mean(noise**2)) < 0.1


@pytest.mark.parametrize("variance", [1e-4, 1e-2])
def test_noise_is_that_of_the_dense_equations(monkeypatch, variance):
    """Solved to the end, the covariance is that of the closed form for Tikhonov's prior."""
    monkeypatch.setattr(subspace, "_CLOSE", 1e-5)
    monkeypatch.setattr(subspace, "_MOST_STEPS", 100)
    n, coils, readouts = 16, 4, 240
    rng = np.random.default_rng(1)
    phi = np.linalg.qr(complex_normal(rng, readouts, RANK))[0].astype(np.complex64)
    singular = np.array([1.0, 0.5, 0.2])
    places = RadialTrajectory(readouts, n).coordinates()
    maps = simulated_sensitivities((n, n), coils)
    power = 1e-4  # a strong prior
    monkeypatch.setattr(subspace, "estimating_coil_maps", lambda *_, **__: given(maps, power))
    y, x = np.mgrid[:n, :n]
    images = np.exp(-((y - 8) ** 2 + (x - 7) ** 2) / 18) * np.ones((RANK, 1, 1))
    operator = SubspaceOperator(phi, places, maps)
    samples = operator.forward(images.astype(np.complex64))
    found = result_of(
        SubspaceReconstruction(
            phi, singular, places, (n, n), device=torch.device("cpu")
        ).reconstructing(samples, variance)
    )  # fmt: skip
    unit = np.eye(RANK * n * n, dtype=np.complex64).reshape(-1, RANK, n, n)
    normal = np.stack([operator.adjoint(operator.forward(one)).ravel() for one in unit], axis=1)
    density = np.sum(np.abs(phi[:, 0]) ** 2) * places.shape[1]
    prior = prior_of(variance / power, density) * (singular[0] / singular) ** 2
    inverse = np.linalg.inv(normal + np.diag(np.repeat(prior, n * n)))
    expected = (variance * inverse @ normal @ inverse).reshape(RANK, n * n, RANK, n * n)
    expected = np.einsum("kvlv->vkl", expected)
    weights = images[0].ravel() / images[0].sum()
    typical = np.einsum("v,vkl->kl", weights, expected)
    whole = found.noise.covariance * float(weights @ found.noise.scale.ravel() ** 2)
    assert np.allclose(deviations(whole), deviations(typical), rtol=0.15)
    # What is left open holds the noise and the prior: it is at least as large.
    more = found.error_covariance - found.noise.covariance
    assert np.linalg.eigvalsh(more)[0] > -1e-5 * np.linalg.norm(more)


def prior_of(ratio, density):
    """Return the weight of the square of the first coefficient, as docs/raw.md says it."""
    factor = 30 / np.sqrt(max(ratio / (2.4e-5 * density), 1))
    return factor * ratio + 2e-5 * density


def given(maps, power):
    yield
    return CoilEstimate(maps, power)


def test_error_is_that_of_a_filter_where_the_acquisition_is_one(monkeypatch):
    """Fully sampled on the grid, by one constant coil: n samples a voxel, and nothing is shared."""
    n, repeats = 16, 3
    maps = np.ones((1, n, n), np.complex64)
    monkeypatch.setattr(subspace, "estimating_coil_maps", lambda *_, **__: given(maps, 1e-2))
    ky, kx = np.meshgrid((np.arange(n) - n // 2) / n, (np.arange(n) - n // 2) / n, indexing="ij")
    places = np.tile(np.stack([ky, kx], axis=-1), (repeats, 1, 1))
    phi = np.ones((repeats * n, 1), np.complex64)
    y, x = np.mgrid[:n, :n]
    image = np.exp(-((y - 8) ** 2 + (x - 7) ** 2) / 18)[None].astype(np.complex64)
    samples = SubspaceOperator(phi, places, maps).forward(image)
    reconstruction = SubspaceReconstruction(
        phi, np.ones(1), places, (n, n), device=torch.device("cpu")
    )
    found = result_of(reconstruction.reconstructing(samples, 0.5))
    seen = repeats * n * n
    prior = prior_of(0.5 / 1e-2, seen)
    assert found.error_covariance[0, 0] == pytest.approx(0.5 / (seen + prior), rel=1e-3)
    expected = 0.5 * seen / (seen + prior) ** 2
    assert found.noise.covariance[0, 0].real == pytest.approx(expected, rel=0.25)


N, COILS, REPEATS = 24, 4, 16
FISP = sequences.fisp()
SEQUENCES = {
    "water-fat": sequences.t1ff(),
    "fisp": replace(
        FISP, name="fisp 300",
        **{key: getattr(FISP, key)[:300] for key in
           ("flip_angles_deg", "echo_times_ms", "repetition_times_ms", "rf_phases_deg")},
    ),
}  # fmt: skip
TISSUES = {
    "water-fat": [
        {"FF": 0.15, "T1H2O": 1300.0, "T1fat": 320.0, "Df": 20.0, "B1": 0.9},
        {"FF": 0.6, "T1H2O": 1100.0, "T1fat": 300.0, "Df": -10.0, "B1": 0.8},
    ],
    "fisp": [{"T1": 1100.0, "T2": 80.0}, {"T1": 700.0, "T2": 50.0}],
}
METHODS = {"water-fat": ("water-fat", {"grid": "wide"}), "fisp": ("compressed", {})}


def scans(kind, noise):
    """Yield raw data of one object, measured again and again."""
    sequence = SEQUENCES[kind]
    by_pulse = replace(sequence, pulses_per_frame=1)
    y, x = np.mgrid[:N, :N] - N // 2
    disc, hole = np.hypot(y, x) < 10, np.hypot(y - 3, x) < 5
    maps = simulated_sensitivities((N, N), COILS)
    places = RadialTrajectory(sequence.n_pulses, N).coordinates()
    samples = 0
    for shape, tissue in zip((disc & ~hole, hole), TISSUES[kind], strict=True):
        signal = mrf.simulate(by_pulse, tissue)[0]
        seen = nufft.forward(shape.astype(np.complex64) * maps, places, epsilon=1e-6)
        samples = samples + signal[:, None] * seen
    sigma = noise * np.abs(samples[:, 0]).max()
    rng = np.random.default_rng(3)
    scan = (sigma * complex_normal(rng, COILS, 20_000)).astype(np.complex64)
    for _ in range(REPEATS):
        noisy = (samples + sigma * complex_normal(rng, *samples.shape)).astype(np.complex64)
        yield disc, hole, RawData(
            n_slices=1, n_coils=COILS, n_readouts=len(places), n_samples=places.shape[1],
            read_slice=lambda z, noisy=noisy: noisy, numbers=np.arange(len(places)),
            n_planned=len(places), matrix=(N, N), trajectories=(places,), affine=np.eye(4),
            noise=scan, source_path=Path("scan.h5"), source_sha256="0" * 64,
        )  # fmt: skip


def coverage(kind, noise, wanted):
    """Return by map the share of values whose 95 % interval holds the mean of all scans."""
    name, options = METHODS[kind]
    method = mrf.methods.get(name, sequence=SEQUENCES[kind], device="cpu", **options)
    values, sizes = [], []
    for disc, hole, raw in scans(kind, noise):
        series = mrf.make_images(raw, SEQUENCES[kind])
        maps = method.reconstruct(series, disc[None])
        assert maps.provenance["method"]["intervals"] == "noise"
        at = hole[None] if kind == "water-fat" else disc[None]
        values.append(np.stack([maps[key][at] for key in wanted]))
        sizes.append(np.stack([maps.uncertainty[key][at] for key in wanted]))
    apart = np.abs(np.array(values) - np.mean(values, axis=0))
    # The mean of the scans holds noise of its own, that of this scan among it.
    half_width = 1.96 * np.sqrt(1 - 1 / REPEATS) * np.array(sizes)
    return dict(zip(wanted, np.mean(apart < half_width, axis=(0, 2)), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("noise", [1e-3, 5e-3])
@pytest.mark.parametrize(
    ("kind", "wanted"), [("water-fat", ("FF", "T1H2O", "T1fat")), ("fisp", ("T1", "T2"))]
)
def test_intervals_cover_what_repeated_scans_give(kind, wanted, noise):
    for key, share in coverage(kind, noise, wanted).items():
        assert 0.92 <= share <= 0.98, (key, share)


@pytest.mark.parametrize(("factor", "share"), [(1.05, True), (5.0, False)])
def test_slices_share_their_noise_where_their_priors_are_alike(factor, share):
    """Beside the same noise, a brighter slice has a weaker prior, which lets more noise through."""
    _, _, raw = next(scans("fisp", 2e-3))
    samples = raw.read(0)
    both = replace(raw, n_slices=2, read_slice=lambda z: samples * np.float32([1.0, factor][z]))
    first, second = mrf.make_images(both, SEQUENCES["fisp"]).subspace.noise.covariance
    assert np.array_equal(first, second) == share
    if not share:
        assert deviations(second)[-1] > 1.1 * deviations(first)[-1]
