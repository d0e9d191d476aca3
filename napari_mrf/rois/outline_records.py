"""Polygons as plain numbers, for a session file."""

from __future__ import annotations

from itertools import chain
from typing import Any

from napari_mrf.rois.polygons import Outline

_FAR = 1e6  # voxels; no image is that wide, and NaN is not below it either


def outline_record(outline: Outline) -> dict[str, Any]:
    """Return a polygon as ``{"label", "z", "vertices": [[y, x], ...]}``, in file order."""
    vertices = [[float(y), float(x)] for y, x in outline.vertices]
    return {"label": int(outline.label), "z": int(outline.z), "vertices": vertices}


def outlines_from(records: Any) -> list[Outline]:
    """Return the polygons of a list of records; whatever is none is left out.

    A polygon has a label above 0, a slice and three or more finite vertices (y, x).
    """
    found = (_outline(one) for one in records) if isinstance(records, list) else ()
    return [one for one in found if one is not None]


def _outline(record: Any) -> Outline | None:
    if not isinstance(record, dict):
        return None
    label, z, points = (record.get(key) for key in ("label", "z", "vertices"))
    if type(label) is not int or type(z) is not int or label <= 0 or not isinstance(points, list):
        return None
    pairs = [tuple(point) for point in points if isinstance(point, list | tuple)]
    if len(pairs) != len(points) or len(pairs) < 3 or any(len(pair) != 2 for pair in pairs):
        return None
    if not all(type(n) in (int, float) and abs(n) < _FAR for n in chain(*pairs)):
        return None
    return Outline(label, z, tuple((float(y), float(x)) for y, x in pairs))
