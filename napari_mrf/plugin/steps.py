"""The steps of the path, from the series to the report: a panel and a binding each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.panels.compare.controller import CompareBinding
from napari_mrf.plugin.panels.compare.panel import ComparePanel
from napari_mrf.plugin.panels.importance.controller import ImportanceBinding
from napari_mrf.plugin.panels.importance.panel import ImportancePanel
from napari_mrf.plugin.panels.inspect.controller import InspectBinding
from napari_mrf.plugin.panels.inspect.panel import InspectPanel
from napari_mrf.plugin.panels.reconstruct.controller import ReconstructBinding
from napari_mrf.plugin.panels.reconstruct.panel import ReconstructPanel
from napari_mrf.plugin.panels.rois.controller import RoisBinding
from napari_mrf.plugin.panels.rois.panel import RoisPanel
from napari_mrf.plugin.panels.series.controller import SeriesBinding
from napari_mrf.plugin.panels.series.panel import SeriesPanel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qtpy.QtWidgets import QWidget


@dataclass(frozen=True)
class Step:
    """One step.

    Parameters
    ----------
    title : str
        In the header of its section.
    make_panel : callable
        Without arguments; the view. It has the signal ``state_changed(str)``.
    make_binding : callable
        Of viewer and panel; what happens when the user acts.
    shortcuts : mapping of str to str
        Keys, as Qt spells them, and the method of the binding that they call.
    """

    title: str
    make_panel: Callable[[], QWidget]
    make_binding: Callable[[Any, Any], Any]
    shortcuts: Mapping[str, str] = field(default_factory=dict)


STEPS: dict[str, Step] = {
    "series": Step("Series", SeriesPanel, SeriesBinding),
    "reconstruct": Step(
        "Reconstruct",
        ReconstructPanel,
        ReconstructBinding,
        shortcuts={"Ctrl+R": "run", "Ctrl+.": "cancel"},
    ),
    "inspect": Step("Inspect", InspectPanel, InspectBinding, shortcuts={"Ctrl+P": "pin"}),
    "rois": Step(
        "ROIs", RoisPanel, RoisBinding, shortcuts={"Ctrl+Z": "undo", "Ctrl+Shift+Z": "redo"}
    ),
    "compare": Step("Compare", ComparePanel, CompareBinding),
    "importance": Step("Importance", ImportancePanel, ImportanceBinding),
}
"""By key, in the order of the path."""
