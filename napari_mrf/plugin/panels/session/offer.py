"""The offer of work that a crash has left: one click brings it back, another one deletes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout

from napari_mrf.plugin.jobs import Job
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.notice import Notice
from napari_mrf.plugin.kit.overwriting import is_confirmed
from napari_mrf.plugin.panels.session.kept import KEPT_DAYS, left_folders, read_left
from napari_mrf.plugin.session import unwrapped

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_mrf.plugin.panels.session.kept import LeftWork


class Offer(Notice):
    """A message with a button for each of two answers.

    Signals
    -------
    cure_requested, discard_requested
        The user pressed *Restore* or *Discard*.
    """

    discard_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.discard_button = QPushButton("Discard")
        self.discard_button.setToolTip("Delete this work")
        self.cure_button.setToolTip("Bring this work back as a subject of this window")
        self.discard_button.clicked.connect(self.discard_requested)
        row = QHBoxLayout()
        for button in (self.cure_button, self.discard_button):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        row.addStretch(1)
        column = self.layout()
        if isinstance(column, QVBoxLayout):
            column.addLayout(row)


_ASKED: WeakSet[Any] = WeakSet()  # viewers: one dock of a window asks, once


class OfferBinding:
    """Controller of the offer: looks for left work when the first dock of a window opens.

    Parameters
    ----------
    viewer : napari viewer
        The viewer of the dock.
    offer : Offer
        The view.
    restore : callable
        Called with the work that the user wants; returns whether it is on its way.
    """

    def __init__(self, viewer: Any, offer: Offer, restore: Callable[[LeftWork], bool]) -> None:
        self.offer = offer
        self._restore = restore
        self._left: list[LeftWork] = []
        self.job = Job()
        offer.cure_requested.connect(self._on_restore_requested)
        offer.discard_requested.connect(self._on_discard_requested)
        bond = Bond(offer)
        bond.connect(self.job.succeeded, self._on_read)
        viewer = unwrapped(viewer)
        if viewer not in _ASKED:
            _ASKED.add(viewer)
            if folders := left_folders():
                self.job.start("Looking for unsaved work", read_left, folders)

    def offer_again(self, left: LeftWork) -> None:
        """Offer work that was wanted, but did not come."""
        self._left.insert(0, left)
        self._show()

    def _on_read(self, left: list[LeftWork]) -> None:
        self._left = left
        self._show()

    def _show(self) -> None:
        if not self._left:
            self.offer.clear()
            return
        more = len(self._left) - 1
        others = f" {more} older {'one' if more == 1 else 'ones'} will follow." if more else ""
        kept = f" It is kept for {KEPT_DAYS} days."
        self.offer.say(f"{self._left[0]}{kept}{others}", kind="note", cure="Restore")

    def _on_restore_requested(self) -> None:
        if self._restore(self._left[0]):
            self._left.pop(0)
            self._show()

    def _on_discard_requested(self) -> None:
        left = self._left[0]
        if not is_confirmed(self.offer, "Discard unsaved work", f"{left} Delete it?",
                            action="Delete"):  # fmt: skip
            return
        self._left.pop(0)
        left.discard()
        self._show()
