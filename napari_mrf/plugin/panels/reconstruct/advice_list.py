"""Sentences about the maps that are picked, each with a button where an option may help."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_mrf.plugin.kit.notice import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_mrf.plugin.panels.reconstruct.advice import Advice


class AdviceList(QWidget):
    """One notice under another; hidden while there is nothing to say.

    Signals
    -------
    option_requested
        Name of an option and the value that the user wants it to have.
    """

    option_requested = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self.notices: list[Notice] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self.hide()

    def show_advice(self, advice: Sequence[tuple[Advice, str]]) -> None:
        """Show sentences, given with the text of their button (none when empty)."""
        while len(self.notices) > len(advice):
            last = self.notices.pop()
            self._layout.removeWidget(last)
            last.deleteLater()
        while len(self.notices) < len(advice):
            notice = Notice()
            notice.cure_requested.connect(partial(self._on_cure, len(self.notices)))
            self._layout.addWidget(notice)
            self.notices.append(notice)
        self._advice = [one for one, _ in advice]
        for notice, (one, cure) in zip(self.notices, advice, strict=True):
            notice.say(one.text, cure=cure)
        self.setVisible(bool(advice))

    def texts(self) -> list[str]:
        """Return the sentences."""
        return [notice.text() for notice in self.notices]

    def _on_cure(self, index: int) -> None:
        self.option_requested.emit(self._advice[index].option, self._advice[index].value)
