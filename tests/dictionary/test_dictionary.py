"""Grids, dictionaries on disk, their cache."""

import json

import numpy as np
import pytest

import napari_mrf as mrf
from napari_mrf.dictionary import cache
from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.dictionary.grid import ParameterGrid, reconstruction_grid, steps
from napari_mrf.dictionary.storage import card_path


@pytest.fixture
def grid():
    return ParameterGrid({"T1": [500.0, 1000.0], "T2": [40.0, 80.0, 600.0]})


@pytest.fixture(scope="module")
def short_fisp():
    return mrf.Sequence(
        name="short", kind="fisp", flip_angles_deg=np.linspace(5, 60, 24),
        repetition_times_ms=12.0, echo_times_ms=2.0, inversion_time_ms=20.0,
    )  # fmt: skip


def test_published_grids_have_their_published_sizes():
    water_fat = reconstruction_grid(mrf.sequences.t1ff())
    assert water_fat.size == 342_000  # water-fat pairs, physics of MRF T1-FF
    assert water_fat.size * 21 == 7_182_000  # atoms with FF in steps of 0.05
    assert water_fat["T1H2O"].size == 114
    fisp = reconstruction_grid(mrf.sequences.fisp()).points()
    assert len(fisp["T1"]) == 8537
    assert np.all(fisp["T2"] <= fisp["T1"])


def test_steps_include_the_last_value_only_where_reached():
    np.testing.assert_array_equal(steps(2050, 100, 4500)[[0, -1]], [2050, 4450])
    np.testing.assert_array_equal(steps(-120, 10, 120)[[0, -1]], [-120, 120])


@pytest.mark.parametrize(
    "axes",
    [
        {"T1": [2.0, 1.0]},
        {"T1": []},
        {"T1": [np.nan]},
        {"T1": [-1.0]},
        {"FF": [0.5, 1.5]},
        {"X": [1.0]},
    ],
)
def test_impossible_grid_is_refused(axes):
    with pytest.raises(mrf.MRFInputError) as caught:
        ParameterGrid(axes)
    assert caught.value.code == "bad-grid"


def test_dictionary_survives_saving(short_fisp, grid, tmp_path):
    dictionary = Dictionary.build(short_fisp, grid)
    assert len(dictionary) == 5  # T2 = 600 > T1 = 500 is impossible
    path = dictionary.save(tmp_path / "d.safetensors")
    copy = Dictionary.load(path, sequence=short_fisp)
    np.testing.assert_array_equal(copy.atoms, dictionary.atoms)
    for key, values in dictionary.parameters.items():
        np.testing.assert_array_equal(copy.parameters[key], values)
    expected = mrf.simulate(short_fisp, grid.points())
    np.testing.assert_allclose(copy.atoms, expected, atol=1e-6)


def test_dictionary_of_another_sequence_is_refused_naming_both(short_fisp, grid, tmp_path):
    path = Dictionary.build(short_fisp, grid).save(tmp_path / "d.safetensors")
    with pytest.raises(mrf.MRFInputError) as caught:
        Dictionary.load(path, sequence=mrf.sequences.fisp())
    assert caught.value.code == "wrong-sequence"
    assert "short" in str(caught.value)
    assert "FISP" in str(caught.value)


@pytest.mark.parametrize("damage", ["flip", "truncate", "card", "foreign card", "no card"])
def test_damaged_dictionary_is_refused(short_fisp, grid, tmp_path, damage):
    path = Dictionary.build(short_fisp, grid).save(tmp_path / "d.safetensors")
    payload = bytearray(path.read_bytes())
    if damage == "flip":
        payload[-3] ^= 1
        path.write_bytes(payload)
    elif damage == "truncate":
        path.write_bytes(payload[:-8])
    elif damage == "card":
        card_path(path).write_text("{")
    elif damage == "foreign card":
        card_path(path).write_text(json.dumps({"format": "other"}))
    else:
        card_path(path).unlink()
    with pytest.raises(mrf.MRFInputError) as caught:
        Dictionary.load(path, sequence=short_fisp)
    assert caught.value.code in {"bad-dictionary", "bad-json", "missing-file"}


def test_cache_is_reused_rebuilt_when_damaged_and_cleared(
    short_fisp, grid, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(cache, "cache_directory", lambda: tmp_path / "cache")
    built = []
    original = Dictionary.build.__func__

    def counting(cls, *arguments):
        built.append(1)
        return original(cls, *arguments)

    monkeypatch.setattr(Dictionary, "build", classmethod(counting))
    first = cache.cached_dictionary(short_fisp, grid)
    again = cache.cached_dictionary(short_fisp, grid)
    assert len(built) == 1
    np.testing.assert_array_equal(first.atoms, again.atoms)
    cache.cached_dictionary(short_fisp, ParameterGrid({"T1": [700.0], "T2": [50.0]}))
    assert len(built) == 2
    for path in (tmp_path / "cache").glob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-1])
    cache.cached_dictionary(short_fisp, grid)
    assert len(built) == 3
    assert "rebuilding" in caplog.text
    assert cache.clear_cache() > 0
    assert not list((tmp_path / "cache").iterdir())
    assert cache.clear_cache() == 0


def test_unwritable_cache_costs_only_the_reuse(short_fisp, grid, tmp_path, monkeypatch, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr(cache, "cache_directory", lambda: blocked / "cache")
    assert len(cache.cached_dictionary(short_fisp, grid)) == 5
    assert "could not be cached" in caplog.text
