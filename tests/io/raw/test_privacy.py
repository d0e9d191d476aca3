"""No name of a person or site leaves a raw file: not in reports, provenance, errors or output."""

import json
import logging

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


@pytest.mark.parametrize("make", [mrd, twix, bart, npz])
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


@pytest.mark.parametrize("make", [mrd, twix, bart, npz])
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
