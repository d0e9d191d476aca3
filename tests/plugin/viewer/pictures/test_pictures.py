"""A picture paints what the canvas of napari shows: voxels, colors, places, directions."""

import itertools
import time

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers.labels._labels_utils import get_contours
from napari.utils import Colormap
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QColor, QImage
from qtpy.QtWidgets import QWidget

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.data.label import Label
from napari_mrf.plugin.layers import series_layer_data, show_maps, show_pins
from napari_mrf.plugin.layers.outlines import add_outlines_layer, show_outlines
from napari_mrf.plugin.layers.regions import RegionGrid, add_regions_layer
from napari_mrf.plugin.layers.voxels import voxel_at
from napari_mrf.plugin.session import session_of
from napari_mrf.plugin.viewer.pictures.changes import scene_changes_of
from napari_mrf.plugin.viewer.pictures.picture import Picture, Scene, View
from napari_mrf.plugin.viewer.pictures.planes import Plane, plane_of_canvas, upright_planes
from napari_mrf.plugin.viewer.pictures.side_by_side import SideBySide
from napari_mrf.plugin.viewer.pictures.three_planes import ThreePlanes
from napari_mrf.plugin.viewer.pins_display import pins_display_of
from napari_mrf.plugin.viewer.readout import readout_of
from napari_mrf.rois.polygons import Outline

SHAPE = (2, 3, 4)
SIZE = 400
GRAYS = np.random.default_rng(5).permutation(24).reshape(SHAPE) * 10 + 5


@pytest.fixture
def viewer(qapp):
    return ViewerModel()


@pytest.fixture
def picture(qtbot):
    picture = Picture("a picture")
    picture.resize(SIZE, SIZE)
    qtbot.addWidget(picture)
    return picture


def gray_layer(viewer, values=GRAYS, scale=(4.0, 2.0, 1.0)):
    shades = Colormap(np.linspace([0, 0, 0, 1], [1, 1, 1, 1], 256), name="grays")
    return viewer.add_image(values.astype(np.float32), scale=scale, contrast_limits=(0, 255),
                            colormap=shades)  # fmt: skip


def color(picture, down, along):
    """Return the color at world coordinates, found without the picture's own transform."""
    plane, view = picture.scene.plane, picture.view
    x = SIZE / 2 + (along - view.center[1]) * view.zoom * (-1 if plane.flips[1] else 1)
    y = SIZE / 2 + (down - view.center[0]) * view.zoom * (-1 if plane.flips[0] else 1)
    return picture.grab().toImage().pixelColor(int(x), int(y))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", [(False, False), (True, False), (True, True)])
def test_every_voxel_has_its_color_in_any_view(viewer, picture, order, flips):
    scale = (4.0, 2.0, 1.5)
    gray_layer(viewer, scale=scale)
    viewer.dims.order = order
    camera = viewer.scene.camera
    camera.orientation2d = ("up" if flips[0] else "down", "left" if flips[1] else "right")
    across, down, along = order
    for at in range(SHAPE[across]):
        viewer.dims.set_point(across, at * scale[across])
        plane = plane_of_canvas(viewer, ())
        assert (plane.down, plane.along, plane.flips) == (down, along, flips)
        picture.show_scene(Scene(plane, list(viewer.layers)))
        picture.look_from(View((scale[down], 1.5 * scale[along]), 30.0))
        for i, j in np.ndindex(SHAPE[down], SHAPE[along]):
            index = [0, 0, 0]
            index[across], index[down], index[along] = at, i, j
            expected = GRAYS[tuple(index)]
            found = color(picture, i * scale[down] + 0.3, j * scale[along] - 0.3)
            assert abs(found.red() - expected) <= 1 and found.red() == found.blue()


