"""Random subjects: pure functions of seed and index, within limits, as rough as any patient."""

import subprocess
import sys

import numpy as np
import pytest

from napari_mrf import MRFInputError
from napari_mrf.phantoms.by_kind import PHANTOMS, RANDOM_SUBJECTS, ROUGHENED
from napari_mrf.phantoms.phantom import Phantom
from napari_mrf.phantoms.random import relaxation, water_fat
from napari_mrf.phantoms.random.fields import smooth_field
from napari_mrf.phantoms.random.layout import ellipses, levels, random_layout, voronoi
from napari_mrf.phantoms.random.subject import LEAST_DENSITY, blurred_mean

SHAPE = (48, 56)
LIMITS = {
    "spoiled": water_fat.LIMITS,
    "fisp": relaxation.LIMITS | {"PD": (0.0, 1.0)},
    "fisp-b1": relaxation.LIMITS | {"PD": (0.0, 1.0)},
}
IN_VIVO = {"FF": 0.046, "T1H2O": 129.0, "T1fat": 28.7, "Df": 6.5, "B1": 0.061}
"""Mean differences of neighbors in the maps of an in-vivo thigh, matched voxel by voxel."""
SMOOTH = {"FF": 0.066, "T1H2O": 32.0, "T1fat": 3.0, "Df": 0.9, "B1": 0.0028}
"""Those of thigh phantoms."""


def subjects(kind, count, shape=SHAPE, seed=3):
    return [RANDOM_SUBJECTS[kind](shape, seed=seed, index=index) for index in range(count)]


DIGEST = """
import hashlib
import numpy as np
from napari_mrf.phantoms.by_kind import RANDOM_SUBJECTS

def digest(kind, seed, index):
    one = RANDOM_SUBJECTS[kind]((48, 56), seed=seed, index=index)
    parts = [*one.maps.values(), one.m0, one.labels]
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
"""


def neighbor_difference(image):
    steps = [np.abs(np.diff(image, axis=axis)).ravel() for axis in (0, 1)]
    return float(np.nanmean(np.concatenate(steps)))


@pytest.mark.parametrize("kind", RANDOM_SUBJECTS)
def test_a_subject_is_a_function_of_seed_and_index_in_any_process(kind):
    names = {}
    exec(DIGEST, names)  # noqa: S102 - the same here and there
    first = names["digest"](kind, 3, 7)
    assert first not in [names["digest"](kind, 3, 8), names["digest"](kind, 4, 7)]
    assert names["digest"](kind, 3, 7) == first
    program = f"import sys; sys.path[:] = {sys.path!r}\n{DIGEST}\nprint(digest({kind!r}, 3, 7))"
    child = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert child.stdout.strip() == first


@pytest.mark.parametrize("kind", RANDOM_SUBJECTS)
def test_without_white_texture_the_same_subjects_are_smooth(kind):
    key, ratios = "T1H2O" if kind == "spoiled" else "T1", []
    for index in range(12):
        rough, smooth = (
            RANDOM_SUBJECTS[kind](SHAPE, seed=3, index=index, white_texture=white_texture)
            for white_texture in (True, False)
        )
        np.testing.assert_array_equal(rough.labels, smooth.labels)
        np.testing.assert_array_equal(rough.m0, smooth.m0)
        ratios.append(
            neighbor_difference(rough.maps[key][0]) / neighbor_difference(smooth.maps[key][0])
        )
    assert min(ratios) > 0.98 and np.median(ratios) > 1.2 and max(ratios) > 2


@pytest.mark.parametrize("kind", RANDOM_SUBJECTS)
def test_values_lie_within_limits_and_nothing_is_known_where_there_is_no_signal(kind):
    for one in subjects(kind, 40):
        inside = one.foreground
        assert inside.shape == (1, *SHAPE)
        assert inside.mean() > 0.15
        assert (one.m0[~inside] == 0).all() and (one.m0[inside] >= LEAST_DENSITY).all()
        assert (one.labels[~inside] == 0).all() and (one.labels[inside] > 0).all()
        assert set(one.label_names) == set(one.label_colors) == set(np.unique(one.labels[inside]))
        for key, values in one.maps.items():
            assert values.dtype == np.float32
            np.testing.assert_array_equal(np.isfinite(values), inside)
            low, high = LIMITS[kind][key]
            assert low <= values[inside].min() and values[inside].max() <= high, key
        if "T2" in one.maps:
            assert (one.maps["T2"][inside] <= one.maps["T1"][inside]).all()
            np.testing.assert_array_equal(one.maps["PD"][inside], one.m0[inside])
        assert one.settings["seed"] == 3


