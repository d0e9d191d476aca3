"""Raw data to images: the whole way from coils that were simulated to a series."""

import weakref
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from properties import complex_normal

import napari_mrf as mrf
from napari_mrf.data import sequences
from napari_mrf.data.raw.raw_data import RawData
from napari_mrf.imaging import updates
from napari_mrf.imaging.images import making_images
from napari_mrf.kspace import nufft
from napari_mrf.kspace.coils import simulated_sensitivities
from napari_mrf.kspace.trajectory import RadialTrajectory
from napari_mrf.kspace.whitening import mixed

N, COILS = 24, 4
SEQUENCE = sequences.t1ff()
SEQUENCE = replace(
    SEQUENCE, name="short",
    **{key: getattr(SEQUENCE, key)[450:850] for key in
       ("flip_angles_deg", "echo_times_ms", "repetition_times_ms", "rf_phases_deg")},
)  # fmt: skip
TISSUE = {"FF": 0.2, "T1H2O": 1300.0, "T1fat": 320.0, "Df": 20.0, "B1": 0.9}


def object_and_samples(noise=0.0, n_slices=1, seed=0, delays=lambda places: places):
    """A disc with a hole of fat, and what its coils measure; places are nominal."""
    y, x = np.mgrid[:N, :N] - N // 2
    disc, hole = np.hypot(y, x) < 9, np.hypot(y - 3, x) < 3
    by_pulse = replace(SEQUENCE, pulses_per_frame=1)
    water = mrf.simulate(by_pulse, TISSUE)[0]
    fat = mrf.simulate(by_pulse, TISSUE | {"FF": 0.9})[0]
    places = RadialTrajectory(SEQUENCE.n_pulses, N).coordinates()
    maps = simulated_sensitivities((N, N), COILS)
    shapes = np.stack([disc & ~hole, hole]).astype(np.complex64)
    seen = [nufft.forward(shape * maps, delays(places), epsilon=1e-6) for shape in shapes]
    samples = water[:, None] * seen[0] + fat[:, None] * seen[1]
    rng = np.random.default_rng(seed)
    slices = [
        ((z + 1) * samples + noise * complex_normal(rng, *samples.shape)).astype(np.complex64)
        for z in range(n_slices)
    ]
    truth = disc[None] * water[:, None, None] + hole * (fat - water)[:, None, None]
    return truth.reshape(-1, 8, N, N).mean(axis=1), disc, slices, places


def raw_of(slices, places, noise=None, **changes):
    given = {
        "n_slices": len(slices), "n_coils": COILS, "n_readouts": len(places),
        "n_samples": places.shape[1], "read_slice": lambda z: slices[z],
        "numbers": np.arange(len(places)), "n_planned": len(places), "matrix": (N, N),
        "trajectories": (places,), "affine": np.diag([2.0, 2.0, 5.0, 1.0]), "noise": noise,
        "source_path": Path("scan.h5"), "source_sha256": "0" * 64,
    }  # fmt: skip
    return RawData(**(given | changes))


def agreement(series, truth, inside, z=0):
    """Median correlation of fingerprints, blind to the receive phase and gain of a voxel."""
    found = series.slab(z)[:, inside]
    expected = truth[:, inside]
    product = np.abs(np.sum(found.conj() * expected, axis=0))
    return product / np.linalg.norm(found, axis=0) / np.linalg.norm(expected, axis=0)


def test_subspace_gives_the_fingerprints_of_the_object():
    truth, disc, slices, places = object_and_samples(noise=1e-3)
    series = mrf.make_images(raw_of(slices, places), SEQUENCE)
    assert series.signal.shape == (50, 1, N, N) and series.is_lazy
    assert np.array_equal(series.affine, np.diag([2.0, 2.0, 5.0, 1.0]))
    assert series.sequence == SEQUENCE
    subspace = agreement(series, truth, disc)
    assert np.median(subspace) > 0.9997 and subspace.min() > 0.99
    gridded = agreement(mrf.make_images(raw_of(slices, places), SEQUENCE, "gridded"), truth, disc)
    assert np.median(gridded) < 0.995
    size = np.linalg.norm(series.slab(0), axis=0) / np.linalg.norm(truth[:, 12, 12])
    assert 0.9 < np.median(size[disc]) < 1.1  # one virtual coil: units of the object


def test_frames_bring_their_coefficients_until_they_are_changed():
    _, _, slices, places = object_and_samples(noise=1e-3)
    series = mrf.make_images(raw_of(slices, places), SEQUENCE)
    assert series.subspace.shape == series.signal.shape
    assert np.array_equal(series.subspace[:, 0], series.slab(0))
    assert series.with_mask(None).subspace is series.subspace
    assert replace(series, signal=series.signal * 2).subspace is None
    assert replace(series, signal=series.signal[:, :, ::-1]).subspace is None
    assert replace(series, signal=np.asarray(series.signal)).subspace is None