def test_nothing_is_painted_where_there_is_no_value_or_no_slice(viewer, picture):
    gray_layer(viewer)
    holes = np.full(SHAPE, 200.0)
    holes[0, 1, 1] = np.nan
    front = gray_layer(viewer, holes)
    picture.look_from(View((2.0, 1.5), 30.0))
    picture.show_scene(Scene(plane_of_canvas(viewer, ()), list(viewer.layers)))
    viewer.dims.set_point(0, 0)
    picture.show_scene(Scene(plane_of_canvas(viewer, ()), list(viewer.layers)))
    assert abs(color(picture, 2.0, 1.0).red() - GRAYS[0, 1, 1]) <= 1
    assert abs(color(picture, 2.0, 2.0).red() - 200) <= 1
    front.opacity = 0.5
    picture.show_scene(Scene(plane_of_canvas(viewer, ()), list(viewer.layers)))
    mixed = (200 + GRAYS[0, 1, 2]) / 2
    assert abs(color(picture, 2.0, 2.0).red() - mixed) <= 2
    beyond = Plane(1, 2, (40.0, 0.0, 0.0))
    picture.show_scene(Scene(beyond, list(viewer.layers), background="#112233"))
    assert color(picture, 2.0, 2.0) == QColor("#112233")


def test_limits_gamma_and_colors_of_the_layer_count(viewer, picture):
    layer = gray_layer(viewer)
    viewer.dims.set_point(0, 0)
    picture.look_from(View((2.0, 1.5), 30.0))
    layer.contrast_limits, layer.gamma = (0.0, 128.0), 2.0
    picture.show_scene(Scene(plane_of_canvas(viewer, ()), [layer]))
    expected = 255 * min(GRAYS[0, 2, 3] / 128, 1) ** 2
    assert abs(color(picture, 4.0, 3.0).red() - expected) <= 2


def test_regions_outlines_and_pins_stand_where_they_count(viewer, picture):
    affine = np.diag([-1.0, -2.0, 4.0, 1.0])
    series = MRFSeries(np.ones((2, *SHAPE), np.complex64), affine)
    table = {7: Label(7, "VL_R", (0, 160, 0))}
    grid = RegionGrid.of_series(series)
    labels = np.zeros(SHAPE)
    labels[1, 0, 0] = 7
    regions = add_regions_layer(viewer, grid, table, labels, "ROIs")
    regions.opacity = 1.0
    outlines = add_outlines_layer(viewer, regions)
    outlines.opacity = 1.0
    show_outlines(outlines, [Outline(7, 1, ((1, 1), (1, 3), (2, 3), (2, 1)))], table)
    show_pins(viewer, [(1, 0, 2)], series)
    picture.look_from(View((2.0, 1.5), 40.0))
    black = QColor("#000000")

    def looks(z):
        viewer.dims.set_point(0, 4.0 * z)
        picture.show_scene(Scene(plane_of_canvas(viewer, ()), list(viewer.layers)))
        ring = color(picture, 0.0, 2.0 + 1.5)  # a ring of three voxels
        return color(picture, 0.0, 0.0), color(picture, 2.0, 2.2), ring

    region, outline, ring = looks(1)
    assert region == QColor(0, 160, 0) and outline.green() > 100
    assert ring != black
    assert looks(0) == (black, black, black)


@pytest.mark.parametrize("contour", [0, 1, 2])
def test_regions_are_filled_or_outlined_as_the_canvas_shows_them(viewer, picture, contour):
    labels = np.zeros((1, 9, 9), int)
    labels[0, 1:8, 1:6] = 7
    labels[0, 1:8, 6:] = 9  # a neighbor, which reaches the end of the plane
    layer = viewer.add_labels(labels, opacity=1.0)
    told = []
    scene_changes_of(viewer).changed.connect(lambda: told.append(True))
    layer.contour = contour
    assert told  # so that an open picture follows
    picture.look_from(View((4.0, 4.0), 40.0))
    picture.show_scene(Scene(plane_of_canvas(viewer, ()), [layer]))
    seen = np.array([[color(picture, down, along) != QColor("#000000") for along in range(9)]
                     for down in range(9)])  # fmt: skip
    shown = get_contours(labels[0], contour, 0) if contour else labels[0]  # napari's own
    np.testing.assert_array_equal(seen, shown != 0)
    assert seen[4, 3] == (contour == 0)  # the map inside can be seen


