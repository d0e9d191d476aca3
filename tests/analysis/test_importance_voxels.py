"""Which voxels importance is measured in, and changes that no few of them can move."""

from itertools import zip_longest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from importance_cases import NeighborMean, OneFrame, series_of, small_sequence

import napari_mrf as mrf
from napari_mrf import MRFInputError, methods
from napari_mrf.analysis.importance.measure import importance
from napari_mrf.analysis.importance.options import ImportanceOptions
from napari_mrf.analysis.importance.result import importance_table
from napari_mrf.analysis.importance.voxels import has_signal, spread
from napari_mrf.data import sequences
from napari_mrf.io.labels.label_maps import load_labels
from napari_mrf.phantoms.samples.thigh import SERIES_NAME, sample_directory

FRAMES = np.arange(175)


@given(st.lists(st.integers(-2, 5), min_size=1, max_size=40), st.integers(1, 50))
@settings(max_examples=60, deadline=None)
def test_strata_take_turns_until_all_is_drawn(strata, n):
    """The oracle deals one of every stratum at a time, as cards are dealt."""
    strata = np.array(strata)
    drawn = spread(strata, n, np.random.default_rng(1))
    piles = [np.flatnonzero(strata == one) for one in np.unique(strata)]
    rounds = [[v for v in turn if v is not None] for turn in zip_longest(*piles)]
    dealt, whole = 0, np.zeros(len(piles), int)
    for turn in rounds:
        if dealt + len(turn) > n:
            break
        dealt += len(turn)
        whole = whole + [len(pile) > whole.max() for pile in piles]
    assert len(drawn) == len(set(drawn.tolist())) == min(n, strata.size)
    got = np.array([np.isin(pile, drawn).sum() for pile in piles])
    assert np.all(got - whole >= 0)
    assert np.all(got - whole <= 1)


def noisy(shares, generator):
    """Fingerprints (N, 175) of a smooth course; noise holds a given share of their energy."""
    course = np.exp(1j * np.linspace(0, 0.4, 175)) * np.linspace(1, 0.6, 175)
    noise = generator.standard_normal((2, len(shares), 175))
    noise = noise[0] + 1j * noise[1]
    noise *= np.sqrt(np.asarray(shares) / (2 * 175))[:, None]
    signal = course / np.linalg.norm(course) * np.sqrt(1 - np.asarray(shares))[:, None]
    gain = generator.uniform(0.1, 10, (len(shares), 1))
    return ((signal + noise) * gain).astype(np.complex64)


def test_voxel_has_no_signal_where_most_of_its_energy_is_noise():
    shares = np.r_[np.full(200, 0.1), np.full(40, 0.85), np.full(40, 0.25)]
    signals = noisy(shares, np.random.default_rng(0))
    found = has_signal(signals, np.ones(175, bool), sequences.t1ff(), FRAMES)
    assert np.array_equal(found, shares < 0.5)


def test_in_a_noisy_series_no_voxel_is_left_out():
    signals = noisy(np.full(200, 0.7), np.random.default_rng(0))
    assert has_signal(signals, np.ones(175, bool), sequences.t1ff(), FRAMES).all()


def test_few_frames_tell_of_no_noise():
    signals = noisy(np.r_[np.full(20, 0.1), 0.9], np.random.default_rng(0))
    used = FRAMES < 8
    assert has_signal(signals, used, sequences.t1ff(), FRAMES).all()


def with_bone(n=14):
    """Tissue, and a corner of noise that is bright enough for the mask."""
    series = series_of(sequences.t1ff(), n=n, snr=30)
    generator = np.random.default_rng(2)
    bone = np.zeros(series.spatial_shape, bool)
    bone[0, :4, :4] = True
    noise = generator.standard_normal((2, 175, bone.sum())) * np.abs(series.signal).mean()
    series.signal[:, bone] = noise[0] + 1j * noise[1]
    return series, bone


@pytest.mark.parametrize("voxels", [None, 50])
def test_voxels_without_signal_are_left_out_and_counted(voxels):
    series, bone = with_bone()
    method = OneFrame(series.sequence, frame=5)
    options = ImportanceOptions(stride=60, voxels=voxels)
    found = importance(method, series, fisher=False, options=options)
    assert not bone[tuple(found.places)].any()
    assert found.n_without_signal == bone.sum()
    assert found.places.shape[1] == (voxels or (~bone).sum())
    assert set(importance_table(found)["n_without_signal"]) == {16}
    record = found.provenance["choice"]
    assert record["without_signal"] == 16
    assert "half of the energy" in record["rule"]
    paper = ImportanceOptions(stride=60, choice="random")
    every = importance(method, series, fisher=False, options=paper)
    assert every.places.shape[1] == bone.size
    assert every.n_without_signal == 0


def test_neighbors_without_signal_take_part_and_do_not_count():
    series, bone = with_bone()
    found = importance(NeighborMean(series.sequence, frame=5), series, fisher=False,
                       options=ImportanceOptions(stride=5))  # fmt: skip
    assert found.places.shape[1] == bone.size
    assert found.baseline["FF"].n_voxels == (~bone).sum()
    assert np.isnan(found.voxel_change["FF"][:, bone[tuple(found.places)]]).all()
    assert found.n_without_signal == bone.sum()


