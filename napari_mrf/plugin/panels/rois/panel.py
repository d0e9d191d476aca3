"""The ROIs panel: draw regions, copy them through the slices, measure them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QLabel,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_mrf.plugin.kit.notice import Notice
from napari_mrf.plugin.kit.picker import NarrowRow, Picker, form_label
from napari_mrf.plugin.kit.progress_row import ProgressRow
from napari_mrf.plugin.kit.section import Section
from napari_mrf.plugin.panels.rois.carry_view import CarryBar
from napari_mrf.plugin.panels.rois.look import RegionsLook
from napari_mrf.plugin.panels.rois.statistics_panel import RoisStatisticsPanel
from napari_mrf.plugin.panels.rois.tools import DrawingTools, tool_button
from napari_mrf.plugin.panels.rois.tree import ALL_SETS, RegionsTree
from napari_mrf.plugin.present import present
from napari_mrf.rois.muscles import SETS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qtpy.QtCore import QPoint
    from qtpy.QtGui import QAction, QShowEvent

    from napari_mrf.data.label import Label

NEW_LAYER = "a new layer"
NEW_REGIONS = "New regions…"
_EDITS = {
    "add": "Add a region",
    "rename": "Rename… (F2)",
    "recolor": "Color…",
    "remove": "Remove from the list",
    "": "",
    "import": "Import label file…",
    "export": "Export label file…",
    "numbers": "Numbers of a segmenter…",
    "carry": "Carry from another scan…",
}


class RoisPanel(QWidget):
    """View of the ROIs step: shows state and emits signals, without any logic.

    Signals
    -------
    layer_changed
        The user picked a Labels layer to draw on; empty for a new one.
    new_requested
        The user wants another layer beside those that there are.
    set_changed
        The user picked another set of regions.
    edit_requested
        The change of the list: "add", "rename", "recolor", "remove", "numbers", "carry",
        "import" or "export".
    draw_requested
        True to draw the picked region, False to stop.
    copy_requested
        True for all regions, False for the picked one; 1 to the next slice, -1 to the previous.
    fill_requested
        True for all regions, False for the picked one.
    delete_requested, undo_requested, redo_requested, load_requested, save_requested
        The user pressed the button.
    shown
        The panel became visible.
    state_changed
        The one-line state for a section header.
    """

    layer_changed = Signal(str)
    new_requested = Signal()
    set_changed = Signal(str)
    edit_requested = Signal(str)
    draw_requested = Signal(bool)
    copy_requested = Signal(bool, int)
    fill_requested = Signal(bool)
    delete_requested = Signal()
    undo_requested = Signal()
    redo_requested = Signal()
    load_requested = Signal()
    save_requested = Signal()
    shown = Signal()
    state_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.layer_picker = Picker(
            "The Labels layer that is drawn on and counts; New regions adds an empty one, for a "
            "second reader"
        )
        self.set_picker = Picker(
            "The regions in the list; drawn regions and your own are always listed"
        )
        self.tree = RegionsTree()
        self.edit_menu = QMenu(self)
        self.edit_button = _menu_button("Edit", self.edit_menu, "Change the list of regions")
        self.draw_button = QPushButton("Draw")
        self.draw_button.setCheckable(True)
        self.tools = DrawingTools()
        self.delete_button = tool_button(
            "Delete here",
            "Delete the outlines that are selected on the image, or else the picked region in this "
            "slice",
        )
        self.previous_button = tool_button(
            "Copy to previous",
            "Copy the picked region, with its polygons, to the previous slice and go there",
        )
        self.copy_button = tool_button(
            "Copy to next",
            "Copy the picked region, with its polygons, to the next slice and go there",
        )
        self.fill_button = tool_button(
            "Fill between slices",
            "Interpolate the picked region between the slices in which it is drawn; other regions "
            "keep their voxels. What will come is shown first.",
        )
        self.for_all = QCheckBox("All regions")
        self.for_all.setToolTip("Copy, fill and outline all regions, not only the picked one")
        self.look = RegionsLook()
        self.undo_button = tool_button(
            "Undo", "Undo what you did last in this step, whatever it was (Ctrl+Z)"
        )
        self.redo_button = tool_button("Redo", "Redo what was undone last (Ctrl+Shift+Z)")
        self.load_button = tool_button("Load labels…", "Show the labels of a file")
        self.save_button = tool_button(
            "Save labels…",
            "Write the labels on the grid of the series, in the form of the name's ending: NIfTI "
            "(.nii.gz) or MetaImage (.mha) with their names in a text file, or DICOM segmentation "
            "(.dcm)",
        )
        self.needs = QLabel()
        self.needs.setWordWrap(True)
        self.needs.setEnabled(False)
        self.notice = Notice()
        self.carry_row = ProgressRow("Stop; the regions stay as they are")
        self.carry_bar = CarryBar()
        self.gone = Notice()
        self.gone.cure_button.setToolTip(
            "Bring the layer back with names, colors and outlines, as it was (Ctrl+Z)"
        )
        self.statistics = RoisStatisticsPanel()
        self.statistics_section = Section("Statistics", self.statistics)
        self._arrange()
        self._connect()
        self.set_picker.fill([ALL_SETS, *SETS], "thigh")
        self.set_layers([], "")
        self.set_needs("Load or pick a series first.")

    def _arrange(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 2, 6, 8)
        layout.setSpacing(6)
        layout.addLayout(NarrowRow(form_label("Layer"), self.layer_picker))
        layout.addLayout(NarrowRow(form_label("Regions"), self.set_picker, self.edit_button))
        layout.addWidget(self.gone)
        layout.addWidget(self.tree)
        layout.addWidget(self.look)
        layout.addLayout(NarrowRow(self.draw_button, self.tools.smart_button))
        layout.addLayout(NarrowRow(*self.tools.vertex_buttons.values()))
        layout.addWidget(self.tools.brush)
        layout.addLayout(NarrowRow(self.delete_button, self.tools.outline_button))
        layout.addLayout(NarrowRow(self.previous_button, self.copy_button))
        layout.addLayout(NarrowRow(self.fill_button, self.for_all))
        layout.addWidget(self.tools.fill_bar)
        layout.addLayout(NarrowRow(self.undo_button, self.redo_button))
        layout.addLayout(NarrowRow(self.load_button, self.save_button))
        for widget in (self.needs, self.carry_row, self.carry_bar, self.notice):
            layout.addWidget(widget)
        layout.addWidget(self.statistics_section)

    def _connect(self) -> None:
        for name, text in _EDITS.items():
            if not name:
                self.edit_menu.addSeparator()
                continue
            present(self.edit_menu.addAction(text)).setData(name)
        self.edit_menu.triggered.connect(self._on_edit_triggered)
        self.layer_picker.textActivated.connect(self._on_layer_activated)
        self.set_picker.textActivated.connect(self.set_changed)
        self.draw_button.clicked.connect(self.draw_requested)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._on_context_menu)
        self.copy_button.clicked.connect(self._on_copy_clicked)
        self.previous_button.clicked.connect(self._on_previous_clicked)
        self.fill_button.clicked.connect(self._on_fill_clicked)
        for button, signal in (
            (self.delete_button, self.delete_requested),
            (self.undo_button, self.undo_requested),
            (self.redo_button, self.redo_requested),
            (self.load_button, self.load_requested),
            (self.save_button, self.save_requested),
        ):
            button.clicked.connect(lambda _=False, signal=signal: signal.emit())

    def set_layers(self, names: Sequence[str], current: str) -> None:
        """Offer Labels layers to draw on; empty for a layer that drawing will make.

        Another one can always be added, for a second reader.
        """
        entries = [*names, NEW_REGIONS] if current else [NEW_LAYER, *names]
        self.layer_picker.fill(entries, current or NEW_LAYER)

    def set_labels(self, table: Mapping[int, Label], slices: Mapping[int, tuple[int, ...]]) -> None:
        """Show the labels and where they are drawn."""
        self.tree.set_labels(table, slices, self.set_picker.currentText())

    def set_gone(self, sentence: str) -> None:
        """Say that layers of the regions were deleted, with the way back; nothing when empty."""
        if sentence:
            self.gone.say(sentence, kind="note", cure="Show again")
        else:
            self.gone.clear()

    def set_drawing(self, name: str, is_drawing: bool) -> None:
        """Show on the button the region and whether it is being drawn."""
        self.draw_button.setChecked(is_drawing)
        self.draw_button.setText(f"Drawing {name}" if is_drawing else f"Draw {name}".strip())
        self.draw_button.setToolTip(
            "Click on the image to set the corners, double-click on the last one. Press the "
            "button again to stop."
            if is_drawing
            else "Draw a polygon around the picked region in this slice. The keys . and , pick the "
            "next and the previous region of the list."
        )

    def set_needs(self, reason: str) -> None:
        """Say in gray what is missing; drawing works when nothing is."""
        self.needs.setText(reason)
        self.needs.setVisible(bool(reason))
        for widget in (self.draw_button, self.tools.smart_button, self.load_button,
                       self.layer_picker):  # fmt: skip
            widget.setEnabled(not reason)

    def set_actions(self, *, is_picked_drawn: bool, is_any_here: bool, is_any: bool) -> None:
        """Enable the buttons for the picked region, for those in this slice, and for all drawn."""
        self.delete_button.setEnabled(is_any_here)
        for button in self.tools.vertex_buttons.values():
            button.setEnabled(is_picked_drawn)
        for button in (self.previous_button, self.copy_button, self.fill_button,
                       self.tools.outline_button, self.save_button):  # fmt: skip
            button.setEnabled(is_any)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Report that the panel is visible."""
        super().showEvent(event)
        self.shown.emit()

    def _on_edit_triggered(self, action: QAction) -> None:
        self.edit_requested.emit(action.data())

    def _on_copy_clicked(self) -> None:
        self.copy_requested.emit(self.for_all.isChecked(), 1)

    def _on_previous_clicked(self) -> None:
        self.copy_requested.emit(self.for_all.isChecked(), -1)

    def _on_fill_clicked(self) -> None:
        self.fill_requested.emit(self.for_all.isChecked())

    def _on_layer_activated(self, name: str) -> None:
        if name == NEW_REGIONS:
            self.new_requested.emit()
        else:
            self.layer_changed.emit("" if name == NEW_LAYER else name)

    def _on_context_menu(self, at: QPoint) -> None:
        self.edit_menu.popup(present(self.tree.viewport()).mapToGlobal(at))


def _menu_button(text: str, menu: QMenu, tooltip: str) -> QToolButton:
    button = QToolButton()
    button.setText(f"{text} ▾")
    button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
    button.setToolTip(tooltip)
    button.setMenu(menu)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button
