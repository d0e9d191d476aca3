"""Series that are coefficients of a basis: methods that use these, and what they give."""

from dataclasses import replace

import numpy as np
import pytest
from matching_cases import measured, random_tissue, small_grid
from properties import check_chunks_and_threads, complex_normal, divided, named

import napari_mrf as mrf
from napari_mrf import methods
from napari_mrf.data.subspace_signal import SubspaceSignal
from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.io.series.subspace_frames import lazy_frames
from napari_mrf.reconstruction.subspace.coefficients import (
    Coefficients,
    Subspace,
    TimeVectors,
    frames_of,
)

SHAPE = (2, 6, 9)
EVERYWHERE = np.ones(SHAPE, bool)
SHORT_FISP = mrf.Sequence(
    name="short", kind="fisp-b1", flip_angles_deg=5 + 50 * np.sin(np.arange(200) / 9) ** 2,
    repetition_times_ms=12.0, echo_times_ms=2.0, inversion_time_ms=20.0, rf_phases_deg=90.0,
)  # fmt: skip
AXES = {"T1": np.arange(400.0, 2000, 100), "T2": np.arange(20.0, 200, 15)}
DICTIONARY = Dictionary.build(SHORT_FISP, ParameterGrid(AXES | {"B1": np.array([0.8, 1.0, 1.2])}))
CLOSE = {"FF": 2e-5, "T1H2O": 0.1, "T1fat": 0.1, "Df": 2e-3, "B1": 2e-5, "T1": 0.1, "T2": 0.02,
         "PD": 1e-5, "quality": 1e-6}  # fmt: skip


def water_fat(**options):
    return methods.get(
        "water-fat", sequence=mrf.sequences.t1ff(), device="cpu", grid=small_grid(), **options
    )


def explicit(name, **given):
    def make(**options):
        return methods.get(
            name, sequence=SHORT_FISP, device="cpu", dictionary=DICTIONARY, **given, **options
        )

    return make


METHODS = {
    "water-fat": water_fat,
    "compressed": explicit("compressed"),
    "compressed, unchecked": explicit("compressed", check=False),
    "group": explicit("group", groups=12),
    "exhaustive": explicit("exhaustive"),
}
EACH = pytest.mark.parametrize("make", METHODS.values(), ids=METHODS)


def tissue_of(sequence, n, rng):
    if sequence.kind == "spoiled":
        return random_tissue(n, rng)
    return {"T1": rng.uniform(500, 1900, n), "T2": rng.uniform(25, 180, n),
            "B1": rng.uniform(0.8, 1.2, n)}  # fmt: skip


