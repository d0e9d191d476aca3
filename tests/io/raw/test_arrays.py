"""Arrays of raw data in .npz, HDF5, .mat and BART files."""

import json

import h5py
import numpy as np
import pytest
from raw_cases import radial, samples, write_bart
from scipy.io import savemat

from napari_mrf import MRFInputError, load_raw
from napari_mrf.io import is_raw

VALUES = samples((2, 3, 12, 16))
POINTS = radial()


def refused(code, path, **options):
    with pytest.raises(MRFInputError) as caught:
        load_raw(path, **options)
    assert caught.value.code == code and caught.value.hint
    return caught.value


def check(raw, values=VALUES, points=POINTS):
    assert (raw.n_slices, raw.n_coils, raw.n_readouts, raw.n_samples) == values.shape
    for z in range(len(values)):
        np.testing.assert_array_equal(raw.read(z), values[z])
        np.testing.assert_allclose(raw.coordinates(z), points[..., ::-1], atol=1e-6)


def beside(path, **block):
    path.with_suffix(".json").write_text(json.dumps({"MRFRaw": {"SchemaVersion": 1, **block}}))


def test_npz(tmp_path):
    path = tmp_path / "scan.npz"
    np.savez(path, kdata=VALUES, traj=POINTS)
    refused("matrix-unknown", path)
    raw = load_raw(path, matrix=16)
    check(raw)
    assert raw.affine is None and raw.noise is None and raw.matrix == (16, 16)
    np.testing.assert_array_equal(raw.pulses(1), np.arange(12))


def test_trajectory_in_fields_of_view_gives_the_matrix(tmp_path):
    path = tmp_path / "scan.npz"
    np.savez(path, kdata=VALUES, traj=16 * POINTS)
    raw = load_raw(path)
    check(raw)
    assert raw.matrix == (16, 16) and any("16 x 16" in one for one in raw.report.assumed)


def test_hdf5_stays_on_the_disk_until_a_slice_is_read(tmp_path):
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w") as file:
        file["kdata"], file["traj"] = VALUES, POINTS
    raw = load_raw(path, matrix=16)
    check(raw)
    path.write_bytes(b"another file")
    with pytest.raises(MRFInputError) as caught:
        raw.read(0)
    assert caught.value.code == "file-changed"


@pytest.mark.parametrize("reverse", [False, True])
def test_mat_in_either_order_as_the_trajectory_tells(tmp_path, reverse):
    path = tmp_path / "scan.mat"
    values, points = (VALUES.T, POINTS.transpose(1, 0, 2)) if reverse else (VALUES, POINTS)
    savemat(path, {"kdata": values, "traj": points})
    raw = load_raw(path, matrix=16)
    check(raw)
    assert any("Axes" in one for one in raw.report.assumed)


def test_mat_whose_axes_cannot_be_told_is_asked_about(tmp_path):
    path = tmp_path / "scan.mat"
    values = samples((12, 12, 12, 12))
    savemat(path, {"kdata": values, "traj": radial(12, 12)})
    refused("kspace-axes", path, matrix=16)
    beside(path, KSpaceAxes="ZCRS", MatrixSize=[16, 16])
    check(load_raw(path), values, radial(12, 12))


@pytest.mark.parametrize("text", ['{"EchoTime": NaN}', '{"a": 1, "a": 2}', '{"x": "\\x"}'])
def test_json_that_is_not_perfect_is_left_to_others(tmp_path, text):
    """Of a series it is told where it is needed; here it is in the way of nothing."""
    np.savez(tmp_path / "series.npz", images=VALUES)
    (tmp_path / "series.json").write_text(text)
    assert not is_raw(tmp_path / "series.npz")
    np.savez(tmp_path / "scan.npz", kdata=VALUES, traj=16 * POINTS)
    (tmp_path / "scan.json").write_text(text)
    check(load_raw(tmp_path / "scan.npz"))


@pytest.mark.parametrize("text", ['{"MRFRaw": {"SchemaVersion": NaN}}', '{"MRFRaw": {"Schema', "{"])
def test_json_that_may_have_been_needed_is_refused(tmp_path, text):
    np.savez(tmp_path / "scan.npz", kdata=VALUES, traj=16 * POINTS)
    (tmp_path / "scan.json").write_text(text)
    refused("bad-json", tmp_path / "scan.npz")


def test_sidecar_names_what_the_arrays_do_not_say(tmp_path):
    path = tmp_path / "scan.npz"
    noise = samples((3, 40), seed=8)
    np.savez(path, k=VALUES.transpose(1, 0, 2, 3), n=noise)
    np.save(tmp_path / "points.npy", 16 * POINTS)
    assert not is_raw(path)
    beside(path, KSpace="k", KSpaceAxes="CZRS", Trajectory="points.npy", Noise="n",
           TrajectoryUnit="1/FOV", MatrixSize=[16, 16], FieldOfView=[32.0, 32.0],
           DwellTime=4e-6)  # fmt: skip
    raw = load_raw(path)
    check(raw)
    np.testing.assert_array_equal(raw.noise, noise)
    assert raw.field_of_view_mm == (32.0, 32.0) and raw.dwell_time_us == pytest.approx(4.0)


