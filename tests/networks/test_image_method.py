"""Networks that look at neighbors: tiles without seams, silence where there is no signal."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from network_cases import RANGES, T1FF, disk, install, noisy_slices
from properties import check_complex_factor_invariance, random_factors, reconstructed
from stored_cases import subspace_series, subspace_signal

import napari_mrf as mrf
from napari_mrf import MRFInputError, MRFSeries
from napari_mrf.data.maps import FLAGS
from napari_mrf.networks import image_method, weights
from napari_mrf.networks.card import MapScale
from napari_mrf.networks.image_method import ImageNetworkMethod
from napari_mrf.networks.method import NetworkMethod
from napari_mrf.networks.runner import NetworkRunner
from napari_mrf.networks.tiles import halves, tiles_of
from napari_mrf.networks.zoo import NETWORKS, NetworkInfo

IMAGE_NETWORKS = [name for name, info in NETWORKS.items() if info.kind == "image"]
# Large enough for several tiles of each, and no larger: rinq costs 86 MFLOP a voxel.
SHAPES = {"fang": (1, 92, 84), "balsiger2020": (1, 30, 27), "balsiger2018": (2, 30, 27),
          "rinq": (1, 15, 14), "subspacenet": (1, 30, 27)}  # fmt: skip
SMALL_TILE_FLOPS = 1.0  # the smallest tiles there are, 8 x 8 voxels


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    install(folder, [*IMAGE_NETWORKS, "cohen"])
    return folder


@pytest.fixture
def installed(folder, monkeypatch):
    monkeypatch.setattr(weights, "weight_folders", lambda: iter([folder]))
    return folder


@pytest.fixture(scope="module")
def slices():
    return {name: noisy_slices(shape) for name, shape in SHAPES.items()}


def method_of(name, tile_flops=None, **options):
    method = mrf.methods.get(name, sequence=T1FF, device="cpu", **options)
    if tile_flops is not None:
        method.tile_flops = tile_flops
    return method


def span(key):
    low, high = RANGES[key]
    return high - low


def assert_same_maps(first, second, of_range):
    for key in RANGES:
        np.testing.assert_allclose(
            first[key], second[key], rtol=0, atol=of_range * span(key), err_msg=key
        )


def whole_slice(folder, name, slab):
    """Maps (M, Y, X) of a whole slice (T, Y, X) with silence around it, by the network alone."""
    trained, _ = weights.load_network(folder / "t1ff" / f"{name}.json")
    margin = NETWORKS[name].margin
    padded = np.pad(slab, ((0, 0), (margin, margin), (margin, margin)))
    with torch.no_grad():
        return trained(torch.from_numpy(padded)[None])[0].numpy()


def test_every_kind_of_the_zoo_has_its_adapter(installed):
    for name in IMAGE_NETWORKS:
        assert isinstance(method_of(name), ImageNetworkMethod)
    assert isinstance(method_of("cohen"), NetworkMethod)
    rows = {row.name: row for row in mrf.methods.available(T1FF)}
    assert set(IMAGE_NETWORKS) <= set(rows)
    assert [option.name for option in rows["fang"].options] == ["smooth", "conjugate"]


@pytest.mark.parametrize("name", IMAGE_NETWORKS)
def test_tiles_give_what_the_whole_slice_gives(installed, slices, name):
    signal = slices[name]
    everywhere = np.ones(signal.shape[1:], bool)
    method = method_of(name, SMALL_TILE_FLOPS)
    updates = list(method.iter_reconstruct(MRFSeries(signal, sequence=T1FF), everywhere))
    assert len({update.done for update in updates}) > 3, "not cut into tiles"
    maps = updates[-1].maps
    for z in range(signal.shape[1]):
        whole = whole_slice(installed, name, signal[:, z])
        for column, key in enumerate(RANGES):
            assert np.ptp(whole[column]) > 0.2 * span(key), "the weights do not say anything"
            np.testing.assert_allclose(maps[key][z], whole[column], rtol=0, atol=1e-5 * span(key))


@pytest.mark.parametrize(("cores", "most_side"), [(1, 90), (2, 64), (4, 45), (10_000, 30)])
def test_every_core_gets_a_tile_unless_tiles_were_too_small(
    installed, monkeypatch, cores, most_side
):
    monkeypatch.setattr(image_method, "n_threads", lambda: cores)
    method = method_of("subspacenet")
    wanted = np.ones((90, 90), bool)
    tiles = tiles_of(wanted, method.runner.info, method._for_every_core(wanted))
    assert len(tiles) >= min(cores, 9)
    for tile in tiles:
        assert max(tile.rows.seen_stop - tile.rows.seen_start,
                   tile.columns.seen_stop - tile.columns.seen_start) <= most_side + 12  # fmt: skip
        assert tile.rows.size * tile.columns.size > 0.4 * 42**2 or cores < 10_000


@pytest.mark.parametrize("name", IMAGE_NETWORKS)
def test_mask_decides_where_and_not_what(installed, slices, name):
    series = MRFSeries(slices[name], sequence=T1FF)
    mask = disk(SHAPES[name]).copy()
    mask[:, :3, :3] = True  # far from the rest, so that tiles between them are left out
    inside = method_of(name, SMALL_TILE_FLOPS).reconstruct(series, mask)
    whole = method_of(name).reconstruct(series, np.ones(SHAPES[name], bool))
    for key in RANGES:
        np.testing.assert_array_equal(np.isfinite(inside[key]), mask)
    np.testing.assert_array_equal(np.isfinite(inside.quality), mask)
    assert_same_maps(inside, {key: np.where(mask, whole[key], np.nan) for key in RANGES}, 1e-5)


@pytest.mark.parametrize("name", IMAGE_NETWORKS)
def test_complex_factor_of_every_voxel_changes_no_map(installed, slices, name):
    method, signals = method_of(name), slices[name].reshape(len(slices[name]), -1).T
    check_complex_factor_invariance(
        lambda given: reconstructed(method, given, SHAPES[name]), signals,
        random_factors(np.random.default_rng(5), len(signals), 1),
        atol={key: 1e-3 * span(key) for key in RANGES} | {"quality": 1e-4}, rtol=1e-3,
    )  # fmt: skip


@pytest.fixture
def sure(tmp_path, monkeypatch):
    """A folder with weights of `subspacenet` that give standard deviations of all maps but B1."""
    maps = [MapScale(key=key, lower=low, upper=high, deviation=None if key == "B1" else 1.7)
            for key, (low, high) in RANGES.items()]  # fmt: skip
    install(tmp_path, ["subspacenet"], maps=maps)
    monkeypatch.setattr(weights, "weight_folders", lambda: iter([tmp_path]))
    return tmp_path


def test_standard_deviations_are_the_scales_in_the_unit_of_the_map(sure, slices):
    signal = slices["subspacenet"]
    everywhere = np.ones(signal.shape[1:], bool)
    maps = method_of("subspacenet", SMALL_TILE_FLOPS).reconstruct(
        MRFSeries(signal, sequence=T1FF), everywhere
    )
    assert list(maps.uncertainty) == ["FF", "T1H2O", "T1fat", "Df"]
    trained, _ = weights.load_network(sure / "t1ff" / "subspacenet.json")
    image = np.pad(signal[:, 0], ((0, 0), (6, 6), (6, 6)))
    with torch.no_grad():
        canonical = trained.normalization.canonical(torch.from_numpy(image)[None])
        scales = trained.network.with_log_scales(canonical)[1].exp()[0].numpy()
    for key, scale in zip(maps.uncertainty, scales, strict=False):
        assert np.ptp(scale) > 0
        np.testing.assert_allclose(
            maps.uncertainty[key][0], 1.7 * span(key) * scale, rtol=1e-3, err_msg=key
        )
    assert not [one for one in maps.provenance["warnings"] if one["code"] == "no-deviations"]


def test_standard_deviations_of_logarithmic_maps_are_shares_of_their_value(tmp_path):
    keys = {"FF": False, "T1H2O": True}
    maps = [MapScale(key=key, lower=500.0, upper=3000.0, logarithmic=logarithmic, deviation=2.0)
            for key, logarithmic in keys.items()]  # fmt: skip
    runner = SimpleNamespace(card=SimpleNamespace(maps=maps))
    values = {key: np.array([600.0, 2400.0], np.float32) for key in keys}
    scaled = np.log(np.array([[9, 9, 0.01, 0.01], [9, 9, 0.02, 0.02]], np.float32))
    found = NetworkRunner.deviations(runner, values, scaled)
    np.testing.assert_allclose(found["FF"], [50.0, 100.0], rtol=1e-5)
    # A small step in the logarithm, as the scaled map has it.
    steps = values["T1H2O"] * ((3000 / 500) ** np.array([0.02, 0.04]) - 1)
    np.testing.assert_allclose(found["T1H2O"], steps, rtol=0.04)


@pytest.mark.parametrize("unlike", ["subspace", "smooth"])
def test_no_standard_deviations_for_images_unlike_those_of_the_training(sure, unlike):
    series = subspace_series(subspace_signal(shape=(1, 15, 14), rank=5), sequence=T1FF, metadata={})
    frames = MRFSeries(series.signal.compute(), sequence=T1FF)
    given = {"smooth": 0.7} if unlike == "smooth" else {}
    if unlike == "smooth":
        series = frames
    everywhere = np.ones(series.spatial_shape, bool)
    maps = method_of("subspacenet", **given).reconstruct(series, everywhere)
    assert not maps.uncertainty
    codes = [one["code"] for one in maps.provenance["warnings"]]
    assert codes.count("no-deviations") == 1
    if unlike == "subspace":  # the maps are those of the frames
        assert_same_maps(method_of("subspacenet").reconstruct(frames, everywhere), maps, 1e-5)


def test_unusable_voxels_are_silence_to_their_neighbors_and_flagged(installed, slices):
    signal = slices["balsiger2018"].copy()
    signal[:, 0, 12, 12] = 0
    silent = whole_slice(installed, "balsiger2018", signal[:, 0])
    signal[7, 0, 12, 12] = np.nan
    signal[:, 1, 3, 4] = 2 + 1j  # constant: no contrast over time
    everywhere = np.ones(signal.shape[1:], bool)
    maps = method_of("balsiger2018").reconstruct(MRFSeries(signal, sequence=T1FF), everywhere)
    assert maps.flags[0, 12, 12] == FLAGS["not-finite"]
    assert maps.flags[1, 3, 4] == FLAGS["no-signal"]
    assert np.isnan(maps["FF"][[0, 1], [12, 3], [12, 4]]).all()
    assert np.isfinite(maps["FF"]).sum() == maps["FF"].size - 2
    counts = maps.provenance["counts"]
    assert (counts["not_finite"], counts["no_signal"]) == (1, 1)
    neighbors = (0, slice(10, 15), slice(10, 15))
    for column, key in enumerate(RANGES):
        found, expected = maps[key][neighbors], silent[column][neighbors[1:]]
        known = np.isfinite(found)
        assert known.sum() == 24
        np.testing.assert_allclose(found[known], expected[known], rtol=0, atol=1e-5 * span(key))


def test_image_quality_is_the_correlation_with_what_the_simulator_gives(installed, slices):
    signal = slices["balsiger2018"]
    mask = disk(SHAPES["balsiger2018"])
    series = MRFSeries(signal, sequence=T1FF)
    maps = method_of("balsiger2018").reconstruct(series, mask)
    model = mrf.simulate(
        T1FF, {key: maps[key][mask].astype(float) for key in RANGES}, dtype="complex128"
    )
    measured = signal[:, mask].T.astype(complex)
    product = np.abs(np.sum(model.conj() * measured, axis=1))
    expected = product / np.linalg.norm(model, axis=1) / np.linalg.norm(measured, axis=1)
    np.testing.assert_allclose(maps.quality[mask], expected, atol=2e-5)
    record = maps.provenance["method"]
    assert record["name"] == "balsiger2018"
    assert len(record["weights_sha256"]) == 64


@pytest.mark.parametrize("name", ["fang", "balsiger2018"])
def test_out_of_memory_takes_half_the_tile_until_it_fits(installed, slices, monkeypatch, name):
    monkeypatch.setattr(image_method, "n_threads", lambda: 1)  # the slice is one tile
    series = MRFSeries(slices[name], sequence=T1FF)
    everywhere = np.ones(SHAPES[name], bool)
    expected = method_of(name).reconstruct(series, everywhere)
    method = method_of(name)
    limit = 0.8 * SHAPES[name][1] * SHAPES[name][2]
    sizes = []

    def short_of_memory(_, given):
        n_voxels = given[0].shape[-1] * given[0].shape[-2]
        sizes.append(n_voxels)
        if n_voxels > limit:
            raise torch.OutOfMemoryError("the device is full")

    method.prepare()
    method.runner._trained.network.register_forward_pre_hook(short_of_memory)
    maps = method.reconstruct(series, everywhere)
    assert max(sizes) > limit > min(sizes)
    assert_same_maps(maps, expected, 1e-5)
    assert not any("memory" in str(one) for one in maps.warnings)


@pytest.mark.parametrize("name", ["cohen", "balsiger2018"])
def test_device_without_memory_hands_over_to_the_cpu_and_says_so(
    installed, slices, name, monkeypatch
):
    series = MRFSeries(slices["balsiger2018"], sequence=T1FF)
    mask = disk(SHAPES["balsiger2018"])
    expected = method_of(name).reconstruct(series, mask)
    method = method_of(name)
    prepared = method.prepare()
    # A device that never has enough, without needing one.
    method.runner.device = torch.device("meta")
    method.runner._prepared = replace(prepared, pool=None)
    run = NetworkRunner.scaled
    monkeypatch.setattr(
        NetworkRunner, "scaled",
        lambda self, *given: None if self.device.type == "meta" else run(self, *given),
    )  # fmt: skip
    maps = method.reconstruct(series, mask)
    assert_same_maps(maps, expected, 1e-5)
    assert [one for one in maps.warnings if "too little memory" in one.message]
    assert maps.provenance["method"]["device"] == "cpu"


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate"),
        MemoryError(),
    ],
)
def test_cpu_without_memory_is_one_sentence(installed, slices, error):
    method = method_of("cohen")
    method.prepare()

    def full(*_):
        raise error

    method.runner._trained.network.register_forward_pre_hook(full)
    with pytest.raises(MRFInputError) as caught:
        method.reconstruct(MRFSeries(slices["rinq"], sequence=T1FF), disk(SHAPES["rinq"]))
    assert caught.value.code == "out-of-memory"
    assert "cohen" in str(caught.value)


def test_other_errors_of_a_network_are_not_taken_for_missing_memory(installed, slices):
    method = method_of("balsiger2018")
    method.prepare()

    def broken(*_):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    method.runner._trained.network.register_forward_pre_hook(broken)
    with pytest.raises(RuntimeError, match="shapes"):
        method.reconstruct(MRFSeries(slices["balsiger2018"], sequence=T1FF))


def test_reversed_phase_sign_of_a_network_is_told(installed, slices, monkeypatch):
    method = method_of("balsiger2018")
    series = MRFSeries(slices["balsiger2018"].conj(), sequence=T1FF)
    mask = disk(SHAPES["balsiger2018"])
    judged = NetworkRunner.judged

    def good_where_measured(self, signals, scaled):
        found = judged(self, signals, scaled)
        right = np.isin(signals[:, 5], slices["balsiger2018"][5])
        found.quality[:] = np.where(right, 0.99, 0.5)
        return found

    monkeypatch.setattr(NetworkRunner, "judged", good_where_measured)
    warnings = [*map(str, method.reconstruct(series, mask).warnings)]
    assert any("opposite phase sign" in one for one in warnings)
    right = MRFSeries(slices["balsiger2018"], sequence=T1FF)
    warnings = [*map(str, method.reconstruct(right, mask).warnings)]
    assert not any("opposite phase sign" in one for one in warnings)


@settings(deadline=None, max_examples=60)
@given(
    margin=st.integers(0, 9), more_reach=st.integers(0, 30), alignment=st.sampled_from([1, 2, 8]),
    height=st.integers(1, 70), width=st.integers(1, 70), n_voxels=st.integers(1, 9000),
    seed=st.integers(0, 1000), halving=st.integers(0, 3),
)  # fmt: skip
def test_tiles_cover_every_wanted_voxel_once_and_see_what_it_needs(
    margin, more_reach, alignment, height, width, n_voxels, seed, halving
):
    info = NetworkInfo(
        "any", "", "", lambda: torch.nn.Identity, kind="image", margin=margin,
        reach=margin + more_reach, alignment=alignment,
    )  # fmt: skip
    wanted = np.random.default_rng(seed).random((height, width)) < 0.05
    tiles = tiles_of(wanted, info, n_voxels)
    for tile in tiles:  # no larger than what is wanted
        for axis in (0, 1):
            places = np.flatnonzero(wanted[tile.place].any(axis=1 - axis))
            assert places[0] < alignment
            assert places[-1] == wanted[tile.place].shape[axis] - 1
    for _ in range(halving):
        tiles = [part for tile in tiles for part in (halves(tile, wanted.shape, info) or [tile])]
    covered = np.zeros(wanted.shape, int)
    for tile in tiles:
        covered[tile.place] += 1
        for one, size in ((tile.rows, height), (tile.columns, width)):
            # What the network gives is what it sees less the margin, and aligned with the whole.
            assert (one.seen_start + margin) % alignment == 0
            assert one.seen_start <= max(one.start - info.reach, -margin)
            assert one.seen_stop >= min(one.stop + info.reach, size + margin)
            whole = one.seen_stop == size + margin
            assert whole or (one.seen_stop + margin) % alignment == 0
            given = one.output(margin)
            assert 0 <= given.start < given.stop <= one.seen_stop - one.seen_start - 2 * margin
    assert covered.max(initial=0) <= 1
    assert covered[wanted].all()


def test_tiles_see_silence_beyond_the_slice():
    slab = np.arange(2 * 4 * 5).reshape(2, 4, 5).astype(np.complex64)
    info = NetworkInfo("any", "", "", lambda: torch.nn.Identity, kind="image", margin=2, reach=2)
    (tile,) = tiles_of(np.ones((4, 5), bool), info, 1000)
    seen = tile.seen(slab)
    assert seen.shape == (8, 9, 2)
    np.testing.assert_array_equal(np.moveaxis(seen, -1, 0)[:, 2:-2, 2:-2], slab)
    assert np.count_nonzero(seen) == np.count_nonzero(slab)
