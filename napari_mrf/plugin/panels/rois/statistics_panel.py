"""The statistics of the ROIs panel: choice of maps and voxels, and the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_mrf.plugin.kit.data_table import DataTable
from napari_mrf.plugin.kit.picker import NarrowRow, Picker, form_label, narrow_form
from napari_mrf.plugin.panels.rois.statistics_table import ALL_MAPS
from napari_mrf.plugin.panels.shared.region_rules import RegionRules

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAST_ROWS = 8


class RoisStatisticsPanel(QWidget):
    """View of the statistics: shows state and emits signals, without any logic.

    Signals
    -------
    maps_changed
        The user picked another set of maps.
    options_changed
        The user changed the choice of voxels.
    view_changed
        The user changed the content of the table.
    window_requested
        The user wants the table in a dock of its own.
    """

    maps_changed = Signal(str)
    options_changed = Signal()
    view_changed = Signal()
    window_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.maps_picker = Picker("The maps to measure")
        self.view_picker = Picker("Content of the table: the means of all maps, or all statistics "
                                  "of one map")  # fmt: skip
        self.per_slice = QCheckBox("Slices")
        self.per_slice.setToolTip("Add a row for every slice below the row of the whole region")
        self.validity = QCheckBox("Valid voxels only")
        self.rules = RegionRules(", slice by slice. The volume is that of the whole region")
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.state.setEnabled(False)
        self.table = DataTable("rois", least_rows=_LEAST_ROWS)
        self.csv_button = QPushButton("CSV…")
        self.csv_button.setToolTip("Write all statistics of all maps, with the current options")
        self.excel_button = QPushButton("Excel…")
        self.excel_button.setToolTip(self.csv_button.toolTip())
        self.copy_button = QPushButton("Copy")
        self.copy_button.setToolTip("Copy the selected rows, or all, for a spreadsheet (Ctrl+C)")
        self.window_button = QPushButton("Window")
        self.window_button.setToolTip("Show the table below the image, where it has more room")
        self._arrange()
        self._connect()
        self.set_maps([], "")
        self.set_views([])

    def _arrange(self) -> None:
        form = narrow_form()
        form.addRow(form_label("Maps"), self.maps_picker)
        form.addRow(form_label("Show"), NarrowRow(self.view_picker, self.per_slice))
        form.addRow(form_label("Count"), self.validity)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(form)
        layout.addWidget(self.rules)
        layout.addWidget(self.state)
        layout.addWidget(self.table)
        buttons = (self.copy_button, self.csv_button, self.excel_button, self.window_button)
        layout.addLayout(NarrowRow(*buttons))

    def _connect(self) -> None:
        self.maps_picker.textActivated.connect(self.maps_changed)
        self.view_picker.activated.connect(self._on_view_activated)
        self.per_slice.clicked.connect(self._on_view_activated)
        self.validity.clicked.connect(self._on_option_changed)
        self.rules.changed.connect(self._on_option_changed)
        self.csv_button.clicked.connect(self._on_csv_clicked)
        self.excel_button.clicked.connect(self._on_excel_clicked)
        self.copy_button.clicked.connect(self._on_copy_clicked)
        self.window_button.clicked.connect(self._on_window_clicked)

    def set_maps(self, names: Sequence[str], current: str) -> None:
        """Offer the sets of maps."""
        self.maps_picker.fill(names, current)
        self.maps_picker.setEnabled(bool(names))

    def set_views(self, views: Sequence[tuple[str, str]]) -> None:
        """Offer views of the table, given as (key, label), after that of all maps."""
        current = self.view()
        combo = self.view_picker
        combo.blockSignals(True)
        combo.clear()
        for key, label in ((ALL_MAPS, "all maps"), *views):
            combo.addItem(label, key)
        combo.setCurrentIndex(max(combo.findData(current), 0))
        combo.blockSignals(False)

    def view(self) -> str:
        """Return the key of the view."""
        return self.view_picker.currentData() or ALL_MAPS

    def set_rules(self, rules: str) -> None:
        """Show the validity rules; disable the box if no map has one."""
        self.validity.setEnabled(bool(rules))
        self.validity.setToolTip(
            f"Count only {rules}. The thresholds are in File > Preferences > napari-mrf."
            if rules
            else "These maps have no validity rule"
        )

    def set_state(self, text: str) -> None:
        """Show in gray why there is no table, or what to know of the numbers."""
        self.state.setText(text)
        self.state.setVisible(bool(text))

    def set_ready(self, is_ready: bool) -> None:
        """Enable the buttons that need statistics."""
        for button in (self.copy_button, self.csv_button, self.excel_button, self.window_button):
            button.setEnabled(is_ready)

    def _on_view_activated(self, *_: object) -> None:
        self.view_changed.emit()

    def _on_option_changed(self, *_: object) -> None:
        self.options_changed.emit()

    def _on_csv_clicked(self) -> None:
        self.table.ask_and_export("CSV")

    def _on_excel_clicked(self) -> None:
        self.table.ask_and_export("Excel")

    def _on_copy_clicked(self) -> None:
        self.table.copy()

    def _on_window_clicked(self) -> None:
        self.window_requested.emit()


class RoisStatisticsWindow(QWidget):
    """The table with more room, and above it whose numbers they are."""

    def __init__(self) -> None:
        super().__init__()
        self.caption = QLabel()
        self.table = DataTable("rois")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 0)
        layout.addWidget(self.caption)
        layout.addWidget(self.table)