@pytest.mark.parametrize(
    "block", [{"Unknown": 1}, {"MatrixSize": [0, 3]}, {"KSpaceAxes": "RR"}, {"DwellTime": 5.0}]
)
def test_sidecars_are_strict(tmp_path, block):
    path = tmp_path / "scan.npz"
    np.savez(path, kdata=VALUES, traj=POINTS)
    beside(path, **block)
    refused("bad-sidecar", path)


def test_trajectories_that_do_not_fit_or_lie_elsewhere_are_refused(tmp_path):
    path = tmp_path / "scan.npz"
    np.savez(path, kdata=VALUES, traj=POINTS[:11])
    refused("kspace-axes", path, matrix=16)
    np.savez(path, kdata=VALUES)
    beside(path, Trajectory="../traj.npy")
    refused("security-path", path)
    np.savez(path, kdata=VALUES.real, traj=POINTS)
    path.with_suffix(".json").unlink()
    refused("not-complex", path)


def test_complex_trajectory_is_kx_and_ky(tmp_path):
    path = tmp_path / "scan.npz"
    np.savez(path, kdata=VALUES, traj=POINTS[..., 0] + 1j * POINTS[..., 1])
    check(load_raw(path, matrix=16))


def test_trajectory_from_a_file_of_its_own(tmp_path):
    path = tmp_path / "scan.npz"
    np.savez(path, kdata=VALUES)
    np.save(tmp_path / "points.npy", POINTS)
    check(load_raw(path, matrix=16, trajectory=tmp_path / "points.npy"))


def bart(folder, values=VALUES, points=16 * POINTS):
    """Write (slices, coils, readouts, samples) as BART has it."""
    array = np.zeros((1, 16, 12, 3, *[1] * 9, len(values)), np.complex64)
    array[0, :, :, :, 0, 0, 0, 0, 0, 0, 0, 0, 0] = values.transpose(3, 2, 1, 0)
    traj = np.zeros((3, 16, 12), np.complex64)
    traj[:2] = points.transpose(2, 1, 0)
    write_bart(folder / "scan_traj.cfl", traj)
    return write_bart(folder / "scan.cfl", array)


@pytest.mark.parametrize("suffix", [".cfl", ".hdr"])
def test_bart(tmp_path, suffix):
    raw = load_raw(bart(tmp_path).with_suffix(suffix))
    check(raw)
    assert raw.matrix == (16, 16)


def test_bart_frames_follow_one_another(tmp_path):
    array = VALUES[0].reshape(3, 4, 3, 16)  # coils, frames, spokes, samples
    shaped = np.zeros((1, 16, 3, 3, 1, 4), np.complex64)
    shaped[0, :, :, :, 0] = array.transpose(3, 2, 0, 1)
    traj = np.zeros((3, 16, 3, 1, 1, 4), np.complex64)
    traj[:2, :, :, 0, 0] = (16 * POINTS).reshape(4, 3, 16, 2).transpose(3, 2, 1, 0)
    write_bart(tmp_path / "traj.cfl", traj)
    check(load_raw(write_bart(tmp_path / "scan.cfl", shaped)), VALUES[:1])


def test_bart_files_that_do_not_fit_their_header_are_refused(tmp_path):
    path = bart(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    refused("truncated", path)
    path.write_bytes(whole + b"x")
    refused("declared-size", path)
    path.with_suffix(".hdr").write_text("# Dimensions\n1 x\n")
    refused("bad-header", path)


@pytest.mark.parametrize(
    ("name", "others", "vendor"),
    [("P12345.7", (), "ge"), ("ScanArchive_x.h5", (), "ge"), ("a.raw", ("a.lab",), "philips"),
     ("a.data", ("a.list",), "philips"), ("rawdata.job0", ("acqp",), "bruker"),
     ("fid", ("method",), "bruker")],
)  # fmt: skip
def test_raw_files_of_other_vendors_name_the_converter(tmp_path, name, others, vendor):
    for one in (name, *others):
        (tmp_path / one).write_bytes(b"\1\2\3\4" * 300)
    error = refused("vendor-format", tmp_path / name)
    assert f"{vendor}_to_ismrmrd" in error.hint
    assert is_raw(tmp_path / name)


def test_other_files_are_no_raw_files(tmp_path):
    np.save(tmp_path / "x.npy", VALUES)
    np.savez(tmp_path / "x.npz", series=VALUES)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["series"] = VALUES
    for name in ("x.npy", "x.npz", "x.h5"):
        assert not is_raw(tmp_path / name)
        refused("unknown-raw", tmp_path / name)
    refused("missing-file", tmp_path / "y.h5")
