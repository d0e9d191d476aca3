"""Distribution of a map in regions, and its profile along a line: the view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QLabel, QMenu, QPushButton, QVBoxLayout, QWidget

from napari_mrf.plots.closeup_axes import draw_closeup, names_of
from napari_mrf.plots.names import legend_name
from napari_mrf.plots.trace_styles import predicted_style
from napari_mrf.plugin.kit.picker import NarrowRow, Picker
from napari_mrf.plugin.kit.plot_canvas import PlotCanvas
from napari_mrf.plugin.kit.plot_colors import readable
from napari_mrf.plugin.kit.plot_legend import LegendEntry, PlotLegend
from napari_mrf.plugin.present import present

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_mrf.analysis.inspection.distribution import Distribution
    from napari_mrf.analysis.inspection.profile import Profile

DISTRIBUTION, PROFILE = "distribution", "profile"
_EXPORTS = {"csv": "Numbers as CSV…", "svg": "Figure as SVG…", "pdf": "Figure as PDF…"}
_HEIGHT = 210


class CloseupPlot(PlotCanvas):
    """The plot: histograms of the sets with the same bins, or their values along the line.

    Signals
    -------
    legend_changed
        The `LegendEntry` of every set that is drawn.
    """

    legend_changed = Signal(tuple)

    def __init__(self) -> None:
        super().__init__(_HEIGHT)
        self._found: Distribution | Profile | None = None
        self._reason = ""
        self.theme_changed.connect(self._build)

    def show_found(self, found: Distribution | Profile | None, reason: str = "") -> None:
        """Draw what was found, or say why there is nothing."""
        self._found, self._reason = found, reason
        self._build()
        self.redraw()

    def _build(self, *_: object) -> None:
        self.figure.clear()
        axes = self.figure.subplots()
        names = () if self._found is None else names_of(self._found)
        self.legend_changed.emit(tuple(
            LegendEntry(legend_name(name), self._readable(style["color"]), style["linestyle"])
            for name, style in zip(names, map(predicted_style, range(len(names))), strict=True)
        ))  # fmt: skip
        if self._found is None:
            axes.set_axis_off()
            axes.text(0.45, 0.5, self._reason, transform=axes.transAxes, ha="center",
                      va="center", fontsize=8, color=self.colors.text, wrap=True)  # fmt: skip
            return
        draw_closeup(axes, self._found, color_of=self._readable)

    def _readable(self, color: str) -> str:
        colors = self.colors
        return readable(color, colors.background, colors.text) or colors.text


class CloseupPanel(QWidget):
    """View of the part of Inspect that looks at one map closely.

    Signals
    -------
    view_changed
        The user picked another kind of plot or another map.
    draw_requested
        True to draw the line, False to stop.
    export_requested
        ``"csv"``, ``"svg"`` or ``"pdf"``.
    """

    view_changed = Signal()
    draw_requested = Signal(bool)
    export_requested = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.kind_picker = Picker("The distribution of a map in the regions that are chosen, or "
                                  "its values along a line that you draw")  # fmt: skip
        self.kind_picker.fill([DISTRIBUTION, PROFILE], DISTRIBUTION)
        self.map_picker = Picker("The map to look at, in all sets that are chosen under Maps")
        self.legend = PlotLegend()
        self.plot = CloseupPlot()
        self.plot.legend_changed.connect(self.legend.set_entries)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setEnabled(False)
        self.draw_button = QPushButton("Draw line")
        self.draw_button.setCheckable(True)
        self.draw_button.setToolTip("Drag a line across the image; draw again to replace it")
        self.export_button = QPushButton("Export")
        self.export_button.setToolTip("Save the numbers or the figure")
        menu = QMenu(self.export_button)
        for kind, text in _EXPORTS.items():
            action = present(menu.addAction(text))
            action.setData(kind)
            action.triggered.connect(self._on_export_triggered)
        self.export_button.setMenu(menu)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(5)
        layout.addLayout(NarrowRow(self.kind_picker, self.map_picker))
        layout.addWidget(self.legend)
        layout.addWidget(self.plot)
        layout.addWidget(self.note)
        layout.addLayout(NarrowRow(self.draw_button, self.export_button))
        self.kind_picker.textActivated.connect(self._on_view_changed)
        self.map_picker.textActivated.connect(self._on_view_changed)
        self.draw_button.clicked.connect(self.draw_requested)

    def set_maps(self, keys: Sequence[str]) -> None:
        """Offer maps; the picked one stays where it can."""
        self.map_picker.fill(keys, self.map_picker.currentText())

    def set_found(self, found: Distribution | Profile | None, note: str) -> None:
        """Show a result with a note, or say why there is none."""
        self.plot.show_found(found, note)
        self.note.setText(note if found is not None else "")
        self.note.setVisible(found is not None)
        self.export_button.setEnabled(found is not None)

    def _on_view_changed(self, _: str) -> None:
        self.view_changed.emit()

    def _on_export_triggered(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.export_requested.emit(action.data())
