"""Load, save, load is the identity, whatever the type, shape, place and byte order."""

import nibabel
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_mrf import ParameterMaps, load_maps, load_series, save_maps
from napari_mrf.io import save_series

SETTINGS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
shapes = st.tuples(*[st.integers(1, 4)] * 3)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def affines(draw):
    """Rotations, flips, anisotropic voxels and shifts, as a header of float32 can hold them."""
    rng = np.random.default_rng(draw(seeds))
    rotation, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * draw(st.sampled_from([0.05, 1.0, 8.0])) * rng.uniform(0.5, 2, 3)
    matrix[:3, 3] = rng.uniform(-500, 500, 3)
    return matrix.astype(np.float32).astype(np.float64)


@SETTINGS
@given(
    shape=shapes,
    n_frames=st.integers(2, 6),
    dtype=st.sampled_from(["<c8", ">c8", "<c16", ">c16"]),
    affine=st.none() | affines(),
    kind=st.sampled_from([nibabel.Nifti1Image, nibabel.Nifti2Image]),
    suffix=st.sampled_from([".nii", ".nii.gz"]),
    special=st.sampled_from([0.0, np.nan, np.inf, -0.0]),
    seed=seeds,
)
def test_series_survive(tmp_path, shape, n_frames, dtype, affine, kind, suffix, special, seed):
    rng = np.random.default_rng(seed)
    parts = rng.standard_normal((2, *shape, n_frames)).astype(np.float32)
    values = (parts[0] + 1j * parts[1]).astype(np.dtype(dtype))
    values[0, 0, 0, 0] = special
    header = kind.header_class(endianness=dtype[0])
    header.set_data_dtype(np.dtype(dtype))
    nibabel.save(kind(values, affine, header), tmp_path / "first.nii")
    first = load_series(tmp_path / "first.nii")
    save_series(first, tmp_path / f"second{suffix}", overwrite=True)
    second = load_series(tmp_path / f"second{suffix}")
    for series in (first, second):
        np.testing.assert_array_equal(np.asarray(series.signal), values.T.astype(np.complex64))
        if affine is None:
            assert series.affine is None
        else:
            np.testing.assert_array_equal(series.affine, affine)


@SETTINGS
@given(
    shape=shapes,
    keys=st.sets(st.sampled_from(["FF", "T1H2O", "Df", "PD", "T2"]), min_size=1),
    affine=st.none() | affines(),
    companions=st.booleans(),
    seed=seeds,
)
def test_maps_survive(tmp_path, shape, keys, affine, companions, seed):
    rng = np.random.default_rng(seed)
    maps = ParameterMaps({key: rng.standard_normal(shape) for key in keys}, affine=affine)
    if companions:
        maps = ParameterMaps(
            maps, affine=affine, quality=rng.uniform(size=shape),
            m0=rng.standard_normal(shape) * 1j, flags=rng.integers(0, 1024, shape),
        )  # fmt: skip
    save_maps(maps, tmp_path, overwrite=True)
    again = load_maps(tmp_path)
    assert set(again) == keys
    for key in keys:
        np.testing.assert_array_equal(again[key], maps[key])
    for name in ("quality", "m0", "flags", "affine"):
        np.testing.assert_array_equal(getattr(again, name), getattr(maps, name))
