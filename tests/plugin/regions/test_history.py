"""Steps of the regions: any sequence of changes is taken back and done again exactly."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_mrf.data.label import Label
from napari_mrf.plugin.regions.history import RegionsHistory, RegionsState
from napari_mrf.rois.polygons import Outline

SHAPE = (2, 3, 4)
LAYER = object()
OUTLINE = Outline(7, 0, ((0.0, 0.0), (0.0, 2.0), (2.0, 2.0)))
changes = st.one_of(
    st.tuples(st.just("voxel"), st.integers(0, 23), st.integers(0, 3)),
    st.tuples(st.just("outlines"), st.integers(0, 2), st.just(0)),
    st.tuples(st.just("table"), st.integers(0, 2), st.just(0)),
)


def start():
    return RegionsState(LAYER, np.zeros(SHAPE, np.uint16), (), {})


def changed(state, kind, first, second):
    labels, outlines, table = state.labels, state.outlines, state.table
    if kind == "voxel":
        labels = labels.copy()
        labels.flat[first] = second
    elif kind == "outlines":
        outlines = (OUTLINE,) * first
    else:
        table = {1: Label(1, f"name {first}", (1, 2, 3))}
    return RegionsState(LAYER, labels, outlines, table)


def same(one, other):
    return (
        np.array_equal(one.labels, other.labels)
        and one.outlines == other.outlines
        and one.table == other.table
    )


@given(st.lists(changes, max_size=12))
def test_every_step_is_undone_and_redone(steps):
    history, states = RegionsHistory(start()), [start()]
    for step in steps:
        state = changed(states[-1], *step)
        history.record(state)
        if not same(state, states[-1]):  # what changes nothing is no step
            states.append(state)
    for state in states[-2::-1]:
        assert same(history.undo(), state)
    assert history.undo() is None
    for state in states[1:]:
        assert same(history.redo(), state)
    assert history.redo() is None


def test_a_new_step_ends_what_could_be_redone():
    history = RegionsHistory(start())
    history.record(changed(start(), "voxel", 3, 1))
    history.undo()
    history.record(changed(start(), "voxel", 4, 1))
    assert history.redo() is None


def test_the_undo_of_the_layer_itself_is_found_unless_names_changed_since():
    states = [start()]
    history = RegionsHistory(states[0])
    for at in range(3):
        states.append(changed(states[-1], "voxel", at, 1))
        history.record(states[-1])
    assert history.find(states[1].labels)
    assert same(history.state, states[1])
    assert history.find(states[2].labels)  # and its redo
    assert same(history.state, states[2])
    history.record(changed(states[2], "table", 1, 0))
    assert not history.find(states[1].labels)
    assert not history.find(np.full(SHAPE, 9, np.uint16))
