"""Siemens raw files, byte by byte and real ones, beside what twixtools makes of them."""

import struct

import numpy as np
import pytest
import twixtools
from places import SHARED, needs
from raw_cases import (
    NOISE_BIT,
    PROTOCOL,
    REVERSED_BIT,
    radial,
    samples,
    twix_measurement,
    twix_record,
    write_twix,
)

from napari_mrf import MRFInputError, load_raw
from napari_mrf.kspace import nufft

REAL = SHARED / "data" / "real" / "twix_siemens"
real = needs(REAL)
VALUES = samples((3, 12, 16))


def records(values=VALUES, **counters):
    return [
        twix_record(values[:, r], line=r, scan=1 + r, **counters) for r in range(values.shape[1])
    ]


def noise_measurement(values):
    return twix_measurement([twix_record(values, flags=1 << NOISE_BIT)])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "meas.dat"


def refused(code, path, **options):
    with pytest.raises(MRFInputError) as caught:
        load_raw(path, **options)
    assert caught.value.code == code and caught.value.hint
    return caught.value


def test_samples_are_those_written_and_the_last_measurement_is_the_scan(path):
    noise = samples((3, 80), seed=4)
    write_twix(path, noise_measurement(noise), twix_measurement(records()))
    raw = load_raw(path, trajectory="golden-angle")
    np.testing.assert_array_equal(raw.read(0), VALUES)
    np.testing.assert_array_equal(raw.noise, noise[:, 20:])
    np.testing.assert_allclose(raw.coordinates(0), radial()[..., ::-1], atol=1e-12)
    assert raw.matrix == (8, 8) and raw.field_of_view_mm == (16.0, 16.0)
    assert raw.dwell_time_us == 5.0
    assert load_raw(path).coordinates(0) is None


def test_earlier_scans_are_listed_and_can_be_picked(path):
    write_twix(path, twix_measurement(records(2 * VALUES)), twix_measurement(records()))
    raw = load_raw(path)
    np.testing.assert_array_equal(raw.read(0), VALUES)
    assert any("measurement 0: 12 readouts" in one for one in raw.report.left_out)
    np.testing.assert_array_equal(load_raw(path, measurement=0).read(0), 2 * VALUES)
    refused("bad-option", path, measurement=2)


def test_readouts_are_sorted_by_their_counters(path):
    shuffled = records()
    np.random.default_rng(5).shuffle(shuffled)
    raw = load_raw(write_twix(path, twix_measurement(shuffled)))
    np.testing.assert_array_equal(raw.read(0), VALUES)


def test_reversed_readouts_run_backward_through_the_center_that_the_header_counts_forward(path):
    values = [twix_record(VALUES[:, r], line=r, scan=r, flags=(r % 2) << REVERSED_BIT)
              for r in range(12)]  # fmt: skip
    raw = load_raw(write_twix(path, twix_measurement(values)), trajectory="golden-angle")
    points, plain = raw.coordinates(0), radial()[..., ::-1]
    np.testing.assert_allclose(points[::2], plain[::2], atol=1e-12)
    np.testing.assert_allclose(points[1::2], plain[1::2, ::-1], atol=1e-12)


def test_files_of_earlier_software_are_read(path):
    """VB has no table of measurements, and a header before each channel."""
    content = twix_measurement([])[: -len(twix_record(np.zeros((0, 0))))]
    for r in range(12):
        for coil in range(3):
            head = struct.pack("<IiIII Q HH", 0, 1, 1 + r, 0, 0, 0, 16, 3)
            head += struct.pack("<14H 2H HHfI HH", r, *[0] * 13, 0, 0, 8, 0, 0.0, 0, 4, 0)
            head += bytes(16) + struct.pack("<3f4f", 1.0, 2.0, 3.0, 1.0, 0.0, 0.0, 0.0) + bytes(4)
            content += head + VALUES[coil, r].astype("<c8").tobytes()
    protocol = PROTOCOL.ljust(20_000)
    text = b"MeasYaps\0" + struct.pack("<I", len(protocol)) + protocol.encode()
    start = struct.unpack("<I", content[:4])[0]
    text = struct.pack("<II", 8 + len(text), 1) + text
    path.write_bytes(text + content[start:])
    raw = load_raw(path)
    np.testing.assert_array_equal(raw.read(0), VALUES)
    assert raw.matrix == (8, 8)
    assert any("no end" in one for one in raw.report.left_out)


def test_a_measurement_without_its_end_is_told(path):
    raw = load_raw(write_twix(path, twix_measurement(records()[:9], ended=False)))
    assert raw.n_readouts == 9
    assert any("aborted" in one for one in raw.report.left_out)


def test_files_that_end_early_are_refused_with_both_sizes(path):
    write_twix(path, twix_measurement(records()), cut=700)
    error = refused("truncated", path)
    assert error.expected and error.found


def test_a_file_without_image_readouts_is_refused(path):
    refused("no-readouts", write_twix(path, noise_measurement(samples((3, 80)))))


def test_coils_that_change_are_named(path):
    other = [*records(), twix_record(VALUES[:2, 0], line=12, scan=13)]
    error = refused("coils-change", write_twix(path, twix_measurement(other)))
    assert "step_1 12" in error.found


def test_records_without_a_length_do_not_loop(path):
    sync = bytearray(twix_record(np.zeros((0, 0)), flags=1 << 5))
    sync[:4] = bytes(4)
    refused("corrupt-readouts", write_twix(path, twix_measurement([bytes(sync), *records()])))


@real
def test_a_real_gradient_echo_is_the_image_of_an_independent_transform():
    raw = load_raw(REAL / "gre.dat", trajectory="cartesian")
    image = nufft.adjoint(raw.read(0), raw.coordinates(0), raw.matrix)
    scan = twixtools.read_twix(str(REAL / "gre.dat"), verbose=False)[-1]
    kspace = np.zeros((160, 2, 320), complex)
    for readout in scan["mdb"]:
        if readout.is_image_scan():
            kspace[readout.cLin] = readout.data
    whole = np.fft.ifft2(np.fft.ifftshift(kspace.transpose(1, 0, 2), (1, 2)))
    expected = np.fft.fftshift(whole, (1, 2))[..., 80:240]
    one, other = (np.sqrt((np.abs(both) ** 2).sum(0)).ravel() for both in (image, expected))
    assert np.corrcoef(one, other)[0, 1] > 0.9999
    geometry = scan["geometry"][0]
    phase, readout, normal = geometry.prs_to_pcs().T
    to_ras = np.diag([-1.0, -1.0, 1.0])
    np.testing.assert_allclose(
        raw.directions, np.stack([readout, phase, normal]) @ to_ras, atol=1e-6
    )
    middle = raw.affine @ [80, 80, 0, 1]
    np.testing.assert_allclose(middle[:3], to_ras @ geometry.offset, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(raw.affine[:3, :3], axis=0), [1.25, 1.25, 4.0])


@real
def test_phase_correction_of_a_real_echo_planar_scan_is_left_out():
    raw = load_raw(REAL / "epi.dat", trajectory="cartesian")
    scan = twixtools.read_twix(str(REAL / "epi.dat"), verbose=False)[-1]
    images = [one for one in scan["mdb"] if one.is_image_scan()]
    assert raw.n_readouts == len(images) == 80
    samples_read = raw.read(0)
    for row, one in enumerate(images):
        np.testing.assert_array_equal(samples_read[:, row], one.data)
    assert any("3 readouts" in one for one in raw.report.left_out)
    assert any("reversed" in one for one in raw.report.taken)
