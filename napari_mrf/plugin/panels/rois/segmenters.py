"""Label maps of automatic segmenters: the user says whose numbers they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtWidgets import QInputDialog

from napari_mrf.errors import MRFInputError
from napari_mrf.io.labels.foreign import load_numbers
from napari_mrf.plugin.kit.files.dialogs import ask_open_path
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.rois.segmenters import models_with, segmenter_tables, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from napari_mrf.plugin.panels.rois.panel import RoisPanel

TABLE = "a table (.csv)…"
_FILES = "Table of numbers (*.csv)"
_UNAMBIGUOUS = 1000
"""Numbers below occur in several models."""


class SegmenterNumbers:
    """Reads the drawn numbers as those of a segmenter, in a layer of their own.

    Parameters
    ----------
    viewer : napari viewer
        With the regions.
    panel : RoisPanel
        The view.
    """

    def __init__(self, viewer: Any, panel: RoisPanel) -> None:
        self.panel = panel
        self.editor = regions_editor_of(viewer)

    def ask(self) -> None:
        """Ask which model drew the labels, and read them so."""
        drawn = set(self.editor.slices)
        if not drawn:
            self.panel.notice.say("Load the labels first.", kind="note")
            return
        models = list(segmenter_tables())
        fitting = models_with(drawn)
        choices = [*fitting, *(one for one in models if one not in fitting), TABLE]
        model, is_chosen = QInputDialog.getItem(
            self.panel, "Numbers of a segmenter", "The labels were drawn by", choices, 0, False
        )
        if is_chosen and model == TABLE:
            model = ask_open_path(self.panel, "Open a table of numbers", _FILES) or ""
        if is_chosen and model:
            self.read_as(model)

    def read_as(self, model: str) -> None:
        """Show the drawn labels with our numbers, as a model or a table of a user means them."""
        self.editor.flush()
        labels = self.editor.labels()
        if labels is None:
            return
        try:
            found = translated(labels, load_numbers(model))
        except MRFInputError as error:
            self.panel.notice.say(error.sentence())
            return
        layer = self.editor.layer
        name = "rois" if layer is None else f"{layer.name} · ours"
        self.editor.show_labels(found.values, found.labels, name=name)
        self.panel.notice.say(" ".join(found.sentences()), kind="note")

    def offer(self, numbers: Iterable[int]) -> tuple[str, Callable[[], None]] | None:
        """Return a sentence and its cure where only one model has such numbers, else None."""
        drawn = {int(one) for one in np.unique(np.asarray(list(numbers))) if one}
        fitting = models_with(drawn) if drawn and min(drawn) >= _UNAMBIGUOUS else []
        if len(fitting) != 1:
            return None
        model = fitting[0]
        return f"The numbers are those of {model}.", lambda: self.read_as(model)
