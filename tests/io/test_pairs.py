"""Magnitude and phase, real and imaginary part: two files, one complex series."""

import json
import re

import h5py
import nibabel
import numpy as np
import pytest

from napari_mrf import MRFInputError, load_series


@pytest.fixture
def noisy():
    """A complex series whose phase fills -pi…pi."""
    rng = np.random.default_rng(8)
    magnitude = rng.uniform(0.1, 5, (4, 3, 2, 175)).astype(np.float32)
    phase = rng.uniform(-np.pi, np.pi, magnitude.shape).astype(np.float32)
    phase.flat[:2] = -np.pi, np.pi
    return magnitude, phase


def polar(magnitude, phase):
    return magnitude.T.astype(float) * np.exp(1j * phase.T.astype(float))


POLAR_NAMES = [
    ("sub-01_part-mag_MRF.nii.gz", "sub-01_part-phase_MRF.nii.gz"),
    ("scan_mag.nii", "scan_phase.nii"),
    ("scan_mag.nii.gz", "scan_ph.nii"),
    ("scan_magnitude.nii", "scan_phase.nii"),
    ("Scan_MAG.nii", "Scan_PHASE.nii"),
    ("scan.nii", "scan_ph.nii"),
]


@pytest.mark.parametrize("names", POLAR_NAMES)
@pytest.mark.parametrize("opened", [0, 1])
def test_magnitude_and_phase_are_joined_whichever_is_opened(nifti, noisy, names, opened):
    paths = [nifti(values, name) for values, name in zip(noisy, names, strict=True)]
    series = load_series(paths[opened])
    assert series.signal.chunks == ((175,), (1, 1), (3,), (4,))
    assert series.signal.dtype == np.complex64
    np.testing.assert_allclose(np.asarray(series.signal), polar(*noisy), rtol=2e-6, atol=2e-6)
    assert {record["path"] for record in series.metadata["sources"]} == {str(p) for p in paths}


@pytest.mark.parametrize(
    "names",
    [
        ("a_part-real_x.nii", "a_part-imag_x.nii"),
        ("a_real.nii.gz", "a_imag.nii.gz"),
        ("a_real.nii", "a_imaginary.nii"),
        ("a_re.nii", "a_im.nii"),
    ],
)
@pytest.mark.parametrize("opened", [0, 1])
def test_real_and_imaginary_part_are_joined_exactly(nifti, image, names, opened):
    parts = (image.real.copy(), image.imag.copy())
    paths = [nifti(values, name) for values, name in zip(parts, names, strict=True)]
    np.testing.assert_array_equal(np.asarray(load_series(paths[opened]).signal), image.T)


def test_real_and_imaginary_numpy_files_are_joined(tmp_path, image):
    np.save(tmp_path / "a_real.npy", image.real)
    np.save(tmp_path / "a_imag.npy", image.imag)
    series = load_series(tmp_path / "a_real.npy", axes="XYZT")
    np.testing.assert_array_equal(np.asarray(series.signal), image.T)


def test_scaled_integers_are_joined(nifti, image, patch_header):
    for part, name in ((image.real, "a_real.nii"), (image.imag, "a_imag.nii")):
        path = nifti(np.round(part * 1000).astype(np.int16), name)
        patch_header(path, scl_slope=0.001, scl_inter=-0.25)
    signal = np.asarray(load_series(path).signal)
    expected = np.round(image.T.real * 1000) / 1000 - 0.25
    np.testing.assert_allclose(signal.real, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "partner"),
    [
        ("sub-01_part-mag_MRF.nii", "sub-01_part-phase_MRF.nii"),
        ("scan_phase.nii", "scan_mag.nii"),
        ("scan_imag.nii", "scan_real.nii"),
        ("scan_re.nii", "scan_im.nii"),
    ],
)
def test_missing_partner_is_named(nifti, image, name, partner):
    path = nifti(image.real.copy(), name)
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == "partner-missing"
    assert partner in caught.value.expected


