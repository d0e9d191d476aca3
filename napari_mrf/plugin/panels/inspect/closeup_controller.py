"""Binds the close-up to the maps, the regions and the line on the canvas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from napari_mrf.analysis.inspection.distribution import Distribution
from napari_mrf.data.geometry import grid_difference
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plugin.jobs import Failure, Job, JobState, JobStatus
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.latest import Latest
from napari_mrf.plugin.kit.overwriting import ask_export_path
from napari_mrf.plugin.layers.closeup.profile_line import (
    draw_profile_line,
    end_profile_line,
    ends_of_profile,
    profile_layer,
)
from napari_mrf.plugin.panels.inspect.closeup import DISTRIBUTION, PROFILE
from napari_mrf.plugin.panels.inspect.closeup_work import (
    CloseupAnswer,
    CloseupQuestion,
    answer_closeup,
    export_closeup,
)
from napari_mrf.plugin.preferences import preferences
from napari_mrf.plugin.session import session_of, unwrapped
from napari_mrf.plugin.viewer.map_choice import map_choice_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from napari_mrf.analysis.inspection.profile import Profile
    from napari_mrf.plugin.panels.inspect.panel import InspectPanel
    from napari_mrf.plugin.session import MapsSet, RegionChoice

_FINISHED = ("added", "changed", "removed")
_PREFERRED = ("T1H2O", "T1")


class CloseupBinding:
    """Fills the close-up while it is in sight.

    Parameters
    ----------
    viewer : napari viewer
        With the line.
    panel : InspectPanel
        The view.
    hidden : callable
        Returns the names of the sets that are not shown.
    choices : callable
        Returns the regions that are chosen in the panel.
    """

    def __init__(
        self, viewer: Any, panel: InspectPanel, hidden: Callable[[], Collection[str]],
        choices: Callable[[], tuple[RegionChoice, ...]],
    ) -> None:  # fmt: skip
        self.viewer, self.panel, self.view = unwrapped(viewer), panel, panel.closeup
        self.session = session_of(viewer)
        self._hidden, self._regions = hidden, choices
        self._answer: CloseupAnswer | None = None
        self._followed: Any = None
        self.latest = Latest(answer_closeup)
        self.job = Job()
        self._finished = QTimer(panel)
        self._finished.setSingleShot(True)
        self._finished.timeout.connect(self._on_line_finished)
        self.view.plot.follow(viewer)
        self.view.view_changed.connect(self._on_view_changed)
        self.view.draw_requested.connect(self._on_draw_requested)
        self.view.export_requested.connect(self._on_export_requested)
        panel.closeup_section.toggled.connect(self.refresh)
        bond = self.bond = Bond(panel)
        bond.connect(self.latest.answered, self._on_answered)
        bond.connect(self.latest.failed, self._on_failed)
        bond.connect(self.job.changed, self._on_job_changed)
        bond.connect(self.session.regions_changed, self.refresh)
        bond.connect(self.session.region_chosen, self.refresh)
        bond.connect(self.session.subject_changing, self._end_drawing)
        bond.connect(self.viewer.layers.events.inserted, self._on_layer_inserted)
        bond.connect(self.viewer.layers.events.removed, self._on_layer_removed)
        self._follow(profile_layer(self.viewer))

    @property
    def found(self) -> Distribution | Profile | None:
        """What is shown."""
        return None if self._answer is None else self._answer.found

    def state(self) -> dict[str, str]:
        """Return what is picked, for the session file."""
        return {"kind": self.view.kind_picker.currentText(),
                "map": self.view.map_picker.currentText()}  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Pick what was picked; what is missing or unknown stays as it is."""
        kind, key = state.get("kind"), state.get("map")
        if kind in (DISTRIBUTION, PROFILE):
            self.view.kind_picker.setCurrentText(kind)
        if isinstance(key, str) and key in PARAMETERS:
            self.view.map_picker.fill([key], key)  # it is offered, or replaced, when it is seen
        self.refresh()

    def refresh(self, *_: Any) -> None:
        """Compute again what is shown, or say what is missing."""
        self._follow(profile_layer(self.viewer))
        if not self.view.isVisible():
            return
        sets = self._sets()
        keys = [key for key in PARAMETERS if any(key in one.maps for one in sets)]
        picked = self.view.map_picker.currentText()
        self.view.set_maps(keys)
        if picked not in keys and keys:
            wanted = (map_choice_of(self.viewer).parameter, *_PREFERRED)
            key = next((one for one in wanted if one in keys), keys[0])
            self.view.map_picker.setCurrentText(key)
        key = self.view.map_picker.currentText()
        line = self._line()
        if not keys:
            self._show(None, "Reconstruct the series first.")
        elif self._is_profile() and line is None:
            self._show(None, "Press Draw line, and drag a line across the image.")
        else:
            self.latest.ask(CloseupQuestion(
                {one.name: one.maps for one in sets if key in one.maps}, key,
                line if self._is_profile() else None, self.session.regions, self._choices(),
                preferences().thresholds, self.session.series_name,
            ))  # fmt: skip

    def export_to(self, path: str | Path, kind: str) -> None:
        """Write the numbers or the figure; `kind` is ``"csv"``, ``"svg"`` or ``"pdf"``."""
        if self._answer is not None and not self.job.status.is_running:
            self.job.start("Exporting", export_closeup, self._answer, Path(path), kind)

    def _is_profile(self) -> bool:
        return self.view.kind_picker.currentText() == PROFILE

    def _sets(self) -> list[MapsSet]:
        """Return the sets that are shown and lie on the grid of the series."""
        series, hidden = self.session.series, self._hidden()
        if series is None:
            return []
        return [one for name, one in self.session.maps_sets.items()
                if name not in hidden and not grid_difference(one.maps, series)]  # fmt: skip

    def _choices(self) -> tuple[RegionChoice, ...]:
        """Return the regions of the panel, else the chosen one; none where they do not fit."""
        regions, series, chosen = self.session.regions, self.session.series, None
        if regions is not None and series is not None and not grid_difference(regions, series):
            chosen = self.session.chosen_region
        return self._regions() or (() if chosen is None else (chosen,))

    def _line(self) -> Any:
        layer = profile_layer(self.viewer)
        return None if layer is None else ends_of_profile(layer)

    def _show(self, answer: CloseupAnswer | None, note: str) -> None:
        self._answer = answer
        self.view.set_found(self.found, note)

    def _follow(self, layer: Any) -> None:
        if layer is not None and layer is not self._followed:
            self._followed = layer
            self.bond.connect(layer.events.data, self._on_line)

    def _on_answered(self, answer: CloseupAnswer) -> None:
        if isinstance(answer.found, Distribution) and not answer.found.edges.size:
            self._show(None, "No voxel of the regions has a value that counts.")
        else:
            self._show(answer, answer.note())

    def _on_failed(self, failure: Failure) -> None:
        self._show(None, failure.sentence)

    def _on_view_changed(self) -> None:
        self.refresh()

    def _on_draw_requested(self, is_wanted: bool) -> None:
        layer = profile_layer(self.viewer)
        if is_wanted and self.session.series is not None:
            self.view.kind_picker.setCurrentText(PROFILE)
            draw_profile_line(self.viewer, self.session.series)
            self.refresh()
        elif layer is not None:
            end_profile_line(layer)

    def _on_line(self, event: Any) -> None:
        if str(event.action) in _FINISHED:  # a layer must not be changed while it tells of it
            self._finished.start(0)

    def _on_line_finished(self) -> None:
        layer = profile_layer(self.viewer)
        if layer is not None and len(layer.data):
            self._end_drawing()
        self.refresh()

    def _end_drawing(self) -> None:
        layer = profile_layer(self.viewer)
        if self.view.draw_button.isChecked():
            self.view.draw_button.setChecked(False)
            if layer is not None:
                end_profile_line(layer)

    def _on_layer_inserted(self, event: Any) -> None:
        if event.value is profile_layer(self.viewer):
            self.refresh()

    def _on_layer_removed(self, event: Any) -> None:
        if event.value is self._followed:
            self._followed = None
            self.view.draw_button.setChecked(False)
            self.refresh()

    def _on_export_requested(self, kind: str) -> None:
        if self.found is None:
            return
        what = PROFILE if self._is_profile() else "distribution"
        path = ask_export_path(self.panel, "Export", f"{what}-{self.found.key}", kind)
        if path:
            self.export_to(path, kind)

    def _on_job_changed(self, status: JobStatus) -> None:
        if status.state is JobState.FAILED and status.failure is not None:
            self.panel.notice.say(status.failure.sentence)
        elif status.state is JobState.DONE:
            self.panel.notice.say("Export finished.", kind="note")
