"""The line at the top of the dock: the session file, and the help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QHBoxLayout, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from napari_mrf.plugin.kit.notice import Notice
from napari_mrf.plugin.kit.progress_row import ProgressRow
from napari_mrf.plugin.kit.section import ElidedLabel
from napari_mrf.plugin.panels.session.kept import KEPT_DAYS
from napari_mrf.plugin.panels.session.offer import Offer
from napari_mrf.plugin.panels.shared.texts import piece_sentence

if TYPE_CHECKING:
    from napari_mrf.plugin.jobs import JobStatus


class SessionBar(QWidget):
    """View of the session bar: shows state and emits signals, without any logic.

    Signals
    -------
    open_requested, save_requested, save_as_requested, cancel_requested, help_requested,
    folder_requested
        The user picked it.

    Parameters
    ----------
    has_menu : bool
        Whether to show name and buttons; the dock of a single step has messages only.
    """

    open_requested = Signal()
    save_requested = Signal()
    save_as_requested = Signal()
    cancel_requested = Signal()
    help_requested = Signal()
    folder_requested = Signal()

    def __init__(self, *, has_menu: bool = True) -> None:
        super().__init__()
        self.title = ElidedLabel()
        self.menu_button = QToolButton()
        self.menu_button.setText("Session")
        self.menu_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.menu_button.setToolTip(
            "A session file stores all options and the paths of all files of a study, but no images"
        )
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        # The theme draws the arrow over the end of the text.
        self.menu_button.setStyleSheet("QToolButton { padding: 3px 16px 3px 6px; }")
        self.menu = QMenu(self)
        # Made here: PySide6 loses actions that the menu makes.
        self.open_action = QAction("Open session…", self)
        self.save_action = QAction("Save session", self)
        self.save_as_action = QAction("Save session as…", self)
        self.folder_action = QAction("Open the autosave folder", self)
        self.menu.addActions([self.open_action, self.save_action, self.save_as_action])
        self.menu.addSeparator()
        self.menu.addAction(self.folder_action)
        self.menu.setToolTipsVisible(True)
        self.menu_button.setMenu(self.menu)
        self.help_button = QPushButton("?")
        self.help_button.setFixedWidth(28)
        self.help_button.setToolTip("Help: the steps and the keyboard shortcuts")
        self.unsaved = ElidedLabel()
        self.unsaved.setObjectName("mrfUnsaved")
        self.notice, self.offer = Notice(), Offer()
        self.progress_row = ProgressRow()
        self.progress_row.bar.setTextVisible(False)
        self._arrange()
        self._row.setVisible(has_menu)
        self.open_action.triggered.connect(self._on_open)
        self.save_action.triggered.connect(self._on_save)
        self.save_as_action.triggered.connect(self._on_save_as)
        self.progress_row.cancel_requested.connect(self.cancel_requested)
        self.help_button.clicked.connect(self._on_help)
        self.folder_action.triggered.connect(self._on_folder)
        self.set_name("")
        self.set_unsaved("", "")

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.title, 1)
        row.addWidget(self.menu_button)
        row.addWidget(self.help_button)
        self._row = QWidget()
        row.setContentsMargins(0, 0, 0, 0)
        self._row.setLayout(row)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 4, 8, 0)
        layout.setSpacing(4)
        layout.addWidget(self._row)
        layout.addWidget(self.unsaved)
        layout.addWidget(self.offer)
        layout.addWidget(self.progress_row)
        layout.addWidget(self.notice)

    def set_name(self, name: str) -> None:
        """Show the name of the session file, or the purpose of the dock."""
        self.title.set_full_text(name or "Fingerprints to maps")

    def set_unsaved(self, text: str, detail: str) -> None:
        """Show in short what is not saved, and all of it in the tooltip; empty for nothing."""
        self.unsaved.set_full_text(f"● {text}" if text else "")
        self.unsaved.setToolTip(detail)
        self.unsaved.setVisible(bool(text))

    def set_kept(self, folder: str) -> None:
        """Tell where unsaved work is kept."""
        self.folder_action.setToolTip(
            "Maps, regions and options that are not saved are kept every minute in "
            f"{folder}, for {KEPT_DAYS} days after a crash"
        )

    def set_status(self, status: JobStatus) -> None:
        """Show the progress of saving or opening."""
        self.progress_row.show_status(status, piece_sentence(status))
        for action in (self.open_action, self.save_action, self.save_as_action):
            action.setEnabled(not status.is_running)

    def _on_open(self) -> None:
        self.open_requested.emit()

    def _on_save(self) -> None:
        self.save_requested.emit()

    def _on_save_as(self) -> None:
        self.save_as_requested.emit()

    def _on_folder(self) -> None:
        self.folder_requested.emit()

    def _on_help(self) -> None:
        self.help_requested.emit()
