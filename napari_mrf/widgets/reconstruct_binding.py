"""Binds a Reconstruct panel to the viewer and the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_mrf.errors import MRFInputError
from napari_mrf.jobs import Job, JobState, JobStatus
from napari_mrf.layers import PARAMETER_KEY, find_set, mask_from_layer, show_mask
from napari_mrf.maps import FLAGS
from napari_mrf.orientation import DisplayOrientation
from napari_mrf.parameters import validity_rules
from napari_mrf.session import session_of, unwrapped
from napari_mrf.widgets.bond import Bond
from napari_mrf.widgets.maps_display import MapsDisplay, maps_display_of
from napari_mrf.widgets.preferences import preferences
from napari_mrf.widgets.reconstruct_panel import AUTOMATIC_MASK, duration
from napari_mrf.widgets.reconstruction import (
    Catalogue,
    LoadedMask,
    ReconstructParameters,
    list_catalogue,
    read_mask,
    reconstruct,
    save,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.maps import ParameterMaps
    from napari_mrf.widgets.reconstruct_panel import ReconstructPanel

MASK_FILES = "Mask (*.nii *.nii.gz *.npy);;All files (*)"


class ReconstructBinding:
    """What happens when the user acts on a Reconstruct panel, and what the panel shows.

    Parameters
    ----------
    viewer : napari viewer
        Where the series is and the maps go.
    panel : ReconstructPanel
        The view.
    """

    def __init__(self, viewer: Any, panel: ReconstructPanel) -> None:
        self.viewer = unwrapped(viewer)
        self.panel = panel
        self.session = session_of(viewer)
        self.display: MapsDisplay = maps_display_of(viewer)
        self.catalogue = Job()
        self.saving = Job()
        self.masking = Job()
        self._listed_for: Any = None
        panel.run_requested.connect(self._on_run_requested)
        panel.cancel_requested.connect(self._on_cancel_requested)
        panel.mask_file_requested.connect(self._on_mask_file_requested)
        panel.save_requested.connect(self._on_save_requested)
        panel.maps_changed.connect(self._on_maps_picked)
        panel.companion_changed.connect(self._on_companion_changed)
        panel.validity_changed.connect(self._on_validity_changed)
        self.bond = Bond(panel)
        layers = self.viewer.layers.events
        self.bond.connect(layers.inserted, self._on_layers_changed)
        self.bond.connect(layers.removed, self._on_layers_changed)
        self.bond.connect(self.session.series_changed, self._on_series_changed)
        self.bond.connect(self.session.maps_changed, self._on_maps_changed)
        self.bond.connect(self.session.reconstruction.changed, self._on_run_changed)
        self.bond.connect(self.catalogue.changed, self._on_catalogue_changed)
        self.bond.connect(self.catalogue.succeeded, self._on_catalogue_listed)
        self.bond.connect(self.saving.changed, self._on_saving_changed)
        self.bond.connect(self.masking.changed, self._on_masking_changed)
        self.bond.connect(self.masking.succeeded, self._on_mask_loaded)
        self._preferences = preferences()
        self._on_series_changed(self.session.series)
        self._on_layers_changed()
        self._show_maps()
        self._on_run_changed(self.session.reconstruction.status)

    def run(self, *, slice_only: bool = False) -> None:
        """Reconstruct the series, or only its slice in view, as the panel says."""
        series = self.session.series
        if self._needs() or series is None:
            return
        self.panel.notice.clear()
        parameters = self.parameters(slice_only=slice_only)
        try:
            mask = self._mask()
            z = parameters.slice_index
            if mask is not None and z is not None and not mask[z].any():
                raise MRFInputError("bad-mask", "the mask is empty in this slice",
                                    hint="Go to another slice or paint here.")  # fmt: skip
        except MRFInputError as error:
            self.panel.notice.say(error.sentence())
            return
        self.display.begin(parameters.set_name)
        self.session.reconstruction.start(parameters.set_name, reconstruct, series, mask,
                                          parameters, self.session.series_name)  # fmt: skip

    def cancel(self) -> None:
        """Stop the run; earlier maps come back."""
        self.session.reconstruction.cancel()

    def parameters(self, *, slice_only: bool = False) -> ReconstructParameters:
        """Return what the panel asks for."""
        return ReconstructParameters(
            method=self.panel.current_method(),
            device=self.panel.current_device(),
            options=self.panel.options.values(),
            slice_index=self._slice_in_view() if slice_only else None,
        )

    def save_to(self, directory: str, *, overwrite: bool = False) -> None:
        """Write the maps that are picked in the panel to a folder."""
        maps_set = self.session.maps_sets.get(self.panel.maps_picker.currentText())
        if maps_set is not None and not self.saving.status.is_running:
            self._save_directory = directory
            self.saving.start("Saving maps", save, maps_set.maps, directory, overwrite)

    def load_mask(self, path: str) -> None:
        """Show the mask of a file as a Labels layer and pick it."""
        if self.session.series is not None and not self.masking.status.is_running:
            self.masking.start("Loading the mask", read_mask, path, self.session.series)

    def _slice_in_view(self) -> int:
        series = self.session.series
        orientation = DisplayOrientation.from_affine(series.affine)
        layer = next((layer for layer in self.viewer.layers
                      if layer.name == self.session.series_name), None)  # fmt: skip
        if layer is None:
            return 0
        position = layer.world_to_data(self.viewer.dims.point)[-3]
        n_slices = series.spatial_shape[0]
        at = int(np.clip(round(float(position)), 0, n_slices - 1))
        return orientation.file_index((at, 0, 0), series.spatial_shape)[0]

    def _mask(self) -> NDArray[np.bool_] | None:
        name = self.panel.mask_picker.currentText()
        if name == AUTOMATIC_MASK:
            return None
        return mask_from_layer(self.viewer.layers[name], self.session.series)

    def _needs(self) -> str:
        series = self.session.series
        if series is None:
            return "Load or pick a series first."
        if series.sequence is None:
            return "Pick the sequence of the series first."
        if self.catalogue.status.is_running:
            return "Loading the methods…"
        if not self.panel.current_method():
            return f"No method works for {series.sequence.name}."
        if self.session.reconstruction.status.is_running:
            return "Wait for this run, or cancel it."
        return ""

    def _on_run_requested(self, slice_only: bool) -> None:
        self.run(slice_only=slice_only)

    def _on_cancel_requested(self) -> None:
        self.cancel()

    def _on_mask_file_requested(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self.panel, "Load a mask", "", MASK_FILES)
        if path:
            self.load_mask(path)

    def _on_masking_changed(self, status: JobStatus) -> None:
        if status.failure is not None:
            self.panel.notice.say(status.failure.sentence)

    def _on_mask_loaded(self, loaded: LoadedMask) -> None:
        if loaded.series.spatial_shape == self.session.series.spatial_shape:
            layer = show_mask(self.viewer, loaded.mask, loaded.series, loaded.name)
            self._on_layers_changed()
            self.panel.mask_picker.setCurrentText(layer.name)

    def _on_series_changed(self, series: Any) -> None:
        sequence = series.sequence if series is not None else None
        if sequence is None:
            self._listed_for = None
            self.panel.set_methods((), "")
        elif self._listed_for != sequence:
            self._listed_for = sequence
            self.catalogue.cancel()
            self.catalogue.start("Methods", list_catalogue, sequence)
        self._show_needs()

    def _on_catalogue_changed(self, status: JobStatus) -> None:
        if status.failure is not None:
            self.panel.notice.say(status.failure.sentence)
        self._show_needs()

    def _on_catalogue_listed(self, catalogue: Catalogue) -> None:
        names = [info.name for info in catalogue.methods]
        wanted = self.panel.current_method() or self._preferences.method
        self.panel.set_methods(catalogue.methods, wanted if wanted in names else "")
        device = self.panel.current_device()
        if device == "auto":
            device = self._preferences.device
        self.panel.set_devices(catalogue.devices, device)
        self._show_needs()

    def _on_layers_changed(self, event: Any = None) -> None:
        masks = [
            layer.name
            for layer in self.viewer.layers
            if isinstance(layer, Labels) and layer.metadata.get(PARAMETER_KEY) != "flags"
        ]
        self.panel.set_masks(masks, self.panel.mask_picker.currentText())
        self._show_companions()

    def _on_run_changed(self, status: JobStatus) -> None:
        self.panel.set_status(status)
        self._show_needs()
        if status.state is JobState.FAILED and status.failure is not None:
            self.panel.notice.say(status.failure.sentence)
            self.panel.state_changed.emit(f"{status.title} failed")
        elif status.state is JobState.CANCELLED:
            kept = " · earlier maps kept" if status.title in self.session.maps_sets else ""
            self.panel.state_changed.emit(f"{status.title} cancelled{kept}")
        elif status.state is JobState.IDLE:
            self.panel.state_changed.emit("not run")

    def _tell_left_out(self, maps: ParameterMaps) -> None:
        n_left_out = 0 if maps.flags is None else int(
            np.count_nonzero(maps.flags & FLAGS["not-finite"]))  # fmt: skip
        if n_left_out:
            voxels = "1 voxel is" if n_left_out == 1 else f"{n_left_out:,} voxels are"
            self.panel.notice.say(f"{voxels} not finite and left out. See the flags layer.")

    def _on_maps_changed(self, name: str) -> None:
        self._show_maps(name)
        if name in self.session.maps_sets:
            self._tell_left_out(self.session.maps_sets[name].maps)

    def _show_maps(self, name: str = "") -> None:
        sets = self.session.maps_sets
        current = name if name in sets else self.panel.maps_picker.currentText()
        if current not in sets:
            current = next(reversed(sets), "")
        self.panel.set_maps(list(sets), current)
        self._show_companions()
        if current and sets[current].seconds:
            n_voxels = _n_voxels(sets[current].maps)
            self.panel.state_changed.emit(
                f"{current} · {n_voxels:,} voxels · {duration(sets[current].seconds)}"
            )

    def _on_maps_picked(self, name: str) -> None:
        self._show_companions()

    def _show_companions(self) -> None:
        name = self.panel.maps_picker.currentText()
        maps_set = self.session.maps_sets.get(name)
        if maps_set is None:
            return
        maps = maps_set.maps
        available = ["mask"]
        available += ["quality"] if maps.quality is not None else []
        available += ["flags"] if maps.flags is not None else []
        self.panel.set_companions(available, list(find_set(self.viewer, name)))
        rules = validity_rules(self._preferences.thresholds) if "FF" in maps else {}
        words = ", ".join(f"{key} where {rules[key].describe()}" for key in maps if key in rules)
        self.panel.set_validity(words, self.display.hides_invalid)

    def _on_companion_changed(self, companion: str, is_shown: bool) -> None:
        self.display.set_companion(self.panel.maps_picker.currentText(), companion, is_shown)

    def _on_validity_changed(self, is_hidden: bool) -> None:
        self.display.set_hides_invalid(is_hidden)

    def _on_save_requested(self) -> None:
        directory = QFileDialog.getExistingDirectory(self.panel, "Save maps to a folder")
        if directory:
            self.save_to(directory)

    def _on_saving_changed(self, status: JobStatus) -> None:
        self.panel.save_button.setEnabled(not status.is_running)
        if status.state is JobState.DONE:
            self.panel.notice.say(f"Saved to {self._save_directory}", kind="note")
        elif status.failure is not None:
            error = status.failure.error
            if isinstance(error, MRFInputError) and error.code == "exists":
                self._ask_to_overwrite()
            else:
                self.panel.notice.say(status.failure.sentence)

    def _ask_to_overwrite(self) -> None:
        box = QMessageBox(self.panel)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Save maps")
        box.setText("The folder holds maps already. Replace them?")
        box.setInformativeText(self._save_directory)
        replace = box.addButton("Replace", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        if box.clickedButton() is replace:
            self.save_to(self._save_directory, overwrite=True)

    def _show_needs(self) -> None:
        self.panel.set_needs(self._needs())


def _n_voxels(maps: ParameterMaps) -> int:
    first = next(iter(maps.values()))
    return int(np.isfinite(first).sum())