def test_regions_share_the_voxels_alike():
    series = series_of(sequences.t1ff(), n=14)
    labels = np.zeros(series.spatial_shape, np.uint16)
    labels[0, :10, :10], labels[0, 10:13, :10], labels[0, 13, :4] = 7, 8, 9
    method = OneFrame(series.sequence, frame=5)
    options = ImportanceOptions(stride=60, voxels=34)
    found = importance(method, series, regions=labels, fisher=False, options=options)
    of = labels[tuple(found.places)]
    assert {int(one): int((of == one).sum()) for one in np.unique(of)} == {7: 15, 8: 15, 9: 4}
    with pytest.raises(MRFInputError) as caught:
        importance(method, series, regions=labels[:, 1:], options=options)
    assert caught.value.code == "other-grid"


def test_tenths_of_the_fat_fraction_share_the_voxels_alike():
    series = series_of(sequences.t1ff(), n=20)
    generator = np.random.default_rng(5)
    lean = generator.random(series.spatial_shape) < 0.4
    series.signal[5] = np.where(lean, 0.05, generator.random(lean.shape))
    method = OneFrame(series.sequence, frame=5)
    mask = np.ones(series.spatial_shape, bool)
    options = ImportanceOptions(stride=60, voxels=30)
    found = importance(method, series, mask=mask, fisher=False, options=options)
    counts = np.histogram(found.values["FF"], 10, (0, 1))[0]
    assert counts.tolist() == [3] * 10


def test_quartiles_are_those_of_the_permuted_values():
    """With values taken from one frame, the changes follow from the permutations alone."""
    series = series_of(small_sequence())
    options = ImportanceOptions(seed=4, repeats=2, intensities="raw")
    found = importance(OneFrame(series.sequence, frame=5), series, fisher=False, options=options)
    before = series.signal[5][tuple(found.places)].real
    expected = []
    for repeat in range(2):
        order = np.random.default_rng([4, repeat, 5]).permutation(len(before))
        sizes = sorted(abs(before[order] - before).tolist())
        # 48 voxels: a quartile lies a quarter of the way between the neighbors.
        expected.append([sizes[11] + 0.75 * (sizes[12] - sizes[11]),
                         (sizes[23] + sizes[24]) / 2,
                         sizes[35] + 0.25 * (sizes[36] - sizes[35])])  # fmt: skip
    np.testing.assert_allclose(found.quartiles("FF")[:, 5], np.mean(expected, axis=0), rtol=1e-5)
    row = importance_table(found).loc[5]
    names = ["lower_quartile_change", "median_change", "upper_quartile_change"]
    np.testing.assert_allclose(row[names].astype(float), np.mean(expected, axis=0), rtol=1e-5)
    assert np.all(found.quartiles("FF")[:, 4] == 0)


class FlippingFew(OneFrame):
    """Its map jumps to 1 in a few voxels whose frame 7 is not what it was."""

    before = None

    def match(self, signals):
        found = super().match(signals)
        seventh = signals[:, 7].copy()
        self.before = seventh if self.before is None else self.before
        few = (seventh != self.before) & (np.arange(len(seventh)) < 3)
        found.parameters["FF"][few] = 1.0
        return found


def test_few_voxels_that_flip_move_the_rms_and_not_the_median():
    series = series_of(small_sequence())
    found = importance(FlippingFew(series.sequence, frame=5), series, fisher=False)
    assert found.mean("FF")[7] > 0.03
    assert found.quartiles("FF")[1, 7] == 0
    assert found.mean("FF")[4] == 0


def test_fat_fraction_of_the_sample_is_not_ruled_by_a_few_voxels():
    """Drawn as in the paper, two of 200 voxels hold half of the squared change of a frame."""
    folder = sample_directory()
    series = mrf.load_series(folder / SERIES_NAME)
    method = methods.get("water-fat", sequence=series.sequence, device="cpu")
    shares, plateaus = {}, {}
    regions = load_labels(folder / "rois.nii.gz", series.spatial_shape, series.affine)
    for name, how, where in (("random", "random", None), ("balanced", "balanced", None),
                             ("regions", "balanced", regions)):  # fmt: skip
        options = ImportanceOptions(voxels=200, stride=15, choice=how)
        found = importance(method, series, regions=where, options=options, fisher=False)
        squares = np.sort(found.voxel_change["FF"].astype(float) ** 2, axis=1)[:, ::-1]
        shares[name] = float((squares[:, :2].sum(axis=1) / squares.sum(axis=1)).mean())
        span = found.baseline["FF"].span
        plateaus[name] = (float(np.median(found.mean("FF"))),
                          float(np.median(found.quartiles("FF")[1])) / span)  # fmt: skip
    assert shares["random"] > 0.4
    assert max(shares["balanced"], shares["regions"]) < 0.2
    rms, median = plateaus["balanced"]
    assert rms < 0.7 * plateaus["random"][0]
    assert rms < 0.0035
    assert median < 0.002


def test_unknown_choice_is_refused():
    with pytest.raises(MRFInputError, match="choose voxels") as caught:
        ImportanceOptions(choice="best")
    assert caught.value.code == "bad-option"
