"""Controller of the Importance panel: runs, results and saving."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.jobs import Job, JobState, JobStatus
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.files.dialogs import ask_folder
from napari_mrf.plugin.kit.overwriting import asks_to_overwrite
from napari_mrf.plugin.panels.importance.methods import ImportanceMethods
from napari_mrf.plugin.panels.importance.result import ImportanceView, importance_store_of
from napari_mrf.plugin.panels.importance.work import ImportanceParameters, measure, save
from napari_mrf.plugin.panels.shared.masks import MaskChoice
from napari_mrf.plugin.panels.shared.owners import is_own, told_status, whose_failure
from napari_mrf.plugin.panels.shared.texts import NO_TRUTH, duration
from napari_mrf.plugin.session import session_of
from napari_mrf.plugin.viewer.unsaved import unsaved_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.components import ViewerModel

    from napari_mrf.analysis.importance.result import Importance
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.plugin.panels.importance.panel import ImportancePanel
    from napari_mrf.plugin.subjects import Subject


class ImportanceSaving:
    """Controller of the *Save…* button.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the result.
    panel : ImportancePanel
        The view with the button.
    """

    def __init__(self, viewer: ViewerModel, panel: ImportancePanel) -> None:
        self.panel = panel
        self.store = importance_store_of(viewer)
        self.job = Job()
        self._directory = ""
        self._written: Importance | None = None
        self._unsaved = unsaved_of(viewer)
        panel.save_requested.connect(self._on_save_requested)
        self.bond = Bond(panel)
        self.bond.connect(self.job.changed, self._on_job_changed)
        panel.saving_row.follow(self.job, self.bond, panel.notice.say)

    def save_to(self, directory: str, *, overwrite: bool = False) -> None:
        """Write the result to a folder, with the changes per voxel of the map that is shown."""
        result, key = self.store.result, self.panel.current_map()
        if result is None or self.job.status.is_running:
            return
        self._directory, self._written = directory, result
        layers = [key] if key in result.voxel_change else []
        self.panel.notice.clear()
        self.job.start("Saving importance", save, result, directory, layers,
                       self.panel.fisher_box.isChecked(), overwrite)  # fmt: skip

    def _on_save_requested(self) -> None:
        directory = ask_folder(self.panel, "Save importance to a folder")
        if directory:
            self.save_to(directory)

    def _on_job_changed(self, status: JobStatus) -> None:
        self.panel.set_saving(status.is_running)
        if status.state is JobState.DONE:
            self._unsaved.mark_saved("importance", self._written)
            self.panel.notice.say(f"Saved to {self._directory}", kind="note")
        elif status.failure is not None:
            self.panel.notice.clear()
            if not asks_to_overwrite(self.panel, status, self._overwrite):
                self.panel.notice.say(status.failure.sentence)

    def _overwrite(self) -> None:
        if self.store.result is self._written:  # of another subject it may be shown by now
            self.save_to(self._directory, overwrite=True)


_TITLE = "Importance, "


class ImportanceBinding:
    """Controller of the Importance panel: acts on the signals of the view and updates it.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the series.
    panel : ImportancePanel
        The view.
    """

    def __init__(self, viewer: ViewerModel, panel: ImportancePanel) -> None:
        self.panel = panel
        self.session = session_of(viewer)
        self.store = importance_store_of(viewer)
        self.view = ImportanceView(viewer, panel)
        self.saving = ImportanceSaving(viewer, panel)
        self.methods = ImportanceMethods(viewer, panel)
        panel.run_requested.connect(self._on_run_requested)
        panel.cancel_requested.connect(self._on_cancel_requested)
        self.bond = Bond(panel)
        self.masks = MaskChoice(viewer, panel.mask_picker, panel.set_masks, self.bond)
        self.bond.connect(self.session.subject_changed, self._on_subject_changed)
        self.bond.connect(self.session.maps_changed, self._on_maps_changed)
        self.bond.connect(self.methods.changed, self._show_needs)
        self.bond.connect(self.session.importance.changed, self._on_run_changed)
        self._on_maps_changed("")
        self._on_run_changed(self.session.importance.status)

    def run(self) -> None:
        """Measure the importance of the frames, as the panel says."""
        series = self.session.series
        if self._needs() or series is None:
            return
        self.panel.notice.clear()
        try:
            mask = self.masks.picked()
        except MRFInputError as error:
            self.panel.notice.say(error.sentence())
            return
        parameters = self.parameters()
        self.store.run(_TITLE + parameters.method, measure, series, mask, self._truth(),
                       self.session.regions, parameters)  # fmt: skip

    def cancel(self) -> None:
        """Stop the run and keep the results so far."""
        self.session.importance.cancel()

    def parameters(self) -> ImportanceParameters:
        """Return what the panel asks for."""
        panel = self.panel
        return ImportanceParameters(
            method=panel.current_method(),
            options=panel.options.chosen(),
            settings=panel.settings.values(),
            keep=panel.current_map(),
        )

    def state(self) -> dict[str, Any]:
        """Return the choices, for a session file."""
        panel = self.panel
        return {
            "method": panel.current_method(),
            "options": panel.options.values(),
            "settings": panel.settings.values(),
            "map": panel.current_map(),
            "mask": panel.mask_picker.currentText(),
            "truth": panel.truth_picker.currentText(),
            "fisher": panel.fisher_box.isChecked(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the choices of a session file as soon as the methods are listed."""
        settings = state.get("settings")
        for name, value in settings.items() if isinstance(settings, dict) else ():
            with suppress(TypeError, ValueError, OverflowError):
                self.panel.settings.set_value(str(name), value)
        self.panel.fisher_box.setChecked(bool(state.get("fisher", True)))
        self.methods.choose(state)
        self.masks.pick(str(state.get("mask", "")))
        self.panel.truth_picker.setCurrentText(str(state.get("truth", "")))
        self.view.choose_map(str(state.get("map", "")))

    def show_stored(self, result: Importance, words: Mapping[str, Any]) -> None:
        """Show the result of a session file, of the series of now.

        Raises
        ------
        ValueError
            Where it is of another one.
        """
        series = self.session.series
        if series is None or series.spatial_shape != result.spatial_shape:
            raise ValueError("it is of another series")
        self.store.show(result, series)
        self._show_kept()

    def _truth(self) -> ParameterMaps | None:
        """Return the chosen true maps; None for the maps of the method itself."""
        maps_set = self.session.maps_sets.get(self.panel.truth_picker.currentText())
        return None if maps_set is None else maps_set.maps

    def _on_maps_changed(self, name: str) -> None:
        current = self.panel.truth_picker.currentText() or NO_TRUTH
        self.panel.set_truths(list(self.session.maps_sets), current)

    def _needs(self) -> str:
        series = self.session.series
        if series is None:
            return "Load or pick a series first."
        if series.sequence is None:
            return "Pick the sequence of the series first."
        if series.metadata.get("magnitude_only"):
            return "The series has only the magnitude, but the phase is needed."
        if self.methods.catalogue.status.is_running:
            return "Loading the methods…"
        if not self.panel.current_method():
            return f"No method works for {series.sequence.name}."
        if self.session.importance.status.is_running:
            return "Wait for this run, or cancel it."
        return ""

    def _show_needs(self) -> None:
        self.panel.set_needs(self._needs())

    def _on_run_requested(self) -> None:
        self.run()

    def _on_cancel_requested(self) -> None:
        self.cancel()

    def _on_run_changed(self, status: JobStatus) -> None:
        panel = self.panel
        panel.set_status(told_status(self.session, self.session.importance))
        self._show_needs()
        if not (is_own(self.session, self.session.importance) or status.is_running):
            panel.notice.say(sentence) if (
                sentence := whose_failure(self.session, self.session.importance)
            ) else None
            self._show_kept()
            return
        method = status.title.removeprefix(_TITLE)
        if status.state is JobState.FAILED and status.failure is not None:
            panel.notice.say(status.failure.sentence)
            panel.state_changed.emit(f"{method} failed")
        elif status.state is JobState.CANCELLED:
            kept = f" after {status.done:,} of {status.total:,}" if status.done else ""
            panel.state_changed.emit(f"{method} cancelled{kept}")
            self.view.show()
        elif status.state is JobState.DONE:
            panel.state_changed.emit(f"{method} · {duration(status.seconds)}")
            result = self.store.result
            if result is not None and (notes := result.provenance.get("warnings")):
                panel.notice.say("\n".join(notes), kind="note")
        elif status.state is JobState.IDLE:
            self._show_kept()

    def _show_kept(self) -> None:
        """Say in the header what was measured of this subject."""
        result = self.store.result
        found = "not run" if result is None else f"{result.method}, measured"
        self.panel.state_changed.emit(found)

    def _on_subject_changed(self, _: Subject) -> None:
        self.panel.notice.clear()
        self.view.show()
        self._show_needs()
        if self.session.importance.status.is_running:
            self._on_run_changed(self.session.importance.status)
        else:
            self._show_kept()
