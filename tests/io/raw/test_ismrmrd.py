"""ISMRMRD files, written by the library of the format, are read as they were meant."""

import h5py
import ismrmrd
import numpy as np
import pytest
from places import SHARED, needs
from raw_cases import header, radial, samples, write_mrd

from napari_mrf import MRFInputError, Sequence, load_raw
from napari_mrf.data import sequences
from napari_mrf.io.raw.ismrmrd_write import write_ismrmrd
from napari_mrf.kspace import nufft

SPIRALS = SHARED / "data" / "real" / "mrd_spiral"
VALUES = samples((2, 3, 12, 16))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scan.h5"


def refused(code, path, **options):
    with pytest.raises(MRFInputError) as caught:
        load_raw(path, **options)
    assert caught.value.code == code and caught.value.hint
    return caught.value


def test_samples_trajectory_and_noise_are_those_written(path):
    noise = samples((3, 64), seed=1)
    write_mrd(path, VALUES, radial(), noise=noise)
    raw = load_raw(path)
    assert (raw.n_slices, raw.n_coils, raw.n_readouts, raw.n_samples) == VALUES.shape
    for z in range(2):
        np.testing.assert_array_equal(raw.read(z), VALUES[z])
        np.testing.assert_allclose(raw.coordinates(z), radial()[..., ::-1], atol=1e-7)
        np.testing.assert_array_equal(raw.pulses(z), np.arange(12))
    assert raw.read(0).dtype == np.complex64 and raw.coordinates(0).dtype == np.float64
    assert len(raw.trajectories) == 1
    # Twice the dwell time is half the variance.
    np.testing.assert_allclose(raw.noise, noise[:, 20:] * np.sqrt(2.0), rtol=1e-6)
    assert raw.matrix == (16, 16) and raw.field_of_view_mm == (32.0, 32.0)
    assert raw.dwell_time_us == 4.0


def test_position_is_that_of_the_middle_voxel_and_points_right_and_front(path):
    raw = load_raw(write_mrd(path, VALUES, radial()))
    for z in range(2):
        place = raw.affine @ [8, 8, z, 1]
        np.testing.assert_allclose(place[:3], [-10.0, 20.0, 5.0 + 6.0 * z], atol=1e-5)
    np.testing.assert_allclose(raw.affine[:3, :3], np.diag([-2.0, -2.0, 6.0]), atol=1e-6)
    np.testing.assert_allclose(raw.directions, np.diag([-1.0, -1.0, 1.0]))


def test_order_of_the_file_does_not_matter(path):
    order = [(z, r) for z in range(2) for r in range(12)]
    np.random.default_rng(3).shuffle(order)
    raw = load_raw(write_mrd(path, VALUES, radial(), order=[tuple(one) for one in order]))
    for z in range(2):
        np.testing.assert_array_equal(raw.read(z), VALUES[z])
    np.testing.assert_allclose(raw.coordinates(1), radial()[..., ::-1], atol=1e-7)


def test_scan_counter_orders_readouts_whose_other_counters_repeat(path):
    def change(one, z, r):
        one.idx.kspace_encode_step_1, one.scan_counter = r % 4, 100 + r
        return one

    order = [(0, r) for r in range(12)][::-1]
    raw = load_raw(write_mrd(path, VALUES[:1], radial(), order=order, change=change))
    np.testing.assert_array_equal(raw.read(0), VALUES[0])
    assert "scan counter" in raw.report.text()


def test_a_counter_that_goes_on_from_slice_to_slice_numbers_readouts_within_each(path):
    def change(one, z, r):
        one.idx.kspace_encode_step_1 = 12 * z + r
        return one

    order = [(z, r) for z in range(2) for r in range(12)][::-1]
    raw = load_raw(write_mrd(path, VALUES, radial(), order=order, change=change))
    np.testing.assert_array_equal(raw.read(1), VALUES[1])
    np.testing.assert_array_equal(raw.pulses(1), np.arange(12))
    assert any("goes on" in one for one in raw.report.assumed)


