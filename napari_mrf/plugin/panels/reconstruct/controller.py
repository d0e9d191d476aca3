"""Controller of the Reconstruct panel: connects it to the viewer and the session."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.compat import isalive

from napari_mrf.errors import MRFInputError
from napari_mrf.networks.card import is_card_path
from napari_mrf.plugin.jobs import Job, JobState, JobStatus
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.layers import slice_in_view
from napari_mrf.plugin.panels.reconstruct.advice import Advice, advice_on
from napari_mrf.plugin.panels.reconstruct.b1 import B1Choice
from napari_mrf.plugin.panels.reconstruct.masks import mask_files
from napari_mrf.plugin.panels.reconstruct.results import ResultsBinding
from napari_mrf.plugin.panels.reconstruct.weights_file import WeightsFile
from napari_mrf.plugin.panels.reconstruct.work import (
    ReconstructParameters,
    reconstruct,
)
from napari_mrf.plugin.panels.shared.catalogue import Catalogue, MethodMemory, list_catalogue
from napari_mrf.plugin.panels.shared.masks import MaskChoice
from napari_mrf.plugin.panels.shared.own_weights import OWN_WEIGHTS
from napari_mrf.plugin.panels.shared.owners import is_own, told_status, whose_failure
from napari_mrf.plugin.panels.shared.texts import duration
from napari_mrf.plugin.preferences import preferences
from napari_mrf.plugin.session import session_of, unwrapped
from napari_mrf.plugin.viewer.maps_display import MapsDisplay, maps_display_of
from napari_mrf.plugin.viewer.raw.files import raw_files_of
from napari_mrf.reconstruction.in_vivo import SUBSPACE, UNDERSAMPLED, scan_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.components import ViewerModel

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.panels.reconstruct.panel import ReconstructPanel
    from napari_mrf.plugin.subjects import Subject


class ReconstructBinding:
    """Controller of the Reconstruct panel: acts on the signals of the view and updates it.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the series; the maps are added to it.
    panel : ReconstructPanel
        The view.
    """

    def __init__(self, viewer: ViewerModel, panel: ReconstructPanel) -> None:
        self.viewer: ViewerModel = unwrapped(viewer)
        self.panel = panel
        self.session = session_of(viewer)
        self.display: MapsDisplay = maps_display_of(viewer)
        self.raw_files = raw_files_of(viewer)
        self._waits_for_images = False
        self.catalogue = Job()
        self._listed_for: tuple[Sequence | None, str] | None = None
        self._memory = MethodMemory()
        self._wanted: dict[str, Any] = {}
        panel.method_changed.connect(self._on_method_changed)
        panel.run_requested.connect(self._on_run_requested)
        panel.cancel_requested.connect(self._on_cancel_requested)
        self.bond = Bond(panel)
        self.masks = MaskChoice(viewer, panel.mask_picker, panel.set_masks, self.bond)
        self.mask_files = mask_files(panel, self.masks, self.bond)
        self.b1 = B1Choice(viewer, panel, self.bond)
        self.weights = WeightsFile(panel, self.bond, self._sequence, self._want)
        self.bond.connect(OWN_WEIGHTS.added, self._on_weights_added)
        self.bond.connect(self.session.series_changed, self._on_series_changed)
        self.bond.connect(self.session.subject_changed, self._on_subject_changed)
        self.bond.connect(self.session.maps_changed, self._on_maps_changed)
        self.bond.connect(self.session.reconstruction.changed, self._on_run_changed)
        self.bond.connect(self.raw_files.changed, self._on_raw_changed)
        self.bond.connect(self.raw_files.making.changed, self._on_making_changed)
        self.bond.connect(self.catalogue.changed, self._on_catalogue_changed)
        self.bond.connect(self.catalogue.succeeded, self._on_catalogue_listed)
        self._preferences = preferences()
        self._on_series_changed(self.session.series)
        self.results = ResultsBinding(viewer, panel.results, panel.notice)
        self.advice = AdviceBinding(viewer, panel)
        self._on_run_changed(self.session.reconstruction.status)
        self._show_state(panel.results.current_maps())

    def run(self, *, slice_only: bool = False) -> None:
        """Reconstruct the series, or only its slice in view, as the panel says.

        Of a raw file that is chosen the images are made first.
        """
        series = self.session.series
        if self._needs():
            return
        self.panel.notice.clear()
        if self.raw_files.current is not None:
            self._waits_for_images = True
            self.raw_files.make(partial(self._run_on_images, slice_only=slice_only))
            return
        if series is None:
            return
        if slice_only and slice_in_view(self.viewer, series) is None:
            self.panel.notice.say(
                f"The canvas shows no slice of {self.session.series_name}. Switch to the 2D view "
                "of its slices and go to one of them."
            )
            return
        try:
            parameters = self.parameters(slice_only=slice_only)
            mask = self.masks.picked()
        except MRFInputError as error:
            self.panel.notice.say(error.sentence())
            return
        self.display.run(parameters.set_name, reconstruct, series, mask, parameters,
                         self.session.series_name)  # fmt: skip

    def cancel(self) -> None:
        """Stop the run; earlier maps come back."""
        if self._waits_for_images:
            self.raw_files.making.cancel()
        self.session.reconstruction.cancel()

    def parameters(self, *, slice_only: bool = False) -> ReconstructParameters:
        """Return what the panel asks for.

        Raises
        ------
        MRFInputError
            For a B1 map that cannot be used.
        """
        series = self.session.series
        return ReconstructParameters(
            method=self.panel.current_method(),
            device=self.panel.current_device(),
            options=self.panel.options.chosen(),
            slice_index=slice_in_view(self.viewer, series) if slice_only else None,
            b1=self.b1.picked(),
            images=str(series.metadata.get("images", "")) if series is not None else "",
            label="" if (info := self.panel.method_picker.info()) is None else info.label,
        )

    def state(self) -> dict[str, Any]:
        """Return what is chosen, for a session file."""
        return {
            "method": self.panel.current_method(),
            "device": self.panel.current_device(),
            "options": self.panel.options.values(),
            "mask": self.panel.mask_picker.currentText(),
            "b1": self.panel.b1_picker.currentText(),
            "b1_unit": self.panel.b1_unit_picker.currentText(),
            **self.results.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Choose as a session file says, as soon as the methods are listed."""
        self._wanted = dict(state)
        if OWN_WEIGHTS.remember(str(state.get("method", ""))) and self._listed_for is not None:
            self._list()
        self.masks.pick(str(state.get("mask", "")))
        self.b1.pick(str(state.get("b1", "")))
        self.panel.b1_unit_picker.setCurrentText(str(state.get("b1_unit", "")))
        self.results.restore(state)
        if not self.catalogue.status.is_running:
            self._choose_wanted()

    def _choose_wanted(self) -> None:
        wanted, self._wanted = self._wanted, {}
        method = str(wanted.get("method", ""))
        self.panel.choose(method, str(wanted.get("device", "")))
        if is_card_path(method) and self.panel.current_method() != method:
            self.panel.notice.say(
                f"The weights {method} are gone or do not fit. Pick weights from a file, or "
                "another method."
            )
        options = wanted.get("options")
        for name, value in options.items() if isinstance(options, dict) else ():
            with suppress(TypeError, ValueError):  # a session file may hold anything
                self.panel.options.set_value(name, value)

    def _run_on_images(self, *, slice_only: bool) -> None:
        """Go on with the images that were waited for; the panel may be gone by now."""
        self._waits_for_images = False
        if isalive(self.panel):
            self.run(slice_only=slice_only)

    def _sequence(self) -> Sequence | None:
        """Return the sequence of what is reconstructed: of a raw file, else of the series."""
        file, series = self.raw_files.current, self.session.series
        if file is not None:
            return file.sequence
        return None if series is None else series.sequence

    def _scan(self) -> str:
        """Return the kind of images; those of a raw file are still to be made."""
        if self.raw_files.current is not None:
            return SUBSPACE if self.raw_files.images == SUBSPACE else UNDERSAMPLED
        return scan_of(self.session.series)

    def _needs(self) -> str:
        series, file, sequence = self.session.series, self.raw_files.current, self._sequence()
        if file is not None and self.raw_files.needs:
            return self.raw_files.needs
        if series is None and file is None:
            return "Load or pick a series first."
        if sequence is None:
            return "Pick the sequence of the series first."
        if file is None and series is not None and series.metadata.get("magnitude_only"):
            return ("The series has only the magnitude, but the phase is needed: load magnitude "
                    "and phase, or real and imaginary parts, together.")  # fmt: skip
        if self.catalogue.status.is_running:
            return "Loading the methods…"
        if not self.panel.current_method():
            return f"No method works for {sequence.name}."
        if missing := self.panel.current_needs():
            return f"There are no weights for {self.panel.current_method()} yet. {missing}"
        if self.session.reconstruction.status.is_running:
            own = is_own(self.session, self.session.reconstruction)
            return (
                f"Wait for {'this run' if own else 'the run of the other subject'}, or cancel it."
            )
        return ""

    def _on_method_changed(self, _: str) -> None:
        self._show_needs()

    def _on_run_requested(self, slice_only: bool) -> None:
        self.run(slice_only=slice_only)

    def _on_cancel_requested(self) -> None:
        self.cancel()

    def _on_raw_changed(self) -> None:
        self._on_series_changed(self.session.series)

    def _on_making_changed(self, status: JobStatus) -> None:
        """Show the images of a raw file that are made first as the beginning of the run."""
        if not self._waits_for_images:
            self._show_needs()
            return
        self.panel.set_status(status)
        if status.state in (JobState.FAILED, JobState.CANCELLED):
            self._waits_for_images = False
            self._show_newest_state()
        if status.failure is not None:
            self.panel.notice.say(status.failure.sentence)
        self._show_needs()

    def _on_series_changed(self, _: MRFSeries | None) -> None:
        sequence = self._sequence()
        if sequence is None:
            self._listed_for = None
            self.panel.set_methods((), "")
        elif self._listed_for != (sequence, self._scan()):
            self._list()
        self._show_needs()

    def _list(self) -> None:
        self._listed_for = self._sequence(), self._scan()
        self.catalogue.cancel()
        self.catalogue.start("Methods", list_catalogue, *self._listed_for)

    def _want(self, method: str) -> None:
        """Pick a method as soon as it is listed."""
        self._wanted = {"method": method}

    def _on_weights_added(self, card: str) -> None:
        if OWN_WEIGHTS.fits(card, self._sequence()):
            self._list()

    def _on_catalogue_changed(self, status: JobStatus) -> None:
        if status.failure is not None:
            self.panel.notice.say(status.failure.sentence)
        self._show_needs()

    def _on_catalogue_listed(self, catalogue: Catalogue) -> None:
        sequence = None if self._listed_for is None else self._listed_for[0]
        method = self._memory.method_for(sequence, catalogue, self.panel.current_method())
        self.panel.set_methods((*catalogue.methods, *catalogue.missing), method, catalogue.scan)
        device = self.panel.current_device()
        if device == "auto":
            device = self._preferences.device
        self.panel.set_devices(catalogue.devices, device)
        if self._wanted:
            self._choose_wanted()
        self._show_needs()

    def _on_run_changed(self, status: JobStatus) -> None:
        status = told_status(self.session, self.session.reconstruction)
        self.panel.set_status(status)
        self._show_needs()
        if status.failure is not None:
            self.panel.notice.say(whose_failure(self.session, self.session.reconstruction))
        if not (status.is_running or is_own(self.session, self.session.reconstruction)):
            self._show_newest_state()
        elif status.state is JobState.FAILED:
            self.panel.state_changed.emit(f"{status.title} failed")
        elif status.state is JobState.CANCELLED:
            kept = " · earlier maps kept" if status.title in self.session.maps_sets else ""
            self.panel.state_changed.emit(f"{status.title} cancelled{kept}")
        elif status.state is JobState.IDLE:
            self.panel.state_changed.emit("not run")

    def _on_subject_changed(self, _: Subject) -> None:
        self.panel.notice.clear()
        job = self.session.reconstruction
        if job.status.is_running:
            self._on_run_changed(job.status)
        else:
            self._show_newest_state()

    def _on_maps_changed(self, name: str) -> None:
        if name:
            self._show_state(name)

    def _show_newest_state(self) -> None:
        """Say in the header how the newest maps of the subject were made."""
        self.panel.state_changed.emit("not run")
        sets = self.session.maps_sets
        made_here = [name for name, one in sets.items() if one.seconds]  # others were opened
        self._show_state(made_here[-1] if made_here else "")

    def _show_state(self, name: str) -> None:
        maps_set = self.session.maps_sets.get(name)
        if maps_set is not None and maps_set.seconds:
            n_voxels = np.count_nonzero(np.isfinite(next(iter(maps_set.maps.values()))))
            self.panel.state_changed.emit(
                f"{name} · {n_voxels:,} voxels · {duration(maps_set.seconds)}"
            )

    def _show_needs(self) -> None:
        self.panel.set_needs(self._needs())
        info, sequence = self.panel.method_picker.info(), self._sequence()
        maps_b1 = sequence is not None and "B1" in sequence.parameters
        self.panel.set_takes_b1(maps_b1 and info is not None and info.takes_b1)


