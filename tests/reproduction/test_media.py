"""The experiments of MedIA 2020: whom they measure, what they compare, what they print."""

import numpy as np
import pandas as pd
import pytest
from places import SHARED, needs
from reproduction_cases import save_untrained

from napari_mrf import MRFInputError, ParameterMaps, cli
from napari_mrf.data import sequences
from napari_mrf.data.series import MRFSeries
from napari_mrf.networks.weights import installed
from napari_mrf.reproduction.experiment import Settings
from napari_mrf.reproduction.media import fig4, table2, table4
from napari_mrf.reproduction.media import subjects as media_subjects
from napari_mrf.reproduction.media.subjects import Subject, load_thigh, subjects
from napari_mrf.reproduction.published import published_table

KEYS = ("FF", "T1H2O", "T1fat", "Df", "B1")
REAL_THIGH = SHARED / "data" / "thigh" / "thigh_maps.npz"


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(media_subjects, "_QUICK_SHAPE", (1, 44, 46))
    monkeypatch.setattr(media_subjects, "_QUICK_VOXEL_MM", 4.0)


def subject_of(truth, labels=None):
    shape = truth.spatial_shape
    labels = np.ones(shape, int) if labels is None else labels
    series = MRFSeries(np.zeros((175, *shape), np.complex64), sequence=sequences.t1ff())
    return Subject("one", "phantoms", truth, labels, series)


def maps_of(**changes):
    rng = np.random.default_rng(0)
    maps = {key: rng.uniform(1.0, 2.0, (1, 12, 12)).astype(np.float32) for key in KEYS}
    maps["FF"] = np.full((1, 12, 12), 0.2, np.float32)
    maps["FF"][0, :, 6:] = 0.9
    return ParameterMaps(maps | changes)


def test_published_numbers_of_the_media_paper_are_complete():
    table = published_table("media-table2").set_index(["method", "metric", "map"])["mean"]
    assert len(table) == 5 * 4 * 5
    assert table["balsiger2020", "NRMSE", "T1H2O"] == 0.048  # also in its abstract
    assert table["fang", "R2", "T1H2O"] == 0.911
    best = table.xs("NRMSE", level="metric").unstack("method").idxmin(axis=1)
    assert set(best) == {"balsiger2020"}


def test_water_t1_counts_where_there_is_water_and_all_else_everywhere():
    reference = maps_of()
    wrong = {}
    for key in ("T1H2O", "T1fat"):
        wrong[key] = reference[key].copy()
        wrong[key][0, :, 6:] += 0.3  # in the fat only
    table = table2.image_errors(subject_of(reference), reference, maps_of(**wrong))
    values = table.set_index(["metric", "map"])["value"]
    assert len(values) == 3 * 5
    assert values["NRMSE", "T1H2O"] == 0
    spread = np.ptp(reference["T1fat"])
    assert values["NRMSE", "T1fat"] == pytest.approx(0.3 * np.sqrt(0.5) / spread, rel=1e-5)
    assert values["SSIM", "T1H2O"] < 1  # of the whole map, as in the paper


def test_muscles_are_compared_by_their_means_and_water_t1_by_its_rule():
    labels = np.ones((1, 12, 12), int)
    labels[0, :, 6:] = 2  # fat only
    reference = maps_of()
    test = maps_of(T1fat=reference["T1fat"] + np.float32(0.5))
    table = table2.region_means(subject_of(reference, labels), reference, test)
    assert set(table.loc[table["map"] == "T1H2O", "label"]) == {1}
    fat = table[table["map"] == "T1fat"].set_index("label")
    assert set(fat.index) == {1, 2}
    np.testing.assert_allclose(fat["test"] - fat["reference"], 0.5, rtol=1e-5)
    assert fat["reference"][2] == pytest.approx(reference["T1fat"][0, :, 6:].mean(), rel=1e-5)


def save_thigh(path, **changes):
    arrays = {key: np.full((6, 8), 0.5, np.float32) for key in KEYS}
    arrays |= {"foreground": np.eye(6, 8, dtype=bool), "rois": np.full((6, 8), 3)} | changes
    np.savez(path, **{key: values for key, values in arrays.items() if values is not None})
    return path


def test_real_maps_are_read_with_their_muscles_and_nothing_outside(tmp_path):
    truth, labels = load_thigh(save_thigh(tmp_path / "thigh.npz"))
    np.testing.assert_array_equal(np.isfinite(truth["T1fat"][0]), np.eye(6, 8, dtype=bool))
    np.testing.assert_array_equal(labels[0], 3 * np.eye(6, 8, dtype=int))
    np.testing.assert_array_equal(np.diag(truth.affine), [1, 1, 8, 1])
    truth, _ = load_thigh(save_thigh(tmp_path / "thigh.npz"), step=2)
    assert truth.spatial_shape == (1, 3, 4)
    np.testing.assert_array_equal(np.diag(truth.affine), [2, 2, 8, 1])


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"rois": None}, "missing-map"), ({"B1": np.ones((3, 3))}, "bad-shape"),
     ({"B1": np.array([{}], object)}, "unreadable-file")],
)  # fmt: skip
def test_real_maps_that_cannot_be_used_are_refused(tmp_path, changes, code):
    path = save_thigh(tmp_path / "thigh.npz", **changes)
    with pytest.raises(MRFInputError) as caught:
        load_thigh(path)
    assert caught.value.code == code
    assert str(path) in str(caught.value)


