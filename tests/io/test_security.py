"""Hostile files: nothing is unpickled, and no file reaches another one."""

import json
import pickle

import h5py
import numpy as np
import pytest

from napari_mrf import MRFInputError, load_maps, load_series, save_maps
from napari_mrf.data.maps import ParameterMaps


class Trap:
    """Says on the disk that it was unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("name", ["trap.npy", "trap.npz"])
def test_pickled_arrays_are_refused_and_never_run(tmp_path, name):
    sprung = tmp_path / "sprung"
    values = np.array([Trap(sprung)], dtype=object)
    if name.endswith("npz"):
        np.savez(tmp_path / name, series=values)
    else:
        np.save(tmp_path / name, values, allow_pickle=True)
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / name, axes="XYZT")
    assert caught.value.code == "security-pickle"
    assert not sprung.exists()


def test_plain_pickle_is_no_known_format(tmp_path):
    sprung = tmp_path / "sprung"
    (tmp_path / "trap.npy").write_bytes(pickle.dumps(Trap(sprung)) + bytes(200))
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / "trap.npy", axes="XYZT")
    assert caught.value.code == "unknown-format"
    assert not sprung.exists()


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.txt"
    path.write_bytes(bytes(range(256)) * 100)
    return path


def external_storage(file, secret):
    file.create_dataset("s", (2, 2, 2, 20), np.complex64, external=[(str(secret), 0, 1280)])


def virtual(file, secret):
    layout = h5py.VirtualLayout((2, 2, 2, 20), np.complex64)
    layout[:] = h5py.VirtualSource(str(secret), "s", (2, 2, 2, 20))
    file.create_virtual_dataset("s", layout)


def external_link(file, secret):
    file["s"] = h5py.ExternalLink(str(secret), "s")


def soft_link(file, secret):
    file["hidden"] = np.zeros((2, 2))
    file["s"] = h5py.SoftLink("/hidden")


def link_on_the_way(file, secret):
    file["g"] = h5py.ExternalLink(str(secret), "/")


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (external_storage, "security-external"),
        (virtual, "security-virtual"),
        (external_link, "security-link"),
        (soft_link, "security-link"),
        (link_on_the_way, "security-link"),
    ],
)
@pytest.mark.parametrize("name", ["crafted.h5", "crafted.mat"])
@pytest.mark.parametrize("chosen", [False, True])
def test_hdf5_that_reaches_out_is_refused(tmp_path, secret, make, code, name, chosen):
    path = tmp_path / name
    with h5py.File(path, "w", userblock_size=512 if name.endswith("mat") else 0) as file:
        make(file, secret)
    if name.endswith("mat"):
        with path.open("rb+") as file:
            file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    with h5py.File(secret.with_suffix(".h5"), "w") as file:
        file["s"] = np.ones((2, 2, 2, 20), np.complex64)
    dataset = ("g/s" if make is link_on_the_way else "s") if chosen else None
    with pytest.raises(MRFInputError) as caught:
        load_series(path, axes="XYZT", dataset=dataset)
    assert caught.value.code == code


def test_group_that_holds_itself_ends(tmp_path):
    with h5py.File(tmp_path / "loop.h5", "w") as file:
        group = file.create_group("a")
        group["again"] = group
        file["top"] = file["/"]
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / "loop.h5", axes="XYZT")
    assert caught.value.code == "bad-dataset"


@pytest.mark.parametrize(
    "partner", ["../other.nii", "/etc/passwd", "..\\other.nii", "..", "C:x.nii"]
)
def test_partner_outside_of_the_folder_is_refused(tmp_path, nifti, image, partner):
    nifti(image.imag.copy(), "other.nii")
    (tmp_path / "deep").mkdir()
    path = nifti(image.real.copy(), "deep/series.nii")
    block = {"SchemaVersion": 1, "ComplexLayout": "real", "Partner": partner}
    path.with_suffix(".json").write_text(json.dumps({"MRF": block}))
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == "security-path"


@pytest.mark.parametrize("name", ["../FF.nii.gz", "/etc/FF.nii.gz", "..", "", "a\\b.nii"])
def test_record_of_maps_that_names_other_folders_is_refused(tmp_path, name):
    save_maps(ParameterMaps({"FF": np.zeros((1, 2, 3))}), tmp_path / "maps")
    record_path = tmp_path / "maps" / "maps.json"
    record = json.loads(record_path.read_text())
    record["maps"]["FF"]["file"] = name
    record_path.write_text(json.dumps(record))
    with pytest.raises(MRFInputError) as caught:
        load_maps(tmp_path / "maps")
    assert caught.value.code == "security-path"
