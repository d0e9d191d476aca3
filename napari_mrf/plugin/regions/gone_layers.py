"""Layers of regions that the user deleted: the regions live on, and can be shown again.

Apart from `editor`, which is long: what it remembers of layers that are not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.layers.batch import keeping_selection
from napari_mrf.plugin.layers.order import place_of_regions
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from weakref import ref

_OWNER = "regions shown again"


class GoneLayers:
    """The layers of the regions of one subject that the user deleted from a viewer.

    Parameters
    ----------
    viewer : weakref.ref
        To the napari viewer.

    Attributes
    ----------
    labels, outlines : napari layer or None
        The Labels layer and the Shapes layer of its polygons, as they were.
    """

    def __init__(self, viewer: ref[Any]) -> None:
        self._viewer = viewer
        self.labels: Any | None = None
        self.outlines: Any | None = None

    @property
    def sentence(self) -> str:
        """What is gone, for the user; empty when nothing is."""
        if self.labels is not None:
            return "The layer of the regions was deleted. They still count."
        return "" if self.outlines is None else "The outlines of the regions were deleted."

    def forget(self, *, but: Any = None) -> None:
        """Forget them: other regions are in use; polygons of regions that are back stay."""
        if but is None or but is not self.labels:
            self.outlines = None
        self.labels = None

    def insert(self) -> bool:
        """Put the layers back, the polygons in the next turn; return whether there were any."""
        viewer = self._viewer()
        if viewer is None or self.labels is self.outlines is None:
            return False
        outlines = self.outlines
        if self.labels is not None:
            _insert(viewer, self.labels)
        layer_turns_of(viewer).begin(_OWNER, _by_turns(viewer, outlines))
        return True

    def finish(self) -> None:
        """Put back now what is still to come."""
        viewer = self._viewer()
        if viewer is not None:
            layer_turns_of(viewer).finish(_OWNER)


def _by_turns(viewer: Any, outlines: Any) -> Iterator[None]:
    if outlines is not None:
        _insert(viewer, outlines)
        yield


def _insert(viewer: Any, layer: Any) -> None:
    if layer not in viewer.layers:
        with keeping_selection(viewer):
            viewer.layers.insert(place_of_regions(viewer), layer)
