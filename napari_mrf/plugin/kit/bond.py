"""Signal connections that end with their panel."""

from __future__ import annotations

from functools import partial
from types import MethodType
from typing import TYPE_CHECKING, Any
from weakref import WeakMethod

from qtpy import PYSIDE6

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

    _Link = tuple[Any, Callable[..., Any] | WeakMethod[Any]]


class Bond:
    """Connections to signals of longer-lived objects, for the lifetime of a panel.

    A slot that is called after its widget was deleted fails; napari and psygnal do not notice
    deletions by Qt, so the bond disconnects all signals when the widget is destroyed. With
    PySide6 methods are held by weak references, as napari and psygnal do: a connection to
    ``destroyed`` would else keep the panel that it waits for.

    Parameters
    ----------
    panel : QWidget
        The panel that the slots use.
    """

    def __init__(self, panel: QWidget) -> None:
        self._links: list[_Link] = []
        panel.destroyed.connect(partial(_release, self._links))

    def connect(self, signal: Any, slot: Callable[..., Any]) -> None:
        """Connect a signal of napari or psygnal to a slot until the panel is destroyed."""
        signal.connect(slot)
        is_weak = PYSIDE6 and isinstance(slot, MethodType)
        self._links.append((signal, WeakMethod(slot) if is_weak else slot))

    def release(self) -> None:
        """Disconnect everything now."""
        _release(self._links)


def _release(links: list[_Link], *_: Any) -> None:
    while links:
        signal, held = links.pop()
        # Nothing else is called: where the panel is collected as garbage, Python has taken apart
        # functions that went with it, and calling one ends the process.
        slot = held() if isinstance(held, WeakMethod) else held
        if slot is None:
            continue
        try:
            signal.disconnect(slot)
        except (ValueError, TypeError, RuntimeError, AttributeError):
            # The sender is already deleted; of one that is being collected the attributes go first.
            continue
