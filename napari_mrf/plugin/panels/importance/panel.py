"""The Importance panel: importance of each frame for each map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_mrf.plugin.kit.notice import Notice
from napari_mrf.plugin.kit.option_form import OptionForm
from napari_mrf.plugin.kit.picker import NarrowRow, Picker, form_label, narrow_form
from napari_mrf.plugin.kit.progress_row import ProgressRow
from napari_mrf.plugin.kit.scrolling import bring_into_view
from napari_mrf.plugin.kit.section import Section
from napari_mrf.plugin.panels.importance.plot import ImportancePlot
from napari_mrf.plugin.panels.importance.work import SETTINGS
from napari_mrf.plugin.panels.shared.job_row import JobRow
from napari_mrf.plugin.panels.shared.texts import AUTOMATIC_MASK, NO_TRUTH, progress_sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_mrf.plugin.jobs import JobStatus
    from napari_mrf.reconstruction.method import MethodInfo


class ImportancePanel(QWidget):
    """View of the Importance step: shows state and emits signals, without any logic.

    Signals
    -------
    method_changed
        The user picked another method.
    run_requested, cancel_requested, layer_requested, save_requested
        The user pressed the button.
    view_changed
        The user picked another map, or switched the line of Fisher information.
    frame_clicked
        The user clicked a frame in the plot.
    state_changed
        The one-line state for a section header.
    """

    method_changed = Signal(str)
    run_requested = Signal()
    cancel_requested = Signal()
    view_changed = Signal()
    layer_requested = Signal()
    save_requested = Signal()
    frame_clicked = Signal(int)
    state_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.method_picker = Picker("The method for which the importance of the frames is measured")
        self.mask_picker = Picker("Voxels that are used: the automatic foreground, or the labeled "
                                  "voxels of a Labels layer")  # fmt: skip
        self.truth_picker = Picker("True maps as the reference. Without them, changes are measured "
                                   "from the maps of the unchanged series.")  # fmt: skip
        self.settings, self.options = OptionForm(), OptionForm()
        self.settings.set_options(SETTINGS)
        self.run_button = QPushButton("Measure importance")
        self.progress_row = ProgressRow("Stop and keep the results so far")
        self.needs, self.notice = QLabel(), Notice()
        self.map_picker = Picker("The map whose frames are shown")
        self.fisher_box = QCheckBox("Fisher information")
        self.plot = ImportancePlot()
        self.frame_text = QLabel()
        self.layer_button = QPushButton("Show as layer")
        self.save_button = QPushButton("Save…")
        self._arrange()
        self._connect()
        self.set_methods((), "")
        self.set_masks([], AUTOMATIC_MASK)
        self.set_truths([], NO_TRUTH)
        self.set_needs("Load or pick a series first.")
        self.set_maps([], "")

    def _arrange(self) -> None:
        form = narrow_form()
        form.addRow(form_label("Method"), self.method_picker)
        form.addRow(form_label("Mask"), self.mask_picker)
        form.addRow(form_label("Truth"), self.truth_picker)
        self._of_method = QLabel("Options of the method")
        self._of_method.setEnabled(False)
        self._of_method.setContentsMargins(18, 4, 0, 0)
        more = QWidget()
        column = QVBoxLayout(more)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.settings)
        column.addWidget(self._of_method)
        column.addWidget(self.options)
        self.more = Section("More", more, is_open=False)

        self.run_button.setObjectName("mrfMeasure")
        self.needs.setWordWrap(True)
        self.needs.setEnabled(False)
        self.fisher_box.setChecked(True)
        self.fisher_box.setToolTip(
            "The line: the share of each frame in the Fisher information of the map. It tells "
            "what the frame could contribute; the bars tell what the method uses."
        )
        self.frame_text.setWordWrap(True)
        self.frame_text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.layer_button.setToolTip("Add the absolute change of the map in every voxel; the layer "
                                     "follows the frame slider")  # fmt: skip
        self.save_button.setToolTip("Write a CSV table, the figure (SVG, PDF, PNG), the change of "
                                    "this map in every voxel (NIfTI), and a record")  # fmt: skip
        self.results = QWidget()
        results = QVBoxLayout(self.results)
        results.setContentsMargins(0, 0, 0, 0)
        results.setSpacing(6)
        results.addLayout(NarrowRow(self.map_picker, self.fisher_box))
        results.addWidget(self.plot)
        results.addWidget(self.frame_text)
        results.addLayout(NarrowRow(self.layer_button, self.save_button))
        self.saving_row = JobRow()
        results.addWidget(self.saving_row)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 2, 6, 8)
        layout.setSpacing(6)
        layout.addLayout(form)
        for widget in (self.more, self.run_button, self.needs, self.progress_row, self.notice,
                       self.results):  # fmt: skip
            layout.addWidget(widget)

    def _connect(self) -> None:
        self.method_picker.activated.connect(self._on_method_activated)
        self.run_button.clicked.connect(self._on_run_clicked)
        self.progress_row.cancel_requested.connect(self.cancel_requested)
        self.map_picker.activated.connect(self._on_view_changed)
        self.fisher_box.clicked.connect(self._on_view_changed)
        self.layer_button.clicked.connect(self._on_layer_clicked)
        self.save_button.clicked.connect(self._on_save_clicked)
        self.plot.frame_clicked.connect(self.frame_clicked)

    def set_methods(self, methods: Sequence[MethodInfo], current: str) -> None:
        """Offer methods, and the options of the current one."""
        self._methods = {info.name: info for info in methods}
        combo = self.method_picker
        combo.blockSignals(True)
        combo.clear()
        for info in methods:
            combo.addItem(f"{info.shown_name} — {info.title}", info.name)
        if not methods:
            combo.addItem("none yet", None)
        combo.setCurrentIndex(max(combo.findData(current), 0))
        combo.setEnabled(bool(methods))
        combo.blockSignals(False)
        self._show_options()

    def choose_method(self, name: str) -> None:
        """Pick a method as the user would; an unknown name is ignored."""
        at = self.method_picker.findData(name)
        if name and at >= 0:
            self.method_picker.setCurrentIndex(at)
            self._show_options()

    def set_masks(self, names: Sequence[str], current: str) -> None:
        """Offer the automatic mask and the Labels layers that could be one."""
        self.mask_picker.fill([AUTOMATIC_MASK, *names], current)

    def set_truths(self, names: Sequence[str], current: str) -> None:
        """Offer sets of maps as the truth."""
        self.truth_picker.fill([NO_TRUTH, *names], current)

    def set_frame_text(self, text: str) -> None:
        """Tell of a frame; its room never shrinks, so that the plot keeps its size and place."""
        label = self.frame_text
        label.setText(text)
        if label.isVisible():
            needed = label.heightForWidth(label.width())
            label.setMinimumHeight(max(needed, label.minimumHeight()))

    def set_maps(self, keys: Sequence[str], current: str) -> None:
        """Offer the maps of a result; the results are hidden without maps."""
        self.map_picker.fill(list(keys), current)
        self.results.setVisible(bool(keys))

    def set_needs(self, reason: str) -> None:
        """Say in gray what is missing; the button works when nothing is."""
        self.needs.setText(reason)
        self.needs.setVisible(bool(reason))
        self.run_button.setEnabled(not reason)
        self.run_button.setToolTip(
            reason or "Permute one frame after another and reconstruct each time"
        )

    def set_status(self, status: JobStatus) -> None:
        """Show the progress of a run."""
        text = progress_sentence(status)
        self.progress_row.show_status(status, text)
        if status.is_running:
            self.notice.clear()
            self.state_changed.emit(text)

    def set_saving(self, is_saving: bool) -> None:
        """Disable the button while a file is being saved."""
        self.save_button.setEnabled(not is_saving)

    def current_method(self) -> str:
        """Return the name of the chosen method, empty when there is none."""
        return self.method_picker.currentData() or ""

    def current_map(self) -> str:
        """Return the key of the map that is shown, empty without a result."""
        return self.map_picker.currentText()

    def _show_options(self) -> None:
        info = self._methods.get(self.current_method())
        self.options.set_options(info.options if info is not None else ())
        self.options.setVisible(info is not None and bool(info.options))
        self._of_method.setVisible(not self.options.isHidden())

    def _on_method_activated(self, _: int) -> None:
        self._show_options()
        self.method_changed.emit(self.current_method())

    def _on_run_clicked(self) -> None:
        self.run_requested.emit()
        bring_into_view(self.progress_row)

    def _on_view_changed(self, *_: object) -> None:
        self.view_changed.emit()

    def _on_layer_clicked(self) -> None:
        self.layer_requested.emit()

    def _on_save_clicked(self) -> None:
        self.save_requested.emit()
