"""Every plot of the panels names the map that it shows, and its unit, on an axis."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.analysis.importance.options import ImportanceOptions
from napari_mrf.analysis.importance.result import Baseline, Importance
from napari_mrf.data import sequences
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.io import Label
from napari_mrf.plots.printed_numbers import printed
from napari_mrf.plugin.dock import MRFDock
from napari_mrf.plugin.kit.plot_canvas import PlotCanvas
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.panels.compare.plot import KINDS
from napari_mrf.plugin.panels.series.raw_plot import RawPlot
from napari_mrf.plugin.session import MapsSet, Regions, session_of
from napari_mrf.plugin.viewer.raw.work import KSpaceLook

SHAPE = (1, 12, 16)
RANGES = {"FF": (0.1, 0.5), "T1H2O": (1000, 1400), "T1fat": (250, 350), "Df": (-60, 60),
          "B1": (0.6, 1.0)}  # fmt: skip
WALKED = {"InspectPlot", "CloseupPlot", "ComparePlot", "ImportancePlot"}


def maps(seed):
    random = np.random.default_rng(seed)
    return ParameterMaps({key: random.uniform(*ends, SHAPE) for key, ends in RANGES.items()})


def labels_of(figure):
    axes = [one for one in figure.axes if one.get_visible()]
    parts = [text for one in axes for text in (one.get_xlabel(), one.get_ylabel(), one.get_title())]
    return [*parts, *(text.get_text() for one in axes for text in one.texts)]


def names_it(figure, key, unit):
    label = PARAMETERS[key].label
    return any(label in text and (not unit or f"({unit})" in text) for text in labels_of(figure))


@pytest.fixture
def dock(qtbot):
    viewer = ViewerModel()
    series = MRFSeries(np.ones((175, *SHAPE), np.complex64), None, sequences.t1ff())
    data, attributes, _ = series_layer_data(series, "thigh", peak=1.0)
    viewer.add_image(data, **attributes)
    session = session_of(viewer)
    session.set_series(series, "thigh")
    for seed, name in enumerate(("water-fat", "cohen")):
        session.add_maps(MapsSet(name, maps(seed), "thigh"))
    table = {number: Label(number, f"muscle {number}") for number in range(1, 6)}
    labels = np.repeat(np.arange(1, 5, dtype=np.uint16), 4) * np.ones(SHAPE, np.uint16)
    session.set_regions(Regions(labels, table))
    dock = MRFDock(viewer)
    qtbot.addWidget(dock)
    with qtbot.waitExposed(dock):
        dock.show()
    return dock


def test_every_plot_of_the_dock_is_walked_through(dock):
    assert {type(one).__name__ for one in dock.findChildren(PlotCanvas)} == WALKED | {"RawPlot"}


@pytest.mark.parametrize("is_known", [True, False])
def test_raw_data_have_no_map_but_units(dock, is_known):
    (plot,) = dock.findChildren(RawPlot)
    lines = np.linspace(-0.5, 0.5, 12).reshape(2, 3, 2) if is_known else None
    plot.show_look(KSpaceLook(1, np.linspace(-60, 0, 12).reshape(2, 6), 200, 6, lines))
    labels = labels_of(plot.figure)
    assert ("kx (cycles/voxel)" in labels and "ky (cycles/voxel)" in labels) == is_known
    assert ("no trajectory is known" in labels) != is_known
    assert {"Sample", "Readout"} <= set(labels)
    assert any("slice 2" in one and "(dB of the maximum)" in one for one in labels)


def test_plots_of_a_comparison(qtbot, dock):
    dock.sections["compare"].set_open(True)
    session, results = session_of(dock.viewer), dock.bindings["compare"].results
    with qtbot.waitSignal(session.comparison.succeeded):
        dock.bindings["compare"].run()
    for kind in KINDS:
        results.view.set_tab(kind)
        for key in RANGES:
            results.show_map(key)
            unit = "%" if kind == "blurriness" else printed(key).unit
            assert names_it(results.view.plot.figure, key, unit), (kind, key)


@pytest.mark.parametrize("kind", ["distribution", "profile"])
def test_close_up(qtbot, dock, kind):
    dock.sections["inspect"].set_open(True)
    panel, binding = dock.panels["inspect"], dock.bindings["inspect"].closeup
    panel.closeup_section.set_open(True)
    if kind == "profile":
        panel.closeup.draw_button.click()
        dock.viewer.layers["MRF profile line"].add_lines(np.array([[[0, 1, 1], [0, 8, 12]]]))
    for key in RANGES:
        panel.closeup.map_picker.setCurrentText(key)
        panel.closeup.view_changed.emit()
        qtbot.waitUntil(lambda key=key: binding.found is not None and binding.found.key == key
                        and type(binding.found).__name__.lower() == kind)  # fmt: skip
        figure = panel.closeup.plot.figure
        assert names_it(figure, key, printed(key).unit)
        other = "Voxels" if kind == "distribution" else "Distance (voxels)"
        assert other in labels_of(figure)


def test_fingerprints_tell_their_unit(dock):
    dock.sections["inspect"].set_open(True)
    assert any("(a.u.)" in text for text in labels_of(dock.panels["inspect"].plot.figure))


def test_importance(dock):
    n = 40
    change = {key: np.full((2, 175), 0.01) for key in RANGES}
    quartiles = {key: np.full((2, 175, 3), 0.01) for key in RANGES}
    importance = Importance(
        "water-fat", sequences.t1ff(), np.arange(175), ImportanceOptions(), "itself",
        np.repeat(np.arange(175), 2).reshape(-1, 2), np.zeros((3, n), int), SHAPE, None,
        {key: Baseline(0.0, 600.0, n, "all") for key in RANGES}, {}, change, quartiles,
        {},
    )  # fmt: skip
    plot = dock.panels["importance"].findChild(PlotCanvas)
    for key in RANGES:
        plot.show_importance(importance, key, with_fisher=False)
        assert names_it(plot.figure, key, "% of range")
