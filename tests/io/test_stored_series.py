"""Series in HDF5: what was written comes back to the last bit, and what cannot be is refused."""

import json
import tracemalloc
from dataclasses import fields

import h5py
import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_cases import radial, samples, twix_measurement, twix_record, write_mrd, write_twix
from stored_cases import AFFINE, RECORD, WARNING, subspace_series, subspace_signal

import napari_mrf as mrf
from napari_mrf import MRFInputError, MRFSeries, load_series
from napari_mrf.data import sequences
from napari_mrf.data.subspace_signal import CoefficientNoise
from napari_mrf.io import is_raw, save_series
from napari_mrf.io.formats.hdf5 import HDF5Array
from napari_mrf.io.series import stored


def arrays_of(series):
    """Return every array of a series, by name."""
    subspace = series.subspace
    if subspace is None:
        return {"frames": np.asarray(series.signal)}
    found = {"basis": subspace.basis, "coefficients": np.asarray(subspace.coefficients[:, :])}
    if subspace.noise is not None:
        found |= {one.name: getattr(subspace.noise, one.name) for one in fields(CoefficientNoise)}
    return found


def made_of(series):
    """Return the metadata without the paths and sums of the file."""
    return {key: value for key, value in series.metadata.items() if key != "sources"}


def same(first, second):
    one, other = arrays_of(first), arrays_of(second)
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].dtype == other[name].dtype
        np.testing.assert_array_equal(one[name], other[name])
    assert first.sequence == second.sequence
    assert getattr(first.sequence, "name", None) == getattr(second.sequence, "name", None)
    if first.affine is None:
        assert second.affine is None
    else:
        np.testing.assert_array_equal(first.affine, second.affine)


