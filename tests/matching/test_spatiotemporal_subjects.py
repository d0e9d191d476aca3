"""Training subjects: drawn once, kept, and brought to where the tissue of a series lies."""

import numpy as np
import pytest

import napari_mrf as mrf
from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.matching.spatiotemporal import training_subjects as people
from napari_mrf.matching.spatiotemporal.alignment import align
from napari_mrf.matching.spatiotemporal.training_subjects import TrainingSubject
from napari_mrf.phantoms.phantom import Phantom

AFFINE = np.diag([-2.0, -2.0, 5.0, 1.0])


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Quickly drawn people in a cache of their own; what was drawn is counted."""
    monkeypatch.setattr(people, "cache_directory", lambda: tmp_path / "cache")
    seeds = []

    def of(keys):
        def draw(shape, *, seed, slice_thickness_mm, side=None):
            seeds.append(seed)
            rng = np.random.default_rng(seed)
            maps = {key: rng.random(shape, np.float32) for key in keys}
            affine = np.diag([-2.0, -2.0, slice_thickness_mm, 1.0])
            return Phantom(
                "quick", maps, np.ones(shape, np.float32), rng.random(shape) > 0.5,
                np.ones(shape, np.uint16), {}, {}, affine,
            )  # fmt: skip

        return draw

    monkeypatch.setattr(people, "thigh", of(("FF", "T1H2O", "T1fat", "Df", "B1")))
    monkeypatch.setattr(people, "brain", of(("PD", "T1", "T2")))
    return seeds


@pytest.mark.parametrize("name", ["t1ff", "fisp"])
def test_subjects_are_thighs_and_heads(monkeypatch, tmp_path, name):
    monkeypatch.setattr(people, "cache_directory", lambda: tmp_path)
    monkeypatch.setattr(people, "_SIDE_VOXELS", 32)
    sequence = mrf.sequences.load(name)
    (one,) = people.training_subjects(sequence, 1, 1, 5.0)
    assert set(one.maps) == set(SIGNAL_KINDS[sequence.kind].required)
    for values in one.maps.values():
        assert 0.1 < np.isfinite(values).mean() < 0.9
    longest = one.maps["T1H2O" if name == "t1ff" else "T1"]
    assert 500 < np.nanmedian(longest) < 1800


@pytest.mark.parametrize(
    ("name", "keys"), [("t1ff", {"FF", "T1H2O", "T1fat"}), ("fisp", {"T1", "T2"})]
)
def test_subjects_are_drawn_once_and_kept(drawn, name, keys):
    sequence = mrf.sequences.load(name)
    first = list(people.training_subjects(sequence, 2, 1, 5.0))
    assert len(set(drawn)) == len(drawn) == 2
    again = list(people.training_subjects(sequence, 2, 1, 5.0))
    assert len(drawn) == 2
    for one, other in zip(first, again, strict=True):
        assert set(one.maps) == keys
        assert one.seed == other.seed
        np.testing.assert_array_equal(one.affine, other.affine)
        for key in keys:
            np.testing.assert_array_equal(one.maps[key], other.maps[key])
    assert not np.array_equal(*(np.nan_to_num(one.maps[min(keys)]) for one in first))
    # Of other slices there are none yet.
    (thicker,) = people.training_subjects(sequence, 1, 2, 8.0)
    assert len(drawn) == 3
    assert thicker.maps[min(keys)].shape == (2, 128, 128)


def test_damaged_subject_on_disk_is_drawn_again(drawn, tmp_path):
    sequence = mrf.sequences.fisp()
    (expected,) = people.training_subjects(sequence, 1, 1, 5.0)
    (path,) = (tmp_path / "cache").glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-9])
    (found,) = people.training_subjects(sequence, 1, 1, 5.0)
    assert len(drawn) == 2
    np.testing.assert_array_equal(found.maps["T1"], expected.maps["T1"])


def test_folder_that_cannot_be_written_costs_only_the_reuse(drawn, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder would be")
    sequence = mrf.sequences.fisp()
    for times in (1, 2):
        (found,) = people.training_subjects(sequence, 1, 1, 5.0)
        assert np.isfinite(found.maps["T1"]).any()
        assert len(drawn) == times


def ellipse(shape, center, radii):
    y, x = np.indices(shape)
    return (((y - center[0]) / radii[0]) ** 2 + ((x - center[1]) / radii[1]) ** 2 < 1)[None]


def test_tissue_is_brought_over_tissue_by_shift_and_stretch():
    there = ellipse((60, 60), (25, 34), (18, 12))
    ramp = np.broadcast_to(np.linspace(-1, 1, 60), there.shape)
    subject = TrainingSubject(0, {"T1": np.where(there, ramp, np.nan)}, AFFINE)
    here = ellipse((90, 110), (50, 60), (30, 36))
    moved = align(subject, here, AFFINE).slice_maps(0)["T1"]
    known = np.isfinite(moved)
    assert moved.shape == (90, 110)
    assert np.sum(known & here[0]) > 0.95 * np.sum(known | here[0])
    # The middle of the one lies on the middle of the other, its edges on the edges.
    assert moved[50, 60] == pytest.approx(ramp[0, 0, 34], abs=0.04)
    assert moved[50, 92] == pytest.approx(ramp[0, 0, 45], abs=0.08)


@pytest.mark.parametrize("flips", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
@pytest.mark.parametrize("swapped", [False, True])
def test_patient_is_turned_as_the_series_lies(flips, swapped):
    there = ellipse((50, 50), (24.5, 24.5), (20, 15))
    rng = np.random.default_rng(0)
    values = np.where(there, rng.random(there.shape), np.nan)
    subject = TrainingSubject(0, {"T1": values}, AFFINE)
    turned, affine = values[:, :: flips[0], :: flips[1]], AFFINE.copy()
    affine[1, 1] *= flips[0]
    affine[0, 0] *= flips[1]
    if swapped:
        turned, affine = turned.transpose(0, 2, 1), affine[:, [1, 0, 2, 3]]
    moved = align(subject, np.isfinite(turned), affine).slice_maps(0)["T1"]
    np.testing.assert_array_equal(moved, turned[0])


def test_series_without_geometry_is_taken_to_lie_like_the_phantoms():
    there = ellipse((50, 50), (24.5, 24.5), (20, 15))
    values = np.where(there, np.random.default_rng(0).random(there.shape), np.nan)
    moved = align(TrainingSubject(0, {"T1": values}, AFFINE), there, None).slice_maps(0)["T1"]
    np.testing.assert_array_equal(moved, values[0])


def test_series_without_tissue_is_aligned_to_something():
    values = np.where(ellipse((20, 20), (9, 9), (6, 6)), 1.0, np.nan)
    subject = TrainingSubject(0, {"T1": values}, AFFINE)
    moved = align(subject, np.zeros((1, 30, 30), bool), AFFINE).slice_maps(0)["T1"]
    assert moved.shape == (30, 30)
