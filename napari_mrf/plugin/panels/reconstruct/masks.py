"""The masks of a Reconstruct panel that come from files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog

from napari_mrf.data.geometry import grid_difference
from napari_mrf.plugin.jobs import Job, JobStatus, Step
from napari_mrf.plugin.layers import show_mask

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.kit.bond import Bond
    from napari_mrf.plugin.panels.reconstruct.panel import ReconstructPanel
    from napari_mrf.plugin.panels.shared.masks import MaskChoice

MASK_FILES = "Mask (*.nii *.nii.gz *.npy);;All files (*)"


class MaskFiles:
    """Shows the mask of a file as a Labels layer, and picks it.

    Parameters
    ----------
    panel : ReconstructPanel
        The view.
    choice : MaskChoice
        Of that panel.
    bond : Bond
        Of the panel.
    """

    def __init__(self, panel: ReconstructPanel, choice: MaskChoice, bond: Bond) -> None:
        self.panel = panel
        self.choice = choice
        self.session = choice.session
        self.job = Job()
        panel.mask_file_requested.connect(self._on_mask_file_requested)
        bond.connect(self.job.changed, self._on_job_changed)
        bond.connect(self.job.succeeded, self._on_mask_loaded)

    def load(self, path: str) -> None:
        """Show the mask of a file as a Labels layer and pick it."""
        if self.session.series is not None and not self.job.status.is_running:
            self.job.start("Loading the mask", read_mask, path, self.session.series)

    def _on_mask_file_requested(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self.panel, "Load a mask", "", MASK_FILES)
        if path:
            self.load(path)

    def _on_job_changed(self, status: JobStatus) -> None:
        if status.failure is not None:
            self.panel.notice.say(status.failure.sentence)

    def _on_mask_loaded(self, loaded: LoadedMask) -> None:
        series = self.session.series
        if series is not None and not grid_difference(loaded.series, series):
            layer = show_mask(self.choice.viewer, loaded.mask, loaded.series, loaded.name)
            self.choice.pick(layer.name)


@dataclass(frozen=True, eq=False)
class LoadedMask:
    """A mask (Z, Y, X) in file order, and the series on whose grid it lies."""

    mask: NDArray[np.bool_]
    series: MRFSeries
    name: str


def read_mask(path: str, series: MRFSeries) -> Generator[Step, None, LoadedMask]:
    """Read a mask file on the grid of a series."""
    yield Step(detail="reading")
    from napari_mrf.io import load_mask

    return LoadedMask(load_mask(path, series), series, Path(path).name.split(".")[0])