@settings(max_examples=25, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(
    shape=st.tuples(*[st.integers(1, 4)] * 3),
    rank=st.integers(1, 5),
    noise=st.booleans(),
    placed=st.booleans(),
    played=st.booleans(),
    as_frames=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_load_save_load_is_the_identity(
    tmp_path, shape, rank, noise, placed, played, as_frames, seed
):
    signal = subspace_signal(175, rank, shape, noise, seed)
    series = subspace_series(
        signal, affine=AFFINE if placed else None, sequence=sequences.t1ff() if played else None
    )
    if as_frames:
        series = MRFSeries(np.asarray(series.signal), series.affine, series.sequence,
                           warnings=series.warnings, metadata=series.metadata)  # fmt: skip
    save_series(series, tmp_path / "a.h5", overwrite=True)
    first = load_series(tmp_path / "a.h5")
    same(series, first)
    assert first.kept_warnings == (WARNING,)
    assert RECORD.items() <= first.metadata.items()
    save_series(first, tmp_path / "b.hdf5", overwrite=True)
    second = load_series(tmp_path / "b.hdf5")
    same(first, second)
    assert (second.warnings, made_of(second)) == (first.warnings, made_of(first))
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.hdf5").read_bytes()


def test_every_field_of_the_noise_is_kept():
    assert set(stored._NOISE) == {f"noise/{one.name}" for one in fields(CoefficientNoise)}


def test_names_of_the_arrays_are_those_of_the_documents(tmp_path):
    save_series(subspace_series(), tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        group = file["mrf_subspace"]
        assert group["coefficients"].shape == (3, 2, 4, 5) and group["basis"].shape == (175, 3)
        np.testing.assert_array_equal(group["affine"], AFFINE)
        assert json.loads(group["sequence"][0])["name"] == "MRF T1-FF"
        assert json.loads(group["record"][0])["version"] == 1


def test_frames_are_made_of_the_slice_that_is_asked_for(tmp_path, monkeypatch):
    series = subspace_series()
    save_series(series, tmp_path / "a.h5")
    loaded = load_series(tmp_path / "a.h5")
    read = []
    whole = HDF5Array.__getitem__
    monkeypatch.setattr(
        HDF5Array, "__getitem__", lambda self, index: read.append(whole(self, index)) or read[-1]
    )
    np.testing.assert_array_equal(loaded.slab(1), series.slab(1))
    assert [one.shape for one in read] == [(3, 1, 4, 5)]
    np.testing.assert_allclose(loaded.fingerprint(0, 2, 3), series.fingerprint(0, 2, 3), rtol=1e-5)
    assert read[-1].size == 3


def test_memory_does_not_grow_with_the_slices(tmp_path):
    def peak(n_slices):
        path = tmp_path / f"{n_slices}.h5"
        save_series(subspace_series(subspace_signal(shape=(n_slices, 64, 64), noise=False)), path)
        tracemalloc.start()
        loaded = load_series(path)
        for z in range(n_slices):
            loaded.slab(z)
        save_series(loaded, tmp_path / "copy.h5", overwrite=True)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)  # whatever is imported
    assert peak(24) < 1.2 * peak(3)


def test_a_sidecar_beside_is_of_another_file(tmp_path):
    """``series.json`` belongs to ``series.nii.gz`` in the same folder."""
    series = subspace_series()
    save_series(series, tmp_path / "series.nii.gz")
    save_series(series, tmp_path / "series.h5")
    same(load_series(tmp_path / "series.h5"), series)
    (tmp_path / "series.json").write_text('{"MRF": {"AxisOrder": NaN')
    same(load_series(tmp_path / "series.h5"), series)
    assert not is_raw(tmp_path / "series.h5")
    assert not [one for one in tmp_path.iterdir() if one.suffix not in (".gz", ".json", ".h5")]


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_nifti_holds_the_frames_and_says_what_was_lost(tmp_path, name):
    series = subspace_series()
    save_series(series, tmp_path / name)
    loaded = load_series(tmp_path / name)
    np.testing.assert_array_equal(np.asarray(loaded.signal), np.asarray(series.signal))
    assert loaded.subspace is None
    first, lost = loaded.kept_warnings
    assert first == WARNING and "expanded from 3 coefficient images" in lost and ".h5" in lost
    assert set(loaded.kept_warnings) <= set(loaded.warnings)
    assert RECORD.items() <= loaded.metadata.items()
    # Once more: nothing comes twice, and what was said of the file before is not said of this one.
    save_series(loaded, tmp_path / "again.nii")
    again = load_series(tmp_path / "again.nii")
    assert again.warnings == loaded.kept_warnings


def test_nothing_is_said_of_a_noise_that_nobody_knew(tmp_path):
    save_series(subspace_series(subspace_signal(noise=False)), tmp_path / "a.nii")
    lost = load_series(tmp_path / "a.nii").kept_warnings[-1]
    assert "too small" in lost and "left behind" not in lost and ".h5" not in lost


def test_warnings_about_a_file_stay_with_it(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.asarray(subspace_series().signal).T, AFFINE),
                 tmp_path / "packed.nii.gz")  # fmt: skip
    loaded = load_series(tmp_path / "packed.nii.gz", sequences.t1ff())
    assert "unpacked" in loaded.warnings[0] and not loaded.kept_warnings
    for name in ("b.nii", "b.h5"):
        save_series(loaded, tmp_path / name)
        assert not load_series(tmp_path / name).warnings


def test_without_geometry_this_is_told(tmp_path):
    save_series(subspace_series(affine=None), tmp_path / "a.h5")
    loaded = load_series(tmp_path / "a.h5")
    assert "no geometry" in loaded.file_warnings[0]


def test_magnitudes_stay_magnitudes(tmp_path):
    magnitude = np.abs(np.asarray(subspace_series().signal)).astype(np.float32)
    np.save(tmp_path / "m.npy", magnitude)
    loaded = load_series(tmp_path / "m.npy", axes="TZYX", magnitude_only=True)
    save_series(loaded, tmp_path / "m.h5")
    again = load_series(tmp_path / "m.h5")
    assert again.metadata["magnitude_only"] and again.kept_warnings == loaded.kept_warnings


def test_averaged_frames_are_not_averaged_again(tmp_path):
    np.save(tmp_path / "pulses.npy", np.asarray(subspace_signal(1400, shape=(1, 2, 3))[:]))
    loaded = load_series(
        tmp_path / "pulses.npy", sequences.t1ff(), axes="TZYX", average_spokes=True
    )
    save_series(loaded, tmp_path / "frames.h5")
    again = load_series(tmp_path / "frames.h5")
    same(loaded, again)
    assert again.metadata["averaged_spokes"] == 8
    assert not again.metadata["reading"]  # what a session would ask for


def test_another_sequence_wins_and_is_told(tmp_path):
    save_series(subspace_series(), tmp_path / "a.h5")
    other = mrf.Sequence(name="other", kind="fisp", flip_angles_deg=[5.0] * 175,
                         repetition_times_ms=9.0, echo_times_ms=2.0)  # fmt: skip
    loaded = load_series(tmp_path / "a.h5", other)
    assert loaded.sequence == other
    assert "The file describes another sequence" in loaded.warnings[0]


def test_frames_of_a_scan_that_was_cut_short(tmp_path):
    part = sequences.t1ff()
    save_series(subspace_series(subspace_signal(100), sequence=None), tmp_path / "a.h5")
    loaded = load_series(tmp_path / "a.h5", part, frames="0-99")
    assert loaded.n_frames == 175 and np.isnan(loaded.slab(0)[100:]).all()
    assert loaded.subspace is None


@pytest.mark.parametrize(
    ("options", "code"),
    [({"dataset": "coefficients"}, "bad-dataset"), ({"axes": "XYZT"}, "bad-axes")],
)
def test_what_the_file_says_is_not_asked_for(tmp_path, options, code):
    save_series(subspace_series(), tmp_path / "a.h5")
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / "a.h5", **options)
    assert caught.value.code == code
    assert load_series(tmp_path / "a.h5", axes="tzyx").subspace is not None