def subspace_series(sequence, rank=9, seed=0, snr_db=35):
    """Noisy tissue in every voxel, of a basis that is not orthonormal; one is silent, one NaN."""
    rng = np.random.default_rng(seed)
    signals = measured(sequence, tissue_of(sequence, np.prod(SHAPE), rng), snr_db, rng)
    around = mrf.simulate(sequence, tissue_of(sequence, 300, rng), dtype="complex128")
    vectors = np.linalg.svd(around, full_matrices=False)[2][:rank].T
    basis = (vectors @ complex_normal(rng, rank, rank)).astype(np.complex64)
    images = np.linalg.lstsq(basis, signals.T.astype(complex), rcond=None)[0]
    images = images.reshape(rank, *SHAPE).astype(np.complex64)
    images[:, 1, 2, 3] = 0
    images[rank // 2, 0, 1, 1] = np.nan
    return mrf.MRFSeries(lazy_frames(SubspaceSignal(basis, images)), sequence=sequence)


def as_frames(series):
    return replace(series, signal=np.asarray(series.signal))


def check_same(found, expected):
    """The same maps, to what single precision leaves of a fingerprint."""
    found, expected = named(found), named(expected)
    assert found.keys() == expected.keys()
    np.testing.assert_array_equal(found.pop("flags"), expected.pop("flags"))
    for key, values in expected.items():
        close = (
            {"rtol": 2e-3} if key.endswith("_std") else {"atol": CLOSE.get(key, 0), "rtol": 1e-5}
        )
        np.testing.assert_allclose(found[key], values, **close, err_msg=key)


@pytest.mark.parametrize("rank", [1, 4, 9, 30])
@pytest.mark.parametrize("n_frames", [12, 175])
def test_products_and_norms_are_those_of_frames(rank, n_frames):
    """For any vectors, of bases that are not orthonormal or have twins, or more than frames."""
    rng = np.random.default_rng(rank)
    basis = complex_normal(rng, n_frames, rank)
    basis[:, -1] = basis[:, 0]
    values = complex_normal(rng, 700, rank).astype(np.complex64)
    coefficients = Coefficients(values, Subspace(basis))
    frames = values.astype(complex) @ basis.T
    vectors = complex_normal(rng, 5, n_frames)
    norms = np.linalg.norm(frames, axis=1)
    np.testing.assert_allclose(coefficients.norms, norms, rtol=1e-12)
    products = coefficients.products(TimeVectors(vectors))
    np.testing.assert_allclose(products * norms[:, None], frames @ vectors.conj().T, atol=1e-9)
    np.testing.assert_allclose(coefficients.frames, frames, rtol=1e-5, atol=1e-4)
    some = np.arange(700) % 3 == 0
    np.testing.assert_array_equal(frames_of(coefficients[some]), coefficients.frames[some])
    np.testing.assert_array_equal(coefficients[some].unit, coefficients.unit[some])
    assert len(coefficients[some]) == some.sum()


def test_vectors_are_those_of_the_subspace_that_is_asked_for():
    rng = np.random.default_rng(0)
    vectors = TimeVectors(np.eye(20))
    for _ in range(3):
        basis, values = complex_normal(rng, 20, 3), complex_normal(rng, 4, 3)
        coefficients = Coefficients(values.astype(np.complex64), Subspace(basis))
        for _ in range(2):
            found = coefficients.products(vectors) * coefficients.norms[:, None]
            np.testing.assert_allclose(found, coefficients.frames, rtol=1e-5, atol=1e-5)


@EACH
@pytest.mark.parametrize("rank", [4, 12])
@pytest.mark.parametrize("refine", [False, True])
def test_maps_are_those_of_the_frames(make, rank, refine):
    method = make(refine=refine)
    series = subspace_series(method.sequence, rank, seed=rank)
    check_same(method.reconstruct(series), method.reconstruct(as_frames(series)))


@EACH
@pytest.mark.parametrize(
    "options",
    [{"window": 5}, {"frames": "10-149"}, {"frames": "0,25,60,80,100,120,150,170"},
     {"conjugate": True}, {"smooth": 0.7}, {"smooth": 0.5, "conjugate": True, "window": 3}],
    ids=str,
)  # fmt: skip
def test_conditioning_is_that_of_the_frames(make, options):
    method = make(refine="," not in options.get("frames", ""), **options)
    series = subspace_series(method.sequence, seed=5, snr_db=60)
    if options.get("conjugate"):
        of = series.subspace
        turned = SubspaceSignal(of.basis.conj(), of.coefficients.conj())
        series = replace(series, signal=lazy_frames(turned))
    mask = np.random.default_rng(0).random(SHAPE) < 0.7
    found = method.reconstruct(series, mask)
    assert np.isnan(found.quality[~mask]).all()
    check_same(found, method.reconstruct(as_frames(series), mask))


@EACH
def test_given_b1_is_held_as_in_frames(make):
    method = make()
    series = subspace_series(method.sequence, seed=7, snr_db=50)
    b1 = np.full(SHAPE, 0.9, np.float32)
    found = method.reconstruct(series, EVERYWHERE, b1=b1)
    assert (found["B1"][np.isfinite(found["B1"])] == np.float32(0.9)).all()
    check_same(found, method.reconstruct(as_frames(series), EVERYWHERE, b1=b1))


@EACH
def test_maps_do_not_depend_on_chunks_and_threads(make):
    method = make()
    series = subspace_series(method.sequence, seed=3)

    def run(chunk, threads):
        method.prepare()
        with divided(method, chunk, threads):
            return named(method.reconstruct(series, EVERYWHERE))

    check_chunks_and_threads(run, [(7, 3), (1000, 2)])


@pytest.mark.parametrize("factor", [1e-25, 1e25])
@pytest.mark.parametrize("make", [water_fat, explicit("compressed")])
def test_no_gain_is_too_small_or_large(make, factor):
    method = make(refine=False)
    series = subspace_series(method.sequence)
    of = series.subspace
    scaled = SubspaceSignal(of.basis, (of.coefficients * factor).astype(np.complex64))
    found = method.reconstruct(replace(series, signal=lazy_frames(scaled)), EVERYWHERE)
    expected = method.reconstruct(series, EVERYWHERE)
    np.testing.assert_allclose(found.quality, expected.quality, atol=1e-6)
    np.testing.assert_allclose(found["B1"], expected["B1"])


class Watched(SubspaceSignal):
    """Counts the frames that are made of coefficients."""

    def __getitem__(self, index):
        frames = super().__getitem__(index)
        self.read.append(len(frames))
        return frames


def watched(series):
    of = series.subspace
    signal = Watched(of.basis, of.coefficients)
    object.__setattr__(signal, "read", [])
    return replace(series, signal=lazy_frames(signal)), signal.read


@EACH
def test_frames_are_made_once_and_a_few_at_a_time(make):
    """For what is told of a series as a whole; matching and refinement make those of a block."""
    method = make()
    series, read = watched(subspace_series(method.sequence))
    method.reconstruct(series, EVERYWHERE)
    assert max(read) <= 25
    assert sum(read) <= SHAPE[0] * series.n_frames + 25


def test_a_network_that_needs_frames_makes_those_of_a_block():
    sequence = mrf.sequences.t1ff()
    network = methods.get("rnn", sequence=sequence, device="cpu")
    plain = subspace_series(sequence)
    series, read = watched(plain)
    found = network.reconstruct(series, EVERYWHERE)
    assert sum(read) <= SHAPE[0] * series.n_frames + 25
    check_same(found, network.reconstruct(as_frames(plain), EVERYWHERE))
    assert found.provenance["input"]["used"] == {"matching": "frames"}


def test_a_slice_can_be_left_before_the_next_is_read():
    method = water_fat()
    series = subspace_series(method.sequence)
    updates = method.iter_reconstruct(series, EVERYWHERE)
    first = next(update for update in updates if update.done)
    assert np.isfinite(first.maps["FF"][0]).any()
    assert np.isnan(first.maps["FF"][1]).all()
    updates.close()
    check_same(method.reconstruct(series), method.reconstruct(as_frames(series)))


@pytest.mark.parametrize(
    ("name", "matching"),
    [("water-fat", "coefficients"), ("group", "coefficients"), ("exhaustive", "frames")],
)
def test_provenance_says_what_was_used(name, matching):
    for refine, expected in (
        (True, {"matching": matching, "refining": "coefficients"}),
        (False, {"matching": matching}),
    ):
        method = METHODS[name](refine=refine)
        series = subspace_series(method.sequence)
        assert method.reconstruct(series).provenance["input"]["used"] == expected
        frames = method.reconstruct(as_frames(series)).provenance["input"]
        assert "used" not in frames


def test_frames_that_were_changed_are_taken_as_they_are():
    """A series computed from one of a subspace is none: its voxels may be anything."""
    method = water_fat(refine=False)
    series = subspace_series(method.sequence)
    frames = np.asarray(series.signal).copy()
    frames[100:] *= 0.5
    changed = series.signal * np.r_[np.ones(100), np.full(75, 0.5)][:, None, None, None]
    found = method.reconstruct(replace(series, signal=changed.astype(np.complex64)), EVERYWHERE)
    expected = method.reconstruct(replace(series, signal=frames), EVERYWHERE)
    np.testing.assert_array_equal(found["FF"], expected["FF"])
    assert "used" not in found.provenance["input"]
    assert np.nanmedian(found.quality) < np.nanmedian(method.reconstruct(series).quality)
