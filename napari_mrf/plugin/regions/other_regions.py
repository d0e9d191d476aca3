"""Regions that are not in use, such as those of another reader: what they hold, and in what file.

The session knows the regions of a subject; what else is drawn stands in layers alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import numpy as np

from napari_mrf.io.session.results import StoredResult
from napari_mrf.plugin.layers.outlines import (
    add_outlines_layer,
    find_outlines,
    read_outlines,
    show_outlines,
)
from napari_mrf.plugin.layers.regions import CARRIED_KEY, TABLE_KEY, grid_of_regions, labels_of
from napari_mrf.plugin.layers.subjects import layers_of_subject, plain_name
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import one_per_viewer, session_of
from napari_mrf.plugin.viewer.unsaved import unsaved_of
from napari_mrf.rois.polygons import outline_record, outlines_from

if TYPE_CHECKING:
    from collections.abc import Iterable


class OtherRegions:
    """The layers of regions of one viewer that hold nobody's regions in use.

    Parameters
    ----------
    viewer : napari viewer
        Referred to weakly.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        self._session, self._editor = session_of(viewer), regions_editor_of(viewer)
        self._unsaved = unsaved_of(viewer)
        self._in_files: WeakKeyDictionary[Any, StoredResult] = WeakKeyDictionary()
        self._session.regions_changed.connect(self._note_in_use)
        self._session.saved.connect(self._note_in_use)
        viewer.layers.events.removed.connect(self._on_removed)
        self._unsaved.sources.append(self._unsaved_of)

    def of(self, subject: str) -> list[Any]:
        """Return the layers of a subject that are not in use and in which something is drawn."""
        viewer = self._viewer()
        in_use = self._editor.layer_of(subject)
        return [] if viewer is None else [
            one for one in layers_of_subject(viewer, subject)
            if grid_of_regions(one) is not None and one is not in_use and np.any(one.data)
        ]  # fmt: skip

    def content(self, layer: Any) -> StoredResult:
        """Return voxels, in file order, names and polygons of a layer, as a session stores them."""
        outlines = find_outlines(self._viewer(), layer)
        drawn = [] if outlines is None else read_outlines(outlines)[0]
        words = {
            "table": [[one.index, one.name, list(one.color), one.opacity]
                      for one in layer.metadata.get(TABLE_KEY, {}).values()],
            "outlines": [outline_record(one) for one in drawn],
        }  # fmt: skip
        if CARRIED_KEY in layer.metadata:
            words["carried"] = dict(layer.metadata[CARRIED_KEY])
        return StoredResult(words, {"values": np.array(labels_of(layer))})

    def put_back_outlines(self, layer: Any, records: Any) -> None:
        """Show the polygons of a stored layer again; those of no region in it are left out."""
        table = layer.metadata[TABLE_KEY]
        outlines = [one for one in outlines_from(records) if one.label in table]
        if outlines:
            shown = add_outlines_layer(self._viewer(), layer)
            shown.visible = layer.visible
            show_outlines(shown, outlines, table)

    def mark_saved(self, subject: str, stored: Iterable[StoredResult]) -> None:
        """Note which of the layers of a subject are in a session file as they are now."""
        stored = list(stored)
        for layer in self.of(subject):
            content = self.content(layer)
            if any(_holds(one, content) for one in stored):
                self._in_files[layer] = content
        self._unsaved.changed.emit()

    def mark_all_saved(self, subject: str) -> None:
        """Note that all of a subject have come from a session file."""
        self.mark_saved(subject, [self.content(layer) for layer in self.of(subject)])

    def _note_in_use(self, _: object = None) -> None:
        """Note regions that are in a file while they are in use; they are left some day."""
        for subject in self._session.subjects:
            regions, layer = (
                self._session.regions_of(subject.key),
                self._editor.layer_of(subject.key),
            )
            if regions is not None and regions.path and layer is not None:
                content = self.content(layer)
                if np.array_equal(content.arrays["values"], regions.labels):
                    self._in_files[layer] = content

    def _unsaved_of(self, subject: str) -> list[tuple[str, str, str]]:
        return [
            ("rois", "regions", f"in the layer {plain_name(layer)}")
            for layer in self.of(subject)
            if layer not in self._in_files or self._in_files[layer] != self.content(layer)
        ]

    def _on_removed(self, event: Any) -> None:
        if grid_of_regions(event.value) is not None:
            self._unsaved.changed.emit()


def _holds(stored: StoredResult, content: StoredResult) -> bool:
    """Return whether a stored layer, whatever it is called, is one with this content."""
    words = {name: stored.words.get(name) for name in content.words}
    return StoredResult(words, stored.arrays) == content


other_regions_of = one_per_viewer(OtherRegions)
"""Return the regions of a viewer that are not in use."""
