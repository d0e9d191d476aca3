"""Spatiotemporal matching, against its definition written out without windows or slices."""

import itertools
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from properties import (
    check_chunks_and_threads,
    check_complex_factor_invariance,
    named,
    random_factors,
)

import napari_mrf as mrf
from napari_mrf import methods
from napari_mrf.data.maps import FLAGS, FlagBits
from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.matching.spatiotemporal import pipeline
from napari_mrf.matching.spatiotemporal.coefficient_similarity import CoefficientSimilarity
from napari_mrf.matching.spatiotemporal.matcher import SpatiotemporalMatcher
from napari_mrf.matching.spatiotemporal.training_subjects import TrainingSubject

RADII_ZYX = (1, 5, 5)  # of the window 11 x 11 x 3
SHAPE = (3, 7, 8)
T1_MS, T2_MS = np.arange(200.0, 2000, 30), np.arange(20.0, 200, 6)
seeds = st.integers(0, 2**31)


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_mrf.dictionary.temporal_basis.cache_directory", lambda: folder)
        yield


def teach(patch, subjects):
    """Let the matcher learn from these subjects instead of phantoms."""
    patch.setattr(
        "napari_mrf.matching.spatiotemporal.matcher.training_subjects", lambda *_: iter(subjects)
    )


def some_tissue(rng, shape):
    """Tissue with a few holes that reaches every border of the image."""
    return rng.random(shape) > 0.06


@pytest.fixture(scope="module")
def fisp():
    """Two people of random tissue on the grid of a small dictionary, and a third to match."""
    sequence = mrf.Sequence(
        name="short", kind="fisp", flip_angles_deg=5 + 50 * np.sin(np.arange(60) / 9) ** 2,
        repetition_times_ms=12.0, echo_times_ms=2.0, inversion_time_ms=20.0,
    )  # fmt: skip
    dictionary = Dictionary.build(sequence, ParameterGrid({"T1": T1_MS, "T2": T2_MS}))
    rng = np.random.default_rng(1)
    # One shape for all: they are aligned as they are.
    known = some_tissue(rng, SHAPE)
    subjects = [
        TrainingSubject(
            number,
            {
                key: np.where(known, rng.choice(axis, SHAPE), np.nan).astype(np.float32)
                for key, axis in (("T1", T1_MS), ("T2", T2_MS))
            },
            np.diag([-1.0, -1.0, 1.0, 1.0]),
        )
        for number in range(2)
    ]
    with pytest.MonkeyPatch.context() as patch:
        teach(patch, subjects)
        matcher = SpatiotemporalMatcher(
            sequence, similarity=CoefficientSimilarity(sequence, dictionary=dictionary)
        )
        matcher.prepare()
        yield matcher, subjects, known


def fingerprints(sequence, known, rng, noise=0.02):
    """(T, Z, Y, X) signals of random tissue and unlike phase; nothing where nothing is."""
    n = int(known.sum())
    tissue = {"T1": rng.uniform(300, 1900, n), "T2": rng.uniform(25, 190, n), "PD": np.ones(n)}
    signals = mrf.simulate(sequence, tissue)
    signals = signals / np.linalg.norm(signals, axis=1, keepdims=True)
    disturbed = rng.standard_normal((2, *signals.shape)) * noise
    signals = (signals + disturbed[0] + 1j * disturbed[1]) * np.exp(2j * np.pi * rng.random((n, 1)))
    images = np.zeros((signals.shape[1], *known.shape), np.complex64)
    images[:, known] = signals.T
    return images


OF_A_VOXEL = ~FlagBits(FLAGS["poor-fit"])


def by_name(matcher, signals):
    """Every map of (N, T) fingerprints, flat, inside the automatic mask.

    All but poor fits: they stand out from others, by the gain of each.
    """
    found = named(matcher.reconstruct(mrf.MRFSeries(signals.T.reshape(-1, *SHAPE))))
    return found | {"flags": found["flags"] & OF_A_VOXEL}