def test_one_slice_is_in_memory_and_each_takes_as_much_work(monkeypatch):
    """Time grows with the number of slices, memory does not."""
    _, _, slices, places = object_and_samples(noise=1e-3)
    alive = []

    def read(z):
        assert not any(each() is not None for each in alive)
        samples = slices[0].copy()
        alive.append(weakref.ref(samples))
        return samples

    def mixing(matrix, samples):
        result = mixed(matrix, samples)
        alive.append(weakref.ref(result))
        return result

    monkeypatch.setattr(updates, "mixed", mixing)
    shares = [set()]
    for update in making_images(raw_of(slices * 4, places, read_slice=read), SEQUENCE):
        shares[-1].add(round(update.done - (len(shares) - 1), 6))
        if update.finished is not None:
            shares.append(set())
    assert len(alive) == 2 * (4 + 1)  # one more tells the gradient delays
    first, *others, _ = shares  # the first makes the noise of all
    assert others == [others[0]] * 3 and first > others[0] > {0.0, 0.2, 0.3}


def test_slices_are_their_own():
    truth, disc, slices, places = object_and_samples(noise=1e-3, n_slices=2)
    both = mrf.make_images(raw_of(slices, places), SEQUENCE)
    alone = mrf.make_images(raw_of(slices[1:], places), SEQUENCE)
    assert np.array_equal(both.slab(1), alone.slab(0))
    assert np.median(agreement(both, truth, disc, 1)) > 0.9997


@pytest.mark.parametrize("images", ["subspace", "gridded"])
def test_mixed_noisy_coils_are_told_apart_by_the_noise_scan(images):
    """A noise scan undoes any mixing of the coils: images stay the same up to a phase."""
    _, disc, slices, places = object_and_samples(noise=1e-3)
    rng = np.random.default_rng(5)
    scan = (1e-3 * complex_normal(rng, COILS, 4000)).astype(np.complex64)
    mixing = complex_normal(rng, COILS, COILS)
    first = mrf.make_images(raw_of(slices, places, scan), SEQUENCE, images).slab(0)
    mix = np.einsum("dc,crn->drn", mixing, slices[0]).astype(np.complex64)
    again = mrf.make_images(
        raw_of([mix], places, (mixing @ scan).astype(np.complex64)), SEQUENCE, images
    ).slab(0)
    apart = np.abs(np.abs(first) - np.abs(again))[:, disc]
    assert apart.max() < 0.02 * np.abs(first).max()


def test_missing_readouts_cost_little():
    truth, disc, slices, places = object_and_samples(noise=1e-3)
    kept = np.delete(np.arange(len(places)), [3, 100, 101])
    raw = raw_of([slices[0][:, kept]], places[kept], numbers=kept, n_readouts=len(kept))
    assert np.median(agreement(mrf.make_images(raw, SEQUENCE), truth, disc)) > 0.9997


@pytest.mark.parametrize("images", ["subspace", "gridded"])
def test_samples_beyond_the_edge_of_k_space_do_not_count(images):
    _, disc, slices, places = object_and_samples(noise=1e-3)
    wide = np.concatenate([places, np.full((len(places), 2, 2), 0.507)], axis=1)
    far = np.concatenate([slices[0], np.full((COILS, len(places), 2), 1e3)], axis=2)
    raw = raw_of([far.astype(np.complex64)], wide)
    expected = mrf.make_images(raw_of(slices, places), SEQUENCE, images, coils=COILS).slab(0)
    found = mrf.make_images(raw, SEQUENCE, images, coils=COILS).slab(0)
    apart = np.abs(np.abs(found) - np.abs(expected))[:, disc]
    assert apart.max() < 0.02 * np.abs(expected).max()


def delayed(places, x=0.7, y=-0.4):
    """Where spokes are measured whose axes x and y are late."""
    return places + (places[:, 1:2] - places[:, :1]) * [y, x]


