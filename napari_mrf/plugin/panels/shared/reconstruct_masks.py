"""Offers the masks of a Reconstruct panel: Labels layers of the viewer, and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QFileDialog

from napari_mrf.data.geometry import grid_difference
from napari_mrf.plugin.jobs import Job, JobStatus
from napari_mrf.plugin.layers import mask_from_layer, show_mask
from napari_mrf.plugin.panels.reconstruct.panel import AUTOMATIC_MASK
from napari_mrf.plugin.panels.reconstruct.work import LoadedMask, read_mask
from napari_mrf.plugin.panels.shared.masks import masks_among
from napari_mrf.plugin.session import session_of, unwrapped

if TYPE_CHECKING:
    import numpy as np
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_mrf.plugin.kit.bond import Bond
    from napari_mrf.plugin.panels.reconstruct.panel import ReconstructPanel

MASK_FILES = "Mask (*.nii *.nii.gz *.npy);;All files (*)"


class ReconstructMasks:
    """The masks that can be picked, and the one that is.

    Parameters
    ----------
    viewer : napari viewer
        Whose Labels layers are offered.
    panel : ReconstructPanel
        The view.
    bond : Bond
        Of the panel.
    """

    def __init__(self, viewer: Any, panel: ReconstructPanel, bond: Bond) -> None:
        self.viewer = unwrapped(viewer)
        self.panel = panel
        self.session = session_of(viewer)
        self.bond = bond
        self.job = Job()
        self._masks: dict[str, Labels] = {}
        panel.mask_file_requested.connect(self._on_mask_file_requested)
        layers = self.viewer.layers.events
        bond.connect(layers.inserted, self._on_layer_inserted)
        bond.connect(layers.removed, self._on_layers_changed)
        bond.connect(self.job.changed, self._on_job_changed)
        bond.connect(self.job.succeeded, self._on_mask_loaded)
        for layer in self.viewer.layers:
            bond.connect(layer.events.name, self._on_layers_changed)
        self._on_layers_changed()

    def load(self, path: str) -> None:
        """Show the mask of a file as a Labels layer and pick it."""
        if self.session.series is not None and not self.job.status.is_running:
            self.job.start("Loading the mask", read_mask, path, self.session.series)

    def picked(self) -> NDArray[np.bool_] | None:
        """Return the mask to use, None for the automatic one."""
        name = self.panel.mask_picker.currentText()
        if name == AUTOMATIC_MASK:
            return None
        return mask_from_layer(self._masks[name], self.session.series)

    def _on_mask_file_requested(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self.panel, "Load a mask", "", MASK_FILES)
        if path:
            self.load(path)

    def _on_job_changed(self, status: JobStatus) -> None:
        if status.failure is not None:
            self.panel.notice.say(status.failure.sentence)

    def _on_mask_loaded(self, loaded: LoadedMask) -> None:
        if not grid_difference(loaded.series, self.session.series):
            layer = show_mask(self.viewer, loaded.mask, loaded.series, loaded.name)
            self._on_layers_changed()
            self.panel.mask_picker.setCurrentText(layer.name)

    def _on_layer_inserted(self, event: Any) -> None:
        self.bond.connect(event.value.events.name, self._on_layers_changed)
        self._on_layers_changed()

    def _on_layers_changed(self, event: Any = None) -> None:
        picked = self.panel.mask_picker.currentText()
        self._masks, current = masks_among(
            self.viewer.layers, self._masks, picked, otherwise=AUTOMATIC_MASK
        )
        self.panel.set_masks(list(self._masks), current)
