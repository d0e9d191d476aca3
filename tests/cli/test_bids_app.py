"""The BIDS App and the names of maps on the command line; the official validator as a judge."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import nibabel
import numpy as np
import pandas as pd
import pytest
from places import REPOSITORY

import napari_mrf as mrf
from napari_mrf import cli
from napari_mrf.analysis.comparison.subjects import find_study
from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.analysis.regions.study import find_roi_study
from napari_mrf.cli import bids_app
from napari_mrf.data.label import Label
from napari_mrf.io import Regions, ScanTarget
from napari_mrf.io.bids.dialects import BIDS
from napari_mrf.io.labels.label_tsv import format_label_tsv

TISSUE = {"T1H2O": 1300.0, "T1fat": 300.0, "Df": 20.0, "B1": 0.9}
FF = {"01": 0.1, "02": 0.2, "03": 0.3}
AFFINE = np.diag([2.0, 2, 8, 1])
RAW_IGNORED = "*_MRF.*\n/MRF.json\n"


def write(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, AFFINE), path)


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Three subjects of four voxels; the third lacks its phase."""
    root = tmp_path_factory.mktemp("study") / "raw"
    sequence = mrf.sequences.t1ff()
    for subject, fat in FF.items():
        tissue = {"FF": np.array([fat, fat, fat, fat + 0.02])}
        tissue |= {key: np.full(4, value) for key, value in TISSUE.items()}
        signal = mrf.simulate(sequence, tissue).reshape(2, 2, 1, 175) * (1 + 2j)
        home, scan = root / f"sub-{subject}" / "ses-1" / "anat", f"sub-{subject}_ses-1"
        write(home / f"{scan}_part-mag_MRF.nii.gz", np.abs(signal).astype(np.float32))
        if subject != "03":
            phase = np.angle(signal).astype(np.float32)
            write(home / f"{scan}_part-phase_MRF.nii.gz", phase)
    description = {"Name": "study", "BIDSVersion": "1.10.1", "DatasetType": "raw"}
    (root / "dataset_description.json").write_text(json.dumps(description))
    (root / "MRF.json").write_text('{"Units": "rad"}')
    (root / ".bidsignore").write_text(RAW_IGNORED)
    (root / "README").write_text("Simulated.\n")
    return root


@pytest.fixture(scope="module")
def rois(tmp_path_factory):
    """Label maps of the first two subjects, in a data set of their own."""
    root = tmp_path_factory.mktemp("rois")
    labels = np.array([[[1], [1]], [[1], [2]]], np.uint8)  # (X, Y, Z)
    for subject in ("01", "02"):
        path = root / f"sub-{subject}/ses-1/anat/sub-{subject}_ses-1_desc-muscles_dseg.nii.gz"
        write(path, labels)
        names = {1: Label(1, "Vastus lateralis"), 2: Label(2, "Sartorius")}
        table = path.with_name(path.name.replace(".nii.gz", ".tsv"))
        table.write_text(format_label_tsv(labels, names))
    return root


def words(folder, level, *more):
    return [str(word) for word in (*folder, level, "--no-refine", *more)]


@pytest.fixture(scope="module")
def done(raw, rois, tmp_path_factory):
    """Return the derivatives of both levels, and the exit codes."""
    out = tmp_path_factory.mktemp("derivatives") / "out"
    asked = ["--sequence", "t1ff", "--rois", rois]
    codes = [bids_app.main(words((raw, out), "participant", *asked))]
    codes.append(bids_app.main(words((raw, out), "group")))
    return out, codes


