"""Saving of images that were made in the window: the series then lies in a file.

Apart from the controller of the panel, which opens files.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.io.formats.registry import suffix_of
from napari_mrf.plugin.jobs import Job, JobStatus, Step, in_steps
from napari_mrf.plugin.kit.overwriting import ask_save_path
from napari_mrf.plugin.layers import layer_of_series, replace_series
from napari_mrf.plugin.session import session_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari.components import ViewerModel

    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.kit.bond import Bond
    from napari_mrf.plugin.panels.series.panel import SeriesPanel

IMAGE_FILES = "Series (*.h5 *.nii.gz *.nii)"
_ENDINGS = (".h5", ".nii.gz", ".nii")


class SavingBinding:
    """Controller of *Save images…*.

    Parameters
    ----------
    viewer : napari viewer
        With the series.
    panel : SeriesPanel
        The view.
    bond : Bond
        Of the panel.
    """

    def __init__(self, viewer: ViewerModel, panel: SeriesPanel, bond: Bond) -> None:
        self.viewer, self.panel = viewer, panel
        self.session = session_of(viewer)
        self.job = Job()
        panel.save_requested.connect(self._on_save_requested)
        panel.saving.follow(self.job, bond, panel.notice.say)
        bond.connect(self.job.changed, self._on_changed)
        bond.connect(self.job.succeeded, self._on_saved)

    def _on_save_requested(self) -> None:
        series = self.session.series
        if series is None or self.job.status.is_running:
            return
        path = ask_save_path(self.panel, "Save the images", f"{self.session.series_name}.h5",
                             IMAGE_FILES, complete=_with_ending)  # fmt: skip
        if path:
            self.job.start(f"Saving {Path(path).name}", save_images, series, Path(path))

    def _on_changed(self, status: JobStatus) -> None:
        if status.failure is not None:
            self.panel.set_problem(status.failure.sentence)

    def _on_saved(self, saved: tuple[MRFSeries, MRFSeries, Path]) -> None:
        """Let the series say where it lies now, so that a session finds it there."""
        of, in_file, path = saved
        layer = layer_of_series(self.viewer, of)
        if layer is not None:
            replace_series(layer, in_file)
            if self.session.series is of:
                self.session.set_series(in_file, layer.name)
        self.panel.notice.say(f"Saved to {path}", kind="note")


def save_images(
    series: MRFSeries, path: Path
) -> Generator[Step, None, tuple[MRFSeries, MRFSeries, Path]]:
    """Write images to a file; return the series, the same as it lies in the file, and the file."""
    from napari_mrf.io import save_series
    from napari_mrf.io.formats.source import sha256_of

    def save(progress: Callable[..., None]) -> dict[str, str]:
        save_series(series, path, overwrite=True, progress=progress)
        return {"path": str(path), "sha256": sha256_of(path)}

    source = yield from in_steps(save, path.name)
    metadata = {**series.metadata, "sources": [source], "reading": {}}
    return series, replace(series, metadata=metadata), path


def _with_ending(path: str) -> str:
    return path if suffix_of(Path(path)) in _ENDINGS else f"{path}.h5"
