"""Table, figure and volumes of temporal importance on disk, and the command that writes them."""

import json

import nibabel
import numpy as np
import pandas as pd
import pytest
from importance_cases import AFFINE, OneFrame, series_of, small_sequence

import napari_mrf as mrf
from napari_mrf import MRFInputError
from napari_mrf.analysis.importance.measure import importance, iter_importance
from napari_mrf.analysis.importance.options import ImportanceOptions
from napari_mrf.analysis.importance.result import importance_table
from napari_mrf.cli import main
from napari_mrf.data import sequences
from napari_mrf.io import save_series
from napari_mrf.io.formats.source import sha256_of
from napari_mrf.plots.importance_figure import importance_figure
from napari_mrf.report.importance import save_importance

NAMES = ["importance.csv", "importance.svg", "importance.pdf", "importance.png"]


@pytest.fixture
def found():
    series = series_of(small_sequence())
    return importance(OneFrame(series.sequence, frame=5), series,
                      options=ImportanceOptions(repeats=2))  # fmt: skip


def test_all_files_appear_with_their_sums(found, tmp_path):
    written = save_importance(found, tmp_path / "new", layers=["FF"])
    assert [path.name for path in written] == [*NAMES, "importance_FF.nii.gz", "importance.json"]
    record = json.loads(written[-1].read_text())
    assert record["complete"]
    assert record["provenance"]["options"]["repeats"] == 2
    for path in written[:-1]:
        assert record["files"][path.name] == sha256_of(path)
    # As text, for not every version of pandas reads numbers to their last digit.
    table = pd.read_csv(written[0], keep_default_na=False, na_values=[""], dtype=str)
    expected = importance_table(found)
    np.testing.assert_array_equal(
        table["nrmse_change_mean"].astype(float), expected["nrmse_change_mean"]
    )
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(
        path.name for path in written
    )


def test_volume_lies_on_the_grid_of_the_series(found, tmp_path):
    save_importance(found, tmp_path, layers=["FF"])
    image = nibabel.load(tmp_path / "importance_FF.nii.gz")
    assert image.shape == (6, 4, 2, 12)
    assert image.get_data_dtype() == np.float32
    np.testing.assert_allclose(image.affine, AFFINE)
    values = np.asarray(image.dataobj)
    np.testing.assert_array_equal(values[..., 5].T, found.change_map("FF", 5))
    assert np.all(values[..., 4] == 0)


def test_earlier_results_are_replaced_only_when_allowed(found, tmp_path):
    save_importance(found, tmp_path, layers=["FF"])
    with pytest.raises(MRFInputError) as caught:
        save_importance(found, tmp_path)
    assert caught.value.code == "exists"
    assert (tmp_path / "importance_FF.nii.gz").exists()
    save_importance(found, tmp_path, overwrite=True)
    assert not (tmp_path / "importance_FF.nii.gz").exists()  # it would belong to another run


def test_same_result_gives_the_same_bytes(found, tmp_path):
    first = save_importance(found, tmp_path / "a", layers=["FF"])
    second = save_importance(found, tmp_path / "b", layers=["FF"])
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_half_a_run_says_so(tmp_path):
    series = series_of(small_sequence())
    updates = iter_importance(OneFrame(series.sequence, frame=5), series, fisher=False)
    partial = next(one for one in updates if one.group == 3).importance
    written = save_importance(partial, tmp_path, layers=["FF"])
    assert not json.loads(written[-1].read_text())["complete"]
    table = pd.read_csv(written[0])
    assert table["nrmse_change_mean"].notna().tolist() == [True] * 4 + [False] * 8


def test_figure_shows_percent_of_the_range_and_the_strip(found):
    figure = importance_figure(found)
    texts = " ".join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))
    for word in ("FA", "(°)", "TE", "TR", "(ms)", "Frame", "% of the reference", "Fat fraction"):
        assert word in texts
    bars = figure.axes[3]
    assert bars.get_ylim()[1] > 100 * found.mean("FF")[5]
    assert bars.get_xlim() == (-0.5, 11.5)