def test_slices_that_hold_different_readouts_are_refused(path):
    def change(one, z, r):
        return one if (r < 7 if z == 0 else r > 5) else None

    refused("missing-readouts", write_mrd(path, VALUES, radial(), change=change))


def test_counters_that_contradict_each_other_are_asked_about(path):
    def change(one, z, r):
        one.scan_counter = 50 - r
        return one

    refused("ambiguous-order", write_mrd(path, VALUES, radial(), change=change))


def test_without_any_counter_the_order_of_the_file_is_taken_and_told(path):
    def change(one, z, r):
        one.idx.kspace_encode_step_1 = 0
        return one

    raw = load_raw(write_mrd(path, VALUES[:1], radial(), change=change))
    np.testing.assert_array_equal(raw.read(0), VALUES[0])
    assert any("as in the file" in one for one in raw.report.assumed)


FLAGS = [
    ismrmrd.ACQ_IS_PARALLEL_CALIBRATION, ismrmrd.ACQ_IS_NAVIGATION_DATA,
    ismrmrd.ACQ_IS_PHASECORR_DATA, ismrmrd.ACQ_IS_DUMMYSCAN_DATA, ismrmrd.ACQ_IS_RTFEEDBACK_DATA,
    ismrmrd.ACQ_IS_HPFEEDBACK_DATA, ismrmrd.ACQ_IS_SURFACECOILCORRECTIONSCAN_DATA,
]  # fmt: skip


@pytest.mark.parametrize("flag", FLAGS)
def test_readouts_for_other_purposes_are_left_out_and_told(path, flag):
    def change(one, z, r):
        other = ismrmrd.Acquisition.from_array(samples((3, 16), seed=9), radial()[0].astype("f4"))
        other.setFlag(flag)
        other.idx.slice = z
        return [other, one] if r == 0 else one

    raw = load_raw(write_mrd(path, VALUES, radial(), change=change))
    np.testing.assert_array_equal(raw.read(1), VALUES[1])
    assert any(one.startswith("2 ") for one in raw.report.left_out)


@pytest.mark.parametrize(
    "flag", [ismrmrd.ACQ_LAST_IN_MEASUREMENT, ismrmrd.ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING]
)
def test_last_readout_and_calibration_that_is_image_too_are_kept(path, flag):
    def change(one, z, r):
        if r == 11:
            one.setFlag(flag)
            one.setFlag(ismrmrd.ACQ_IS_PARALLEL_CALIBRATION) if flag == 21 else None
        return one

    raw = load_raw(write_mrd(path, VALUES, radial(), change=change))
    np.testing.assert_array_equal(raw.read(0), VALUES[0])


def test_samples_to_discard_are_cut_from_data_and_trajectory_alike(path):
    def change(one, z, r):
        one.discard_pre, one.discard_post = 3, 2
        return one

    raw = load_raw(write_mrd(path, VALUES, radial(), change=change))
    assert raw.n_samples == 11
    np.testing.assert_array_equal(raw.read(0), VALUES[0, ..., 3:14])
    np.testing.assert_allclose(raw.coordinates(0), radial()[:, 3:14, ::-1], atol=1e-7)


@pytest.mark.parametrize(
    ("scale", "unit"), [(1.0, "cycles/voxel"), (16.0, "1/FOV"), (2 * np.pi, "rad/voxel")]
)
def test_units_of_trajectories_are_told_by_their_range(path, scale, unit):
    raw = load_raw(write_mrd(path, VALUES, radial() * scale))
    np.testing.assert_allclose(raw.coordinates(0), radial()[..., ::-1], atol=1e-6)
    assert any(f"in {unit}" in one for one in raw.report.taken)