def test_there_is_a_random_subject_for_every_kind_with_a_phantom_and_none_for_others():
    assert set(RANDOM_SUBJECTS) == set(PHANTOMS) == set(ROUGHENED)
    with pytest.raises(MRFInputError) as caught:
        RANDOM_SUBJECTS["bssfp"]
    assert caught.value.code == "wrong-sequence"
    for kind, subject in ((kind, subjects(kind, 1)[0]) for kind in RANDOM_SUBJECTS):
        assert set(subject.maps) == set(PHANTOMS[kind]((1, 96, 96), seed=0).maps), kind


def test_drawings_overlays_air_and_voids_come_as_often_as_they_should():
    drawn = [random_layout(np.random.default_rng(seed), (24, 24)) for seed in range(1500)]
    kinds = [one.settings["labels"] for one in drawn]
    for kind, share in (("voronoi", 0.5), ("levels", 0.3), ("ellipses", 0.2)):
        assert kinds.count(kind) / len(drawn) == pytest.approx(share, abs=0.045), kind
    # 3.5 standard deviations; both independently: 0.4 · 0.2 have two.
    overlays = [len(one.settings["overlays"]) for one in drawn]
    for count, share in ((0, 0.48), (1, 0.44), (2, 0.08)):
        assert overlays.count(count) / len(drawn) == pytest.approx(share, abs=0.045), count
    shares = np.array([one.inside.mean() for one in drawn])
    assert shares.min() >= 0.25
    # A quarter has neither; small regions may all escape.
    assert 0.25 < (shares == 1.0).mean() < 0.4


