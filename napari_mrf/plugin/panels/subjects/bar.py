"""The line above the steps that picks a subject; hidden while there is only one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_mrf.plugin.kit.picker import NarrowRow, Picker, form_label

if TYPE_CHECKING:
    from collections.abc import Sequence


class SubjectBar(QWidget):
    """View of the subject bar: shows state and emits signals, without any logic.

    Signals
    -------
    subject_picked
        The name of the subject that the user picked.
    remove_requested
        The user pressed the button.
    """

    subject_picked = Signal(str)
    remove_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.picker = Picker("The subject that the layers and all steps show; results of the "
                             "others are kept")  # fmt: skip
        self.remove_button = QPushButton("Remove…")
        self.remove_button.setToolTip("Remove this subject with its maps and regions from the "
                                      "window; asks first, and touches no file")  # fmt: skip
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 4, 8, 0)
        column.addLayout(NarrowRow(form_label("Subject"), self.picker, self.remove_button))
        self.picker.textActivated.connect(self.subject_picked)
        self.remove_button.clicked.connect(self._on_remove_clicked)
        self.set_subjects([], "")

    def set_subjects(self, names: Sequence[str], current: str) -> None:
        """Offer the subjects where there is a choice."""
        self.picker.fill(names, current)
        self.setVisible(len(names) > 1)

    def _on_remove_clicked(self) -> None:
        self.remove_requested.emit()
