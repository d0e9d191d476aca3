"""The bundled sample: complete, reproducible, loadable, and there for installed packages."""

import json
import runpy
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from places import REPOSITORY

import napari_mrf as mrf
from napari_mrf.phantoms.samples import thigh

CHECKOUT = REPOSITORY / "sample_data"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return thigh.make_sample(tmp_path_factory.mktemp("sample"))


def test_bundled_sample_is_complete_and_small():
    assert thigh.is_complete(CHECKOUT)
    assert thigh.sample_directory() == CHECKOUT
    total = sum(path.stat().st_size for path in CHECKOUT.rglob("*") if path.is_file())
    assert total <= 12_000_000


def test_sample_is_reproducible(made):
    names = [path.relative_to(made) for path in made.rglob("*.nii*")]
    assert len(names) == 8
    for name in names:
        found, bundled = (np.asarray(nibabel.load(d / name).dataobj) for d in (made, CHECKOUT))
        assert np.array_equal(np.isfinite(found), np.isfinite(bundled)), name
        largest = np.nanmax(np.abs(bundled))
        assert np.nanmax(np.abs(found - bundled)) <= 1e-5 * largest, name


def test_sample_loads_with_its_sequence_and_geometry(made):
    series = mrf.load_series(made / thigh.SERIES_NAME)
    truth = mrf.load_maps(made / thigh.TRUTH_NAME)
    assert series.sequence == mrf.sequences.t1ff()
    assert series.signal.shape == (175, 1, 84, 96)
    assert series.warnings == ()
    assert np.allclose(series.affine, truth.affine, atol=1e-4)
    assert series.spatial_shape == truth.spatial_shape
    assert set(truth) == {"FF", "T1H2O", "T1fat", "Df", "B1"}


def test_rois_have_names(made):
    labels = np.asarray(nibabel.load(made / thigh.ROIS_NAME).dataobj)
    assert labels.dtype == np.uint16
    rows = (made / thigh.LABELS_NAME).read_text().splitlines()
    named = {int(row.split()[0]) for row in rows if not row.startswith("#")}
    assert set(np.unique(labels).tolist()) == named
    assert set(range(7, 20)) <= named


def test_sample_follows_its_model_in_tissue(made):
    # Independent of any matcher: the exact fingerprint explains most of the measured one.
    series = mrf.load_series(made / thigh.SERIES_NAME)
    truth = mrf.load_maps(made / thigh.TRUTH_NAME)
    inside = np.isfinite(truth["FF"])
    exact = mrf.simulate(series.sequence, {key: truth[key][inside] for key in truth}).T
    measured = np.asarray(series.signal)[:, inside]
    overlap = np.abs((exact.conj() * measured).sum(axis=0))
    correlation = overlap / np.linalg.norm(exact, axis=0) / np.linalg.norm(measured, axis=0)
    assert np.median(correlation) > 0.6


def test_record_tells_how_the_sample_was_made(made):
    record = json.loads((made / thigh.RECORD_NAME).read_text())
    assert record["acquisition"]["spokes_per_frame"] == 8
    assert record["acquisition"]["object"]["phantom"] == "thigh"
    readme = (made / "README.md").read_text()
    assert all(name in readme for name in (thigh.SERIES_NAME, thigh.ROIS_NAME, "truth"))


def test_truncated_or_missing_files_make_a_sample_incomplete(made, tmp_path):
    assert thigh.is_complete(made)
    assert not thigh.is_complete(tmp_path)
    rois = made / thigh.ROIS_NAME
    content = rois.read_bytes()
    try:
        rois.write_bytes(content[:-1])
        assert not thigh.is_complete(made)
    finally:
        rois.write_bytes(content)
    assert thigh.is_complete(made)


def test_installed_package_makes_the_sample_once(made, tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "napari_mrf" / "phantoms" / "sample.py"
    monkeypatch.setattr(thigh, "__file__", str(package))
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: tmp_path / "data")
    calls = []

    def copy_instead(directory, *, progress=None):
        calls.append(directory)
        for path in made.rglob("*"):
            if path.is_file():
                target = Path(directory) / path.relative_to(made)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())

    monkeypatch.setattr(thigh, "make_sample", copy_instead)
    first, second = thigh.sample_directory(), thigh.sample_directory()
    assert first == second
    assert first.is_relative_to(tmp_path / "data")
    assert thigh.is_complete(first)
    assert len(calls) == 1
    assert list((tmp_path / "data").iterdir()) == [first]  # nothing unfinished stays


def test_failed_making_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(thigh, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: tmp_path / "data")

    def stop(directory, *, progress=None):
        Path(directory).mkdir(parents=True)
        (Path(directory) / "half").write_text("unfinished")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(thigh, "make_sample", stop)
    with pytest.raises(mrf.MRFInputError) as error:
        thigh.sample_directory()
    assert error.value.code == "disk-full"
    assert list((tmp_path / "data").iterdir()) == []


def test_make_script_writes_into_the_folder_given(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["make.py", str(tmp_path)])

    def touch(directory):
        (directory / "made.txt").write_text("x")

    monkeypatch.setattr(thigh, "make_sample", touch)
    runpy.run_path(str(CHECKOUT / "make.py"), run_name="__main__")
    assert "made.txt" in capsys.readouterr().out
