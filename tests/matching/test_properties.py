"""What every matcher must leave alone: scale, phase, order and neighbors of a voxel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matching_cases import measured, random_tissue, small_grid
from properties import (
    alone,
    check_chunks_and_threads,
    check_complex_factor_invariance,
    divided,
    exact_factors,
    random_factors,
    reconstructed,
)

import napari_mrf as mrf
from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.matching.explicit.compressed import CompressedMatcher
from napari_mrf.matching.explicit.exhaustive import ExhaustiveMatcher
from napari_mrf.matching.explicit.group import GroupMatcher
from napari_mrf.matching.water_fat.matcher import WaterFatMatcher

SHAPE = (2, 4, 5)
N = int(np.prod(SHAPE))
EXPLICIT = ("exhaustive", "compressed", "unchecked", "groups by bound", "groups by threshold")
METHODS = (
    "grid", "refined", *EXPLICIT, *(f"fisp {name}" for name in EXPLICIT),
    "fisp groups by bound, refined",
)  # fmt: skip
seeds = st.integers(0, 2**31)
noise_levels = st.sampled_from([10.0, 20.0, 40.0])


@pytest.fixture(scope="module")
def sequence():
    return mrf.sequences.t1ff()


@pytest.fixture(scope="module")
def methods(sequence, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setattr("napari_mrf.dictionary.temporal_basis.cache_directory", lambda: folder)
        return made_methods(sequence)


def short_fisp():
    return mrf.Sequence(
        name="short", kind="fisp", flip_angles_deg=5 + 50 * np.sin(np.arange(60) / 9) ** 2,
        repetition_times_ms=12.0, echo_times_ms=2.0, inversion_time_ms=20.0,
    )  # fmt: skip


def explicit_matchers(dictionary):
    given = {"device": "cpu", "dictionary": dictionary, "refine": False}
    sequence, threshold = dictionary.sequence, {"pruning": "threshold"}
    return {
        "exhaustive": ExhaustiveMatcher(sequence, **given),
        "compressed": CompressedMatcher(sequence, rank=12, **given),
        "unchecked": CompressedMatcher(sequence, rank=12, check=False, **given),
        "groups by bound": GroupMatcher(sequence, groups=30, **given),
        "groups by threshold": GroupMatcher(sequence, groups=30, **threshold, **given),
    }


def made_methods(sequence):
    # The prior learned from the series would tie the voxels together, which is its purpose.
    explicit = ParameterGrid({"FF": np.arange(11) / 10, **small_grid().axes})
    mixtures = Dictionary.build(sequence, explicit)
    relaxation = Dictionary.build(
        short_fisp(),
        ParameterGrid({"T1": np.arange(400.0, 2000, 60), "T2": np.arange(20.0, 200, 10)}),
    )
    refined = {"device": "cpu", "refine": True, "prior": "range"}
    made = {
        "grid": WaterFatMatcher(sequence, device="cpu", grid=small_grid(), threads=2, refine=False),
        "refined": WaterFatMatcher(sequence, grid=small_grid(), **refined),
        **explicit_matchers(mixtures),
        **{f"fisp {name}": one for name, one in explicit_matchers(relaxation).items()},
        "fisp groups by bound, refined": GroupMatcher(
            relaxation.sequence, dictionary=relaxation, groups=30, **refined
        ),
    }
    for method in made.values():
        method.prepare()
    return made


def fingerprints(sequence, seed, snr_db):
    rng = np.random.default_rng(seed)
    if sequence.kind == "fisp":
        tissue = {"T1": rng.uniform(500, 1900, N), "T2": rng.uniform(25, 190, N)}
    else:
        tissue = random_tissue(N, rng, df_hz=60)
    return measured(sequence, tissue, snr_db, rng), rng


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=10, deadline=None)
@given(seed=seeds, snr_db=noise_levels)
def test_order_of_voxels_does_not_matter(methods, name, seed, snr_db):
    signals, rng = fingerprints(methods[name].sequence, seed, snr_db)
    order = rng.permutation(N)
    plain = alone(methods[name], signals, SHAPE)
    shuffled = alone(methods[name], signals[order], SHAPE)
    for key, values in plain.items():
        np.testing.assert_array_equal(shuffled[key], values[order], err_msg=key)


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=10, deadline=None)
@given(seed=seeds, snr_db=noise_levels, share=st.floats(0.03, 0.97))
def test_voxel_does_not_depend_on_which_others_the_mask_holds(methods, name, seed, snr_db, share):
    signals, rng = fingerprints(methods[name].sequence, seed, snr_db)
    inside = rng.random(N) < share
    inside[rng.integers(N)] = True
    plain = alone(methods[name], signals, SHAPE)
    few = alone(methods[name], signals, SHAPE, inside.reshape(SHAPE))
    for key, values in plain.items():
        np.testing.assert_array_equal(few[key][inside], values[inside], err_msg=key)
        if key != "flags":
            assert np.isnan(few[key][~inside]).all(), key


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=10, deadline=None)
@given(seed=seeds, snr_db=noise_levels)
def test_sign_and_powers_of_two_change_only_m0_and_that_exactly(methods, name, seed, snr_db):
    signals, rng = fingerprints(methods[name].sequence, seed, snr_db)
    check_complex_factor_invariance(
        lambda given: alone(methods[name], given, SHAPE), signals, exact_factors(rng, N)
    )


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=10, deadline=None)
@given(seed=seeds, snr_db=noise_levels)
def test_any_phase_and_scale_changes_only_m0(methods, name, seed, snr_db):
    signals, rng = fingerprints(methods[name].sequence, seed, snr_db)
    # Where rounding to complex64 decides between two fits, the other one is as good.
    check_complex_factor_invariance(
        lambda given: alone(methods[name], given, SHAPE), signals, random_factors(rng, N),
        atol={"quality": 3e-6, "FF": 1e-3, "T1H2O": 2.0, "T1fat": 2.0, "Df": 0.1, "B1": 1e-3,
              "T1": 0.5, "T2": 0.1}, rtol=5e-3, undecided=1,
    )  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=10, deadline=None)
@given(seed=seeds, snr_db=noise_levels, chunk_size=st.integers(1, 2 * N), threads=st.integers(1, 3))
def test_chunks_and_threads_do_not_matter(methods, name, seed, snr_db, chunk_size, threads):
    method = methods[name]
    signals, _ = fingerprints(method.sequence, seed, snr_db)

    def run(chunk, threads):
        with divided(method, chunk, threads):
            return reconstructed(method, signals, SHAPE)

    check_chunks_and_threads(run, [(chunk_size, threads)])
