"""The Series panel: the loaded series, its sequence, and the displayed component."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QLabel,
    QPushButton,
    QRadioButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.plugin.kit.notice import Notice
from napari_mrf.plugin.kit.picker import NarrowRow, Picker, form_label, narrow_form
from napari_mrf.plugin.kit.progress_row import ProgressRow
from napari_mrf.plugin.layers.closeup.mean_view import MEAN
from napari_mrf.plugin.layers.component_view import COMPONENTS
from napari_mrf.plugin.panels.series.raw_view import RawView
from napari_mrf.plugin.panels.shared.job_row import JobRow
from napari_mrf.plugin.panels.shared.texts import progress_sentence
from napari_mrf.plugin.present import present

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_mrf.data.sequence import Sequence as PulseSequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.jobs import JobStatus
    from napari_mrf.plugin.viewer.raw.work import RawFile


NO_SEQUENCE = "pick a sequence"
NO_LAYER = "none"
_OPEN_TIP = (
    "Open a series (NIfTI, NumPy, HDF5 or MATLAB) or a raw file of the scanner (ISMRMRD, Siemens "
    "twix, arrays, BART)"
)
_MEAN_TIP = (
    "Show the mean magnitude over all frames, where single frames are streaks. It is a picture "
    "only: panels and methods use the complex images."
)


class SeriesPanel(QWidget):
    """View of the Series step: shows state and emits signals, without any logic.

    Signals
    -------
    layer_changed, sequence_changed, component_changed
        The user picked a layer, a sequence (by name) or a component.
    show_requested
        The user wants to see the series, which is hidden.
    open_requested, sequence_file_requested, average_requested, cancel_requested, save_requested
        The user pressed the button.
    state_changed
        The one-line state for a section header.
    """

    layer_changed = Signal(str)
    sequence_changed = Signal(str)
    component_changed = Signal(str)
    show_requested = Signal()
    open_requested = Signal()
    sequence_file_requested = Signal()
    average_requested = Signal()
    cancel_requested = Signal()
    save_requested = Signal()
    state_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.layer_picker = Picker("The series that all panels use")
        self.open_button = QPushButton("Open…")
        self.open_button.setToolTip(_OPEN_TIP)
        self.sequence_picker = Picker(
            "The pulse sequence of the scan; methods and maps depend on it"
        )
        self.sequence_button = QPushButton("⋯")
        self.sequence_button.setFixedWidth(34)
        self.sequence_button.setToolTip(
            "Load a sequence from a JSON file, a CSV file with the columns FA, TE, TR, or a Pulseq "
            "file (.seq)"
        )
        self.components = QButtonGroup(self)
        self.facts = narrow_form(spacing=2)
        self.notice = Notice()
        self.warnings = Notice(stays=True)
        self.hidden = Notice()
        self.hidden.cure_button.setToolTip("Show the layer of the series again")
        self.progress_row = ProgressRow()
        self.save_button = QPushButton("Save images…")
        self.save_button.setToolTip("Write the images to a file, as a series to open again")
        self.saving = JobRow()
        self.raw = RawView()
        self._fact_labels: dict[str, QLabel] = {}
        self._arrange()
        self._connect()
        self.set_layers([], "")
        self.set_sequences([], "")
        self.set_facts([])

    def _arrange(self) -> None:
        self.shown = QWidget()
        shown = NarrowRow()
        self.shown.setLayout(shown)
        for at, component in enumerate((*COMPONENTS, MEAN)):
            button = QRadioButton(component)
            button.setToolTip(
                _MEAN_TIP if component == MEAN else f"Show the {component} of the complex images"
            )
            self.components.addButton(button, at)
            shown.addWidget(button)
        present(self.components.button(0)).setChecked(True)

        form = narrow_form()
        form.addRow(form_label("Layer"), NarrowRow(self.layer_picker, self.open_button))
        form.addRow(form_label("Sequence"),
                    NarrowRow(self.sequence_picker, self.sequence_button))  # fmt: skip
        self.shown_label = form_label("Show")
        form.addRow(self.shown_label, self.shown)

        self.facts.setContentsMargins(0, 2, 0, 0)
        self.progress_row.bar.setTextVisible(False)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 2, 6, 8)
        layout.setSpacing(6)
        layout.addLayout(form)
        layout.addLayout(self.facts)
        layout.addWidget(self.save_button, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self.saving)
        layout.addWidget(self.raw)
        layout.addWidget(self.raw.progress_row)
        layout.addWidget(self.progress_row)
        layout.addWidget(self.hidden)
        layout.addWidget(self.notice)
        layout.addWidget(self.warnings)

    def _connect(self) -> None:
        self.layer_picker.textActivated.connect(self.layer_changed)
        self.sequence_picker.textActivated.connect(self.sequence_changed)
        self.components.buttonClicked.connect(self._on_component_clicked)
        self.open_button.clicked.connect(self._on_open_clicked)
        self.sequence_button.clicked.connect(self._on_sequence_button_clicked)
        self.notice.cure_requested.connect(self.average_requested)
        self.hidden.cure_requested.connect(self.show_requested)
        self.progress_row.cancel_requested.connect(self.cancel_requested)
        self.save_button.clicked.connect(self._on_save_clicked)

    def set_layers(self, names: Sequence[str], current: str, *, is_raw: bool = False) -> None:
        """Offer the series layers and raw files; the rest of the panel needs a current one."""
        self.layer_picker.fill(names if current else [NO_LAYER, *names], current or NO_LAYER)
        has_series = bool(current)
        self.layer_picker.setEnabled(bool(names))
        self.sequence_picker.setEnabled(has_series)
        self.sequence_button.setEnabled(has_series)
        for button in self.components.buttons():
            button.setEnabled(has_series and not is_raw)
        for widget in (self.shown_label, self.shown):
            widget.setVisible(not is_raw)
        if not has_series:
            self.notice.say("Open a series here, drop one on the window, or try "
                            "File > Open Sample.", kind="note")  # fmt: skip
            self.state_changed.emit("open a series")

    def set_sequences(self, titles: Iterable[str], current: str) -> None:
        """Offer sequences; an empty current one asks for a choice."""
        titles = list(titles)
        self.sequence_picker.fill(titles if current else [NO_SEQUENCE, *titles],
             current or NO_SEQUENCE)  # fmt: skip

    def set_component(self, component: str) -> None:
        """Mark which part of the complex images is shown."""
        for button in self.components.buttons():
            button.setChecked(button.text() == component)

    def set_facts(self, facts: Sequence[tuple[str, str, str]]) -> None:
        """Tell about the series in rows of name, value and tooltip."""
        while self.facts.rowCount():
            self.facts.removeRow(0)
        for name, value, tooltip in facts:
            label = QLabel(value)
            label.setWordWrap(True)
            label.setToolTip(tooltip)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
            title = form_label(name)
            title.setEnabled(False)
            self.facts.addRow(title, label)

    def set_savable(self, is_savable: bool) -> None:
        """Offer to save the series, where it was made here."""
        self.save_button.setVisible(is_savable)

    def set_warnings(self, sentences: Sequence[str]) -> None:
        """Show the warnings of the reader."""
        if sentences:
            self.warnings.say("\n".join(sentences))
        else:
            self.warnings.clear()

    def set_problem(self, sentence: str, cure: str = "") -> None:
        """Show a problem, with a button if one click is the cure."""
        if sentence:
            self.notice.say(sentence, cure=cure)
        else:
            self.notice.clear()

    def set_hidden(self, name: str) -> None:
        """Say that the series of that name is hidden; empty if it is not."""
        if name:
            self.hidden.say(f"{name} is hidden.", kind="note", cure="Show")
        else:
            self.hidden.clear()

    def set_opening(self, status: JobStatus) -> None:
        """Show the progress of a file being opened."""
        self.progress_row.show_status(status, progress_sentence(status))
        self.open_button.setEnabled(not status.is_running)
        self.open_button.setToolTip("Wait until the other file is open" if status.is_running
                                    else _OPEN_TIP)  # fmt: skip
        if status.is_running:
            self.notice.clear()
            self.state_changed.emit(status.title)

    def set_making(self, status: JobStatus) -> None:
        """Show the progress of the images of a raw file in the header."""
        if status.is_running:
            self.notice.clear()
            self.state_changed.emit(progress_sentence(status))

    def _on_component_clicked(self, button: QRadioButton) -> None:
        self.component_changed.emit(button.text())

    def _on_open_clicked(self) -> None:
        self.open_requested.emit()

    def _on_sequence_button_clicked(self) -> None:
        self.sequence_file_requested.emit()

    def _on_save_clicked(self) -> None:
        self.save_requested.emit()


_PLANES = {"IS": "axial", "SI": "axial", "PA": "coronal", "AP": "coronal", "LR": "sagittal",
           "RL": "sagittal"}  # fmt: skip


def one_line(name: str, series: MRFSeries) -> str:
    """Return ``"thigh · MRF T1-FF · 175 frames · 1 × 350 × 350"``."""
    grid = " × ".join(str(n) for n in series.spatial_shape)
    sequence = series.sequence.name if series.sequence is not None else "no sequence"
    return f"{name} · {sequence} · {series.n_frames} frames · {grid}"


def one_line_of_raw(file: RawFile) -> str:
    """Return ``"scan.h5 · raw file · MRF T1-FF · 1 slice · 1400 readouts · 8 coils"``."""
    raw, sequence = file.raw, file.sequence
    if raw is None:
        return f"{file.path.name} · raw file · say how to read it"
    slices = "1 slice" if raw.n_slices == 1 else f"{raw.n_slices} slices"
    named = "no sequence" if sequence is None else sequence.name
    return (f"{file.path.name} · raw file · {named} · {slices} · {raw.n_readouts} readouts · "
            f"{raw.n_coils} coils")  # fmt: skip


def facts_of(series: MRFSeries) -> list[tuple[str, str, str]]:
    """Return rows of name, value and tooltip."""
    z, y, x = series.spatial_shape
    slices = "1 slice" if z == 1 else f"{z} slices"
    rows = [
        ("Frames", str(series.n_frames), "Images over time: the length of a fingerprint"),
        ("Grid", f"{slices} · {y} × {x}", "Slices, rows and columns as they are in the file"),
    ]
    sizes = series.voxel_sizes_mm
    if sizes is None:
        rows.append(("Voxel", "size unknown", "The file has no usable geometry: volumes in ml are "
                     "not available, and left and right are not known"))  # fmt: skip
    else:
        plane = _PLANES["".join(DisplayOrientation.from_affine(series.affine).letters[0])]
        z_mm, y_mm, x_mm = sizes
        rows.append(("Voxel", f"{x_mm:.3g} × {y_mm:.3g} × {z_mm:.3g} mm · {plane}",
                     "Voxel size x × y × z, and the plane of the slices. The patient is shown "
                     "upright, with the right side on the left of the screen"))  # fmt: skip
    if series.source_path:
        rows.append(("File", Path(series.source_path).name, series.source_path))
    n_bytes = series.signal.dtype.itemsize
    for n in series.signal.shape:
        n_bytes *= int(n)
    where = "on demand" if series.is_lazy else "in memory"
    rows.append(("Signal", f"{_size(n_bytes)} · {where}",
                 f"Size of the uncompressed complex images ({series.signal.dtype}); on demand "
                 "means that they are read from disk when needed"))  # fmt: skip
    return rows


def _size(n_bytes: int) -> str:
    value = float(n_bytes)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} GB"


def spokes_question(series: MRFSeries, sequence: PulseSequence) -> str:
    """Return the question for a series with one image per pulse instead of one per frame."""
    found, expected, spokes = series.n_frames, sequence.n_frames, sequence.pulses_per_frame
    overlap = sequence.pulses_between_frames is not None
    start = "Is" if overlap else f"{found} / {expected} = {spokes}: is"
    return (
        f"The series has {found} frames, {sequence.name} has {expected}. "
        f"{start} this the unaveraged spoke series?"
    )
