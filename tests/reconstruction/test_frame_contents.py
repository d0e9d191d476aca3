"""Frames that hold nothing, or each its own scale, are told before there is a wrong map."""

import json

import dask.array as da
import nibabel
import numpy as np
import pytest
from matching_cases import measured, random_tissue

import napari_mrf as mrf
from napari_mrf import cli, methods
from napari_mrf.compute.steps import result_of
from napari_mrf.data.frames import frames_text, parse_frames
from napari_mrf.reconstruction.foreground import choosing_voxels

EVERYWHERE = np.ones((2, 4, 5), bool)


@pytest.fixture(scope="module")
def sequence():
    return mrf.sequences.t1ff()


@pytest.fixture(scope="module")
def signal(sequence):
    rng = np.random.default_rng(0)
    fingerprints = measured(sequence, random_tissue(40, rng), 25, rng)
    return fingerprints.T.reshape(175, 2, 4, 5)


@pytest.fixture(scope="module")
def method_of(sequence):
    made = {}

    def make(frames="all"):
        options = {"sequence": sequence, "device": "cpu", "refine": False, "frames": frames}
        return made.setdefault(frames, methods.get("water-fat", **options))

    return make


def look(method, signal):
    """Do what a reconstruction does before it matches."""
    series = signal if isinstance(signal, mrf.MRFSeries) else mrf.MRFSeries(signal)
    contents = method.contents_of(series)
    result_of(choosing_voxels(series, None, method.frames_in(series), contents))


def refused(method, signal, mask=None):
    with pytest.raises(mrf.MRFInputError) as caught:
        method.reconstruct(mrf.MRFSeries(signal), mask)
    return caught.value


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("mask", [None, EVERYWHERE])
@pytest.mark.parametrize(
    ("frames", "value", "words", "cure"),
    [
        ("150-174", 0, "frames 150-174 are 0 in every voxel", "--frames 0-149)"),
        ("150-174", np.nan, "frames 150-174 are not finite in every voxel", "--frames 0-149)"),
        ("7", np.inf, "frame 7 is not finite in every voxel", "--frames 0-6,8-174)"),
        ("0-2, 9", 0, "frames 0-2, 9 are 0 in every voxel", "--frames 3-8,10-174)"),
        ("3-172", 0, "frames 3-172 are 0 in every voxel", "Too few frames are left"),
    ],
)
def test_frames_without_signal_are_named_with_what_is_left(
    method_of, signal, frames, value, words, cure, mask, lazy
):
    faulty = signal.copy()
    faulty[list(parse_frames(frames))] = value
    error = refused(method_of(), da.from_array(faulty) if lazy else faulty, mask)
    assert error.code == "dead-frames"
    assert words in error.sentence()
    assert cure in error.sentence()


@pytest.mark.parametrize("mask", [None, EVERYWHERE])
def test_a_slice_whose_scan_was_cut_short_is_named(method_of, signal, mask):
    faulty = signal.copy()
    faulty[170:, 1] = 0
    error = refused(method_of(), faulty, mask)
    assert "frames 170-174 are 0 in every voxel of slice 1" in error.sentence()
    assert "--frames 0-169)" in error.hint
    # A slice without any signal is air.
    faulty[:, 1] = 0
    maps = method_of().reconstruct(mrf.MRFSeries(faulty), mask)
    assert np.isfinite(maps["FF"][0]).any()
    assert np.isnan(maps["FF"][1]).all()


@pytest.mark.parametrize("mask", [None, EVERYWHERE])
@pytest.mark.parametrize("value", [0, np.nan])
def test_what_is_there_is_used_when_it_is_asked_for(method_of, signal, value, mask):
    method, faulty = method_of("0-149"), signal.copy()
    faulty[150:] = value
    found = method.reconstruct(mrf.MRFSeries(faulty), mask)
    there = method.reconstruct(mrf.MRFSeries(signal[:150].copy()), mask)
    for key in found:
        np.testing.assert_array_equal(found[key], there[key])
        assert np.isfinite(found[key]).sum() > 25
    assert found.provenance["counts"] == there.provenance["counts"]


