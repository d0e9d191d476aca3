"""The command line: results, exit codes, messages."""

import errno
import json
import subprocess
import sys

import numpy as np
import pytest

import napari_mrf as mrf
from napari_mrf import cli
from napari_mrf.io import save_series
from napari_mrf.phantoms.files import TRUTH_NAME
from napari_mrf.phantoms.samples.thigh import SERIES_NAME, sample_directory


@pytest.fixture
def run(capsys):
    def run(*words):
        code = cli.main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(scope="module")
def small_series(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a series ü")
    tissue = {
        "FF": [0.1, 0.5], "T1H2O": [1300.0, 1100.0], "T1fat": [300.0] * 2, "Df": [20.0, -30.0],
        "B1": [0.8, 0.9],
    }  # fmt: skip
    sequence = mrf.sequences.t1ff()
    signal = mrf.simulate(sequence, tissue).T.reshape(175, 1, 1, 2) * (1 + 2j)
    series = mrf.MRFSeries(signal.astype(np.complex64), np.diag([2.0, 2, 8, 1]), sequence)
    save_series(series, folder / "leg one.nii.gz")
    return folder / "leg one.nii.gz"


@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "methods",
        "simulate",
        "reconstruct",
        "inspect",
        "rois",
        "compare",
        "phantom",
        "clear-cache",
    ],
)
def test_every_command_has_help_with_an_example(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert "Example" in out
    assert f"napari-mrf {command}" in out


def test_version_is_the_package_version(run):
    assert run("--version")[:2] == (0, mrf.__version__ + "\n")


def test_methods_lists_every_method(run):
    code, out, _ = run("methods")
    assert code == 0
    for name in mrf.methods.names():
        assert any(line.startswith(name) for line in out.splitlines())


def test_demo_writes_maps_and_prints_errors_against_the_truth(run, tmp_path):
    code, out, _ = run("demo", "--no-gui", "--output", tmp_path / "demo")
    assert code == 0
    assert str(tmp_path / "demo") in out
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line.strip()}
    maps, truth = mrf.load_maps(tmp_path / "demo"), mrf.load_maps(sample_directory() / TRUTH_NAME)
    tissue = np.isfinite(truth["FF"])
    error = np.abs(maps["FF"] - truth["FF"])[tissue].mean()
    assert float(rows["FF"][2]) == pytest.approx(error, abs=1e-4)
    assert error < 0.035
    assert float(rows["B1"][2]) < 0.03
    assert (tmp_path / "demo" / "maps.png").stat().st_size > 50_000
    report = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert "water-fat against truth" in report
    assert "VL_R" in report
    assert (tmp_path / "demo" / "report.pdf").stat().st_size > 50_000


def test_reconstruct_takes_sequence_from_the_sidecar_and_writes_the_documented_files(
    run, small_series, tmp_path
):
    output = tmp_path / "o u t"
    output.mkdir()
    code, out, err = run("reconstruct", small_series, "--output", output)
    assert (code, err.count("Error")) == (0, 0)
    assert "2 voxels" in out
    names = {path.name for path in output.iterdir()}
    assert names == {
        "FF.nii.gz", "T1H2O.nii.gz", "T1fat.nii.gz", "Df.nii.gz", "B1.nii.gz", "quality.nii.gz",
        "flags.nii.gz", "m0.nii.gz", "maps.json", "FF_std.nii.gz", "T1H2O_std.nii.gz",
        "T1fat_std.nii.gz", "Df_std.nii.gz", "B1_std.nii.gz",
    }  # fmt: skip
    maps = mrf.load_maps(output)
    np.testing.assert_allclose(maps["FF"].reshape(-1), [0.1, 0.5], atol=1e-3)
    np.testing.assert_allclose(maps["T1H2O"].reshape(-1), [1300, 1100])
    np.testing.assert_array_equal(maps.affine, np.diag([2.0, 2, 8, 1]))
    record = json.loads((output / "maps.json").read_text())
    assert record["provenance"]["input"]["sha256"] == mrf.load_series(small_series).source_sha256