ORIENTATIONS = [
    (axes, signs)
    for axes in itertools.permutations(range(3))
    for signs in ((1, -1, 1), (-1, 1, -1))
]


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS)
def test_three_planes_show_the_patient_upright(viewer, picture, axes, signs):
    """The voxel farthest right, anterior and superior is at the top left of all three."""
    shape, sizes = (4, 5, 6), np.array([1.5, 2.0, 3.0])  # (z, y, x); mm along x, y, z
    affine = np.eye(4)
    affine[:3, :3] = 0
    for file_axis, (world, sign) in enumerate(zip(axes, signs, strict=True)):
        affine[world, file_axis] = sign * sizes[file_axis]
    values = np.zeros(shape)
    # File axis x of the affine is the last of the array; RAS+ is right, anterior, superior.
    corner = tuple(shape[2 - one] - 1 if signs[one] > 0 else 0 for one in (2, 1, 0))
    values[corner] = 1.0
    show_maps(viewer, "a", ParameterMaps({"FF": values}, affine=affine))
    layer = viewer.layers[0]
    point = layer.data_to_world(np.argwhere(layer.data == 1)[0])
    planes = upright_planes(viewer, tuple(point), viewer.layers)
    assert {plane.name for plane in planes} == {"Axial", "Coronal", "Sagittal"}
    letters = {"Axial": "RLAP", "Coronal": "RLSI", "Sagittal": "APSI"}
    world_mm = {world: sizes[file_axis] for file_axis, world in enumerate(axes)}
    shown_mm = {"Axial": (1, 0), "Coronal": (2, 0), "Sagittal": (2, 1)}  # down, along
    for plane in planes:
        assert "".join(plane.letters) == letters[plane.name]
        ranges = [viewer.dims.range[axis] for axis in (plane.down, plane.along)]
        center = tuple((one.start + one.stop) / 2 for one in ranges)
        picture.show_scene(Scene(plane, [layer]))
        picture.look_from(View(center, 10.0))
        rows, columns = np.nonzero(pixels_of(picture)[..., :2].sum(-1) > 300)
        down, along = (world_mm[one] for one in shown_mm[plane.name])
        assert np.ptp(rows) + 1 == pytest.approx(10 * down, abs=1)
        assert np.ptp(columns) + 1 == pytest.approx(10 * along, abs=1)
        spans = [one.stop - one.start + one.step for one in ranges]
        assert rows.min() == pytest.approx(SIZE / 2 - 5 * spans[0], abs=1)
        assert columns.min() == pytest.approx(SIZE / 2 - 5 * spans[1], abs=1)


def pixels_of(picture):
    """Return the colors (rows, columns, 3) of a picture, black at its rim, where letters are."""
    image = picture.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    memory = image.constBits()
    if hasattr(memory, "setsize"):
        memory.setsize(image.sizeInBytes())
    colors = np.frombuffer(memory, np.uint8).reshape(SIZE, SIZE, 4)[..., 2::-1].copy()
    colors[:60] = colors[-60:] = colors[:, :60] = colors[:, -60:] = 0
    return colors


@pytest.fixture
def scene(viewer, qtbot):
    """Two sets over a series, and a picture of the one that is hidden."""
    affine = np.diag([-1.0, -2.0, 4.0, 1.0])
    series = MRFSeries(np.ones((3, *SHAPE), np.complex64), affine)
    data, attributes, _ = series_layer_data(series, "thigh")
    viewer.add_image(data, **attributes)
    for name, value in (("a", 0.25), ("b", 0.75)):
        show_maps(viewer, name, ParameterMaps({"FF": np.full(SHAPE, value)}, affine=affine))
    viewer.layers["a · FF"].visible = False
    return viewer, series


