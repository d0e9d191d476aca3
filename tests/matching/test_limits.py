"""Values that end on a limit of refinement are flagged as those on the edge of a grid are."""

import numpy as np
import pytest

import napari_mrf as mrf
from napari_mrf.data.maps import FLAGS
from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.reconstruction.edges import EdgeWords, edge_flags
from napari_mrf.reconstruction.warnings import edge_warnings

INSIDE = {
    "t1ff": {"FF": 0.2, "T1H2O": 1300.0, "T1fat": 330.0, "Df": 20.0, "B1": 0.8},
    "fisp": {"T1": 900.0, "T2": 80.0},
    "fisp_b1": {"T1": 900.0, "T2": 80.0, "B1": 1.0},
}
# One value beyond a limit, and the limit: the tables end there (docs/matching.md).
BEYOND = [
    ("t1ff", "water-fat", "T1H2O", 60.0, 100.0),
    ("t1ff", "water-fat", "T1H2O", 9000.0, 5000.0),
    ("t1ff", "water-fat", "B1", 1.8, 1.6),
    ("t1ff", "compressed", "T1H2O", 60.0, 100.0),
    ("fisp", "compressed", "T1", 9000.0, 6000.0),
    ("fisp", "group", "T2", 9000.0, 4000.0),
    ("fisp", "exhaustive", "T1", 9000.0, 6000.0),
    ("fisp_b1", "compressed", "B1", 0.3, 0.4),
]


def small_dictionary(kind):
    """The axes of refinement, each of a few values."""
    sequence = getattr(mrf.sequences, kind)()
    axes = {key: np.linspace(0.5 * value, 1.5 * value, 4) for key, value in INSIDE[kind].items()}
    return Dictionary.build(sequence, ParameterGrid(axes))


def matcher_of(name, kind, **options):
    if name != "water-fat":
        options["dictionary"] = small_dictionary(kind)
    sequence = getattr(mrf.sequences, kind)()
    return mrf.methods.get(name, sequence=sequence, device="cpu", prior="off", **options)


def series_of(kind, values):
    """Ten voxels with these values and ten inside, with a phase and a little noise."""
    rng = np.random.default_rng(0)
    inside = {key: np.full(20, value) for key, value in INSIDE[kind].items()}
    for key, value in values.items():
        inside[key][:10] = value
    signals = mrf.simulate(getattr(mrf.sequences, kind)(), inside)
    noise = rng.standard_normal((2, *signals.shape)) * 1e-4 * np.abs(signals).max()
    signals = (signals + noise[0] + 1j * noise[1]) * np.exp(1j * rng.uniform(0, 6, (20, 1)))
    return mrf.MRFSeries(signals.T.astype(np.complex64).reshape(-1, 1, 2, 10))


@pytest.mark.parametrize(("kind", "name", "key", "value", "limit"), BEYOND)
def test_value_on_a_limit_is_flagged_and_told(kind, name, key, value, limit):
    maps = matcher_of(name, kind).reconstruct(
        series_of(kind, {key: value}), np.ones((1, 2, 10), bool)
    )
    on = np.isclose(maps[key], limit, rtol=1e-6)
    assert on[0, 0].all()
    np.testing.assert_array_equal((maps.flags & FLAGS[f"{key}-edge"]) > 0, on)
    assert not on[0, 1].any()
    (told,) = [one for one in maps.warnings if one.message.startswith(f"{key} lies")]
    assert told.code == "on-edge"
    assert told.voxels == 10
    assert "on a limit of refinement in 10 of 20 voxels" in told.message
    assert "grid" not in told.message


@pytest.mark.parametrize("kind", ["t1ff", "fisp_b1"])
def test_held_b1_lies_on_no_limit(kind):
    name = "water-fat" if kind == "t1ff" else "compressed"
    low, _ = matcher_of(name, kind).b1_range
    series = series_of(kind, {"B1": low})
    held = matcher_of(name, kind).reconstruct(
        series, np.ones((1, 2, 10), bool), b1=np.full((1, 2, 10), low)
    )
    assert np.isclose(held["B1"], low).all()
    assert not np.any(held.flags & FLAGS["B1-edge"])


def test_what_cannot_be_exceeded_or_means_nothing_lies_on_no_edge():
    keys = ("FF", "T1H2O", "T1fat", "Df")
    values = {"FF": np.array([0.0, 0.3, 1.0])}
    flags = edge_flags({key: np.ones(3, bool) for key in keys}, values)
    names = [{name for name, bit in FLAGS.items() if one & bit} for one in flags]
    assert names == [
        {"T1H2O-edge", "Df-edge"},
        {"FF-edge", "T1H2O-edge", "T1fat-edge", "Df-edge"},
        {"T1fat-edge", "Df-edge"},
    ]


def test_warning_names_the_edge_of_the_method():
    flags = np.full((1, 1, 4), FLAGS["T1-edge"])
    maps = mrf.ParameterMaps({"T1": np.ones((1, 1, 4))}, flags=flags)
    (told,) = edge_warnings(maps, EdgeWords("its end", "it is far"))
    assert told.message == "T1 lies on its end in 4 of 4 voxels: it is far. Flags tell where."
