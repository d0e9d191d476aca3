"""Polygons and the shapes between slices, against other implementations and closed forms."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.path import Path
from skimage.draw import polygon2mask

from napari_mrf import MRFInputError
from napari_mrf.rois.edits import depth_between, signed_distance
from napari_mrf.rois.polygons import Outline, polygon_mask

SHAPE = (23, 31)

# Multiples of 1/64 plus an offset keep every vertex and edge away from voxel centers, where
# implementations differ by convention.
coordinate = st.integers(-5 * 64, 35 * 64).map(lambda n: n / 64 + 0.0041)
vertices = st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=9)


def centers():
    return np.argwhere(np.ones(SHAPE, bool)).astype(float)


def distance_to_edges(closed):
    """Return the distance of every center to the nearest edge, by projecting onto each."""
    distances = []
    for start, end in itertools.pairwise(closed):
        along = end - start
        at = np.clip((centers() - start) @ along / max(along @ along, 1e-30), 0, 1)
        distances.append(np.linalg.norm(start + at[:, None] * along - centers(), axis=1))
    return np.min(distances, axis=0)


def disc(radius, center=(20.0, 20.0), shape=(41, 41)):
    y, x = np.indices(shape)
    return np.hypot(y - center[0], x - center[1]) <= radius


@given(vertices)
def test_polygon_is_that_of_matplotlib(points):
    closed = np.array([*points, points[0]])
    expected = Path(closed).contains_points(centers()).reshape(SHAPE)
    # A center within rounding of an edge may fall on either side.
    clear = distance_to_edges(closed).reshape(SHAPE) > 1e-6
    assert not ((polygon_mask(points, SHAPE) != expected) & clear).any()


def test_polygon_is_that_of_scikit_image():
    points = [(2.3, 4.1), (19.7, 1.2), (15.2, 27.9), (11.1, 14.2), (4.4, 25.3)]
    assert np.array_equal(polygon_mask(points, SHAPE), polygon2mask(SHAPE, points))


def test_a_square_between_whole_numbers_holds_its_area():
    mask = polygon_mask([(2, 3), (2, 8), (6, 8), (6, 3)], SHAPE)
    assert mask.sum() == 4 * 5
    assert mask[2:6, 3:8].all()


@given(st.lists(st.tuples(st.integers(0, 22), st.integers(0, 30)), min_size=2, max_size=2,
                unique=True))  # fmt: skip
def test_two_halves_share_no_voxel_and_leave_none(cut):
    corners = [(-1, -1), (-1, 40), (40, 40), (40, -1)]
    (y0, x0), (y1, x1) = cut
    direction = np.array([y1 - y0, x1 - x0], float)
    normal = np.array([-direction[1], direction[0]])
    start, end = np.array([y0, x0]) - 99 * direction, np.array([y0, x0]) + 99 * direction
    left = polygon_mask([start, end, end + 99 * normal, start + 99 * normal], SHAPE)
    right = polygon_mask([end, start, start - 99 * normal, end - 99 * normal], SHAPE)
    assert not (left & right).any()
    assert np.array_equal(left | right, polygon_mask(corners, SHAPE))


@given(vertices)
def test_polygon_moves_with_the_voxels_and_mirrors_with_them(points):
    points = np.array(points)
    clear = distance_to_edges(np.array([*points, points[0]])).reshape(SHAPE) > 1e-6
    mask = polygon_mask(points, SHAPE)
    mirrored = np.stack([22 - points[:, 0], points[:, 1]], axis=1)
    assert not ((polygon_mask(mirrored, SHAPE)[::-1] != mask) & clear).any()
    assert not ((mask != polygon_mask(points[:, ::-1], SHAPE[::-1]).T) & clear).any()
    assert np.array_equal(polygon_mask(points[::-1], SHAPE), mask)
    assert np.array_equal(polygon_mask(np.roll(points, 1, axis=0), SHAPE), mask)


@pytest.mark.parametrize("points", [[], [(1.0, 2.0)], [(1.0, 2.0), (9.0, 9.0)]])
def test_fewer_than_three_vertices_hold_nothing(points):
    assert not polygon_mask(np.array(points), SHAPE).any()


def test_a_vertex_that_is_no_number_is_refused():
    with pytest.raises(MRFInputError, match="finite"):
        polygon_mask([(0, 0), (np.nan, 5), (5, 5)], SHAPE)


def test_the_mask_of_an_outline_cannot_be_changed():
    mask = Outline(7, 0, ((1.0, 1.0), (1.0, 5.0), (5.0, 5.0))).mask(SHAPE)
    with pytest.raises(ValueError, match="read-only"):
        mask[0, 0] = True


@given(arrays(bool, (7, 9)).filter(np.any))
def test_distance_is_the_smallest_of_all(mask):
    padded = np.pad(mask, 1)
    inside, outside = np.argwhere(padded) - 1, np.argwhere(~padded) - 1
    expected = np.empty(mask.shape)
    for at in np.ndindex(mask.shape):
        other = outside if mask[at] else inside
        nearest = np.sqrt(((other - at) ** 2).sum(axis=1)).min() - 0.5
        expected[at] = nearest if mask[at] else -nearest
    assert np.allclose(signed_distance(mask), expected)


@given(arrays(bool, (8, 8)).filter(np.any), st.floats(0, 1))
def test_between_two_equal_slices_the_shape_is_the_same(mask, fraction):
    assert np.array_equal(depth_between(mask, mask, fraction) > 0, mask)


@settings(max_examples=50)
@given(arrays(bool, (8, 8)).filter(np.any), arrays(bool, (8, 8)).filter(np.any), st.floats(0, 1))
def test_between_two_slices_nothing_leaves_both(below, above, fraction):
    inside = depth_between(below, above, fraction) > 0
    assert not (inside & ~(below | above)).any()
    assert (inside | ~(below & above)).all()
    assert np.allclose(depth_between(below, above, fraction),
                       depth_between(above, below, 1 - fraction))  # fmt: skip


@pytest.mark.parametrize("fraction", [0.25, 0.5, 0.75])
def test_between_two_discs_is_the_disc_between(fraction):
    inside = depth_between(disc(6), disc(14), fraction) > 0
    radius = np.sqrt(inside.sum() / np.pi)
    assert radius == pytest.approx(6 + 8 * fraction, abs=0.35)
