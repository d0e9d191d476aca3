"""No name of a person or site leaves a raw file: not in reports, provenance, errors or output."""

import json
import logging

import h5py
import numpy as np
import pytest
from raw_cases import (
    NOISE_BIT,
    PERSON,
    PROTOCOL,
    SITE,
    header,
    radial,
    samples,
    twix_measurement,
    twix_record,
    write_bart,
    write_mrd,
    write_seq,
    write_twix,
)
from scipy.io import savemat

import napari_mrf as mrf
from napari_mrf import MRFInputError, load_raw
from napari_mrf.cli import main
from napari_mrf.data import sequences

PLANTED = [PERSON, "Zaphod", SITE, "Betelgeuse", "4242", "1952", "SN-31415", "STATION-9"]
VALUES = samples((1, 2, 12, 16))


def mrd(path, values=VALUES):
    return write_mrd(path / "scan.h5", values, radial(), noise=samples((2, 64)))


def twix(path, values=VALUES):
    protocol = PROTOCOL + f'tInstitution = "{SITE}"\nPatientID = "4242-4242"\n'
    noise = twix_measurement([twix_record(samples((2, 64)), flags=1 << NOISE_BIT)], protocol)
    scan = [twix_record(values[0, :, r], line=r, scan=r) for r in range(12)]
    return write_twix(path / "scan.dat", noise, twix_measurement(scan, protocol))


def bart(path, values=VALUES):
    write_bart(path / "traj.cfl", np.concatenate([16 * radial(), 0 * radial()[..., :1]], -1).T)
    return write_bart(path / "scan.cfl", values[0].transpose(2, 1, 0)[None])


def npz(path, values=VALUES):
    names = {"patient_name": np.array(PERSON), "institution": np.array(SITE)}
    np.savez(path / "scan.npz", kdata=values, traj=16 * radial(), **names)
    (path / "scan.json").write_text(
        json.dumps({"PatientName": PERSON, "InstitutionName": SITE, "PatientID": "4242-4242"})
    )
    return path / "scan.npz"


def hdf5(path, values=VALUES):
    with h5py.File(path / "scan.h5", "w") as file:
        file["kdata"], file["traj"] = values, 16 * radial()
        for item in (file, file["kdata"]):
            item.attrs["PatientName"], item.attrs["Institution"] = PERSON, SITE
        file["patient/name"] = PERSON
        file["patient/scores"] = np.ones((2, 3, 4))
        file["patient"].attrs["ID"] = "4242-4242"
    sidecar(path)
    return path / "scan.h5"


def sidecar(path):
    record = {"PatientName": PERSON, "InstitutionName": SITE, "MRFRaw": {"SchemaVersion": 1}}
    (path / "scan.json").write_text(json.dumps(record))


def matlab5(path, values=VALUES):
    savemat(path / "scan.mat", {"kdata": values, "traj": 16 * radial(), "patient": PERSON,
                                "study": {"site": SITE, "id": "4242-4242"}})  # fmt: skip
    content = (path / "scan.mat").read_bytes()
    text = f"MATLAB 5.0 MAT-file, Platform: {SITE}, Created by: {PERSON}".encode()
    (path / "scan.mat").write_bytes(text.ljust(116)[:116] + content[116:])
    sidecar(path)
    return path / "scan.mat"


def matlab73(path, values=VALUES):
    pairs = np.zeros(values.shape[::-1], [("real", "f4"), ("imag", "f4")])
    pairs["real"], pairs["imag"] = values.T.real, values.T.imag
    with h5py.File(path / "scan.mat", "w", userblock_size=512) as file:
        file["kdata"], file["traj"] = pairs, 16 * radial().T
        file["patient"] = np.frombuffer(PERSON.encode("utf-16-le"), np.uint16)
        file["patient"].attrs["MATLAB_class"] = f"char of {SITE}"
    with (path / "scan.mat").open("rb+") as file:
        file.write(f"MATLAB 7.3 MAT-file, Platform: {PERSON}".encode().ljust(124) + b"\x00\x02IM")
    return path / "scan.mat"


MAKERS = [mrd, twix, bart, npz, hdf5, matlab5, matlab73]
SEQUENCE = mrf.Sequence(
    name="short", kind="fisp", flip_angles_deg=np.linspace(5, 60, 12), repetition_times_ms=12.0,
    echo_times_ms=2.0, inversion_time_ms=20.0,
)  # fmt: skip