@pytest.mark.parametrize("images", ["subspace", "gridded"])
def test_gradient_delays_are_corrected_and_told(images):
    truth, disc, slices, places = object_and_samples(noise=1e-3, n_slices=2, delays=delayed)
    raw = raw_of(slices, places)
    fine, off = (
        mrf.make_images(raw, SEQUENCE, images, delay_correction=wanted) for wanted in (True, False)
    )
    known = mrf.make_images(
        raw_of(slices, delayed(places)), SEQUENCE, images, delay_correction=False
    )
    for z in (0, 1):
        best = 1 - np.median(agreement(known, truth, disc, z))
        assert 1 - np.median(agreement(fine, truth, disc, z)) < 1.1 * best
        assert 1 - np.median(agreement(off, truth, disc, z)) > 1.4 * best
    record = fine.metadata["gradient_delays"]
    assert record["corrected"]
    assert record["samples"]["x"] == pytest.approx(0.7, abs=0.02)
    assert record["samples"]["y"] == pytest.approx(-0.4, abs=0.02)
    report = fine.metadata["raw"]["acquisition_report"]
    assert any("0.70 (x) and -0.40 (y) samples" in line for line in report["taken"])
    assert not any("delays" in line for line in raw.report.taken)  # the file's own stays as it was
    assert off.metadata["gradient_delays"]["corrected"] is False


@pytest.mark.parametrize("images", ["subspace", "gridded"])
def test_without_delays_nothing_is_corrected(images):
    _, _, slices, places = object_and_samples(noise=1e-3)
    raw = raw_of(slices, places)
    series = mrf.make_images(raw, SEQUENCE, images)
    assert series.metadata["gradient_delays"]["corrected"] is False
    plain = mrf.make_images(raw, SEQUENCE, images, delay_correction=False)
    assert np.array_equal(series.slab(0), plain.slab(0))


def test_delays_of_other_trajectories_are_not_estimated_which_is_told():
    _, _, slices, places = object_and_samples(noise=1e-3)
    bent = places + 1e-2 * np.sin(40 * places[..., ::-1]) * (1 - 4 * places**2)
    series = mrf.make_images(raw_of(slices, bent), SEQUENCE)
    assert series.metadata["gradient_delays"]["corrected"] is False
    report = series.metadata["raw"]["acquisition_report"]
    assert any("no straight spokes" in line for line in report["left_out"])


def test_frames_without_readouts_cannot_be_gridded():
    _, _, slices, places = object_and_samples()
    kept = np.arange(8, len(places))
    raw = raw_of([slices[0][:, kept]], places[kept], numbers=kept, n_readouts=len(kept))
    with pytest.raises(mrf.MRFInputError) as error:
        mrf.make_images(raw, SEQUENCE, "gridded")
    assert error.value.code == "readouts-mismatch" and "subspace" in error.value.hint


@pytest.mark.parametrize(
    ("changes", "options", "code"),
    [
        ({"trajectories": ()}, {}, "no-trajectory"),
        ({}, {"coils": 5}, "bad-option"),
        ({}, {"rank": 0}, "bad-option"),
        ({}, {"device": "abacus"}, "no-device"),
        ({"noise": np.zeros((COILS, 50), np.complex64)}, {}, "bad-noise-scan"),
        ({"read_slice": lambda z: np.zeros((COILS, 400, 48), np.complex64)}, {}, "no-signal"),
    ],
)
def test_what_cannot_be_reconstructed_is_told(changes, options, code):
    _, _, slices, places = object_and_samples()
    with pytest.raises(mrf.MRFInputError) as error:
        mrf.make_images(raw_of(slices, places, **changes), SEQUENCE, **options)
    assert error.value.code == code


def test_gridding_on_another_device_is_refused():
    _, _, slices, places = object_and_samples()
    with pytest.raises(mrf.MRFInputError) as error:
        mrf.make_images(raw_of(slices, places), SEQUENCE, "gridded", device="cuda")
    assert error.value.code == "bad-option"


def test_other_images_are_unknown():
    with pytest.raises(mrf.MRFInputError) as error:
        making_images(None, SEQUENCE, "painted")
    assert error.value.code == "unknown-option"


def test_progress_rises_and_work_can_be_left():
    _, _, slices, places = object_and_samples(noise=1e-3, n_slices=2)
    updates = list(making_images(raw_of(slices, places), SEQUENCE))
    done = [update.done for update in updates]
    assert done == sorted(done) and done[-1] == updates[-1].total == 2
    assert [update.finished for update in updates if update.finished is not None] == [0, 1]
    assert np.isfinite(updates[-1].preview).all()
    some = making_images(raw_of(slices, places), SEQUENCE)
    assert len(list(islice(some, 5))) == 5
    some.close()


def test_record_says_what_was_done():
    _, _, slices, places = object_and_samples(noise=1e-3)
    series = mrf.make_images(raw_of(slices, places), SEQUENCE, coils=3)
    assert series.metadata["images"] == "subspace" and series.metadata["virtual_coils"] == [3]
    assert series.metadata["noise_whitened"] is False
    assert series.warnings == ()
    assert series.metadata["raw"]["sha256"] == "0" * 64