def test_samples_beyond_the_edge_are_counted_up_to_two_per_cent(path):
    raw = load_raw(write_mrd(path, VALUES, radial() * 1.015))
    beyond = np.count_nonzero(np.abs(radial() * 1.015).max(-1) > 0.5)
    assert beyond and any(f"and {beyond} of 192 samples" in one for one in raw.report.taken)
    np.testing.assert_allclose(raw.coordinates(0), 1.015 * radial()[..., ::-1], atol=1e-6)
    path.unlink()
    refused("trajectory-unit", write_mrd(path, VALUES, radial() * 1.03))


@pytest.mark.parametrize("scale", [0.1, 1.5, 40.0])
def test_ranges_that_fit_no_unit_are_refused_unless_it_is_said(path, scale):
    write_mrd(path, VALUES, radial() * scale)
    error = refused("trajectory-unit", path)
    assert f"{0.5 * scale:.4g}" in str(error.found)
    raw = load_raw(path, trajectory_unit="cycles/voxel")
    np.testing.assert_allclose(
        raw.coordinates(0), scale * radial()[..., ::-1], rtol=1e-6, atol=1e-6
    )


def test_density_weights_beside_the_coordinates_are_left_out(path):
    weights = np.abs(radial()[..., :1]) + 0.1
    raw = load_raw(write_mrd(path, VALUES, np.concatenate([radial(), weights], -1)))
    np.testing.assert_allclose(raw.coordinates(0), radial()[..., ::-1], atol=1e-7)
    assert any("density" in one for one in raw.report.left_out)
    path.unlink()
    refused("three-dimensional", write_mrd(path, VALUES, radial()[..., [0, 1, 1]]))


def test_matrix_is_that_of_the_images_at_the_resolution_that_was_encoded(path):
    # Oversampled twice along both, and images interpolated to 64 voxels.
    xml = header(matrix=16, view=64.0, recon_matrix=64, recon_view=32.0)
    raw = load_raw(write_mrd(path, VALUES, radial(), xml=xml))
    assert raw.matrix == (8, 8) and raw.field_of_view_mm == (32.0, 32.0)
    # Voxels of half the size, in which k-space reaches half as far.
    finer = load_raw(path, matrix=16)
    assert finer.matrix == (16, 16) and finer.field_of_view_mm == (32.0, 32.0)
    np.testing.assert_allclose(finer.coordinates(0), 0.5 * raw.coordinates(0), atol=1e-9)
    np.testing.assert_allclose(finer.affine[:3, :2], raw.affine[:3, :2] / 2)
    ruled = [load_raw(path, matrix=n, trajectory="golden-angle").coordinates(0) for n in (16, 8)]
    np.testing.assert_allclose(ruled[0], 0.5 * ruled[1], atol=1e-9)


def test_encoded_lines_that_are_a_number_of_readouts_make_no_flat_voxels(path):
    xml = header().replace("<y>16</y>", "<y>1400</y>", 1)
    raw = load_raw(write_mrd(path, VALUES, radial(), xml=xml))
    assert raw.matrix == (16, 16)


def test_missing_readouts_are_named_and_keep_their_pulses(path):
    def change(one, z, r):
        return None if (z, r) in ((0, 4), (1, 7)) else one

    raw = load_raw(write_mrd(path, VALUES, radial(), xml=header(limit=11), change=change))
    kept = [0, 1, 2, 3, 5, 6, 8, 9, 10, 11]
    np.testing.assert_array_equal(raw.pulses(0), kept)
    np.testing.assert_array_equal(raw.read(1), VALUES[1][:, kept])
    assert any("2 of 12 readouts" in one and "4, 7" in one for one in raw.report.left_out)


def test_aborted_measurements_are_told(path):
    def change(one, z, r):
        return None if r >= 9 or (z == 1 and r >= 3) else one

    raw = load_raw(write_mrd(path, VALUES, radial(), xml=header(limit=11), change=change))
    assert (raw.n_slices, raw.n_readouts, raw.n_planned) == (1, 9, 12)
    text = raw.report.text()
    assert "last 3 of 12" in text and "Slice 1: it was aborted after 3 of 9" in text


