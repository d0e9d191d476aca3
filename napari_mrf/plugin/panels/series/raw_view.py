"""The view of a raw file: its acquisition report, what has to be said, and Make images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_mrf.kspace.trajectory import GOLDEN_ANGLE_DEG
from napari_mrf.plugin.kit.notice import Notice
from napari_mrf.plugin.kit.picker import (
    Picker,
    form_label,
    keep_width,
    narrow_form,
    set_special_text,
)
from napari_mrf.plugin.kit.progress_row import ProgressRow
from napari_mrf.plugin.kit.scrolling import guard_wheel
from napari_mrf.plugin.kit.section import Section
from napari_mrf.plugin.panels.series.raw_plot import RawPlot
from napari_mrf.plugin.panels.shared.texts import progress_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.plugin.jobs import JobStatus
    from napari_mrf.plugin.viewer.raw.work import RawFile

IN_FILE, NOT_IN_FILE, GOLDEN, BY_ANGLE, CARTESIAN, FROM_FILE = (
    "that of the file", "none in the file", "golden-angle spokes", "spokes by their angle",
    "Cartesian lines", "from a file…",
)  # fmt: skip
_ABOUT = {
    "subspace": "All readouts together give a few coefficient images: near the limit of the noise.",
    "gridded": "Each frame by itself: quick, with streaks. Against them set Window and Smooth in "
    "the step Reconstruct, under More.",
}
_UNITS = ("told by the range", "cycles/voxel", "1/FOV", "rad/voxel", "1/m")
_ROWS = ("measurement", "trajectory", "angle", "trajectory_unit", "matrix")


class RawView(QWidget):
    """View of the current raw file: shows state and emits signals, without any logic.

    Signals
    -------
    read_requested
        The user wants the file to be read as `reading` says.
    trajectory_file_requested
        The user wants a trajectory from a file.
    look_requested
        The section of the picture was opened.
    images_changed
        The user picked another way to the images, or another number of coils.
    make_requested, cancel_requested
        The user pressed the button.
    """

    read_requested = Signal()
    trajectory_file_requested = Signal()
    look_requested = Signal()
    images_changed = Signal()
    make_requested = Signal()
    cancel_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.question = Notice(stays=True)
        self.measurement_picker = Picker("Which measurement of the file, counted from 0")
        self.trajectory_picker = Picker(
            "Where in k-space the samples were measured, where the file does not say or is wrong"
        )
        self.angle_box = QDoubleSpinBox()
        self.unit_picker = Picker("Unit of the coordinates of the trajectory")
        self.matrix_box = QSpinBox()
        self.read_button = QPushButton("Read it so")
        self.report = QLabel()
        self.plot = RawPlot()
        self.looking = QLabel()
        self.images_picker = Picker("How the images are made of the samples")
        self.about = QLabel()
        self.coils_box = QSpinBox()
        self.otherwise = QCheckBox("Read it in another way")
        self.make_button = QPushButton("Make images")
        # In the layout of the panel: it stays while something else is picked.
        self.progress_row = ProgressRow("Stop; the images that are finished are not kept")
        self._file: RawFile | None = None
        self._asked: frozenset[str] = frozenset()
        self._file_of_trajectory = ""
        self._trajectory = self._unsaid = IN_FILE
        self._arrange()
        self._connect()

    def _arrange(self) -> None:
        self.angle_box.setRange(0.0, 360.0)
        self.angle_box.setDecimals(6)
        self.angle_box.setSuffix(" deg")
        self.angle_box.setValue(GOLDEN_ANGLE_DEG)
        self.angle_box.setToolTip("From one spoke to the next")
        self.matrix_box.setRange(0, 4096)
        self.matrix_box.setToolTip("Voxels across the images")
        self.coils_box.setRange(0, 512)
        self.coils_box.setSpecialValueText("automatic")
        self.coils_box.setToolTip(
            "Virtual coils that the coils are combined to; automatic: the fewest that hold all "
            "but 1e-4 of the energy of the signal"
        )
        self.unit_picker.fill(_UNITS, _UNITS[0])
        self.images_picker.fill(tuple(_ABOUT), "subspace")
        self.otherwise.setToolTip("Another measurement, trajectory, unit or matrix")
        self.read_button.setToolTip("Read the file again with these choices")
        for box in (self.angle_box, self.matrix_box, self.coils_box):
            guard_wheel(box)
            keep_width(box)
        for label in (self.report, self.looking, self.about):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.report.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.report.setContentsMargins(8, 0, 4, 2)
        self.about.setObjectName("mrfAbout")

        self._rows: dict[str, tuple[QLabel, QWidget]] = {}
        form = narrow_form()
        titles = ("Measured", "Trajectory", "Angle", "Unit", "Matrix")
        editors = (self.measurement_picker, self.trajectory_picker, self.angle_box,
                   self.unit_picker, self.matrix_box)  # fmt: skip
        for row, title, editor in zip(_ROWS, titles, editors, strict=True):
            self._rows[row] = form_label(title), editor
            form.addRow(*self._rows[row])

        look = QWidget()
        column = QVBoxLayout(look)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.looking)
        column.addWidget(self.plot)
        options = QWidget()
        of_images = narrow_form()
        of_images.addRow(form_label("Images"), self.images_picker)
        of_images.addRow(self.about)
        of_images.addRow(form_label("Coils"), self.coils_box)
        of_images.addRow(self.otherwise)
        options.setLayout(of_images)
        self.report_section = Section("Acquisition report", self.report)
        self.look_section = Section("Trajectory and k-space", look, is_open=False)
        self.options_section = Section("Image options", options, is_open=False)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.question)
        layout.addLayout(form)
        layout.addWidget(self.read_button)
        layout.addWidget(self.report_section)
        layout.addWidget(self.look_section)
        layout.addWidget(self.options_section)
        layout.addWidget(self.make_button)
        self._show_rows()
        self._show_about()

    def _connect(self) -> None:
        self.trajectory_picker.textActivated.connect(self._on_trajectory_activated)
        self.read_button.clicked.connect(self._on_read_clicked)
        self.look_section.toggled.connect(self._on_look_toggled)
        self.images_picker.textActivated.connect(self._on_images_activated)
        self.coils_box.valueChanged.connect(self._on_coils_changed)
        self.otherwise.toggled.connect(self._on_otherwise_toggled)
        self.make_button.clicked.connect(self._on_make_clicked)
        self.progress_row.cancel_requested.connect(self.cancel_requested)

    def show_file(self, file: RawFile, question: str) -> None:
        """Show a file: its report, and what has to be said with the reason."""
        self._asked = file.asked
        if question:
            self.question.say(question)
        else:
            self.question.clear()
        if file is not self._file:  # else what is being said would be lost
            if self._file is None or file.path != self._file.path:
                self.otherwise.setChecked(False)
            self._file = file
            self._show_reading(file)
        self._show_rows()
        is_read = file.raw is not None
        self.report.setText("" if file.raw is None else file.raw.report.text())
        if file.raw is not None:
            self.coils_box.setMaximum(file.raw.n_coils)
        for section in (self.report_section, self.look_section, self.options_section):
            section.setVisible(is_read)

    def _show_reading(self, file: RawFile) -> None:
        reading = file.reading
        picked = reading.get("measurement")
        entries = file.measurements or ((str(picked),) if picked is not None else ("0",))
        self.measurement_picker.fill(entries, "")
        if picked is not None:
            self.measurement_picker.setCurrentIndex(
                next((at for at, text in enumerate(entries) if _number(text) == picked), 0)
            )
        is_missing = file.raw is not None and not file.raw.trajectories
        self._unsaid = NOT_IN_FILE if is_missing else IN_FILE
        self._choose_trajectory(reading)
        unit = reading.get("trajectory_unit")
        self.unit_picker.setCurrentText(_UNITS[0] if unit is None else str(unit))
        set_special_text(
            self.matrix_box, "not said" if "matrix" in file.asked else "as the file says"
        )
        self.matrix_box.setValue(int(reading.get("matrix") or 0))

    def _choose_trajectory(self, reading: Mapping[str, Any]) -> None:
        said = reading.get("trajectory")
        if said is None:
            self._trajectory = self._unsaid
        elif said == "golden-angle":
            self._trajectory = GOLDEN
        elif said == "cartesian":
            self._trajectory = CARTESIAN
        elif str(said).startswith("radial:"):
            self._trajectory = BY_ANGLE
            self.angle_box.setValue(float(str(said).removeprefix("radial:")))
        else:
            self.set_trajectory_file(str(said))
            return
        self._fill_trajectories()

    def set_trajectory_file(self, path: str) -> None:
        """Choose the trajectory of a file."""
        self._file_of_trajectory = path
        self._trajectory = path.replace("\\", "/").rpartition("/")[2]
        self._fill_trajectories()
        self._show_rows()

    def _fill_trajectories(self) -> None:
        entries = (self._unsaid, GOLDEN, BY_ANGLE, CARTESIAN, self._trajectory, FROM_FILE)
        self.trajectory_picker.fill(tuple(dict.fromkeys(entries)), self._trajectory)

    def reading(self) -> dict[str, Any]:
        """Return the keywords of `load_raw` that the rows in view say."""
        said: dict[str, Any] = {}
        if self._is_row("measurement"):
            said["measurement"] = _number(self.measurement_picker.currentText())
        trajectory = {
            GOLDEN: "golden-angle", CARTESIAN: "cartesian",
            BY_ANGLE: f"radial:{self.angle_box.value():.6f}",
        }.get(self._trajectory, self._file_of_trajectory)  # fmt: skip
        if self._is_row("trajectory") and self._trajectory != self._unsaid:
            said["trajectory"] = trajectory
        if self._is_row("trajectory_unit") and self.unit_picker.currentIndex() > 0:
            said["trajectory_unit"] = self.unit_picker.currentText()
        if self._is_row("matrix") and self.matrix_box.value():
            said["matrix"] = self.matrix_box.value()
        return said

    def set_coils(self, coils: int | None) -> None:
        """Show how many virtual coils are asked for."""
        self.coils_box.setValue(coils or 0)

    def set_images(self, images: str) -> None:
        """Show how the images are made."""
        self.images_picker.setCurrentText(images)
        self._show_about()

    def set_needs(self, reason: str) -> None:
        """Say in the tooltip why no images can be made; the button works if nothing is missing."""
        self.make_button.setEnabled(not reason)
        self.make_button.setToolTip(reason or "Make the images of all slices; they are then the "
                                    "series of the window")  # fmt: skip

    def set_status(self, status: JobStatus) -> None:
        """Show the progress of the images."""
        self.progress_row.show_status(status, progress_sentence(status))
        self.make_button.setVisible(not status.is_running)

    def set_looking(self, sentence: str) -> None:
        """Say what is being done for the picture; empty where it is there."""
        self.looking.setText(sentence)
        self.looking.setVisible(bool(sentence))
        self.plot.setVisible(not sentence)

    def _is_row(self, row: str) -> bool:
        if row == "angle":
            return self._is_row("trajectory") and self._trajectory == BY_ANGLE
        return row in self._asked or self.otherwise.isChecked()

    def _show_rows(self) -> None:
        for row, widgets in self._rows.items():
            for widget in widgets:
                widget.setVisible(self._is_row(row))
        self.read_button.setVisible(any(self._is_row(row) for row in _ROWS))

    def _show_about(self) -> None:
        self.about.setText(_ABOUT[self.images_picker.currentText()])

    def _on_trajectory_activated(self, text: str) -> None:
        if text == FROM_FILE:
            # An entry that does something is no choice: the former one stays until it has.
            self.trajectory_picker.setCurrentText(self._trajectory)
            self.trajectory_file_requested.emit()
        else:
            self._trajectory = text
            self._show_rows()

    def _on_read_clicked(self) -> None:
        self.read_requested.emit()

    def _on_look_toggled(self, is_open: bool) -> None:
        if is_open:
            self.look_requested.emit()

    def _on_images_activated(self, _: str) -> None:
        self._show_about()
        self.images_changed.emit()

    def _on_coils_changed(self, _: int) -> None:
        self.images_changed.emit()

    def _on_otherwise_toggled(self, _: bool) -> None:
        self._show_rows()

    def _on_make_clicked(self) -> None:
        self.make_requested.emit()


def _number(entry: str) -> int:
    """Return the number that an entry of the measurements begins with."""
    return int(entry.partition(" ")[0])
