"""The window that compares two visits: which ones, the changes by region, and their plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QDialog, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_mrf.plots.printed_numbers import printed
from napari_mrf.plots.visits_figure import draw_visits
from napari_mrf.plugin.kit.data_table import DataTable
from napari_mrf.plugin.kit.data_table_model import Column
from napari_mrf.plugin.kit.notice import Notice
from napari_mrf.plugin.kit.picker import NarrowRow, Picker, form_label, narrow_form
from napari_mrf.plugin.kit.plot_canvas import PlotCanvas
from napari_mrf.plugin.kit.progress_row import ProgressRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from napari_mrf.analysis.visits.study import VisitComparison

_ROWS = 12
_NUMBERS = {"first": "visit 1", "second": "visit 2", "change": "Change", "noise_se": "Noise"}
_TIPS = {
    "first": "Mean of the region at visit 1, over its valid voxels",
    "second": "Mean of the region at visit 2",
    "change": "Visit 2 - visit 1; fat fractions in percentage points",
    "noise_se": "Standard error of the change by noise alone, where the method gives standard "
    "deviations; position and regions drawn anew come on top",
    "verdict": "Whether the change is beyond the repeatability coefficient",
}


class VisitsWindow(QDialog):
    """The view: it emits signals and has setters; it knows nothing of what they cause.

    Signals
    -------
    picked
        Another visit was picked, or the two were exchanged.
    run_requested, cancel_requested, save_requested
        The buttons.
    """

    picked = Signal()
    run_requested = Signal()
    cancel_requested = Signal()
    save_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Two visits")
        self.resize(680, 760)
        self.pickers = (
            Picker("Maps of the first visit, with the regions of their subject"),
            Picker("Maps of the second visit; changes are visit 2 - visit 1"),
        )
        self.repeatability = QLineEdit()
        self.repeatability.setPlaceholderText("optional, such as FF=2%, T1H2O=40")
        self.repeatability.setToolTip(
            "Repeatability coefficients, 1.96 √2 within-subject SD, from two scans of subjects who "
            "did not change (the design test-retest gives them): larger changes are marked"
        )
        self.run_button = QPushButton("Compare")
        self.run_button.setObjectName("mrfRun")
        self.swap_button = QPushButton("Swap")
        self.swap_button.setToolTip("Exchange visit 1 and visit 2")
        self.needs = QLabel()
        self.needs.setWordWrap(True)
        self.needs.setEnabled(False)
        self.progress = ProgressRow("Stop; what was found before stays")
        self.notice = Notice(stays=True)
        self.map_picker = Picker("The map whose changes are shown")
        self.plot = PlotCanvas(260)
        self.table = DataTable("changes", least_rows=_ROWS)
        self.save_button = QPushButton("Save results…")
        self.save_button.setToolTip("Write tables, figures and a page (HTML) into a folder")
        self.found: VisitComparison | None = None
        self._arrange()
        for picker in self.pickers:
            picker.textActivated.connect(self._on_picked)
        self.swap_button.clicked.connect(self._on_swap)
        self.run_button.clicked.connect(self._on_run)
        self.save_button.clicked.connect(self._on_save)
        self.progress.cancel_requested.connect(self.cancel_requested)
        self.map_picker.textActivated.connect(self._on_map)
        self.show_found(None)

    def _arrange(self) -> None:
        form = narrow_form()
        for name, picker in zip(("Visit 1", "Visit 2"), self.pickers, strict=True):
            form.addRow(form_label(name), picker)
        form.addRow(form_label("Repeatability"), self.repeatability)
        self.results = QWidget()
        inside = QVBoxLayout(self.results)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addLayout(NarrowRow(form_label("Map"), self.map_picker))
        inside.addWidget(self.plot, 1)
        inside.addWidget(self.table, 1)
        inside.addWidget(self.save_button)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addLayout(NarrowRow(self.run_button, self.swap_button))
        for widget in (self.needs, self.progress, self.notice):
            layout.addWidget(widget)
        layout.addWidget(self.results, 1)
        layout.addStretch(0)

    def set_visits(self, names: Sequence[str], picked: tuple[str, str]) -> None:
        """Offer maps of subjects with regions."""
        for picker, name in zip(self.pickers, picked, strict=True):
            picker.fill(names, name)

    def visits(self) -> tuple[str, str]:
        """Return what is picked as visit 1 and visit 2."""
        first, second = (picker.currentText() for picker in self.pickers)
        return first, second

    def set_needs(self, reason: str) -> None:
        """Say in gray what is missing; the button works when nothing is."""
        self.needs.setText(reason)
        self.needs.setVisible(bool(reason))
        self.run_button.setEnabled(not reason)

    def show_found(self, found: VisitComparison | None) -> None:
        """Show the changes; nothing without any."""
        self.found = found
        self.results.setVisible(found is not None)
        if found is not None:
            keys = list(dict.fromkeys(found.changes["map"]))
            self._keys: Mapping[str, str] = {printed(key).title: key for key in keys}
            self.map_picker.fill(list(self._keys), self.map_picker.currentText())
            self._show_map()

    def _show_map(self) -> None:
        found = self.found
        if found is None or not self._keys:
            return
        key = self._keys[self.map_picker.currentText()]
        rows = found.changes[found.changes["map"] == key].reset_index(drop=True)
        self.table.set_table(*_shown(rows, key, found))
        self.plot.figure.clear()
        axes = self.plot.figure.subplots()
        draw_visits(axes, found.changes, key, found.names, ink=self.plot.colors.text)
        self.plot.redraw()

    def _on_map(self, *_: object) -> None:
        self._show_map()

    def _on_picked(self, *_: object) -> None:
        self.picked.emit()

    def _on_swap(self, *_: object) -> None:
        first, second = self.visits()
        for picker, name in zip(self.pickers, (second, first), strict=True):
            picker.setCurrentText(name)
        self.picked.emit()

    def _on_run(self, *_: object) -> None:
        self.run_requested.emit()

    def _on_save(self, *_: object) -> None:
        self.save_requested.emit()


def _shown(
    rows: pd.DataFrame, key: str, found: VisitComparison
) -> tuple[pd.DataFrame, list[Column]]:
    """Return the changes of a map as they are printed, and their columns."""
    how = printed(key)
    table = rows[["name", *_NUMBERS, "reason"]].copy()
    table[list(_NUMBERS)] *= how.factor
    table["verdict"] = rows["beyond"].map({True: "beyond", False: "within"}).fillna("")
    titles = {**_NUMBERS, "first": found.names[0], "second": found.names[1]}
    columns = [Column("name", "Region")]
    columns += [
        Column(name, title, how.specification, tooltip=_TIPS[name], missing="", why="reason")
        for name, title in titles.items()
    ]
    if found.repeatability:
        columns.append(Column("verdict", "Repeatability", tooltip=_TIPS["verdict"]))
    return table, [*columns, Column("reason", "")]
