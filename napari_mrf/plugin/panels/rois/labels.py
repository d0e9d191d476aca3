"""Edits of the label list in the ROIs panel: add, rename, recolor and remove labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtGui import QColor
from qtpy.QtWidgets import QColorDialog

from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.panels.rois.tree import spans
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.rois.label_set import recolored, renamed, with_new_label, without

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari.components import ViewerModel

    from napari_mrf.data.label import Label
    from napari_mrf.plugin.panels.rois.panel import RoisPanel


class RoisLabelsBinding:
    """Controller that adds, renames, recolors and removes labels.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the regions.
    panel : RoisPanel
        The view.
    show : callable
        Updates the panel.
    pick : callable
        Makes a label the picked one.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        panel: RoisPanel,
        show: Callable[[], None],
        pick: Callable[[int], None],
    ) -> None:
        self.panel = panel
        self.editor = regions_editor_of(viewer)
        self._show = show
        self._pick = pick
        panel.tree.label_renamed.connect(self.rename)

    def rename(self, label: int, name: str) -> None:
        """Give a label another name."""
        self._change_table(lambda table: renamed(table, label, name))

    def add(self) -> None:
        """Add a label, pick it, and let the user write its name."""
        added = 0

        def add(table: Mapping[int, Label]) -> dict[int, Label]:
            nonlocal added
            longer, added = with_new_label(table)
            return longer

        if self._change_table(add):
            self.panel.tree.select(added)
            self._pick(added)
            self.panel.tree.rename(added)

    def recolor(self, label: int) -> None:
        """Ask for another color of a label."""
        before = self.editor.table[label]
        title = f"Color of {before.name}"
        color = QColorDialog.getColor(QColor(*before.color), self.panel, title)
        if color.isValid():
            rgb = (color.red(), color.green(), color.blue())
            self._change_table(lambda table: recolored(table, label, rgb))

    def remove(self, label: int) -> None:
        """Remove a label that no region uses."""
        slices = self.editor.slices.get(label)
        if slices:
            self.panel.notice.say(
                f"{self.editor.table[label].name} is drawn in "
                f"{'slice' if len(slices) == 1 else 'slices'} {spans(slices)}. "
                "Delete it there before you remove it from the list."
            )
            return
        self._change_table(lambda table: without(table, label))

    def _change_table(self, change: Callable[[Mapping[int, Label]], Mapping[int, Label]]) -> bool:
        try:
            table = change(self.editor.table)
        except MRFInputError as error:
            self.panel.notice.say(error.sentence())
            self._show()
            return False
        self.panel.notice.clear()
        self.editor.set_table(table)
        return True
