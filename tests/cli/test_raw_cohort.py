"""Raw files of several subjects: images and maps of all, to the report; and images kept as HDF5."""

import json
import shutil
import struct

import numpy as np
import pytest
from raw_cases import write_bart

import napari_mrf as mrf
from napari_mrf.cli import main
from napari_mrf.io import find_series


def run(*words):
    return main([str(word) for word in words])


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Raw files of two subjects in a folder, their regions in another."""
    home = tmp_path_factory.mktemp("study")
    (home / "raw").mkdir()
    (home / "rois").mkdir()
    for seed, name in enumerate(("anna", "bert")):
        made = home / name
        words = ("--size", 32, "--seed", seed, "--raw")
        assert run("phantom", "--output", made, *words) == 0
        shutil.move(made / "raw.h5", home / "raw" / f"{name}.h5")
        shutil.move(made / "rois.nii.gz", home / "rois" / f"{name}.nii.gz")
        shutil.move(made / "rois.txt", home / "rois" / f"{name}.txt")
    return home


@pytest.fixture(scope="module")
def maps(study):
    """Maps of all subjects from images of both kinds, by kind."""
    for way in ("subspace", "gridded"):
        words = ("-s", "t1ff", "--images", way, "--no-refine", "--output", study / way)
        assert run("reconstruct", study / "raw", *words) == 0
    return study


def test_every_raw_file_of_a_folder_becomes_maps(maps):
    for way in ("subspace", "gridded"):
        assert sorted(one.name for one in (maps / way).glob("*/")) == ["anna", "bert"]
        for name in ("anna", "bert"):
            made = mrf.load_maps(maps / way / name)
            assert made.provenance["input"]["images"] == way
            truth = mrf.load_maps(maps / name / "truth")
            inside = np.isfinite(truth["FF"]) & np.isfinite(made["FF"])
            assert np.mean(np.abs(made["FF"] - truth["FF"])[inside]) < 0.2


@pytest.mark.slow
def test_regions_of_raw_files_are_compared_to_the_report(maps, tmp_path):
    words = ("--rois", maps / "rois", "--output", tmp_path / "out")
    assert run("compare", maps / "gridded", maps / "subspace", *words) == 0
    assert {"report.html", "agreement.csv", "rois.csv"} <= {
        one.name for one in (tmp_path / "out").iterdir()
    }
    record = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert all(name in json.dumps(record) for name in ("anna", "bert"))


def test_images_of_two_kinds_are_no_one_study(maps, tmp_path, capsys):
    mixed = tmp_path / "mixed"
    shutil.copytree(maps / "subspace" / "anna", mixed / "anna")
    shutil.copytree(maps / "gridded" / "bert", mixed / "bert")
    words = ("--rois", maps / "rois", "--output", tmp_path / "out", "--json-errors")
    assert run("compare", mixed, maps / "subspace", *words) == 3
    error = json.loads(capsys.readouterr().err.splitlines()[-1])["error"]
    assert error["code"] == "mixed-provenance" and "images" in error["found"]


def test_what_cannot_be_read_is_named_and_costs_nothing_else(study, tmp_path, capsys):
    folder = tmp_path / "raw"
    shutil.copytree(study / "raw", folder)
    whole = (folder / "anna.h5").read_bytes()
    (folder / "anna.h5").write_bytes(whole[: len(whole) // 2])
    table = struct.pack("<IIQQ", 0, 1, 0, 512)  # of twix: a measurement that is not there
    (folder / "carl.dat").write_bytes(table.ljust(600, b"\0"))
    (folder / "notes.dat").write_text("no measurement")
    words = ("-s", "t1ff", "--images", "gridded", "--no-refine", "--output", tmp_path / "maps")
    assert run("reconstruct", folder, *words) == 3
    told = capsys.readouterr().err
    assert "anna was left out" in told and "carl was left out" in told and "2 of 3" in told
    assert "notes" not in told
    assert [one.name for one in (tmp_path / "maps").glob("*/")] == ["bert"]


def test_an_option_that_one_file_cannot_have_is_told_of_that_file(study, tmp_path, capsys):
    words = ("-s", "t1ff", "--output", tmp_path / "maps", "--measurement", 1)
    assert run("reconstruct", study / "raw", *words) == 2
    told = capsys.readouterr().err
    assert "anna was left out" in told and "bert was left out" in told and "2 of 2" in told


def test_raw_files_and_series_may_stand_side_by_side(study, tmp_path, capsys):
    both = tmp_path / "both"
    both.mkdir()
    shutil.copy(study / "raw" / "bert.h5", both / "bert.h5")
    for suffix in (".nii", ".json"):
        shutil.copy(study / "anna" / f"series{suffix}", both / f"anna{suffix}")
    words = ("reconstruct", both, "--no-refine", "--output", tmp_path / "maps")
    assert run(*words) == 2
    assert "--sequence" in capsys.readouterr().err and not (tmp_path / "maps").exists()
    assert run(*words, "-s", "t1ff", "--images", "gridded") == 0
    assert sorted(one.name for one in (tmp_path / "maps").glob("*/")) == ["anna", "bert"]


def test_a_folder_gives_the_raw_files_and_not_what_goes_with_them(tmp_path):
    values = np.ones((16, 12, 2), np.complex64)
    write_bart(tmp_path / "leg.cfl", values)
    write_bart(tmp_path / "leg_traj.cfl", values)
    write_bart(tmp_path / "traj.cfl", values)
    np.savez(tmp_path / "arm.npz", kdata=values)
    np.savez(tmp_path / "spiral.npz", traj=values.real)
    block = {"SchemaVersion": 1, "Trajectory": "spiral.npz"}
    (tmp_path / "arm.json").write_text(json.dumps({"MRFRaw": block}))
    assert list(find_series([tmp_path])) == ["arm", "leg"]


# Images that are kept as HDF5 on the way to maps.


@pytest.fixture(scope="module")
def images(study):
    path = study / "anna.h5"
    words = ("-s", "t1ff", "--images", "subspace", "--output", path)
    assert run("grid", study / "raw" / "anna.h5", *words) == 0
    return path


def test_maps_of_kept_images_are_those_of_the_raw_file(maps, images, tmp_path):
    assert run("reconstruct", images, "--no-refine", "--output", tmp_path / "maps") == 0
    found, expected = mrf.load_maps(tmp_path / "maps"), mrf.load_maps(maps / "subspace" / "anna")
    for key in expected:
        np.testing.assert_array_equal(found[key], expected[key])
    np.testing.assert_array_equal(found.affine, expected.affine)
    kept, made = (one.provenance["input"] for one in (found, expected))
    for key in ("images", "rank", "raw", "solver_steps", "warnings"):
        assert kept[key] == made[key]
    assert kept["path"] == str(images)


@pytest.mark.slow
def test_standard_deviations_of_kept_images_are_those_of_the_raw_file(study, images, tmp_path):
    """They come from the noise of the coefficients, which the file keeps and frames do not."""
    words = ("-s", "t1ff", "--images", "subspace", "--output", tmp_path / "frames.nii")
    assert run("grid", study / "raw" / "anna.h5", *words) == 0
    found = {}
    for path in (study / "raw" / "anna.h5", images, tmp_path / "frames.nii"):
        output = tmp_path / path.suffix[1:] / path.parent.name
        assert run("reconstruct", path, "-s", "t1ff", "--output", output) == 0
        found[path] = mrf.load_maps(output).uncertainty
    of_raw, kept, expanded = found.values()
    for key, values in of_raw.items():
        np.testing.assert_array_equal(kept[key], values)
    # The warning beside expanded frames is no phrase.
    ratio = np.nanmedian(of_raw["FF"]) / np.nanmedian(expanded["FF"])
    assert 1.3 < ratio < 10


def test_gridded_frames_are_kept_too(study, tmp_path):
    words = ("-s", "t1ff", "--output")
    for name in ("g.h5", "g.nii"):
        assert run("grid", study / "raw" / "anna.h5", *words, tmp_path / name) == 0
    found, expected = mrf.load_series(tmp_path / "g.h5"), mrf.load_series(tmp_path / "g.nii")
    np.testing.assert_array_equal(np.asarray(found.signal), np.asarray(expected.signal))
    assert found.sequence == expected.sequence == mrf.sequences.t1ff()
    np.testing.assert_allclose(found.affine, expected.affine, atol=1e-5)
    assert found.metadata["raw"] == expected.metadata["raw"]


def test_expanded_frames_are_told_on_the_command_line(study, images, tmp_path, capsys):
    words = ("-s", "t1ff", "--images", "subspace", "--output")
    assert run("grid", study / "raw" / "anna.h5", *words, tmp_path / "a.nii") == 0
    assert "expanded" in capsys.readouterr().err
    assert "expanded" in " ".join(mrf.load_series(tmp_path / "a.nii").warnings)
    assert "expanded" not in " ".join(mrf.load_series(images).warnings)


def test_names_and_places_are_checked_before_the_work(study, images, tmp_path, capsys, monkeypatch):
    def never(*arguments):
        raise AssertionError("the work has begun")

    monkeypatch.setattr("napari_mrf.cli.images.images_of_raw", never)
    (tmp_path / "b.json").write_text("{}")
    for output in (tmp_path / "a.npy", images, tmp_path / "b.nii", tmp_path / "none" / "c.h5"):
        assert run("grid", study / "raw" / "anna.h5", "-s", "t1ff", "--output", output) == 3
    told = capsys.readouterr().err
    assert ".h5" in told and told.count("already exists") == 2 and "does not exist" in told


@pytest.mark.slow
def test_kept_images_are_inspected_and_their_frames_weighed(maps, images, tmp_path):
    words = ("--maps", maps / "subspace" / "anna", "--voxel", "0,16,16")
    assert run("inspect", images, *words, "--output", tmp_path / "voxel") == 0
    words = ("--method", "water-fat", "--no-refine", "--stride", 60, "--voxels", 30)
    assert run("importance", images, *words, "--output", tmp_path / "weights") == 0
    assert (tmp_path / "voxel" / "values.csv").exists()
    assert (tmp_path / "weights" / "importance.json").exists()


def test_kept_images_make_a_cohort(maps, images, study, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("anna", "bert"):
        shutil.copy(images, folder / f"{name}.h5")
    assert run("reconstruct", folder, "--no-refine", "--output", tmp_path / "maps") == 0
    assert sorted(one.name for one in (tmp_path / "maps").glob("*/")) == ["anna", "bert"]