@pytest.mark.parametrize("make", MAKERS)
def test_planted_names_are_in_the_file_and_nowhere_else(make, tmp_path, capsys, caplog):
    caplog.set_level(logging.DEBUG)
    path = make(tmp_path)
    held = b"".join(one.read_bytes() for one in tmp_path.iterdir())
    assert PERSON.encode() in held
    raw = load_raw(path)
    raw.read(0)
    assert main(["raw", str(path)]) == 0
    told = [raw.report.text(), json.dumps(raw.provenance()), repr(raw), caplog.text,
            *capsys.readouterr()]  # fmt: skip
    assert not [word for word in PLANTED for text in told if word in text]


@pytest.mark.parametrize("make", MAKERS)
def test_files_of_images_do_not_name_them(make, tmp_path, capsys, caplog, monkeypatch):
    """Files that are written, their names, what a session keeps of them, logs and output."""
    monkeypatch.setattr("napari_mrf.dictionary.pulse_basis.cache_directory", lambda: tmp_path)
    caplog.set_level(logging.DEBUG)
    home, out = tmp_path / "in", tmp_path / "out"
    home.mkdir()
    out.mkdir()
    path = make(home)
    SEQUENCE.to_json(out / "short.json")
    words = ["grid", str(path), "-s", str(out / "short.json")]
    words += ["--trajectory", "golden-angle"] if make is twix else []
    for name in ("images.h5", "images.nii"):
        assert main([*words, "--images", "subspace", "--output", str(out / name)]) == 0
    series = mrf.load_series(out / "images.h5")
    told = [json.dumps(series.metadata), repr(series), caplog.text, *capsys.readouterr()]
    told += [one.name for one in out.iterdir()]
    assert not [word for word in PLANTED for text in told if word in text]
    held = b"".join(one.read_bytes() for one in out.iterdir())
    assert not [word for word in PLANTED if word.encode() in held]


@pytest.mark.parametrize("make", MAKERS)
def test_errors_do_not_name_them_either(make, tmp_path, capsys):
    path = make(tmp_path)
    whole = path.read_bytes()
    told = []
    for content in (whole[:-700], whole[: len(whole) // 2], whole.replace(b"ISMRMRD", b"\xff\xfe")):
        path.write_bytes(content)
        try:
            load_raw(path).read(0)
        except MRFInputError as error:
            told += [str(error), json.dumps(error.as_dict())]
        main(["raw", str(path)])
        told += list(capsys.readouterr())
    assert not [word for word in PLANTED for text in told if word in text]


def test_pulseq_files_are_named_after_the_file_alone(tmp_path):
    path = write_seq(tmp_path / "scan.seq")
    assert PERSON in path.read_text()
    told = [sequences.load(path).to_json(), repr(sequences.load(path))]
    path.write_text(path.read_text().replace("[BLOCKS]", f"[BLOCKS]\n{PERSON} x y"))
    with pytest.raises(MRFInputError) as caught:
        sequences.load(path)
    told += [str(caught.value)]
    assert not [word for word in PLANTED for text in told if word in text]


def test_a_broken_header_is_told_without_its_content(tmp_path):
    xml = header().replace("</patientName>", "</patientNome>")
    path = write_mrd(tmp_path / "scan.h5", VALUES, radial(), xml=xml)
    with pytest.raises(MRFInputError) as caught:
        load_raw(path)
    assert not [word for word in PLANTED if word in str(caught.value)]


@pytest.mark.parametrize("block", ["MRFRaw", "MRF"])
def test_a_field_that_is_not_known_is_told_without_its_content(tmp_path, block):
    path = tmp_path / "scan.npz"
    np.savez(path, kdata=VALUES)
    record = {block: {"SchemaVersion": 1, "PatientName": PERSON}}
    path.with_suffix(".json").write_text(json.dumps(record))
    with pytest.raises(MRFInputError) as caught:
        load_raw(path) if block == "MRFRaw" else mrf.load_series(path, axes="ZTYX")
    assert "PatientName" in caught.value.what
    assert not [word for word in PLANTED if word in json.dumps(caught.value.as_dict())]
