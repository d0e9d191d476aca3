"""Cohorts whose maps are a data set: the same rules, with the names of BIDS."""

import shutil

import numpy as np
import pandas as pd
import pytest
from cohort_cases import QUICK, run, write_regions, write_subjects

from napari_mrf.cli import main
from napari_mrf.cohort.description import find_cohort
from napari_mrf.cohort.options import ReconstructionOptions
from napari_mrf.cohort.run import iter_run
from napari_mrf.errors import MRFInputError
from napari_mrf.io import load_maps

NAMES = ("sub-01_ses-1_MRF", "sub-01_ses-2_MRF", "sub-02_run-1_MRF", "sub-02_run-2_MRF")
SCANS = ("sub-01_ses-1", "sub-01_ses-2", "sub-02_run-1", "sub-02_run-2")
BIDS = ReconstructionOptions(method="exhaustive", of_method={"refine": False}, naming="bids")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    home = tmp_path_factory.mktemp("sets")
    write_subjects(home / "in", NAMES)
    states, result = run(home / "in", home / "out", BIDS)
    assert states == dict.fromkeys(SCANS, "made") and result.error is None
    return home


@pytest.fixture
def home(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "home")
    return tmp_path / "home"


def files_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()
            and path.parts[-1] not in ("cohort.csv", "cohort.html")}  # fmt: skip


def test_maps_are_those_of_folders_and_kept(home):
    run(home / "in", home / "plain", QUICK)
    for name, stem in zip(SCANS, NAMES, strict=True):
        mine = load_maps(next((home / "out").rglob(f"{name}_T1map.nii.gz")))
        plain = load_maps(home / "plain" / stem)
        for key in plain:
            np.testing.assert_allclose(mine[key], plain[key], rtol=2e-7)
    before = files_of(home / "out")
    states, result = run(home / "in", home / "out", BIDS)
    assert states == dict.fromkeys(SCANS, "kept") and result.error is None
    assert files_of(home / "out") == before


def test_what_is_missing_or_spoiled_is_told_or_made(home):
    for path in (home / "out").rglob("sub-02_run-1_*"):
        path.unlink()
    spoiled = home / "out/sub-01/ses-1/anat/sub-01_ses-1_T1map.nii.gz"
    shutil.copy(home / "out/sub-01/ses-2/anat/sub-01_ses-2_T1map.nii.gz", spoiled)
    (home / "out/sub-01/ses-2/anat/sub-01_ses-2_T2map.nii.gz").unlink()
    states, result = run(home / "in", home / "out", BIDS)
    assert list(states.values()) == ["refused", "refused", "made", "kept"]
    assert "sub-01_ses-1_T1map.nii.gz is not as it was saved" in str(result.error)
    states, _ = run(home / "in", home / "out", BIDS, overwrite=True)
    assert list(states.values()) == ["made", "made", "kept", "kept"]


def test_maps_without_their_record_are_in_the_way(home):
    next((home / "out").rglob("sub-01_ses-1_mrfmaps.json")).unlink()
    states, _ = run(home / "in", home / "out", BIDS)
    assert states["sub-01_ses-1"] == "refused"


def test_tables_and_comparison_are_of_the_scans(home, tmp_path):
    write_regions(tmp_path / "rois", SCANS)
    command = ["reconstruct", home / "in", "-m", "exhaustive", "--no-refine", "--naming", "bids",
               "--rois", tmp_path / "rois", "-o", home / "out"]  # fmt: skip
    assert main([str(word) for word in command]) == 0
    table = pd.read_csv(home / "out/cohort-rois/rois.csv")
    assert sorted(table["subject"].unique()) == sorted(SCANS)
    rows = pd.read_csv(home / "out/cohort.csv")
    assert list(rows["state"]) == ["kept"] * 4
    assert "cohort*" in (home / "out/.bidsignore").read_text()


def test_a_table_names_subjects_before_their_files(home, tmp_path):
    lines = ["subject,session,series", f"P 7,v2,{home / 'in' / NAMES[0]}.nii",
             f"sub-8,,{home / 'in' / NAMES[3]}.nii"]  # fmt: skip
    (tmp_path / "study.csv").write_text("\n".join(lines))
    states, _ = run(tmp_path / "study.csv", tmp_path / "out", BIDS)
    assert list(states) == ["sub-P7_ses-v2", "sub-8_run-2"]
    assert (tmp_path / "out/sub-P7/ses-v2/anat/sub-P7_ses-v2_T1map.nii.gz").exists()


def test_two_series_of_one_name_are_refused_before_any_work(tmp_path):
    write_subjects(tmp_path / "in", ("leg one", "leg-one"))
    with pytest.raises(MRFInputError, match="sub-legone"):
        list(iter_run(find_cohort([tmp_path / "in"]), tmp_path / "out", BIDS))
    assert not (tmp_path / "out").exists()