def faults(folder):
    """Return the errors that the official validator finds, and how many files it looked at."""
    pytest.importorskip("bids_validator_deno")
    ended = subprocess.run(
        [sys.executable, "-c", "from bids_validator_deno import cli; cli()", folder, "--json"],
        capture_output=True, check=False, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    found = json.loads(ended.stdout)
    errors = [one for one in found["issues"]["issues"] if one["severity"] == "error"]
    return errors, found["summary"]


def test_a_subject_that_cannot_be_read_costs_the_others_nothing(done):
    out, codes = done
    assert codes == [3, 0]
    assert sorted(path.name for path in out.glob("sub-*")) == ["sub-01", "sub-02"]


def test_maps_are_those_of_the_tissue(done, raw):
    maps = mrf.load_maps(done[0] / "sub-02/ses-1")
    assert float(np.median(maps["FF"])) == pytest.approx(FF["02"], abs=0.02)
    assert float(np.median(maps["T1H2O"])) == pytest.approx(TISSUE["T1H2O"], rel=0.03)
    said = json.loads(next((done[0] / "sub-02").rglob("*water_T1map.json")).read_text())
    assert said["Sources"] == [
        f"bids:raw:sub-02/ses-1/anat/sub-02_ses-1_part-{part}_MRF.nii.gz"
        for part in ("mag", "phase")
    ]
    links = json.loads((done[0] / "dataset_description.json").read_text())["DatasetLinks"]
    assert (done[0] / links["raw"]).resolve() == raw.resolve()


def test_the_validator_finds_no_error_in_all_of_it(done, raw, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(done[0], out)
    brain = {"PD": (0.9,), "T1": (900.0,), "T2": (60.0,), "B1": (0.9,), "Df": (1.0,)}
    shaped = {key: np.full((1, 2, 2), value) for key, value in brain.items()}
    regions = Regions(np.ones((1, 2, 2), np.uint16), {1: Label(1, "white matter")}, "a\n1\n")
    for entities, complete in (
        ({"sub": "09"}, True),
        ({"sub": "09", "acq": "b", "run": "1"}, False),
    ):
        extra = (
            {"m0": shaped["T1"], "flags": shaped["T1"], "uncertainty": shaped} if complete else {}
        )
        maps = mrf.ParameterMaps(shaped, affine=AFFINE, **extra)
        ScanTarget(out, entities).save(maps, regions)
    errors, summary = faults(out)
    assert errors == []
    assert sorted(summary["subjects"]) == ["01", "02", "09"]
    seen = {path.name for path in out.rglob("*.nii.gz")}
    for stem in ("desc-water_T1map", "desc-fat_T1map", "desc-muscles_dseg", "desc-fg_mask",
                 "TB1map", "fieldmap", "magnitude", "T2map", "PDmap", "FFmap"):  # fmt: skip
        assert any(name.endswith(f"_{stem}.nii.gz") for name in seen)


def test_values_by_region_lie_beside_the_maps(done):
    table = pd.read_csv(next(done[0].glob("sub-01/ses-1/anat/*_rois.tsv")), sep="\t")
    pooled = table[(table["scope"] == "pooled") & (table["map"] == "FF")].set_index("name")
    assert list(pooled.index) == ["Vastus lateralis", "Sartorius"]
    assert pooled.loc["Vastus lateralis", "n_drawn"] == 3


def test_the_cohort_is_that_of_its_subjects(done):
    group = done[0] / "group"
    subjects = pd.read_csv(group / "subjects.csv")
    across = pd.read_csv(group / "across_subjects.csv")
    row = across[(across["name"] == "Vastus lateralis") & (across["map"] == "FF")].iloc[0]
    each = subjects[(subjects["name"] == "Vastus lateralis") & (subjects["map"] == "FF")]["mean"]
    assert (row["n_subjects"], row["session"]) == (2, "ses-1")
    assert row["mean"] == pytest.approx(sum(each) / 2)
    assert row["sd"] == pytest.approx(abs(each.iloc[0] - each.iloc[1]) / 2**0.5)
    page = (group / "report.html").read_text()
    assert "Maps across 2 subjects" in page
    assert page.count("data:image/svg+xml") == across["map"].nunique()


def test_comparisons_and_regions_find_scans_of_data_sets(done):
    study = find_study(done[0], done[0], rois=done[0])
    assert list(study.folders) == ["sub-01_ses-1", "sub-02_ses-1"]
    subject = study.load("sub-01_ses-1")
    assert subject.region_names == {1: "Vastus lateralis", 2: "Sartorius"}
    assert len(subject.record["test"]["sha256"]) == len(subject.test) + 1
    statistics = find_roi_study([done[0]], done[0]).measure("sub-02_ses-1", RoiOptions())
    assert set(statistics.statistics["name"]) == {"Vastus lateralis", "Sartorius"}


@pytest.mark.parametrize("naming", ["bids", "ormir-mids"])
def test_reconstruct_names_maps_as_asked(raw, done, tmp_path, naming):
    series = raw / "sub-01/ses-1/anat/sub-01_ses-1_part-mag_MRF.nii.gz"
    command = ["reconstruct", series, "-s", "t1ff", "--no-refine", "--naming", naming, "-o"]
    command = [str(word) for word in (*command, tmp_path / "o")]
    assert cli.main(command) == 0
    maps, same = mrf.load_maps(tmp_path / "o"), mrf.load_maps(done[0] / "sub-01/ses-1")
    for key in same:
        np.testing.assert_allclose(maps[key], same[key], rtol=2e-7)
    assert cli.main(command) == 3  # nothing is replaced without being asked


def test_a_naming_that_is_not_known_is_wrong_usage(raw, capsys):
    assert cli.main(["reconstruct", str(raw), "-o", "x", "--naming", "dicom"]) == 2
    assert "plain, bids, ormir-mids" in capsys.readouterr().err.replace("\n", " ")


def test_lists_of_labels_are_those_of_other_bids_apps(raw, tmp_path, capsys):
    spread = bids_app._spread(["in", "--participant_label", "01", "02", "-s", "t1ff"])
    assert spread == ["in", "--participant_label", "01", "--participant_label", "02", "-s", "t1ff"]
    code = bids_app.main(words((raw, tmp_path), "participant", "--participant-label", "sub-07,01"))
    assert code == 3
    assert "sub-07" in capsys.readouterr().err
    assert bids_app.main([str(raw), str(tmp_path), "both"]) == 2
    assert bids_app.main(words((raw, tmp_path), "group")) == 3
    assert bids_app.main(words((raw, raw), "participant", "-s", "t1ff", "--participant-label",
                               "01")) == 3  # fmt: skip
    assert "derivatives/napari-mrf" in capsys.readouterr().err


def test_recipes_of_containers_and_pipelines_fit_the_command():
    folder = REPOSITORY / "container"
    read = {path.stem: json.loads(path.read_text()) for path in folder.glob("nipoppy/*.json")}
    config, descriptor = read["config"], read["descriptor"]
    assert config["VERSION"] == descriptor["tool-version"] == mrf.__version__
    for step in config["STEPS"]:
        for key, name in step.items():
            assert not key.endswith("_FILE") or (folder / "nipoppy" / name).is_file()
    inputs = {one["id"]: one for one in descriptor["inputs"]}
    for name in ("invocation", "invocation_group"):
        assert set(read[name]) <= set(inputs)
        assert {key for key, one in inputs.items() if not one.get("optional")} <= set(read[name])
    command = shlex.split(descriptor["command-line"])
    assert command[1:] == [one["value-key"] for one in descriptor["inputs"]]
    known = {word for parameter in bids_app.app.registered_commands[0].callback.__annotations__
             for word in [f"--{parameter.replace('_', '-')}"]}  # fmt: skip
    assert {
        one["command-line-flag"] for one in inputs.values() if "command-line-flag" in one
    } <= known
    setup = (REPOSITORY / "setup.cfg").read_text()
    entry = re.search(r"^    (\S+) = napari_mrf.cli.bids_app:run$", setup, re.MULTILINE)[1]
    assert command[0] == entry
    assert json.dumps([entry]) in (folder / "Dockerfile").read_text()
    assert f"exec {entry}" in (folder / "apptainer.def").read_text()
    tracked = read["tracker"]["PATHS"][0]
    assert tracked.endswith("_mrfmaps.json") and BIDS["quality"].folder in tracked
