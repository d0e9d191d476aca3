"""Letters and titles at the edge of the canvas tell what is in front."""

import numpy as np
import pytest
from gui_waits import wait_for_layers
from napari.components import ViewerModel
from napari.layers import Image

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.data.label import Label
from napari_mrf.plugin.layers import (
    pins_layer,
    series_layer_data,
    show_companion,
    show_error,
    show_maps,
    show_pins,
)
from napari_mrf.plugin.layers.outlines import add_outlines_layer, show_outlines
from napari_mrf.plugin.layers.raw_preview import show_preview
from napari_mrf.plugin.layers.regions import RegionGrid, add_regions_layer
from napari_mrf.plugin.viewer.canvas_texts import show_canvas_texts
from napari_mrf.rois.polygons import Outline

AFFINE = np.diag([-1.5, -2.0, 8.0, 1.0])


@pytest.fixture
def rest(qtbot, viewer):
    """Let the texts follow what has happened; they do so in a turn of their own."""
    return lambda: wait_for_layers(qtbot, viewer)


@pytest.fixture
def viewer(qapp):
    viewer = ViewerModel()
    series = MRFSeries(np.ones((3, 2, 4, 5), np.complex64), AFFINE)
    data, attributes, _ = series_layer_data(series, "thigh")
    viewer.add_image(data, **attributes)
    show_canvas_texts(viewer)
    return viewer


def letters(viewer):
    overlays = viewer.canvas.overlays
    edges = [overlays[f"mrf_{edge}"] for edge in ("top", "left", "bottom", "right")]
    return "".join(edge.text for edge in edges if edge.visible)


def title(viewer):
    overlay = viewer.canvas.overlays["mrf_title"]
    return overlay.text if overlay.visible else ""


def maps():
    return ParameterMaps({"FF": np.zeros((2, 4, 5)), "T1H2O": np.ones((2, 4, 5))}, affine=AFFINE)


def test_letters_follow_the_displayed_axes(viewer, rest):
    assert letters(viewer) == "ARPL"
    viewer.dims.order = (0, 2, 1, 3)  # rows are now slices
    rest()
    assert letters(viewer) == "IRSL"
    viewer.dims.ndisplay = 3
    rest()
    assert letters(viewer) == ""
    viewer.dims.ndisplay = 2
    viewer.layers.clear()
    rest()
    assert letters(viewer) == ""


def test_no_letters_without_geometry(qapp):
    viewer = ViewerModel()
    data, attributes, _ = series_layer_data(MRFSeries(np.ones((3, 2, 4, 5), np.complex64)), "x")
    viewer.add_image(data, **attributes)
    show_canvas_texts(viewer)
    assert letters(viewer) == ""


def test_title_names_the_map_in_front_with_its_unit(viewer, rest):
    assert title(viewer) == ""
    show_maps(viewer, "a", maps())
    rest()
    assert title(viewer) == "Fat fraction"
    viewer.layers["a · T1H2O"].visible = True
    viewer.layers["a · FF"].visible = False
    rest()
    assert title(viewer) == "Water T1 (ms)"
    show_maps(viewer, "b", maps())
    rest()
    assert title(viewer) == "Fat fraction\nb"


def test_one_color_bar_belongs_to_the_map_in_front(viewer, rest):
    def bars():
        images = [layer for layer in viewer.layers if isinstance(layer, Image)]
        return [layer.name for layer in images if layer.colorbar.visible]

    values = maps()
    values.quality = np.ones((2, 4, 5), np.float32)
    values.uncertainty = {"FF": np.ones((2, 4, 5), np.float32)}
    show_maps(viewer, "a", values)
    rest()
    assert bars() == ["a · FF"]
    viewer.layers["a · T1H2O"].visible = True  # behind the fat fraction
    rest()
    assert bars() == ["a · FF"]
    show_companion(viewer, "a", values, "uncertainty")
    rest()
    assert (bars(), title(viewer)) == (["a · FF SD"], "Fat fraction, SD")
    show_companion(viewer, "a", values, "quality")
    rest()
    assert (bars(), title(viewer)) == (["a · quality"], "Quality")
    show_companion(viewer, "a", values, "mask")  # labels have no scale
    rest()
    assert bars() == ["a · quality"]
    viewer.layers.move(viewer.layers.index("a · T1H2O"), len(viewer.layers))
    rest()
    assert (bars(), title(viewer)) == (["a · T1H2O"], "Water T1 (ms)")
    viewer.layers["a · T1H2O"].visible = False
    rest()
    assert bars() == ["a · quality"]
    viewer.layers.remove("a · quality")
    rest()
    assert bars() == ["a · FF SD"]
    for layer in viewer.layers:
        layer.visible = False
    rest()
    assert (bars(), title(viewer)) == ([], "")


