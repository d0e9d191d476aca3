"""Outlines made of voxels hold those voxels and no others."""

import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from skimage.draw import polygon2mask

from napari_mrf.rois.polygons import polygon_mask
from napari_mrf.rois.voxel_outlines import outlines_of, simplified

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))


@given(masks)
def test_the_voxels_of_the_outlines_are_those_they_were_made_of(mask):
    outlines = list(outlines_of(mask, 7, 3))
    held = [outline.mask(mask.shape) for outline in outlines]
    assert np.array_equal(np.any(held, axis=0) if held else np.zeros_like(mask), mask)
    assert sum(int(one.sum()) for one in held) == mask.sum()  # no voxel in two of them
    assert {(one.label, one.z) for one in outlines} <= {(7, 3)}
    sizes = [int(one.sum()) for one in held]
    assert sizes == sorted(sizes, reverse=True)


@given(masks)
def test_another_implementation_finds_the_same_voxels(mask):
    held = np.zeros_like(mask)
    for outline in outlines_of(mask, 1, 0):
        held ^= polygon2mask(mask.shape, np.array(outline.vertices))
    assert np.array_equal(held, mask)


@given(
    st.lists(
        st.tuples(st.integers(-2, 30), st.integers(-2, 30)).map(
            lambda pair: (pair[0] / 2, pair[1] / 2)
        ),
        min_size=3,
        max_size=40,
    )
)
def test_fewer_corners_hold_the_same_voxels_whatever_the_polygon(corners):
    ring = np.array(corners)
    fewer = simplified(ring)
    assert 3 <= len(fewer) <= len(ring)
    assert np.array_equal(polygon_mask(fewer, (15, 15)), polygon_mask(ring, (15, 15)))


def test_a_disc_and_a_ring_have_few_corners():
    y, x = np.mgrid[:90, :90] - 44.5
    disc = np.hypot(y, x) < 35
    (outline,) = outlines_of(disc, 1, 0)
    assert len(outline.vertices) < 60  # the border has 250 voxels
    ring = disc & (np.hypot(y - 3, x) > 12)
    (outline,) = outlines_of(ring, 1, 0)
    assert np.array_equal(outline.mask(ring.shape), ring)
    (outline,) = outlines_of(np.ones((1, 1), bool), 1, 0)
    assert set(outline.vertices) == {(0.5, 0), (0, -0.5), (-0.5, 0), (0, 0.5)}


def test_a_muscle_takes_milliseconds():
    y, x = np.mgrid[:350, :350] - 170
    mask = (np.hypot(y, 1.7 * x) < 60) & (np.hypot(y - 20, x) > 8)
    start = time.process_time()
    list(outlines_of(mask, 1, 0))
    assert time.process_time() - start < 0.3
