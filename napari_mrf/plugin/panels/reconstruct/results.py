"""The results of the Reconstruct panel: choice of maps, extra layers, saving."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.compat import isalive
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QPushButton, QVBoxLayout, QWidget

from napari_mrf.data.maps import FLAGS
from napari_mrf.data.parameters import PARAMETERS, validity_rules
from napari_mrf.io.maps.forms import FORMS
from napari_mrf.plugin.jobs import Job, JobState, JobStatus
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.files.dialogs import ask_folder
from napari_mrf.plugin.kit.notice import Notice
from napari_mrf.plugin.kit.overwriting import asks_to_overwrite
from napari_mrf.plugin.kit.picker import NarrowRow, Picker, form_label, narrow_form
from napari_mrf.plugin.layers import COMPANIONS, PARAMETER_KEY, SET_KEY, is_companion_shown
from napari_mrf.plugin.panels.reconstruct.work import DATA_SET, ScanFiles, save
from napari_mrf.plugin.panels.shared.figure_export import FigureButton, FigureExport
from napari_mrf.plugin.panels.shared.job_row import JobRow
from napari_mrf.plugin.preferences import preferences
from napari_mrf.plugin.session import session_of, unwrapped
from napari_mrf.plugin.viewer.map_choice import map_choice_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.plugin.viewer.removed_layers import removed_layers_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari.components import ViewerModel
    from napari.layers import Layer
    from napari.utils.events import Event

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.plugin.panels.reconstruct.advice import Advice
    from napari_mrf.plugin.session import MapsSet


class AdviceList(QWidget):
    """A column of notices; hidden while there are none.

    Signals
    -------
    option_requested
        Name of an option and the value that the user wants it to have.
    """

    option_requested = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self.notices: list[Notice] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self.hide()

    def show_advice(self, advice: Sequence[tuple[Advice, str]]) -> None:
        """Show sentences, given with the text of their button (none when empty)."""
        while len(self.notices) > len(advice):
            last = self.notices.pop()
            self._layout.removeWidget(last)
            last.deleteLater()
        while len(self.notices) < len(advice):
            notice = Notice(stays=True)
            notice.cure_requested.connect(partial(self._on_cure, len(self.notices)))
            self._layout.addWidget(notice)
            self.notices.append(notice)
        self._advice = [one for one, _ in advice]
        for notice, (one, cure) in zip(self.notices, advice, strict=True):
            notice.say(one.text, cure=cure)
        self.setVisible(bool(advice))

    def texts(self) -> list[str]:
        """Return the sentences."""
        return [notice.text() for notice in self.notices]

    def _on_cure(self, index: int) -> None:
        self.option_requested.emit(self._advice[index].option, self._advice[index].value)


_COMPANION_TIPS = {
    "quality": "Quality of the fit in each voxel: the correlation of the measured and the "
    "predicted fingerprint, 0 to 1",
    "flags": "Voxels that may be wrong: no signal, a value on an edge of what the method can give, "
    "or a poor fit, whose residual is larger than the noise explains",
    "mask": "The voxels that were reconstructed",
    "uncertainty": "One layer per map: the standard deviation of every value, from the misfit of "
    "the fingerprint and its sensitivity to the parameter; of a network, learned from its errors",
}
_NONE = "Not available for this method"
_NOT_GIVEN = {
    "uncertainty": "Not available for these maps: use a matching method with Refine under More"
}


class ResultsPanel(QWidget):
    """View of the results: shows state and emits signals; hidden while there are no maps.

    Signals
    -------
    maps_changed
        The user picked another set of maps.
    companion_changed
        One of `layers.COMPANIONS`, and whether to show it.
    validity_changed
        Whether to hide values that the validity rules leave out.
    missing_requested, save_requested
        The user pressed the button.
    """

    maps_changed = Signal(str)
    companion_changed = Signal(str, bool)
    validity_changed = Signal(bool)
    missing_requested = Signal()
    save_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.maps_picker = Picker("The maps to save, and whose extra layers are shown")
        self.companions = {name: QCheckBox(name) for name in COMPANIONS}
        self.advice = AdviceList()
        self.validity = QCheckBox("Hide invalid values")
        self.missing_button = QPushButton()
        self.save_button = QPushButton("Save maps…")
        self.save_button.setToolTip(
            "Write one file per map, with uncertainty, quality, flags and a record of the "
            "reconstruction"
        )
        self.form_picker = Picker(
            "Form of the files: NIfTI, MetaImage and DICOM parametric maps hold every value; DICOM "
            "images are rounded to 16 bits, for viewers; a BIDS data set has T1 in seconds, and "
            "the regions beside the maps"
        )
        for one in FORMS.values():
            self.form_picker.addItem(one.title, one.name)
        self.form_picker.addItem("BIDS data set, with regions", DATA_SET)
        for name, box in self.companions.items():
            box.setToolTip(_COMPANION_TIPS[name])
            box.clicked.connect(self._on_companion_clicked)
        form = narrow_form()
        form.setContentsMargins(0, 4, 0, 0)
        form.addRow(self.advice)
        form.addRow(form_label("Maps"), self.maps_picker)
        form.addRow(form_label("Layers"), NarrowRow(*self.companions.values()))
        form.addRow(self.missing_button)
        form.addRow(self.validity)
        self.figure_button = FigureButton()
        form.addRow(form_label("Save as"), self.form_picker)
        form.addRow(NarrowRow(self.save_button, self.figure_button))
        self.saving_row = JobRow()
        form.addRow(self.saving_row)
        self.setLayout(form)
        self.maps_picker.textActivated.connect(self.maps_changed)
        self.validity.clicked.connect(self.validity_changed)
        self.missing_button.clicked.connect(self._on_missing_clicked)
        self.save_button.clicked.connect(self._on_save_clicked)
        self.set_maps([], "")
        self.set_missing([])

    def set_maps(self, names: Sequence[str], current: str) -> None:
        """Offer the sets of maps."""
        self.maps_picker.fill(names, current)
        self.setVisible(bool(names))

    def current_maps(self) -> str:
        """Return the name of the picked set, empty when there is none."""
        return self.maps_picker.currentText()

    def current_form(self) -> str:
        """Return the key of the picked form of files."""
        return str(self.form_picker.currentData())

    def set_companions(self, available: Sequence[str], shown: Sequence[str]) -> None:
        """Enable what the current maps have, and check what is shown."""
        for name, box in self.companions.items():
            has_it = name in available
            box.setEnabled(has_it)
            box.setToolTip(_COMPANION_TIPS[name] if has_it else _NOT_GIVEN.get(name, _NONE))
            box.setChecked(name in shown)

    def set_missing(self, keys: Sequence[str]) -> None:
        """Offer to show the maps of the picked set again whose layers were deleted."""
        what = keys[0] if len(keys) == 1 else f"{len(keys)} maps"
        self.missing_button.setText(f"Show {what} again")
        self.missing_button.setToolTip(
            f"Bring back the layers of these maps that were deleted: {', '.join(keys)}"
        )
        self.missing_button.setVisible(bool(keys))

    def set_validity(self, rules: str, is_hidden: bool) -> None:
        """Offer to hide invalid values; not at all where no map has a rule."""
        self.validity.setVisible(bool(rules))
        self.validity.setToolTip(
            f"Shown: {rules}. Stored values do not change; the thresholds are in "
            "File > Preferences > napari-mrf."
        )
        self.validity.setChecked(is_hidden)

    def set_saving(self, is_saving: bool) -> None:
        """Keep the button from being pressed twice."""
        self.save_button.setEnabled(not is_saving)

    def _on_companion_clicked(self, is_shown: bool) -> None:
        box = self.sender()
        if isinstance(box, QCheckBox):
            self.companion_changed.emit(box.text(), is_shown)

    def _on_missing_clicked(self) -> None:
        self.missing_requested.emit()

    def _on_save_clicked(self) -> None:
        self.save_requested.emit()


class ResultsBinding:
    """Controller of the results: acts on the signals of the view and updates it.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the maps.
    panel : ResultsPanel
        The view.
    notice : Notice
        The notice for problems.
    """

    def __init__(self, viewer: ViewerModel, panel: ResultsPanel, notice: Notice) -> None:
        self.viewer: ViewerModel = unwrapped(viewer)
        self.panel = panel
        self.notice = notice
        self.session = session_of(viewer)
        self.display, self.choice = maps_display_of(viewer), map_choice_of(viewer)
        self.saving = Job()
        self.figures = FigureExport(viewer, panel.figure_button, notice.say)
        self._directory = self._written_for = self._form = ""
        self._written: MapsSet | None = None
        self.removed = removed_layers_of(viewer)
        panel.missing_requested.connect(self._on_missing_requested)
        panel.save_requested.connect(self._on_save_requested)
        panel.maps_changed.connect(self._on_maps_picked)
        panel.companion_changed.connect(self._on_companion_changed)
        panel.validity_changed.connect(self._on_validity_changed)
        self.bond = Bond(panel)
        self.bond.connect(self.viewer.layers.events.inserted, self._on_inserted)
        self.bond.connect(self.viewer.layers.events.removed, self._on_layers_changed)
        self.bond.connect(self.session.maps_changed, self._on_maps_changed)
        self.bond.connect(self.saving.changed, self._on_saving_changed)
        self.bond.connect(self.display.validity_changed, self._show_companions)
        panel.saving_row.follow(self.saving, self.bond, notice.say)
        for layer in self.viewer.layers:
            self._watch(layer)
        self._show("")

    def save_to(self, directory: str, *, overwrite: bool = False) -> None:
        """Write the maps that are picked in the panel to a folder, in the form that is picked."""
        maps_set = self.session.maps_sets.get(self.panel.current_maps())
        if maps_set is not None and not self.saving.status.is_running:
            self._directory, self._written = directory, maps_set
            self._form = self.panel.current_form()
            self._written_for = self.session.subject.key
            self.notice.clear()
            self.saving.start(
                "Saving maps",
                save,
                maps_set.maps,
                directory,
                overwrite,
                self._form,
                self._scan_files(maps_set),
            )

    def _scan_files(self, maps_set: MapsSet) -> ScanFiles:
        """Return the series of the subject, else the name of the maps, and the regions."""
        series, regions = self.session.series, self.session.regions
        name = self.session.subject.name or maps_set.name
        source = Path(name if series is None or not series.source_path else series.source_path)
        has_any = regions is not None and regions.labels.any()
        return ScanFiles(source, regions if has_any else None)

    def state(self) -> dict[str, Any]:
        """Return what is picked, for a session file."""
        return {"maps": self.panel.current_maps(), "hides_invalid": self.display.hides_invalid}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Pick as a session file says; what is missing or unknown stays as it is."""
        if isinstance(hides := state.get("hides_invalid"), bool):
            self.display.set_hides_invalid(hides)
        name = state.get("maps")
        if isinstance(name, str) and name in self.session.maps_sets:
            self._show(name)
            self.panel.maps_changed.emit(name)

    def _show(self, name: str) -> None:
        sets = self.session.maps_sets
        current = name if name in sets else self.panel.current_maps()
        if current not in sets:
            current = next(reversed(list(sets)), "")
        self.panel.set_maps(list(sets), current)
        self._show_companions()

    def _show_companions(self) -> None:
        name = self.panel.current_maps()
        maps_set = self.session.maps_sets.get(name)
        if maps_set is None:
            return
        maps = maps_set.maps
        available = ["mask"]
        available += ["quality"] if maps.quality is not None else []
        available += ["flags"] if maps.flags is not None else []
        available += ["uncertainty"] if maps.uncertainty else []
        shown = [one for one in COMPANIONS if is_companion_shown(self.viewer, name, one)]
        self.panel.set_companions(available, shown)
        self.panel.set_missing(self.display.missing(name))
        rules = validity_rules(preferences().thresholds) if "FF" in maps else {}
        words = ", ".join(f"{key} where {rules[key].describe()}" for key in maps if key in rules)
        self.panel.set_validity(words, self.display.hides_invalid)

    def _tell_left_out(self, maps: ParameterMaps) -> None:
        if maps.flags is None:
            return
        n_left_out = int(np.count_nonzero(maps.flags & FLAGS["not-finite"]))
        if n_left_out:
            is_one = n_left_out == 1
            voxels = "1 voxel is" if is_one else f"{n_left_out:,} voxels are"
            were = "was" if is_one else "were"
            self.notice.say(f"{voxels} not finite and {were} left out. See the flags layer.")

    def _watch(self, layer: Layer) -> None:
        """Let the box of a companion follow the eye of its layer."""
        if SET_KEY in layer.metadata and layer.metadata[PARAMETER_KEY] not in PARAMETERS:
            layer.events.visible.connect(self._on_seen)  # napari keeps no more than a weak hold

    def _on_seen(self, event: Event) -> None:
        if isalive(self.panel):
            self._show_companions()

    def _on_inserted(self, event: Event) -> None:
        self._watch(event.value)
        self._show_companions()

    def _on_layers_changed(self, event: Event) -> None:
        self._show_companions()

    def _on_maps_changed(self, name: str) -> None:
        one = self.session.maps_sets.get(name)
        # What was opened to compare with is not what is to be saved.
        self._show("" if one is not None and one.folder else name)
        if name in self.session.maps_sets:
            self._tell_left_out(self.session.maps_sets[name].maps)

    def _on_maps_picked(self, name: str) -> None:
        self._show_companions()

    def _on_companion_changed(self, companion: str, is_shown: bool) -> None:
        self.choice.set_companion(self.panel.current_maps(), companion, is_shown)

    def _on_validity_changed(self, is_hidden: bool) -> None:
        self.display.set_hides_invalid(is_hidden)

    def _on_missing_requested(self) -> None:
        self.removed.show_maps(self.panel.current_maps())

    def _on_save_requested(self) -> None:
        name = self.session.subject.name
        directory = ask_folder(
            self.panel, f"Save {self.panel.current_maps()} of {name} to a folder"
        )
        if directory:
            self.save_to(directory)

    def _on_saving_changed(self, status: JobStatus) -> None:
        self.panel.set_saving(status.is_running)
        if status.state is JobState.DONE:
            written, owner = self._written, self._written_for
            # What was made anew while it was written is not in the folder.
            # Rounded values are not the maps: those are still to be saved.
            if (
                written is not None
                and not (self._form in FORMS and FORMS[self._form].is_rounded)
                and (self.session.maps_sets_of(owner).get(written.name) is written)
            ):
                self.session.mark_maps_saved(written.name, self._directory, owner)
            self.notice.say(f"Saved to {self._directory}", kind="note")
        elif status.failure is not None:
            self.notice.clear()
            if not asks_to_overwrite(self.panel, status, self._overwrite):
                self.notice.say(status.failure.sentence)

    def _overwrite(self) -> None:
        if self._written_for == self.session.subject.key:
            self.save_to(self._directory, overwrite=True)
