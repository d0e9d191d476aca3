"""Views of carrying regions: the dialog that asks from where, and the bar of a proposal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from napari_mrf.plugin.kit.notice import Notice
from napari_mrf.plugin.kit.picker import NarrowRow, Picker, form_label, narrow_form
from napari_mrf.plugin.panels.rois.tools import tool_button
from napari_mrf.plugin.present import present

if TYPE_CHECKING:
    from collections.abc import Sequence

FROM_FILE = "a label map and an image…"
_WIDTH = 420
_KINDS = {"move, turn and stretch": "affine", "move and turn only": "rigid"}


class CarryDialog(QDialog):
    """A dialog for the scan that regions come from, and for what may be done to them.

    Parameters
    ----------
    parent : QWidget or None
        The panel.
    scans : sequence of str
        Names of the subjects of the window on which regions are drawn.
    target : str
        The subject that takes the regions.
    """

    def __init__(self, parent: QWidget | None, scans: Sequence[str], target: str) -> None:
        super().__init__(parent)
        self.setWindowTitle("Carry regions from another scan")
        self.setMinimumWidth(_WIDTH)
        explanation = QLabel(
            f"The two scans are laid over each other, and {target or 'this scan'} is offered the "
            "regions of the other one. Nothing changes before you accept them."
        )
        explanation.setWordWrap(True)
        self.source = Picker(
            "A subject of this window on which regions are drawn, or files of a scan that is not "
            "open: a label map, and an image or a map (such as FF.nii.gz) on its grid"
        )
        self.source.fill([*scans, FROM_FILE], "")
        self.movement = Picker("Stretching follows tissue that grew or shrank")
        self.movement.fill(list(_KINDS), "")
        form = narrow_form()
        form.addRow(form_label("From"), self.source)
        form.addRow(form_label("Regions may"), self.movement)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.run_button = present(self.buttons.button(QDialogButtonBox.StandardButton.Ok))
        self.run_button.setText("Carry")
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(explanation)
        layout.addLayout(form)
        layout.addWidget(self.buttons)

    def kind(self) -> str:
        """Return the kind of registration."""
        return _KINDS[self.movement.currentText()]


class CarryBar(Notice):
    """What is proposed, how well the scans lie over each other, and the two answers.

    Signals
    -------
    board_requested
        Whether the user wants the checkerboard of the two scans.
    accept_requested, discard_requested
        The user pressed the button.
    """

    board_requested = Signal(bool)
    accept_requested = Signal()
    discard_requested = Signal()

    def __init__(self) -> None:
        super().__init__(stays=True)
        self.board = QCheckBox("Checkerboard of the scans")
        self.board.setToolTip(
            "Show squares of this scan and of the other one, laid over it, by turns: edges go on "
            "from square to square where the two fit"
        )
        self.accept_button = tool_button(
            "Accept", "Make these the regions, in a layer of their own; Ctrl+Z takes it back"
        )
        self.discard_button = tool_button("Discard", "Leave the regions as they are")
        self.add_row(NarrowRow(self.board))
        self.add_row(NarrowRow(self.accept_button, self.discard_button))
        self.board.clicked.connect(self._on_board)
        self.accept_button.clicked.connect(self._on_accept)
        self.discard_button.clicked.connect(self._on_discard)

    def show_proposal(
        self, sentences: Sequence[str], *, is_doubtful: bool, has_board: bool
    ) -> None:
        """Show what is proposed; hide without sentences."""
        if sentences:
            self.say(" ".join(sentences), kind="problem" if is_doubtful else "note")
            self.board.setChecked(has_board)
        else:
            self.clear()

    def _on_board(self, is_wanted: bool) -> None:
        self.board_requested.emit(is_wanted)

    def _on_accept(self, *_: object) -> None:
        self.accept_requested.emit()

    def _on_discard(self, *_: object) -> None:
        self.discard_requested.emit()
