"""The Reconstruct panel: method, device and mask in; progress and maps out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_mrf.data.b1_map import B1_UNITS
from napari_mrf.plugin.kit.notice import Notice
from napari_mrf.plugin.kit.option_form import OptionForm
from napari_mrf.plugin.kit.picker import NarrowRow, Picker, form_label, narrow_form
from napari_mrf.plugin.kit.section import Section
from napari_mrf.plugin.panels.reconstruct.results import ResultsPanel
from napari_mrf.plugin.panels.shared.methods import FROM_FILE as WEIGHTS_FROM_FILE
from napari_mrf.plugin.panels.shared.methods import TRAIN, MethodPicker, in_short
from napari_mrf.plugin.panels.shared.texts import (
    AUTOMATIC_MASK,
    FITTED_B1,
    progress_sentence,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_mrf.plugin.jobs import JobStatus
    from napari_mrf.reconstruction.method import MethodInfo

FROM_FILE = "from a file…"


class ReconstructPanel(QWidget):
    """View of the Reconstruct step: shows state and emits signals, without any logic.

    Signals
    -------
    method_changed, mask_changed, device_changed
        The user picked another one.
    mask_file_requested
        The user wants a mask from a file.
    b1_file_requested
        The user wants a B1 map from a file.
    run_requested
        True for the current slice only.
    cohort_requested
        The user wants to reconstruct many subjects.
    cancel_requested
        The user pressed the button.
    state_changed
        The one-line state for a section header.
    """

    method_changed = Signal(str)
    mask_changed = Signal(str)
    mask_file_requested = Signal()
    weights_file_requested = Signal()
    train_requested = Signal()
    cohort_requested = Signal()
    b1_file_requested = Signal()
    device_changed = Signal(str)
    run_requested = Signal(bool)
    cancel_requested = Signal()
    state_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.method_picker = MethodPicker()
        self.about = QLabel()
        self.mask_picker = Picker("Voxels to reconstruct: the automatic foreground, or the labeled "
                                  "voxels of a Labels layer")  # fmt: skip
        self.b1_picker = Picker("Measured B1: an Image layer on the grid of the series. B1 is then "
                                "held at its values and not fitted")  # fmt: skip
        self.b1_unit_picker = Picker("Unit of the B1 map: values around 1, or around 100")
        self.takes_b1 = False
        self.device_picker = Picker(
            "Device for the computation; automatic uses a GPU if there is one"
        )
        self.options = OptionForm()
        self.more = Section("More", self.options, is_open=False)
        self.run_button = QPushButton("Reconstruct")
        self.slice_button = QPushButton("This slice")
        self.cohort_button = QPushButton("Cohort…")
        self.cohort_button.setToolTip("Reconstruct many subjects, here or on a cluster")
        self.cancel_button = QPushButton("Cancel")
        self.progress = QProgressBar()
        self.progress_text = QLabel()
        self.needs = QLabel()
        self.notice = Notice()
        self.results = ResultsPanel()
        self._arrange()
        self._connect()
        self.set_methods((), "")
        self.set_masks([], AUTOMATIC_MASK)
        self.b1_unit_picker.fill(tuple(B1_UNITS), "relative")
        self.set_b1_maps([], FITTED_B1)
        self.set_takes_b1(False)
        self.set_devices((("auto", "automatic"),), "auto")
        self.set_needs("Load or pick a series first.")

    def _arrange(self) -> None:
        form = narrow_form()
        form.addRow(form_label("Method"), self.method_picker)
        form.addRow(self.about)
        form.addRow(form_label("Mask"), self.mask_picker)
        self.b1_row = QWidget()
        pickers = QHBoxLayout(self.b1_row)
        pickers.setContentsMargins(0, 0, 0, 0)
        pickers.setSpacing(4)
        pickers.addWidget(self.b1_picker, 2)
        pickers.addWidget(self.b1_unit_picker, 1)
        self.b1_label = form_label("B1 map")
        form.addRow(self.b1_label, self.b1_row)
        form.addRow(form_label("Device"), self.device_picker)

        self.run_button.setObjectName("mrfRun")
        self.about.setWordWrap(True)
        self.about.setObjectName("mrfAbout")
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.needs.setWordWrap(True)
        self.needs.setEnabled(False)
        self.progress.setTextVisible(True)
        self.progress_row = QWidget()
        row = QHBoxLayout(self.progress_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.progress, 1)
        row.addWidget(self.cancel_button)
        self.cancel_button.setToolTip("Stop and keep the earlier maps (Ctrl+.)")
        self.progress_text.setWordWrap(True)
        self.progress_row.hide()
        self.progress_text.hide()

        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 2, 6, 8)
        layout.setSpacing(6)
        layout.addLayout(form)
        layout.addWidget(self.more)
        layout.addLayout(NarrowRow(self.run_button, self.slice_button, self.cohort_button))
        layout.addWidget(self.needs)
        layout.addWidget(self.progress_row)
        layout.addWidget(self.progress_text)
        layout.addWidget(self.notice)
        layout.addWidget(self.results)

    def _connect(self) -> None:
        self.method_picker.activated.connect(self._on_method_activated)
        self.mask_picker.textActivated.connect(self._on_mask_activated)
        self.b1_picker.currentTextChanged.connect(self._on_b1_changed)
        self.b1_picker.textActivated.connect(self._on_b1_activated)
        self.device_picker.activated.connect(self._on_device_activated)
        self.run_button.clicked.connect(self._on_run_clicked)
        self.slice_button.clicked.connect(self._on_slice_clicked)
        self.cohort_button.clicked.connect(self._on_cohort_clicked)
        self.cancel_button.clicked.connect(self._on_cancel_clicked)

    def set_methods(self, methods: Sequence[MethodInfo], current: str, scan: str = "") -> None:
        """Offer methods under the heading of their kind, and the options of the current one."""
        self.method_picker.set_methods(methods, current, scan)
        self._show_method()

    def set_masks(self, names: Sequence[str], current: str) -> None:
        """Offer the automatic mask and the Labels layers that could be one."""
        self.mask_picker.fill([AUTOMATIC_MASK, *names, FROM_FILE], current)
        self._mask = self.mask_picker.currentText()

    def set_b1_maps(self, names: Sequence[str], current: str) -> None:
        """Offer to fit B1, and the Image layers that could be a measured map."""
        self.b1_picker.fill([FITTED_B1, *names, FROM_FILE], current)
        self._on_b1_changed(self.b1_picker.currentText())

    def set_takes_b1(self, takes: bool) -> None:
        """Show the choice of a B1 map where the method takes one."""
        self.takes_b1 = takes
        self.b1_label.setVisible(takes)
        self.b1_row.setVisible(takes)

    def set_devices(self, devices: Sequence[tuple[str, str]], current: str) -> None:
        """Offer devices, given as (name, label)."""
        combo = self.device_picker
        combo.blockSignals(True)
        combo.clear()
        for name, label in devices:
            combo.addItem(label, name)
        combo.setCurrentIndex(max(combo.findData(current), 0))
        combo.blockSignals(False)

    def set_needs(self, reason: str) -> None:
        """Say in gray what is missing; the buttons work when nothing is."""
        self.needs.setText(reason)
        self.needs.setVisible(bool(reason))
        for button, tip in (
            (self.run_button, "Compute the maps of the whole series (Ctrl+R)"),
            (self.slice_button, "Compute only the slice in view, as a quick preview"),
        ):
            button.setEnabled(not reason)
            button.setToolTip(reason or tip)

    def set_status(self, status: JobStatus) -> None:
        """Show the progress of a run."""
        self.progress_row.setVisible(status.is_running)
        self.progress_text.setVisible(status.is_running)
        if not status.is_running:
            return
        self.notice.clear()
        self.progress.setRange(0, status.total)
        self.progress.setValue(status.done)
        text = progress_sentence(status)
        self.progress_text.setText(text)
        self.state_changed.emit(text)

    def current_method(self) -> str:
        """Return the name of the chosen method, empty when there is none."""
        return self.method_picker.currentData() or ""

    def current_needs(self) -> str:
        """Return what the chosen method needs before it can run, empty when it is ready."""
        info = self.method_picker.info()
        return "" if info is None else info.needs

    def current_device(self) -> str:
        """Return the name of the chosen device."""
        return self.device_picker.currentData() or "auto"

    def choose(self, method: str, device: str) -> None:
        """Pick a method and a device where they are offered."""
        for picker, name in ((self.method_picker, method), (self.device_picker, device)):
            index = picker.findData(name) if name else -1
            if index >= 0:
                picker.setCurrentIndex(index)
        self._show_method()

    def _show_method(self) -> None:
        info = self.method_picker.info()
        self._method = self.current_method()
        self.about.setText("" if info is None else in_short(info))
        self.about.setVisible(info is not None)
        self.options.set_options(info.options if info is not None else ())
        self.more.setVisible(info is not None and bool(info.options))

    def _on_method_activated(self, _: int) -> None:
        chosen = self.method_picker.currentData()
        if chosen in (WEIGHTS_FROM_FILE, TRAIN):
            self.choose(self._method, "")
            asked = self.weights_file_requested if chosen != TRAIN else self.train_requested
            asked.emit()
            return
        self._show_method()
        self.method_changed.emit(self.current_method())

    def _on_mask_activated(self, name: str) -> None:
        if name == FROM_FILE:
            # An entry that does something is no choice: the former one stays until it has.
            self.mask_picker.setCurrentText(self._mask)
            self.mask_file_requested.emit()
        else:
            self._mask = name
            self.mask_changed.emit(name)

    def _on_b1_changed(self, name: str) -> None:
        if name != FROM_FILE:
            self._b1 = name
        self.b1_unit_picker.setVisible(self._b1 != FITTED_B1)

    def _on_b1_activated(self, name: str) -> None:
        if name == FROM_FILE:
            self.b1_picker.setCurrentText(self._b1)
            self.b1_file_requested.emit()

    def _on_device_activated(self, _: int) -> None:
        self.device_changed.emit(self.current_device())

    def _on_run_clicked(self) -> None:
        self.run_requested.emit(False)

    def _on_slice_clicked(self) -> None:
        self.run_requested.emit(True)

    def _on_cohort_clicked(self) -> None:
        self.cohort_requested.emit()

    def _on_cancel_clicked(self) -> None:
        self.cancel_requested.emit()
