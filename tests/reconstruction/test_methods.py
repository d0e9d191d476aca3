"""The registry, and the driver that reads, masks, fills and records."""

import json

import dask.array as da
import numpy as np
import pytest
from matching_cases import measured, random_tissue
from properties import check_chunks_and_threads, divided, named

import napari_mrf as mrf
from napari_mrf import cli, methods
from napari_mrf.data.maps import FLAGS
from napari_mrf.io import save_series


@pytest.fixture(scope="module")
def sequence():
    return mrf.sequences.t1ff()


@pytest.fixture(scope="module")
def signal(sequence):
    rng = np.random.default_rng(0)
    fingerprints = measured(sequence, random_tissue(24, rng), 25, rng)
    return fingerprints.T.reshape(175, 2, 3, 4)


@pytest.fixture(scope="module")
def method(sequence):
    return methods.get("water-fat", sequence=sequence, device="cpu", refine=False)


EVERYWHERE = np.ones((2, 3, 4), bool)


def test_registry_offers_what_fits_the_sequence(sequence):
    assert set(methods.names()) >= {"water-fat", "exhaustive"}
    fisp_names = [info.name for info in methods.available(mrf.sequences.fisp())]
    assert "water-fat" not in fisp_names
    assert methods.available(sequence)[0].name == "water-fat"
    assert methods.default_name(sequence) == "water-fat"
    assert methods.devices()[0][0] == "cpu"


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ({"name": "magic"}, "unknown-method"),
        ({"name": "water-fat", "sequence": mrf.sequences.fisp()}, "wrong-sequence"),
        ({"name": "water-fat", "device": "abacus"}, "no-device"),
        ({"name": "water-fat", "color": 3}, "unknown-option"),
        ({"name": "water-fat", "grid": "endless"}, "unknown-option"),
        ({"name": "water-fat", "sigma": float("nan")}, "bad-option"),
        ({"name": "water-fat", "sigma": 0.0}, "bad-option"),
        ({"name": "water-fat", "window": 1000}, "bad-option"),
    ],
)
def test_impossible_choice_is_refused(sequence, call, code):
    with pytest.raises(mrf.MRFInputError) as caught:
        methods.get(**({"sequence": sequence} | call))
    assert caught.value.code == code


def test_maps_fill_in_while_chunks_arrive(method, signal, sequence):
    series = mrf.MRFSeries(signal, np.eye(4), sequence)
    updates = list(method.iter_reconstruct(series, EVERYWHERE))
    stages = [update.stage for update in updates]
    assert list(dict.fromkeys(stages)) == ["preparing", "matching", "done"]
    assert list(dict.fromkeys(update.done for update in updates)) == [0, 12, 24]
    assert [update.z for update in updates if update.stage == "matching"][0] == 0  # noqa: RUF015
    maps = updates[-1].maps
    assert set(maps) == {"FF", "T1H2O", "T1fat", "Df", "B1"}
    assert all(np.isfinite(values).all() for values in maps.values())
    assert maps.quality.min() > 0.9
    np.testing.assert_array_equal(maps.affine, np.eye(4))


def test_result_does_not_depend_on_laziness_or_chunks(method, signal):
    def run(chunk, threads):
        given = signal if chunk is None else da.from_array(signal, chunks=(175, 1, 3, 4))
        with divided(method, chunk, threads):
            return named(method.reconstruct(mrf.MRFSeries(given), EVERYWHERE))

    check_chunks_and_threads(run, [(5, 1)])


def test_outside_the_mask_there_is_no_value_and_no_slice_is_read(method, signal):
    mask = np.zeros((2, 3, 4), bool)
    mask[1, 1, 2] = True
    read = set()

    class Watched:
        shape, dtype = signal.shape, signal.dtype

        def __getitem__(self, key):
            read.add(key[1])
            return signal[key]

    maps = method.reconstruct(mrf.MRFSeries(Watched()), mask)
    assert read == {1}
    for values in (*maps.values(), maps.quality, maps.m0):
        np.testing.assert_array_equal(np.isfinite(values), mask)
    assert maps.provenance["counts"]["voxels"] == 1


