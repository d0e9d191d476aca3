"""The thigh phantom: anatomy, ranges, reproducibility, and likeness to a real thigh."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import SHARED, needs
from scipy.ndimage import label as connected_components

from napari_mrf.errors import MRFInputError
from napari_mrf.phantoms import thigh
from napari_mrf.phantoms.labels import LABELS, MUSCLES, itk_snap_table, label_of
from napari_mrf.phantoms.random_fields import RandomField

THIGH = SHARED / "data" / "thigh"
KEYS = ("FF", "T1H2O", "T1fat", "Df", "B1")


@pytest.fixture(scope="module")
def patient():
    return thigh(seed=0)


def test_label_numbers_are_those_of_thigh_studies():
    names = {label: name for label, (name, _) in LABELS.items()}
    assert names[2] == "S_FAT"
    assert names[6] == "FEMUR_R"
    assert names[20] == "FEMUR_L"
    assert [names[n] for n in range(7, 20)] == [f"{name}_R" for name in MUSCLES]
    assert [names[n] for n in range(21, 34)] == [f"{name}_L" for name in MUSCLES]


@needs(THIGH)
def test_label_table_agrees_with_the_file_of_the_real_thigh():
    def table(text):
        rows = (line.split('"') for line in text.splitlines() if not line.startswith("#"))
        return {int(row[0].split()[0]): (row[0].split()[1:4], row[1]) for row in rows}

    real, ours = table((THIGH / "labels_thighs.txt").read_text()), table(itk_snap_table(LABELS))
    for label in (label_of("VL", "right"), label_of("VL", "left")):
        # The dark green of the file is hard to see on gray.
        assert real.pop(label)[1] == ours.pop(label)[1]
    assert ours.items() <= real.items()


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**31), side=st.sampled_from(["right", "left"]))
def test_every_muscle_is_present_and_in_one_piece(seed, side):
    phantom = thigh((1, 84, 96), seed=seed, side=side, voxel_size_mm=2.0)
    voxel_mm2 = 4.0
    for name in MUSCLES:
        here = phantom.labels[0] == label_of(name, side)
        assert here.sum() * voxel_mm2 > 25.0, name
        assert connected_components(here, structure=np.ones((3, 3)))[1] == 1, name
        assert phantom.label_names[label_of(name, side)] == f"{name}_{side[0].upper()}"


@pytest.mark.parametrize("seed", range(3))
def test_maps_lie_in_the_range_of_tissue(seed):
    phantom = thigh((1, 85, 88), seed=seed)
    inside = phantom.foreground
    limits = {"FF": (0, 1), "T1H2O": (650, 2300), "T1fat": (250, 400), "Df": (-120, 120),
              "B1": (0.4, 1.0)}  # fmt: skip
    for key, (low, high) in limits.items():
        values = phantom.maps[key]
        assert values.dtype == np.float32
        assert np.all(np.isfinite(values) == inside)
        assert low <= values[inside].min() <= values[inside].max() <= high
    assert np.all((phantom.m0 > 0) == inside)


def test_tissues_have_their_values(patient):
    def of(label, key):
        return patient.maps[key][(patient.labels == label) & patient.foreground]

    assert 0.8 < np.median(of(2, "FF")) < 0.95  # subcutaneous fat
    assert np.median(of(4, "T1H2O")) > 1600  # blood
    femur = patient.labels == 6
    assert 0.15 < patient.foreground[femur].mean() < 0.6  # the cortex is dark
    assert np.median(of(6, "FF")) > 0.8  # marrow


def test_some_muscles_are_healthy_some_fatty_some_wet():
    phantom = thigh(seed=1)
    medians = {}
    for name in MUSCLES:
        here = phantom.labels == label_of(name, "right")
        medians[name] = tuple(np.median(phantom.maps[key][here]) for key in ("FF", "T1H2O"))
    fat, water_t1 = np.array(list(medians.values())).T
    assert (fat < 0.1).sum() >= 4
    assert fat.max() > 0.5
    assert (water_t1 > 1450).any()
    assert ((water_t1 > 1200) & (water_t1 < 1450)).sum() >= 6


def test_healthy_thigh_has_no_fatty_and_no_wet_muscle():
    phantom = thigh((1, 85, 88), seed=5, infiltrated_fraction=0.0, oedema_fraction=0.0)
    for name in MUSCLES:
        here = phantom.labels == label_of(name, "right")
        assert np.median(phantom.maps["FF"][here]) < 0.2
        assert np.median(phantom.maps["T1H2O"][here]) < 1450


def test_same_seed_gives_the_same_patient_and_another_seed_another():
    one, again, other = (thigh((1, 85, 88), seed=seed) for seed in (3, 3, 4))
    for key in KEYS:
        assert np.array_equal(one.maps[key], again.maps[key], equal_nan=True)
    assert np.array_equal(one.labels, again.labels)
    assert (one.labels != other.labels).mean() > 0.1


def test_patient_is_the_same_at_every_resolution(patient):
    coarse = thigh((1, 85, 88), seed=0, voxel_size_mm=2.0)
    # The fine image is 175 wide, the coarse one 176 mm: compare masses of tissue.
    for label, name in patient.label_names.items():
        area = (patient.labels == label).sum()
        if area > 200:
            assert 4 * (coarse.labels == label).sum() == pytest.approx(area, rel=0.15), name
    inside, coarse_inside = patient.foreground, coarse.foreground
    for key in KEYS:
        fine_mean = patient.maps[key][inside].mean()
        assert coarse.maps[key][coarse_inside].mean() == pytest.approx(fine_mean, rel=0.02, abs=0.5)


def test_left_thigh_mirrors_the_right_one():
    right, left = (thigh((1, 85, 88), seed=2, side=side) for side in ("right", "left"))
    mirrored = left.labels[..., ::-1]
    assert np.mean((mirrored >= 20) == ((right.labels >= 6) & (right.labels <= 19))) > 0.999
    assert right.affine[0, 3] > 0 > (left.affine @ [87, 0, 0, 1])[0]


def test_fields_and_slices_are_smooth():
    phantom = thigh((3, 85, 88), seed=6, slice_thickness_mm=8.0)
    assert phantom.affine[2, 2] == 8.0
    for key, step in (("B1", 0.04), ("Df", 30.0)):
        assert np.nanmax(np.abs(np.diff(phantom.maps[key], axis=2))) < step
    same = phantom.labels[0] == phantom.labels[1]
    assert 0.6 < same.mean() < 1.0
    for z in range(3):
        assert set(range(7, 20)) <= set(np.unique(phantom.labels[z]).tolist())


def test_geometry_is_that_of_a_patient_seen_from_the_feet(patient):
    # NIfTI: x grows to the right, y to the front, z to the head.
    assert np.diag(patient.affine)[:3].tolist() == [-1.0, -1.0, 8.0]
    center = patient.affine @ [87.0, 84.5, 0.0, 1.0]
    assert center[:3] == pytest.approx([90.0, 0.0, 0.0])
    lateral, medial = (
        np.nonzero(patient.labels[0] == label_of(name, "right"))[1].mean() for name in ("VL", "GRA")
    )
    front, back = (
        np.nonzero(patient.labels[0] == label_of(name, "right"))[0].mean() for name in ("RF", "BF")
    )
    assert lateral < medial
    assert front < back


def test_truth_is_the_maps_with_their_geometry(patient):
    truth = patient.truth()
    assert list(truth) == list(KEYS)
    assert truth.m0.dtype == np.complex64
    assert np.array_equal(truth.affine, patient.affine)
    assert truth.provenance["seed"] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        {"side": "both"},
        {"infiltrated_fraction": 1.5},
        {"shape": (85, 88)},
        {"voxel_size_mm": 0.5},
    ],
)
def test_impossible_thigh_is_refused(arguments):
    with pytest.raises(MRFInputError) as error:
        thigh(**arguments)
    assert error.value.code == "bad-phantom"


def test_random_field_has_unit_variance_and_the_length_asked_for():
    rng = np.random.default_rng(0)
    x = np.linspace(0, 4000, 8000)
    values = RandomField(rng, 10.0, 400)(3.0, np.array([7.0]), x)[0]
    assert values.std() == pytest.approx(1.0, abs=0.1)
    field = RandomField(rng, (1.0, 2.0, 3.0), 5)
    again = np.sqrt(2 / 5) * np.cos(
        field._wave_vectors @ [0.5, 0.3, -0.7] + field._phases
    ).sum()  # fmt: skip
    assert field(0.5, np.array([0.3]), np.array([-0.7]))[0, 0] == pytest.approx(again)
    # The correlation of a Gaussian spectrum is exp(-d²/2L²): at d = L it is 0.607.
    lag = 20  # 10 mm
    assert np.corrcoef(values[:-lag], values[lag:])[0, 1] == pytest.approx(0.607, abs=0.08)


@needs(THIGH)
def test_phantoms_resemble_the_real_thigh():
    real = np.load(THIGH / "thigh_maps.npz")
    inside = real["foreground"] > 0
    muscle = (real["rois"] > 0) & inside
    phantoms = [thigh(seed=seed) for seed in range(4)]

    def medians(key, labels):
        return [np.median(p.maps[key][p.foreground & np.isin(p.labels, labels)]) for p in phantoms]

    muscles = list(range(7, 20))
    assert np.median(medians("T1H2O", muscles)) == pytest.approx(
        np.median(real["T1H2O"][muscle]), abs=80
    )
    assert np.median(medians("B1", muscles)) == pytest.approx(
        np.median(real["B1"][muscle]), abs=0.08
    )
    fat = inside & (real["FF"] > 0.7)
    assert np.median(medians("FF", [2])) == pytest.approx(np.median(real["FF"][fat]), abs=0.08)
    assert np.median(medians("T1fat", [2])) == pytest.approx(np.median(real["T1fat"][fat]), abs=40)
    spread = np.median([p.maps["Df"][p.foreground].std() for p in phantoms])
    assert 0.4 < spread / real["Df"][inside].std() < 1.5
    areas = [p.foreground.sum() for p in phantoms]
    assert 0.6 < np.median(areas) / inside.sum() < 1.3
