"""What every method of the registry must leave alone, in every kind of sequence it is for."""

import numpy as np
import pytest
from properties import (
    check_chunks_and_threads,
    check_complex_factor_invariance,
    complex_normal,
    divided,
    exact_factors,
    random_factors,
    reconstructed,
)

import napari_mrf as mrf
from napari_mrf import methods
from napari_mrf.data.maps import FLAGS
from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.matching.explicit import explicit_matcher
from napari_mrf.matching.spatiotemporal import training_subjects
from napari_mrf.networks.weights import installed
from napari_mrf.reconstruction.voxelwise import VoxelwiseMethod

SHAPE = (2, 8, 9)  # slices large enough to be shared among threads
N = int(np.prod(SHAPE))
SEQUENCES = {sequence.kind: sequence for sequence in (make() for make in
             (mrf.sequences.t1ff, mrf.sequences.fisp, mrf.sequences.fisp_b1))}  # fmt: skip
MATCHERS = [
    (info.name, kind)
    for info in methods.available()
    for kind in SEQUENCES
    if info.kind == "matcher" and info.suits(kind)
]
NETWORKS = [
    (name, kind)
    for name, fingerprint in installed()
    for kind, sequence in SEQUENCES.items()
    if sequence.fingerprint() == fingerprint
]
pytestmark = pytest.mark.slow


def ranges(kind):
    return {key: one for key, one in SIGNAL_KINDS[kind].ranges.items() if key != "PD"}


def few_atoms(kind):
    points = 60 if len(ranges(kind)) == 2 else 5
    return ParameterGrid(
        {key: np.linspace(low, high, points) for key, (low, high) in ranges(kind).items()}
    )


def test_every_method_and_kind_is_looked_at():
    assert {kind for _, kind in MATCHERS} == set(SIGNAL_KINDS)
    assert {name for name, _ in MATCHERS + NETWORKS} == set(methods.names())


@pytest.fixture(scope="module")
def methods_of_registry(tmp_path_factory):
    """Each is made when first asked for; of small dictionaries, in a cache of their own."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        for module in ("dictionary.temporal_basis", "dictionary.cache"):
            patch.setattr(f"napari_mrf.{module}.cache_directory", lambda: folder)
        patch.setattr(training_subjects, "cache_directory", lambda: folder)
        patch.setattr(explicit_matcher, "default_grid", lambda sequence: few_atoms(sequence.kind))

        def method(name, kind):
            if (name, kind) not in made:
                info = next(one for one in methods.available(SEQUENCES[kind]) if one.name == name)
                # A prior learned from the series would tie the voxels together, as it should.
                own = {"prior": "range", "subjects": 1}
                options = {one.name: own[one.name] for one in info.options if one.name in own}
                made[name, kind] = methods.get(
                    name, sequence=SEQUENCES[kind], device="cpu", **options
                )
                made[name, kind].prepare()
            return made[name, kind]

        yield method


def fingerprints(kind, seed):
    rng = np.random.default_rng(seed)
    tissue = {
        key: rng.uniform(low + 0.1 * (high - low), high - 0.1 * (high - low), N)
        for key, (low, high) in ranges(kind).items()
    }
    if kind != "spoiled":
        tissue["T2"] = np.minimum(tissue["T2"], 0.4 * tissue["T1"])
    signals = mrf.simulate(SEQUENCES[kind], tissue)
    signals /= np.linalg.norm(signals, axis=1, keepdims=True)
    noise = complex_normal(rng, *signals.shape) * 0.1 / np.sqrt(signals.shape[1])
    return ((signals + noise) * random_factors(rng, N, 1)[:, None]).astype(np.complex64), rng


def of_one_size(name, factors):
    """The automatic mask, by sizes, decides where patches count: all change alike for them."""
    return factors * abs(factors[0] / factors) if name == "spatiotemporal" else factors


@pytest.mark.parametrize(("name", "kind"), MATCHERS)
def test_matcher_is_exactly_blind_to_signs_and_powers_of_two(methods_of_registry, name, kind):
    method = methods_of_registry(name, kind)
    signals, rng = fingerprints(kind, 0)
    factors = of_one_size(name, exact_factors(rng, N))
    check_complex_factor_invariance(
        lambda given: reconstructed(method, given, SHAPE), signals, factors
    )


@pytest.mark.parametrize(("name", "kind"), MATCHERS + NETWORKS)
def test_method_is_blind_to_the_factor_of_a_voxel(methods_of_registry, name, kind):
    method = methods_of_registry(name, kind)
    signals, rng = fingerprints(kind, 1)
    factors = of_one_size(name, random_factors(rng, N, 3))
    moved = {key: 1e-3 * (high - low) for key, (low, high) in ranges(kind).items()}
    check_complex_factor_invariance(
        lambda given: reconstructed(method, given, SHAPE), signals, factors,
        atol=moved | {"quality": 3e-5}, rtol=5e-3, undecided=1,
    )  # fmt: skip


@pytest.mark.parametrize(("name", "kind"), MATCHERS + NETWORKS)
def test_chunks_and_threads_do_not_matter(methods_of_registry, name, kind):
    method = methods_of_registry(name, kind)
    signals, _ = fingerprints(kind, 2)

    def run(chunk, threads):
        with divided(method, chunk, threads):
            return reconstructed(method, signals, SHAPE)

    single = {key: 1e-5 * (high - low) for key, (low, high) in ranges(kind).items()}
    tolerance = {"atol": single, "rtol": 1e-4} if method.info.kind == "network" else {}
    check_chunks_and_threads(run, [(1, 1), (7, 2), (33, 3)], **tolerance)


SCALES = (-70, -40, 60)


@pytest.mark.parametrize(("name", "kind"), MATCHERS + NETWORKS)
def test_amplitude_of_the_series_changes_no_bit(methods_of_registry, name, kind):
    """Squares of 2^-70 and 2^60 leave float32; nothing but m0 and PD may notice."""
    method = methods_of_registry(name, kind)
    signals, _ = fingerprints(kind, 3)
    for power in SCALES:
        check_complex_factor_invariance(
            lambda given: reconstructed(method, given, SHAPE), signals, np.full(N, 2.0**power)
        )


# Tissue that no training subject has fits nowhere in spatiotemporal matching.
@pytest.mark.parametrize(
    ("name", "kind"), [one for one in MATCHERS + NETWORKS if one[0] != "spatiotemporal"]
)
def test_corrupted_voxels_are_poor_fits(methods_of_registry, name, kind):
    method = methods_of_registry(name, kind)
    signals, rng = fingerprints(kind, 4)
    n_frames = signals.shape[1]
    signals = signals[:1] + complex_normal(rng, N, n_frames) * 0.1 / np.sqrt(n_frames)
    hurt = np.array([17, 70, 130])
    other = complex_normal(rng, 3, n_frames)
    signals[hurt] = other / np.linalg.norm(other, axis=1, keepdims=True) * abs(signals[0]).max()
    signals[hurt] *= np.sqrt(n_frames)
    poor = (
        reconstructed(method, signals.astype(np.complex64), SHAPE)["flags"] & FLAGS["poor-fit"]
    ) > 0
    assert poor[hurt].all()
    if isinstance(method, VoxelwiseMethod):  # others look at neighbors, which were hurt too
        assert poor.sum() <= 6
