"""Subjects whose maps were made in different ways are taken together only where that is wanted."""

import csv
import json

import numpy as np
import pytest

import napari_mrf as mrf
from napari_mrf import MRFInputError, ParameterMaps, cli
from napari_mrf._version import NUMERICS
from napari_mrf.analysis.comparison.compare import compare
from napari_mrf.analysis.comparison.options import ComparisonOptions
from napari_mrf.analysis.comparison.subjects import SubjectMaps, find_study
from napari_mrf.analysis.provenance import check_made_alike, differences, how_made, mixed_texts
from napari_mrf.io import save_labels, save_maps

AFFINE = np.diag([2.0, 2.0, 8.0, 1.0])
SHAPE = (1, 8, 9)


def made(**changes):
    """A record as reconstructions write it, and what the changes make of it."""
    record = {
        "software": {"name": "napari-mrf", "version": "0.1.0", "numerics": 1},
        "input": {"path": "leg.nii.gz", "sha256": "0" * 64},
        "sequence": {"name": "MRF T1-FF", "fingerprint": "a1b2c3d4e5"},
        "method": {"name": "water-fat", "device": "cpu", "engine": "compiled", "refined": True,
                   "prior": {"source": "series", "FF": {"mean": 0.2, "sd": 0.1}}},
        "conditioning": {},
    }  # fmt: skip
    for path, value in changes.items():
        *above, last = path.split("__")
        part = record
        for name in above:
            part = part[name]
        if value is None:
            del part[last]
        else:
            part[last] = value
    return record


DIFFERENT = {
    "method": ({"method__name": "group"}, "method"),
    "option": ({"method__refined": False}, "option refined"),
    "prior": ({"method__prior": {"source": "range"}}, "option prior"),
    "weights": ({"method__weights_sha256": "ab"}, "option weights_sha256"),
    "window": ({"conditioning__window_frames": 25}, "option window_frames"),
    "b1": ({"b1": {"path": "b1.nii"}}, "option b1 given"),
    "images": ({"input__magnitude_only": True}, "images magnitude_only"),
    "sliding window": ({"input__sliding_window_frames": 4}, "images sliding_window_frames"),
    "sequence": ({"sequence__fingerprint": "ffffffff"}, "sequence"),
    "numerics": ({"software__numerics": 2}, "numerics"),
}
SAME = {
    "device": {"method__device": "cuda"},
    "prior from the series": {"method__prior": {"source": "series", "FF": {"mean": 0.3}}},
    "release": {"software__version": "0.2.0"},
    "input": {"input__path": "arm.nii.gz"},
}


@pytest.mark.parametrize(("changes", "what"), DIFFERENT.values(), ids=DIFFERENT)
def test_maps_that_were_made_differently_are_refused_with_subjects_and_difference(changes, what):
    subjects = {"s1": made(), "s2": made(), "s3": made(**changes)}
    assert list(differences(subjects)) == [what]
    with pytest.raises(MRFInputError) as caught:
        check_made_alike(subjects, "test")
    assert caught.value.code == "mixed-provenance"
    assert "the test maps of the subjects were not made in one way" in str(caught.value)
    assert f"{what}: " in str(caught.value.found)
    assert "(s1, s2), " in str(caught.value.found)
    assert "(s3)" in str(caught.value.found)
    assert "--allow-mixed" in caught.value.hint
    (told,) = check_made_alike(subjects, "test", allow_mixed=True)
    assert told.startswith(f"The test maps were made in different ways. {what}: ")
    assert mixed_texts(subjects)["s3"].startswith(f"{what}: ")


@pytest.mark.parametrize("changes", SAME.values(), ids=SAME)
def test_what_follows_from_machine_and_series_makes_no_difference(changes):
    subjects = {"s1": made(), "s2": made(**changes)}
    assert check_made_alike(subjects) == []
    assert not any(mixed_texts(subjects).values())


def test_what_is_not_recorded_is_told_and_contradicts_nothing():
    older = made(software__numerics=None)
    (told,) = check_made_alike({"s1": made(), "s2": older})
    assert told.startswith("The maps of s2 do not record the version of the numerics")
    (told,) = check_made_alike({"s1": made(), "s2": None, "s3": {}})
    assert told.startswith("How the maps of s2, s3 were made is not recorded")
    assert check_made_alike({"s1": None}) == []


