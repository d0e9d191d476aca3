"""Phantoms of other regions: anatomy, ranges of tissue, reproducibility."""

import numpy as np
import pytest
from scipy.ndimage import label as connected_components

from napari_mrf.errors import MRFInputError
from napari_mrf.phantoms.labels import INTERMUSCULAR_FAT, SUBCUTANEOUS_FAT
from napari_mrf.phantoms.regions.anatomy import BONE, FIRST_MUSCLE
from napari_mrf.phantoms.regions.phantom import REGIONS, region
from napari_mrf.phantoms.regions.plans import PLANS

KEYS = {"FF", "T1H2O", "T1fat", "Df", "B1"}
SHAPES = {"shoulder": (1, 100, 125), "pelvis": (1, 140, 200), "head": (1, 112, 102)}
VOXEL_MM = 2.0


def drawn(name, seed=0, factor=1):
    _, height, width = SHAPES[name]
    shape = (1, height * factor, width * factor)
    return region(name, shape, seed=seed, voxel_size_mm=VOXEL_MM / factor)


@pytest.mark.parametrize("name", REGIONS)
@pytest.mark.parametrize("seed", range(3))
def test_every_muscle_is_there_and_tissue_is_that_of_muscles(name, seed):
    phantom = drawn(name, seed)
    assert set(phantom.maps) == KEYS
    muscles = {label for label in phantom.label_names if label >= FIRST_MUSCLE}
    if name in PLANS:
        assert {phantom.label_names[one] for one in muscles} == set(PLANS[name].muscles)
    for label in muscles:
        here = phantom.labels == label
        assert here.sum() * VOXEL_MM**2 > 60.0, phantom.label_names[label]
        inside = here & phantom.foreground
        assert 0.0 <= np.median(phantom.maps["FF"][inside]) <= 0.85
        assert 900.0 < np.median(phantom.maps["T1H2O"][inside]) < 2000.0
    fat = phantom.foreground & (phantom.labels == SUBCUTANEOUS_FAT)
    assert np.median(phantom.maps["FF"][fat]) > 0.8
    for key, values in phantom.maps.items():
        np.testing.assert_array_equal(np.isfinite(values), phantom.foreground, err_msg=key)
    assert phantom.labels[~phantom.foreground].max() <= BONE or name == "head"
    assert set(phantom.label_colors) == set(phantom.label_names)


@pytest.mark.parametrize("name", PLANS)
def test_a_muscle_is_in_one_piece_and_pelvis_has_both_sides(name):
    phantom = drawn(name)
    for label in {one for one in phantom.label_names if one >= FIRST_MUSCLE}:
        pieces, _ = connected_components(phantom.labels[0] == label, structure=np.ones((3, 3)))
        sizes = np.bincount(pieces.ravel())[1:]
        assert sizes.max() > 0.97 * sizes.sum(), phantom.label_names[label]
    if name == "pelvis":
        middle = phantom.labels.shape[2] / 2
        for label, words in phantom.label_names.items():
            if label >= FIRST_MUSCLE:
                columns = np.nonzero(phantom.labels == label)[2]
                assert (columns.mean() < middle) == words.endswith("right")


def test_bone_and_lung_give_no_signal():
    phantom = drawn("shoulder")
    assert (phantom.m0[~phantom.foreground] == 0).all()
    body = phantom.foreground[0] | (phantom.labels[0] == BONE)
    holes, count = connected_components(~body)
    sizes_mm2 = np.bincount(holes.ravel())[2:] * VOXEL_MM**2  # 0 is the body, 1 around it
    assert count > 1
    assert sizes_mm2.max() == pytest.approx(np.pi * 25.0 * 29.0, rel=0.2)  # as the plan says


@pytest.mark.parametrize("name", REGIONS)
def test_a_seed_is_one_patient_at_every_resolution(name):
    coarse, fine = drawn(name), drawn(name, factor=2)
    again = drawn(name)
    np.testing.assert_array_equal(coarse.m0, again.m0)
    means = fine.maps["T1H2O"][0].reshape(coarse.labels.shape[1], 2, -1, 2).mean(axis=(1, 3))
    both = np.isfinite(means) & coarse.foreground[0]
    assert both.sum() > 0.8 * coarse.foreground.sum()
    assert np.median(np.abs(means - coarse.maps["T1H2O"][0])[both]) < 25.0
    other = drawn(name, seed=1)
    assert (other.labels != coarse.labels).mean() > 0.05


def test_intermuscular_fat_lies_between_muscles():
    phantom = drawn("pelvis")
    here = phantom.foreground & (phantom.labels == INTERMUSCULAR_FAT)
    assert 0.4 < np.median(phantom.maps["FF"][here]) < 0.85


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(MRFInputError, match="no such region") as caught:
        region("foot", (1, 100, 100), seed=0)
    assert caught.value.code == "bad-phantom"
    assert "pelvis" in str(caught.value)
    with pytest.raises(MRFInputError, match="pelvis does not fit") as caught:
        region("pelvis", (1, 100, 100), seed=0)
    assert caught.value.code == "bad-phantom"