def patch_sums(table):
    """The sum of likenesses of two patches 3 x 3 x 3, voxel by voxel of the same place in both."""
    inner = [size - 2 for size in table.shape]
    total = np.zeros(inner)
    for steps in itertools.product(range(3), repeat=3):
        both = (*steps, *steps)
        total += table[tuple(slice(s, s + n) for s, n in zip(both, inner, strict=True))]
    return total


def five_best(scores, subjects, seen):
    """Mean tissue of the five training voxels inside the window whose patches are most alike."""
    found = {key: np.full(seen.shape, np.nan) for key in subjects[0].maps}
    places = np.stack(np.indices(seen.shape), axis=-1)
    for voxel in zip(*np.nonzero(seen), strict=True):
        inside = np.all(np.abs(places - voxel) <= RADII_ZYX, axis=-1)
        candidates = []
        for one, total in zip(subjects, scores, strict=True):
            known = np.isfinite(one.maps[next(iter(found))]) & inside
            for place in zip(*np.nonzero(known), strict=True):
                candidates.append((total[(*voxel, *place)], one, place))
        best = sorted(candidates, key=lambda candidate: -candidate[0])[:5]
        for key, image in found.items():
            image[voxel] = np.mean([one.maps[key][place] for _, one, place in best])
    return found


def by_definition(correlations, subjects, seen):
    """Two iterations over tables (Z, Y, X, Z, Y, X) of correlations, one a subject."""
    knowns = [np.isfinite(next(iter(one.maps.values()))) for one in subjects]
    tables = [
        np.where(seen[..., None, None, None] & known, table, 0.0)
        for table, known in zip(correlations, knowns, strict=True)
    ]
    first = five_best([patch_sums(np.pad(table, 1)) for table in tables], subjects, seen)
    limits = {
        key: np.percentile(
            np.concatenate([one.maps[key][known] for one, known in zip(subjects, knowns)]),  # noqa: B905
            [0.1, 99.9],
        )
        for key in first
    }

    def scaled(maps):
        return {
            key: np.clip((np.nan_to_num(maps[key]) - low) / (high - low), 0, 1)
            for key, (low, high) in limits.items()
        }

    mine, blended = scaled(first), []
    for one, table in zip(subjects, tables, strict=True):
        theirs = scaled(one.maps)
        squares = np.mean(
            [np.subtract.outer(mine[key], theirs[key]) ** 2 for key in limits], axis=0
        )
        likeness = 1.0 - np.sqrt(squares)
        blended.append(np.where(table > 0, 0.5 * table + 0.5 * likeness, 0.0))
    return five_best([patch_sums(np.pad(table, 1)) for table in blended], subjects, seen)


def correlations_with(signals, atoms):
    """|inner product| (…, …) of unit-norm fingerprints (…, T) and atoms (…, T)."""
    one = signals / np.maximum(np.linalg.norm(signals, axis=-1, keepdims=True), 1e-30)
    other = atoms / np.maximum(np.linalg.norm(atoms, axis=-1, keepdims=True), 1e-30)
    return np.abs(np.tensordot(one.astype(complex), other.conj(), axes=(-1, -1)))