@pytest.mark.parametrize(("sums", "are_told"), [
    (("a", "b"), True), (("a", "a"), False), (("a", None), False), ((None, "b"), False),
])  # fmt: skip
def test_two_sides_made_from_different_series_are_told(sums, are_told):
    sides = [maps(seed, {"input": {"sha256": one}}) for seed, one in enumerate(sums)]
    notes = compare([SubjectMaps(*sides)]).warnings
    assert ("Reference and test were reconstructed from different series." in notes) == are_told


def test_reconstructions_record_the_numerics():
    sequence = mrf.sequences.t1ff()
    tissue = {"FF": [0.1, 0.2], "T1H2O": [1200.0, 1300.0]}
    signal = mrf.simulate(
        sequence, tissue | {"T1fat": [300.0] * 2, "Df": [0.0] * 2, "B1": [1.0] * 2}
    )
    series = mrf.MRFSeries(
        signal.T.reshape(-1, 1, 1, 2), AFFINE, sequence, np.ones((1, 1, 2), bool)
    )
    maps = mrf.methods.get("water-fat", sequence=sequence, refine=False).reconstruct(series)
    found = how_made(maps.provenance)
    assert found["numerics"] == str(NUMERICS)
    assert found["method"] == "water-fat"
    assert found["option refined"] == "false"


def maps(seed, provenance):
    water = np.random.default_rng(seed).normal(1200, 50, SHAPE)
    return ParameterMaps({"T1H2O": water, "FF": np.full(SHAPE, 0.1)}, affine=AFFINE,
                         provenance=provenance)  # fmt: skip


@pytest.fixture
def cohort(tmp_path):
    labels = np.zeros(SHAPE, np.uint16)
    labels[0, 1:4, 1:8], labels[0, 4:7, 1:8] = 1, 2
    for number in range(4):
        subject = f"s{number}"
        changes = {"method__refined": False} if number == 3 else {}
        save_maps(maps(number, made()), tmp_path / "ref" / subject)
        save_maps(maps(10 + number, made(**changes)), tmp_path / "test" / subject)
        (tmp_path / "rois").mkdir(exist_ok=True)
        save_labels(tmp_path / "rois" / f"{subject}.nii.gz", labels, AFFINE)
    return tmp_path


@pytest.mark.parametrize("command", ["rois", "compare"])
def test_commands_refuse_and_show_what_was_allowed(cohort, capsys, command):
    out = cohort / "out"
    folders = [cohort / "test"] if command == "rois" else [cohort / "ref", cohort / "test"]
    words = [command, *map(str, folders), "--rois", str(cohort / "rois"), "--output", str(out)]
    assert cli.main(words) == 3
    said = capsys.readouterr().err
    assert "option refined: true (s0, s1, s2), false (s3)" in said
    assert not out.exists()
    assert cli.main([*words, "--allow-mixed"]) == 0
    assert "made in different ways" in capsys.readouterr().err
    with (out / "rois.csv").open(encoding="utf-8", newline="") as file:
        shown = {row["subject"]: row["mixed"] for row in csv.DictReader(file)}
    before = "" if command == "rois" else "test "
    after = "" if command == "rois" else ". "
    assert shown["s3"] == f"{before}option refined: false{after}"
    assert shown["s0"] == f"{before}option refined: true{after}"
    record = json.loads((out / f"{'rois' if command == 'rois' else 'comparison'}.json").read_text())
    assert record["options"]["allow_mixed"] is True
    assert any("made in different ways" in one for one in record["warnings"])


def test_python_refuses_too(cohort):
    with pytest.raises(MRFInputError, match="the test maps"):
        find_study(cohort / "ref", cohort / "test")
    assert find_study(cohort / "ref", cohort / "test", allow_mixed=True).folders
    pair = [SubjectMaps(maps(n, made()), maps(n, made(method__name=name)), str(n))
            for n, name in enumerate(("group", "group", "exhaustive"))]  # fmt: skip
    with pytest.raises(MRFInputError, match="the test maps"):
        compare(pair)
    found = compare(pair, options=ComparisonOptions(allow_mixed=True))
    assert any("method: group (0, 1), exhaustive (2)" in one for one in found.warnings)
