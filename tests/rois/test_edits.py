"""Drawing, copying, filling and deleting regions: no region ever takes from another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_mrf import MRFInputError
from napari_mrf.data.label import Label
from napari_mrf.io.labels.label_table import format_label_table, parse_label_table
from napari_mrf.phantoms.labels import LABELS
from napari_mrf.rois.brain_tissues import brain_labels
from napari_mrf.rois.edits import (
    copy_to_slice,
    delete_region,
    drawn_slices,
    fill_between,
    replace_all,
    replace_outlines,
)
from napari_mrf.rois.label_set import (
    own_color,
    recolored,
    renamed,
    with_new_label,
    with_unknown_labels,
    without,
)
from napari_mrf.rois.muscles import default_labels, leg_labels, meaning_of, thigh_labels
from napari_mrf.rois.polygons import Outline

SHAPE = (4, 12, 14)
label_maps = arrays(np.uint16, SHAPE, elements=st.sampled_from([0, 0, 0, 7, 8, 9]))


def square(label, z, low, high):
    return Outline(label, z, ((low, low), (low, high), (high, high), (high, low)))


outlines = st.builds(
    square, st.sampled_from([7, 8]), st.integers(0, 3), st.integers(0, 5), st.integers(6, 11)
)


def empty():
    return np.zeros(SHAPE, np.uint16)


@given(label_maps, st.lists(outlines, max_size=4), st.lists(outlines, max_size=4))
def test_no_edit_of_outlines_takes_from_another_region(labels, before, after):
    edit = replace_outlines(labels, before, after)
    changed = edit.apply(labels)
    different = changed != labels
    taken = different & (labels != 0) & (changed != 0)
    own = np.zeros(SHAPE, bool)
    for outline in before:  # a region gives back voxels only inside its own old polygons
        own[outline.z] |= outline.mask(SHAPE[1:]) & (labels[outline.z] == outline.label)
    assert not (taken & ~own).any()
    assert not (different & (labels != 0) & ~own).any()
    assert np.array_equal(replace_all(labels, changed).apply(labels), changed)


@given(label_maps, outlines)
def test_a_drawn_polygon_counts_what_stayed_with_others(labels, outline):
    edit = replace_outlines(labels, [], [outline])
    mask = outline.mask(SHAPE[1:])
    inside = labels[outline.z][mask]
    assert sum(edit.kept.values()) == np.count_nonzero((inside != 0) & (inside != outline.label))
    assert len(edit.values) == np.count_nonzero(inside == 0)


@given(outlines)
def test_deleting_a_polygon_undoes_drawing_it(outline):
    drawn = replace_outlines(empty(), [], [outline]).apply(empty())
    assert not replace_outlines(drawn, [outline], []).apply(drawn).any()


def test_moving_a_polygon_keeps_what_was_painted_and_erased_by_hand():
    before, after = square(7, 1, 2, 8), square(7, 1, 3, 9)
    labels = replace_outlines(empty(), [], [before]).apply(empty())
    labels[1, 5, 5] = 0  # erased inside both
    labels[1, 0, 0] = 7  # painted outside both
    moved = replace_outlines(labels, [before], [after]).apply(labels)
    assert moved[1, 5, 5] == 0
    assert moved[1, 0, 0] == 7
    assert moved[1, 2, 2] == 0
    assert moved[1, 8, 8] == 7


def test_a_deleted_polygon_leaves_what_another_of_its_region_holds():
    first, second = square(7, 0, 1, 6), square(7, 0, 4, 9)
    labels = replace_outlines(empty(), [], [first, second]).apply(empty())
    left = replace_outlines(labels, [first, second], [second]).apply(labels)
    assert np.array_equal(left[0] == 7, second.mask(SHAPE[1:]))


def test_a_polygon_outside_the_slices_holds_nothing():
    assert replace_outlines(empty(), [], [square(7, 9, 1, 5)]).changes_nothing


@given(label_maps, st.sets(st.sampled_from([7, 8, 9])))
def test_filling_touches_only_free_voxels_between_drawn_slices(labels, regions):
    edit = fill_between(labels, regions)
    filled = edit.apply(labels)
    changed = filled != labels
    assert not (changed & (labels != 0)).any()
    slices = drawn_slices(labels)
    for label in (7, 8, 9):
        new = np.flatnonzero((changed & (filled == label)).any(axis=(1, 2)))
        drawn = slices.get(label, ())
        allowed = set(range(min(drawn), max(drawn))) - set(drawn) if drawn else set()
        assert set(new.tolist()) <= (allowed if label in regions else set())
    assert set(edit.left_out) == {
        (label, z)
        for label in regions
        for z in range(min(slices.get(label, (0,))), max(slices.get(label, (0,))))
        if label in slices and not (filled[z] == label).any()
    }


@given(label_maps, arrays(bool, SHAPE), outlines, outlines)
def test_nothing_is_drawn_where_it_is_not_allowed(labels, allowed, before, after):
    for limited, free in (
        (replace_outlines(labels, [], [after], allowed), replace_outlines(labels, [], [after])),
        (copy_to_slice(labels, [7, 8], 0, 1, allowed), copy_to_slice(labels, [7, 8], 0, 1)),
        (fill_between(labels, [7, 8, 9], allowed), fill_between(labels, [7, 8, 9])),
    ):
        with_limit, without_limit = limited.apply(labels), free.apply(labels)
        drawn = with_limit != labels
        assert np.array_equal(with_limit, np.where(allowed, without_limit, labels))
        assert limited.n_not_allowed == (without_limit != with_limit).sum()
        assert not (drawn & ~allowed).any()
        assert free.n_not_allowed == 0
    # A polygon that moves gives its voxels back everywhere.
    moved = replace_outlines(labels, [before], [after], allowed).apply(labels)
    erased = replace_outlines(labels, [before], [after]).apply(labels) == 0
    assert not moved[erased].any()


def test_filling_is_the_same_in_reverse_slice_order():
    labels = empty()
    labels[0, 2:5, 2:8], labels[3, 4:9, 3:7] = 7, 7
    labels[0, 6:11, 2:8], labels[3, 9:12, 2:9] = 8, 8
    forward = fill_between(labels, [7, 8]).apply(labels)
    back = fill_between(labels[::-1], [8, 7]).apply(labels[::-1])
    assert np.array_equal(forward, back[::-1])
    assert set(np.unique(forward[1])) == {0, 7, 8}


def test_copying_takes_free_voxels_only_and_leaves_a_drawn_region_alone():
    labels = empty()
    labels[0, 2:6, 2:6], labels[0, 8:10, 8:10] = 7, 8
    labels[1, 4:5, 4:5], labels[1, 0, 0] = 9, 8
    edit = copy_to_slice(labels, [7, 8], 0, 1)
    copied = edit.apply(labels)
    assert edit.left_out == ((8, 1),)
    assert edit.kept == {9: 1}
    assert copied[1, 4, 4] == 9
    assert np.count_nonzero(copied[1] == 7) == 15
    assert np.count_nonzero(copied[1] == 8) == 1


@given(label_maps, st.sampled_from([7, 8]), st.sampled_from([None, 0, 3]))
def test_deleting_takes_a_region_and_nothing_else(labels, label, z):
    left = delete_region(labels, label, z).apply(labels)
    at = slice(None) if z is None else z
    assert not (left[at] == label).any()
    assert np.array_equal(left != labels, (labels == label) & ~(left == label))


@given(label_maps)
def test_drawn_slices_are_those_with_a_voxel(labels):
    expected = {
        label: tuple(z for z in range(SHAPE[0]) if (labels[z] == label).any())
        for label in np.unique(labels)[1:].tolist()
    } if labels.any() and not labels.all() else drawn_slices(labels)  # fmt: skip
    assert drawn_slices(labels) == expected


def test_thigh_leg_and_brain_fit_into_one_file():
    labels = default_labels()
    parts = (thigh_labels(), leg_labels(), brain_labels())
    assert len(labels) == sum(map(len, parts)) == 39 + 28 + 14
    assert len({label.name for label in labels.values()}) == len(labels)
    assert labels[7].name == "VL_R"
    assert labels[21].name == "VL_L"
    assert labels[53].name == "TA_R"
    assert labels[73].name == "TA_L"
    assert {index: (labels[index].name, labels[index].color) for index in LABELS} == LABELS
    assert {k: v for k, v in parse_label_table(format_label_table(labels.values())).items() if k
            } == labels  # fmt: skip


@pytest.mark.parametrize(
    ("name", "group", "full"),
    [
        ("VL_R", "Thigh, right", "Vastus lateralis, right"),
        ("BF_SH_L", "Thigh, left", "Biceps femoris, short head, left"),
        ("SOL_L", "Leg, left", "Soleus, left"),
        ("S_FAT", "Thigh", "Subcutaneous fat"),
        ("QUAD_R", "Thigh, right", "Quadriceps, right"),
        ("White matter", "Brain", ""),
        ("scar_R", "Own, right", ""),
        ("tumor", "Own", ""),
    ],
)
def test_a_name_tells_group_and_full_name(name, group, full):
    assert (meaning_of(name).group, meaning_of(name).full_name) == (group, full)


def test_own_labels_get_free_numbers_names_and_colors():
    labels, first = with_new_label(default_labels())
    labels, second = with_new_label(labels, "scar")
    assert (first, second) == (101, 102)
    assert labels[102].name == "scar"
    assert labels[101].color != labels[102].color
    full = {65535: Label(65535, "last")}
    assert with_new_label(full)[1] == 101
    assert with_unknown_labels(labels, [0, 7, 300])[300].name == "Label 300"
    assert all(0 <= channel <= 255 for n in range(500) for channel in own_color(n))


def test_labels_are_renamed_recolored_and_removed_without_touching_the_set():
    labels = default_labels()
    assert renamed(labels, 7, " outer ")[7].name == "outer"
    assert recolored(labels, 7, (1, 2, 3))[7].color == (1, 2, 3)
    assert 7 not in without(labels, 7)
    assert labels == default_labels()


@pytest.mark.parametrize("name", ["", "  ", "VM_R", 'a"b'])
def test_a_name_that_is_empty_taken_or_unfit_is_refused(name):
    with pytest.raises(MRFInputError):
        renamed(default_labels(), 7, name)
