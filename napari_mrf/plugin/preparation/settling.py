"""Settling: what is loaded once a dock has opened is left out of the search for garbage.

napari searches everything for garbage whenever a layer goes, and Python does so now and then. The
window stands still for 0.2-0.4 s, nearly all of it for the modules of libraries, which never go.
Layers, docks and windows do: when the first of them goes, everything is searched again, as before.
"""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING, Any
from weakref import WeakSet, ref

import napari
from qtpy.QtCore import QTimer

from napari_mrf.plots.colormaps import load_colormaps
from napari_mrf.plugin.jobs.garbage import start_thread
from napari_mrf.plugin.preparation.preparation import SWITCH

if TYPE_CHECKING:
    from napari.layers import Layer
    from qtpy.QtWidgets import QWidget


_RARER = 3
"""How much rarer Python searches everything: it does when a quarter of what it searches is new."""


class Settling:
    """Leaves out what is there when a dock has opened, until something of it goes."""

    def __init__(self) -> None:
        self._layers: WeakSet[Layer] = WeakSet()
        self._is_settled = False
        self._third = 0  # how often Python searches everything

    def begin(self, dock: QWidget) -> None:
        """Settle when the dock is ready; load in a thread what the first maps and regions need.

        Parameters
        ----------
        dock : QWidget
            When it is destroyed, everything is searched again.
        """
        if os.environ.get(SWITCH) == "0":
            return
        dock.destroyed.connect(self.end)
        alive = ref(dock)
        QTimer.singleShot(0, lambda: self._settle() if alive() is not None else None)
        start_thread(_load_libraries, name="mrf-libraries", daemon=True)

    def _settle(self) -> None:
        if self._is_settled:
            return
        self._is_settled = True
        for viewer in list(napari.Viewer._instances):
            self._layers.update(viewer.layers)
            viewer.layers.events.removed.connect(self._on_removed)
        gc.collect()
        gc.freeze()
        first, second, self._third = gc.get_threshold()  # the first is 0 while a thread runs
        gc.set_threshold(first, second, _RARER * self._third)

    def _on_removed(self, event: Any) -> None:
        if event.value in self._layers:
            self.end()

    def end(self) -> None:
        """Search everything again, until the next dock opens."""
        if self._is_settled:
            gc.unfreeze()
            first, second, _ = gc.get_threshold()
            gc.set_threshold(first, second, self._third)
            self._layers.clear()
            self._is_settled = False


def _load_libraries() -> None:
    load_colormaps()
    import skimage.color  # noqa: F401 - by napari, for the colors of its first labels


SETTLING = Settling()
"""The one of this process."""