def test_brain_is_matched_as_defined(fisp):
    matcher, subjects, known = fisp
    images = fingerprints(matcher.sequence, known, np.random.default_rng(2))
    maps = matcher.reconstruct(mrf.MRFSeries(images))
    tables = []
    for one in subjects:
        tissue = {key: one.maps[key][known].astype(float) for key in one.maps}
        atoms = np.zeros((*SHAPE, images.shape[0]), complex)
        atoms[known] = mrf.simulate(matcher.sequence, {**tissue, "PD": np.ones(known.sum())})
        tables.append(correlations_with(np.moveaxis(images, 0, -1), atoms))
    expected = by_definition(tables, subjects, known)
    for key, values in expected.items():
        assert np.array_equal(np.isnan(maps[key]), ~known)
        same = np.isclose(maps[key][known], values[known], rtol=1e-5)
        # Compression decides between candidates that are alike to 1e-4.
        assert same.mean() > 0.98, key
    # The numbers beside the maps are those of the model at the maps.
    atom = mrf.simulate(
        matcher.sequence,
        {
            "T1": T1_MS[np.abs(T1_MS - maps["T1"][known][:, None]).argmin(axis=1)],
            "T2": T2_MS[np.abs(T2_MS - maps["T2"][known][:, None]).argmin(axis=1)],
            "PD": np.ones(known.sum()),
        },
    )
    signals = images[:, known].T
    inner = np.sum(atom.conj() * signals, axis=1)
    norms = np.linalg.norm(atom, axis=1)
    quality = np.abs(inner) / norms / np.linalg.norm(signals, axis=1)
    # On a logarithmic scale another point of the grid may be nearest.
    assert np.median(np.abs(maps.quality[known] - quality)) < 1e-4
    assert np.median(np.abs(maps.m0[known] / (inner / norms**2) - 1)) < 1e-3
    np.testing.assert_array_equal(maps["PD"][known], np.abs(maps.m0[known]))


def test_thigh_is_matched_as_defined_in_one_slice_in_plane():
    sequence, shape = mrf.sequences.t1ff(), (1, 7, 8)
    rng = np.random.default_rng(3)
    known = some_tissue(rng, shape)
    # Tissue on the grid of the method; fields on the grid of water-fat matching.
    axes = {"FF": np.arange(0, 1.01, 0.05), "T1H2O": np.arange(700.0, 1600, 25),
            "T1fat": np.arange(250.0, 420, 10)}  # fmt: skip
    people = [
        {key: np.where(known, rng.choice(axis, shape), np.nan) for key, axis in axes.items()}
        for _ in range(3)
    ]
    fields = {"Df": rng.choice(np.arange(-40.0, 50, 10), shape),
              "B1": rng.choice(np.arange(50, 101, 5) / 100, shape)}  # fmt: skip
    subjects = [
        TrainingSubject(
            number, {key: values.astype(np.float32) for key, values in maps.items()}, np.eye(4)
        )
        for number, maps in enumerate(people[:2])
    ]
    # A voxel off the grid of T1 may get a neighboring B1: the third lies on both grids.
    measured = people[2] | fields | {"T1H2O": np.round(people[2]["T1H2O"] / 50) * 50,
                                     "T1fat": np.round(people[2]["T1fat"] / 25) * 25}  # fmt: skip
    signals = mrf.simulate(sequence, {key: values[known] for key, values in measured.items()})
    factors = rng.uniform(0.7, 1.4, len(signals)) * np.exp(2j * np.pi * rng.random(len(signals)))
    images = np.zeros((sequence.n_frames, *shape), np.complex64)
    images[:, known] = (signals * factors[:, None]).T
    with pytest.MonkeyPatch.context() as patch:
        teach(patch, subjects)
        maps = SpatiotemporalMatcher(sequence).reconstruct(mrf.MRFSeries(images))

    for key, values in fields.items():
        np.testing.assert_allclose(maps[key][known], values[known], rtol=1e-6)
    # Every fingerprint against every training tissue at the fields of the fingerprint.
    mine, theirs = np.meshgrid(*2 * [np.flatnonzero(known)], indexing="ij")
    tables = []
    for one in people[:2]:
        pairs = {key: values.reshape(-1)[theirs].reshape(-1) for key, values in one.items()}
        pairs |= {key: values.reshape(-1)[mine].reshape(-1) for key, values in fields.items()}
        atoms = mrf.simulate(sequence, pairs).reshape(*mine.shape, -1)
        inner = np.einsum("nkt,nt->nk", atoms.conj(), signals)
        norms = np.linalg.norm(atoms, axis=-1) * np.linalg.norm(signals, axis=-1)[:, None]
        table = np.zeros(2 * (known.size,))
        table[mine, theirs] = np.abs(inner) / norms
        tables.append(table.reshape(*shape, *shape))
    expected = by_definition(tables, subjects, known)
    for key, values in expected.items():
        assert np.array_equal(np.isnan(maps[key]), ~known)
        same = np.isclose(maps[key][known], values[known], rtol=1e-5)
        assert same.mean() > 0.98, key


