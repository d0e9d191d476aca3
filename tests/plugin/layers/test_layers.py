"""Nouns become layers with place, units and limits, and come back unchanged."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_mrf import PARAMETERS, MRFInputError, MRFSeries, ParameterMaps
from napari_mrf.data.maps import FLAGS
from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.plugin import layers as bridge
from napari_mrf.plugin.layers.regions import RegionGrid, adopt_layer, nearest_on_grid

# Columns of the file run to the patient's right, rows to anterior: both are flipped on screen.
AFFINE = np.diag([1.5, 2.0, 8.0, 1.0])
SCALE = (8.0, 2.0, 1.5)
RNG = np.random.default_rng(2)
SHAPE = (6, 2, 4, 5)
SIGNAL = (RNG.normal(size=SHAPE) + 1j * RNG.normal(size=SHAPE)).astype(np.complex64)


@pytest.fixture
def viewer(qapp):
    return ViewerModel()


@pytest.fixture
def series():
    return MRFSeries(SIGNAL, AFFINE)


@pytest.fixture
def maps():
    values = RNG.uniform(0, 1, (5, *SHAPE[1:])).astype(np.float32)
    values[:, 0, 0, 0] = np.nan
    keys = ("FF", "T1H2O", "T1fat", "Df", "B1")
    flags = np.zeros(SHAPE[1:], np.uint8)
    flags[1, 2, 3] = FLAGS["Df-edge"] | FLAGS["B1-edge"]
    return ParameterMaps(dict(zip(keys, values, strict=True)), quality=values[0], flags=flags,
                         affine=AFFINE)  # fmt: skip


def add_series(viewer, series, name="thigh"):
    data, attributes, kind = bridge.series_layer_data(series, name)
    assert kind == "image"
    return viewer.add_image(data, **attributes)


def test_series_is_shown_in_mm_and_never_copied(viewer, series):
    layer = add_series(viewer, series)
    assert layer.data._signal is series.signal
    assert bridge.series_of(layer) is series
    assert tuple(layer.scale) == (1, 8, 2, 1.5)
    assert [f"{unit:~}" for unit in layer.units] == ["pixel", "mm", "mm", "mm"]
    assert layer.axis_labels == ("frame", "z", "y", "x")
    assert np.allclose(layer.data[2, 1], np.abs(SIGNAL[2, 1])[::-1, ::-1])


def test_limits_come_from_a_few_frames_of_finite_values(series):
    signal = SIGNAL.copy()
    signal[0, 1, 0, 0] = np.nan
    signal[:, 1] *= 10
    peak = bridge.peak_magnitude(MRFSeries(signal))
    assert 10 < peak <= 10 * np.abs(SIGNAL).max()
    assert bridge.peak_magnitude(MRFSeries(np.zeros(SHAPE, np.complex64))) == 1.0


@pytest.mark.parametrize(("component", "oracle"), [("phase", np.angle), ("imaginary", np.imag)])
def test_component_is_switched_in_place(viewer, series, component, oracle):
    layer = add_series(viewer, series)
    bridge.show_component(layer, component)
    assert np.allclose(layer.data[0, 0], oracle(SIGNAL[0, 0])[::-1, ::-1], atol=1e-6)
    low, high = layer.contrast_limits
    assert low == -high
    assert len(viewer.layers) == 1


def test_every_map_is_a_layer_with_unit_and_limits(viewer, maps):
    bridge.show_maps(viewer, "water-fat", maps)
    assert [layer.name for layer in reversed(viewer.layers)] == [
        f"water-fat · {key}" for key in ("FF", "T1H2O", "T1fat", "Df", "B1")
    ]
    for layer in viewer.layers:
        key = layer.name.split(" · ")[1]
        assert tuple(layer.contrast_limits) == PARAMETERS[key].display_limits
        assert tuple(layer.scale) == (8, 2, 1.5)
        assert {f"{unit:~}" for unit in layer.units} == {"mm"}
        assert layer.axis_labels == ("z", "y", "x")
        assert layer.visible == (key == "FF")
        assert layer.colormap.map(np.array([np.nan]))[0, 3] == 0
        assert np.array_equal(layer.data, maps[key][:, ::-1, ::-1], equal_nan=True)
        assert bridge.maps_of(layer.metadata) == (maps, key)


def test_maps_of_the_layers_are_copies(viewer, maps):
    bridge.show_maps(viewer, "a", maps)
    maps["FF"][:] = 5
    assert np.nanmax(viewer.layers["a · FF"].data) <= 1


def test_second_run_replaces_its_set_and_keeps_what_the_user_set(viewer, maps):
    bridge.show_maps(viewer, "a", maps)
    viewer.layers["a · B1"].visible = True
    viewer.layers["a · FF"].opacity = 0.5
    again = ParameterMaps({key: values + 1 for key, values in maps.items()}, affine=AFFINE)
    bridge.show_maps(viewer, "a", again)
    assert len(viewer.layers) == 5
    assert viewer.layers["a · B1"].visible
    assert viewer.layers["a · FF"].opacity == 0.5
    assert bridge.maps_of(viewer.layers["a · FF"].metadata) == (again, "FF")


def test_finished_slice_lands_where_its_voxels_are(viewer, maps):
    upside_down = np.diag([1.5, 2.0, -8.0, 1.0])  # slices run to the feet and are turned round
    empty = ParameterMaps({"FF": np.full(SHAPE[1:], np.nan)}, affine=upside_down)
    bridge.show_maps(viewer, "a", empty)
    empty["FF"][0] = maps["FF"][0]
    bridge.show_slice(viewer, "a", empty, 0)
    shown = viewer.layers["a · FF"].data
    assert np.array_equal(shown[1], maps["FF"][0, ::-1, ::-1], equal_nan=True)
    assert np.isnan(shown[0]).all()


def test_validity_hides_on_screen_and_leaves_the_maps(viewer, maps):
    bridge.show_maps(viewer, "a", maps)
    before = maps["T1H2O"].copy()
    bridge.apply_validity(viewer, "a", maps, {"T1H2O": 0.6})
    hidden = np.isnan(viewer.layers["a · T1H2O"].data[:, ::-1, ::-1])
    assert np.array_equal(hidden, ~(maps["FF"] < 0.6))
    assert np.array_equal(maps["T1H2O"], before, equal_nan=True)
    bridge.apply_validity(viewer, "a", maps, None)
    assert np.array_equal(viewer.layers["a · T1H2O"].data[:, ::-1, ::-1], before, equal_nan=True)


def test_quality_flags_and_mask_are_there_on_demand(viewer, maps):
    bridge.show_maps(viewer, "a", maps)
    quality, flags, mask = (bridge.show_companion(viewer, "a", maps, name)[0]
                            for name in ("quality", "flags", "mask"))  # fmt: skip
    assert tuple(quality.contrast_limits) == (0.8, 1)
    below, least, most = quality.colormap.map(np.array([-0.5, 0.0, 1.0]))
    assert np.array_equal(below, least)  # what is below the limits is the darkest
    assert least[:3].sum() < most[:3].sum()
    value = FLAGS["Df-edge"] | FLAGS["B1-edge"]
    assert list(flags.features.set_index("index").loc[value]) == ["Df-edge, B1-edge"]
    assert np.array_equal(mask.data[:, ::-1, ::-1] == 1, np.isfinite(maps["FF"]))
    for layer in (flags, mask):
        assert tuple(layer.scale) == (8, 2, 1.5)
        assert {f"{unit:~}" for unit in layer.units} == {"mm"}


def test_uncertainty_is_one_layer_a_map_with_unit_and_fixed_limits(viewer, maps):
    maps.uncertainty = {key: values / 10 for key, values in maps.items()}
    bridge.show_maps(viewer, "a", maps)
    layers = bridge.show_companion(viewer, "a", maps, "uncertainty")
    assert [layer.name for layer in layers] == [
        "a · FF SD", "a · T1H2O SD (ms)", "a · T1fat SD (ms)", "a · Df SD (Hz)", "a · B1 SD",
    ]  # fmt: skip
    assert [layer.visible for layer in layers] == [True, False, False, False, False]
    # In the layer list the first is on top.
    assert bridge.companion_layers(viewer, "a", "uncertainty") == layers[::-1]
    assert list(viewer.layers[-5:]) == layers[::-1]
    for layer in layers:
        key = layer.metadata[bridge.PARAMETER_KEY].removesuffix("_std")
        low, high = PARAMETERS[key].display_limits
        assert tuple(layer.contrast_limits) == pytest.approx((0, 0.15 * (high - low)))
        assert tuple(layer.scale) == (8, 2, 1.5)
        shown = layer.data[:, ::-1, ::-1]
        assert np.array_equal(shown, maps.uncertainty[key], equal_nan=True)
        lightness = np.asarray(layer.colormap.colors)[:, :3] @ [0.2126, 0.7152, 0.0722]
        assert np.all(np.diff(lightness) > -1e-6)  # more is brighter, everywhere
    bridge.hide_companion(viewer, "a", "uncertainty")
    assert not any(layer.visible for layer in layers)
    assert not bridge.is_companion_shown(viewer, "a", "uncertainty")
    viewer.layers.remove(layers[2])
    again = bridge.show_companion(viewer, "a", maps, "uncertainty")
    assert [again[0], again[1], again[3], again[4]] == [layers[0], layers[1], *layers[3:]]
    assert again[2].name == "a · T1fat SD (ms)"
    assert [layer.visible for layer in again] == [True, False, False, False, False]


def test_companions_follow_the_maps_of_a_second_run(viewer, maps):
    maps.uncertainty = {key: values / 10 for key, values in maps.items()}
    bridge.show_maps(viewer, "a", maps)
    for companion in bridge.COMPANIONS:
        bridge.show_companion(viewer, "a", maps, companion)
    kept = [*viewer.layers]
    again = ParameterMaps(
        {key: np.where(np.arange(SHAPE[-1]) < 2, np.nan, values) for key, values in maps.items()},
        affine=AFFINE,
        quality=np.full(SHAPE[1:], 0.5, np.float32),
        flags=np.full(SHAPE[1:], FLAGS["not-finite"], np.uint8),
    )
    for _ in bridge.renew_companions(viewer, "a", again, are_complete=False):
        pass  # the run has just begun
    for layer in kept[5:]:
        assert not np.nan_to_num(layer.data).any() and layer in viewer.layers
    for _ in bridge.renew_companions(viewer, "a", again):
        pass
    assert not bridge.companion_layers(viewer, "a", "uncertainty")  # the run had none
    quality, flags, mask = (viewer.layers[f"a · {key}"] for key in ("quality", "flags", "mask"))
    assert {quality, flags, mask} < set(kept)
    assert np.all(quality.data == 0.5)
    assert list(flags.features.set_index("index").loc[FLAGS["not-finite"]]) == ["not-finite"]
    assert np.all(mask.data[:, ::-1, ::-1] == (np.arange(SHAPE[-1]) >= 2))
    assert bridge.maps_of(quality.metadata) == (again, "quality")


def test_uncertainty_of_relaxation_is_offered_likewise(viewer):
    values = {key: np.full(SHAPE[1:], 1.0) for key in ("PD", "T1", "T2")}
    maps = ParameterMaps(values, uncertainty=values, affine=AFFINE)
    bridge.show_maps(viewer, "a", maps)
    layers = bridge.show_companion(viewer, "a", maps, "uncertainty")
    assert [layer.name for layer in layers] == ["a · PD SD (a.u.)", "a · T1 SD (ms)",
                                                "a · T2 SD (ms)"]  # fmt: skip


def test_validity_hides_the_uncertainty_where_it_hides_the_map(viewer, maps):
    maps.uncertainty = {"T1H2O": maps["T1H2O"] / 10}
    bridge.show_maps(viewer, "a", maps)
    bridge.show_companion(viewer, "a", maps, "uncertainty")
    bridge.apply_validity(viewer, "a", maps, {"T1H2O": 0.6})
    hidden = np.isnan(viewer.layers["a · T1H2O SD (ms)"].data[:, ::-1, ::-1])
    assert np.array_equal(hidden, ~(maps["FF"] < 0.6))


def test_companion_that_the_maps_lack_is_an_error(viewer, maps):
    for companion in ("uncertainty", "nothing"):
        with pytest.raises(KeyError):
            bridge.show_companion(viewer, "a", maps, companion)


def test_mask_that_was_drawn_on_screen_comes_back_in_file_order(viewer, series):
    drawn = np.zeros(SHAPE[1:], np.uint8)
    drawn[1, 0, 4] = 3
    shown = DisplayOrientation.from_affine(AFFINE).to_screen(drawn).copy()
    layer = viewer.add_labels(shown, scale=SCALE)
    assert np.array_equal(bridge.mask_from_layer(layer, series), drawn != 0)


def test_mask_painted_over_the_movie_counts_in_any_frame(viewer, series):
    painted = np.zeros(SHAPE, np.uint8)
    painted[4, 1, 0, 0] = 1
    mask = bridge.mask_from_layer(viewer.add_labels(painted, scale=(1, *SCALE)), series)
    assert np.argwhere(mask).tolist() == [[1, 3, 4]]


@pytest.mark.parametrize(("shape", "what"), [((2, 4, 6), "another grid"), ((2, 4, 5), "empty")])
def test_mask_on_another_grid_or_without_a_voxel_is_refused(viewer, series, shape, what):
    layer = viewer.add_labels(np.zeros(shape, np.uint8), scale=SCALE)
    with pytest.raises(MRFInputError, match=what):
        bridge.mask_from_layer(layer, series)


MOVED = {
    "scale": {"scale": (8.0, 2.0, 1.6)},
    "no scale": {"scale": (1, 1, 1)},
    "translate": {"translate": (0, 0, 1.5)},
    "rotate": {"rotate": (180, 0, 0)},
    "shear": {"shear": (0.1, 0, 0)},
    "affine": {"affine": np.diag([1.0, -1, -1, 1])},
}
"""Ways to show a layer elsewhere than its voxels are counted."""


@pytest.mark.parametrize("moved", MOVED.values(), ids=MOVED)
def test_a_layer_that_is_shown_elsewhere_is_no_mask_b1_or_regions(viewer, series, moved):
    shown = add_series(viewer, series)
    ones = np.ones(SHAPE[1:], np.uint8)
    place = {"scale": SCALE, **moved}
    labels, image = viewer.add_labels(ones, **place), viewer.add_image(ones * 0.9, **place)
    grid = RegionGrid.of_series(series)
    for of in (None, shown):
        for read in (
            lambda of: bridge.mask_from_layer(labels, series, of),
            lambda of: bridge.b1_from_layer(image, series, "relative", of),
            lambda of: adopt_layer(labels, grid, of),
        ):
            with pytest.raises(MRFInputError, match=r"shown up to .* mm away") as caught:
                read(of)
            assert caught.value.code in ("bad-mask", "bad-b1", "other-grid")
            assert "scale, translate" in caught.value.hint


def test_a_layer_that_was_moved_with_its_series_is_in_place(viewer, series):
    shown = add_series(viewer, series)
    layer = viewer.add_labels(np.ones(SHAPE[1:], np.uint8), scale=SCALE)
    layer.affine = np.diag([1.0, -1, -1, 1])
    shown.affine = np.diag([1.0, 1, -1, -1, 1])
    assert bridge.mask_from_layer(layer, series, shown).all()
    layer.translate = (0, 0, 0.005)  # what headers round off
    assert bridge.mask_from_layer(layer, series, shown).all()


def test_the_nearest_labels_are_those_that_are_seen(viewer, series):
    shown = add_series(viewer, series)
    in_file = np.zeros(SHAPE[1:], np.uint16)
    in_file[1, 0, 4], in_file[0, 2:, :3] = 3, 7
    # As another reader shows it: file order, turned round by its affine.
    world = np.diag([8.0, -2.0, -1.5, 1.0])
    world[1:3, 3] = 2.0 * 3, 1.5 * 4
    layer = viewer.add_labels(in_file, affine=world)
    grid = RegionGrid.of_series(series)
    with pytest.raises(MRFInputError, match="shown up to"):
        adopt_layer(layer, grid, shown)
    assert np.array_equal(nearest_on_grid(layer, grid, shown), in_file)


def test_without_geometry_layers_are_in_pixels(viewer):
    layer = add_series(viewer, MRFSeries(SIGNAL))
    assert tuple(layer.scale) == (1, 1, 1, 1)
    assert {f"{unit:~}" for unit in layer.units} == {"pixel"}
