"""The canvas of the panels: theme, what moves over what stands still, saving, the wheel."""

import gc
import time

import numpy as np
import pytest
from gui_waits import delete, turn_wheel_down
from matplotlib.colors import to_hex
from napari.components import ViewerModel
from PIL import Image
from qtpy.QtWidgets import QScrollArea, QWidget

from napari_mrf.plugin.kit.plot_canvas import PlotCanvas
from napari_mrf.plugin.kit.plot_colors import ON_PAPER, PlotColors


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def canvas(qtbot, viewer):
    canvas = PlotCanvas()
    qtbot.addWidget(canvas)
    canvas.follow(viewer)
    axes = canvas.figure.subplots()
    axes.set(xlim=(0, 10), ylim=(0, 1), xlabel="frame", title="signal")
    with qtbot.waitExposed(canvas):
        canvas.show()
    canvas.redraw()
    return canvas


def pixels(canvas):
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_colors_follow_the_theme_and_text_is_readable(canvas, viewer, theme):
    viewer.theme = theme
    colors = PlotColors.of_theme(theme)
    assert canvas.colors == colors and colors.is_dark == (theme == "dark")
    axes = canvas.figure.axes[0]
    assert to_hex(canvas.figure.get_facecolor()) == colors.background
    assert to_hex(axes.xaxis.label.get_color()) == to_hex(axes.title.get_color()) == colors.text
    assert tuple(pixels(canvas)[2, 2]) == tuple(bytes.fromhex(colors.background[1:]))
    assert contrast(colors.text, colors.background) > 7
    assert contrast(colors.faint, colors.background) > 3


def contrast(one, other):
    """WCAG 2 contrast ratio."""
    lights = []
    for color in (one, other):
        linear = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
                  for value in np.array(list(bytes.fromhex(color[1:]))) / 255]  # fmt: skip
        lights.append(np.dot([0.2126, 0.7152, 0.0722], linear))
    low, high = sorted(lights)
    return (high + 0.05) / (low + 0.05)


def test_what_moves_leaves_no_trace_and_survives_a_redraw(canvas):
    empty = pixels(canvas)
    (line,) = canvas.figure.axes[0].plot([0, 10], [0.2, 0.8], color="#ff0000", animated=True)
    canvas.blit_artists([line])
    with_line = pixels(canvas)
    assert (with_line != empty).any()
    line.set_ydata([0.9, 0.1])
    canvas.blit_artists([line])
    assert (pixels(canvas) != with_line).any()
    line.set_ydata([0.2, 0.8])
    canvas.blit_artists([line])
    assert (pixels(canvas) == with_line).all()
    canvas.redraw()
    assert (pixels(canvas) == with_line).all()
    canvas.blit_artists([])
    assert (pixels(canvas) == empty).all()


def test_resize_gives_a_background_of_the_new_size(qtbot, canvas):
    (line,) = canvas.figure.axes[0].plot([0, 10], [0.2, 0.8], animated=True)
    canvas.blit_artists([line])
    with qtbot.waitSignal(canvas.redrawn):
        canvas.resize(500, 330)
    canvas.blit_artists([line])
    assert pixels(canvas).shape[:2] == (330, 500)
    again = pixels(canvas)
    canvas.redraw()
    assert (pixels(canvas) == again).all()


def test_hidden_canvas_costs_nothing_and_is_right_when_shown(qtbot, canvas):
    (line,) = canvas.figure.axes[0].plot([0, 10], [0.2, 0.8], animated=True)
    canvas.hide()
    with qtbot.assertNotEmitted(canvas.redrawn):
        canvas.redraw()
        canvas.blit_artists([line])
    with qtbot.waitSignal(canvas.redrawn):
        canvas.show()


def test_blitting_is_much_faster_than_drawing(canvas):
    (line,) = canvas.figure.axes[0].plot(np.linspace(0, 10, 175), np.zeros(175), animated=True)
    canvas.blit_artists([line])

    def seconds(act):
        times = []
        for _ in range(7):
            start = time.thread_time()
            act()
            times.append(time.thread_time() - start)
        return min(times)

    assert seconds(lambda: canvas.blit_artists([line])) < 0.5 * seconds(canvas.redraw)


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_saved_figure_is_on_white_and_the_screen_unchanged(canvas, tmp_path, suffix):
    (line,) = canvas.figure.axes[0].plot([0, 10], [0.2, 0.8], animated=True)
    canvas.blit_artists([line])
    before, seen = pixels(canvas), []
    canvas.theme_changed.connect(seen.append)
    paths = [tmp_path / f"{name}.{suffix}" for name in "ab"]
    for path in paths:
        canvas.save(path)
    assert (pixels(canvas) == before).all()
    assert seen == [ON_PAPER, canvas.colors] * 2
    assert paths[0].read_bytes() == paths[1].read_bytes()
    if suffix == "svg":
        text = paths[0].read_text()
        assert ">frame</text>" in text and "#ffffff" in text
    if suffix == "png":
        image = np.asarray(Image.open(paths[0]).convert("RGB"))
        assert (image[0, 0] == 255).all() and (image != 255).any()


def test_unknown_format_is_refused(canvas, tmp_path):
    with pytest.raises(ValueError, match=r"\.svg, \.pdf or \.png"):
        canvas.save(tmp_path / "a.docx")
    assert list(tmp_path.iterdir()) == []


def test_wheel_over_the_plot_scrolls_the_panel(qtbot):
    area, content, canvas = QScrollArea(), QWidget(), PlotCanvas()
    canvas.setParent(content)
    content.setMinimumHeight(2000)
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.resize(300, 300)
    qtbot.addWidget(area)
    with qtbot.waitExposed(area):
        area.show()
    turn_wheel_down(canvas)
    assert area.verticalScrollBar().value() > 0


def test_theme_change_after_the_panel_is_gone_is_harmless(qtbot, viewer):
    canvas = PlotCanvas()
    canvas.follow(viewer)
    delete(qtbot, canvas)
    del canvas
    gc.collect()
    viewer.theme = "light"


def test_resting_artists_are_drawn_again_only_with_another_key(canvas):
    axes = canvas.figure.axes[0]
    (resting,) = axes.plot([0, 10], [0.2, 0.2], color="#00ff00", animated=True)
    (line,) = axes.plot([0, 10], [0.2, 0.8], color="#ff0000", animated=True)
    canvas.blit_artists([line], resting=[resting], key=1)
    first = pixels(canvas)
    resting.set_ydata([0.9, 0.9])
    canvas.blit_artists([line], resting=[resting], key=1)
    assert (pixels(canvas) == first).all()
    canvas.blit_artists([line], resting=[resting], key=2)
    second = pixels(canvas)
    assert (second != first).any()
    canvas.redraw()
    assert (pixels(canvas) == second).all()
