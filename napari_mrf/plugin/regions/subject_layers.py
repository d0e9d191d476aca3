"""The layer that each subject's regions are drawn on, and those that the user deleted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from napari_mrf.plugin.layers.metadata import SUBJECT_KEY
from napari_mrf.plugin.layers.outlines import find_outlines
from napari_mrf.plugin.layers.regions import REGIONS_KEY
from napari_mrf.plugin.present import present
from napari_mrf.plugin.regions.gone_layers import GoneLayers
from napari_mrf.plugin.session import BySubject

if TYPE_CHECKING:
    from weakref import ref

    from napari_mrf.plugin.session import Regions, Session


class SubjectLayers:
    """The layers of regions of all subjects of a viewer, while others are the current one.

    Parameters
    ----------
    viewer : weakref.ref
        To the napari viewer.
    session : Session
        Knows the current subject.
    """

    def __init__(self, viewer: ref[Any], session: Session) -> None:
        self._viewer = viewer
        self._session = session
        self._gone = BySubject(session, partial(GoneLayers, viewer))
        self._in_use: WeakValueDictionary[str, Any] = WeakValueDictionary()
        self._shown: dict[str, Regions | None] = {}

    @property
    def gone(self) -> GoneLayers:
        """What the user deleted of the current subject."""
        return self._gone.here

    @property
    def in_use(self) -> Any | None:
        """The layer that the current subject was left with, None where it is not in the viewer."""
        return self.layer_of(self._session.subject.key)

    def layer_of(self, key: str) -> Any | None:
        """Return the layer that a subject was left with, None where it is not in the viewer."""
        viewer, layer = self._viewer(), self._in_use.get(key)
        return layer if viewer is not None and layer in viewer.layers else None

    @property
    def shown(self) -> Regions | None:
        """The regions that the current subject was left with."""
        return self._shown[self._session.subject.key]

    def leave(self, layer: Any | None, shown: Regions | None) -> None:
        """Keep the layer in use and its regions until their subject, the current one, is back."""
        key = self._session.subject.key
        self._in_use.pop(key, None)
        if layer is not None:
            self._in_use[key] = layer
        self._shown[key] = shown

    def gone_with(self, layer: Any) -> GoneLayers | None:
        """Return what is gone of the subject whose deleted regions a layer shows."""
        key = layer.metadata.get(SUBJECT_KEY, self._session.subject.key)
        gone = self._gone.of(key) if REGIONS_KEY in layer.metadata else None
        return gone if gone is not None and gone.labels is layer else None

    def note_removed(self, layer: Any) -> None:
        """Note the deletion of a layer in use of a subject that is not the current one."""
        key = layer.metadata.get(SUBJECT_KEY, "")
        if self._in_use.get(key) is layer and self._session.regions_of(key) is not None:
            gone = self._gone.of(key)
            gone.labels, gone.outlines = layer, find_outlines(self._viewer(), layer)

    def take_back(self, gone: GoneLayers) -> None:
        """Note that the layer of a subject that is not the current one is back in the viewer."""
        layer = present(gone.labels)
        gone.forget(but=layer)
        self._in_use[layer.metadata[SUBJECT_KEY]] = layer
