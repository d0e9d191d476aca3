"""The brain phantom: anatomy, published values, partial volume, reproducibility, acquisition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation
from scipy.ndimage import label as connected_components

import napari_mrf as mrf
from napari_mrf import MRFInputError
from napari_mrf.io.labels.label_table import load_label_table
from napari_mrf.phantoms import acquire, brain
from napari_mrf.phantoms.brain.labels import (
    BLOOD,
    BONE,
    BRAIN_LABELS,
    CAUDATE,
    CSF,
    DEEP_NUCLEI,
    GREY_MATTER,
    LESION,
    MUSCLE,
    PALLIDUM,
    PUTAMEN,
    SCALP_FAT,
    SKIN,
    THALAMUS,
    WHITE_MATTER,
)
from napari_mrf.phantoms.files import save_phantom
from napari_mrf.phantoms.random_fields import RandomField


@pytest.fixture(scope="module")
def person():
    return brain((1, 160, 160), seed=3)


def pure(phantom, label):
    """Voxels of a tissue with nothing else next to them."""
    here = phantom.labels[0] == label
    return here & ~binary_dilation(~here)


# Around what is measured at 3 T (Wansapura 1999, Gold 2004, Stanisz 2005, Wright 2008), widened by
# the spread between people (2.5 SD of 4 % for T1, 5 % for T2).
@pytest.mark.parametrize(
    ("label", "t1_ms", "t2_ms", "density"),
    [
        (WHITE_MATTER, (750, 1110), (55, 95), (0.65, 0.75)),
        (GREY_MATTER, (1200, 1820), (75, 130), (0.75, 0.88)),
        (CAUDATE, (1250, 1550), (70, 105), (0.75, 0.88)),
        (PUTAMEN, (1150, 1500), (60, 95), (0.75, 0.88)),
        (CSF, (3500, 4500), (1000, 2500), (0.9, 1.0)),
        (SCALP_FAT, (320, 430), (100, 170), (0.8, 1.0)),
    ],
)
def test_tissues_have_the_published_values(person, label, t1_ms, t2_ms, density):
    here = pure(person, label)
    assert here.sum() > 5
    for key, (low, high) in (("T1", t1_ms), ("T2", t2_ms), ("PD", density)):
        assert low < np.median(person.maps[key][0][here]) < high, key


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_anatomy_is_complete_and_in_order(seed):
    phantom = brain((1, 96, 96), seed=seed)
    labels = phantom.labels[0]
    for label in (CSF, GREY_MATTER, WHITE_MATTER, *DEEP_NUCLEI, SCALP_FAT, SKIN, MUSCLE):
        assert (labels == label).sum() > 8, BRAIN_LABELS[label][0]
    # One on each side.
    for label in DEEP_NUCLEI:
        assert connected_components(labels == label, structure=np.ones((3, 3)))[1] >= 2
    # The head is one piece without a hole in its labels, air is all around it.
    assert connected_components(labels > 0)[1] == 1
    assert connected_components(labels == 0)[1] == 1
    assert not labels[[0, -1]].any()
    assert not labels[:, [0, -1]].any()
    # The brain lies inside the bone: from white matter, a step into air needs bone or scalp.
    brain_inside = np.isin(labels, (CSF, GREY_MATTER, WHITE_MATTER, LESION, *DEEP_NUCLEI))
    assert not (binary_dilation(brain_inside) & (labels == 0)).any()
    assert not (binary_dilation(brain_inside) & (labels == SCALP_FAT)).any()


def test_nuclei_lie_where_they_belong(person):
    y, x = np.indices(person.labels[0].shape)
    left = x > x.max() / 2  # in the image the patient's left is at the right

    def center(label, half):
        here = (person.labels[0] == label) & half
        return y[here].mean(), abs(x[here].mean() - x.max() / 2)

    for half in (left, ~left):
        caudate, putamen, pallidum, thalamus = (
            center(label, half) for label in (CAUDATE, PUTAMEN, PALLIDUM, THALAMUS)
        )
        assert caudate[0] < putamen[0] < thalamus[0]  # front to back
        assert thalamus[1] < pallidum[1] < putamen[1]  # midline to side
        assert caudate[1] < putamen[1]
    sinus_y = y[person.labels[0] == BLOOD].mean()
    assert sinus_y > y[person.foreground[0]].mean() + 40


def test_shares_of_tissue_are_those_of_a_brain():
    """Gray and white matter take up alike much of a section here; fluid a fifth or less."""
    shares = []
    for seed in range(4):
        labels = brain((1, 96, 96), seed=seed).labels
        gray = np.isin(labels, (GREY_MATTER, *DEEP_NUCLEI)).sum()
        white, fluid = (labels == WHITE_MATTER).sum(), (labels == CSF).sum()
        shares.append(np.array([gray, white, fluid]) / (gray + white + fluid))
    gray, white, fluid = np.mean(shares, axis=0)
    assert 0.25 < gray < 0.6
    assert 0.3 < white < 0.65
    assert 0.05 < fluid < 0.3


def test_values_are_possible_everywhere(person):
    inside = person.foreground
    for key, (low, high) in {"T1": (100, 4500), "T2": (5, 2500), "PD": (0.15, 1.0)}.items():
        values = person.maps[key]
        assert values.dtype == np.float32
        assert np.all(np.isfinite(values) == inside)
        assert low <= values[inside].min() <= values[inside].max() <= high
    assert np.all(person.maps["T2"][inside] <= person.maps["T1"][inside])
    assert not inside[0][pure(person, BONE)].any()


def test_border_voxels_have_the_mean_rate_of_their_tissues():
    """Against the definition: PD-weighted rates of the same person on a grid 3 times as fine."""
    fine = brain((1, 288, 288), seed=3)
    coarse = brain((1, 96, 96), seed=3)

    def blocks(image):
        return image.reshape(96, 3, 96, 3).mean(axis=(1, 3))

    density = np.nan_to_num(fine.maps["PD"][0])
    rate = np.where(density > 0, density / fine.maps["T1"][0], 0)
    expected = blocks(density) / np.maximum(blocks(rate), 1e-12)
    here = coarse.foreground[0] & (blocks(density > 0) == 1)
    relative = coarse.maps["T1"][0][here] / expected[here]
    assert np.median(np.abs(relative - 1)) < 0.02
    assert np.mean(np.abs(relative - 1) < 0.15) > 0.95


def test_same_seed_gives_the_same_person_and_another_seed_another():
    one, again, other = (brain((1, 96, 96), seed=seed) for seed in (5, 5, 6))
    for key in ("PD", "T1", "T2"):
        assert np.array_equal(one.maps[key], again.maps[key], equal_nan=True)
    assert (one.labels != other.labels).mean() > 0.05


def test_lesions_are_in_white_matter_and_have_long_t2():
    without, with_lesions = (brain((1, 128, 128), seed=2, n_lesions=n) for n in (0, 12))
    assert not (without.labels == LESION).any()
    lesion = with_lesions.labels == LESION
    assert lesion.sum() > 3
    assert np.all(without.labels[lesion] == WHITE_MATTER)
    white = np.median(without.maps["T2"][without.labels == WHITE_MATTER])
    assert np.median(with_lesions.maps["T2"][lesion]) > 1.3 * white


def test_slices_follow_each_other():
    several = brain((3, 96, 96), seed=3, slice_thickness_mm=5.0)
    assert several.affine[2, 2] == 5.0
    middle = brain((1, 96, 96), seed=3)
    assert np.array_equal(several.labels[1], middle.labels[0])
    same = several.labels[0] == several.labels[1]
    assert 0.7 < same.mean() < 1.0
    # In world coordinates the patient's left is negative, the back too.
    assert several.affine[0, 0] < 0
    assert several.affine[1, 1] < 0
    np.testing.assert_allclose(several.affine[:3] @ [47.5, 47.5, 1, 1], 0, atol=1e-9)


@pytest.mark.parametrize(
    "options", [{"n_lesions": -1}, {"spread": 0.9}, {"voxel_size_mm": 1.0}, {"shape": (96, 96)}]
)
def test_impossible_brains_are_refused(options):
    with pytest.raises(MRFInputError) as caught:
        brain(**{"shape": (1, 96, 96), **options})
    assert caught.value.code == "bad-phantom"


def test_fisp_acquisition_without_noise_is_the_simulation():
    phantom = brain((1, 48, 48), seed=1)
    sequence = mrf.Sequence(
        name="short fisp", kind="fisp", flip_angles_deg=np.linspace(5, 60, 24),
        echo_times_ms=2.0, repetition_times_ms=12.0, inversion_time_ms=20.0,
    )  # fmt: skip
    series = acquire(phantom, sequence, mode="noise-only", snr_db=None)
    inside = phantom.foreground[0]
    values = {key: phantom.maps[key][0][inside] for key in ("PD", "T1", "T2")}
    expected = mrf.simulate(sequence, values).T
    measured = series.signal[:, 0][:, inside]
    assert np.abs(measured) == pytest.approx(np.abs(expected), abs=1e-6)


def test_phantom_is_saved_with_its_labels(tmp_path):
    phantom = brain((1, 48, 48), seed=1)
    sequence = mrf.Sequence(
        name="short fisp", kind="fisp", flip_angles_deg=np.linspace(5, 60, 8),
        echo_times_ms=2.0, repetition_times_ms=12.0,
    )  # fmt: skip
    save_phantom(tmp_path, phantom, acquire(phantom, sequence, mode="noise-only"))
    table = load_label_table(tmp_path / "rois.txt")
    for label in np.unique(phantom.labels)[1:]:
        assert (table[label].name, table[label].color) == BRAIN_LABELS[int(label)]
    truth = mrf.load_maps(tmp_path / "truth")
    np.testing.assert_array_equal(truth["T2"], phantom.maps["T2"])


def test_random_field_at_points_is_that_on_a_grid():
    field = RandomField(np.random.default_rng(0), (4.0, 5.0, 6.0), 30)
    rows, columns = np.linspace(-9, 9, 7), np.linspace(-5, 5, 4)
    y, x = np.meshgrid(rows, columns, indexing="ij")
    at_points = field.at_points(np.full_like(y, 2.0), y, x)
    np.testing.assert_allclose(at_points, field(2.0, rows, columns), atol=1e-12)
