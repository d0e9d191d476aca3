"""The last importance measured in a viewer; it outlives the panel that asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from psygnal import Signal

from napari_mrf.analysis.importance.result import Importance
from napari_mrf.plugin.session import session_of, unwrapped

if TYPE_CHECKING:
    from napari_mrf.plugin.session import Session


class ImportanceStore:
    """Takes what a run has measured so far, and keeps it when the run is cancelled or fails.

    A frame that has been permuted is measured, whatever becomes of the others.

    Attributes
    ----------
    changed : Signal(object)
        There is another `Importance`, or the same one has been completed.
    filled : Signal(object)
        More of the present one is known; many times a second.
    """

    changed = Signal(object)
    filled = Signal(object)

    def __init__(self, session: Session) -> None:
        self.result: Importance | None = None
        self.series: Any = None
        self._session = session
        session.importance.updated.connect(self._on_updated)
        session.importance.succeeded.connect(self._on_succeeded)

    def begin(self, series: Any) -> None:
        """Expect a run over a series; the earlier result stays until the first of the new."""
        self._expected = series

    def _on_updated(self, importance: Any) -> None:
        if isinstance(importance, Importance):
            if importance is not self.result:
                self.result, self.series = importance, self._expected
                self.changed.emit(importance)
            else:
                self.filled.emit(importance)

    def _on_succeeded(self, importance: Any) -> None:
        if isinstance(importance, Importance):
            self.result, self.series = importance, self._expected
            self.changed.emit(importance)


_STORES: WeakKeyDictionary[Any, ImportanceStore] = WeakKeyDictionary()


def importance_store_of(viewer: Any) -> ImportanceStore:
    """Return the store of a viewer, made when first asked for."""
    viewer = unwrapped(viewer)
    if viewer not in _STORES:
        _STORES[viewer] = ImportanceStore(session_of(viewer))
    return _STORES[viewer]
