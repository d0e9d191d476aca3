"""Pulseq files as sequences and as trajectories."""

import numpy as np
import pypulseq
import pytest
from places import SHARED, needs
from raw_cases import FLIPS_DEG, header, samples, write_mrd, write_seq

from napari_mrf import MRFInputError, load_raw
from napari_mrf.data import sequences
from napari_mrf.data.pulseq import load_pulseq

REAL = SHARED / "data" / "real"
real = needs(REAL)


def test_angles_times_and_phases_are_those_played(tmp_path):
    sequence = sequences.load(write_seq(tmp_path / "a.seq"))
    np.testing.assert_allclose(sequence.flip_angles_deg, FLIPS_DEG, atol=1e-3)
    np.testing.assert_allclose(sequence.rf_phases_deg, [0, 30, 60, 90], atol=1e-3)
    assert sequence.kind == "fisp" and sequence.name == "a"
    # From the middle of the block pulse (0.2 ms of 0.4): prephasing 1 ms, rise, half the readout.
    rise = sequence.echo_times_ms - (0.2 + 1.0 + 0.16)
    np.testing.assert_allclose(rise, rise[0], atol=1e-6)
    assert rise[0] == pytest.approx(32 / 0.128 / 32e-5 / (120 * 42.576e6) * 1e3, abs=0.011)
    assert np.ptp(sequence.repetition_times_ms[:-1]) < 1e-6
    assert sequence.repetition_times_ms[0] == pytest.approx(0.4 + 1.0 + 0.32 + 5.0, abs=0.5)
    assert sequence.inversion_time_ms == pytest.approx(0.5 + 20.0 + 0.2, abs=0.2)


def test_without_an_inversion_there_is_none(tmp_path):
    assert sequences.load(write_seq(tmp_path / "a.seq", inversion=False)).inversion_time_ms is None


def test_other_sequences_are_refused(tmp_path):
    with pytest.raises(MRFInputError) as caught:
        sequences.load(write_seq(tmp_path / "a.seq", twice=True))
    assert caught.value.code == "bad-sequence" and "2 inversions" in caught.value.found
    (tmp_path / "b.seq").write_text("[VERSION]\nmajor one\n")
    with pytest.raises(MRFInputError) as caught:
        sequences.load(tmp_path / "b.seq")
    assert caught.value.code == "bad-sequence"


def test_a_file_that_ends_within_a_shape_is_refused_at_once(tmp_path):
    path = write_seq(tmp_path / "a.seq")
    text = path.read_text()
    assert "\n[SHAPES]" in text
    shape = text.index("num_samples", text.index("\n[SHAPES]"))
    path.write_text(text[: text.index("\n", shape) + 3])
    with pytest.raises(MRFInputError) as caught:
        sequences.load(path)
    assert caught.value.code == "bad-sequence" and "cut off" in caught.value.what


def test_coordinates_are_those_of_the_library_of_the_format(tmp_path):
    path = write_seq(tmp_path / "a.seq")
    library = pypulseq.Sequence()
    library.read(str(path))
    expected = library.calculate_kspace()[0][:2].T.reshape(4, 32, 2)
    np.testing.assert_allclose(load_pulseq(path).coordinates_per_m, expected, atol=1e-3)


@real
def test_coordinates_of_real_spirals_are_those_of_the_library(tmp_path):
    """The first excitations of the published sequence, for the library takes its time."""
    path = REAL / "pulseq_mrf" / "openmrf_test_mrf.seq"
    text = path.read_text()
    start, stop = text.index("[BLOCKS]"), text.index("[RF]")
    lines = text[start:stop].rstrip().splitlines()
    short = tmp_path / "short.seq"
    short.write_text(text[:start] + "\n".join(lines[:124]) + "\n\n" + text[stop:])
    library = pypulseq.Sequence()
    library.read(str(short))
    expected = library.calculate_kspace()[0][:2].T.reshape(-1, 3072, 2)
    found = load_pulseq(short)
    assert found.n_noise == 100 and len(found.coordinates_per_m) == 4
    np.testing.assert_allclose(found.coordinates_per_m, expected[100:], atol=0.02)


def test_a_receiver_whose_phase_changes_is_not_modeled(tmp_path):
    path = write_seq(tmp_path / "a.seq", receiver_deg=30)
    with pytest.raises(MRFInputError) as caught:
        sequences.load(path)
    assert caught.value.code == "bad-sequence" and "receiver" in str(caught.value)
    assert load_pulseq(path).coordinates_per_m.shape == (4, 32, 2)


def test_trajectory_of_a_raw_file_that_has_none(tmp_path):
    values = samples((1, 2, 4, 32))
    path = write_mrd(tmp_path / "a.h5", values, xml=header(matrix=32, view=128.0))
    raw = load_raw(path, trajectory=write_seq(tmp_path / "a.seq"))
    points = raw.coordinates(0)
    radii = (np.arange(32) + 0.5 - 16) / 32  # samples are in the middle of their dwell time
    for number in range(4):
        along = 1 - number % 2  # (ky, kx)
        np.testing.assert_allclose(points[number, :, along], radii, atol=1e-6)
        np.testing.assert_allclose(points[number, :, 1 - along], 0, atol=1e-6)
    assert any("1/m" in one for one in raw.report.taken)


@real
def test_published_fingerprinting_sequence():
    path = REAL / "pulseq_mrf" / "openmrf_test_mrf.seq"
    sequence = sequences.load(path)
    flips = np.loadtxt(REAL / "schedules" / "openmrf_yun_fa.txt")
    times = np.loadtxt(REAL / "schedules" / "openmrf_yun_tr.txt")
    np.testing.assert_allclose(sequence.flip_angles_deg, flips, atol=1e-3)
    # The file is on a raster of 10 us, and has no pause at its end.
    np.testing.assert_allclose(sequence.repetition_times_ms[:-1], times[:-1], atol=0.02)
    np.testing.assert_allclose(sequence.echo_times_ms, 2.021, atol=1e-3)
    assert sequence.inversion_time_ms == pytest.approx(18.02, abs=0.01)
    played = load_pulseq(path)
    assert played.coordinates_per_m.shape == (1000, 3072, 2) and played.n_noise == 100
    assert np.abs(played.coordinates_per_m).max() * 0.256 == pytest.approx(128.55, abs=0.01)


@real
def test_a_cardiac_sequence_of_many_preparations_is_refused():
    with pytest.raises(MRFInputError) as caught:
        sequences.load(REAL / "pulseq_mrf" / "openmrf_test_cmrf.seq")
    assert caught.value.code == "bad-sequence" and "inversions" in caught.value.found


def test_an_older_version_is_named(tmp_path):
    path = tmp_path / "old.seq"
    path.write_text("# Pulseq sequence file\n[VERSION]\nmajor 1\nminor 3\nrevision 1\n\n"
                    "[BLOCKS]\n1 x y\n")  # fmt: skip
    with pytest.raises(MRFInputError) as caught:
        sequences.load(path)
    assert "1.4" in caught.value.expected and "version 1.3" in caught.value.found
