"""Smart polygons: lines between clicks run along the edges of the picture."""

import time
from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import find_contours

from napari_mrf.phantoms.thigh.phantom import thigh
from napari_mrf.rois.livewire import REACH, Livewire, corner_costs
from napari_mrf.rois.polygons import polygon_mask


def round_trip(picture, clicks):
    """Return the closed line through clicks, as the tool strings it."""
    lines = [
        Livewire(picture, one).line_to(other)
        for one, other in zip(clicks, [*clicks[1:], clicks[0]], strict=True)
    ]
    return np.concatenate([line[:-1] for line in lines])


@pytest.mark.parametrize("contrast", [1.0, -3.0])
def test_the_line_round_a_disc_stays_within_a_voxel_of_its_circle(contrast):
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:120, :130]
    distance = np.hypot(y - 58.3, x - 64.7)
    picture = contrast * (distance < 30.4) + rng.normal(0, 0.1, distance.shape)
    angles = np.deg2rad([10, 100, 190, 280])
    # A hand clicks near the edge, not on it.
    radii = 30.4 + np.array([0.8, -0.9, 0.6, -0.5])
    clicks = list(zip(58.3 + radii * np.sin(angles), 64.7 + radii * np.cos(angles), strict=True))
    line = round_trip(picture, clicks)
    assert np.abs(np.hypot(line[:, 0] - 58.3, line[:, 1] - 64.7) - 30.4).max() < 1.5
    between = [p for p in line if min(np.hypot(p[0] - cy, p[1] - cx) for cy, cx in clicks) > 3]
    radius = np.hypot(*(np.array(between) - [58.3, 64.7]).T)
    assert len(between) > 100
    assert np.abs(radius - 30.4).max() < 1.0
    held, true = polygon_mask(line, picture.shape), distance < 30.4
    ring = np.abs(distance - 30.4) < 1.0
    assert not ((held != true) & ~ring).any()


def distance_to(contour, points):
    """Return how far points (n, 2) lie from the segments of a closed contour."""
    start, along = contour[:-1], np.diff(contour, axis=0)
    share = ((points[:, None] - start) * along).sum(2) / (along**2).sum(1)
    nearest = start + np.clip(share, 0, 1)[..., None] * along
    return np.linalg.norm(points[:, None] - nearest, axis=2).min(axis=1)


@pytest.mark.parametrize(
    ("edge", "seed", "n_clicks"), [("skin", 2, 8), ("skin", 5, 8), ("gracilis", 2, 6)]
)
def test_the_line_round_a_thigh_stays_within_a_voxel_of_its_edge(edge, seed, n_clicks):
    phantom = thigh((1, 110, 112), seed=seed)
    labels, fat_fraction = phantom.labels[0], phantom.maps["FF"][0]
    inside = labels != 0 if edge == "skin" else labels == 12
    contour = max(find_contours(ndimage.binary_fill_holes(inside).astype(float), 0.5), key=len)
    turns = np.linspace(0, len(contour) - 1, n_clicks + 1).astype(int)[:-1]
    clicks = [tuple(contour[at] + np.array([0.5, -0.4]) * (-1) ** at) for at in turns]
    apart = distance_to(contour, round_trip(fat_fraction, clicks))
    assert apart.max() <= 1.001
    assert np.median(apart) < 0.5
    # Straight lines between these clicks lie far off, or the test shows nothing.
    by_hand = np.concatenate([
        np.linspace(one, other, 20) for one, other in pairwise(clicks)
    ])  # fmt: skip
    assert distance_to(contour, by_hand).max() > 2


def test_a_sharper_edge_nearby_does_not_draw_the_line_away():
    x = np.arange(90)
    picture = np.broadcast_to(np.select([x < 40, x < 44], [0.0, 1.0], 5.0), (80, 90))
    line = Livewire(picture, (10.2, 39.4)).line_to((70.2, 39.4))
    assert np.ptp(line[:, 1]) == 0
    assert line[0, 1] == 39.5
    line = Livewire(picture, (10.2, 43.4)).line_to((70.2, 43.4))
    assert line[0, 1] == 43.5
    assert np.ptp(line[:, 1]) == 0


def test_straight_lines_are_left_where_there_is_no_edge_and_beyond_reach():
    line = Livewire(np.zeros((40, 50)), (10.2, 10.2)).line_to((10.2, 30.2))
    assert len(line) == 21
    assert np.ptp(line[:, 0]) == 0
    wire = Livewire(np.zeros((300, 20)), (10.0, 10.0))
    far = wire.line_to((250.0, 10.0))
    assert far[-1] == pytest.approx((250.5, 10.5), abs=1)
    assert far[-2][0] <= 10 + REACH + 2


def test_missing_values_are_an_edge_and_nothing_else_breaks():
    picture = np.full((60, 60), np.nan)
    picture[20:40, 15:45] = 5.0
    picture[30, 30] = 9.0
    line = Livewire(picture, (19.8, 14.8)).line_to((39.2, 14.8))
    assert np.abs(line[2:-2, 1] - 14.5).max() <= 0.5
    nothing = corner_costs(np.full((4, 5), np.nan), (0, 0))
    assert nothing.shape == (5, 6)
    assert (nothing > 0).all()
    assert Livewire(picture, (-5.0, 90.0)).line_to((200.0, -3.0)).shape[1] == 2


def test_a_line_is_found_while_the_mouse_moves():
    picture = np.random.default_rng(0).normal(size=(350, 350))
    wire = Livewire(picture, (170.0, 170.0))
    start = time.process_time()
    for at in range(50):
        wire.line_to((120.0 + at, 220.0))
    assert (time.process_time() - start) / 50 < 0.005
    start = time.process_time()
    Livewire(picture, (170.0, 170.0))
    assert time.process_time() - start < 0.1
