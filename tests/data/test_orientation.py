"""Upright display of every orientation; the oracle is the affine itself."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_mrf.data.orientation import DisplayOrientation

SHAPE = (3, 4, 5)  # (Z, Y, X)
ALL_48 = [
    (permutation, signs)
    for permutation in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


def affine_of(permutation, signs, sizes=(1.5, 2.0, 8.0)):
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis in range(3):
        affine[permutation[axis], axis] = signs[axis] * sizes[axis]
    affine[:3, 3] = (10, -20, 30)
    return affine


def world(affine, orientation, position):
    z, y, x = orientation.file_index(position, SHAPE)
    return (affine @ (x, y, z, 1))[:3]


# What a step on the screen means in (right, anterior, superior), by the world axis of the slices.
DOWN = {2: (0, -1, 0), 1: (0, 0, -1), 0: (0, 0, -1)}
RIGHTWARD = {2: (-1, 0, 0), 1: (-1, 0, 0), 0: (0, -1, 0)}
NAMES = {(1, 0, 0): "R", (-1, 0, 0): "L", (0, 1, 0): "A", (0, -1, 0): "P", (0, 0, 1): "S",
         (0, 0, -1): "I"}  # fmt: skip


def direction(step):
    return tuple(int(sign) for sign in np.sign(np.round(step, 6)))


@pytest.mark.parametrize(("permutation", "signs"), ALL_48)
def test_patient_is_upright_in_all_48_orientations(permutation, signs):
    affine = affine_of(permutation, signs)
    orientation = DisplayOrientation.from_affine(affine)
    origin = world(affine, orientation, (1, 1, 1))
    down = direction(world(affine, orientation, (1, 2, 1)) - origin)
    rightward = direction(world(affine, orientation, (1, 1, 2)) - origin)
    through = direction(world(affine, orientation, (2, 1, 1)) - origin)
    slice_axis = permutation[2]
    assert down == DOWN[slice_axis]
    assert rightward == RIGHTWARD[slice_axis]
    assert orientation.letters[1][1] == NAMES[down]
    assert orientation.letters[2][1] == NAMES[rightward]
    assert orientation.letters[0][1] == NAMES[through]
    assert sum(through) == 1  # leafing goes towards superior, anterior or right


@pytest.mark.parametrize(("permutation", "signs"), ALL_48)
def test_voxel_on_screen_and_in_file_are_inverse(permutation, signs):
    orientation = DisplayOrientation.from_affine(affine_of(permutation, signs))
    volume = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    shown = orientation.to_screen(volume)
    assert np.shares_memory(shown, volume)
    assert np.array_equal(orientation.to_file(shown), volume)
    for voxel in itertools.product(*(range(n) for n in SHAPE)):
        position = orientation.screen_index(voxel, SHAPE)
        assert shown[position] == volume[voxel]
        assert orientation.file_index(position, SHAPE) == voxel


@pytest.mark.parametrize(("permutation", "signs"), ALL_48[::7])
def test_leading_axes_are_left_alone(permutation, signs):
    orientation = DisplayOrientation.from_affine(affine_of(permutation, signs))
    movie = np.arange(2 * np.prod(SHAPE)).reshape(2, *SHAPE)
    assert np.array_equal(orientation.to_screen(movie)[1], orientation.to_screen(movie[1]))
    assert np.array_equal(orientation.to_file(orientation.to_screen(movie)), movie)


@given(st.sampled_from(ALL_48), st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
def test_oblique_grids_are_taken_for_the_nearest(orientation, tilt, turn):
    affine = affine_of(*orientation, sizes=(1, 1, 1))
    cos_a, sin_a, cos_b, sin_b = np.cos(tilt), np.sin(tilt), np.cos(turn), np.sin(turn)
    rotation = np.array([[1, 0, 0], [0, cos_a, -sin_a], [0, sin_a, cos_a]]) @ np.array(
        [[cos_b, -sin_b, 0], [sin_b, cos_b, 0], [0, 0, 1]]
    )
    oblique = affine.copy()
    oblique[:3, :3] = rotation @ affine[:3, :3]
    assert DisplayOrientation.from_affine(oblique) == DisplayOrientation.from_affine(affine)


def test_without_affine_the_file_is_shown_as_it_is():
    orientation = DisplayOrientation.from_affine(None)
    volume = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    assert np.array_equal(orientation.to_screen(volume), volume)
    assert orientation.letters == (("", ""),) * 3


def test_voxel_sizes_follow_their_axes():
    orientation = DisplayOrientation.from_affine(affine_of((1, 0, 2), (1, 1, 1)))
    assert orientation.in_screen_order((8.0, 2.0, 1.5)) == (8.0, 1.5, 2.0)