def test_doubled_readouts_are_named(path):
    write_mrd(path, VALUES, radial(), change=lambda one, z, r: [one, one] if r == 5 else one)
    error = refused("doubled-readouts", path)
    assert "slice 0, step_1 5" in error.found


def test_coils_and_samples_that_change_are_named(path):
    def fewer(one, z, r):
        if (z, r) != (1, 3):
            return one
        other = ismrmrd.Acquisition.from_array(samples((2, 16)), radial()[3].astype("f4"))
        other.idx.slice, other.idx.kspace_encode_step_1 = 1, 3
        return other

    error = refused("coils-change", write_mrd(path, VALUES, radial(), change=fewer))
    assert "2 in readout slice 1, step_1 3" in error.found

    def shorter(one, z, r):
        one.discard_post = r == 2
        return one

    path.unlink()
    error = refused("samples-change", write_mrd(path, VALUES, radial(), change=shorter))
    assert "step_1 2" in error.found


def test_noise_of_other_coils_is_refused(path):
    refused("coils-change", write_mrd(path, VALUES, radial(), noise=samples((2, 64))))


def test_readouts_that_are_not_finite_are_named_when_they_are_read(path):
    values = VALUES.copy()
    values[1, 2, 7, 3] = np.nan
    raw = load_raw(write_mrd(path, values, radial()))
    raw.read(0)
    with pytest.raises(MRFInputError, match="readouts 7") as caught:
        raw.read(1)
    assert caught.value.code == "corrupt-readouts"


def test_repetitions_are_measurements_that_are_asked_for(path):
    values = samples((4, 3, 12, 16))

    def change(one, z, r):
        one.idx.slice, one.idx.repetition = z % 2, z // 2
        return one

    write_mrd(path, values, radial(), change=change)
    error = refused("several-measurements", path)
    assert "--measurement" in error.hint and "repetition 1" in error.found
    np.testing.assert_array_equal(load_raw(path, measurement=1).read(1), values[3])
    refused("bad-option", path, measurement=2)


def test_repetitions_of_one_readout_count_pulses(path):
    def change(one, z, r):
        one.idx.repetition, one.idx.kspace_encode_step_1 = r, r % 3
        one.scan_counter = 1 + r
        return one

    raw = load_raw(write_mrd(path, VALUES[:1], radial(), change=change))
    np.testing.assert_array_equal(raw.read(0), VALUES[0])


def test_groups_and_encoding_spaces_are_measurements(path):
    write_mrd(path, VALUES, radial())
    write_mrd(path, 2 * VALUES, radial(), group="second")
    refused("several-measurements", path)
    np.testing.assert_array_equal(load_raw(path, measurement=1).read(0), 2 * VALUES[0])
    path.unlink()

    def change(one, z, r):
        one.encoding_space_ref = z
        return one

    write_mrd(path, VALUES, radial(), xml=header(encodings=2), change=change)
    refused("several-measurements", path)
    assert load_raw(path, measurement=1).n_slices == 1


def test_reversed_readouts_by_rule_run_backward_through_their_center(path):
    def change(one, z, r):
        if r % 2:
            one.setFlag(ismrmrd.ACQ_IS_REVERSE)
            one.center_sample = 7
        return one

    raw = load_raw(write_mrd(path, VALUES, change=change), trajectory="golden-angle")
    points, plain = raw.coordinates(0), radial()[..., ::-1]
    np.testing.assert_allclose(points[::2], plain[::2], atol=1e-12)
    np.testing.assert_allclose(points[1::2], plain[1::2, ::-1], atol=1e-12)


def test_trajectory_by_rule_is_that_of_the_readouts_that_are_there(path):
    def change(one, z, r):
        return None if r == 4 else one

    write_mrd(path, VALUES, xml=header(limit=11), change=change)
    assert load_raw(path).coordinates(0) is None
    points = load_raw(path, trajectory=f"radial:{23.63}").coordinates(0)
    expected = radial(increment_deg=23.63)[..., ::-1]
    np.testing.assert_allclose(points, np.delete(expected, 4, axis=0), atol=1e-12)
    refused("bad-option", path, trajectory="radial:x")