def test_absent_and_foreign_files_of_maps_are_refused(tmp_path):
    with pytest.raises(MRFInputError) as caught:
        load_thigh(tmp_path / "none.npz")
    assert caught.value.code == "missing-file"
    (tmp_path / "text.npz").write_text("no maps")
    with pytest.raises(MRFInputError) as caught:
        load_thigh(tmp_path / "text.npz")
    assert caught.value.code == "unreadable-file"


@needs(REAL_THIGH)
def test_published_thigh_has_muscles_within_its_tissue():
    truth, labels = load_thigh(REAL_THIGH)
    assert truth.spatial_shape == (1, 170, 175)
    assert np.isfinite(truth["FF"]).sum() == 17_605
    assert np.isfinite(truth["FF"][labels > 0]).all()
    assert len(np.unique(labels)) > 8


def test_scan_is_undersampled_as_the_field_of_view_says(tiny):
    (subject,) = subjects(Settings(quick=True))
    # A spoke covers pi/2 · matrix / spokes, the matrix being 350 mm over 4 mm.
    assert subject.series.metadata["undersampling_factor"] == pytest.approx(
        np.pi / 2 * 88 / 8, rel=0.01
    )
    assert subject.mask.sum() > 300
    assert set(np.unique(subject.labels)) < set(range(60))


def test_table2_compares_with_matching_and_with_the_truth(tiny, tmp_path, capsys, monkeypatch):
    # Beside weights of its own, the network would have another name in the table.
    others = {key: path for key, path in installed().items() if key[0] != "fang"}
    monkeypatch.setattr("napari_mrf.reproduction.found_networks.installed", lambda: others)
    weights = save_untrained(tmp_path / "weights", "fang")  # one that looks at neighbors
    words = ["reproduce", "media-table2", "--quick", "--output", str(tmp_path)]
    words += ["--weights", str(weights)]
    assert cli.main(words) == 0
    printed = capsys.readouterr().out
    assert "0.048 / 28.6 / 0.957 / 0.919" in printed
    assert "give their file with `--maps`" in printed
    table = pd.read_csv(tmp_path / "media-table2.csv")
    means = table.set_index(["against", "method", "metric", "map"])["mean"]
    assert ("matching", "water-fat") not in {index[:2] for index in means.index}
    for key in KEYS:
        assert 0 < means["truth", "water-fat", "NRMSE", key] < 0.5
        assert 0 < means["matching", "cohen", "NRMSE", key] < 0.5
    assert means["truth", "water-fat", "R2", "FF"] > 0.8
    # Without training: worse than any that was trained.
    assert means["truth", "fang", "NRMSE", "FF"] > 2 * means["truth", "cohen", "NRMSE", "FF"]
    assert (tmp_path / "media-table2.png").stat().st_size > 20_000


def test_agreement_is_that_of_the_means_of_muscles(tiny):
    outcome = fig4.run(Settings(quick=True))
    pairs = outcome.tables["media-fig4-regions"]
    row = outcome.tables["media-fig4"].set_index("map").loc["FF"]
    of = pairs[(pairs["map"] == "FF") & (pairs["scope"] == "slice")].dropna(subset=["difference"])
    assert row["independent_bias"] == pytest.approx((of["reference"] - of["test"]).mean())
    assert row["r"] == pytest.approx(np.corrcoef(of["reference"], of["test"])[0, 1])
    assert row["r"] > 0.95
    assert len(outcome.figures["media-fig4"].axes) == 10


def test_published_numbers_of_unseen_regions_are_complete():
    table = published_table("media-table4").set_index(["method", "map"])["mean"]
    assert len(table) == 3 * 5
    assert table["balsiger2020", "T1H2O"] == 0.862
    assert table["oksuz", "FF"] == 0.746
    assert (table["balsiger2020"] > table["oksuz"]).all()


def test_agreement_of_unseen_regions_pools_their_muscles_and_leaves_out_the_thigh():
    rng = np.random.default_rng(0)
    rows = [
        {"region": region, "against": "truth", "method": "one", "map": "FF", "reference": value,
         "test": value + rng.normal(0, 0.1)}
        for region in ("thigh", "shoulder", "pelvis") for value in rng.uniform(0, 1, 9)
    ]  # fmt: skip
    means = pd.DataFrame(rows)
    found = table4.agreement(means).set_index("region")
    for region in ("thigh", "shoulder", "pelvis", "unseen regions"):
        names = {"unseen regions": ["shoulder", "pelvis"]}.get(region, [region])
        of = means[means["region"].isin(names)]
        spread = ((of["reference"] - of["reference"].mean()) ** 2).sum()
        expected = 1 - ((of["test"] - of["reference"]) ** 2).sum() / spread
        assert found.loc[region, "r_squared"] == pytest.approx(expected)
        assert found.loc[region, "n"] == len(of)


def test_every_region_is_measured_as_the_thigh_is():
    found = list(table4.subjects(Settings(quick=True)))
    assert [one.group for one in found] == ["thigh", "shoulder", "pelvis", "head"]
    for subject in found:
        assert subject.series.n_frames == 175
        assert (subject.labels[~subject.mask] == 0).mean() > 0.9
        assert len(np.unique(subject.labels)) > 6
        # 8 spokes a frame, over 350 mm or, where it is wider, the image.
        widest = max(70, *subject.truth.spatial_shape[1:])
        factor = subject.series.metadata["undersampling_factor"]
        assert factor == pytest.approx(np.pi / 2 * widest / 8, rel=0.02)