def test_real_series_without_a_pair_is_refused_with_a_cure(nifti, image):
    with pytest.raises(MRFInputError) as caught:
        load_series(nifti(image.real.copy()))
    assert caught.value.code == "not-complex"
    assert "_phase" in caught.value.hint


@pytest.mark.parametrize(
    ("shape", "order"),
    [((175, 4, 3, 2), "TXYC"), ((4, 3, 2, 175), "XYCT"), ((175, 4, 3, 5), "TXYZ"),
     ((4, 3, 5, 1000), None), ((175, 4, 3, 5, 2), "TXYZC"), ((175, 4, 3), "TXY"),
     ((9, 4, 3, 5), None)],
)  # fmt: skip
def test_order_of_a_real_nifti_file_is_suggested_by_the_frames_of_a_known_sequence(
    nifti, shape, order
):
    with pytest.raises(MRFInputError) as caught:
        load_series(nifti(np.ones(shape, np.float32)))
    suggested = re.findall(r'axes="(\w+)"', caught.value.hint)
    assert suggested == ([] if order is None else [order])


def write_hdf5(path, values):
    with h5py.File(path, "w") as file:
        file["series"] = values


def write_npz(path, values):
    np.savez(path, series=values)


def write_nifti(path, values):
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path)


WRITERS = {".npy": np.save, ".npz": write_npz, ".h5": write_hdf5, ".nii": write_nifti}


@pytest.mark.parametrize("names", [("a_real", "a_imag"), ("real", "imag"), ("RE", "im")])
@pytest.mark.parametrize("suffix", WRITERS)
def test_pair_with_frames_first_is_joined_as_the_hint_says(tmp_path, image, suffix, names):
    first = np.moveaxis(image, 3, 0)
    for part, name in zip((first.real, first.imag), names, strict=True):
        WRITERS[suffix](tmp_path / f"{name}{suffix}", np.ascontiguousarray(part))
    path = tmp_path / f"{names[0]}{suffix}"
    if suffix == ".nii":  # the format has an order, which may be meant
        said = " ".join(load_series(path).warnings)
    else:
        with pytest.raises(MRFInputError) as caught:
            load_series(path)
        assert caught.value.code == "axes-unknown"
        said = caught.value.hint
    assert all(order.startswith("T") for order in re.findall(r'axes="(\w+)"', said))
    assert 'axes="TXYZ"' in said
    np.testing.assert_array_equal(np.asarray(load_series(path, axes="TXYZ").signal), image.T)


@pytest.mark.parametrize("suffix", WRITERS)
def test_parts_on_an_axis_with_frames_first_are_read_as_the_hint_says(tmp_path, image, suffix):
    one = image[:, :, 0]
    first = np.moveaxis(np.stack([one.real, one.imag], -1), 2, 0)  # T, X, Y, C
    WRITERS[suffix](tmp_path / f"a{suffix}", np.ascontiguousarray(first))
    read_as = None if suffix == ".nii" else "TZYX"
    with pytest.raises(MRFInputError) as caught:
        load_series(tmp_path / f"a{suffix}", axes=read_as)
    assert caught.value.code == "not-complex"
    order = "TXYC" if suffix == ".nii" else "TYXC"
    assert f'axes="{order}"' in caught.value.hint
    series = load_series(tmp_path / f"a{suffix}", axes="TXYC")
    np.testing.assert_array_equal(np.asarray(series.signal)[:, 0], one.T)


def test_partner_of_the_sidecar_is_used(nifti, image):
    path = nifti(image.real.copy(), "one.nii")
    nifti(image.imag.copy(), "two.nii")
    block = {"SchemaVersion": 1, "ComplexLayout": "real", "Partner": "two.nii"}
    path.with_suffix(".json").write_text(json.dumps({"MRF": block}))
    np.testing.assert_array_equal(np.asarray(load_series(path).signal), image.T)
    block["Partner"] = "three.nii"
    path.with_suffix(".json").write_text(json.dumps({"MRF": block}))
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == "partner-missing"
    assert "three.nii" in caught.value.expected