def test_side_by_side_looks_from_where_the_canvas_does(scene, qtbot):
    viewer, _ = scene
    chosen = viewer.layers["a · FF"]
    beside = SideBySide(viewer, lambda: chosen)
    beside.resize(300, 300)
    qtbot.addWidget(beside)
    picture, camera = beside.picture, viewer.scene.camera
    assert [one.name for one in picture.scene.layers] == ["thigh", "a · FF"]
    assert picture.scene.title == "Fat fraction\na"
    camera.zoom, camera.center = 12.0, (0.0, 2.0, 1.0)
    assert picture.view == View((2.0, 1.0), 12.0)
    # The wheel over the picture turns the camera of the canvas; what is under the mouse stays.
    at = QPointF(60.0, 210.0)
    before = picture.place_of(at)
    picture.zoomed.emit(1.2, before)
    assert camera.zoom == pytest.approx(14.4) and picture.view.zoom == camera.zoom
    assert picture.place_of(at) == pytest.approx(before)
    # The cursor is the same on both sides, and each side tells its own value.
    heard = []
    viewer.cursor.events.position.connect(heard.append)
    picture.pointed.emit((2.0, 1.0))
    assert viewer.cursor.position[-2:] == (2.0, 1.0) and len(heard) == 1
    assert picture.cross == (2.0, 1.0) and picture.reading == "0.25"
    assert viewer.status == "b · FF: 0.75    a · FF: 0.25"
    viewer.cursor.position = (0.0, 0.0, 4.0, 3.0)
    assert picture.cross == (4.0, 3.0)
    # Another slice, another value: always that of the slice in view.
    chosen.data[1] = 0.5
    viewer.dims.set_point(1, 4.0)
    viewer.cursor.position = (0.0, 4.0, 2.0, 3.0)
    assert picture.reading == "0.5"
    viewer.dims.ndisplay = 3
    assert picture.scene.plane is None and "3D" in picture.scene.message
    viewer.dims.ndisplay = 2
    viewer.layers.remove(chosen)
    assert picture.scene.plane is None


