"""The search for the best atom against numpy in float64, whatever blocks, threads and rows."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from properties import check_chunks_and_threads

from napari_mrf.dictionary.real_atoms import RealAtoms, are_real_up_to_phase, norms_of
from napari_mrf.matching.explicit.search import CompiledSearch, ExactAtoms
from napari_mrf.matching.explicit.search_torch import TorchSearch

seeds = st.integers(0, 2**31)


def smooth_atoms(rng, n_atoms, n_frames, *, real=False):
    """Decaying curves, neighbors much alike, each under its own phase and scale."""
    time = np.linspace(0, 3, n_frames)
    rates = np.sort(rng.uniform(0.2, 3, n_atoms))
    atoms = np.exp(-np.outer(rates, time)) - 0.7 * np.exp(-np.outer(2.3 * rates, time))
    if not real:
        atoms = atoms * np.exp(1j * np.outer(rng.uniform(-3, 3, n_atoms), time))
    factors = rng.uniform(0.01, 100, n_atoms) * np.exp(2j * np.pi * rng.random(n_atoms))
    return (atoms * factors[:, None]).astype(np.complex64)


def noisy_signals(rng, atoms, n, noise):
    chosen = atoms[rng.integers(0, len(atoms), n)].astype(np.complex128)
    chosen /= np.linalg.norm(chosen, axis=1, keepdims=True)
    draw = rng.standard_normal((2, *chosen.shape)) * noise / np.sqrt(chosen.shape[1])
    factors = 10.0 ** rng.uniform(-5, 5, n) * np.exp(2j * np.pi * rng.random(n))
    return ((chosen + draw[0] + 1j * draw[1]) * factors[:, None]).astype(np.complex64)


def correlations(atoms, signals):
    """Brute force in float64, (N, A); zero for atoms without a norm."""
    wide, power = atoms.astype(np.complex128), np.zeros((len(signals), len(atoms)))
    norms = np.linalg.norm(wide, axis=1)
    good = norms > 0
    inner = np.abs(signals.astype(np.complex128) @ wide[good].conj().T) / norms[good]
    power[:, good] = inner / np.linalg.norm(signals.astype(np.complex128), axis=1)[:, None]
    return power


def compiled(atoms, *, real=None, **blocks):
    norms = norms_of(atoms)
    return CompiledSearch(RealAtoms.of(atoms, norms, real=real), ExactAtoms(atoms, norms), **blocks)


def found_by(search, signals):
    return search.best_atoms(signals, norms_of(signals))


@settings(max_examples=25, deadline=None)
@given(
    seed=seeds, n_atoms=st.integers(1, 900), n_frames=st.integers(2, 60), n=st.integers(1, 300),
    noise=st.sampled_from([0.0, 0.01, 0.2, 3.0]), real=st.booleans(),
)  # fmt: skip
def test_best_atom_is_the_maximum_in_double_precision(seed, n_atoms, n_frames, n, noise, real):
    rng = np.random.default_rng(seed)
    atoms = smooth_atoms(rng, n_atoms, n_frames, real=real)
    signals = noisy_signals(rng, atoms, n, noise)
    expected = correlations(atoms, signals)
    found = found_by(compiled(atoms), signals)
    best, index = expected.max(axis=1), expected.argmax(axis=1)
    chosen = expected[np.arange(n), found]
    # The oracle rounds too: two atoms within 1e-14 are equal to it.
    np.testing.assert_allclose(chosen, best, rtol=2e-14)
    apart = np.sum(expected >= best[:, None] * (1 - 1e-14), axis=1) == 1
    np.testing.assert_array_equal(found[apart], index[apart])


def test_atoms_closer_than_single_precision_are_told_apart():
    rng = np.random.default_rng(0)
    base = rng.standard_normal(50) + 1j * rng.standard_normal(50)
    away = rng.standard_normal(50) + 1j * rng.standard_normal(50)
    # Correlations with the first atom differ by about 1e-9, some hundred times less than the
    # rounding of float32 products; stored values differ because the scales do.
    atoms = np.array([(base + step * away) for step in 1e-4 * np.arange(-150, 151)])
    atoms = (atoms * rng.uniform(0.5, 2, (301, 1))).astype(np.complex64)
    signals = noisy_signals(rng, atoms[140:160], 200, 0.0)
    expected = correlations(atoms, signals).argmax(axis=1)
    np.testing.assert_array_equal(found_by(compiled(atoms), signals), expected)
    by_rounding = TorchSearch(RealAtoms.of(atoms, norms_of(atoms)), torch.device("cpu"))
    assert np.mean(found_by(by_rounding, signals) == expected) < 0.9


@pytest.mark.parametrize("copies", [2, 63, 64, 65, 700])
def test_first_of_equal_atoms_wins(copies):
    rng = np.random.default_rng(1)
    different = smooth_atoms(rng, 300, 20)
    atoms = np.concatenate([different, np.repeat(different[40:41], copies, axis=0), different])
    signals = noisy_signals(rng, different[40:41], 30, 0.001)
    found = found_by(compiled(atoms), signals)
    expected = correlations(different, signals).argmax(axis=1)
    np.testing.assert_array_equal(found, expected)
    by_torch = TorchSearch(RealAtoms.of(atoms, norms_of(atoms)), torch.device("cpu"))
    assert found_by(by_torch, signals).max() < 300


@settings(max_examples=15, deadline=None)
@given(
    seed=seeds, voxels_at_once=st.integers(1, 200), atoms_at_once=st.integers(1, 3000),
    threads=st.integers(1, 2), real=st.booleans(),
)  # fmt: skip
def test_answer_does_not_depend_on_blocks_or_threads(
    seed, voxels_at_once, atoms_at_once, threads, real
):
    rng = np.random.default_rng(seed)
    # So dense that rounding would decide.
    atoms = smooth_atoms(rng, 2500, 30, real=real)
    signals = noisy_signals(rng, atoms, 70, 0.3)

    def run(_, threads):
        sizes = {"voxels_at_once": voxels_at_once, "atoms_at_once": atoms_at_once}
        return {"atom": found_by(compiled(atoms, **(sizes if threads else {})), signals)}

    check_chunks_and_threads(run, [(None, threads)])


@settings(max_examples=15, deadline=None)
@given(seed=seeds, noise=st.sampled_from([0.0, 0.1, 1.0]))
def test_half_the_products_give_the_same_atom(seed, noise):
    rng = np.random.default_rng(seed)
    atoms = smooth_atoms(rng, 1500, 40, real=True)
    signals = noisy_signals(rng, atoms, 50, noise)
    half, whole = compiled(atoms), compiled(atoms, real=False)
    assert half.are_real
    assert not whole.are_real
    np.testing.assert_array_equal(found_by(half, signals), found_by(whole, signals))


def test_real_up_to_a_phase_is_told_from_nearly_so():
    rng = np.random.default_rng(2)
    atoms = smooth_atoms(rng, 50, 30, real=True)
    assert are_real_up_to_phase(atoms, norms_of(atoms))
    atoms[17, 5] *= np.exp(1e-3j)
    assert not are_real_up_to_phase(atoms, norms_of(atoms))


def test_atoms_that_are_zero_or_not_finite_are_never_chosen():
    rng = np.random.default_rng(3)
    atoms = smooth_atoms(rng, 40, 20)
    signals = noisy_signals(rng, atoms[20:], 30, 0.1)
    broken = atoms.copy()
    broken[0], broken[7], broken[11, 3] = 0, np.nan, np.inf
    kept = np.setdiff1d(np.arange(40), [0, 7, 11])
    expected = kept[correlations(atoms[kept], signals).argmax(axis=1)]
    np.testing.assert_array_equal(found_by(compiled(broken), signals), expected)
    by_torch = TorchSearch(RealAtoms.of(broken, norms_of(broken)), torch.device("cpu"))
    np.testing.assert_array_equal(found_by(by_torch, signals), expected)


def test_torch_search_agrees_to_the_rounding_of_its_products():
    rng = np.random.default_rng(4)
    atoms = smooth_atoms(rng, 3000, 50)
    signals = noisy_signals(rng, atoms, 400, 0.3)
    search = TorchSearch(
        RealAtoms.of(atoms, norms_of(atoms)), torch.device("cpu"),
        voxels_at_once=128, atoms_at_once=512,
    )  # fmt: skip
    expected = correlations(atoms, signals)
    chosen = expected[np.arange(400), found_by(search, signals)]
    np.testing.assert_allclose(chosen, expected.max(axis=1), rtol=1e-6)


MEMORY = """
import resource, sys
import numpy as np
from napari_mrf.matching.explicit.search import CompiledSearch, ExactAtoms
from napari_mrf.dictionary.real_atoms import RealAtoms, norms_of
rng = np.random.default_rng(0)
def complex_values(n):
    return rng.standard_normal((n, 16), np.float32).view(np.complex64)
atoms, signals = complex_values(30_000), complex_values(6_000)
norms = norms_of(atoms)
search = CompiledSearch(RealAtoms.of(atoms, norms), ExactAtoms(atoms, norms))
search.best_atoms(signals[:300], norms_of(signals[:300]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
search.best_atoms(signals, norms_of(signals))
print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss counts kB on Linux")
def test_memory_does_not_grow_with_voxels_times_atoms():
    output = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True, env=os.environ
    ).stdout
    products = 6_000 * 30_000 * 8
    assert products > 1e9
    assert int(output) < 40e6
