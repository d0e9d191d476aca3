"""Input without an end: devices and pipes are refused unread, an HDF5 file that hangs is left."""

import base64
import json
import os
import zlib
from functools import partial

import h5py
import numpy as np
import pytest
import torch
from training_cases import recipe

from napari_mrf import MRFInputError, load_maps, load_series
from napari_mrf.data import sequences
from napari_mrf.data.text_files import read_text
from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.io import load_label_table, load_labels, load_mask, load_parameter_table
from napari_mrf.io.formats import hdf5_child
from napari_mrf.io.session.file import load_session
from napari_mrf.networks.card import read_card
from napari_mrf.training.loop.checkpoint import load_checkpoint
from napari_mrf.training.recipe import load_recipe

# Of a file of 6 kB whose tables lead the library round in a circle.
HANGS = (
    b"c-rgqaB<`1lHy_j0S*oZ76t(ZWbhvf7$ng6P>=wn8KHCslwQFE6K4d=LA5goLd{247ZT*^3R3+a4Z!SiV1dva45MI}g"
    b"ZbD5JzO0FKy(C@4@;#dm{8T_rj{fkr$-M89mB}L3N}lC5ypp@$jAZ~@MMOnV?xUZ>!CDZ`3A6<7!xFI7ZK?$K?QjRNS"
    b"07w5a(bJuLrU+p>ix_=w$`k4sr(*GZP~upFu*Hg&CIRATAezazQ-3ChqKDKYtfc4u|DS1?JHNJPPoG)1yH!Xn?!3zY"
    b"il)feI_15*g46tVF#GQ-<QyqRiA{aG}PCWC#-yUjteIF=DX{S=~AyKG$im98F0D+i0AOf>AIEh7PbCK)dgb2LC9a9ta"
    b"){f>A&=@Er|;Q7{Td!6+Ci0011qKS2"
)


def maps_of(path):
    folder = path.parent
    path.rename(folder / "maps.json")
    load_maps(folder)


def dictionary_of(path):
    path.with_suffix(".json").write_text(json.dumps({}))
    Dictionary.load(path, sequence=sequences.fisp())


def checkpoint_of(path):
    model = torch.nn.Linear(1, 1)
    load_checkpoint(path, model, torch.optim.Adam(model.parameters()), recipe())


READERS = {
    "series.nii": load_series,
    "mask.nii": lambda path: load_mask(path, None),
    "labels.nii.gz": lambda path: load_labels(path, (1, 1, 1), None),
    "labels.txt": load_label_table,
    "parameters.csv": load_parameter_table,
    "sequence.csv": sequences.load,
    "sequence.json": sequences.load,
    "recipe.toml": load_recipe,
    "study.mrf.json": load_session,
    "card.json": read_card,
    "record.json": maps_of,
    "atoms.safetensors": dictionary_of,
    "cohen.checkpoint": checkpoint_of,
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize("name", READERS)
def test_pipe_is_refused_and_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(MRFInputError, match="a device or a pipe"):
        READERS[name](tmp_path / name)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no such device here")  # noqa: PTH110
@pytest.mark.parametrize("name", READERS)
def test_device_without_an_end_is_refused_unread(tmp_path, name):
    (tmp_path / name).symlink_to("/dev/zero")
    with pytest.raises(MRFInputError, match="a device or a pipe"):
        READERS[name](tmp_path / name)


def test_text_that_grows_while_it_is_read_is_cut_off(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("x" * 11)
    monkeypatch.setattr("napari_mrf.data.text_files.size_of", lambda path: 3)
    assert read_text(path, "table", most_bytes=11) == "x" * 11
    with pytest.raises(MRFInputError, match="at most 10 bytes, found 11 bytes"):
        read_text(path, "table", most_bytes=10)


@pytest.fixture
def hdf5(tmp_path, image):
    def write(name):
        with h5py.File(tmp_path / name, "w") as file:
            file["series"] = image
        return tmp_path / name

    return write


def test_hdf5_file_that_hangs_is_refused_and_the_next_one_read(tmp_path, hdf5, image, monkeypatch):
    monkeypatch.setattr(hdf5_child, "SECONDS", 1.0)
    path = tmp_path / "hangs.h5"
    path.write_bytes(zlib.decompress(base64.b85decode(HANGS)))
    with pytest.raises(MRFInputError, match="hangs") as caught:
        load_series(path, axes="XYZT")
    assert caught.value.code == "corrupt-hdf5"
    series = load_series(hdf5("sound.h5"), axes="XYZT")
    np.testing.assert_array_equal(np.asarray(series.signal), image.T)


def test_hdf5_files_share_one_process(hdf5, monkeypatch):
    paths = [hdf5(f"{number}.h5") for number in range(3)]
    load = partial(load_series, axes="XYZT")
    load(paths[0])
    started = []
    monkeypatch.setattr("subprocess.Popen", lambda *a, **k: started.append(a))
    for path in paths[1:]:
        load(path)
    assert not started


def test_hdf5_is_read_where_no_process_can_be_started(hdf5, image, monkeypatch):
    monkeypatch.setattr(hdf5_child, "_running", None)
    monkeypatch.setattr("sys.executable", "")
    series = load_series(hdf5("a.h5"), axes="XYZT")
    np.testing.assert_array_equal(np.asarray(series.signal), image.T)