def test_results_are_not_overwritten_without_leave(run, small_series, tmp_path):
    arguments = ("reconstruct", small_series, "-s", "t1ff", "--output", tmp_path)
    assert run(*arguments)[0] == 0
    before = (tmp_path / "FF.nii.gz").read_bytes()
    code, _, err = run(*arguments)
    assert code == 3
    assert "--overwrite" in err
    assert (tmp_path / "FF.nii.gz").read_bytes() == before
    assert run(*arguments, "--overwrite")[0] == 0


def test_cohort_gives_every_series_a_folder(run, small_series, tmp_path):
    folder = tmp_path / "cohort"
    folder.mkdir()
    series = mrf.load_series(small_series)
    for name in ("a", "b"):
        save_series(series, folder / f"{name}.nii.gz")
    assert run("reconstruct", folder, "--output", tmp_path / "out")[0] == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["a", "b", "cohort.csv", "cohort.html"]
    assert (tmp_path / "out" / "b" / "FF.nii.gz").exists()


def test_one_bad_series_does_not_cost_the_rest_of_a_cohort(run, small_series, tmp_path):
    folder = tmp_path / "cohort"
    folder.mkdir()
    series = mrf.load_series(small_series)
    for name in ("a", "b", "c"):
        save_series(series, folder / f"{name}.nii.gz")
    (folder / "b.nii.gz").write_bytes((folder / "b.nii.gz").read_bytes()[:-20])
    code, _, err = run("reconstruct", folder, "--output", tmp_path / "out")
    assert code == 3
    assert "b was left out" in err
    assert "1 of 3" in err
    assert sorted(path.name for path in (tmp_path / "out").glob("*/")) == ["a", "c"]


def test_place_that_cannot_hold_results_is_refused_before_the_work(
    run, small_series, tmp_path, monkeypatch
):
    def never(*arguments):
        raise AssertionError("the work has begun")

    monkeypatch.setattr("napari_mrf.cohort.subject_work._loading", never)
    blocked = tmp_path / "file"
    blocked.write_text("")
    code, _, err = run("reconstruct", small_series, "--output", blocked / "maps")
    assert code == 3
    assert "there is a file where the folder should be" in err
    assert blocked.read_text() == ""


def test_fisp_is_refined_unless_told_not_to(run, tmp_path, monkeypatch):
    for module in ("cache", "temporal_basis"):
        monkeypatch.setattr(f"napari_mrf.dictionary.{module}.cache_directory", lambda: tmp_path)
    sequence = mrf.Sequence(
        name="short", kind="fisp", flip_angles_deg=5 + 50 * np.sin(np.arange(40) / 9) ** 2,
        repetition_times_ms=12.0, echo_times_ms=2.0, inversion_time_ms=20.0,
    )  # fmt: skip
    signal = mrf.simulate(sequence, {"T1": [1013.0, 707.0], "T2": [71.3, 52.9]}) * (1 + 2j)
    path, _ = save_series(
        mrf.MRFSeries(signal.T.reshape(40, 1, 1, 2).astype(np.complex64), sequence=sequence),
        tmp_path / "head.nii.gz",
    )
    assert run("reconstruct", path, "--output", tmp_path / "fine")[0] == 0
    assert run("reconstruct", path, "--no-refine", "--output", tmp_path / "grid")[0] == 0
    fine, grid = mrf.load_maps(tmp_path / "fine"), mrf.load_maps(tmp_path / "grid")
    assert fine.provenance["method"]["name"] == mrf.methods.default_name(sequence)
    np.testing.assert_allclose(fine["T1"].reshape(-1), [1013, 707], rtol=1e-3)
    np.testing.assert_allclose(fine["T2"].reshape(-1), [71.3, 52.9], rtol=1e-3)
    assert set(fine.uncertainty) == {"PD", "T1", "T2"}
    assert not grid.uncertainty
    np.testing.assert_array_equal(grid["T2"].reshape(-1) % 2, 0)


@pytest.mark.parametrize("words", [("--prior", "range"), ("--sigma", "0.1")])
def test_options_that_would_do_nothing_are_wrong_usage(run, small_series, tmp_path, words):
    code, _, err = run(
        "reconstruct", small_series, "--no-refine", *words, "--output", tmp_path / "out"
    )
    assert code == 2
    assert words[0] in err
    assert not (tmp_path / "out").exists()


