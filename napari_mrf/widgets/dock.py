"""The docks: all steps under one another, and each step alone. Views and bindings meet here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_mrf.session import unwrapped
from napari_mrf.widgets.help import show_help
from napari_mrf.widgets.reconstruct_binding import ReconstructBinding
from napari_mrf.widgets.reconstruct_panel import ReconstructPanel
from napari_mrf.widgets.section import Section
from napari_mrf.widgets.series_binding import SeriesBinding
from napari_mrf.widgets.series_panel import SeriesPanel

if TYPE_CHECKING:
    import napari.viewer

_PREFERRED_WIDTH = 340


class _Dock(QWidget):
    """A scrolling column of sections with the shortcuts of its panels."""

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.viewer = unwrapped(viewer)
        self.sections: dict[str, Section] = {}
        self._column = QVBoxLayout()
        self._column.setContentsMargins(2, 4, 2, 4)
        self._column.setSpacing(4)
        content = QWidget()
        content.setLayout(self._column)
        self._scroll = QScrollArea()
        self._scroll.setWidget(content)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._layout.addWidget(self._scroll)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        """Ask for the width the panels are laid out for."""
        return QSize(_PREFERRED_WIDTH, 600)

    def minimumSizeHint(self) -> QSize:
        """Stay usable when the dock is made narrow."""
        return QSize(300, 200)

    def _add_section(self, key: str, title: str, panel: QWidget) -> None:
        section = Section(title, panel)
        panel.state_changed.connect(section.set_state)
        self._column.addWidget(section)
        self.sections[key] = section

    def _add_series(self, title: str) -> None:
        self.series_panel = SeriesPanel()
        self._add_section("series", title, self.series_panel)
        self.series_binding = SeriesBinding(self.viewer, self.series_panel)

    def _add_reconstruct(self, title: str) -> None:
        self.reconstruct_panel = ReconstructPanel()
        self._add_section("reconstruct", title, self.reconstruct_panel)
        self.reconstruct_binding = ReconstructBinding(self.viewer, self.reconstruct_panel)
        for keys, slot in (("Ctrl+R", self._on_run_shortcut), ("Ctrl+.", self._on_cancel_shortcut)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(slot)
        # While the canvas has the focus napari hands out the keys.
        self.viewer.bind_key("Control-R", self._on_canvas_run, overwrite=True)
        self.viewer.bind_key("Control-.", self._on_canvas_cancel, overwrite=True)

    def _close_column(self) -> None:
        self._column.addStretch(1)

    def _on_run_shortcut(self) -> None:
        self.reconstruct_binding.run()

    def _on_cancel_shortcut(self) -> None:
        self.reconstruct_binding.cancel()

    def _on_canvas_run(self, viewer: object) -> None:
        self.reconstruct_binding.run()

    def _on_canvas_cancel(self, viewer: object) -> None:
        self.reconstruct_binding.cancel()


class MRFDock(_Dock):
    """All steps from the series to the maps, in one dock.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
        The viewer it works on.
    """

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer)
        help_button = QPushButton("?")
        help_button.setFixedWidth(28)
        help_button.setToolTip("What the steps do, and the keys")
        help_button.clicked.connect(self._on_help_clicked)
        head = QWidget()
        row = QHBoxLayout(head)
        row.setContentsMargins(10, 4, 8, 0)
        row.addWidget(QLabel("From the fingerprints to the maps"), 1)
        row.addWidget(help_button)
        self._layout.insertWidget(0, head)
        self._add_series("1 Series")
        self._add_reconstruct("2 Reconstruct")
        self._close_column()

    def _on_help_clicked(self) -> None:
        show_help(self)


class SeriesDock(_Dock):
    """The Series step alone."""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer)
        self._add_series("Series")
        self._close_column()


class ReconstructDock(_Dock):
    """The Reconstruct step alone."""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer)
        self._add_reconstruct("Reconstruct")
        self._close_column()