def test_partners_that_differ_are_refused(nifti, image, affine):
    path = nifti(image.real.copy(), "a_real.nii")
    for other, geometry in ((image.imag[:, :, :1], affine), (image.imag, affine + np.eye(4))):
        nifti(other.copy(), "a_imag.nii", geometry=geometry)
        with pytest.raises(MRFInputError) as caught:
            load_series(path)
        assert caught.value.code == "partner-mismatch"
    nifti(image, "a_imag.nii")
    with pytest.raises(MRFInputError) as caught:
        load_series(path)
    assert caught.value.code == "partner-mismatch"


@pytest.fixture
def phase_pair(nifti, noisy):
    """Write a pair whose stored phase is this many times the phase in radian."""

    def write(factor, units=None, offset=0.0):
        nifti(noisy[0], "a_mag.nii")
        path = nifti((noisy[1] * factor + offset).astype(np.float32), "a_phase.nii")
        if units:
            path.with_suffix(".json").write_text(json.dumps({"Units": units}))
        return path

    return write


def test_declared_units_are_converted(phase_pair, noisy):
    for factor, units in ((1, "rad"), (180 / np.pi, "deg")):
        signal = np.asarray(load_series(phase_pair(factor, units)).signal)
        np.testing.assert_allclose(signal, polar(*noisy), rtol=1e-5, atol=1e-5)


def test_radian_that_is_certain_is_taken_with_a_warning(phase_pair, noisy):
    series = load_series(phase_pair(1))
    assert any("in radians" in warning for warning in series.warnings)
    series = load_series(phase_pair(1, offset=np.pi))
    np.testing.assert_allclose(np.asarray(series.signal), -polar(*noisy), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("factor", "units", "code"),
    [
        (180 / np.pi, None, "phase-unit-unknown"),
        (1 / np.pi, None, "phase-unit-unknown"),
        (0.5, None, "phase-unit-unknown"),
        (4096 / np.pi, None, "phase-unit-unknown"),
        (4096 / np.pi, "arbitrary", "phase-unit-unknown"),
        (1, "arbitrary", "phase-unit-unknown"),
        (1, "furlong", "phase-unit-unknown"),
        (180 / np.pi, "rad", "phase-not-in-unit"),
        (4096 / np.pi, "deg", "phase-not-in-unit"),
    ],
)
def test_phase_of_another_unit_is_refused_with_its_range(phase_pair, noisy, factor, units, code):
    with pytest.raises(MRFInputError) as caught:
        load_series(phase_pair(factor, units))
    assert caught.value.code == code
    assert f"{(noisy[1] * factor).max():.4g}"[:4] in caught.value.found


def test_unit_can_be_given_but_not_against_the_sidecar(phase_pair, noisy):
    series = load_series(phase_pair(180 / np.pi, "arbitrary"), phase_unit="deg")
    np.testing.assert_allclose(np.asarray(series.signal), polar(*noisy), rtol=1e-5, atol=1e-5)
    with pytest.raises(MRFInputError) as caught:
        load_series(phase_pair(1, "rad"), phase_unit="deg")
    assert caught.value.code == "phase-unit-conflict"


@pytest.mark.parametrize("units", ["rad", "deg"])
def test_unwrapped_phase_is_the_same_phase(phase_pair, noisy, nifti, units):
    path = phase_pair(1, units)
    unwrapped = np.unwrap(noisy[1].astype(float), axis=3)
    assert np.abs(unwrapped).max() > 3 * np.pi
    factor = 1 if units == "rad" else 180 / np.pi
    nifti((unwrapped * factor).astype(np.float32), path.name)
    signal = np.asarray(load_series(path).signal)
    np.testing.assert_allclose(signal, polar(*noisy), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("factor", "unit"), [(0.5 / np.pi, "turn"), (1 / np.pi, "pi")])
