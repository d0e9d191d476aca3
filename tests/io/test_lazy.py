"""Lazy series: what is looked at is read, and nothing else."""

import os

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_mrf import MRFInputError, load_series
from napari_mrf.io.formats.source import MappedArray

SHAPE = (175, 2, 3, 4)


@pytest.fixture
def paths(tmp_path, nifti, image):
    """The same series in files of every lazy kind."""
    nifti(image.real.copy(), "p_real.nii")
    nifti(image.imag.copy(), "p_imag.nii")
    np.save(tmp_path / "order.npy", image.transpose(2, 0, 3, 1))
    with h5py.File(tmp_path / "parts.h5", "w") as file:
        parts = np.stack([image.real, image.imag], -1)
        file.create_dataset("series", data=parts, chunks=True, compression="gzip")
    return [
        (nifti(image), None),
        (nifti(image.astype(">c16"), "wide.nii"), None),
        (tmp_path / "p_real.nii", None),
        (tmp_path / "order.npy", "ZXTY"),
        (tmp_path / "parts.h5", "XYZTC"),
    ]


def one_axis(n):
    bounds = st.integers(-n, n)
    return st.one_of(
        st.integers(-n, n - 1),
        st.builds(slice, st.none() | bounds, st.none() | bounds, st.sampled_from([None, 1, 2, -1])),
    )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(index=st.tuples(*map(one_axis, SHAPE)), listed=st.none() | st.integers(0, 3))
def test_any_part_is_that_part(paths, image, index, listed):
    if listed is not None:
        index = tuple(
            [0, SHAPE[axis] - 1, 0] if axis == listed
            else slice(None) if isinstance(step, int) else step
            for axis, step in enumerate(index)
        )  # fmt: skip
    for path, axes in paths:
        signal = load_series(path, axes=axes).signal
        np.testing.assert_array_equal(np.asarray(signal[index]), image.T[index])


def test_one_voxel_is_read_alone(paths, monkeypatch):
    read = []
    plain = MappedArray.__getitem__

    def counted(self, index):
        block = plain(self, index)
        read.append(block.size)
        return block

    all_series = [load_series(path, axes=axes) for path, axes in paths]
    monkeypatch.setattr(MappedArray, "__getitem__", counted)
    for series in all_series:
        series.fingerprint(1, 2, 3)
    assert read
    assert set(read) == {175}


def test_pairs_with_infinite_values_do_not_stumble(nifti, image):
    magnitude, phase = np.abs(image), np.angle(image)
    phase.flat[:2] = np.pi, -np.pi
    magnitude[0, 0, 0, 0] = phase[1, 0, 0, 0] = np.inf
    magnitude[0, 1, 0, 0] = phase[1, 1, 0, 0] = np.nan
    path = nifti(magnitude, "a_mag.nii")
    nifti(phase, "a_phase.nii")
    signal = np.asarray(load_series(path).signal)
    assert not np.isfinite(signal[0, 0, :2, :2]).any()
    assert np.isfinite(signal[1:]).all()


@pytest.mark.parametrize("change", ["rewritten", "cut", "gone"])
@pytest.mark.parametrize("kind", ["nii", "h5"])
def test_file_that_changes_while_it_is_open_is_told(tmp_path, nifti, image, change, kind):
    path = nifti(image)
    if kind == "h5":
        path = tmp_path / "series.h5"
        with h5py.File(path, "w") as file:
            file["series"] = image
    series = load_series(path, axes="XYZT")
    if change == "gone":
        path.unlink()
    elif change == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.write_bytes(path.read_bytes()[::-1])
        os.utime(path, ns=(1, 1))
    with pytest.raises(MRFInputError) as caught:
        series.fingerprint(0, 0, 0)
    assert caught.value.code == "file-changed"