def test_trajectory_given_as_an_array_goes_before_that_of_the_file(path):
    write_mrd(path, VALUES, radial())
    raw = load_raw(path, trajectory=radial(increment_deg=10.0))
    np.testing.assert_allclose(
        raw.coordinates(0), radial(increment_deg=10.0)[..., ::-1], atol=1e-12
    )
    assert any("trajectory of the file" in one for one in raw.report.left_out)
    refused("bad-trajectory", path, trajectory=radial(11))


def test_slices_follow_their_positions_not_their_counters(path):
    places = [3, 0, 2, 1]
    values = samples((4, 2, 12, 16))

    def change(one, z, r):
        one.position[:] = [0.0, 0.0, 6.0 * places[z]]
        return one

    raw = load_raw(write_mrd(path, values, radial(), change=change))
    for z in range(4):
        np.testing.assert_array_equal(raw.read(z), values[places.index(z)])
    assert raw.affine[2, 2] == pytest.approx(6.0)


def test_slices_that_make_no_even_stack_have_no_geometry(path):
    def change(one, z, r):
        one.position[:] = [0.0, 0.0, [0.0, 6.0, 20.0][z]]
        return one

    raw = load_raw(write_mrd(path, samples((3, 2, 12, 16)), radial(), change=change))
    assert raw.affine is None
    assert any("equally far apart" in one for one in raw.report.left_out)