def test_fingerprints_are_written_under_their_own_name(run, tmp_path):
    table = tmp_path / "tissue.csv"
    table.write_text("FF,T1H2O,T1fat,Df,B1\n0.2,1300,300,0,1\n")
    code, _, err = run("simulate", "-s", "t1ff", "-p", table, "-o", tmp_path / "out.txt")
    assert code == 3
    assert ".npy" in err


def test_mask_limits_the_work(run, small_series, tmp_path):
    np.save(tmp_path / "mask.npy", np.array([[[True, False]]]))
    arguments = ("--mask", tmp_path / "mask.npy", "--output", tmp_path / "out")
    assert run("reconstruct", small_series, *arguments)[0] == 0
    maps = mrf.load_maps(tmp_path / "out")
    assert np.isfinite(maps["FF"]).reshape(-1).tolist() == [True, False]


def test_simulate_writes_a_fingerprint_a_row(run, tmp_path):
    (tmp_path / "p.csv").write_text("FF,T1H2O,T1fat,Df,B1\n0,1300,300,0,1\n0.5,1000,300,20,0.8\n")
    output = tmp_path / "x.npy"
    code, out, _ = run("simulate", "-s", "t1ff", "-p", tmp_path / "p.csv", "--output", output)
    assert code == 0
    assert "2 fingerprints" in out
    found = np.load(output)
    assert found.shape == (2, 175)
    assert found.dtype == np.complex64
    assert found[0, 0] == pytest.approx(-0.0774, abs=5e-5)


def test_phantom_writes_series_truth_and_labels(run, tmp_path):
    arguments = ("--size", 32, "--seed", 5, "--mode", "noise-only", "--snr-db", 30)
    assert run("phantom", "--output", tmp_path / "p", *arguments)[0] == 0
    names = {path.name for path in (tmp_path / "p").iterdir()}
    assert {"series.nii", "series.json", "truth", "rois.nii.gz", "rois.txt"} <= names
    series = mrf.load_series(tmp_path / "p" / "series.nii")
    assert series.sequence == mrf.sequences.t1ff()
    truth = mrf.load_maps(tmp_path / "p" / "truth")
    assert truth.spatial_shape == series.spatial_shape
    assert run("phantom", "--output", tmp_path / "p", *arguments)[0] == 3


def test_phantom_of_the_brain_is_measured_with_fisp(run, tmp_path):
    arguments = ("--anatomy", "brain", "--size", 32, "--mode", "noise-only")
    assert run("phantom", "--output", tmp_path / "b", *arguments)[0] == 0
    assert mrf.load_series(tmp_path / "b" / "series.nii").sequence == mrf.sequences.fisp()
    truth = mrf.load_maps(tmp_path / "b" / "truth")
    assert set(truth) == {"PD", "T1", "T2"}
    assert "White matter" in (tmp_path / "b" / "rois.txt").read_text(encoding="utf-8")


def test_phantom_with_a_sliding_window_says_how_to_read_it(run, tmp_path):
    arguments = ("--size", 32, "--mode", "noise-only", "--sliding-window", 3)
    code, _, told = run("phantom", "--output", tmp_path / "w", *arguments)
    assert code == 0 and "without --sequence" in told
    series = mrf.load_series(tmp_path / "w" / "series.nii")
    assert series.n_frames == 173 and series.sequence.n_frames == 173
    assert "without" not in run("phantom", "--output", tmp_path / "p", *arguments[:4])[2]


