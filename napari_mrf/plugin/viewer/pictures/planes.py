"""Planes through the scene: which axes run down and along, and which way up they are shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.plugin.layers import MAPS_KEY, series_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_ALONG_AXES = ("RL", "AP", "SI")
"""The two ends of each patient axis, first the one that is shown at the left or at the top."""
_AXES = ("slices", "rows", "columns")


@dataclass(frozen=True)
class Plane:
    """A plane through the scene of a viewer.

    Parameters
    ----------
    down, along : int
        Axes of the viewer that run down and along the picture.
    point : tuple of float
        Where it cuts the other axes of the viewer, in world coordinates; 0 on its own axes, so
        that planes are equal that show the same.
    letters : tuple of str
        Patient directions at the left, right, top and bottom; empty where they are not known.
    flips : tuple of bool
        Whether (down, along) run up and to the left instead.
    name : str
        Such as ``"Coronal"``; empty for the plane of the canvas.
    """

    down: int
    along: int
    point: tuple[float, ...]
    letters: tuple[str, str, str, str] = ("", "", "", "")
    flips: tuple[bool, bool] = (False, False)
    name: str = ""


def grid_letters(layers: Iterable[Any]) -> tuple[tuple[str, str], ...]:
    """Return the patient directions at the ends of (slice, row, column) of the first that has any.

    Parameters
    ----------
    layers : iterable of napari layer
        From the front to the back.
    """
    for layer in layers:
        noun = series_of(layer) or layer.metadata.get(MAPS_KEY)
        if noun is not None:
            return DisplayOrientation.from_affine(noun.affine).letters
    return (("", ""),) * 3


def plane_of_canvas(viewer: Any, layers: Iterable[Any]) -> Plane | None:
    """Return the plane that the canvas shows, None while it shows a volume."""
    dims = viewer.dims
    if dims.ndisplay != 2 or dims.ndim < 2:
        return None
    down, along = dims.displayed
    letters = grid_letters(layers)
    # The last three world axes are slice, row and column.
    at = [letters[axis - dims.ndim] if axis >= dims.ndim - 3 else ("", "")
          for axis in (along, down)] if dims.ndim >= 3 else [("", "")] * 2  # fmt: skip
    up, left = (str(one) != wanted for one, wanted in
                zip(viewer.scene.camera.orientation2d, ("down", "right"), strict=True))  # fmt: skip
    plane = Plane(down, along, _across(dims.point, down, along), (*at[0], *at[1]))
    return _turned(plane, up, left)


def upright_planes(viewer: Any, point: tuple[float, ...], layers: Iterable[Any]) -> list[Plane]:
    """Return the three planes through a point, each with the patient upright.

    Axial with anterior at the top and coronal with superior at the top, both with the patient's
    right at the left; sagittal with superior at the top and anterior at the left. Without a
    geometry they are planes of rows, columns and slices.

    Parameters
    ----------
    viewer : napari viewer
        With three axes or more; the last three are slice, row and column.
    point : tuple of float
        World coordinates of all axes.
    layers : iterable of napari layer
        From the front to the back; the first with a geometry gives the directions.
    """
    letters = grid_letters(layers)
    first = viewer.dims.ndim - 3
    planes = []
    for lacking in range(3):
        pair = [axis for axis in range(3) if axis != lacking]
        if not all(all(one) for one in letters):
            name = " × ".join(_AXES[axis] for axis in pair)
            down, along = first + pair[0], first + pair[1]
            planes.append(Plane(down, along, _across(point, down, along), name=name))
            continue
        ends = {axis: next(e for e in _ALONG_AXES if set(e) == set(letters[axis]))
                for axis in range(3)}  # fmt: skip
        # Superior to inferior runs down where it is in the plane, else anterior to posterior.
        down, along = sorted(pair, key=lambda axis: -_ALONG_AXES.index(ends[axis]))
        name = {"SI": "Axial", "AP": "Coronal", "RL": "Sagittal"}[ends[lacking]]
        across = _across(point, first + down, first + along)
        plane = Plane(first + down, first + along, across,
                      (*letters[along], *letters[down]), name=name)  # fmt: skip
        planes.append(_turned(plane, *(letters[axis][0] != ends[axis][0]
                                       for axis in (down, along))))  # fmt: skip
    return planes


def _across(point: Iterable[float], down: int, along: int) -> tuple[float, ...]:
    return tuple(0.0 if axis in (down, along) else one for axis, one in enumerate(point))


def _turned(plane: Plane, is_up: bool, is_left: bool) -> Plane:
    """Return a plane whose axes run up, or to the left, with its letters at the right ends."""
    left, right, top, bottom = plane.letters
    if is_left:
        left, right = right, left
    if is_up:
        top, bottom = bottom, top
    return replace(plane, letters=(left, right, top, bottom), flips=(is_up, is_left))
