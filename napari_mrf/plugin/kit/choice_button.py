"""A button with a menu in which any number of entries can be checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QMenu, QPushButton, QSizePolicy

from napari_mrf.plugin.present import present

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from qtpy.QtGui import QMouseEvent, QResizeEvent

_ARROW = 36


class _LastingMenu(QMenu):
    """A menu that stays open while entries are checked."""

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Check or uncheck an entry and stay open."""
        action = self.activeAction()
        if action is not None and action.isEnabled() and action.isCheckable():
            action.trigger()
        else:
            super().mouseReleaseEvent(event)


class ChoiceButton(QPushButton):
    """A button that shows how many entries are checked and opens the menu.

    Signals
    -------
    choice_changed
        The checked keys, in the order of the menu.

    Parameters
    ----------
    what : str
        Name before the count, such as ``"Maps"``.
    tooltip : str
        Tooltip of the button.
    """

    choice_changed = Signal(tuple)

    def __init__(self, what: str, tooltip: str) -> None:
        super().__init__()
        self._what = what
        self._labels: dict[str, str] = {}
        self._purpose = tooltip
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._menu = _LastingMenu(self)
        self._menu.setToolTipsVisible(True)
        self.setMenu(self._menu)
        self.set_choices({}, ())

    def set_choices(self, labels: Mapping[str, str], chosen: Collection[str]) -> None:
        """Replace the entries, given as key to label; no signal is sent."""
        if dict(labels) != self._labels:
            self._labels = dict(labels)
            self._menu.clear()
            for key, label in labels.items():
                action = present(self._menu.addAction(label.replace("&", "&&")))
                action.setData(key)
                action.setCheckable(True)
                action.triggered.connect(self._on_triggered)
        for action in self._menu.actions():
            action.setChecked(action.data() in chosen)
        self._show()

    def chosen(self) -> tuple[str, ...]:
        """Return the checked keys."""
        return tuple(action.data() for action in self._menu.actions() if action.isChecked())

    def _show(self) -> None:
        chosen = self.chosen()
        count = "none" if not chosen else self._labels[chosen[0]]
        if len(chosen) > 1:
            count = f"{len(chosen)} of {len(self._labels)}"
        self._words = f"{self._what}: {count}"
        self._elide()
        self.setEnabled(bool(self._labels))

    def _elide(self) -> None:
        room = self.width() - _ARROW
        shown = self.fontMetrics().elidedText(
            self._words, Qt.TextElideMode.ElideRight, max(room, 40)
        )
        self.setText(shown)
        self.setToolTip(
            self._purpose if shown == self._words else f"{self._words}\n{self._purpose}"
        )

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Cut the text for the new width."""
        super().resizeEvent(event)
        self._elide()

    def _on_triggered(self, _: bool = False) -> None:
        self._show()
        self.choice_changed.emit(self.chosen())