@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_turns_declared_as_radian_are_told_and_converted_on_request(
    phase_pair, noisy, factor, unit, offset
):
    path = phase_pair(factor, "rad", offset)
    with pytest.raises(MRFInputError, match="turn or pi as Units") as caught:
        load_series(path)
    assert caught.value.code == "phase-not-in-unit"
    # Who insists on radian gets it, with a warning.
    assert any("as was asked for" in text for text in load_series(path, phase_unit="rad").warnings)
    turned = np.exp(1j * offset / factor)
    for options, units in (({"phase_unit": unit}, None), ({}, unit)):
        path.with_suffix(".json").unlink(missing_ok=True)
        signal = np.asarray(load_series(phase_pair(factor, units, offset), **options).signal)
        np.testing.assert_allclose(signal, polar(*noisy) * turned, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("values", [[0.0], [0.0, np.pi], [-np.pi, 0.0, np.pi]])
def test_phases_of_which_none_turns_the_signal_are_refused(nifti, noisy, values):
    # The sine of pi in single precision is not 0.
    nifti(noisy[0], "a_mag.nii")
    phase = np.random.default_rng(0).choice(values, noisy[1].shape).astype(np.float32)
    path = nifti(phase, "a_phase.nii")
    path.with_suffix(".json").write_text(json.dumps({"Units": "rad"}))
    with pytest.raises(MRFInputError, match="imaginary part") as caught:
        load_series(path)
    assert caught.value.code == "not-complex"


@pytest.mark.parametrize("declared", [None, "arbitrary", "rad", "deg"])
@pytest.mark.parametrize(("slope", "shift"), [(2048, 2048), (4096, 0)])
def test_phase_of_siemens_is_converted_on_request_and_only_then(
    nifti, noisy, slope, shift, declared
):
    magnitude, phase = noisy
    # Stored as 0…4095, or as -4096…4094 where the scaling of the scanner has been applied.
    whole = np.clip(np.round(phase / np.pi * slope + shift), -4096, 4095).astype(np.int16)
    exact = (whole - shift) / slope * np.pi
    nifti(magnitude, "a_mag.nii")
    path = nifti(whole, "a_phase.nii")
    if declared:
        path.with_suffix(".json").write_text(json.dumps({"Units": declared}))
    with pytest.raises(MRFInputError, match='phase_unit="siemens"') as caught:
        load_series(path)
    known = declared in ("rad", "deg")
    assert caught.value.code == ("phase-not-in-unit" if known else "phase-unit-unknown")
    if known:
        path.with_suffix(".json").write_text(json.dumps({"Units": "siemens"}))
    series = load_series(path, phase_unit=None if known else "siemens")
    expected = polar(magnitude, exact)
    np.testing.assert_allclose(np.asarray(series.signal), expected, rtol=1e-5, atol=1e-5)


def test_siemens_cannot_be_asked_for_where_the_values_are_something_else(phase_pair):
    with pytest.raises(MRFInputError, match="0 to 4095") as caught:
        load_series(phase_pair(1), phase_unit="siemens")
    assert caught.value.code == "phase-not-in-unit"


def test_magnitude_mode_is_explicit_and_told(nifti, noisy, image):
    path = nifti(noisy[0], "only.nii")
    series = load_series(path, magnitude_only=True)
    np.testing.assert_array_equal(np.asarray(series.signal), noisy[0].T)
    assert series.metadata["magnitude_only"] is True
    assert any("off-resonance" in warning for warning in series.warnings)
    for values in (noisy[1], image):
        with pytest.raises(MRFInputError) as caught:
            load_series(nifti(values, "no.nii"), magnitude_only=True)
        assert caught.value.code == "not-magnitude"


def test_nibabel_agrees_that_a_pair_lies_where_its_magnitude_lies(nifti, noisy):
    path = nifti(noisy[0], "a_mag.nii")
    nifti(noisy[1], "a_phase.nii")
    np.testing.assert_allclose(load_series(path).affine, nibabel.load(path).affine)