@pytest.fixture(scope="module")
def series_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("importance")
    save_series(series_of(sequences.t1ff(), n=6, snr=50), folder / "tiny.nii.gz")
    return folder / "tiny.nii.gz"


def run(series_file, output, *words):
    return main(["importance", str(series_file), "--sequence", "t1ff", "--method", "water-fat",
                 "--output", str(output), "--stride", "50", "--repeats", "2", *words])  # fmt: skip


def test_command_writes_everything(series_file, tmp_path, capsys):
    assert run(series_file, tmp_path / "out", "--layers", "T1H2O", "--layers", "FF") == 0
    assert "most important frames" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "out" / "importance.csv")
    assert table["frame"].unique().tolist() == [0, 50, 100, 150]
    assert set(table["map"]) == {"FF", "T1H2O", "T1fat", "Df", "B1"}
    assert table["nrmse_change_sd"].notna().all()
    assert (table["nrmse_baseline"] == 0).all()
    for key in ("FF", "T1H2O"):
        assert nibabel.load(tmp_path / "out" / f"importance_{key}.nii.gz").shape == (6, 6, 1, 175)
    record = json.loads((tmp_path / "out" / "importance.json").read_text())
    assert record["provenance"]["method"]["name"] == "water-fat"
    assert record["provenance"]["input"]["sha256"] == sha256_of(series_file)


def test_command_refuses_before_it_works(series_file, tmp_path, capsys):
    (tmp_path / "importance.csv").write_text("earlier")
    assert run(series_file, tmp_path) == 3
    assert "already contains importance results" in capsys.readouterr().err
    assert (tmp_path / "importance.csv").read_text() == "earlier"
    assert run(series_file, tmp_path, "--overwrite", "--no-refine") == 0


def test_command_spreads_voxels_over_regions(series_file, tmp_path):
    labels = np.zeros((6, 6, 1), np.uint16)
    labels[:, :5], labels[:2, 5] = 3, 4
    nibabel.save(nibabel.Nifti1Image(labels, AFFINE), tmp_path / "rois.nii.gz")
    words = ["--rois", str(tmp_path / "rois.nii.gz"), "--voxels", "6", "--no-refine"]
    assert run(series_file, tmp_path / "out", *words) == 0
    record = json.loads((tmp_path / "out" / "importance.json").read_text())["provenance"]
    assert record["voxels"] == 6
    assert record["choice"]["rule"].startswith("at random, as many from every region")
    assert run(series_file, tmp_path / "plain", "--choice", "random", "--no-refine") == 0


@pytest.mark.parametrize(
    "words", [["--layers", "T2"], ["--repeats", "0"], ["--group", "60"], ["--frames", "9-3"],
              ["--prior", "none"], ["--choice", "best"]],
)  # fmt: skip
def test_wrong_usage_is_two(series_file, tmp_path, words):
    assert run(series_file, tmp_path / "out", *words) == 2
    assert not (tmp_path / "out").exists()


def test_command_takes_true_maps_and_a_mask(series_file, tmp_path):
    series = series_of(sequences.t1ff(), n=6, snr=50)
    truth = mrf.methods.get("water-fat", sequence=series.sequence, refine=False).reconstruct(series)
    mrf.save_maps(truth, tmp_path / "truth")
    mask = np.zeros((1, 6, 6), np.uint8)
    mask[0, :3] = 1
    np.save(tmp_path / "mask.npy", mask)
    words = ["--reference", str(tmp_path / "truth"), "--mask", str(tmp_path / "mask.npy")]
    assert run(series_file, tmp_path / "out", *words) == 0
    table = pd.read_csv(tmp_path / "out" / "importance.csv")
    assert table["n"].max() == 18
    assert (table["nrmse_baseline"] > 0).any()
