"""The progress of long work: a bar, a Cancel button and a sentence below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from napari_mrf.plugin.jobs import JobStatus


class ProgressRow(QWidget):
    """A progress bar with a Cancel button; visible only while work runs.

    Parameters
    ----------
    cancel_tip : str
        Tooltip of the button: what remains after a cancel.

    Signals
    -------
    cancel_requested
        The user pressed the button.
    """

    cancel_requested = Signal()

    def __init__(self, cancel_tip: str = "") -> None:
        super().__init__()
        self.bar = QProgressBar()
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip(cancel_tip)
        self.cancel_button.clicked.connect(self._on_cancel_clicked)
        self.text = QLabel()
        self.text.setWordWrap(True)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self.text)
        self.hide()

    def show_status(self, status: JobStatus, sentence: str) -> None:
        """Show the progress and a sentence; hide the row when the work has ended."""
        self.setVisible(status.is_running)
        if status.is_running:
            self.bar.setRange(0, status.total)
            self.bar.setValue(status.done)
            self.text.setText(sentence)

    def _on_cancel_clicked(self) -> None:
        self.cancel_requested.emit()
