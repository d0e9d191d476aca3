"""Matching after temporal compression, against numpy's SVD and exhaustive matching."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matching_cases import measured, small_grid

import napari_mrf as mrf
from napari_mrf import methods
from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.dictionary.real_atoms import norms_of
from napari_mrf.dictionary.temporal_basis import TemporalBasis
from napari_mrf.matching.explicit.compressed import CompressedMatcher
from napari_mrf.matching.explicit.exhaustive import ExhaustiveMatcher

KINDS = ("fisp", "spoiled")


@pytest.fixture(scope="module")
def dictionaries():
    fisp = mrf.Sequence(
        name="short", kind="fisp", flip_angles_deg=5 + 50 * np.sin(np.arange(60) / 9) ** 2,
        repetition_times_ms=12.0, echo_times_ms=2.0, inversion_time_ms=20.0,
    )  # fmt: skip
    relaxation = ParameterGrid({"T1": np.arange(200.0, 2000, 40), "T2": np.arange(20.0, 200, 8)})
    mixtures = ParameterGrid({"FF": np.arange(6) / 5, **small_grid().axes})
    return {
        "fisp": Dictionary.build(fisp, relaxation),
        "spoiled": Dictionary.build(mrf.sequences.t1ff(), mixtures),
    }


@pytest.fixture(scope="module")
def exhaustive(dictionaries):
    return {
        kind: ExhaustiveMatcher(
            dictionary.sequence, device="cpu", dictionary=dictionary, refine=False
        )
        for kind, dictionary in dictionaries.items()
    }


def basis_of(dictionary):
    return TemporalBasis.build(dictionary.sequence, dictionary.atoms, norms_of(dictionary.atoms))


@pytest.fixture(scope="module")
def bases(dictionaries):
    return {kind: basis_of(dictionary) for kind, dictionary in dictionaries.items()}


@pytest.fixture(scope="module")
def decompositions(dictionaries):
    """Left singular vectors, singular values and rows by numpy."""
    return {
        kind: np.linalg.svd(unit_atoms(dictionary), full_matrices=False)
        for kind, dictionary in dictionaries.items()
    }


def unit_atoms(dictionary):
    atoms = dictionary.atoms.astype(np.complex128)
    return atoms / np.linalg.norm(atoms, axis=1, keepdims=True)


def fingerprints(dictionary, seed, snr_db, n=40):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(dictionary), n)
    tissue = {key: values[rows] for key, values in dictionary.parameters.items()}
    return measured(dictionary.sequence, tissue, snr_db, rng)


def matcher_of(dictionary, basis, **options):
    return CompressedMatcher(
        dictionary.sequence,
        device="cpu",
        dictionary=dictionary,
        basis=basis,
        refine=False,
        **options,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_basis_is_that_of_the_singular_value_decomposition(decompositions, bases, kind):
    (_, singular, rows), basis = decompositions[kind], bases[kind]
    np.testing.assert_allclose(basis.energies, singular**2, atol=1e-10 * singular[0] ** 2)
    for rank in (1, 5, 9):
        expected = rows[:rank].T.conj() @ rows[:rank]
        vectors = basis.vectors[:, :rank]
        np.testing.assert_allclose(vectors @ vectors.conj().T, expected, atol=1e-6)
    assert np.iscomplexobj(basis.vectors) == (kind == "spoiled")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rank", [3, 8])
def test_energy_and_worst_atom_are_reported(dictionaries, decompositions, bases, kind, rank):
    left, singular, rows = decompositions[kind]
    residuals = np.linalg.norm((left[:, rank:] * singular[rank:]) @ rows[rank:], axis=1)
    matcher = matcher_of(dictionaries[kind], bases[kind], rank=rank)
    matcher.prepare()
    told = matcher.describe()["compression"]
    assert told["rank"] == rank
    kept = np.sum(singular[:rank] ** 2) / np.sum(singular**2)
    assert told["energy_kept"] == pytest.approx(kept, abs=1e-12)
    assert told["worst_residual"] == pytest.approx(residuals.max(), abs=2e-7)
    assert told["median_residual"] == pytest.approx(np.median(residuals), abs=2e-7)
    table = dictionaries[kind].parameters
    named = np.all([values == told["worst_atom"][key] for key, values in table.items()], axis=0)
    assert residuals[named] == pytest.approx([residuals.max()])


@settings(max_examples=30, deadline=None)
@given(percent=st.floats(50, 99.99999999))
def test_rank_is_the_smallest_that_keeps_the_energy(dictionaries, decompositions, bases, percent):
    matcher = matcher_of(dictionaries["fisp"], bases["fisp"], energy=percent)
    matcher.prepare()
    rank = matcher.describe()["compression"]["rank"]
    kept = np.cumsum(decompositions["fisp"][1] ** 2)
    kept /= kept[-1]
    assert kept[rank - 1] >= percent / 100 - 1e-13
    assert rank == 1 or kept[rank - 2] <= percent / 100 + 1e-13


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**31), rank=st.integers(1, 30),
    snr_db=st.sampled_from([0.0, 10.0, 20.0, np.inf]),
)  # fmt: skip
def test_checked_answer_is_that_of_exhaustive_matching(
    dictionaries, bases, exhaustive, kind, seed, rank, snr_db
):
    signals = fingerprints(dictionaries[kind], seed, snr_db)
    expected = exhaustive[kind].match(signals)
    found = matcher_of(dictionaries[kind], bases[kind], rank=rank).match(signals)
    for key, values in expected.parameters.items():
        np.testing.assert_array_equal(found.parameters[key], values)
    np.testing.assert_array_equal(found.quality, expected.quality)
    np.testing.assert_array_equal(found.m0, expected.m0)
    np.testing.assert_array_equal(found.flags, expected.flags)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), rank=st.integers(2, 20))
def test_unchecked_answer_is_the_largest_product_of_the_compressed(
    dictionaries, decompositions, bases, kind, seed, rank
):
    signals = fingerprints(dictionaries[kind], seed, 20.0)
    matcher = matcher_of(dictionaries[kind], bases[kind], rank=rank, check=False)
    matcher.prepare()
    unit = unit_atoms(dictionaries[kind])
    vectors = decompositions[kind][2][:rank].conj().T
    wide = signals / np.linalg.norm(signals, axis=1, keepdims=True)
    products = np.abs((wide @ vectors) @ (unit @ vectors).conj().T)
    chosen = products[np.arange(len(signals)), matcher.best_atoms(signals)]
    # Coefficients are compared as complex64.
    np.testing.assert_allclose(chosen, products.max(axis=1), rtol=1e-6)


@pytest.mark.parametrize("check", [True, False])
def test_quality_is_the_correlation_with_the_whole_atom(dictionaries, bases, check):
    dictionary = dictionaries["fisp"]
    signals = fingerprints(dictionary, 0, 10.0)
    matcher = matcher_of(dictionary, bases["fisp"], rank=4, check=check)
    result = matcher.match(signals)
    chosen = unit_atoms(dictionary)[matcher.best_atoms(signals)]
    inner = np.abs(np.sum(chosen.conj() * signals, axis=1))
    expected = inner / np.linalg.norm(signals.astype(np.complex128), axis=1)
    np.testing.assert_allclose(result.quality, expected, rtol=1e-6)


def test_basis_comes_back_from_the_disk_as_it_was(bases, tmp_path):
    for kind, basis in bases.items():
        path = basis.save(tmp_path / f"{kind}.safetensors")
        again = TemporalBasis.load(path, sequence=basis.sequence)
        np.testing.assert_array_equal(again.vectors, basis.vectors)
        np.testing.assert_array_equal(again.energies, basis.energies)
        assert again.made_for == basis.made_for


def test_basis_of_another_dictionary_is_refused(dictionaries, bases, tmp_path):
    dictionary = dictionaries["fisp"]
    coarse = ParameterGrid({"T1": np.array([500.0, 900]), "T2": np.array([40.0, 80])})
    other = basis_of(Dictionary.build(dictionary.sequence, coarse))
    with pytest.raises(mrf.MRFInputError) as caught:
        matcher_of(dictionary, other).prepare()
    assert caught.value.code == "wrong-dictionary"
    assert "another dictionary" in str(caught.value)
    # The atoms under other frames are other atoms.
    with pytest.raises(mrf.MRFInputError) as caught:
        matcher_of(dictionary, bases["fisp"], window=3).prepare()
    assert caught.value.code == "wrong-dictionary"
    saved = bases["fisp"].save(tmp_path / "basis.safetensors")
    with pytest.raises(mrf.MRFInputError) as caught:
        TemporalBasis.load(saved, sequence=mrf.sequences.fisp())
    assert caught.value.code == "wrong-sequence"


def test_basis_is_kept_on_disk_and_made_again_when_damaged(dictionaries, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_mrf.dictionary.temporal_basis.cache_directory", lambda: tmp_path)
    dictionary = dictionaries["fisp"]
    signals = fingerprints(dictionary, 1, 20.0)

    def answer():
        matcher = matcher_of(dictionary, None, rank=6, check=False)
        return matcher.match(signals).parameters["T1"]

    expected = answer()
    (kept,) = tmp_path.glob("*-basis.safetensors")
    broken = bytearray(kept.read_bytes())
    broken[-40] ^= 1
    kept.write_bytes(broken)
    np.testing.assert_array_equal(answer(), expected)
    built = []
    monkeypatch.setattr(TemporalBasis, "build", lambda *_: built.append(1))
    np.testing.assert_array_equal(answer(), expected)
    assert not built


@pytest.mark.parametrize(
    "options", [{"rank": -1}, {"rank": 61}, {"energy": "100"}, {"energy": "much"}, {"energy": 0}]
)
def test_impossible_compression_is_refused(dictionaries, options):
    with pytest.raises(mrf.MRFInputError) as caught:
        matcher_of(dictionaries["fisp"], None, **options)
    assert caught.value.code == "bad-option"


def test_what_is_lost_is_said_where_it_may_matter(dictionaries, bases):
    signals = fingerprints(dictionaries["fisp"], 2, 20.0, n=12)
    series = mrf.MRFSeries(signals.T.reshape(-1, 1, 3, 4))

    def warnings_of(**options):
        matcher = matcher_of(dictionaries["fisp"], bases["fisp"], **options)
        maps = matcher.reconstruct(series, np.ones((1, 3, 4), bool))
        return [text for text in map(str, maps.warnings) if "worst atom" in text]

    (said,) = warnings_of(rank=3, check=False)
    assert "Rank 3 keeps 99." in said
    assert "T1 " in said
    assert not warnings_of(rank=3)
    assert not warnings_of(rank=30, check=False)


def test_compressed_is_a_method_of_both_kinds_of_sequence():
    for name in ("t1ff", "fisp"):
        rows = {row.name: row for row in methods.available(mrf.sequences.load(name))}
        offered = [option.name for option in rows["compressed"].options]
        assert offered[:3] == ["energy", "rank", "check"]
