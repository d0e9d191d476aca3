"""DICOM on the command line: a folder in, maps in every form out, names only when asked for."""

import json

import numpy as np
import pydicom
import pytest
from dicom_cases import PERSON, PLANTED, enhanced, expected, signal

import napari_mrf as mrf
from napari_mrf.cli import main
from napari_mrf.reconstruction.method import ReconstructionUpdate

SHAPE = (6, 2, 2, 3)
SEQUENCE = mrf.Sequence(name="six", kind="fisp", flip_angles_deg=[5.0, 9, 20, 30, 10, 5],
                        repetition_times_ms=9.0, echo_times_ms=2.0,
                        inversion_time_ms=20.0)  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    home = tmp_path_factory.mktemp("study")
    for name in ("visit1", "visit2"):
        for number, part in enumerate(("real", "imaginary"), 5):
            enhanced(home / name / f"{part}.dcm", signal(SHAPE), part, number)
    SEQUENCE.to_json(home / "six.json")
    return home


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Give the first frame as the only map: what is tested lies before and behind the method."""

    class Quick:
        name = "quick"

        def iter_reconstruct(self, series, b1=None):
            record = {"path": series.source_path, "sha256": series.source_sha256, **series.metadata}
            values = np.abs(np.asarray(series.signal[0])) / 5000
            maps = mrf.ParameterMaps({"PD": values}, affine=series.affine, m0=series.signal[1],
                                     provenance={"input": record})  # fmt: skip
            yield ReconstructionUpdate(1, 1, maps, stage="done")

    monkeypatch.setattr("napari_mrf.methods.get", lambda *_, **__: Quick())


def test_a_folder_is_one_series_and_its_maps_come_in_the_form_that_is_asked_for(
    study, tmp_path, capsys
):
    words = ["reconstruct", str(study / "visit1"), "-s", str(study / "six.json")]
    for form, file in (("nifti", "PD.nii.gz"), ("dicom", "PD.dcm"), ("mha", "PD.mha")):
        out = tmp_path / form
        assert main([*words, "--format", form, "--output", str(out)]) == 0
        assert (out / file).is_file()
        maps = mrf.load_maps(out)
        wanted = np.abs(expected(signal(SHAPE), ("real", "imaginary"))[0]) / 5000
        np.testing.assert_allclose(maps["PD"], wanted, rtol=1e-5)
        record = json.loads((out / "maps.json").read_text())["provenance"]["input"]
        assert record["path"] == str(study / "visit1")
        held = b"".join(path.read_bytes() for path in out.iterdir())
        assert not [word for word in PLANTED if word.encode() in held]
    told = "".join(capsys.readouterr())
    assert not [word for word in PLANTED if word in told]
    assert pydicom.dcmread(tmp_path / "dicom" / "PD.dcm").PatientName == ""


def test_several_folders_are_a_cohort_and_the_patient_is_named_when_asked_for(study, tmp_path):
    words = ["reconstruct", *(str(study / name) for name in ("visit1", "visit2")), "-s",
             str(study / "six.json"), "--output", str(tmp_path)]  # fmt: skip
    assert main([*words, "--format", "dicom-mr", "--keep-patient"]) == 0
    for name in ("visit1", "visit2"):
        one = pydicom.dcmread(tmp_path / name / "PD_0001.dcm")
        assert (one.PatientName, one.StudyDate) == (PERSON, "20260101")
        assert PERSON not in (tmp_path / name / "maps.json").read_text()


@pytest.mark.parametrize("words", [["--format", "analyze"], ["--keep-patient"]])
def test_options_without_effect_or_meaning_are_wrong_usage(study, tmp_path, words, capsys):
    arguments = ["reconstruct", str(study / "visit1"), "-s", "t1ff", "--output", str(tmp_path)]
    assert main([*arguments, *words]) == 2
    assert words[0] in capsys.readouterr().err
