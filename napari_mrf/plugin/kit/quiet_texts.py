"""The color of secondary texts: gray, but easy to read in both themes.

These texts are disabled labels. The theme of napari gives them a contrast of only 2.2 to 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.plot_colors import PlotColors, quiet
from napari_mrf.plugin.session import unwrapped

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.utils.events import Event
    from qtpy.QtWidgets import QWidget


class QuietTexts:
    """Sets the color of the secondary texts of a dock for every theme.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the theme.
    content : QWidget
        The widget with the texts.
    """

    def __init__(self, viewer: ViewerModel, content: QWidget) -> None:
        self._viewer, self._content = unwrapped(viewer), content
        self._bond = Bond(content)
        self._bond.connect(self._viewer.events.theme, self._on_theme)
        self._on_theme()

    def _on_theme(self, event: Event | None = None) -> None:
        colors = PlotColors.of_theme(self._viewer.theme)
        color = quiet(colors.background, colors.text)
        self._content.setStyleSheet(f"QLabel:disabled {{ color: {color}; }}")
