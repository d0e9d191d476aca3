"""The dialog for folders of several subjects and of their comparison."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_mrf.plugin.kit.files.dialogs import ask_folder
from napari_mrf.plugin.panels.compare.cohort_work import CohortFolders
from napari_mrf.plugin.present import present

_WIDTH = 460
_EXPLANATION = (
    "Each folder contains one folder per subject with its maps. Subjects are matched by "
    "folder name."
)
_ROWS = {
    "reference": ("Reference", "Folder of subjects", "Maps of the reference"),
    "test": ("Test", "Folder of subjects", "Maps that are compared with the reference"),
    "rois": (
        "Regions",
        "none: voxels only",
        "Folder with SUBJECT.nii.gz or SUBJECT/labels.nii.gz, and label names in .txt files",
    ),
    "output": (
        "Results",
        "Folder to write to",
        "Report, figures and tables are written to this folder",
    ),
}


class CohortDialog(QDialog):
    """A dialog for four folders; that of the regions is optional.

    Signals
    -------
    chosen
        The `CohortFolders`, when the user pressed *Compare*.
    """

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None, before: CohortFolders | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Compare several subjects")
        self.setMinimumWidth(_WIDTH)
        explanation = QLabel(_EXPLANATION)
        explanation.setWordWrap(True)
        self.edits: dict[str, QLineEdit] = {}
        self.browse_buttons: dict[str, QPushButton] = {}
        form = QFormLayout()
        for key, (title, hint, tooltip) in _ROWS.items():
            edit = self.edits[key] = QLineEdit(getattr(before, key, ""))
            edit.setPlaceholderText(hint)
            edit.setToolTip(tooltip)
            edit.textChanged.connect(self._on_changed)
            button = self.browse_buttons[key] = QPushButton("Browse…")
            button.setAutoDefault(False)
            button.clicked.connect(partial(self._browse, key))
            row = QHBoxLayout()
            row.addWidget(edit, 1)
            row.addWidget(button)
            form.addRow(title, row)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.run_button = present(self.buttons.button(QDialogButtonBox.StandardButton.Ok))
        self.run_button.setText("Compare")
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.accepted.connect(self._on_accepted)
        layout = QVBoxLayout(self)
        layout.addWidget(explanation)
        layout.addLayout(form)
        layout.addWidget(self.buttons)
        self._on_changed()

    def folders(self) -> CohortFolders:
        """Return the folders as typed."""
        return CohortFolders(**{key: edit.text().strip() for key, edit in self.edits.items()})

    def _browse(self, key: str, *_: object) -> None:
        title = f"{_ROWS[key][0]}: {_ROWS[key][1].lower()}"
        folder = ask_folder(self, title, self.edits[key].text())
        if folder:
            self.edits[key].setText(folder)

    def _on_changed(self, *_: object) -> None:
        folders = self.folders()
        self.run_button.setEnabled(bool(folders.reference and folders.test and folders.output))

    def _on_accepted(self) -> None:
        self.chosen.emit(self.folders())