def test_clear_cache_frees_what_was_kept(run, small_series, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "napari_mrf.io.formats.gzip_cache.cache_folder", lambda: tmp_path / "unpacked"
    )
    dictionaries = tmp_path / "dictionaries"
    monkeypatch.setattr("napari_mrf.dictionary.cache.cache_directory", lambda: dictionaries)
    phantoms = tmp_path / "phantoms"
    phantoms.mkdir()
    (phantoms / "slice.npy").write_bytes(b"0" * 2_000_000)
    monkeypatch.setattr("napari_mrf.training.data.phantom_slices.cache_directory", lambda: phantoms)
    mrf.load_series(small_series)
    assert list((tmp_path / "unpacked").iterdir())
    code, out, _ = run("clear-cache")
    assert code == 0
    assert "MB freed" in out
    assert not list((tmp_path / "unpacked").iterdir())
    assert not list(phantoms.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ["reconstruct"],
        ["reconstruct", "x.nii", "--output", "o", "--method", "magic"],
        ["reconstruct", "x.nii", "--output", "o", "--color", "red"],
        ["reconstruct", "x.nii", "--output", "o", "--sequence", "epi"],
        ["paint"],
        ["phantom", "--output", "o", "--mode", "magic"],
        ["phantom", "--output", "o", "--size", "1"],
        ["phantom", "--output", "o", "--anatomy", "knee"],
    ],
)
def test_wrong_usage_exits_with_2_and_writes_nothing(run, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*words)
    assert code == 2
    assert out == ""
    assert "Error" in err
    assert not list(tmp_path.iterdir())


def test_series_without_sequence_asks_for_one(run, small_series, tmp_path):
    plain = tmp_path / "plain.nii.gz"
    plain.write_bytes(small_series.read_bytes())
    code, _, err = run("reconstruct", plain, "--output", tmp_path / "o")
    assert code == 2
    assert "--sequence" in err


def test_bad_input_exits_with_3_in_one_line_or_as_json(run, small_series, tmp_path):
    broken = tmp_path / "b.nii.gz"
    broken.write_bytes(small_series.read_bytes()[:-30])
    code, out, err = run("reconstruct", broken, "-s", "t1ff", "--output", tmp_path / "o")
    assert (code, out) == (3, "")
    assert len(err.strip().splitlines()) == 1
    assert str(broken) in err
    code, _, err = run(
        "reconstruct", broken, "-s", "t1ff", "--output", tmp_path / "o", "--json-errors"
    )
    assert code == 3
    error = json.loads(err)["error"]
    assert error["path"] == str(broken)
    assert error["code"]
    assert not (tmp_path / "o").exists()


def test_internal_error_exits_with_1_without_a_traceback(run, monkeypatch):
    def broken():
        raise RuntimeError("the\nwheel came off")

    monkeypatch.setattr(mrf.methods, "available", broken)
    code, _, err = run("methods")
    assert code == 1
    assert err.strip() == "Internal error: RuntimeError: the wheel came off"


def test_installed_command_runs_and_passes_its_exit_code_on():
    command = [sys.executable, "-c", "from napari_mrf.cli import run; run()"]
    good = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout.strip()) == (0, mrf.__version__)
    bad = subprocess.run([*command, "nothing"], capture_output=True, text=True, check=False)
    assert bad.returncode == 2


def test_sample_is_readable_by_name():
    assert (sample_directory() / SERIES_NAME).exists()


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 3, "the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "/there"), 3, "/there"),
        (OSError(errno.EROFS, "Read-only file system"), 3, "read-only"),
        (OSError(errno.EBADF, "Bad file descriptor"), 1, "Internal error"),
    ],
)
def test_what_the_system_refuses_any_command_is_bad_input(run, monkeypatch, error, code, words):
    def refuse():
        raise error

    monkeypatch.setattr("napari_mrf.dictionary.cache.clear_cache", refuse)
    found, _, err = run("clear-cache")
    assert found == code
    assert words in err
    assert len(err.strip().splitlines()) == 1


def test_folder_of_a_phantom_is_reconstructed_and_its_regions_left_aside(run, tmp_path):
    made = ("phantom", "-o", tmp_path / "ph", "--mode", "noise-only", "--size", "32")
    assert run(*made)[0] == 0
    code, _, err = run("reconstruct", tmp_path / "ph", "-o", tmp_path / "o", "--no-refine",
                       "--grid", "published")  # fmt: skip
    assert code == 0
    assert "rois.nii.gz" in err
    assert [path.name for path in (tmp_path / "o").glob("*/")] == ["series"]