@settings(max_examples=8, deadline=None)
@given(seed=seeds, exponent=st.integers(-6, 6))
def test_phase_and_gain_of_a_voxel_change_only_m0(fisp, seed, exponent):
    matcher, _, known = fisp
    rng = np.random.default_rng(seed)
    images = fingerprints(matcher.sequence, known, rng)
    # Gains that leave the automatic mask as it is.
    factors = 10.0**exponent * random_factors(rng, known.size, 0.15)
    check_complex_factor_invariance(
        lambda given: by_name(matcher, given), images.reshape(len(images), -1).T, factors,
        atol={"quality": 1e-5}, rtol=1e-4, undecided=2,
    )  # fmt: skip


@settings(max_examples=8, deadline=None)
@given(seed=seeds)
def test_sign_and_powers_of_two_change_only_m0_and_that_exactly(fisp, seed):
    matcher, _, known = fisp
    rng = np.random.default_rng(seed)
    images = fingerprints(matcher.sequence, known, rng)
    factors = 2.0 ** rng.integers(-3, 3) * rng.choice([-1.0, 1.0], known.size)
    check_complex_factor_invariance(
        lambda given: by_name(matcher, given), images.reshape(len(images), -1).T, factors
    )


@settings(max_examples=8, deadline=None)
@given(seed=seeds, share=st.floats(0.02, 0.98))
def test_voxel_does_not_depend_on_which_others_the_mask_holds(fisp, seed, share):
    matcher, _, known = fisp
    rng = np.random.default_rng(seed)
    series = mrf.MRFSeries(fingerprints(matcher.sequence, known, rng))
    mask = rng.random(SHAPE) < share
    mask[rng.integers(SHAPE[0])] = False
    mask[tuple(np.argwhere(known)[rng.integers(known.sum())])] = True
    plain, few = (
        matcher.reconstruct(series, np.ones(SHAPE, bool)),
        matcher.reconstruct(series, mask),
    )
    for key in ("PD", "T1", "T2"):
        np.testing.assert_array_equal(few[key][mask], plain[key][mask], err_msg=key)
        assert np.isnan(few[key][~mask]).all()
    for name in ("quality", "m0", "flags"):
        found, expected = getattr(few, name), getattr(plain, name)
        if name == "flags":  # a poor fit is one among others
            found, expected = found & OF_A_VOXEL, expected & OF_A_VOXEL
        np.testing.assert_array_equal(found[mask], expected[mask], err_msg=name)
    assert few.provenance["counts"]["no_signal"] == np.sum(mask & ~known)


def test_same_bits_for_any_number_of_threads_and_chunks(fisp, monkeypatch):
    matcher, _, known = fisp
    images = fingerprints(matcher.sequence, known, np.random.default_rng(5))

    def run(at_once, _):
        with monkeypatch.context() as patch:
            if at_once is not None:
                patch.setattr(pipeline, "_VOXELS_AT_ONCE", at_once)
            return by_name(matcher, images.reshape(len(images), -1).T)

    check_chunks_and_threads(run, [(7, 1), (50, 3), (1024, 20)])


def test_damaged_voxel_is_flagged_and_takes_no_part(fisp):
    matcher, _, known = fisp
    images = fingerprints(matcher.sequence, known, np.random.default_rng(6))
    voxel = tuple(np.argwhere(known)[40])
    hurt, silent = images.copy(), images.copy()
    hurt[(3, *voxel)], silent[(slice(None), *voxel)] = np.nan, 0.0
    one, other = (
        matcher.reconstruct(mrf.MRFSeries(hurt)),
        matcher.reconstruct(mrf.MRFSeries(silent)),
    )
    assert np.isnan(one["T1"][voxel])
    assert one.flags[voxel] == 2
    assert one.provenance["counts"]["not_finite"] == 1
    # The mask closes a hole of damaged data, the patches do not.
    beside = known.copy()
    beside[voxel] = False
    np.testing.assert_array_equal(one["T1"][beside], other["T1"][beside])