class AdviceBinding:
    """Controller of the advice on the picked maps; sets the options that may help.

    Parameters
    ----------
    viewer : napari viewer
        The viewer of the session with the maps.
    panel : ReconstructPanel
        The view; its results need their controller first, so that new maps are already picked.
    """

    def __init__(self, viewer: ViewerModel, panel: ReconstructPanel) -> None:
        self.panel = panel
        self.session = session_of(viewer)
        self._maps: ParameterMaps | None = None
        self._advice: list[Advice] = []
        panel.results.maps_changed.connect(self._on_picked)
        panel.results.advice.option_requested.connect(self._on_option_requested)
        panel.options.changed.connect(self._show)
        panel.method_changed.connect(self._on_picked)
        self.bond = Bond(panel)
        self.bond.connect(self.session.maps_changed, self._on_picked)
        self._on_picked()

    def _on_picked(self, _: str = "") -> None:
        maps_set = self.session.maps_sets.get(self.panel.results.current_maps())
        maps = None if maps_set is None else maps_set.maps
        if maps is not self._maps:
            self._maps = maps
            self._advice = [] if maps is None else advice_on(maps)
        self._show()

    def _show(self) -> None:
        self.panel.results.advice.show_advice([self._with_cure(one) for one in self._advice])

    def _with_cure(self, one: Advice) -> tuple[Advice, str]:
        option = self.panel.options.option(one.option)
        if option is None:
            return replace(one, text=f"{one.text} {one.elsewhere}".strip()), ""
        if one.cure:
            one = replace(one, text=f"{one.text} {one.cure}")
        if self.panel.options.values()[one.option] == one.value:
            return replace(
                one, text=f"{one.text} This is already set under More: reconstruct again."
            ), ""
        return one, option.label if option.kind == "bool" else f"{option.label} {one.value}"

    def _on_option_requested(self, name: str, value: Any) -> None:
        self.panel.options.set_value(name, value)
        self.panel.more.set_open(True)
