"""Polygons that draw nothing are found, and why."""

import numpy as np

from napari_mrf.rois.edits import replace_outlines
from napari_mrf.rois.polygons import Outline
from napari_mrf.rois.undrawn import find_undrawn

NAMES = {7: "VL_R", 8: "VI_R", 10: "RF_R"}


def square(label, z, top, left, size=4):
    low, high = (top - 0.5, left - 0.5), (top + size - 0.5, left + size - 0.5)
    return Outline(label, z, (low, (low[0], high[1]), high, (high[0], low[1])))


def sentences(labels, before, after):
    return [one.sentence(NAMES.__getitem__) for one in find_undrawn(labels, before, after)]


def test_each_reason_has_its_sentence_and_what_draws_something_is_not_found():
    labels = np.zeros((2, 10, 12), np.uint16)
    labels[0, 2:6, 2:5], labels[0, 2:6, 5:6] = 7, 10
    old = square(7, 0, 2, 2)
    cases = (
        (square(8, 0, 2, 2, 3), "Nothing was drawn: all its voxels already belong to VL_R."),
        (square(8, 0, 2, 2), "Nothing was drawn: all its voxels already belong to VL_R and RF_R."),
        (square(8, 0, -4, 2), "Nothing was drawn: the polygon lies outside the image."),
        (square(8, 0, 2, 12), "Nothing was drawn: the polygon lies outside the image."),
        (square(8, 2, 2, 2), "Nothing was drawn: the polygon lies outside the image."),
        (Outline(8, 0, ((2.1, 2.1), (2.1, 2.8), (2.8, 2.8))),
         "Nothing was drawn: the polygon does not contain the center of any voxel."),
    )  # fmt: skip
    for new, sentence in cases:
        assert sentences(labels, [old], [old, new]) == [sentence]
        assert replace_outlines(labels, [old], [old, new]).changes_nothing
    for new in (square(8, 1, 2, 2), square(8, 0, 3, 3), square(8, 0, -3, 2), square(8, 0, 9, 11)):
        assert sentences(labels, [old], [old, new]) == []
        assert not replace_outlines(labels, [old], [old, new]).changes_nothing


def test_old_polygons_are_not_judged_and_a_copy_in_place_is_new():
    labels = np.zeros((1, 10, 12), np.uint16)
    labels[0, 2:6, 2:6] = 7
    old = square(7, 0, 2, 2)
    assert sentences(labels, [old], [old]) == []
    found = find_undrawn(labels, [old], [old, old])
    assert [(one.outline, one.owners) for one in found] == [(old, (7,))]


def test_a_polygon_without_a_voxel_that_may_be_drawn_says_so():
    labels, allowed = np.zeros((1, 10, 12), np.uint16), np.zeros((1, 10, 12), bool)
    labels[0, 2:6, 2:4] = 7
    new = square(8, 0, 2, 2)
    (found,) = find_undrawn(labels, [], [new], allowed)
    told = "Nothing was drawn: no free voxel of it lies in the range of Draw only."
    assert found.sentence(NAMES.__getitem__) == told
    assert replace_outlines(labels, [], [new], allowed).changes_nothing
    allowed[0, 2, 3] = True  # of another region
    assert len(find_undrawn(labels, [], [new], allowed)) == 1
    allowed[0, 2, 4] = True
    assert find_undrawn(labels, [], [new], allowed) == []
