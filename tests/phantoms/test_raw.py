"""A simulated measurement as a raw file: the same k-space, coils, noise and place."""

import json

import ismrmrd
import numpy as np
import pytest

from napari_mrf import load_raw, load_series
from napari_mrf.cli import main
from napari_mrf.data import sequences
from napari_mrf.kspace import gridding
from napari_mrf.kspace.trajectory import RadialTrajectory
from napari_mrf.phantoms.acquisition.acquire import acquire
from napari_mrf.phantoms.by_kind import PHANTOMS


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom") / "out"
    words = ["phantom", "--raw", "--size", "32", "--slices", "2", "--output", str(folder)]
    assert main(words) == 0
    return folder


def test_raw_file_holds_what_the_series_was_gridded_from(folder):
    raw = load_raw(folder / "raw.h5", sequence=sequences.t1ff())
    series = load_series(folder / "series.nii")
    np.testing.assert_allclose(raw.affine, series.affine, atol=1e-4)
    assert (raw.n_slices, *raw.matrix) == series.spatial_shape
    trajectory = RadialTrajectory(1400, 32)
    np.testing.assert_allclose(raw.coordinates(1), trajectory.coordinates(), atol=1e-7)
    np.testing.assert_array_equal(raw.pulses(0), np.arange(1400))
    for z in range(2):
        frames = list(gridding.grid_frames(raw.read(z), trajectory, 8, raw.matrix))
        np.testing.assert_array_equal(np.stack(frames), series.slab(z))


def test_noise_scan_is_as_noisy_as_the_readouts():
    sequence = sequences.t1ff()
    drawn = PHANTOMS[sequence.kind]((1, 32, 32), seed=1)
    noisy, clean = [], []
    acquire(drawn, sequence, seed=1, n_coils=2, kspace=noisy)
    acquire(drawn, sequence, seed=1, n_coils=2, snr_db=None, kspace=clean)
    noise = noisy[0].samples - clean[0].samples
    assert noise.real.std() == pytest.approx(noisy[0].noise, rel=0.01)


def test_noise_in_the_file_has_that_level(folder):
    raw = load_raw(folder / "raw.h5")
    corners = raw.read(0)[:, :, [0, 1, -1]]  # little signal at the edge of k-space
    assert raw.noise.shape[0] == raw.n_coils == 8
    assert raw.noise.real.std() == pytest.approx(corners.real.std(), rel=0.15)
    assert raw.noise.real.std() == pytest.approx(raw.noise.imag.std(), rel=0.02)


def test_the_library_of_the_format_reads_the_file(folder):
    with ismrmrd.Dataset(str(folder / "raw.h5"), create_if_needed=False) as file:
        parsed = ismrmrd.xsd.CreateFromDocument(file.read_xml_header())
        assert parsed.encoding[0].encodedSpace.matrixSize.x == 32
        assert file.number_of_acquisitions() == 1 + 2 * 1400
        assert file.read_acquisition(0).isFlagSet(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)
        one = file.read_acquisition(1 + 1400 + 3)
    assert (one.idx.slice, one.idx.kspace_encode_step_1) == (1, 3)
    raw = load_raw(folder / "raw.h5")
    np.testing.assert_array_equal(one.data, raw.read(1)[:, 3])
    np.testing.assert_allclose(one.traj, raw.coordinates(1)[3][:, ::-1], atol=1e-7)


def test_several_spokes_follow_a_pulse():
    sequence = sequences.fisp()
    drawn = PHANTOMS[sequence.kind]((1, 16, 16), seed=1)
    kspace = []
    series = acquire(drawn, sequence, spokes_per_pulse=2, n_coils=1, kspace=kspace)
    assert kspace[0].samples.shape == (1, 2000, 32) and series.signal.shape[0] == 1000


def test_gradient_delays_shift_spokes_but_not_the_trajectory_that_is_told():
    """Samples turn by the phase of the shift, for a point beside the center."""
    sequence = sequences.t1ff()
    drawn = PHANTOMS[sequence.kind]((1, 32, 32), seed=1).truth()
    for key, values in drawn.items():
        point = np.full_like(values, np.nan)
        point[0, 20, 9] = {"FF": 0.1, "T1H2O": 1200.0, "T1fat": 300.0, "Df": 0.0, "B1": 1.0}[key]
        drawn[key] = point
    given, shifted = [], []
    acquire(drawn, sequence, n_coils=1, snr_db=None, kspace=given)
    acquire(drawn, sequence, n_coils=1, snr_db=None, kspace=shifted, gradient_delays=(0.7, -0.4))
    assert shifted[0].trajectory == given[0].trajectory
    angles = np.deg2rad(given[0].trajectory.angles_deg)[:, None]
    turn = 0.7 * np.cos(angles) * (9 - 16) - 0.4 * np.sin(angles) * (20 - 16)
    expected = given[0].samples * np.exp(-2j * np.pi * turn / 64)
    assert np.abs(shifted[0].samples - expected).max() < 1e-3 * np.abs(expected).max()


@pytest.mark.parametrize(
    "words", [["--mode", "noise-only", "--gradient-delays", "1", "0"],
              ["--gradient-delays", "1", "nan"], ["--gradient-delays", "0", "90"]],
)  # fmt: skip
def test_delays_that_cannot_be_are_refused(tmp_path, words):
    assert main(["phantom", *words, "--size", "32", "--output", str(tmp_path / "x")]) == 3
    assert not (tmp_path / "x").exists()


def test_report_is_printed(folder, capsys):
    assert main(["raw", str(folder / "raw.h5"), "--sequence", "t1ff"]) == 0
    assert "1400 readouts of a slice" in capsys.readouterr().out
    assert main(["raw", str(folder / "raw.h5"), "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"found", "taken", "left_out", "assumed"}


def test_modes_without_raw_data_are_refused(tmp_path, capsys):
    words = ["phantom", "--raw", "--mode", "noise-only", "--output", str(tmp_path / "x")]
    assert main(words) == 2
    assert not (tmp_path / "x").exists()
