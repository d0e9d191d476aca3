"""Connections that end when their panel does."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget


class Bond:
    """Keeps signals of longer-lived objects connected for as long as a panel lives.

    A slot that fires after its widget is gone touches a deleted object; napari and psygnal do
    not know about Qt's deletions, so the bond lets go of every signal when the widget dies.

    Parameters
    ----------
    panel : QWidget
        The panel that the slots touch.
    """

    def __init__(self, panel: QWidget) -> None:
        self._links: list[tuple[Any, Callable[..., Any]]] = []
        panel.destroyed.connect(partial(_release, self._links))

    def connect(self, signal: Any, slot: Callable[..., Any]) -> None:
        """Connect a signal of napari or psygnal to a slot until the panel dies."""
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
        except (ValueError, TypeError, RuntimeError):
            # The other side has gone before.
            continue
