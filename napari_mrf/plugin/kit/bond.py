"""Signal connections that end with their panel."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget


class Bond:
    """Connections to signals of longer-lived objects, for the lifetime of a panel.

    A slot that is called after its widget was deleted fails; napari and psygnal do not notice
    deletions by Qt, so the bond disconnects all signals when the widget is destroyed.

    Parameters
    ----------
    panel : QWidget
        The panel that the slots use.
    """

    def __init__(self, panel: QWidget) -> None:
        self._links: list[tuple[Any, Callable[..., Any]]] = []
        panel.destroyed.connect(partial(_release, self._links))

    def connect(self, signal: Any, slot: Callable[..., Any]) -> None:
        """Connect a signal of napari or psygnal to a slot until the panel is destroyed."""
        signal.connect(slot)
        self._links.append((signal, slot))

    def release(self) -> None:
        """Disconnect everything now."""
        _release(self._links)


def _release(links: list[tuple[Any, Callable[..., Any]]], *_: Any) -> None:
    while links:
        signal, slot = links.pop()
        try:
            signal.disconnect(slot)
        except (ValueError, TypeError, RuntimeError, AttributeError):
            # The sender is already deleted; of one that is being collected the attributes go first.
            continue