def test_zero_constant_and_not_finite_voxels_are_flagged_counted_and_empty(method, signal):
    faulty = signal.copy()
    faulty[:, 0, 0, 0] = 0
    faulty[:, 0, 0, 1] = 3 - 2j
    faulty[7, 0, 0, 2] = np.nan
    faulty[9, 0, 0, 3] = np.inf
    with np.errstate(all="raise"):
        maps = method.reconstruct(mrf.MRFSeries(faulty), EVERYWHERE)
    assert maps.flags[0, 0, :2].tolist() == [FLAGS["no-signal"]] * 2
    assert maps.flags[0, 0, 2:].tolist() == [FLAGS["not-finite"]] * 2
    assert np.isnan(maps["FF"][0, 0]).all()
    assert np.isnan(maps.quality[0, 0]).all()
    counts = maps.provenance["counts"]
    assert counts == {"voxels": 24, "no_signal": 2, "not_finite": 2}
    clean = method.reconstruct(mrf.MRFSeries(signal), EVERYWHERE)
    np.testing.assert_array_equal(maps["T1H2O"][0, 1:], clean["T1H2O"][0, 1:])


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("mask", [None, EVERYWHERE])
def test_real_signals_stored_as_complex_ones_are_refused(method, signal, mask, lazy):
    for real in (np.abs(signal), signal.real):
        stored = real.astype(np.complex64)
        series = mrf.MRFSeries(da.from_array(stored) if lazy else stored)
        with pytest.raises(mrf.MRFInputError, match="imaginary part") as caught:
            method.reconstruct(series, mask)
        assert caught.value.code == "not-complex"
    # A series whose phase is the same everywhere is no measured one, but a complex one.
    method.reconstruct(mrf.MRFSeries((1j * np.abs(signal)).astype(np.complex64)), mask)


def test_wrong_sequence_and_wrong_length_are_refused(method, signal):
    fisp = mrf.sequences.fisp()
    long = np.zeros((1000, 1, 1, 1), np.complex64)
    with pytest.raises(mrf.MRFInputError) as caught:
        method.reconstruct(mrf.MRFSeries(long, sequence=fisp))
    assert caught.value.code == "wrong-sequence"
    with pytest.raises(mrf.MRFInputError) as caught:
        method.reconstruct(mrf.MRFSeries(signal[:100]))
    assert caught.value.code == "frames-mismatch"
    with pytest.raises(mrf.MRFInputError) as caught:
        method.reconstruct(mrf.MRFSeries(signal), np.ones((2, 4, 3), bool))
    assert caught.value.code == "bad-mask"


def test_provenance_tells_input_method_sequence_and_rules_as_json(method, signal, sequence):
    series = mrf.MRFSeries(
        signal, sequence=sequence, source_path="a.nii", source_sha256="ab" * 32,
        warnings=("read me",), metadata={"axes": "XYZT"},
    )  # fmt: skip
    record = json.loads(json.dumps(method.reconstruct(series, EVERYWHERE).provenance))
    assert record["input"]["sha256"] == "ab" * 32
    assert record["input"]["axes"] == "XYZT"
    assert record["input"]["warnings"] == ["read me"]
    assert record["sequence"]["fingerprint"] == sequence.fingerprint()
    assert record["method"]["name"] == "water-fat"
    assert record["method"]["grid"]["B1"] == {"first": 0.3, "last": 1.0, "n": 15}
    assert record["validity"] == {"T1H2O": "FF < 0.7", "T1fat": "FF > 0.3"}
    assert record["software"]["version"] == mrf.__version__
    assert record["mask"] == "given"


def test_same_input_gives_the_same_bits(method, signal):
    first = method.reconstruct(mrf.MRFSeries(signal), EVERYWHERE)
    second = method.reconstruct(mrf.MRFSeries(signal), EVERYWHERE)
    for key, values in first.items():
        np.testing.assert_array_equal(values, second[key])


@pytest.mark.parametrize("mask", [None, np.zeros((2, 3, 4), bool)])
def test_nothing_to_reconstruct_is_an_error_not_an_empty_success(method, signal, mask):
    series = mrf.MRFSeries(np.zeros_like(signal) if mask is None else signal)
    with pytest.raises(mrf.MRFInputError) as caught:
        method.reconstruct(series, mask)
    assert caught.value.code == "nothing-to-reconstruct"


def test_unknown_option_names_that_option_only(sequence):
    with pytest.raises(mrf.MRFInputError) as caught:
        methods.get("exhaustive", sequence=sequence, window=3, grid="wide")
    assert caught.value.found == "grid"


