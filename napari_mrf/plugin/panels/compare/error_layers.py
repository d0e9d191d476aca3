"""The error layers of the Compare panel: added on demand and updated with the regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QTimer

from napari_mrf.analysis.images.error_maps import error_map
from napari_mrf.data.geometry import check_same_grid
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.layers.batch import keeping_selection
from napari_mrf.plugin.layers.error_maps import find_errors, show_error
from napari_mrf.plugin.layers.order import show_in_front
from napari_mrf.plugin.panels.compare.state import compare_memory_of
from napari_mrf.plugin.panels.compare.work import Compared
from napari_mrf.plugin.preferences import preferences
from napari_mrf.plugin.session import session_of, unwrapped
from napari_mrf.plugin.viewer.canvas_texts import show_canvas_texts
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.plugin.viewer.map_choice import map_choice_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.components import ViewerModel
    from numpy.typing import NDArray

    from napari_mrf.plugin.panels.compare.cohort_work import ComparedCohort
    from napari_mrf.plugin.panels.compare.panel import ComparePanel
    from napari_mrf.plugin.session import Regions

    ErrorOf = tuple[str, str, str, str]  # reference, test, map, kind of error

_QUIET_MS = 200
_OWNER = "error"


class CompareErrors:
    """Controller of the error layers; they follow the regions.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the layers.
    panel : ComparePanel
        The view with the kind of error and the checked regions.
    tell : callable
        Shows a message in the panel.
    """

    def __init__(self, viewer: ViewerModel, panel: ComparePanel, tell: Callable[..., None]) -> None:
        self.viewer: ViewerModel = unwrapped(viewer)
        self.panel = panel
        self.tell = tell
        self.session = session_of(viewer)
        self.compared: Compared | None = None
        self._memory = compare_memory_of(viewer)
        self._timer = QTimer(panel)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_QUIET_MS)
        self._timer.timeout.connect(self._refresh)
        self.bond = Bond(panel)
        self.bond.connect(self.session.subject_changing, self._on_subject_changing)
        self.bond.connect(self.session.regions_changed, self._on_regions_changed)

    def set_compared(self, compared: Compared | ComparedCohort | None) -> None:
        """Update the error layers of these sets to their current maps."""
        self.compared = compared if isinstance(compared, Compared) else None
        self._redraw(every=True)

    def show(self, compared: Compared, key: str) -> None:
        """Show the error of a map in its layer, which is added if there is none."""
        view = self.panel.results
        of = (compared.reference.name, compared.test.name, key, view.error_kind())
        if view.regions_only.isChecked() and self.session.regions is not None:
            self._memory.here.masked.add(of)
        else:
            self._memory.here.masked.discard(of)
        values = self._values(compared, of)
        if values is None:
            return
        show_canvas_texts(self.viewer)
        layer_turns_of(self.viewer).begin(_OWNER, self._by_turns(compared, values, of), self.panel)

    def _by_turns(
        self, compared: Compared, values: NDArray[np.float32], of: ErrorOf
    ) -> Iterator[None]:
        choice = map_choice_of(self.viewer)
        choice.show_only(find_errors(self.viewer).get(of))
        yield
        with keeping_selection(self.viewer):
            layer = show_error(self.viewer, values, compared.reference.maps, of)
        yield
        if layer in self.viewer.layers:
            show_in_front(self.viewer, layer)
            choice.show_only(layer)

    def refresh_soon(self) -> None:
        """Update the masked layers when the regions have not changed for a moment."""
        self._timer.start()

    def _values(self, compared: Compared, of: ErrorOf) -> NDArray[np.float32] | None:
        """Return the error map (Z, Y, X); None, with a message, if there is none."""
        regions, region = self.session.regions, None
        try:
            if of in self._memory.here.masked and regions is not None:
                chosen = self.panel.regions.chosen()
                labels = regions.labels
                region = labels > 0 if chosen is None else np.isin(labels, chosen)
                check_same_grid(regions, compared.reference.maps,
                                "the regions are not on the grid of the maps")  # fmt: skip
            return error_map(
                compared.reference.maps, compared.test.maps, of[2], of[3], region=region,
                thresholds=preferences().thresholds,
            )  # fmt: skip
        except MRFInputError as error:
            self.tell(error.sentence())
            return None

    def _refresh(self) -> None:
        self._redraw(every=False)

    def _redraw(self, *, every: bool) -> None:
        """Draw the layers of these sets again: every one, or those masked to the regions."""
        compared = self.compared
        if compared is None:
            return
        sides = (compared.reference.name, compared.test.name)
        for of in find_errors(self.viewer):
            if of[:2] == sides and (every or of in self._memory.here.masked):
                values = self._values(compared, of)
                if values is not None:
                    show_error(self.viewer, values, compared.reference.maps, of)

    def _on_subject_changing(self) -> None:
        layer_turns_of(self.viewer).finish(_OWNER)  # its layers are those of this subject
        self._timer.stop()

    def _on_regions_changed(self, _: Regions | None) -> None:
        self.refresh_soon()
