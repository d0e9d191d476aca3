"""Controller of the session bar: saves the window to a session file and restores it."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QFileDialog

from napari_mrf.plugin.jobs import Job, JobStatus
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.overwriting import ask_save_path, is_confirmed
from napari_mrf.plugin.layers import series_of
from napari_mrf.plugin.panels.session.items import items_of, picked_layers
from napari_mrf.plugin.panels.session.looks import looks_of, view_of
from napari_mrf.plugin.panels.session.restoring import SessionRestoring
from napari_mrf.plugin.panels.session.work import (
    OpenedStudy,
    SavedStudy,
    Study,
    open_study,
    save_study,
)
from napari_mrf.plugin.session import session_of, unwrapped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_mrf.plugin.panels.session.bar import SessionBar

SESSION_FILES = "MRF session (*.mrf.json)"
_ENDING = ".mrf.json"


class SessionBinding:
    """Controller of the session menu.

    Parameters
    ----------
    viewer : napari viewer
        The viewer that is saved and restored.
    bar : SessionBar
        The view.
    bindings : mapping
        The steps of the dock by key; their options are part of a session.
    """

    def __init__(self, viewer: ViewerModel, bar: SessionBar, bindings: Mapping[str, Any]) -> None:
        self.viewer: ViewerModel = unwrapped(viewer)
        self.bar = bar
        self.bindings = bindings
        self.session = session_of(viewer)
        self.job = Job()
        self.restoring = SessionRestoring(viewer, bar, bindings)
        self._path: Path | None = None
        bar.open_requested.connect(self._on_open_requested)
        bar.save_requested.connect(self._on_save_requested)
        bar.save_as_requested.connect(self._on_save_as_requested)
        bar.cancel_requested.connect(self._on_cancel_requested)
        self.bond = Bond(bar)
        self.bond.connect(self.job.changed, self._on_job_changed)
        self.bond.connect(self.job.succeeded, self._on_job_succeeded)

    def save_to(self, path: str | Path) -> None:
        """Save the window to a session file; an earlier file of that name is replaced."""
        path = Path(_with_ending(str(path)))
        if not self.job.status.is_running:
            self.bar.notice.clear()
            self.job.start(f"Saving {path.name}", save_study, self.study(), path)

    def open_file(self, path: str | Path) -> None:
        """Open a session; ask first if maps or regions in the window are not saved."""
        if not self.job.status.is_running and (not self._would_lose() or self._ask_to_replace()):
            self.bar.notice.clear()
            self.job.start(f"Opening {Path(path).name}", open_study, Path(path))

    def study(self) -> Study:
        """Return the content of the window."""
        session = self.session
        layer = self._series_layer()
        items = items_of(self.viewer, self.bindings)
        picked = chain.from_iterable(picked_layers(self.bindings).values())
        return Study(
            series=session.series,
            series_name=session.series_name,
            component="magnitude" if layer is None else layer.data.component,
            maps_sets=tuple(session.maps_sets.values()),
            regions=session.regions,
            chosen_region=session.chosen_region,
            pins=session.pins,
            view=view_of(self.viewer),
            layers=looks_of(self.viewer, tuple(picked)),
            items=tuple(items.found),
            remarks=tuple(items.remarks),
            panels={
                key: binding.state()
                for key, binding in self.bindings.items()
                if hasattr(binding, "state")
            },
        )

    def _series_layer(self) -> Layer | None:
        series = self.session.series
        if series is None:
            return None
        return next((layer for layer in self.viewer.layers if series_of(layer) is series), None)

    def _on_open_requested(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self.bar, "Open a session", "", SESSION_FILES)
        if path:
            self.open_file(path)

    def _would_lose(self) -> bool:
        """Return whether maps or regions in the window are not saved."""
        regions = self.session.regions
        drawn = regions is not None and not regions.path and bool(regions.labels.any())
        return drawn or any(not one.folder for one in self.session.maps_sets.values())

    def _ask_to_replace(self) -> bool:
        return is_confirmed(
            self.bar, "Open a session",
            "Maps or regions in this window are not saved yet. Open the session anyway?",
            action="Open and lose them",
        )  # fmt: skip

    def _on_save_requested(self) -> None:
        if self._path is None:
            self._on_save_as_requested()
        else:
            self.save_to(self._path)

    def _on_save_as_requested(self) -> None:
        proposal = f"{self.session.series_name or 'study'}{_ENDING}"
        if self.session.series is not None and self.session.series.source_path:
            proposal = str(Path(self.session.series.source_path).with_name(proposal))
        path = ask_save_path(
            self.bar, "Save session", proposal, SESSION_FILES, complete=_with_ending
        )
        if path:
            self.save_to(path)

    def _on_cancel_requested(self) -> None:
        self.job.cancel()

    def _on_job_changed(self, status: JobStatus) -> None:
        self.bar.set_status(status)
        if status.failure is not None:
            self.bar.notice.say(status.failure.sentence)

    def _on_job_succeeded(self, outcome: SavedStudy | OpenedStudy) -> None:
        if isinstance(outcome, SavedStudy):
            self._path = outcome.path
            for name, folder in outcome.folders.items():
                self.session.mark_maps_saved(name, str(folder))
            if outcome.labels_path is not None:
                self.session.mark_regions_saved(str(outcome.labels_path))
            said = [f"Saved to {outcome.path}{_also(outcome)}", *outcome.remarks]
            self.bar.notice.say("\n".join(said), kind="note")
        else:
            self._path = outcome.contents.path
            self.restoring.show(outcome)
        self.bar.set_name(self._path.name if self._path is not None else "")


def _also(saved: SavedStudy) -> str:
    """Return the names of maps and labels that were saved with the session."""
    places = [*saved.folders.values(), *([saved.labels_path] if saved.labels_path else [])]
    if not places:
        return ""
    names = ", ".join(place.name for place in places)
    return f". Saved with it in {places[0].parent.name}: {names}"


def _with_ending(path: str) -> str:
    if path.lower().endswith(_ENDING):
        return path
    return path.removesuffix(".json").removesuffix(".mrf") + _ENDING