def test_pulses_follow_the_sequence(path):
    write_mrd(path, samples((1, 1, 12, 16)), radial())
    sequence = sequences.t1ff()
    four = type(sequence)(name="s", kind="fisp", flip_angles_deg=[10.0] * 4,
                          repetition_times_ms=9.0, echo_times_ms=2.0)  # fmt: skip
    np.testing.assert_array_equal(load_raw(path, sequence=four).pulses(0), np.arange(12) // 3)
    raw = load_raw(path, sequence=sequence)
    np.testing.assert_array_equal(raw.pulses(0), np.arange(12))
    assert "1400 pulses" in raw.report.text()
    five = type(sequence)(name="s", kind="fisp", flip_angles_deg=[10.0] * 5,
                          repetition_times_ms=9.0, echo_times_ms=2.0)  # fmt: skip
    refused("readouts-mismatch", path, sequence=five)


def test_waveforms_are_left_out_and_told(path):
    write_mrd(path, VALUES, radial())
    with ismrmrd.Dataset(str(path)) as file:
        file.append_waveform(ismrmrd.Waveform.from_array(np.ones((1, 8), np.uint32)))
    assert "1 waveforms" in load_raw(path).report.text()


def test_headers_that_lie_about_lengths_are_refused_before_memory_is_taken(path):
    write_mrd(path, VALUES, radial())
    with h5py.File(path, "r+") as file:
        record = file["dataset/data"][3]
        record["head"]["number_of_samples"] = 60_000
        file["dataset/data"][3] = record
    refused("corrupt-readouts", path)


def test_files_that_end_early_are_refused(path):
    write_mrd(path, VALUES, radial())
    path.write_bytes(path.read_bytes()[:-500])
    error = refused("truncated", path)
    assert error.expected and error.found


def test_headers_with_entities_are_refused(path):
    xml = '<!DOCTYPE x [<!ENTITY a "b">]>' + header().split("?>", 1)[-1]
    refused("security-xml", write_mrd(path, VALUES, radial(), xml=xml))


@pytest.mark.parametrize("damage", [("<x>16</x>", "<x>0</x>"), ("</encoding>", ""), ("16", "many")])
def test_broken_headers_are_refused(path, damage):
    refused("bad-header", write_mrd(path, VALUES, radial(), xml=header().replace(*damage)))


def test_a_point_lands_on_its_voxel(path):
    """A source at voxel (y, x) is where the inverse of the standard sign puts it."""
    n, (y, x) = 16, (11, 3)
    points = radial(64, 32)
    phase = points[..., 0] * (x - n // 2) + points[..., 1] * (y - n // 2)
    values = np.exp(-2j * np.pi * phase).astype(np.complex64)[None, None]
    raw = load_raw(write_mrd(path, values, points))
    weights = np.abs(points).max(-1)
    image = nufft.adjoint((raw.read(0) * weights).astype(np.complex64), raw.coordinates(0), (n, n))
    assert np.unravel_index(np.abs(image[0]).argmax(), (n, n)) == (y, x)


@needs(SPIRALS)
def test_simulated_spirals_of_others_are_read():
    raw = load_raw(SPIRALS / "jemris_spiral_16acq.h5")
    assert (raw.n_readouts, raw.n_samples, raw.matrix) == (15, 4940, (220, 220))
    assert any("1/FOV" in one for one in raw.report.taken)
    np.testing.assert_array_equal(raw.pulses(0), np.arange(64, 79))
    assert np.abs(raw.coordinates(0)).max() == pytest.approx(109.90397 / 220, rel=1e-5)


@needs(SPIRALS)
def test_real_metadata_in_a_unit_of_its_own_are_asked_about():
    path = SPIRALS / "meta_spiralout_gre_fatsat_7T_15f2a.h5"
    refused("trajectory-unit", path)
    raw = load_raw(path, trajectory_unit="rad/voxel")
    assert (raw.n_readouts, raw.n_coils, raw.n_samples) == (15, 32, 974)


def test_report_says_what_a_sequence_and_empty_readouts_mean(tmp_path):
    """Read by a physicist: one thing is not two, and nothing is taken without a word."""
    values = samples((1, 1, 12, 16))

    def some_empty(one, z, r):
        return ismrmrd.Acquisition() if r == 3 else one

    def played(n):
        return Sequence(name="train", kind="fisp", flip_angles_deg=[5.0] * n,
                        repetition_times_ms=9.0, echo_times_ms=2.0)  # fmt: skip

    path = write_mrd(tmp_path / "scan.h5", values, radial(), change=some_empty)
    text = load_raw(path).report.text()
    assert (
        "1 slice, 1 coil, 11 readouts of a slice, 16 samples of a readout, one every 4 µs" in text
    )
    assert "1 readout without samples." in text and "(s)" not in text
    whole = write_mrd(tmp_path / "whole.h5", values, radial())
    fitting = load_raw(whole, sequence=played(12)).report
    assert "One readout for each of the 12 pulses of train." in fitting.taken
    assumed = load_raw(whole, sequence=played(20)).report.assumed
    assert "12 readouts of a slice for the 20 pulses of train" in assumed[-1]


def test_a_unit_that_leaves_most_of_k_space_out_is_asked_about(tmp_path):
    path = write_mrd(tmp_path / "scan.h5", samples((1, 1, 12, 16)), radial() / 50)
    with pytest.raises(MRFInputError):
        load_raw(path)
    report = load_raw(path, trajectory_unit="cycles/voxel").report
    assert "reaches 2 % of the edge" in report.assumed[-1]


@pytest.mark.parametrize(("name", "said"), [("a.seq", "--trajectory"), ("a.npy", "kdata")])
def test_files_that_go_with_raw_files_are_told_from_them(tmp_path, name, said):
    (tmp_path / name).write_bytes(b"# Pulseq sequence file\n")
    with pytest.raises(MRFInputError, match=said) as caught:
        load_raw(tmp_path / name)
    assert caught.value.code == "unknown-raw" and ".mrd" in caught.value.expected


def test_a_full_disk_is_told_before_the_library_meets_it(tmp_path):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(OSError, match="large"):
            write_ismrmrd(tmp_path / "scan.h5", [samples((4, 400, 128))], radial(400, 128),
                          samples((4, 64)), matrix=(64, 64), affine=None,
                          dwell_time_us=5.0)  # fmt: skip
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
