"""Starts and ends drawing from a ROIs panel, and has ready what the first stroke needs."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.jobs.garbage import start_thread
from napari_mrf.plugin.layers.outlines import prepare_outlines
from napari_mrf.plugin.layers.regions import prepare_colors
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import unwrapped
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_mrf.plugin.panels.rois.panel import RoisPanel

_OWNER = "drawing"


class RoisDrawing:
    """What happens at *Draw*, in the panel and in its list.

    Parameters
    ----------
    viewer : napari viewer
        Where the regions are drawn.
    panel : RoisPanel
        The view.
    """

    def __init__(self, viewer: Any, panel: RoisPanel) -> None:
        self.panel = panel
        self.editor = regions_editor_of(viewer)
        self._turns = layer_turns_of(unwrapped(viewer))
        self._is_starting = False
        panel.shown.connect(prepare_drawing)
        panel.draw_requested.connect(self._on_draw_requested)
        panel.tree.draw_requested.connect(self._on_tree_draw_requested)

    def show(self, *_: Any) -> None:
        """Show whether drawing is on, and of which region."""
        label = self.editor.table.get(self.panel.tree.picked())
        is_drawing = self._is_starting or self.editor.is_drawing()
        self.panel.set_drawing(label.name if label is not None else "", is_drawing)

    def _on_draw_requested(self, is_wanted: bool) -> None:
        if is_wanted and self.panel.tree.picked():
            self.panel.notice.clear()
            self._start_drawing(self.panel.tree.picked())
        else:
            self._turns.drop(_OWNER)
            self._is_starting = False
            self.editor.stop_drawing()
        self.show()

    def _on_tree_draw_requested(self, label: int) -> None:
        if self.panel.draw_button.isEnabled():
            self._start_drawing(label)

    def _start_drawing(self, label: int) -> None:
        """Start now, or in the turns that follow where layers have to be made first."""
        self._is_starting = True
        self.show()
        self._turns.begin(_OWNER, self._start_by_turns(label), self.panel)
        if self.editor.has_layers():
            self._turns.finish(_OWNER)

    def _start_by_turns(self, label: int) -> Iterator[None]:
        yield from self.editor.start_by_turns(label)
        self._is_starting = False
        self.show()


@cache
def prepare_drawing() -> None:
    """Have ready, before the first stroke, what napari draws regions and colors labels with."""
    start_thread(_compile, name="drawing")


def _compile() -> None:
    prepare_colors()
    prepare_outlines()
