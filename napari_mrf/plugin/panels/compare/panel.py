"""The Compare panel: metrics, plots, error maps and a report for two sets of maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_mrf.plugin.kit.notice import Notice
from napari_mrf.plugin.kit.picker import NarrowRow, Picker, form_label, narrow_form
from napari_mrf.plugin.kit.progress_row import ProgressRow
from napari_mrf.plugin.kit.scrolling import bring_into_view
from napari_mrf.plugin.panels.compare.regions import CompareRegions
from napari_mrf.plugin.panels.compare.results_view import CompareResults
from napari_mrf.plugin.panels.compare.statistics_form import StatisticsForm
from napari_mrf.plugin.panels.shared.region_rules import RegionRules
from napari_mrf.plugin.panels.shared.texts import KNOWN_TRUTH as TRUTH
from napari_mrf.plugin.panels.shared.texts import piece_sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_mrf.plugin.jobs import JobStatus

FROM_FOLDER = "from a folder…"
SIDES = ("reference", "test")


class ComparePanel(QWidget):
    """View of the Compare step: shows state and emits signals, without any logic.

    Signals
    -------
    side_picked
        The user picked another set for ``"reference"`` or ``"test"``.
    folder_requested, truth_requested
        The user wants maps from a folder, or the known truth, for ``"reference"`` or ``"test"``.
    cohort_requested, visits_requested
        The user wants to compare folders of subjects, or two visits of the window.
    swap_requested, run_requested, cancel_requested
        The user pressed the button.
    state_changed
        The one-line state for a section header.
    """

    side_picked = Signal(str)
    folder_requested = Signal(str)
    truth_requested = Signal(str)
    cohort_requested = Signal()
    visits_requested = Signal()
    swap_requested = Signal()
    run_requested = Signal()
    cancel_requested = Signal()
    state_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.pickers = {
            "reference": Picker("The reference maps; differences are reference minus test"),
            "test": Picker("The maps that are compared with the reference"),
        }  # fmt: skip
        self._picked = dict.fromkeys(SIDES, "")
        self.rules = RegionRules()
        self.statistics = StatisticsForm()
        self.run_button = QPushButton("Compare")
        self.run_button.setObjectName("mrfRun")
        self.swap_button = QPushButton("Swap")
        self.cohort_button = QPushButton("Several subjects…")
        self.cohort_button.setToolTip("Compare folders with several subjects, and write one report")
        self.visits_button = QPushButton("Two visits…")
        self.visits_button.setToolTip(
            "Tell what has changed in each region between two scans of this window, such as a "
            "scan and its follow-up"
        )
        self.progress_row = ProgressRow("Stop and keep the earlier comparison")
        self.needs = QLabel()
        self.needs.setWordWrap(True)
        self.needs.setEnabled(False)
        self.notice = Notice()
        self.regions = CompareRegions()
        self.results = CompareResults()
        self._arrange()
        for side, picker in self.pickers.items():
            picker.textActivated.connect(
                self._on_reference_activated if side == "reference" else self._on_test_activated
            )
        self.run_button.clicked.connect(self._on_run_clicked)
        self.swap_button.clicked.connect(self._on_swap_clicked)
        self.cohort_button.clicked.connect(self._on_cohort_clicked)
        self.visits_button.clicked.connect(self._on_visits_clicked)
        self.progress_row.cancel_requested.connect(self.cancel_requested)
        self.set_sets([], "", "", has_truth=False)
        self.set_needs("Reconstruct the series first, or pick maps from a folder.")

    def _arrange(self) -> None:
        form = narrow_form()
        form.addRow(form_label("Reference"), self.pickers["reference"])
        form.addRow(form_label("Test"), self.pickers["test"])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 2, 6, 8)
        layout.setSpacing(6)
        layout.addLayout(form)
        layout.addWidget(self.rules)
        layout.addWidget(self.statistics)
        layout.addLayout(NarrowRow(self.run_button, self.swap_button))
        layout.addLayout(NarrowRow(self.visits_button, self.cohort_button))
        for widget in (self.needs, self.progress_row, self.notice, self.regions, self.results):
            layout.addWidget(widget)

    def set_sets(self, names: Sequence[str], reference: str, test: str, *, has_truth: bool) -> None:
        """Offer the sets of maps, and where more come from."""
        more = [*([TRUTH] if has_truth else []), FROM_FOLDER]
        for side, current in (("reference", reference), ("test", test)):
            known = current if current in names else ""
            picker = self.pickers[side]
            picker.fill([*([] if known else [""]), *names, *more], known)
            self._picked[side] = known

    def current(self, side: str) -> str:
        """Return the name of the set on a side, empty when there is none."""
        return self._picked[side]

    def set_needs(self, reason: str) -> None:
        """Say in gray what is missing; the button works when nothing is."""
        self.needs.setText(reason)
        self.needs.setVisible(bool(reason))
        self.run_button.setEnabled(not reason)
        self.run_button.setToolTip(reason or "Compare voxel by voxel and region by region")
        self.swap_button.setEnabled(any(self._picked.values()))
        self.swap_button.setToolTip("Exchange reference and test")

    def set_status(self, status: JobStatus) -> None:
        """Show the progress of a comparison."""
        text = piece_sentence(status)
        self.progress_row.show_status(status, text)
        self.cohort_button.setEnabled(not status.is_running)
        if status.is_running:
            self.notice.clear()
            self.state_changed.emit(text)

    def _on_reference_activated(self, name: str) -> None:
        self._on_activated("reference", name)

    def _on_test_activated(self, name: str) -> None:
        self._on_activated("test", name)

    def _on_activated(self, side: str, name: str) -> None:
        if name in (FROM_FOLDER, TRUTH):
            # An entry that does something is no choice: the former one stays until it has.
            self.pickers[side].setCurrentText(self._picked[side])
            (self.truth_requested if name == TRUTH else self.folder_requested).emit(side)
        else:
            self._picked[side] = name
            self.side_picked.emit(side)

    def _on_run_clicked(self) -> None:
        self.run_requested.emit()
        bring_into_view(self.progress_row)

    def _on_cohort_clicked(self) -> None:
        self.cohort_requested.emit()

    def _on_visits_clicked(self) -> None:
        self.visits_requested.emit()

    def _on_swap_clicked(self) -> None:
        self.swap_requested.emit()