def test_frames_of_a_shorter_series_are_named_as_those_of_the_sequence(method_of, signal):
    faulty = signal[100:].copy()
    faulty[70:] = 0
    error = refused(method_of("100-174"), faulty)
    assert "frames 170-174 are 0" in error.sentence()
    assert "--frames 100-169)" in error.hint


def as_whole_numbers(images, largest):
    return np.round(images * (4095 / largest))


def scaled(signal, how):
    """Return a series whose frames were each scaled by themselves."""
    size = np.abs(signal)
    axes = (2, 3) if how.endswith("slice") else (1, 2, 3)
    largest = size.max(axis=axes, keepdims=True)
    if how.startswith("maximum"):
        return signal / largest
    if how.startswith("export"):  # magnitudes as whole numbers, phases as they were
        return as_whole_numbers(size, largest) * np.exp(1j * np.angle(signal))
    if how.startswith("parts"):  # real and imaginary images, each with its own scale
        parts = []
        for part in (signal.real, signal.imag):
            parts.append(as_whole_numbers(part, np.abs(part).max(axis=axes, keepdims=True)))
        return parts[0] + 1j * parts[1]
    return signal / np.sqrt(np.sum(size**2, axis=axes, keepdims=True))


@pytest.mark.parametrize("mask", [None, EVERYWHERE])
@pytest.mark.parametrize("how", ["maximum", "export", "parts", "norm"])
@pytest.mark.parametrize("of", ["series", "slice"])
def test_frames_scaled_one_by_one_are_refused(method_of, signal, how, of, mask):
    error = refused(method_of(), scaled(signal, f"{how} {of}").astype(np.complex64), mask)
    assert error.code == "scaled-frames"
    assert ("every frame of the series" if of == "series" else "every frame of slice") in error.what


def test_a_bright_voxel_that_never_changes_scales_nothing(method_of, signal):
    odd = signal.copy()
    odd[:, 0, 0, 0] = 0.3 + 0.4j
    maps = method_of().reconstruct(mrf.MRFSeries(odd), EVERYWHERE)
    assert maps.provenance["counts"]["no_signal"] == 1


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_the_unit_of_a_series_does_not_matter(method_of, signal, scale):
    scaled = (signal * np.float32(scale)).astype(np.complex64)
    look(method_of(), scaled)
    scaled[7] = 0
    with pytest.raises(mrf.MRFInputError, match="frame 7 is 0"):
        look(method_of(), scaled)


@pytest.mark.parametrize("snr_db", [10.0, None])
@pytest.mark.parametrize("mode", ["radial", "fully-sampled", "noise-only"])
@pytest.mark.parametrize("anatomy", ["thigh", "brain"])
def test_no_phantom_is_refused(anatomy, mode, snr_db):
    from napari_mrf.phantoms.acquisition.acquire import acquire
    from napari_mrf.phantoms.by_kind import PHANTOMS

    played = mrf.sequences.t1ff() if anatomy == "thigh" else mrf.sequences.fisp()
    drawn = PHANTOMS[played.kind]((1, 32, 32), seed=1)
    series = acquire(drawn, played, mode=mode, snr_db=snr_db, seed=1)
    series.check_complex()
    name = methods.default_name(played)
    look(methods.get(name, sequence=played, device="cpu", refine=False), series)


def test_pulses_without_flip_angle_may_give_zeros(signal, sequence):
    flips = sequence.flip_angles_deg.copy()
    flips[80:160] = 0
    played = mrf.Sequence(**{**sequence._physics(), "flip_angles_deg": flips})
    tissue = {"FF": np.linspace(0, 1, 6), "T1H2O": 1300.0, "T1fat": 300.0, "Df": 20.0}
    simulated = mrf.simulate(played, tissue).T.reshape(175, 1, 2, 3)
    assert not simulated[10:20].any()
    method = methods.get("water-fat", sequence=played, device="cpu", refine=False)
    look(method, simulated)
    simulated[15] = np.nan
    with pytest.raises(mrf.MRFInputError, match="frame 15 is not finite"):
        look(method, simulated)


