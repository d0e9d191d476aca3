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

from napari_mrf.plugin.kit.choice_button import ChoiceButton
from napari_mrf.plugin.kit.files.dialogs import ask_folder
from napari_mrf.plugin.panels.compare.cohort_work import CohortFolders, names_of_regions

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
        "Folder with SUBJECT.nii.gz, SUBJECT/labels.nii.gz or SUBJECT/rois.nii.gz, and label names "
        "in .txt files",
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
        self.regions = ChoiceButton("Count", "Regions of the label tables in the folder that count "
                                    "in the agreement, the report and its tables")  # fmt: skip
        self.regions_label = QLabel("")
        form.insertRow(form.rowCount() - 1, self.regions_label, self.regions)
        self._before = before
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.run_button = QPushButton("Compare")  # PySide6 loses buttons that the box makes
        self.run_button.setDefault(True)
        self.buttons.addButton(self.run_button, QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.accepted.connect(self._on_accepted)
        layout = QVBoxLayout(self)
        layout.addWidget(explanation)
        layout.addLayout(form)
        layout.addWidget(self.buttons)
        self._offered: list[str] = []
        self._offered_of: str | None = None
        self.regions.choice_changed.connect(self._on_changed)
        self._on_changed()

    def folders(self) -> CohortFolders:
        """Return the folders as typed."""
        chosen, offered = self.regions.chosen(), self._offered
        return CohortFolders(
            **{key: edit.text().strip() for key, edit in self.edits.items()},
            regions=() if len(chosen) == len(offered) else chosen,
        )

    def _offer_regions(self) -> None:
        """Offer the regions of the folder that is typed, all of them or those of the last time."""
        folder = self.edits["rois"].text().strip()
        if folder == self._offered_of:
            return
        self._offered_of, self._offered = folder, names_of_regions(folder)
        before = self._before.regions if self._before and self._before.rois == folder else ()
        self.regions.set_choices({name: name for name in self._offered}, before or self._offered)
        for widget in (self.regions_label, self.regions):
            widget.setVisible(bool(self._offered))

    def _browse(self, key: str, *_: object) -> None:
        title = f"{_ROWS[key][0]}: {_ROWS[key][1].lower()}"
        folder = ask_folder(self, title, self.edits[key].text())
        if folder:
            self.edits[key].setText(folder)

    def _on_changed(self, *_: object) -> None:
        self._offer_regions()
        folders = self.folders()
        counts = not self._offered or bool(self.regions.chosen())
        self.run_button.setEnabled(
            bool(folders.reference and folders.test and folders.output) and counts
        )

    def _on_accepted(self) -> None:
        self.chosen.emit(self.folders())
