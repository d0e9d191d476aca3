"""One session per viewer, shared by every panel, gone with the viewer; likewise its displays."""

import gc
import weakref

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils._proxies import PublicOnlyProxy

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.data.label import Label
from napari_mrf.plugin.panels.compare.state import compare_memory_of
from napari_mrf.plugin.panels.importance.result import importance_store_of
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.regions.pointer import regions_pointer_of
from napari_mrf.plugin.session import MapsSet, RegionChoice, Regions, Session, session_of, unwrapped
from napari_mrf.plugin.viewer.canvas_texts import show_canvas_texts
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.plugin.viewer.opening import opener_of
from napari_mrf.plugin.viewer.pins_display import pins_display_of
from napari_mrf.plugin.viewer.pointer import pointer_of
from napari_mrf.plugin.viewer.reader_choice import reader_choice_of
from napari_mrf.plugin.viewer.subjects_display import subjects_display_of

ONE_PER_VIEWER = (session_of, opener_of, layer_turns_of, pointer_of, show_canvas_texts,
                  pins_display_of, maps_display_of, regions_editor_of, regions_pointer_of,
                  compare_memory_of, importance_store_of, subjects_display_of,
                  reader_choice_of)  # fmt: skip


def series(shape=(2, 1, 3, 4)):
    return MRFSeries(np.ones(shape, np.complex64))


def from_file(shape=(2, 1, 3, 4), path="thigh.nii", sha256="0" * 64):
    return MRFSeries(np.ones(shape, np.complex64), source_path=path, source_sha256=sha256)


def maps():
    return ParameterMaps({"FF": np.zeros((1, 3, 4))})


@pytest.fixture
def session(qapp):
    return Session()


@pytest.mark.parametrize("one_of", ONE_PER_VIEWER)
def test_there_is_one_for_the_viewer_and_for_its_proxy(qapp, one_of):
    viewer = ViewerModel()
    assert one_of(PublicOnlyProxy(viewer)) is one_of(viewer)
    assert one_of(ViewerModel()) is not one_of(viewer)
    assert unwrapped(PublicOnlyProxy(viewer)) is viewer


@pytest.mark.parametrize("one_of", ONE_PER_VIEWER)
def test_what_a_viewer_has_one_of_goes_with_it(qapp, one_of):
    viewer = ViewerModel()
    gone = [weakref.ref(viewer), weakref.ref(one_of(viewer))]
    del viewer
    gc.collect()
    assert [one() for one in gone] == [None, None]


def test_changing_the_series_is_told_once(session):
    heard = []
    session.series_changed.connect(heard.append)
    first = series()
    session.set_series(first, "thigh")
    session.set_series(first, "thigh")
    assert heard == [first]
    assert session.series_name == "thigh"
    session.set_series(None)
    assert heard == [first, None]
    assert session.series_name == ""


def test_maps_of_the_same_name_are_replaced_and_become_the_youngest(session):
    heard = []
    session.maps_changed.connect(heard.append)
    old, other, new = MapsSet("a", maps()), MapsSet("b", maps()), MapsSet("a", maps())
    for one in (old, other, new):
        session.add_maps(one)
    assert list(session.maps_sets) == ["b", "a"]
    assert session.maps_sets["a"] is new
    session.remove_maps("b")
    session.remove_maps("b")
    assert heard == ["a", "b", "a", "b"]
    with pytest.raises(TypeError):
        session.maps_sets["c"] = new


def test_voxel_must_lie_in_the_series_and_stays_while_it_does(session):
    heard = []
    session.voxel_changed.connect(heard.append)
    with pytest.raises(IndexError):
        session.select_voxel((0, 0, 0))
    session.set_series(series(), "a")
    session.select_voxel((0, 2, 3))
    with pytest.raises(IndexError):
        session.select_voxel((0, 3, 0))
    session.set_series(from_file(), "of a file")
    assert session.selected_voxel is None  # that of another subject
    session.select_voxel((0, 2, 3))
    session.set_series(from_file(), "the same file again")
    assert session.selected_voxel == (0, 2, 3)
    session.set_series(from_file((2, 1, 2, 2)), "a part of it")
    assert session.selected_voxel is None
    assert heard == [(0, 2, 3), None, (0, 2, 3), None]


def test_pins_keep_their_order_and_go_with_a_smaller_series_of_the_subject(session):
    told = []
    session.set_series(from_file(), "a")
    session.pins_changed.connect(told.append)
    session.set_pins(((0, 2, 3), (0, 0, 0), (0, 2, 3)))
    assert session.pins == ((0, 2, 3), (0, 0, 0))
    session.set_pins(((0, 2, 3), (0, 0, 0)))
    session.set_series(from_file((2, 1, 2, 2)), "b")
    assert told == [((0, 2, 3), (0, 0, 0)), ((0, 0, 0),)]
    with pytest.raises(IndexError, match="outside"):
        session.set_pins(((0, 5, 0),))


def test_chosen_region_lasts_while_it_exists(session):
    table = {3: Label(3, "VL_R"), 4: Label(4, "VM_R")}
    labels = np.zeros((1, 3, 4), np.uint16)
    with pytest.raises(KeyError):
        session.choose_region(RegionChoice(3))
    session.set_regions(Regions(labels, table))
    told = []
    session.region_chosen.connect(told.append)
    session.choose_region(RegionChoice(3, z=0))
    session.choose_region(RegionChoice(3, z=0))
    session.set_regions(Regions(labels, {3: table[3]}))
    assert session.chosen_region == RegionChoice(3, 0)
    session.set_regions(None)
    assert told == [RegionChoice(3, 0), None]