def replaced(name, change):
    """Return a change of a file that puts another array in the place of one."""

    def lie(file):
        group = file["mrf_subspace"]
        values = change(group[name][...])
        del group[name]
        group[name] = values

    return lie


def record(**changes):
    def lie(text):
        return np.array([json.dumps(json.loads(text[0]) | changes).encode()])

    return replaced("record", lie)


def without(name):
    def lie(file):
        del file["mrf_subspace"][name]

    return lie


def linked(file):
    del file["mrf_subspace/coefficients"]
    file["mrf_subspace/coefficients"] = h5py.ExternalLink("/etc/passwd", "/x")


def stored_elsewhere(file):
    del file["mrf_subspace/basis"]
    file["mrf_subspace"].create_dataset(
        "basis", (175, 3), np.complex64, external=[("/etc/hostname", 0, 175 * 24)]
    )


def declared(file):
    del file["mrf_subspace/coefficients"]
    file["mrf_subspace"].create_dataset("coefficients", (3, 2, 40_000, 500_000), np.complex64)


def endless_text(file):
    del file["mrf_subspace/record"]
    file["mrf_subspace"].create_dataset("record", (1,), "S1000000000", chunks=(1,))


LIES = {
    "no basis": (without("basis"), "bad-series"),
    "no record": (without("record"), "bad-series"),
    "half of the noise": (without("noise/scale"), "bad-series"),
    "basis of another rank": (replaced("basis", lambda a: a[:, :2]), "bad-series"),
    "noise of another grid": (replaced("noise/scale", lambda a: a[:, :3]), "bad-series"),
    "affine of 3 x 4": (replaced("affine", lambda a: a[:3]), "bad-series"),
    "singular affine": (replaced("affine", np.zeros_like), "bad-affine"),
    "frames of doubles": (replaced("coefficients", lambda a: a.astype("c16")), "bad-series"),
    "real coefficients": (replaced("coefficients", lambda a: a.real), "bad-series"),
    "text as basis": (replaced("basis", lambda a: np.array([[b"a"]])), "not-numeric"),
    "NaN in the basis": (replaced("basis", lambda a: a * np.nan), "bad-series"),
    "negative variances": (replaced("noise/covariance", np.negative), "bad-series"),
    "another version": (record(version=2), "bad-series"),
    "another format": (record(format="x"), "bad-series"),
    "warnings that are no text": (record(warnings=[1]), "bad-series"),
    "no metadata": (record(metadata=None), "bad-series"),
    "record of no JSON": (replaced("record", lambda a: np.array([b"{"])), "bad-json"),
    "record of no text": (replaced("record", lambda a: np.array([b"\xff\xfe"])), "bad-series"),
    "record of two": (replaced("record", lambda a: np.array([b"{}", b"{}"])), "bad-series"),
    "sequence of another file": (replaced("sequence", lambda a: np.array([b"{}"])), "bad-sequence"),
    "basis of other frames": (replaced("basis", lambda a: a[:100]), "frames-mismatch"),
    "two series": (lambda file: file.create_group("mrf_frames"), "bad-series"),
    "a link": (linked, "security-link"),
    "another file": (stored_elsewhere, "security-external"),
    "more than it holds": (declared, "declared-size"),
    "endless text": (endless_text, "declared-size"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_lying_files_are_refused_with_one_typed_error(tmp_path, name):
    lie, code = LIES[name]
    path = tmp_path / "a.h5"
    save_series(subspace_series(), path)
    with h5py.File(path, "r+") as file:
        lie(file)
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == code
    assert caught.value.path is not None


def test_a_truncated_file_is_told(tmp_path):
    path = tmp_path / "a.h5"
    save_series(subspace_series(), path)
    whole = path.read_bytes()
    for n in (len(whole) - 1, len(whole) // 2, 200):
        path.write_bytes(whole[:n])
        with pytest.raises(MRFInputError) as caught:
            load_series(path)
        assert caught.value.code == "truncated"


@pytest.mark.parametrize("name", ["coefficients", "basis", "noise/covariance", "record", "affine"])
def test_a_flipped_bit_is_never_read_as_a_number(tmp_path, name):
    path = tmp_path / "a.h5"
    save_series(subspace_series(), path)
    with h5py.File(path) as file:
        piece = file["mrf_subspace"][name].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[piece.byte_offset + piece.size // 2] ^= 4
    path.write_bytes(content)
    with pytest.raises(MRFInputError) as caught:
        load_series(path).slab(0)
    assert caught.value.code == "corrupt-hdf5"


def test_a_file_that_changes_meanwhile_is_not_read_on(tmp_path):
    path = tmp_path / "a.h5"
    save_series(subspace_series(), path)
    loaded = load_series(path)
    save_series(subspace_series(subspace_signal(seed=1)), path, overwrite=True)
    with pytest.raises(MRFInputError) as caught:
        loaded.slab(0)
    assert caught.value.code == "file-changed"


def test_a_failed_write_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "a.h5"
    save_series(subspace_series(), path)
    before = path.read_bytes()
    bad = subspace_series(metadata={"images": object()})
    with pytest.raises(TypeError):
        save_series(bad, path, overwrite=True)
    with pytest.raises(MRFInputError) as caught:
        save_series(subspace_series(), path)
    assert caught.value.code == "exists"
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told(tmp_path):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    series = subspace_series(subspace_signal(shape=(40, 64, 64)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(MRFInputError) as caught:
            save_series(series, tmp_path / "a.h5")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.code == "write-failed"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["scan.h5", "scan.dat", "scan.npz"])
def test_raw_data_are_no_series_and_say_what_to_do(tmp_path, name):
    values = samples((1, 2, 12, 16))
    path = tmp_path / name
    if name == "scan.h5":
        write_mrd(path, values, radial())
    elif name == "scan.dat":
        scan = [twix_record(values[0, :, r], line=r, scan=r) for r in range(12)]
        write_twix(path, twix_measurement(scan))
    else:
        np.savez(path, kdata=values, traj=radial())
    with pytest.raises(MRFInputError, match="napari-mrf grid") as caught:
        load_series(path)
    assert caught.value.code == "raw-data"