def test_cells_are_as_large_as_told_and_all_drawings_part_the_slice():
    for draw, fewest, most in ((voronoi, 2, 96**2 // 4), (levels, 2, 6), (ellipses, 2, 25)):
        counts = []
        for seed in range(60):
            labels = draw(np.random.default_rng(seed), (96, 96))
            assert labels.shape == (96, 96)
            assert labels.min() >= 0
            counts.append(len(np.unique(labels)))
        assert fewest <= min(counts) and max(counts) <= most, draw.__name__
        assert len(set(counts)) > 3, draw.__name__
    sizes = [96**2 / len(np.unique(voronoi(np.random.default_rng(seed), (96, 96))))
             for seed in range(200)]  # fmt: skip
    # Log-uniform from 3 to 50 voxels across: the middle is 12. Cut cells at the border make less.
    assert 8**2 < np.median(sizes) < 14**2


def test_fat_fractions_of_regions_are_those_of_muscle_fat_and_anything():
    means = []
    for one in subjects("spoiled", 150):
        for label in np.unique(one.labels[one.labels > 0]):
            at = one.labels == label
            if at.sum() > 100:
                means.append(one.maps["FF"][at].mean())
    means = np.array(means)
    # 40 % below 0.15, 30 % above 0.75, 30 % anywhere. Texture and neighbors move them a little.
    assert np.mean(means < 0.15) == pytest.approx(0.4 + 0.3 * 0.15, abs=0.08)
    assert np.mean(means > 0.75) == pytest.approx(0.3 + 0.3 * 0.25, abs=0.08)


def test_roughness_spans_that_of_phantoms_and_that_of_a_patient():
    found = {key: [] for key in IN_VIVO}
    for one in subjects("spoiled", 150, (96, 96)):
        for key, values in found.items():
            values.append(neighbor_difference(one.maps[key][0]))
    for key, values in found.items():
        low, high = np.percentile(values, [2, 98])
        assert low < SMOOTH[key] < high, key
        assert low < IN_VIVO[key] < high, key
        assert high / low > 5, key


@pytest.mark.parametrize("sigma", [1.5, 4.0, 7.0])
def test_smooth_fields_have_the_covariance_of_smoothed_noise(sigma):
    rng = np.random.default_rng(0)
    fields = np.stack([smooth_field(rng, (64, 64), sigma) for _ in range(600)])
    assert abs(fields.mean()) < 0.05
    assert fields.var() == pytest.approx(1.0, abs=0.08)
    lag = round(2 * sigma)
    expected = np.exp(-(lag**2) / (4 * sigma**2))
    for pair in ((fields[:, lag:], fields[:, :-lag]), (fields[..., lag:], fields[..., :-lag])):
        assert np.mean(pair[0] * pair[1]) == pytest.approx(expected, abs=0.05)


def test_partial_volume_is_weighted_by_what_carries_the_quantity():
    weights = np.zeros((16, 16))
    weights[:, :8] = 1.0
    values = np.where(weights > 0, 5.0, 99.0)
    mixed = blurred_mean(values, weights, 0.9)
    np.testing.assert_allclose(mixed[:, :10], 5.0, rtol=1e-9)  # nothing of what does not weigh
    assert (mixed[:, 15] == 99.0).all()  # where nothing weighs all stays
    halves = np.where(np.arange(16) < 8, 2.0, 4.0) * np.ones((16, 1))
    # By symmetry the two voxels at the border have 3 - x and 3 + x.
    both = blurred_mean(halves, np.ones((16, 16)), 0.9)
    np.testing.assert_allclose(both[8, 7] + both[8, 8], 6.0, rtol=1e-12)
    assert 2.0 < both[8, 7] < 3.0


def flat(keys):
    inside = np.ones((1, 40, 40), bool)
    inside[0, :4] = False
    values = {"FF": 0.5, "T1H2O": 1300.0, "T1fat": 320.0, "Df": 0.0, "B1": 0.75,
              "T1": 1000.0, "T2": 100.0, "PD": 0.8}  # fmt: skip
    maps = {key: np.where(inside, values[key], np.nan).astype(np.float32) for key in keys}
    return Phantom("flat", maps, inside.astype(np.float32), inside, inside.astype(np.uint16),
                   {1: "all"}, {1: (1, 2, 3)}, np.eye(4))  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        ("spoiled", {"FF": (0.005, 0.15, 0.75), "T1fat": (3.2, 64.0, 0.75),
                     "Df": (1.0, 15.0, 0.9), "B1": (0.015, 0.12, 0.9)}),
        ("fisp-b1", {"B1": (0.005, 0.05, 0.5), "PD": (0.0, 0.0, 0.0)}),
    ],
)  # fmt: skip
def test_white_texture_is_as_large_and_as_frequent_as_told(kind, sizes):
    smooth = flat(["PD", "T1", "T2", "B1"] if kind == "fisp-b1" else list(IN_VIVO))
    rough = [ROUGHENED[kind](smooth, np.random.default_rng(seed)) for seed in range(400)]
    for key, (low, high, share) in sizes.items():
        found = np.array([np.nanstd(one.maps[key]) for one in rough])
        present = found[found > 1e-4]
        assert len(present) / 400 == pytest.approx(share, abs=0.08), key
        if len(present):
            assert 0.9 * low < present.min() and present.max() < 1.1 * high, key
            # Log-uniform: half below the geometric mean.
            assert np.mean(present < np.sqrt(low * high)) == pytest.approx(0.5, abs=0.1), key
    for one in rough[:20]:
        for key, values in one.maps.items():
            np.testing.assert_array_equal(np.isfinite(values), smooth.foreground, key)


@pytest.mark.parametrize(
    ("shape", "seed", "index"),
    [((15, 40), 0, 0), ((1, 40, 40), 0, 0), ((40, 40), -1, 0), ((40, 40), 0, -2)],
)
def test_impossible_subjects_are_refused(shape, seed, index):
    for draw in RANDOM_SUBJECTS.values():
        with pytest.raises(MRFInputError) as caught:
            draw(shape, seed=seed, index=index)
        assert caught.value.code == "bad-phantom"
