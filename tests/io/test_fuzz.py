"""Whatever the bytes: every reader succeeds or raises `MRFInputError`, soon and in little memory.

Every reader gets a few damaged files here, and 2,000 with ``pytest -m fuzz tests/io/test_fuzz.py``.
"""

import gzip
import hashlib
import io
import json
import time
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import nibabel
import numpy as np
import pytest
import torch
from dicom_cases import classic, enhanced
from mutations import damaged
from network_cases import install
from raw_cases import (
    NOISE_BIT,
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
from stored_cases import subspace_series
from training_cases import recipe, toml

import napari_mrf as mrf
from napari_mrf import MRFInputError, ParameterMaps, load_maps, load_raw, load_series, save_maps
from napari_mrf.data import sequences
from napari_mrf.dictionary.atoms import Dictionary
from napari_mrf.dictionary.grid import ParameterGrid
from napari_mrf.dictionary.temporal_basis import TemporalBasis
from napari_mrf.io import (
    load_label_table,
    load_labels,
    load_parameter_table,
    save_labels,
    save_series,
)
from napari_mrf.io.formats import hdf5_child
from napari_mrf.io.formats.metaimage_write import write_volume
from napari_mrf.io.labels.masks import read_mask
from napari_mrf.io.raw.ismrmrd_write import write_ismrmrd
from napari_mrf.io.session.contents import iter_contents
from napari_mrf.io.session.file import load_session
from napari_mrf.networks.weights import load_network
from napari_mrf.training.loop.checkpoint import Progress, load_checkpoint, save_checkpoint
from napari_mrf.training.recipe import load_recipe

SHAPE = (3, 4, 2, 6)  # X, Y, Z, T
AFFINE = np.diag([-1.5, -1.5, 4.0, 1.0])
SECONDS = 8.0
MORE_BYTES = 400 * 2**20


@dataclass
class Case:
    """A file that is damaged, and how it is read.

    `seal` packs a damaged file anew, with checksums that fit, so that the damage is not found by
    these alone; every other file is sealed.
    """

    path: Path
    kind: str
    read: object
    seal: object = None
    sealed: bytes = b""  # what is damaged then, where it is not the file itself


def signal():
    numbers = np.random.default_rng(0).standard_normal((2, *SHAPE))
    return (numbers[0] + 1j * numbers[1]).astype(np.complex64)


def read_series(path, **options):
    series = load_series(path, **{"axes": "XYZT", **options})
    for z in range(series.spatial_shape[0])[:3]:
        series.slab(z)


def written(path, **arrays):
    """Write a series by its suffix and return how it is damaged."""
    values = arrays.get("series", signal())
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["scan/series"] = values
            file.create_dataset("scan/small", data=values[0], chunks=True, compression="gzip")
    elif path.suffix == ".mat":
        savemat(path, {"series": values, "b": {"c": [1.0, "x"]}}, do_compression=False)
    else:
        nibabel.save(nibabel.Nifti1Image(values, AFFINE), path)
    return path


def nifti(folder):
    return Case(written(folder / "a.nii"), "binary", read_series)


def nifti2(folder):
    nibabel.save(nibabel.Nifti2Image(signal(), AFFINE), folder / "a.nii")
    return Case(folder / "a.nii", "binary", read_series)


def packed_nifti(folder):
    path = written(folder / "a.nii.gz")
    return Case(path, "binary", read_series, gzip.compress, gzip.decompress(path.read_bytes()))


def npy(folder):
    return Case(written(folder / "a.npy"), "binary", read_series)


def npz(folder):
    def zipped(content):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("series.npy", content)
        return archive.getvalue()

    inside = written(folder / "b.npy").read_bytes()
    path = folder / "a.npz"
    path.write_bytes(zipped(inside))
    return Case(path, "binary", read_series, zipped, inside)


def hdf5(folder):
    return Case(written(folder / "a.h5"), "binary", partial(read_series, dataset="scan/series"))


def hdf5_unchosen(folder):
    with h5py.File(folder / "a.h5", "w", libver="latest") as file:
        file.create_dataset("series", data=signal(), chunks=(3, 4, 1, 2), compression="gzip")
        file.attrs["text"] = "x"
    return Case(folder / "a.h5", "binary", read_series)


def matlab73(folder):
    path = folder / "a.mat"
    pairs = np.zeros(SHAPE[::-1], [("real", "f4"), ("imag", "f4")])
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("series", data=pairs, chunks=True, compression="gzip")
    with path.open("rb+") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    return Case(path, "binary", read_series)


def matlab5(folder):
    return Case(written(folder / "a.mat"), "binary", read_series)


def packed_matlab5(folder):
    savemat(folder / "a.mat", {"series": signal()}, do_compression=True)
    return Case(folder / "a.mat", "binary", read_series)


def matlab5_struct(folder):
    scan = {"TR": 5.0, "x": {"im": signal().imag, "re": signal().real}}
    savemat(folder / "a.mat", {"scan": scan}, do_compression=False)
    return Case(folder / "a.mat", "binary", read_series)


def hdf5_unwritten(folder):
    with h5py.File(folder / "a.h5", "w") as file:
        file.create_dataset("s", SHAPE, np.complex64, chunks=(3, 4, 1, 2))[:, :2, :1] = 1 + 1j
    return Case(folder / "a.h5", "binary", read_series)


def stored_subspace(folder):
    save_series(subspace_series(), folder / "a.h5")
    return Case(folder / "a.h5", "binary", partial(read_series, axes=None))


def stored_frames(folder):
    save_series(mrf.MRFSeries(signal().T, AFFINE), folder / "a.h5")
    return Case(folder / "a.h5", "binary", partial(read_series, axes=None))


def stored_texts(folder):
    """Texts with damage that the checksums of the file do not know of."""
    path = folder / "a.h5"
    save_series(subspace_series(), path)
    whole = path.read_bytes()
    names = ("record", "sequence")
    with h5py.File(path) as file:
        texts = [bytes(file["mrf_subspace"][name][0]) for name in names]

    def packed(content):
        (folder / "b.h5").write_bytes(whole)
        with h5py.File(folder / "b.h5", "r+") as file:
            for name, text in zip(names, content.split(b"|"), strict=False):
                del file["mrf_subspace"][name]
                file["mrf_subspace"][name] = np.array([text or b" "])
        return (folder / "b.h5").read_bytes()

    return Case(path, "text", partial(read_series, axes=None), packed, b"|".join(texts))


def dicom(folder):
    home = folder / "scan"
    paths = classic(home, signal()[:, :, :1, :2].T)
    classic(home, signal()[:, :, :1, :2].T, "phase", 6)
    return Case(paths[0, 0], "binary", lambda _: read_series(home, axes=None))


def dicom_enhanced(folder):
    path = enhanced(folder / "scan.dcm", signal().T)
    return Case(path, "binary", partial(read_series, axes=None, magnitude_only=True))


def sidecar(folder):
    path = written(folder / "a.npy")
    sequence = mrf.Sequence(
        name="s", kind="fisp", flip_angles_deg=[5.0] * 6, repetition_times_ms=9.0,
        echo_times_ms=2.0, inversion_time_ms=20.0,
    )  # fmt: skip
    save_series(mrf.MRFSeries(signal().T, AFFINE, sequence), folder / "b.nii")
    block = json.loads((folder / "b.json").read_text())["MRF"]
    del block["SHA256"]
    block |= {"PhaseSign": -1, "SpokesBetweenFrames": 1, "FatModel": None}
    record = {"MRF": block, "Units": "arbitrary", "Manufacturer": "x"}
    path.with_suffix(".json").write_text(json.dumps(record))
    return Case(path.with_suffix(".json"), "json", lambda _: read_series(path, axes=None))


def phase(folder):
    magnitude = written(folder / "a_mag.npy", series=np.abs(signal()))
    angle = written(folder / "a_phase.npy", series=np.angle(signal()))
    return Case(angle, "binary", lambda _: read_series(magnitude, phase_unit="rad"))


def grid():
    return ParameterMaps({"FF": np.zeros(SHAPE[2::-1], np.float32)}, affine=AFFINE)


def mask(folder):
    written(folder / "m.nii", series=np.ones(SHAPE[:3], np.uint8))
    return Case(folder / "m.nii", "binary", lambda path: read_mask(path, grid()))


def mask_npy(folder):
    np.save(folder / "m.npy", np.ones(SHAPE[2::-1], bool))
    return Case(folder / "m.npy", "binary", lambda path: read_mask(path, grid()))


def labels(folder):
    values = np.arange(24, dtype=np.float32).reshape(SHAPE[:3])
    path = written(folder / "l.nii.gz", series=values)

    def read(path):
        load_labels(path, (2, 4, 3), AFFINE, resample="nearest")

    return Case(path, "binary", read, gzip.compress, gzip.decompress(path.read_bytes()))


def metaimage(folder):
    write_volume(folder / "l.mha", np.arange(24, dtype=np.int16).reshape(2, 4, 3), AFFINE)
    return Case(folder / "l.mha", "text", lambda path: load_labels(path, (2, 4, 3), AFFINE))


def dicom_map(folder):
    save_maps(grid(), folder / "maps", form="dicom")
    (folder / "maps" / "maps.json").unlink()
    return Case(folder / "maps" / "FF.dcm", "binary", lambda path: load_maps(path.parent))


def label_table(folder):
    path = folder / "l.txt"
    path.write_text(
        '# x\n0 0 0 0 0 0 0 "Clear"\n7 32 103 0 1 1 1 "VL, left"\n8 1 2 3 0.5 1 0 "ä"\n'
    )
    return Case(path, "text", load_label_table)


def maps(folder):
    written_maps = ParameterMaps(
        {"FF": np.zeros((2, 4, 3), np.float32)}, quality=np.ones((2, 4, 3), np.float32),
        affine=AFFINE, provenance={"method": "x"},
    )  # fmt: skip
    save_maps(written_maps, folder / "maps")
    return Case(folder / "maps" / "maps.json", "json", lambda path: load_maps(path.parent))


def plain_maps(folder):
    (folder / "maps").mkdir()
    values = np.zeros(SHAPE[:3], np.float32)
    written(folder / "maps" / "T1H2O.nii", series=values)
    path = written(folder / "maps" / "FF.nii", series=values)
    return Case(path, "binary", lambda path: load_maps(path.parent))


def sequence_json(folder):
    sequences.t1ff().sliding_window(2).to_json(folder / "s.json")

    def read(path):
        sequence = sequences.load(path)
        assert sequence.fingerprint() and sequence.n_frames >= 1

    return Case(folder / "s.json", "json", read)


def sequence_csv(folder):
    path = folder / "s.csv"
    path.write_text("FA,TE,TR\n" + "5,2.39,4.02\n" * 8)
    return Case(path, "text", sequences.load)


def parameter_table(folder):
    path = folder / "p.csv"
    path.write_text("FF,T1H2O,T1fat\r\n" + "0.1,1300,300\r\n" * 5)
    return Case(path, "text", load_parameter_table)


def training_recipe(folder):
    path = folder / "r.toml"
    path.write_text(toml(recipe()))
    return Case(path, "text", load_recipe)


def session(folder):
    series_path = written(folder / "a.npy")
    save_maps(grid(), folder / "maps")
    save_labels(folder / "l.nii.gz", np.ones((2, 4, 3), int), AFFINE)

    def file(name):
        path = folder / name
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        return {"path": str(path), "relative": name, "sha256": content}

    record = {
        "format": "napari-mrf session", "version": 1, "saved_at": "2026-01-01T00:00:00",
        "series": {"name": "a", "files": [file(series_path.name)], "reading": {"axes": "XYZT"},
                   "sequence": json.loads(sequences.fisp().to_json())},
        "maps": [{"name": "m", "files": [file("maps/FF.nii.gz")], "seconds": 1.0}],
        "regions": {"file": file("l.nii.gz"), "chosen": 1,
                    "table": [{"index": 1, "name": "VL", "color": [1, 2, 3]}]},
        "pins": [[0, 1, 2]], "view": {"z": 1.0}, "panels": {"inspect": {"x": 1}},
    }  # fmt: skip
    path = folder / "s.mrf.json"
    path.write_text(json.dumps(record))

    def read(path):
        load_session(path)
        for _ in iter_contents(path):
            pass

    return Case(path, "json", read)


def read_raw(path, **options):
    raw = load_raw(path, **options)
    raw.report.text()
    for z in range(raw.n_slices)[:2]:
        raw.read(z), raw.coordinates(z), raw.pulses(z)


def raw_ismrmrd(folder):
    path = write_mrd(folder / "a.h5", samples((2, 2, 6, 8)), radial(6, 8), noise=samples((2, 30)))
    return Case(path, "binary", read_raw)


def raw_phantom(folder):
    slices = [samples((2, 20, 8))]
    write_ismrmrd(folder / "a.h5", slices, radial(20, 8), samples((2, 30)), matrix=(8, 8),
                  affine=AFFINE, dwell_time_us=5.0)  # fmt: skip
    return Case(folder / "a.h5", "binary", read_raw)


def raw_twix(folder):
    noise = twix_measurement([twix_record(samples((2, 40)), flags=1 << NOISE_BIT)])
    scan = [twix_record(samples((2, 8)), line=r, scan=r, slice_=r % 2) for r in range(8)]
    path = write_twix(folder / "a.dat", noise, twix_measurement(scan))
    # The first bytes are those of two tables; damage is to reach what lies behind them.
    whole = path.read_bytes()

    def packed(inner):
        return whole[:10_240] + inner[: len(whole) - 10_240].ljust(len(whole) - 10_240, b"\0")

    read = partial(read_raw, trajectory="golden-angle")
    return Case(path, "binary", read, packed, whole[10_240:])


def raw_npz(folder):
    np.savez(folder / "a.npz", kdata=samples((2, 2, 6, 8)), traj=8 * radial(6, 8))
    return Case(folder / "a.npz", "binary", read_raw)


def raw_hdf5(folder):
    with h5py.File(folder / "a.h5", "w") as file:
        file["kdata"], file["traj"] = samples((2, 2, 6, 8)), 8 * radial(6, 8)
    return Case(folder / "a.h5", "binary", read_raw)


def raw_sidecar(folder):
    np.savez(folder / "a.npz", k=samples((2, 2, 6, 8)), traj=radial(6, 8), n=samples((2, 30)))
    block = {"SchemaVersion": 1, "KSpace": "k", "KSpaceAxes": "ZCRS", "Trajectory": "traj",
             "TrajectoryUnit": "cycles/voxel", "Noise": "n", "MatrixSize": [8, 8],
             "FieldOfView": [8.0, 8.0], "DwellTime": 4e-6}  # fmt: skip
    (folder / "a.json").write_text(json.dumps({"MRFRaw": block}))
    return Case(folder / "a.json", "json", lambda path: read_raw(path.with_suffix(".npz")))


def raw_bart(folder):
    points = np.concatenate([8 * radial(6, 8), 0 * radial(6, 8)[..., :1]], -1)
    write_bart(folder / "a_traj.cfl", points.T)
    path = write_bart(folder / "a.cfl", samples((1, 8, 6, 2)))
    return Case(path.with_suffix(".hdr"), "text", lambda path: read_raw(path.with_suffix(".cfl")))


def pulseq(folder):
    def read(path):
        assert sequences.load(path).n_pulses >= 1

    return Case(write_seq(folder / "a.seq"), "text", read)


def short():
    return mrf.Sequence(
        name="short", kind="fisp", flip_angles_deg=[5.0, 20.0, 40.0], repetition_times_ms=9.0,
        echo_times_ms=2.0, inversion_time_ms=20.0,
    )  # fmt: skip


def atoms():
    return Dictionary.build(short(), ParameterGrid({"T1": [500.0, 900.0], "T2": [40.0, 90.0]}))


def resealed(path, field, content):
    """Bring the checksum of a card beside a tensor file to that of other content."""
    card = path.with_suffix(".json")
    record = json.loads(card.read_text())
    record[field] = hashlib.sha256(content).hexdigest()
    card.write_text(json.dumps(record))
    return content


def dictionary(folder):
    path = atoms().save(folder / "d.safetensors")
    read = partial(Dictionary.load, sequence=short())
    return Case(path, "safetensors", read, partial(resealed, path, "sha256"), path.read_bytes())


def dictionary_card(folder):
    path = atoms().save(folder / "d.safetensors")
    return Case(
        path.with_suffix(".json"), "json", lambda _: Dictionary.load(path, sequence=short())
    )


def basis(folder):
    made = atoms()
    norms = np.linalg.norm(made.atoms, axis=1).astype(np.float64)
    path = TemporalBasis.build(short(), made.atoms, norms).save(folder / "b.safetensors")
    read = partial(TemporalBasis.load, sequence=short())
    return Case(path, "safetensors", read, partial(resealed, path, "sha256"), path.read_bytes())


def weights(folder):
    install(folder, ["cohen"])
    card = folder / "t1ff" / "cohen.json"
    path = card.with_suffix(".safetensors")
    seal = partial(resealed, path, "weights_sha256")
    return Case(path, "safetensors", lambda _: load_network(card), seal, path.read_bytes())


def card(folder):
    install(folder, ["cohen"])
    return Case(folder / "t1ff" / "cohen.json", "json", load_network)


def checkpoint(folder):
    def fresh():
        model = torch.nn.Linear(3, 2)
        return model, torch.optim.Adam(model.parameters())

    def step(model, optimizer):
        model(torch.ones(1, 3)).sum().backward()
        optimizer.step()

    model, optimizer = fresh()
    step(model, optimizer)
    path = folder / "c.checkpoint"
    progress = Progress(epoch=1, best_epoch=1, history=[{"epoch": 1, "loss": 0.5}])
    save_checkpoint(path, model, optimizer, model.state_dict(), progress, recipe())

    def read(path):
        model, optimizer = fresh()
        best, progress = load_checkpoint(path, model, optimizer, recipe())
        assert progress.history[-1]["loss"] is not None
        step(model, optimizer)
        model.load_state_dict(best)

    return Case(path, "safetensors", read)


CASES = [
    nifti, nifti2, packed_nifti, npy, npz, hdf5, hdf5_unchosen, matlab73, matlab5, packed_matlab5,
    matlab5_struct, hdf5_unwritten, stored_subspace, stored_frames, stored_texts,
    sidecar, phase, mask, mask_npy, labels, label_table, maps, plain_maps, sequence_json,
    sequence_csv, parameter_table, training_recipe, session, dictionary, dictionary_card, basis,
    weights, card, checkpoint, raw_ismrmrd, raw_phantom, raw_twix, raw_npz, raw_hdf5, raw_sidecar,
    raw_bart, pulseq, dicom, dicom_enhanced, dicom_map, metaimage,
]  # fmt: skip


def attack(make, folder, count, seed):
    """Read so many damaged files; return what went wrong, with the number of the file."""
    case = make(folder)
    case.read(case.path)  # the sound file is read
    sound = case.path.read_bytes()
    beside = {one: one.read_bytes() for one in folder.rglob("*") if one.is_file()}
    failures = []
    for number, content in enumerate(_contents(case, sound, count, seed)):
        case.path.write_bytes(content)
        start = time.perf_counter()
        try:
            case.read(case.path)
        except MRFInputError as error:
            assert error.code and error.what
        except Exception as error:
            failures.append(f"file {number}: {type(error).__name__}: {str(error)[:200]}")
        if time.perf_counter() - start > SECONDS:
            failures.append(f"file {number}: {time.perf_counter() - start:.1f} s")
        for path, there in beside.items():
            if path != case.path and path.suffix == ".json":  # a seal changes the card
                path.write_bytes(there)
    return failures


def _contents(case, sound, count, seed):
    plain = damaged(sound, case.kind, count, seed)
    if case.seal is None:
        yield from plain
        return
    inner = damaged(case.sealed, case.kind, count, seed + 1)
    for number in range(count):
        yield case.seal(next(inner)) if number % 2 else next(plain)


def resident_bytes(name):
    """Return VmRSS, or the peak VmHWM since the last call for VmRSS; 0 where nobody says."""
    try:
        if name == "VmRSS":
            Path("/proc/self/clear_refs").write_text("5")
        status = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next(1024 * int(line.split()[1]) for line in status if line.startswith(name))


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(hdf5_child, "SECONDS", 3.0)


def check(make, folder, count, seed):
    before = resident_bytes("VmRSS")
    failures = attack(make, folder, count, seed)
    assert not failures, "\n".join(failures)
    assert resident_bytes("VmHWM") - before < MORE_BYTES


@pytest.mark.parametrize("make", CASES)
def test_damaged_file_is_read_or_refused(make, tmp_path):
    check(make, tmp_path, 60, seed=1)


@pytest.mark.fuzz
@pytest.mark.parametrize("make", CASES)
def test_thousands_of_damaged_files_are_read_or_refused(make, tmp_path):
    check(make, tmp_path, 2000, seed=2)
