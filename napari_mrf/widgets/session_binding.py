"""Binds the session bar: saves the window to a session file, and brings it back from one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_mrf.jobs import Job, JobStatus
from napari_mrf.layers import series_of, show_component
from napari_mrf.layers.batch import remove_together
from napari_mrf.session import MapsSet, RegionChoice, Regions, session_of, unwrapped
from napari_mrf.widgets.bond import Bond
from napari_mrf.widgets.canvas_texts import show_canvas_texts
from napari_mrf.widgets.layer_turns import layer_turns_of
from napari_mrf.widgets.maps_display import maps_display_of
from napari_mrf.widgets.session_work import (
    OpenedStudy,
    SavedStudy,
    Study,
    open_study,
    save_study,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from napari_mrf.io.session_contents import SessionContents
    from napari_mrf.widgets.session_bar import SessionBar

SESSION_FILES = "MRF session (*.mrf.json)"
_ENDING = ".mrf.json"
_OWNER = "session"


class SessionBinding:
    """What the session menu does.

    Parameters
    ----------
    viewer : napari viewer
        Whose content is saved and restored.
    bar : SessionBar
        The view.
    bindings : mapping
        The steps of the dock by key; their options are part of a session.
    """

    def __init__(self, viewer: Any, bar: SessionBar, bindings: Mapping[str, Any]) -> None:
        self.viewer = unwrapped(viewer)
        self.bar = bar
        self.bindings = bindings
        self.session = session_of(viewer)
        self.job = Job()
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
        path = Path(path)
        if not path.name.lower().endswith(_ENDING):
            path = path.with_name(path.name.removesuffix(".json").removesuffix(".mrf") + _ENDING)
        if not self.job.status.is_running:
            self.bar.notice.clear()
            self.job.start(f"Saving {path.name}", save_study, self.study(), path)

    def open_file(self, path: str | Path) -> None:
        """Bring a session back; asks first where something in the window is in no file."""
        if not self.job.status.is_running and (not self._would_lose() or self._ask_to_replace()):
            self.bar.notice.clear()
            self.job.start(f"Opening {Path(path).name}", open_study, Path(path))

    def study(self) -> Study:
        """Return what the window holds now."""
        session = self.session
        layer = self._series_layer()
        return Study(
            series=session.series,
            series_name=session.series_name,
            component="magnitude" if layer is None else layer.data.component,
            maps_sets=tuple(session.maps_sets.values()),
            regions=session.regions,
            chosen_region=session.chosen_region,
            pins=session.pins,
            view=self._view(),
            panels={
                key: binding.state()
                for key, binding in self.bindings.items()
                if hasattr(binding, "state")
            },
        )

    def _view(self) -> dict[str, float]:
        dims = self.viewer.dims
        view = {f"point_{axis}": float(value) for axis, value in enumerate(dims.point)}
        return {**view, "zoom": float(self.viewer.scene.camera.zoom)}

    def _series_layer(self) -> Any:
        series = self.session.series
        if series is None:
            return None
        return next((layer for layer in self.viewer.layers if series_of(layer) is series), None)

    def _show(self, opened: OpenedStudy) -> None:
        """Bring the window back a layer a turn: what was there goes first."""
        turns = layer_turns_of(self.viewer)
        turns.drop()
        turns.begin(_OWNER, self._layers_by_turns(opened))

    def _layers_by_turns(self, opened: OpenedStudy) -> Iterator[None]:
        contents = opened.contents
        self._clear()
        yield
        record = contents.file.series
        if opened.series is not None and record is not None:
            data, attributes, _ = opened.series.layer_data()
            layer = self.viewer.add_image(data, **attributes)
            show_canvas_texts(self.viewer)
            self.session.set_series(series_of(layer), layer.name)
            if record.component != "magnitude":
                show_component(layer, record.component)
            yield
        for maps in contents.file.maps:
            if maps.name in contents.maps:
                maps_display_of(self.viewer).add(
                    MapsSet(
                        maps.name,
                        contents.maps[maps.name],
                        maps.series_name,
                        maps.seconds,
                        str(contents.folders[maps.name]),
                    )
                )
        # Maps take turns of their own; the rest comes after them.
        layer_turns_of(self.viewer).begin(f"{_OWNER}, the rest", self._rest_by_turns(contents),
                                          self.bar)  # fmt: skip

    def _rest_by_turns(self, contents: SessionContents) -> Iterator[None]:
        self._show_regions(contents)
        yield
        remarks = [*contents.remarks, *self._show_pins(contents.file.pins)]
        for key, state in contents.file.panels.items():
            binding = self.bindings.get(key)
            if hasattr(binding, "restore"):
                binding.restore(state)
                yield
        self._look_at(contents.file.view)
        if remarks:
            self.bar.notice.say("\n".join(remarks))

    def _show_regions(self, contents: Any) -> None:
        grid = self.session.series or next(iter(contents.maps.values()), None)
        if contents.file.regions is None or grid is None:
            return
        labels = contents.labels
        if labels is None:
            labels = np.zeros(grid.spatial_shape, np.uint16)
        path = "" if contents.labels_path is None else str(contents.labels_path)
        self.session.set_regions(Regions(labels, contents.table, path))
        chosen = contents.file.regions.chosen
        if chosen in contents.table:
            self.session.choose_region(RegionChoice(chosen))

    def _show_pins(self, pins: list[tuple[int, int, int]]) -> list[str]:
        if self.session.series is None:
            return []
        shape = self.session.series.spatial_shape
        inside = [pin for pin in pins if all(0 <= i < n for i, n in zip(pin, shape, strict=True))]
        self.session.set_pins(tuple(inside))
        if len(inside) == len(pins):
            return []
        return [
            f"{len(pins) - len(inside)} pinned voxels lie outside the series and were left out."
        ]

    def _look_at(self, view: dict[str, float]) -> None:
        dims = self.viewer.dims
        for axis in range(dims.ndim):
            if f"point_{axis}" in view:
                dims.set_point(axis, view[f"point_{axis}"])
        if view.get("zoom", 0.0) > 0:
            self.viewer.scene.camera.zoom = view["zoom"]

    def _clear(self) -> None:
        self.session.set_pins(())
        self.session.set_regions(None)
        layer_turns_of(self.viewer).drop("pins")
        remove_together(self.viewer, [one for one in self.viewer.layers if _is_ours(one)])
        for name in list(self.session.maps_sets):  # of which no layer has come yet
            self.session.remove_maps(name)

    def _on_open_requested(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self.bar, "Open a session", "", SESSION_FILES)
        if path:
            self.open_file(path)

    def _would_lose(self) -> bool:
        """Return whether something in the window is in no file."""
        regions = self.session.regions
        drawn = regions is not None and not regions.path and bool(regions.labels.any())
        return drawn or any(not one.folder for one in self.session.maps_sets.values())

    def _ask_to_replace(self) -> bool:
        box = QMessageBox(self.bar)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Open a session")
        box.setText("Maps or regions in this window are in no file yet. Open the session anyway?")
        replace = box.addButton("Open and lose them", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        return box.clickedButton() is replace

    def _on_save_requested(self) -> None:
        if self._path is None:
            self._on_save_as_requested()
        else:
            self.save_to(self._path)

    def _on_save_as_requested(self) -> None:
        proposal = f"{self.session.series_name or 'study'}{_ENDING}"
        if self.session.series is not None and self.session.series.source_path:
            proposal = str(Path(self.session.series.source_path).with_name(proposal))
        path, _ = QFileDialog.getSaveFileName(self.bar, "Save session", proposal, SESSION_FILES)
        if path:
            self.save_to(path)

    def _on_cancel_requested(self) -> None:
        self.job.cancel()

    def _on_job_changed(self, status: JobStatus) -> None:
        self.bar.set_status(status)
        if status.failure is not None:
            self.bar.notice.say(status.failure.sentence)

    def _on_job_succeeded(self, outcome: Any) -> None:
        if isinstance(outcome, SavedStudy):
            self._path = outcome.path
            for name, folder in outcome.folders.items():
                self.session.mark_maps_saved(name, str(folder))
            if outcome.labels_path is not None:
                self.session.mark_regions_saved(str(outcome.labels_path))
            self.bar.notice.say(f"Saved to {outcome.path}{_also(outcome)}", kind="note")
        elif isinstance(outcome, OpenedStudy):
            self._path = outcome.contents.path
            self._show(outcome)
        self.bar.set_name(self._path.name if self._path is not None else "")


def _is_ours(layer: Any) -> bool:
    """Whether a layer shows a series, maps, regions, pins, errors or importance."""
    return any(str(key).startswith("mrf_") for key in layer.metadata)


def _also(saved: SavedStudy) -> str:
    """Name what was in no file before and is now."""
    places = [*saved.folders.values(), *([saved.labels_path] if saved.labels_path else [])]
    if not places:
        return ""
    names = ", ".join(place.name for place in places)
    return f". Saved with it in {places[0].parent.name}: {names}"
