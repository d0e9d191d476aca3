"""Raw files on the command line: one command to maps."""

import json

import numpy as np
import pytest

import napari_mrf as mrf
from napari_mrf.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw") / "phantom"
    assert main(["phantom", "--output", str(folder), "--size", "32", "--raw"]) == 0
    return folder


def test_raw_file_becomes_maps_with_one_command(folder, tmp_path, capsys):
    output = tmp_path / "maps"
    words = ["reconstruct", str(folder / "raw.h5"), "-s", "t1ff", "-o", str(output), "--no-refine"]
    assert main(words) == 0
    maps, truth = mrf.load_maps(output), mrf.load_maps(folder / "truth")
    assert maps.spatial_shape == truth.spatial_shape
    assert np.allclose(maps.affine, truth.affine, atol=1e-4)
    inside = np.isfinite(truth["FF"]) & np.isfinite(maps["FF"])
    assert np.mean(np.abs(maps["FF"] - truth["FF"])[inside]) < 0.08
    record = maps.provenance["input"]
    assert record["images"] == "subspace" and record["noise_whitened"] is True
    assert record["raw"]["acquisition_report"]["found"]
    assert record["warnings"] == []
    assert "too small" not in capsys.readouterr().err


def test_images_are_written_as_a_series(folder, tmp_path, capsys):
    output = tmp_path / "series.nii"
    words = ["grid", str(folder / "raw.h5"), "-s", "t1ff", "-o", str(output)]
    assert main([*words, "--images", "subspace"]) == 0
    series = mrf.load_series(output)
    assert series.n_frames == 175 and series.sequence == mrf.sequences.t1ff()
    # Coefficients are few: the frames span ten dimensions.
    values = np.linalg.svd(series.slab(0).reshape(175, -1), compute_uv=False)
    assert values[10] < 1e-5 * values[0]


def test_mask_lies_on_the_grid_of_the_images(folder, tmp_path, capsys):
    mask = np.zeros((1, 20, 20), bool)
    np.save(tmp_path / "mask.npy", mask)
    words = ["reconstruct", str(folder / "raw.h5"), "-s", "t1ff", "-o", str(tmp_path / "maps"),
             "--mask", str(tmp_path / "mask.npy"), "--json-errors"]  # fmt: skip
    assert main(words) == 3
    assert json.loads(capsys.readouterr().err.splitlines()[-1])["error"]["code"] == "bad-mask"


def test_gradient_delays_are_corrected_and_told(tmp_path, capsys):
    delayed = tmp_path / "delayed"
    words = ["phantom", "--output", str(delayed), "--size", "32", "--raw"]
    assert main([*words, "--gradient-delays", "0.7", "-0.4"]) == 0
    words = ["grid", str(delayed / "raw.h5"), "-s", "t1ff", "-o", str(tmp_path / "series.nii")]
    capsys.readouterr()
    assert main(words) == 0
    said = capsys.readouterr().err
    assert "raw.h5: Gradient delays of 0.70 (x) and -0.40 (y) samples" in said
    assert "estimated, corrected" in said
    assert main([*words, "--no-delay-correction", "--overwrite"]) == 0
    assert "delays" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["reconstruct", "{raw}", "-o", "{out}"], "--sequence"),
        (["reconstruct", "{raw}", "-s", "t1ff", "-o", "{out}", "--axes", "XYZT"], "--axes"),
        (["reconstruct", "{series}", "-o", "{out}", "--images", "gridded"], "--images"),
        (["reconstruct", "{series}", "-o", "{out}", "--measurement", "0"], "--measurement"),
        (["reconstruct", "{series}", "-o", "{out}", "--no-delay-correction"], "--delay-correction"),
        (["grid", "{raw}", "-s", "t1ff", "-o", "{out}", "--images", "painted"], "subspace"),
    ],
)
def test_options_without_effect_are_refused(folder, tmp_path, capsys, words, said):
    places = {"raw": folder / "raw.h5", "series": folder / "series.nii", "out": tmp_path / "x"}
    assert main([word.format(**places) for word in words]) == 2
    assert said in capsys.readouterr().err