def test_switching_on_twice_is_once(viewer):
    assert show_canvas_texts(viewer) is show_canvas_texts(viewer)


@pytest.fixture
def outlines(viewer):
    """A pinned voxel, then a region of four corners in the first slice."""
    series = MRFSeries(np.ones((3, 2, 4, 5), np.complex64), AFFINE)
    show_pins(viewer, [(0, 1, 1)], series)
    table = {7: Label(7, "VL_R", (0, 160, 0))}
    grid = RegionGrid.of_series(series)
    regions = add_regions_layer(viewer, grid, table, np.zeros((2, 4, 5)), "ROIs")
    layer = add_outlines_layer(viewer, regions)
    show_outlines(layer, [Outline(7, 0, ((0, 0), (0, 3), (3, 3), (3, 0)))], table)
    return layer


def test_regions_lie_over_pictures_and_under_pins(viewer, outlines):
    show_maps(viewer, "a", maps())
    names = [layer.name for layer in viewer.layers]
    assert names[-3:] == ["ROIs", outlines.name, pins_layer(viewer).name]


def test_names_and_numbers_can_be_read_on_dark_and_on_light_maps(viewer, outlines, rest):
    def ink():
        inks = [
            np.asarray(layer.text.color.constant)[:3].tolist()
            for layer in (outlines, pins_layer(viewer))
        ]
        assert inks[0] == inks[1]
        return inks[0]

    show_maps(viewer, "a", maps())
    rest()
    assert ink() == [1, 1, 1]
    error = show_error(viewer, np.zeros((2, 4, 5), np.float32), maps(), ("a", "b", "T1H2O",
                                                                         "difference"))  # fmt: skip
    rest()
    assert ink() == [0, 0, 0]
    error.visible = False
    rest()
    assert ink() == [1, 1, 1]


def test_a_title_that_changes_is_at_its_place_before_it_is_drawn(make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    texts = show_canvas_texts(viewer)
    for name in ("a", "a set with a long name"):
        show_maps(viewer, name, maps())
    canvas = viewer.window._qt_viewer.canvas

    def right_edge():
        shown = canvas._viewer_overlay_to_visual[viewer.canvas.overlays["mrf_title"]]
        one = shown[0] if isinstance(shown, list) else shown
        return one.node.transform.translate[0] + one.x_size

    edges = []
    for name in ("a", "a set with a long name", "a"):
        for layer in viewer.layers:
            layer.visible = layer.name == f"{name} · FF"
        texts.update()
        assert title(viewer).endswith(f"\n{name}")
        edges.append(right_edge())
    padding = viewer.canvas.overlay_tiling.padding[0]
    assert edges == pytest.approx([canvas.size[1] - padding] * 3)


def test_a_map_behind_a_preview_or_the_series_has_no_title_and_no_bar(viewer, rest):
    show_maps(viewer, "water-fat", maps())
    shown = viewer.layers["water-fat · FF"]
    rest()

    def told():
        rest()
        return title(viewer).partition("\n")[0], shown.colorbar.visible

    assert told() == ("Fat fraction", True)
    show_preview(viewer, np.ones((2, 4, 5), np.float32), AFFINE, "raw", 0)
    preview = viewer.layers[-1]
    assert told() == ("", False)
    preview.opacity = 0.5  # the map shows through
    assert told() == ("Fat fraction", True)
    preview.opacity = 1.0
    assert told() == ("", False)
    preview.visible = False
    assert told() == ("Fat fraction", True)
    viewer.layers.move(viewer.layers.index("thigh"), len(viewer.layers))
    assert told() == ("", False)
    viewer.canvas.grid.enabled = True  # each has its own box
    rest()
    assert shown.colorbar.visible
