"""Fast group matching, against exhaustive matching and brute force inside the groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matching_cases import measured, small_grid

import napari_mrf as mrf
from napari_mrf import methods
from napari_mrf.compute.steps import result_of
from napari_mrf.dictionary.atom_groups import AtomGroups
from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.matching.explicit import group
from napari_mrf.matching.explicit.exhaustive import ExhaustiveMatcher
from napari_mrf.matching.explicit.group import GroupMatcher

KINDS = ("fisp", "spoiled")


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_mrf.dictionary.temporal_basis.cache_directory", lambda: folder)
        yield


@pytest.fixture(scope="module")
def dictionaries():
    fisp = mrf.Sequence(
        name="short", kind="fisp", flip_angles_deg=5 + 50 * np.sin(np.arange(60) / 9) ** 2,
        repetition_times_ms=12.0, echo_times_ms=2.0, inversion_time_ms=20.0,
    )  # fmt: skip
    relaxation = ParameterGrid({"T1": np.arange(200.0, 2000, 30), "T2": np.arange(20.0, 200, 6)})
    mixtures = ParameterGrid({"FF": np.arange(11) / 10, **small_grid().axes})
    return {
        "fisp": Dictionary.build(fisp, relaxation),
        "spoiled": Dictionary.build(mrf.sequences.t1ff(), mixtures),
    }


def fingerprints(dictionary, seed, snr_db, n=40):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(dictionary), n)
    tissue = {key: values[rows] for key, values in dictionary.parameters.items()}
    return measured(dictionary.sequence, tissue, snr_db, rng)


def prepared(dictionary, cls=GroupMatcher, **options):
    matcher = cls(dictionary.sequence, device="cpu", dictionary=dictionary, refine=False, **options)
    matcher.prepare()
    return matcher


@pytest.fixture(scope="module")
def exhaustive(dictionaries):
    return {kind: prepared(made, ExhaustiveMatcher) for kind, made in dictionaries.items()}


@pytest.fixture(scope="module")
def matchers(dictionaries):
    return {
        (kind, pruning, n): prepared(dictionaries[kind], pruning=pruning, groups=n)
        for kind in KINDS
        for pruning in group.PRUNINGS
        for n in (0, 7)
    }


def random_directions(rng, n, rank):
    """Complex vectors near a curve, as compressed atoms are."""
    t = np.sort(rng.random(n))
    powers = t[:, None] ** np.arange(rank) * rng.standard_normal(rank)
    noise = 0.02 * (rng.standard_normal((n, rank)) + 1j * rng.standard_normal((n, rank)))
    return (powers + noise) * np.exp(2j * np.pi * rng.random(n))[:, None]


def groups_of(coefficients, n_groups):
    return result_of(AtomGroups.building(coefficients, n_groups))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 200), n_groups=st.integers(1, 40))
def test_every_atom_is_in_one_group_within_its_radius(seed, n, n_groups):
    rng = np.random.default_rng(seed)
    atoms = random_directions(rng, n, 5)
    made = groups_of(atoms, min(n, n_groups))
    np.testing.assert_array_equal(np.sort(np.concatenate(made.members)), np.arange(n))
    assert len({group.size for group in made.members[:-1]}) <= 1
    np.testing.assert_allclose(np.linalg.norm(made.means, axis=1), 1.0)
    unit = atoms / np.linalg.norm(atoms, axis=1, keepdims=True)
    for members, mean, radius in zip(made.members, made.means, made.radii, strict=True):
        cosines = np.abs(unit[members] @ mean.conj())
        assert np.cos(radius) == pytest.approx(cosines.min(), abs=1e-12)


def test_groups_hold_atoms_that_are_alike():
    rng = np.random.default_rng(0)
    # Six bundles of directions that are far from each other.
    bundles = np.repeat(np.eye(6), 20, axis=0) + 0.03 * rng.standard_normal((120, 6))
    order = rng.permutation(120)
    turned = (bundles * np.exp(2j * np.pi * rng.random((120, 1))))[order]
    made = groups_of(turned, 6)
    for members in made.members:
        assert len(set(order[members] // 20)) == 1
    assert np.degrees(made.radii.max()) < 10


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), n_groups=st.integers(1, 30), noise=st.floats(0, 2))
def test_no_atom_exceeds_the_bound_of_its_group(seed, n_groups, noise):
    rng = np.random.default_rng(seed)
    atoms = random_directions(rng, 90, 4)
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    signals = atoms[rng.integers(0, 90, 25)]
    signals = signals + noise * (rng.standard_normal((25, 4)) + 1j * rng.standard_normal((25, 4)))
    made = groups_of(atoms, n_groups)
    bounds = made.upper_bounds(made.scores(signals), np.linalg.norm(signals, axis=1))
    for number, members in enumerate(made.members):
        reached = np.abs(signals @ atoms[members].conj().T).max(axis=1)
        assert np.all(reached <= bounds[:, number] + 1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_groups", [0, 7])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), snr_db=st.sampled_from([0.0, 10.0, 20.0, np.inf]))
def test_pruning_by_bound_gives_the_answer_of_exhaustive_matching(
    matchers, exhaustive, dictionaries, kind, n_groups, seed, snr_db
):
    signals = fingerprints(dictionaries[kind], seed, snr_db)
    found = matchers[kind, "bound", n_groups].match(signals)
    expected = exhaustive[kind].match(signals)
    for key, values in expected.parameters.items():
        np.testing.assert_array_equal(found.parameters[key], values)
    np.testing.assert_array_equal(found.quality, expected.quality)
    np.testing.assert_array_equal(found.m0, expected.m0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_pruning_by_threshold_finds_the_best_of_the_groups_it_keeps(
    matchers, dictionaries, kind, snr_db
):
    matcher, dictionary = matchers[kind, "threshold", 7], dictionaries[kind]
    signals = fingerprints(dictionary, 3, snr_db, n=150)
    atoms = dictionary.atoms.astype(np.complex128)
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    unit = signals / np.linalg.norm(signals.astype(np.complex128), axis=1, keepdims=True)
    correlation = np.abs(unit @ atoms.conj().T)
    compressed, groups = matcher.prepare().search.space.atoms, matcher.prepare().search.groups
    vectors = compressed.basis.vectors[:, : compressed.rank]
    scores = np.abs((unit @ vectors) @ groups.means.conj().T)
    kept = scores >= 0.995 * scores.max(axis=1, keepdims=True)
    assert 0 < kept.mean() < 1
    for number, members in enumerate(groups.members):
        correlation[np.ix_(~kept[:, number], members)] = -1.0
    chosen = correlation[np.arange(150), matcher.best_atoms(signals)]
    np.testing.assert_allclose(chosen, correlation.max(axis=1), rtol=1e-12)


def as_series(signals, shape):
    return mrf.MRFSeries(signals.T.reshape(-1, *shape))


def test_agreement_with_exhaustive_matching_is_told(dictionaries, exhaustive):
    shape = (2, 10, 15)
    signals = fingerprints(dictionaries["fisp"], 4, 0.0, n=300)
    expected = exhaustive["fisp"].reconstruct(as_series(signals, shape), np.ones(shape, bool))
    # Without a margin only the group of the best mean is searched.
    hasty = prepared(dictionaries["fisp"], pruning="threshold", margin=0.0)
    for _ in range(2):  # a second run counts anew
        maps = hasty.reconstruct(as_series(signals, shape), np.ones(shape, bool))
    same = (maps["T1"] == expected["T1"]) & (maps["T2"] == expected["T2"])
    told = maps.provenance["method"]["exactness"]
    assert 0 < same.sum() < 300
    assert told["voxels"] == 300
    assert told["same_atom"] == same.sum()
    loss = (expected.quality - maps.quality).max()
    assert told["largest_loss_of_correlation"] == pytest.approx(loss)
    (said,) = [text for text in map(str, maps.warnings) if "Pruning" in text]
    assert f"{300 - same.sum()} of 300" in said


def test_pruning_by_bound_is_told_to_agree(dictionaries):
    shape = (1, 10, 20)
    signals = fingerprints(dictionaries["fisp"], 5, 10.0, n=200)
    matcher = prepared(dictionaries["fisp"])
    maps = matcher.reconstruct(as_series(signals, shape), np.ones(shape, bool))
    told = maps.provenance["method"]["exactness"]
    assert told == {"voxels": 200, "same_atom": 200, "largest_loss_of_correlation": 0.0}
    assert not [text for text in map(str, maps.warnings) if "Pruning" in text]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"pruning": "garden"}, "unknown-option"), ({"groups": -2}, "bad-option"),
        ({"margin": 1.0}, "bad-option"), ({"rank": 1000}, "bad-option"),
    ],
)  # fmt: skip
def test_impossible_groups_are_refused(dictionaries, options, code):
    with pytest.raises(mrf.MRFInputError) as caught:
        prepared(dictionaries["fisp"], **options)
    assert caught.value.code == code


def test_group_is_a_method_of_both_kinds_of_sequence():
    for name in ("t1ff", "fisp"):
        rows = {row.name: row for row in methods.available(mrf.sequences.load(name))}
        offered = [option.name for option in rows["group"].options]
        assert offered[:2] == ["groups", "pruning"]
