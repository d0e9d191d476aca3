"""What every matcher must leave alone: scale, phase, order and neighbours of a voxel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matching_cases import measured, random_tissue, small_grid

import napari_mrf as mrf
from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.dictionary.compressed import CompressedMatcher
from napari_mrf.dictionary.exhaustive import ExhaustiveMatcher
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.dictionary.group import GroupMatcher
from napari_mrf.dictionary.water_fat import WaterFatMatcher

SHAPE = (2, 4, 5)
N = int(np.prod(SHAPE))
METHODS = (
    "grid", "refined", "exhaustive", "compressed", "unchecked", "groups by bound",
    "groups by threshold",
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


def made_methods(sequence):
    # The prior learned from the series would tie the voxels together, which is its purpose.
    explicit = ParameterGrid({"FF": np.arange(11) / 10, **small_grid().axes})
    dictionary = Dictionary.build(sequence, explicit)
    given = {"device": "cpu", "dictionary": dictionary}
    made = {
        "grid": WaterFatMatcher(sequence, device="cpu", grid=small_grid(), threads=2),
        "refined": WaterFatMatcher(
            sequence, device="cpu", grid=small_grid(), refine=True, prior="range"
        ),
        "exhaustive": ExhaustiveMatcher(sequence, **given),
        "compressed": CompressedMatcher(sequence, rank=12, **given),
        "unchecked": CompressedMatcher(sequence, rank=12, check=False, **given),
        "groups by bound": GroupMatcher(sequence, groups=30, **given),
        "groups by threshold": GroupMatcher(sequence, groups=30, pruning="threshold", **given),
    }
    for method in made.values():
        method.prepare()
    return made


def fingerprints(sequence, seed, snr_db):
    rng = np.random.default_rng(seed)
    return measured(sequence, random_tissue(N, rng, df_hz=60), snr_db, rng), rng


def reconstructed(method, signals, mask=None):
    """Reconstruct (N, T) fingerprints as a series; return every map as (N,) values."""
    series = mrf.MRFSeries(signals.T.reshape(-1, *SHAPE), sequence=method.sequence)
    maps = method.reconstruct(series, np.ones(SHAPE, bool) if mask is None else mask)
    found = {**maps, "quality": maps.quality, "m0": maps.m0, "flags": maps.flags}
    found |= {f"{key}_std": values for key, values in maps.uncertainty.items()}
    return {key: values.reshape(-1) for key, values in found.items()}


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=15, deadline=None)
@given(seed=seeds, snr_db=noise_levels)
def test_order_of_voxels_does_not_matter(methods, sequence, name, seed, snr_db):
    signals, rng = fingerprints(sequence, seed, snr_db)
    order = rng.permutation(N)
    plain = reconstructed(methods[name], signals)
    shuffled = reconstructed(methods[name], signals[order])
    for key, values in plain.items():
        np.testing.assert_array_equal(shuffled[key], values[order], err_msg=key)


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=15, deadline=None)
@given(seed=seeds, snr_db=noise_levels, share=st.floats(0.03, 0.97))
def test_voxel_does_not_depend_on_which_others_the_mask_holds(
    methods, sequence, name, seed, snr_db, share
):
    signals, rng = fingerprints(sequence, seed, snr_db)
    inside = rng.random(N) < share
    inside[rng.integers(N)] = True
    plain = reconstructed(methods[name], signals)
    few = reconstructed(methods[name], signals, inside.reshape(SHAPE))
    for key, values in plain.items():
        np.testing.assert_array_equal(few[key][inside], values[inside], err_msg=key)
        if key != "flags":
            assert np.isnan(few[key][~inside]).all(), key


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=15, deadline=None)
@given(seed=seeds, snr_db=noise_levels)
def test_sign_and_powers_of_two_change_only_m0_and_that_exactly(
    methods, sequence, name, seed, snr_db
):
    signals, rng = fingerprints(sequence, seed, snr_db)
    # Such factors are exact in floating point: not a bit may change.
    factor = 2.0 ** rng.integers(-20, 20, N) * rng.choice([-1.0, 1.0], N)
    plain = reconstructed(methods[name], signals)
    turned = reconstructed(methods[name], (signals * factor[:, None]).astype(np.complex64))
    for key, values in plain.items():
        expected = values * factor.astype(np.float32) if key == "m0" else values
        np.testing.assert_array_equal(turned[key], expected, err_msg=key)


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=15, deadline=None)
@given(seed=seeds, snr_db=noise_levels)
def test_any_phase_and_scale_changes_only_m0(methods, sequence, name, seed, snr_db):
    signals, rng = fingerprints(sequence, seed, snr_db)
    factor = 10.0 ** rng.uniform(-6, 6, N) * np.exp(2j * np.pi * rng.random(N))
    plain = reconstructed(methods[name], signals)
    turned = reconstructed(methods[name], (signals * factor[:, None]).astype(np.complex64))
    # The fit is as good, even where rounding to complex64 decides between two equal ones.
    np.testing.assert_allclose(turned["quality"], plain["quality"], atol=3e-6)
    keys = methods[name].parameters
    tolerance = {"FF": 1e-3, "T1H2O": 2.0, "T1fat": 2.0, "Df": 0.1, "B1": 1e-3}
    same = np.all([np.abs(turned[k] - plain[k]) <= tolerance[k] for k in keys], axis=0)
    assert same.sum() >= N - 1
    np.testing.assert_allclose(turned["m0"][same], (plain["m0"] * factor)[same], rtol=5e-3)
