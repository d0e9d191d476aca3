"""A figure of what is seen: outlines along the voxels, a round scale bar, text that stays text."""

import re

import numpy as np
import pytest

from napari_mrf.plots.figure_files import figure_bytes
from napari_mrf.plots.picture_figure import Picture, picture_figure, region_edges, round_length

GRAY = np.linspace(0, 1, 256)[:, None] * np.ones(4)


def picture(**changes):
    values = np.arange(20.0).reshape(4, 5)
    values[0, 0] = np.nan
    labels = np.zeros((4, 5), int)
    labels[1:3, 1:4] = 7
    return Picture(**{
        "values": values, "title": "Water T1 (ms)", "limits": (0.0, 20.0), "colors": GRAY,
        "pixel_mm": (3.0, 2.0), "letters": (("A", "P"), ("R", "L")), "labels": labels,
        "region_colors": {7: "#c81e1e"}, **changes,
    })  # fmt: skip


def length(pieces):
    return np.abs(pieces[:, 1] - pieces[:, 0]).sum()


@pytest.mark.parametrize("seed", range(4))
def test_the_outline_is_as_long_as_the_border_of_the_region(seed):
    inside = np.random.default_rng(seed).random((9, 12)) < 0.5
    padded = np.pad(inside, 1).astype(int)
    border = np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()
    pieces = region_edges(inside)
    assert length(pieces) == border
    # Every voxel is told from outside by a ray along its row that crosses an odd number of pieces.
    for row, column in np.ndindex(inside.shape):
        down = pieces[pieces[:, 0, 0] == pieces[:, 1, 0]]
        crossed = ((down[:, :, 1].min(axis=1) <= row) & (down[:, :, 1].max(axis=1) > row)
                   & (down[:, 0, 0] > column))  # fmt: skip
        assert crossed.sum() % 2 == inside[row, column]


def test_a_rectangle_is_four_pieces():
    inside = np.zeros((5, 6), bool)
    inside[1:3, 2:5] = True
    pieces = {tuple(map(tuple, one)) for one in region_edges(inside).tolist()}
    assert pieces == {((2, 1), (5, 1)), ((2, 3), (5, 3)), ((2, 1), (2, 3)), ((5, 1), (5, 3))}
    assert not len(region_edges(np.zeros((2, 2), bool)))


@pytest.mark.parametrize(
    ("longest", "length_mm"), [(60, 50), (49.9, 20), (20, 20), (1.9, 1), (0.7, 0.5)]
)
def test_the_scale_bar_is_of_a_round_length(longest, length_mm):
    assert np.isclose(round_length(longest), length_mm)


def test_the_picture_has_its_size_in_mm_and_all_its_texts():
    figure = picture_figure(picture(), width_mm=85)
    (axes,) = figure.axes
    (bar,) = axes.child_axes
    image = axes.images[0]
    assert image.get_extent() == [0, 10, 12, 0]  # 5 columns of 2 mm, 4 rows of 3 mm
    assert np.ma.getmaskarray(image.get_array())[0, 0] and image.get_clim() == (0.0, 20.0)
    assert bar.get_ylabel() == "Water T1 (ms)"
    assert {text.get_text() for text in axes.texts} >= {"A", "P", "R", "L", "2 mm"}
    (drawn,) = axes.collections
    assert np.isclose(length(np.array(drawn.get_segments())), 2 * (3 * 2.0 + 2 * 3.0))
    (line,) = axes.lines
    assert np.isclose(np.ptp(line.get_xdata()) * 10, 2.0)  # mm of the picture
    assert np.isclose(figure.get_figwidth() * 25.4, 85)


def test_what_is_not_wanted_or_not_known_is_left_out():
    axes = picture_figure(picture(), outlines=False, scale_bar=False).axes[0]
    assert not axes.collections and not axes.lines
    axes = picture_figure(picture(pixel_mm=None, labels=None)).axes[0]
    assert not axes.lines and not any("mm" in text.get_text() for text in axes.texts)


def test_gray_says_what_it_means():
    figure = picture_figure(picture(no_value="#8c8c8c", no_value_note="gray: not compared"))
    assert "gray: not compared" in {text.get_text() for text in figure.axes[0].texts}
    bad = figure.axes[0].images[0].get_cmap().get_bad()
    assert np.allclose(bad[:3], 140 / 255, atol=0.01) and bad[3] == 1


def test_vector_files_have_text_and_outlines_and_one_raster_map():
    svg = figure_bytes(picture_figure(picture()), "svg").decode()
    assert ">Water T1 (ms)</text>" in svg and ">2 mm</text>" in svg
    assert "#c81e1e" in svg and len(re.findall("<image", svg)) <= 2  # the map, and its color bar
    assert figure_bytes(picture_figure(picture()), "pdf").startswith(b"%PDF")
    assert figure_bytes(picture_figure(picture()), "png").startswith(b"\x89PNG")
