"""Where a series lies: never a silent 1 mm."""

import numpy as np
import pytest

from napari_mrf import load_series

WITHOUT_CODES = {"sform_code": 0, "qform_code": 0}


@pytest.mark.parametrize(
    "fields",
    [
        {"srow_x": [0, 0, 0, 0]},
        {"srow_x": [np.nan, 0, 0, 0]},
        {"srow_y": [np.inf, 0, 0, 0]},
        {"pixdim": [1, 0, 2, 8, 1, 1, 1, 1]},
        {"pixdim": [1, np.nan, 2, 8, 1, 1, 1, 1]},
        {"pixdim": [1, -1, 2, 8, 1, 1, 1, 1]},
        {**WITHOUT_CODES, "pixdim": [1, 1, 1, 1, 1, 1, 1, 1]},
        {**WITHOUT_CODES, "pixdim": [1, 1, 1, 0, 1, 1, 1, 1]},
        {"sform_code": 0, "qform_code": 1, "quatern_b": np.nan},
        {"sform_code": 0, "qform_code": 1, "quatern_b": 3.0},
        {"xyzt_units": 7},
    ],
)
def test_unusable_geometry_gives_none_and_a_warning(nifti, image, patch_header, fields):
    series = load_series(patch_header(nifti(image), **fields))
    assert series.affine is None
    assert series.voxel_sizes_mm is None
    assert any("Volumes are not available" in warning for warning in series.warnings)


def test_voxel_sizes_without_orientation_are_kept_and_told(nifti, image, patch_header):
    path = patch_header(nifti(image), **WITHOUT_CODES, pixdim=[1, 1.5, 2, 8, 1, 1, 1, 1])
    series = load_series(path)
    assert series.voxel_sizes_mm == (8.0, 2.0, 1.5)
    assert any("orientation" in warning for warning in series.warnings)


@pytest.mark.parametrize(("unit", "factor"), [(0, 1.0), (1, 1000.0), (2, 1.0), (3, 0.001)])
def test_unit_of_length_is_converted_to_mm(nifti, image, affine, patch_header, unit, factor):
    series = load_series(patch_header(nifti(image), xyzt_units=unit))
    np.testing.assert_allclose(series.affine[:3], affine[:3] * factor)
    assert bool(series.warnings) == (factor != 1.0)


def test_qform_is_used_where_there_is_no_sform(nifti, image, affine, patch_header):
    path = nifti(image)
    import nibabel

    header = nibabel.load(path).header
    header.set_qform(affine, code=1)
    names = ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")
    fields = {name: header[name] for name in (*names, "pixdim")}
    path = patch_header(path, **fields, sform_code=0, qform_code=1)
    series = load_series(path)
    np.testing.assert_allclose(series.affine, affine, atol=1e-5)
