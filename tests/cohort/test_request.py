"""What maps depend on: every file that the readers take, every option, the weights."""

import json

import numpy as np
import pytest
from cohort_cases import QUICK, write_subjects
from dicom_cases import classic, signal
from raw_cases import write_bart

import napari_mrf as mrf
from napari_mrf.cohort import request
from napari_mrf.cohort.description import Subject
from napari_mrf.cohort.options import Job, ReconstructionOptions
from napari_mrf.io import load_series, save_series
from napari_mrf.networks.card import read_card
from napari_mrf.networks.weights import installed


def job(series, options=QUICK):
    return Job(Subject("a", series), series.with_name("out"), options)


def test_every_file_that_a_series_was_read_from_is_an_input(tmp_path):
    """The readers' own record of their sources is the oracle."""
    write_subjects(tmp_path, "a")
    series = load_series(tmp_path / "a.nii")
    for part in ("magnitude", "phase"):
        values = getattr(np, {"magnitude": "abs", "phase": "angle"}[part])(
            np.asarray(series.signal)
        )
        import nibabel

        image = nibabel.Nifti1Image(values.T.astype(np.float32), series.affine)
        nibabel.save(image, tmp_path / f"b_{part}.nii")
        sidecar = json.loads((tmp_path / "a.json").read_text())
        sidecar["MRF"].pop("SHA256", None)
        sidecar["MRF"] |= {"ComplexLayout": part}
        (tmp_path / f"b_{part}.json").write_text(
            json.dumps(sidecar | ({"Units": "rad"} if part == "phase" else {}))
        )
    for name in ("a.nii", "b_magnitude.nii", "b_phase.nii"):
        read = load_series(tmp_path / name)
        sources = {one["path"]: one["sha256"] for one in read.metadata["sources"]}
        found = request.input_files(job(tmp_path / name))
        assert {str(path) for path in found.values()} == set(sources)
        sums = request.request_of(job(tmp_path / name))["inputs"]
        assert {str(found[key]): sum_ for key, sum_ in sums.items()} == sources


def test_files_beside_raw_data_are_inputs(tmp_path):
    values = np.ones((16, 12, 2), np.complex64)
    for name in ("leg", "leg_traj", "other"):
        write_bart(tmp_path / f"{name}.cfl", values)
    found = request.input_files(job(tmp_path / "leg.cfl"))
    assert {path.name for path in found.values()} == {
        "leg.cfl", "leg.hdr", "leg_traj.cfl", "leg_traj.hdr",
    }  # fmt: skip
    block = {"SchemaVersion": 1, "Trajectory": "other"}
    (tmp_path / "leg.json").write_text(json.dumps({"MRFRaw": block}))
    found = request.input_files(job(tmp_path / "leg.cfl"))
    assert {"leg.json", "other.cfl", "other.hdr"} <= {path.name for path in found.values()}
    given = ReconstructionOptions(of_raw={"trajectory": str(tmp_path / "other.cfl")})
    found = request.input_files(job(tmp_path / "leg.cfl", given))
    assert found["given trajectory"] == tmp_path / "other.cfl"
    asked = request.asked_of(job(tmp_path / "leg.cfl", given))
    assert asked["options"]["trajectory"] == "a file"


@pytest.mark.parametrize("is_one_file", [False, True])
def test_all_images_of_a_dicom_series_are_inputs(tmp_path, is_one_file):
    for number, part in enumerate(("real", "imaginary"), 5):
        classic(tmp_path / "scan", signal(), part, number)
    images = sorted((tmp_path / "scan").iterdir())
    asked = job(images[0] if is_one_file else tmp_path / "scan")
    before = request.request_of(asked)["inputs"]["series"]
    assert before == load_series(tmp_path / "scan").source_sha256
    images[-1].write_bytes(images[-1].read_bytes() + b"\0\0")
    assert request.request_of(asked)["inputs"]["series"] != before


def test_the_form_of_the_maps_is_asked_for(tmp_path):
    given = ReconstructionOptions(form="dicom", keep_patient=True)
    asked = request.asked_of(job(tmp_path / "a.nii", given))["options"]
    assert asked == {"form": "dicom", "keep_patient": True}


@pytest.mark.parametrize("value", [0, 0.0, "", False])
def test_an_option_that_is_nothing_is_still_given(tmp_path, value):
    given = ReconstructionOptions(of_method={"refine": value}, of_raw={"measurement": 0})
    asked = request.asked_of(job(tmp_path / "a.nii", given))["options"]
    assert asked == {"refine": value, "measurement": 0}


def test_other_weights_of_a_network_are_told(tmp_path):
    (name, fingerprint), path = next(iter(installed().items()))
    made = {
        "method": {"name": name, "weights_sha256": read_card(path).weights_sha256},
        "sequence": {"fingerprint": fingerprint},
    }
    asked = job(tmp_path / "a.nii", ReconstructionOptions(method=name))
    made["request"] = {"inputs": {}, **request.asked_of(asked)}
    (tmp_path / "a.nii").write_bytes(b"")
    assert request._differences(asked, made, tmp_path) == ["the input series is new"]
    made["method"]["weights_sha256"] = "0" * 64
    assert request._differences(asked, made, tmp_path) == ["other weights of the network"]


def test_series_that_changes_while_it_is_read_is_not_taken_for_the_same(tmp_path):
    """The sum in the request is that of the bytes that were read, not of those there later."""
    write_subjects(tmp_path, "a")
    one = job(tmp_path / "a.nii")
    read = load_series(one.subject.series).source_sha256
    again = mrf.MRFSeries(np.asarray(load_series(one.subject.series).signal) * 2, np.eye(4),
                          load_series(one.subject.series).sequence)  # fmt: skip
    save_series(again, tmp_path / "a.nii", overwrite=True)
    asked = request.request_of(one, {one.subject.series: read})
    assert asked["inputs"]["series"] == read != request.request_of(one)["inputs"]["series"]