def test_data_of_the_user_are_not_touched(sequence, signal):
    before = signal.copy()
    method = methods.get("water-fat", sequence=sequence, conjugate=True, smooth=0.5)
    method.reconstruct(mrf.MRFSeries(signal), EVERYWHERE)
    np.testing.assert_array_equal(signal, before)


def test_values_outside_the_grid_are_warned_of_and_the_wide_grid_holds_them(sequence):
    rng = np.random.default_rng(3)
    tissue = random_tissue(24, rng) | {"FF": np.full(24, 0.8), "T1fat": np.full(24, 475.0)}
    signal = measured(sequence, tissue, np.inf, rng).T.reshape(175, 2, 3, 4)
    series = mrf.MRFSeries(signal)
    narrow, wide = (
        methods.get("water-fat", sequence=sequence, grid=grid, refine=False).reconstruct(
            series, EVERYWHERE
        )
        for grid in ("published", "wide")
    )
    assert len(narrow.warnings) == 1
    assert "T1fat lies on the edge of its grid in 24 of 24" in narrow.warnings[0].message
    assert wide.warnings == ()
    assert np.abs(wide["T1fat"] - 475).mean() < np.abs(narrow["T1fat"] - 475).mean() / 5


def test_exhaustive_works_through_the_same_interface(signal, sequence, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "napari_mrf.dictionary.cache.cache_directory", lambda: tmp_path / "dictionaries"
    )
    exhaustive = methods.get("exhaustive", sequence=sequence, device="cpu", refine=False)
    maps = exhaustive.reconstruct(mrf.MRFSeries(signal), EVERYWHERE)
    best = methods.get("water-fat", sequence=sequence, refine=False).reconstruct(
        mrf.MRFSeries(signal), EVERYWHERE
    )
    assert np.all(best.quality >= maps.quality - 1e-6)
    assert maps.provenance["method"]["atoms"] == 14_014


@pytest.mark.parametrize("name", methods._MATCHERS)
def test_defaults_of_python_panel_and_command_line_are_the_same(
    name, sequence, tmp_path, monkeypatch
):
    series = mrf.MRFSeries(np.ones((175, 1, 1, 2), np.complex64), np.eye(4), sequence)
    save_series(series, tmp_path / "series.nii.gz")
    made, get = [], methods.get

    def recorded(name, **keywords):
        made.append((get(name, **keywords), keywords))
        raise mrf.MRFInputError("enough", "what was asked for is known")

    monkeypatch.setattr(methods, "get", recorded)
    for command in ("reconstruct", "importance"):
        words = [command, tmp_path / "series.nii.gz", "--method", name, "-o", tmp_path / command]
        assert cli.main([str(word) for word in words]) != 0
    in_python = methods.keywords(methods._MATCHERS[name]())
    for method, keywords in made:
        for option in method.info.options:
            assert in_python[option.name] == option.default, option.name
            assert keywords.get(option.name, option.default) == option.default, option.name
        if name != "spatiotemporal":
            assert method.refining.refine is True
            assert get(name, sequence=sequence).refining == method.refining
    assert len(made) == 2


@pytest.mark.parametrize("refine", [True, False])
@pytest.mark.parametrize("power", [127, -130])
def test_scale_beyond_single_precision_is_told_and_the_maps_stay(sequence, refine, power):
    rng = np.random.default_rng(4)
    signal = measured(sequence, random_tissue(24, rng), 30, rng).T.reshape(175, 2, 3, 4)
    signal /= np.abs(signal).max()
    method = methods.get("water-fat", sequence=sequence, refine=refine)
    plain = method.reconstruct(mrf.MRFSeries(signal), EVERYWHERE)
    far = method.reconstruct(
        mrf.MRFSeries((signal.astype(np.complex128) * 2.0**power).astype(np.complex64)), EVERYWHERE
    )
    assert plain.warnings == ()
    (told,) = [one for one in far.warnings if one.code == "scale-out-of-range"]
    size = np.abs(plain.m0.astype(np.complex128)) * 2.0**power
    tiny, largest = np.finfo(np.float32).tiny, np.finfo(np.float32).max
    assert told.voxels == np.sum((size < tiny) | (size > largest)) > 0
    assert told.message.startswith(
        f"M0 leaves the range of single precision in {told.voxels} of 24"
    )
    if power > 0:  # small numbers have lost digits themselves
        for key in plain:
            np.testing.assert_array_equal(far[key], plain[key])