def test_work_can_be_cancelled_between_any_two_rows_of_the_window(fisp):
    matcher, subjects, known = fisp
    series = mrf.MRFSeries(fingerprints(matcher.sequence, known, np.random.default_rng(7)))
    updates = list(matcher.iter_reconstruct(series))
    middle_slice, end_slices = 3 * 11, 2 * 2 * 11
    assert len(updates) >= 2 * len(subjects) * (middle_slice + end_slices)
    done = [update.done for update in updates]
    assert done == sorted(done)
    assert np.max(np.diff(done)) < 0.1 * known.sum()  # the bar moves evenly
    threads = threading.active_count()
    working = matcher.iter_reconstruct(series)
    while next(working).done < known.sum() // 2:
        pass
    working.close()
    assert threading.active_count() <= threads
    maps = matcher.reconstruct(series)
    np.testing.assert_array_equal(maps["T1"], updates[-1].maps["T1"])


def test_voxels_without_training_tissue_keep_the_values_of_the_matcher(fisp, monkeypatch):
    matcher, subjects, known = fisp
    series = mrf.MRFSeries(fingerprints(matcher.sequence, known, np.random.default_rng(8)))
    # Tissue in the first slice only: the last one lies beyond the window.
    first = np.arange(SHAPE[0])[:, None, None] == 0
    cut = {key: np.where(first, maps, np.nan) for key, maps in subjects[0].maps.items()}
    teach(monkeypatch, [TrainingSubject(0, cut, subjects[0].affine)])
    maps = matcher.reconstruct(series)
    own = matcher._similarity.matcher.reconstruct(series)
    for key in ("T1", "T2"):
        np.testing.assert_array_equal(maps[key][2], own[key][2])
        assert np.mean(maps[key][:2][known[:2]] == own[key][:2][known[:2]]) < 0.2
    np.testing.assert_allclose(maps.quality[2], own.quality[2], atol=1e-3)
    (said,) = [text for text in map(str, maps.warnings) if "no training subject" in text]
    assert f"{known[2].sum()} of {known.sum()} voxels" in said
    assert "compressed" in said


def test_record_tells_the_parameters_of_the_search(fisp):
    matcher, _, known = fisp
    series = mrf.MRFSeries(fingerprints(matcher.sequence, known, np.random.default_rng(9)))
    record = matcher.reconstruct(series).provenance["method"]
    assert record["window_zyx"] == [3, 11, 11]
    assert record["patch_zyx"] == [3, 3, 3]
    assert (record["candidates"], record["map_weight"], record["iterations"]) == (5, 0.5, 2)
    assert record["training_subjects"] == {"anatomy": "brain", "seeds": [0, 1]}
    assert record["matcher"]["name"] == "compressed"


@pytest.mark.parametrize("subjects", [0, 41, 1.5])
def test_impossible_number_of_subjects_is_refused(subjects):
    with pytest.raises(mrf.MRFInputError) as caught:
        methods.get("spatiotemporal", sequence=mrf.sequences.t1ff(), subjects=subjects)
    assert caught.value.code == "bad-option"


def test_sequence_that_measures_more_than_training_subjects_know_is_refused():
    with_b1 = mrf.Sequence(
        name="with B1", kind="fisp", parameters=("PD", "T1", "T2", "B1"),
        flip_angles_deg=np.full(20, 30.0), repetition_times_ms=12.0, echo_times_ms=2.0,
    )  # fmt: skip
    with pytest.raises(mrf.MRFInputError) as caught:
        SpatiotemporalMatcher(with_b1)
    assert caught.value.code == "wrong-sequence"


def test_method_offers_the_few_options_of_its_own():
    for name in ("t1ff", "fisp"):
        rows = {row.name: row for row in methods.available(mrf.sequences.load(name))}
        offered = [option.name for option in rows["spatiotemporal"].options]
        assert offered == ["subjects", "frames", "window", "smooth", "conjugate"]