@pytest.mark.parametrize(("named", "fewest"), [("t1ff", 7), ("fisp", 4), ("fisp_b1", 5)])
def test_too_few_frames_are_refused_and_the_smallest_number_said(named, fewest):
    played = getattr(mrf.sequences, named)()
    name = methods.default_name(played)
    for frames in ("0", [5], f"10-{8 + fewest}"):
        with pytest.raises(mrf.MRFInputError, match=f"at least {fewest} frames") as caught:
            methods.get(name, sequence=played, device="cpu", frames=frames)
        assert caught.value.code == "bad-frames"
    methods.get(name, sequence=played, device="cpu", refine=False, frames=f"10-{9 + fewest}")


def test_frames_are_read_as_they_are_written():
    for frames in ([0], [0, 1, 2], [0, 2, 3, 7], list(range(1000))):
        assert parse_frames(frames_text(frames)) == tuple(frames)


@pytest.fixture
def cut_short(tmp_path, signal):
    path = tmp_path / "short.nii"
    nibabel.save(nibabel.Nifti1Image(signal[:150].T.copy(), np.eye(4)), path)
    return path


@pytest.mark.parametrize("frames", ["0-149", range(150)])
def test_scan_that_was_cut_short_is_read_with_its_frames(
    cut_short, signal, sequence, method_of, frames
):
    with pytest.raises(mrf.MRFInputError, match="cut short") as caught:
        mrf.load_series(cut_short, sequence)
    assert "--frames 0-149)" in caught.value.hint
    series = mrf.load_series(cut_short, sequence, frames=frames)
    assert series.is_lazy
    assert series.sequence == sequence
    read = np.asarray(series.signal)
    np.testing.assert_array_equal(read[:150], signal[:150])
    assert np.isnan(read[150:]).all()
    np.testing.assert_array_equal(series.fingerprint(1, 2, 3), read[:, 1, 2, 3])
    np.testing.assert_array_equal(np.asarray(series.signal[148:152, 1]), read[148:152, 1])
    assert series.metadata["missing_frames"] == "150-174"
    assert any("150-174" in warning for warning in series.warnings)
    # A session reads it in the same way.
    again = mrf.load_series(cut_short, sequence, **series.metadata["reading"])
    np.testing.assert_array_equal(np.asarray(again.signal), read)
    assert refused(method_of(), series.signal).code == "dead-frames"


def test_frames_of_the_middle_lie_where_they_belong(tmp_path, signal, sequence):
    np.save(tmp_path / "s.npy", np.delete(signal, [0, 100], axis=0))
    there = "1-99, 101-174"
    series = mrf.load_series(tmp_path / "s.npy", sequence, axes="TZYX", frames=there)
    read = np.asarray(series.signal)
    assert np.isnan(read[[0, 100]]).all()
    np.testing.assert_array_equal(read[[1, 99, 101, 174]], signal[[1, 99, 101, 174]])


def test_scan_that_was_cut_short_on_the_command_line(cut_short, signal, tmp_path, method_of):
    out = tmp_path / "maps"
    words = ["reconstruct", str(cut_short), "-s", "t1ff", "--no-refine", "-o", str(out)]
    assert cli.main(words) == 3
    assert cli.main([*words, "--frames", "0-149"]) == 0
    expected = method_of("0-149").reconstruct(mrf.MRFSeries(signal[:150].copy()))
    maps = mrf.load_maps(out)
    np.testing.assert_array_equal(maps["T1H2O"], expected["T1H2O"])
    record = json.loads((out / "maps.json").read_text())["provenance"]
    assert record["input"]["missing_frames"] == "150-174"
    scan = [str(cut_short), "-s", "t1ff", "--frames", "0-149", "-o"]
    voxel = ["--voxel", "0,1,2", "--maps", str(out)]
    assert cli.main(["inspect", *scan, str(tmp_path / "inspected"), *voxel]) == 0
    quick = ["--no-refine", "--group", "50", "--repeats", "1"]
    assert cli.main(["importance", *scan, str(tmp_path / "importance"), *quick]) == 0


@pytest.mark.parametrize("frames", ["0", "0-148", "0-150", "26-176"])
def test_other_frames_than_a_short_scan_has_are_refused(cut_short, sequence, frames):
    with pytest.raises(mrf.MRFInputError) as caught:
        mrf.load_series(cut_short, sequence, frames=frames)
    assert caught.value.code == "frames-mismatch"
