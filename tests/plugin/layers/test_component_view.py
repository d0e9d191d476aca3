"""The lazy picture of a complex series indexes like the array it stands for."""

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.plugin.layers.component_view import COMPONENTS, ComponentView

SHAPE = (4, 3, 5, 6)
RNG = np.random.default_rng(1)
SIGNAL = (RNG.normal(size=SHAPE) + 1j * RNG.normal(size=SHAPE)).astype(np.complex64)
ORIENTATION = DisplayOrientation(axes=(0, 2, 1), flips=(True, False, True))
ORACLES = {"magnitude": np.hypot, "phase": lambda re, im: np.arctan2(im, re),
           "real": lambda re, im: re, "imaginary": lambda re, im: im}  # fmt: skip


def index(length):
    return st.one_of(
        st.integers(-length, length - 1),
        st.slices(length),
        st.lists(st.integers(0, length - 1), min_size=1, max_size=3),
    )


@given(st.tuples(*(index(n) for n in (4, 3, 6, 5))), st.integers(0, 4))
def test_indexing_is_that_of_the_whole_picture(key, n_given):
    view = ComponentView(SIGNAL, ORIENTATION, "real")
    expected = SIGNAL.real.transpose(0, 1, 3, 2)[:, ::-1, :, ::-1]
    assert view.shape == expected.shape
    key = key[:n_given]
    got = view[key]
    for axis, one in reversed(list(enumerate(key))):
        expected = expected[(slice(None),) * axis + (one,)]
    assert got.dtype == np.float32
    assert np.array_equal(got, expected)


@pytest.mark.parametrize("component", COMPONENTS)
def test_component_is_that_of_the_complex_number(component):
    view = ComponentView(SIGNAL, DisplayOrientation(), component)
    expected = ORACLES[component](SIGNAL.real.astype(float), SIGNAL.imag.astype(float))
    assert np.allclose(np.asarray(view), expected, atol=1e-6)


def test_ellipsis_and_bounds_are_respected():
    view = ComponentView(SIGNAL, ORIENTATION, "real")
    assert view[..., 0].shape == (4, 3, 6)
    with pytest.raises(IndexError, match="out of bounds"):
        view[4]


class Recorder:
    """An array on a disk that notes what is read from it."""

    shape, dtype, ndim = SHAPE, SIGNAL.dtype, 4

    def __init__(self):
        self.read = []

    def __getitem__(self, key):
        self.read.append(key)
        return SIGNAL[key]


def test_one_frame_reads_one_slice_of_a_lazy_series():
    source = Recorder()
    lazy = da.from_array(
        source, chunks=(4, 1, 5, 6), name="recorded", meta=np.empty((0,) * 4, np.complex64)
    )
    frame = ComponentView(lazy, ORIENTATION, "real")[2, 1]
    assert np.array_equal(frame, SIGNAL.real[2, 1].T[:, ::-1])
    assert [key[1] for key in source.read] == [slice(1, 2, None)]