def test_a_click_beside_the_canvas_pins_the_voxel_and_the_mouse_is_told_its_values(scene, qtbot):
    viewer, series = scene
    session, panel = session_of(viewer), QWidget()
    session.set_series(series, "thigh")
    beside = SideBySide(viewer, lambda: viewer.layers["a · FF"])
    beside.resize(300, 300)
    qtbot.addWidget(panel)
    qtbot.addWidget(beside)
    for widget in (panel, beside):
        with qtbot.waitExposed(widget):
            widget.show()
    pins_display_of(viewer).attend(panel)
    readout_of(viewer)
    viewer.scene.camera.zoom, viewer.scene.camera.center = 30.0, (0.0, 2.0, 1.0)
    viewer.dims.set_point(1, 4.0)
    picture = beside.picture
    # A row of 2 mm below what is in the middle, and a column of 1 mm to its right.
    at = QPoint(150 + 30, 150 + 60)
    voxel = voxel_at(viewer.layers["thigh"], series, (0.0, 4.0, 4.0, 2.0))
    qtbot.mouseMove(picture, at)
    qtbot.waitUntil(lambda: f"thigh {voxel}" in str(viewer.status))
    assert "a · FF: 0.25" in str(viewer.status)
    qtbot.mouseClick(picture, Qt.MouseButton.LeftButton, pos=at)
    assert session.pins == (voxel,)
    qtbot.mouseClick(picture, Qt.MouseButton.LeftButton, pos=at)  # again: no longer
    assert session.pins == ()
    qtbot.mousePress(picture, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseMove(picture, at + QPoint(20, 0))
    qtbot.mouseRelease(picture, Qt.MouseButton.LeftButton, pos=at + QPoint(20, 0))
    assert session.pins == ()  # it was a drag


def test_what_a_picture_cannot_paint_it_names(scene, qtbot):
    viewer, _ = scene
    chosen = viewer.layers["a · FF"]
    beside = SideBySide(viewer, lambda: chosen)
    planes = ThreePlanes(viewer)
    for widget in (beside, planes):
        widget.resize(400, 300)
        qtbot.addWidget(widget)
    assert beside.picture.scene.left_out == ""
    empty = beside.picture.grab().toImage()
    viewer.add_image(np.zeros((*SHAPE, 3), np.uint8), rgb=True, name="photo")
    assert beside.picture.scene.left_out == "Not shown here: photo"
    assert beside.picture.grab().toImage() != empty
    steps = [np.zeros((2, 8, 8)), np.zeros((2, 4, 4))]
    viewer.add_image(steps, multiscale=True, name="slide")
    viewer.add_vectors(np.zeros((1, 2, 3)), name="field")
    assert beside.picture.scene.left_out == "Not shown here: photo, slide, field"
    told = [one.scene.left_out for one in planes.pictures]
    assert told == ["", "", "Not shown here: photo, slide, field"]
    for name in ("photo", "slide", "field"):
        viewer.layers[name].visible = False
    assert beside.picture.scene.left_out == ""


def test_layers_of_another_subject_come_with_their_own(scene, qtbot):
    viewer, series = scene
    grid = RegionGrid.of_series(series)
    first, second = (add_regions_layer(viewer, grid, {}, np.zeros(SHAPE), n) for n in "xy")
    first.metadata = {**first.metadata, "mrf_subject": "1"}
    second.metadata = {**second.metadata, "mrf_subject": "2", "mrf_shown": True}
    second.visible = False
    chosen = viewer.layers["a · FF"]
    chosen.metadata = {**chosen.metadata, "mrf_subject": "2"}
    beside = SideBySide(viewer, lambda: chosen)
    qtbot.addWidget(beside)
    shown = [one.name for one in beside.picture.scene.layers]
    assert "y" in shown and "x" not in shown
    chosen.name = "visit 2 · a · FF"  # as layers are named where there are several subjects
    beside.refresh()
    assert beside.picture.scene.title == "Fat fraction\nvisit 2 · a"


def test_three_planes_follow_the_mouse_and_lead_the_sliders(scene, qtbot):
    viewer, _ = scene
    planes = ThreePlanes(viewer)
    planes.resize(900, 300)
    qtbot.addWidget(planes)
    planes.show()
    qtbot.waitExposed(planes)
    viewer.cursor.position = (0.0, float(viewer.dims.point[1]), 2.0, 3.0)
    assert planes.point[-2:] == (2.0, 3.0)
    names = [picture.scene.plane.name for picture in planes.pictures]
    coronal = planes.pictures[names.index("Coronal")]
    assert coronal.cross is not None and coronal.scene.plane.point[2] == 2.0
    for z in (4.0, 0.0):
        coronal.clicked.emit((z, 1.0))  # (slice, column)
        assert viewer.dims.point[1] == z
        assert planes.point[1] == z and planes.point[3] == 1.0
        assert viewer.cursor.position[-1] == 1.0
    viewer.cursor.position = (0.0, 0.0, 500.0, 3.0)  # beside the image: the point stays
    assert planes.point[2] == 2.0
    # All three are in one scale.
    assert len({picture.view.zoom for picture in planes.pictures}) == 1
    before = coronal.view.zoom
    coronal.zoomed.emit(2.0, (0.0, 1.0))
    assert {picture.view.zoom for picture in planes.pictures} == {2 * before}


@pytest.mark.parametrize("make", [lambda viewer: SideBySide(viewer, lambda: viewer.layers[1]),
                                  ThreePlanes], ids=["side by side", "three planes"])  # fmt: skip
def test_a_move_of_the_mouse_costs_five_milliseconds_at_most(viewer, qtbot, make):
    large, affine = (5, 350, 350), np.diag([-1.0, -1.0, 8.0, 1.0])
    signal = np.broadcast_to(np.ones((1, *large), np.complex64), (175, *large))
    data, attributes, _ = series_layer_data(MRFSeries(signal, affine), "thigh")
    viewer.add_image(data, **attributes)
    show_maps(viewer, "a", ParameterMaps({"FF": np.full(large, 0.5)}, affine=affine))
    widget = make(viewer)
    widget.resize(1000, 400)
    qtbot.addWidget(widget)
    widget.show()
    qtbot.waitExposed(widget)
    pictures, costs = widget.findChildren(Picture), []
    for step in range(30):
        start = time.thread_time()
        viewer.cursor.position = (0.0, 16.0, 100.0 + 3 * step, 90.0 + 5 * step)
        for picture in pictures:
            picture.repaint()
        costs.append(time.thread_time() - start)
        assert pictures[0].cross == (100.0 + 3 * step, 90.0 + 5 * step)
    assert np.median(costs) < 0.005
