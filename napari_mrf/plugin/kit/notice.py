"""A message in a panel: cause, then cure, with a button if one click is the cure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFrame, QLabel, QPushButton, QSizePolicy, QVBoxLayout

from napari_mrf.plugin.kit.scrolling import bring_into_view, hold_still

if TYPE_CHECKING:
    from qtpy.QtWidgets import QLayout

_SIGNS = {"problem": "⚠  ", "note": ""}
# Translucent, so that the text keeps the theme's contrast on either background.
_BACKGROUNDS = {"problem": "rgba(230, 140, 20, 55)", "note": "rgba(80, 140, 220, 45)"}


class Notice(QFrame):
    """A framed message; hidden while it is empty.

    Parameters
    ----------
    stays : bool
        Whether it is part of what its panel shows: then it stays there. Else a dock shows it in its
        `NoticeShelf`, where it moves nothing when it comes.

    Signals
    -------
    cure_requested
        The button was pressed.
    """

    cure_requested = Signal()

    def __init__(self, *, stays: bool = False) -> None:
        super().__init__()
        self.stays = stays
        self.setObjectName("mrfNotice")
        self._label = QLabel()
        self._label.setWordWrap(True)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self._label.setStyleSheet("background: transparent;")
        self.cure_button = QPushButton()
        self.cure_button.clicked.connect(self.cure_requested)
        layout = self._layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.setSpacing(4)
        layout.addWidget(self._label)
        layout.addWidget(self.cure_button, 0, Qt.AlignmentFlag.AlignLeft)
        self.clear()

    def clear(self) -> None:
        """Remove the message."""
        self._text = ""
        hold_still(self)
        self.hide()

    def say(self, text: str, *, kind: str = "problem", cure: str = "") -> None:
        """Show a message, and scroll to a new one that is just out of view.

        Parameters
        ----------
        text : str
            Cause, then cure.
        kind : {"problem", "note"}
            A problem has a warning sign and another color.
        cure : str
            Text of the button; none when empty.
        """
        is_new = text != self._text
        self._text = text
        holds = hold_still(self)
        self._label.setText(f"{_SIGNS[kind]}{_breakable(text)}")
        self.setStyleSheet(
            f"#mrfNotice {{ background: {_BACKGROUNDS[kind]}; border-radius: 4px; }}"
        )
        self.cure_button.setText(cure)
        self.cure_button.setVisible(bool(cure))
        self.show()
        if is_new and not holds:
            bring_into_view(self, if_near=True)

    def add_row(self, row: QLayout) -> None:
        """Put a row of buttons under the message; one that holds the cure takes it there."""
        self._layout.addLayout(row)

    def text(self) -> str:
        """Return the message; empty if there is none."""
        return self._text


def _breakable(text: str) -> str:
    # A long path has no blank to break at and would widen the dock.
    return "".join(character + "\u200b" if character in "/\\_" else character for character in text)
