"""The results of the Compare panel: metrics, plots, agreement, error maps, export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_mrf.analysis.images.error_maps import ERROR_KINDS
from napari_mrf.plugin.kit.data_table import DataTable
from napari_mrf.plugin.kit.picker import NarrowRow, Picker, form_label, narrow_form
from napari_mrf.plugin.kit.plot_legend import PlotLegend
from napari_mrf.plugin.kit.section import Section
from napari_mrf.plugin.panels.compare.inclusion import CompareInclusion
from napari_mrf.plugin.panels.compare.plot import KINDS, ComparePlot
from napari_mrf.plugin.panels.shared.figure_export import FigureButton
from napari_mrf.plugin.panels.shared.job_row import JobRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from napari_mrf.plugin.kit.data_table import Column
    from napari_mrf.plugin.kit.plot_legend import LegendEntry

REGIONS_TAB = "regions"
_TABS = {
    "scatter": (
        "Scatter",
        "Test against reference, with the identity line (dotted) and the regression line",
    ),
    "bland-altman": ("Bland-Altman", "Difference over mean, with bias and limits of agreement"),
    "blurriness": ("Blur", "Energy in the high spatial frequencies; less energy means more blur"),
    REGIONS_TAB: ("Table", "The means of the regions"),
}


class CompareResults(QWidget):
    """View of the results: shows state and emits signals; hidden without a comparison.

    Signals
    -------
    map_changed
        The user clicked the row of a map; its row.
    view_changed
        The user changed the plot.
    error_requested
        The user wants the error map.
    report_requested, csv_requested, excel_requested
        The user pressed the button.
    """

    map_changed = Signal(int)
    view_changed = Signal()
    error_requested = Signal()
    report_requested = Signal()
    csv_requested = Signal()
    excel_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.maps = DataTable("metrics")
        self.definitions = QLabel()
        self.definitions.setWordWrap(True)
        self.definitions.setTextFormat(Qt.TextFormat.PlainText)
        self.definitions.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.definitions.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.meaning = Section("Definitions", self.definitions, is_open=False)
        # Buttons, since a tab bar has one row: in a narrow dock with large letters it cuts texts.
        self.tabs = {kind: QPushButton(title) for kind, (title, _) in _TABS.items()}
        self._tab_group = QButtonGroup(self)
        for kind, button in self.tabs.items():
            button.setCheckable(True)
            button.setToolTip(_TABS[kind][1])
            self._tab_group.addButton(button)
        self.tabs["scatter"].setChecked(True)
        self.plot = ComparePlot()
        self.points = DataTable("regions")
        self.legend = PlotLegend()
        self.plot.legend_changed.connect(self._on_legend_changed)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.plot)
        self.stack.addWidget(self.points)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setEnabled(False)
        self.by_slice = QCheckBox("Count slices separately")
        self.by_slice.setToolTip(
            "Every slice of a region is one value; otherwise the whole region is one value"
        )
        self.statistics = DataTable("agreement")
        self.inclusion = CompareInclusion()
        self.error_picker = Picker("Kind of error map")
        for at, (name, error) in enumerate(ERROR_KINDS.items()):
            self.error_picker.addItem(name, name)
            self.error_picker.setItemData(at, error.definition, Qt.ItemDataRole.ToolTipRole)
        self.regions_only = QCheckBox("Only in the regions")
        self.regions_only.setToolTip("Show the error inside the checked regions only")
        self.error_button = QPushButton("Show")
        self.error_button.setToolTip("Add the error of this map as a layer")
        self.report_button = QPushButton("Report…")
        self.report_button.setToolTip("Write one HTML file that opens offline, and a PDF")
        self.csv_button = QPushButton("CSV…")
        self.csv_button.setToolTip(
            "Write metrics, regions, inclusion, outliers, agreement, lines and blurriness as CSV "
            "files"
        )
        self.excel_button = QPushButton("Excel…")
        self.excel_button.setToolTip("Write the same tables as sheets of one file")
        self.figure_button = FigureButton()
        self._arrange()
        self._connect()
        self.hide()

    def _arrange(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.maps)
        layout.addWidget(self.meaning)
        layout.addLayout(NarrowRow(*self.tabs.values()))
        for widget in (self.stack, self.legend, self.note, self.by_slice, self.statistics,
                       self.inclusion):  # fmt: skip
            layout.addWidget(widget)
        form = narrow_form()
        form.addRow(form_label("Error map"), NarrowRow(self.error_picker, self.error_button))
        form.addRow(form_label(""), self.regions_only)
        form.setContentsMargins(0, 0, 0, 0)
        self.errors = QWidget()
        self.errors.setLayout(form)
        layout.addWidget(self.errors)
        layout.addLayout(NarrowRow(self.report_button, self.figure_button, self.csv_button,
                                   self.excel_button))  # fmt: skip
        self.writing_row = JobRow()
        layout.addWidget(self.writing_row)

    def _connect(self) -> None:
        self.maps.row_clicked.connect(self.map_changed)
        self._tab_group.buttonToggled.connect(self._on_tab_toggled)
        self.by_slice.clicked.connect(self._on_view_changed)
        self.error_button.clicked.connect(self._on_error_clicked)
        self.report_button.clicked.connect(self._on_report_clicked)
        self.csv_button.clicked.connect(self._on_csv_clicked)
        self.excel_button.clicked.connect(self._on_excel_clicked)
        self._show_tab()

    def set_metrics(self, table: pd.DataFrame, columns: Sequence[Column]) -> None:
        """Show the metrics, one row per map, with all rows visible."""
        self.maps.set_table(table, columns)
        self.maps.fit_rows()

    def set_statistics(self, table: pd.DataFrame, columns: Sequence[Column]) -> None:
        """Show the agreement, one row per statistic; a scroll bar would cover the intervals."""
        self.statistics.set_table(table, columns)
        self.statistics.fit_rows()

    def tab(self) -> str:
        """Return the open tab: a kind of plot, or `REGIONS_TAB`."""
        return next(kind for kind, button in self.tabs.items() if button.isChecked())

    def set_tab(self, kind: str) -> None:
        """Open a tab; an unknown kind is ignored."""
        if kind in self.tabs:
            self.tabs[kind].setChecked(True)

    def set_note(self, text: str) -> None:
        """Explain in gray the plot or table above."""
        self.note.setText(text)
        self.note.setVisible(bool(text))

    def error_kind(self) -> str:
        """Return the kind of error map."""
        return str(self.error_picker.currentData())

    def set_has_regions(self, has_regions: bool) -> None:
        """Hide what needs regions if there are none."""
        for widget in (self.by_slice, self.statistics, self.inclusion, self.regions_only):
            widget.setVisible(has_regions)

    def set_in_view(self, is_in_view: bool) -> None:
        """Hide what acts on maps in the viewer if the maps are not open."""
        self.errors.setVisible(is_in_view)

    def set_writing(self, is_writing: bool) -> None:
        """Keep the buttons from being pressed twice."""
        for button in (self.report_button, self.csv_button, self.excel_button):
            button.setEnabled(not is_writing)

    def _show_tab(self) -> None:
        kind = self.tab()
        self.stack.setCurrentWidget(self.plot if kind in KINDS else self.points)
        self._show_legend()

    def _show_legend(self) -> None:
        self.legend.setVisible(self.tab() in KINDS and bool(self.legend.entries()))

    def _on_legend_changed(self, entries: tuple[LegendEntry, ...]) -> None:
        self.legend.set_entries(entries)
        self._show_legend()

    def _on_tab_toggled(self, _: object, is_open: bool) -> None:
        if is_open:
            self._show_tab()
            self.view_changed.emit()

    def _on_view_changed(self, *_: object) -> None:
        self.view_changed.emit()

    def _on_error_clicked(self) -> None:
        self.error_requested.emit()

    def _on_report_clicked(self) -> None:
        self.report_requested.emit()

    def _on_csv_clicked(self) -> None:
        self.csv_requested.emit()

    def _on_excel_clicked(self) -> None:
        self.excel_requested.emit()
