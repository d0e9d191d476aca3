"""The Inspect panel: the fingerprint under the mouse, what the maps predict, and their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QPoint, Qt, Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_mrf.analysis.inspection.traces import COMPONENTS
from napari_mrf.plugin.kit.choice_button import ChoiceButton
from napari_mrf.plugin.kit.notice import Notice
from napari_mrf.plugin.kit.picker import NarrowRow, Picker
from napari_mrf.plugin.kit.plot_legend import PlotLegend
from napari_mrf.plugin.kit.section import ElidedLabel, Section
from napari_mrf.plugin.panels.inspect.closeup import CloseupPanel
from napari_mrf.plugin.panels.inspect.plot import InspectPlot
from napari_mrf.plugin.panels.inspect.values import InspectValues
from napari_mrf.plugin.present import present

if TYPE_CHECKING:
    from collections.abc import Sequence

EXPORTS = {"csv": "Traces as CSV…", "svg": "Figure as SVG…", "pdf": "Figure as PDF…"}
"""File ending and menu entry of each export."""


_WIDE, _COLUMN_WIDTH, _ANY_WIDTH = 640, 330, 16777215


class InspectPanel(QWidget):
    """View of the inspector: shows what it is given and emits what the user asks for.

    Signals
    -------
    component_changed, residual_changed
        Another component, or the residual on or off.
    maps_chosen, regions_chosen
        Keys of the sets of maps or the regions to draw.
    pin_requested, clear_requested, copy_requested
        A button or menu entry was pressed.
    export_requested
        A key of `EXPORTS`.
    shown
        The panel came into sight.
    state_changed
        The one-line state for a section header.
    """

    component_changed = Signal(str)
    residual_changed = Signal(bool)
    maps_chosen = Signal(tuple)
    regions_chosen = Signal(tuple)
    pin_requested = Signal()
    clear_requested = Signal()
    copy_requested = Signal()
    export_requested = Signal(str)
    shown = Signal()
    state_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.component_picker = Picker("Component of the complex signal to draw; the phase is "
                                       "not unwrapped")  # fmt: skip
        self.component_picker.fill(list(COMPONENTS), "magnitude")
        self.residual_box = QCheckBox("residual")
        self.residual_box.setChecked(True)
        self.residual_box.setToolTip("The magnitude of measured - predicted, in a plot of its own")
        self.maps_button = ChoiceButton("Maps", "Reconstructions to draw")
        self.regions_button = ChoiceButton(
            "Regions", "Draw the mean fingerprint of regions of interest"
        )
        self.place = ElidedLabel()
        self.frame_text = ElidedLabel()
        self.legend = PlotLegend()
        self.plot = InspectPlot()
        self.values = InspectValues()
        self.note = QLabel()
        self.pin_button = QPushButton("Pin")
        self.pin_button.setToolTip("Pin this voxel in the plot, or unpin it (Ctrl+P). A click in "
                                   "the image does the same.")  # fmt: skip
        self.clear_button = QPushButton("Clear pins")
        self.clear_button.setToolTip("Unpin all voxels")
        self.export_button = QPushButton("Export")
        self.export_button.setToolTip("Save the traces, or copy the values")
        self.closeup = CloseupPanel()
        self.closeup_section = Section("Distribution, profile", self.closeup, is_open=False)
        self.needs = QLabel()
        self.notice = Notice()
        self._arrange()
        self._connect()
        self.set_needs("Load or pick a series first.")

    def _arrange(self) -> None:
        shown = NarrowRow(self.component_picker, self.residual_box)
        chosen = QHBoxLayout()
        chosen.setSpacing(6)
        chosen.addWidget(self.maps_button, 1)
        chosen.addWidget(self.regions_button, 1)
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(self.place)
        texts.addWidget(self.frame_text)
        self.frame_text.setEnabled(False)
        self.note.setWordWrap(True)
        self.note.setEnabled(False)
        self.note.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.note.hide()
        self.export_button.setMenu(self.context_menu())
        buttons = NarrowRow(self.pin_button, self.clear_button, self.export_button)
        self.needs.setWordWrap(True)
        self.needs.setEnabled(False)
        self._head, self._foot = QWidget(), QWidget()
        for widget, parts in (
            (self._head, (shown, chosen, texts, self.legend)),
            (self._foot, (self.values, self.note, buttons, self.closeup_section)),
        ):
            column = QVBoxLayout(widget)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(5)
            for part in parts:
                if isinstance(part, QWidget):
                    column.addWidget(part)
                else:
                    column.addLayout(part)
        self.content = QWidget()
        self._grid = QGridLayout(self.content)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(5)
        self._is_wide: bool | None = None
        self._place(is_wide=False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 2, 6, 8)
        layout.setSpacing(6)
        layout.addWidget(self.needs)
        layout.addWidget(self.content, 1)
        layout.addWidget(self.notice)

    def _place(self, *, is_wide: bool) -> None:
        """Put the plot between the other parts, or beside them where the panel is wide."""
        if is_wide == self._is_wide:
            return
        self._is_wide, grid = is_wide, self._grid
        for widget in (self._head, self.plot, self._foot):
            grid.removeWidget(widget)
        grid.addWidget(self._head, 0, 0)
        grid.addWidget(self._foot, 1 if is_wide else 2, 0, Qt.AlignmentFlag.AlignTop
                       if is_wide else Qt.AlignmentFlag(0))  # fmt: skip
        if is_wide:
            grid.addWidget(self.plot, 0, 1, 3, 1)
        else:
            grid.addWidget(self.plot, 1, 0)
        for row, stretch in enumerate((0, 0, 1) if is_wide else (0, 1, 0)):
            grid.setRowStretch(row, stretch)
        for column, stretch in enumerate((0, 1) if is_wide else (1, 0)):
            grid.setColumnStretch(column, stretch)
        width = _COLUMN_WIDTH if is_wide else _ANY_WIDTH
        for widget in (self._head, self._foot):
            widget.setMinimumWidth(width if is_wide else 0)
            widget.setMaximumWidth(width)

    def resizeEvent(self, event: Any) -> None:
        """Use the width that there is."""
        super().resizeEvent(event)
        self._place(is_wide=self.width() >= _WIDE)

    def _connect(self) -> None:
        self.component_picker.textActivated.connect(self.component_changed)
        self.residual_box.clicked.connect(self.residual_changed)
        self.maps_button.choice_changed.connect(self.maps_chosen)
        self.regions_button.choice_changed.connect(self.regions_chosen)
        self.pin_button.clicked.connect(self._on_pin_clicked)
        self.clear_button.clicked.connect(self._on_clear_clicked)
        for widget in (self.plot, self.values):
            widget.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            widget.customContextMenuRequested.connect(self._on_menu_requested)

    def set_needs(self, reason: str) -> None:
        """Say in gray what is missing, or show the panel if nothing is missing."""
        self.needs.setText(reason)
        self.needs.setVisible(bool(reason))
        self.content.setVisible(not reason)

    def set_place(self, text: str) -> None:
        """Say which voxel is shown, and what is wrong with it."""
        if text != self.place.full_text():
            self.place.set_full_text(text)

    def set_frame_text(self, text: str) -> None:
        """Say which frame is in view, with its flip angle, TE and TR."""
        if text != self.frame_text.full_text():
            self.frame_text.set_full_text(text)

    def set_notes(self, notes: Sequence[str]) -> None:
        """Show remarks on the predictions."""
        self.note.setText("\n".join(notes))
        self.note.setVisible(bool(notes))

    def set_pins(self, n_pins: int, *, can_pin: bool, is_pinned: bool) -> None:
        """Enable the buttons for pins."""
        self.pin_button.setEnabled(can_pin)
        self.pin_button.setText("Unpin" if is_pinned else "Pin")
        self.clear_button.setEnabled(n_pins > 0)

    def context_menu(self) -> QMenu:
        """Return the menu of the right mouse button and of the export button."""
        menu = QMenu(self)
        present(menu.addAction("Copy values")).triggered.connect(self._on_copy_triggered)
        menu.addSeparator()
        for kind, text in EXPORTS.items():
            action = present(menu.addAction(text))
            action.setData(kind)
            action.triggered.connect(self._on_export_triggered)
        return menu

    def showEvent(self, event: Any) -> None:
        """Tell that the panel is visible."""
        super().showEvent(event)
        self.shown.emit()

    def _on_menu_requested(self, place: QPoint) -> None:
        menu = self.context_menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sender = self.sender()
        if isinstance(sender, QWidget):
            menu.popup(sender.mapToGlobal(place))

    def _on_pin_clicked(self) -> None:
        self.pin_requested.emit()

    def _on_clear_clicked(self) -> None:
        self.clear_requested.emit()

    def _on_copy_triggered(self) -> None:
        self.copy_requested.emit()

    def _on_export_triggered(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.export_requested.emit(action.data())
