"""The window of a cohort: which subjects, how and where, how far, and what became of each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_mrf.io.maps.forms import FORMS
from napari_mrf.plugin.jobs import JobState
from napari_mrf.plugin.kit.data_table import DataTable
from napari_mrf.plugin.kit.data_table_model import Column
from napari_mrf.plugin.kit.files.dialogs import ask_folder, ask_open_path
from napari_mrf.plugin.kit.notice import Notice
from napari_mrf.plugin.kit.option_form import OptionForm
from napari_mrf.plugin.kit.picker import Picker
from napari_mrf.plugin.kit.progress_row import ProgressRow
from napari_mrf.plugin.kit.section import Section
from napari_mrf.plugin.panels.cohort.work import (
    CLUSTER,
    PLACES,
    PROCESSES,
    SCHEDULER,
    CohortParameters,
)
from napari_mrf.plugin.panels.shared.texts import SEQUENCE_FILES, progress_sentence
from napari_mrf.plugin.present import present

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_mrf.cohort.outcome import Outcome
    from napari_mrf.plugin.jobs import JobStatus
    from napari_mrf.reconstruction.method import MethodInfo

SEQUENCE_OF_EACH = "that of each series"
SEQUENCE_FROM_FILE = "from a file…"
METHOD_OF_EACH = "the first one for the sequence"
NAMINGS = {
    "plain": "a folder for each subject",
    "bids": "BIDS data set",
    "ormir-mids": "ORMIR-MIDS data set",
}
_MOST_WORKERS = 10_000
_TABLE_PAUSE_MS = 200
_FOLDERS = {
    "rois": ("Regions", "none", "Folder with SUBJECT.nii.gz: adds statistics of regions"),
    "reference": ("Compare with", "none", "Folder of other maps of the subjects, the reference of "
                  "a comparison"),
    "output": ("Results", "folder to write to", "Maps of each subject, cohort.csv and cohort.html"),
}  # fmt: skip
_COLUMNS = (
    Column("subject", "Subject"),
    Column("state", "State"),
    Column("voxels", "Voxels", ",.0f"),
    Column("seconds", "Time (s)", ".1f"),
    Column("told", "What to know"),
)


class CohortWindow(QDialog):
    """The view: it emits signals and has setters; it knows nothing of what they cause.

    Signals
    -------
    sequence_changed
        Another sequence was picked: a name, or the path of a file; empty for that of each series.
    method_changed
        The name of another method; empty for the first one.
    start_requested, cancel_requested, summary_requested
        The buttons.
    """

    sequence_changed = Signal(str)
    method_changed = Signal(str)
    start_requested = Signal()
    cancel_requested = Signal()
    summary_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Reconstruct a cohort")
        self.resize(760, 760)
        self.subjects_edit = QLineEdit()
        self.subjects_edit.setPlaceholderText("table (.csv), or folder of series or raw files")
        self.subjects_edit.setToolTip(
            "CSV with the columns subject, series and, if there are any, session, mask, b1, rois, "
            "sequence; or a folder; or a BIDS data set"
        )
        self.table_button = QPushButton("Table…")
        self.folder_button = QPushButton("Folder…")
        self.sequence_picker = Picker("The sequence of series that do not state it")
        self.method_picker = Picker("The method that computes the maps of every subject")
        self.options = OptionForm()
        self.more = Section("Options of the method", self.options, is_open=False)
        self.device_picker = Picker(
            "Device for the computation; automatic uses a GPU where there is one, on workers too"
        )
        self.naming_picker = Picker("Folders and names of the maps")
        self.form_picker = Picker("Form of the files")
        self.edits: dict[str, QLineEdit] = {}
        self.browse_buttons: dict[str, QPushButton] = {}
        self.place_picker = Picker("Where the subjects are worked on")
        self.workers_box = QSpinBox()
        self.workers_box.setRange(1, _MOST_WORKERS)
        self.workers_box.setValue(2)
        self.address_edit = QLineEdit()
        self.address_edit.setPlaceholderText("tcp://127.0.0.1:8786 or tls://host:8786")
        self.job_file_edit = QLineEdit()
        self.job_file_edit.setPlaceholderText("description of the jobs (.yaml)")
        self.job_file_button = QPushButton("Browse…")
        self.overwrite_box = QCheckBox("Replace maps that were made in another way")
        self.overwrite_box.setToolTip("Maps that are just what is asked are kept all the same")
        self.run_button = QPushButton("Reconstruct")
        self.summary_button = QPushButton("Open the summary")
        self.progress = ProgressRow("Stop. The same run takes up what is missing")
        self.dashboard = QLabel()
        self.dashboard.setOpenExternalLinks(True)
        self.notice = Notice()
        self.counts = QLabel()
        self.table = DataTable("cohort", least_rows=6)
        self._rows: list[dict[str, object]] = []
        self._timer = QTimer(self)  # a thousand quick subjects are not a thousand tables
        self._timer.setSingleShot(True)
        self._timer.setInterval(_TABLE_PAUSE_MS)
        self._sequence = ""
        self._arrange()
        self._connect()
        self.set_sequences((), "")
        self.set_methods((), "")
        self.set_devices((("auto", "automatic"),))
        self._on_place(0)
        self.clear_outcomes()

    def _arrange(self) -> None:
        form = QFormLayout()
        form.addRow("Subjects", _row(self.subjects_edit, self.table_button, self.folder_button))
        form.addRow("Sequence", self.sequence_picker)
        form.addRow("Method", self.method_picker)
        form.addRow(self.more)
        form.addRow("Device", self.device_picker)
        for key, (title, hint, tip) in _FOLDERS.items():
            edit = self.edits[key] = QLineEdit()
            edit.setPlaceholderText(hint)
            edit.setToolTip(tip)
            button = self.browse_buttons[key] = QPushButton("Browse…")
            form.addRow(title, _row(edit, button))
        for name, title in NAMINGS.items():
            self.naming_picker.addItem(title, name)
        for one in FORMS.values():
            self.form_picker.addItem(one.title, one.name)
        form.addRow("Maps as", _row(self.naming_picker, self.form_picker))
        self.place_picker.fill(PLACES, PLACES[0])
        form.addRow("Worked on by", _row(self.place_picker, self.workers_box, self.address_edit,
                                         self.job_file_edit, self.job_file_button))  # fmt: skip
        form.addRow(self.overwrite_box)
        self.place_picker.setSizeAdjustPolicy(Picker.SizeAdjustPolicy.AdjustToContents)
        self.place_picker.setMinimumContentsLength(max(map(len, PLACES)) - 4)
        present(self.table.horizontalHeader()).setStretchLastSection(True)
        self.dashboard.hide()
        self.counts.setWordWrap(True)
        self.summary_button.hide()
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addLayout(_row(self.run_button, self.summary_button, QLabel()))
        layout.addWidget(self.progress)
        layout.addWidget(self.dashboard)
        layout.addWidget(self.notice)
        layout.addWidget(self.counts)
        layout.addWidget(self.table, 1)
        layout.addStretch(0)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)

    def _connect(self) -> None:
        self.table_button.clicked.connect(self._on_table)
        self.folder_button.clicked.connect(self._on_folder)
        self.job_file_button.clicked.connect(self._on_job_file)
        for key, button in self.browse_buttons.items():
            button.clicked.connect(partial(self._on_browse, key))
        self.sequence_picker.textActivated.connect(self._on_sequence)
        self.method_picker.activated.connect(self._on_method)
        self.naming_picker.activated.connect(self._on_naming)
        self.place_picker.activated.connect(self._on_place)
        self._timer.timeout.connect(self._show_rows)
        self.run_button.clicked.connect(self._on_run)
        self.summary_button.clicked.connect(self._on_summary)
        self.progress.cancel_requested.connect(self._on_cancel)

    def set_sequences(self, names: Sequence[str], current: str) -> None:
        """Offer sequences by name, that of each series, and one from a file."""
        known = [*names, *([current] if current and current not in names else [])]
        self.sequence_picker.fill([SEQUENCE_OF_EACH, *known, SEQUENCE_FROM_FILE],
                                  current or SEQUENCE_OF_EACH)  # fmt: skip
        self._sequence = current

    def set_methods(self, methods: Sequence[MethodInfo], current: str) -> None:
        """Offer methods that are ready, and the first one for the sequence."""
        self.method_picker.clear()
        self.method_picker.addItem(METHOD_OF_EACH, "")
        for info in methods:
            if not info.needs:
                words = " · ".join([info.title, *info.remarks])
                self.method_picker.addItem(f"{info.shown_name} — {words}", info.name)
        self.method_picker.setCurrentIndex(max(self.method_picker.findData(current), 0))
        self._on_method(0)

    def set_options(self, info: MethodInfo | None) -> None:
        """Offer the options of a method; none where it is left open."""
        self.options.set_options(info.options if info is not None else ())
        self.more.setVisible(info is not None and bool(info.options))

    def set_devices(self, devices: Sequence[tuple[str, str]]) -> None:
        """Offer devices, given as (name, label)."""
        before = self.device_picker.currentData()
        self.device_picker.clear()
        for name, label in devices:
            self.device_picker.addItem(label, name)
        self.device_picker.setCurrentIndex(max(self.device_picker.findData(before), 0))

    def parameters(self) -> CohortParameters:
        """Return what the window says."""
        naming = self.naming_picker.currentData()
        return CohortParameters(
            subjects=self.subjects_edit.text().strip(),
            sequence=self._sequence,
            method=self.method_picker.currentData() or "",
            options=self.options.chosen() if self.method_picker.currentData() else {},
            device=self.device_picker.currentData() or "auto",
            naming=naming,
            form=self.form_picker.currentData() if naming == "plain" else "nifti",
            place=self.place_picker.currentText(),
            workers=self.workers_box.value(),
            address=self.address_edit.text().strip(),
            job_file=self.job_file_edit.text().strip(),
            overwrite=self.overwrite_box.isChecked(),
            **{key: edit.text().strip() for key, edit in self.edits.items()},
        )

    def restore(self, before: CohortParameters) -> None:
        """Show what was asked last; the method follows when it is listed."""
        self.subjects_edit.setText(before.subjects)
        for key, edit in self.edits.items():
            edit.setText(getattr(before, key))
        for picker, name in ((self.naming_picker, before.naming), (self.form_picker, before.form)):
            picker.setCurrentIndex(max(picker.findData(name), 0))
        self.place_picker.setCurrentText(before.place)
        self.workers_box.setValue(before.workers)
        self.address_edit.setText(before.address)
        self.job_file_edit.setText(before.job_file)
        self.overwrite_box.setChecked(before.overwrite)
        for name, value in before.options.items():
            self.options.set_value(name, value)
        self._on_place(0)

    def set_status(self, status: JobStatus) -> None:
        """Show progress; what is running cannot be changed."""
        self.progress.show_status(status, progress_sentence(status))
        for one in (self.subjects_edit, self.table_button, self.folder_button, self.run_button,
                    self.sequence_picker, self.method_picker, self.more, self.device_picker,
                    self.naming_picker, self.form_picker, self.place_picker, self.workers_box,
                    self.address_edit, self.job_file_edit, self.job_file_button,
                    self.overwrite_box, *self.edits.values(),
                    *self.browse_buttons.values()):  # fmt: skip
            one.setEnabled(not status.is_running)
        self._on_naming(0)
        if not status.is_running:
            self.dashboard.hide()
        if status.state is JobState.CANCELLED:
            self.notice.say("Stopped. Reconstruct takes up what is missing.", kind="note")
        elif status.failure is not None:
            self.notice.say(status.failure.sentence)

    def show_dashboard(self, address: str) -> None:
        """Link to the page that shows what workers do."""
        self.dashboard.setText(f'What the workers do: <a href="{address}">{address}</a>')
        self.dashboard.show()

    def clear_outcomes(self) -> None:
        """Forget the subjects of the run before."""
        self._rows = []
        self.summary_button.hide()
        self.counts.clear()
        self._show_rows()

    def add_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Add subjects that are finished."""
        for one in outcomes:
            error = one.input_error
            told = error.sentence() if error is not None else " ".join(one.warnings)
            self._rows.append({"subject": one.name, "state": one.state, "seconds": one.seconds,
                               "voxels": one.n_voxels or float("nan"), "told": told})  # fmt: skip
        if self._rows and not self._timer.isActive():
            self._timer.start()

    def show_end(self, sentence: str) -> None:
        """Say how the run ended, with a button to its summary."""
        self.counts.setText(sentence)
        self.summary_button.show()

    def _show_rows(self) -> None:
        names = [one.key for one in _COLUMNS]
        self.table.set_table(pd.DataFrame(self._rows, columns=names), _COLUMNS)
        self.table.setVisible(bool(self._rows))

    def _on_table(self) -> None:
        if path := ask_open_path(self, "Table of a cohort", "Table (*.csv)"):
            self.subjects_edit.setText(path)

    def _on_folder(self) -> None:
        if folder := ask_folder(self, "Folder of series", self.subjects_edit.text()):
            self.subjects_edit.setText(folder)

    def _on_job_file(self) -> None:
        if path := ask_open_path(self, "Jobs of a cluster", "Description (*.yaml *.yml)"):
            self.job_file_edit.setText(path)

    def _on_browse(self, key: str) -> None:
        if folder := ask_folder(self, _FOLDERS[key][0], self.edits[key].text()):
            self.edits[key].setText(folder)

    def _on_sequence(self, name: str) -> None:
        if name == SEQUENCE_FROM_FILE:
            self.sequence_picker.setCurrentText(self._sequence or SEQUENCE_OF_EACH)
            name = ask_open_path(self, "Sequence", SEQUENCE_FILES)
            if not name:
                return
            self.sequence_picker.insertItem(self.sequence_picker.count() - 1, name)
            self.sequence_picker.setCurrentText(name)
        self._sequence = "" if name == SEQUENCE_OF_EACH else name
        self.sequence_changed.emit(self._sequence)

    def _on_method(self, _: int) -> None:
        self.method_changed.emit(self.method_picker.currentData() or "")

    def _on_naming(self, _: int) -> None:
        is_plain = self.naming_picker.currentData() == "plain"
        self.form_picker.setEnabled(is_plain and self.naming_picker.isEnabled())

    def _on_place(self, _: int) -> None:
        place = self.place_picker.currentText()
        self.workers_box.setVisible(place in (PROCESSES, CLUSTER))
        self.address_edit.setVisible(place == SCHEDULER)
        for widget in (self.job_file_edit, self.job_file_button):
            widget.setVisible(place == CLUSTER)

    def _on_run(self) -> None:
        self.start_requested.emit()

    def _on_cancel(self) -> None:
        self.cancel_requested.emit()

    def _on_summary(self) -> None:
        self.summary_requested.emit()


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget, 1 if isinstance(widget, QLineEdit | QLabel) else 0)
    row.setAlignment(Qt.AlignmentFlag.AlignVCenter)
    return row
