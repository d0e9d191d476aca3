"""Controller of the Series panel: connects it to the viewer and the session."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data import sequences
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.jobs import Failure, Job, JobState, JobStatus, Step, in_steps
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.files.dialogs import ask_open_path
from napari_mrf.plugin.layers import replace_series, series_of, show_component
from napari_mrf.plugin.layers.batch import remove_together
from napari_mrf.plugin.layers.closeup.mean_view import opening_component
from napari_mrf.plugin.layers.metadata import SUBJECT_KEY
from napari_mrf.plugin.layers.subjects import has_own_name, is_shown, show, waits
from napari_mrf.plugin.panels.series.panel import (
    facts_of,
    one_line,
    one_line_of_raw,
    spokes_question,
)
from napari_mrf.plugin.panels.series.raw_controller import RawBinding
from napari_mrf.plugin.panels.series.saving import SavingBinding
from napari_mrf.plugin.panels.shared.removal import asks_to_remove
from napari_mrf.plugin.panels.shared.texts import SEQUENCE_FILES
from napari_mrf.plugin.session import session_of, unwrapped
from napari_mrf.plugin.subjects import UNTITLED
from napari_mrf.plugin.viewer.canvas_texts import show_canvas_texts
from napari_mrf.plugin.viewer.layer_turns import SESSION, layer_turns_of
from napari_mrf.plugin.viewer.mean_display import mean_display_of
from napari_mrf.plugin.viewer.opening import averaged_series, cut_short_series, opener_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari.components import ViewerModel
    from napari.layers import Layer
    from napari.utils.events import Event

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.panels.series.panel import SeriesPanel
    from napari_mrf.plugin.viewer.raw.work import RawFile

SERIES_FILES = (
    "Series and raw files (*.nii *.nii.gz *.npy *.npz *.h5 *.hdf5 *.mat *.mrd *.dat *.cfl *.dcm "
    "*.ima *.mha *.mhd);;"
    "All files (*)"
)
_NO_SERIES = ("axes-unknown", "not-complex", "not-numeric", "bad-shape")
_OTHER_FILES = ("Labels are opened in ROIs (Load labels…), maps in Compare (from a folder…), other "
                "images with another reader (File > Open File(s)…).")  # fmt: skip
FRAMES_FIRST = "Frames are the first axis"
FRAMES_LAST = "Frames are the last axis"


class SeriesBinding:
    """Controller of the Series panel: acts on the signals of the view and updates it.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the series layers.
    panel : SeriesPanel
        The view.
    """

    def __init__(self, viewer: ViewerModel, panel: SeriesPanel) -> None:
        self.viewer: ViewerModel = unwrapped(viewer)
        self.panel = panel
        self.session = session_of(viewer)
        self._opener = opener_of(viewer)
        mean_display_of(viewer)
        self._loaded: dict[str, Sequence] = {}
        self._cure: Callable[[], None] | None = None
        self._misread: Layer | None = None
        panel.layer_changed.connect(self._on_layer_changed)
        panel.sequence_changed.connect(self._on_sequence_changed)
        panel.component_changed.connect(self._on_component_changed)
        panel.open_requested.connect(self._on_open_requested)
        panel.sequence_file_requested.connect(self._on_sequence_file_requested)
        panel.average_requested.connect(self._on_average_requested)
        panel.show_requested.connect(self._on_show_requested)
        panel.cancel_requested.connect(self._on_cancel_requested)
        self.bond = Bond(panel)
        self.raw = RawBinding(self.viewer, panel, self.bond)
        self.raw_files = self.raw.files
        self.sequence_file = Job()
        self.saving = SavingBinding(self.viewer, panel, self.bond)
        self.bond.connect(self.raw_files.changed, self._show)
        self.bond.connect(self.sequence_file.changed, self._on_sequence_file_changed)
        self.bond.connect(self.sequence_file.succeeded, self._on_sequence_read)
        layers = self.viewer.layers.events
        self.bond.connect(layers.inserted, self._on_layer_inserted)
        self.bond.connect(layers.removed, self._on_layer_removed)
        self.bond.connect(self.session.series_changed, self._on_series_changed)
        self.bond.connect(self.session.opening.changed, self._on_opening_changed)
        self.bond.connect(self._opener.told, self._on_told)
        self.bond.connect(self._opener.failed, panel.set_problem)
        for layer in self.viewer.layers:
            self._watch(layer)
        self._adopt_layers()
        self._show()
        self._on_opening_changed(self.session.opening.status)

    def open_file(self, path: str | Path) -> None:
        """Open a series; the rest follows from its layer."""
        self._opener.open(path)

    def load_sequence(self, path: str | Path) -> None:
        """Take the sequence of a file for the current series or raw file, once it is read."""
        self.sequence_file.cancel()
        self.sequence_file.start(f"Reading {Path(path).name}", _read_sequence, Path(path))

    def _on_sequence_file_changed(self, status: JobStatus) -> None:
        self.panel.set_opening(status)
        if status.failure is not None:
            self.panel.set_problem(status.failure.sentence)
        if not status.is_running:
            self._say_state()

    def _on_sequence_read(self, sequence: Sequence) -> None:
        self._loaded[sequence.name] = sequence
        self._take(sequence)

    def _series_layers(self) -> dict[str, Layer]:
        return {layer.name: layer for layer in self.viewer.layers if series_of(layer) is not None}

    def _watch(self, layer: Layer) -> None:
        self.bond.connect(layer.events.name, self._on_layer_renamed)
        if series_of(layer) is not None:
            self.bond.connect(layer.events.visible, self._show_hidden)

    def _adopt_layers(self) -> None:
        """Make another series layer current if the current one is gone or there was none.

        The newest of the same subject comes first. A subject with results stays without one.
        """
        layers, session = self._series_layers(), self.session
        present, here = session.series, session.subject
        name = next((name for name, layer in layers.items() if series_of(layer) is present), "")
        if not name:
            # One that never had a series may get one that is nobody's yet, but no other subject's.
            is_new = not session.has_had_series(here.key)
            of = (here.key, None) if is_new else (here.key,)
            own = [name for name, one in layers.items() if one.metadata.get(SUBJECT_KEY) in of]
            stays = is_new or session.has_results(here.key)
            name = next(reversed(own if own or stays else list(layers)), "")
        session.set_series(series_of(layers[name]) if name else None, name)
        if layers:
            show_canvas_texts(self.viewer)
        self._propose_sequence()

    def _propose_sequence(self) -> None:
        """Take the one named sequence that has as many frames, if there is one.

        Of sequences that play the same pulses and differ in their maps, the first is taken.
        """
        series = self.session.series
        if series is None or series.sequence is not None:
            return
        fitting = [s for s in self._choices().values() if s.n_frames == series.n_frames]
        if fitting and all(
            np.array_equal(one.flip_angles_deg, fitting[0].flip_angles_deg) for one in fitting
        ):
            self._take_for_series(fitting[0])
            layer = self._series_layers().get(self.session.series_name)
            if layer is not None and layer.data.component == "magnitude":
                component = opening_component(self.session.series or series)
                if component != "magnitude":
                    show_component(layer, component)

    def _choices(self) -> dict[str, Sequence]:
        named = {
            sequence.name: sequence for sequence in (make() for make in sequences.NAMED.values())
        }
        file = self.raw_files.current
        current = self.session.series if file is None else file
        own = {} if current is None or current.sequence is None else {
            current.sequence.name: current.sequence}  # fmt: skip
        return {**named, **self._loaded, **own}

    def _take(self, sequence: Sequence) -> None:
        """Take a sequence that the user has picked, for the raw file or the series."""
        file = self.raw_files.current
        if file is not None:
            self.raw_files.read(file.path, file.reading, sequence)
        else:
            self._take_for_series(sequence)

    def _take_for_series(self, sequence: Sequence) -> None:
        series = self.session.series
        if series is None:
            return
        try:
            fitting = series.with_sequence(sequence)
        except MRFInputError as error:
            self._show()
            self._explain_mismatch(series, sequence, error)
            return
        layer = self._series_layers().get(self.session.series_name)
        if layer is not None:
            replace_series(layer, fitting)
        self.session.set_series(fitting, self.session.series_name)

    def _explain_mismatch(
        self, series: MRFSeries, sequence: Sequence, error: MRFInputError
    ) -> None:
        if _cut_short(error):
            self._cure = partial(self._take_cut_short, series, sequence)
            self.panel.set_problem(error.sentence(), cure=f"Use frames {_cut_short(error)}")
            return
        if series.n_frames != sequence.n_pulses or series.n_frames == sequence.n_frames:
            self.panel.set_problem(error.sentence())
            return
        self._cure = partial(self._average, series, sequence)
        self.panel.set_problem(
            spokes_question(series, sequence), cure=f"Average {sequence.pulses_per_frame} spokes"
        )

    def _show(self, *, keeps_problem: bool = False) -> None:
        series, panel = self.session.series, self.panel
        layers = self._series_layers()
        if not keeps_problem:
            panel.set_problem("")
        self.raw.show()
        if self.raw_files.current is not None:
            self._show_raw(self.raw_files.current)
            return
        panel.set_layers([*layers, *self.raw_files.names], self.session.series_name)
        sequence = series.sequence if series is not None else None
        panel.set_sequences(self._choices(), sequence.name if sequence else "")
        panel.set_facts(facts_of(series) if series is not None else [])
        panel.set_savable(series is not None and "images" in series.metadata.get("reading", {}))
        panel.set_warnings(series.warnings if series is not None else ())
        self._show_hidden()
        if series is None:
            self._explain_missing_series()
            return
        layer = layers.get(self.session.series_name)
        if layer is not None:
            panel.set_component(layer.data.component)
        if sequence is None:
            self._explain_missing_sequence(series)
        panel.state_changed.emit(one_line(self.session.series_name, series))

    def _show_raw(self, file: RawFile) -> None:
        """Show the raw file that is picked in place of a series."""
        panel = self.panel
        entries = [*self._series_layers(), *self.raw_files.names]
        panel.set_layers(entries, self.raw_files.current_name, is_raw=True)
        panel.set_sequences(self._choices(), file.sequence.name if file.sequence else "")
        panel.set_facts([])
        panel.set_savable(False)
        panel.set_warnings(())
        panel.set_hidden("")
        panel.state_changed.emit(one_line_of_raw(file))

    def _show_hidden(self, event: Event | None = None) -> None:
        """Say when the series is not what the canvas shows."""
        layer = self._series_layers().get(self.session.series_name)
        is_hidden = layer is not None and not is_shown(layer)
        self.panel.set_hidden(self.session.series_name if is_hidden else "")

    def _on_show_requested(self) -> None:
        layer = self._series_layers().get(self.session.series_name)
        if layer is not None:
            show(self.viewer, layer)

    def _on_told(self, sentence: str) -> None:
        self.panel.notice.say(sentence, kind="note")

    def _explain_missing_series(self) -> None:
        """Say what stays of a subject whose series was removed, and how to remove that too."""
        subject = self.session.subject
        if subject.name not in ("", UNTITLED):
            self._cure = self._remove_subject
            self.panel.set_problem(
                f"The series of {subject.name} was removed from the layers; its results are kept. "
                "Open it again to go on, or remove them.", cure="Remove the results…",
            )  # fmt: skip
            self.panel.state_changed.emit(f"{subject.name} · without its series")

    def _remove_subject(self) -> None:
        asks_to_remove(self.panel, self.viewer, self.session.subject.key)

    def _explain_missing_sequence(self, series: MRFSeries) -> None:
        for sequence in self._choices().values():
            if series.n_frames == sequence.n_pulses != sequence.n_frames:
                try:
                    series.with_sequence(sequence)
                except MRFInputError as error:
                    self._explain_mismatch(series, sequence, error)
                return
        order = series.metadata.get("frames_first")
        if order and series.source_path:
            self._cure = partial(self._open_in_order, series.source_path, order)
            self.panel.set_problem(
                f"No known sequence has {series.n_frames} frames, but one has as many as the "
                "first axis of the file is long.", cure=FRAMES_FIRST,
            )  # fmt: skip
            return
        self.panel.set_problem(
            f"The file does not name the sequence of its {series.n_frames} frames. "
            "Pick the sequence, or load it from a file (⋯)."
        )

    def _on_layer_changed(self, name: str) -> None:
        layer_turns_of(self.viewer).after(SESSION, partial(self._show_layer, name))

    def _show_layer(self, name: str) -> None:
        layer = self._series_layers().get(name)
        if layer is not None:
            self.session.set_series(series_of(layer), name)
            self._propose_sequence()
        self.raw_files.choose(self.raw_files.names.get(name, ""))

    def _on_sequence_changed(self, name: str) -> None:
        sequence, series = self._choices().get(name), self.session.series
        if self.raw_files.current is not None:
            series = None
        if series is not None and sequence is not None and sequence == series.sequence:
            self._show()  # the same series: no panel has to start again
        elif sequence is not None:
            self._take(sequence)

    def _on_component_changed(self, component: str) -> None:
        layer = self._series_layers().get(self.session.series_name)
        if layer is not None:
            show_component(layer, component)

    def _on_open_requested(self) -> None:
        path = ask_open_path(self.panel, "Open a series", SERIES_FILES)
        if path:
            self.open_file(path)

    def _on_sequence_file_requested(self) -> None:
        path = ask_open_path(self.panel, "Load a sequence", SEQUENCE_FILES)
        if path:
            self.load_sequence(path)

    def _on_average_requested(self) -> None:
        if self._cure is not None:
            self._cure()

    def _open_in_order(self, path: str, order: str) -> None:
        """Open a file again with its axes in this order, in place of the first reading."""
        read = self._series_layers().values()
        # Without one the file could not be read at all, and what is picked is another scan.
        self._misread = next((one for one in read if _is_of(one, path)), None)
        self._opener.open(path, axes=order)

    def _average(self, series: MRFSeries, sequence: Sequence) -> None:
        name = self.session.series_name
        self._opener.start(f"Averaging {name}", averaged_series,
                           series, sequence, f"{name} averaged", {})  # fmt: skip

    def _take_cut_short(self, series: MRFSeries, sequence: Sequence) -> None:
        name = self.session.series_name
        self._opener.start(f"Filling up {name}", cut_short_series,
                           series, sequence, f"{name} cut short", {})  # fmt: skip

    def _explain_failure(self, failure: Failure) -> None:
        error = failure.error
        if (
            isinstance(error, MRFInputError)
            and error.path is not None
            and "Average" in (error.hint or "")
        ):
            self._cure = partial(self._opener.open, error.path, average_spokes=True)
            self.panel.set_problem(failure.sentence, cure="Average the spokes")
        elif isinstance(error, MRFInputError) and error.path is not None and _cut_short(error):
            frames = _cut_short(error)
            self._cure = partial(self._opener.open, error.path, frames=frames)
            self.panel.set_problem(failure.sentence, cure=f"Use frames {frames}")
        elif isinstance(error, MRFInputError) and error.path is not None and _order(error):
            order = _order(error)
            self._cure = partial(self._open_in_order, error.path, order)
            cure = FRAMES_FIRST if order.startswith("T") else FRAMES_LAST
            self.panel.set_problem(failure.sentence, cure=cure)
        elif isinstance(error, MRFInputError) and error.code in _NO_SERIES:
            self.panel.set_problem(f"{failure.sentence} {_OTHER_FILES}")
        else:
            self.panel.set_problem(failure.sentence)

    def _on_cancel_requested(self) -> None:
        self.session.opening.cancel()
        self.sequence_file.cancel()

    def _on_layer_inserted(self, event: Event) -> None:
        self._watch(event.value)
        series = series_of(event.value)
        misread, self._misread = self._misread, None
        path = "" if series is None else series.source_path  # another file may have come first
        if misread is not None and misread in self.viewer.layers and _is_of(misread, path):
            name = misread.name
            remove_together(self.viewer, [misread])
            event.value.name = name
        if series is not None and not waits(event.value):
            self.session.set_series(series, event.value.name)
            self.raw_files.choose("")
        self._adopt_layers()
        self._show()

    def _on_layer_renamed(self, event: Event) -> None:
        layer = event.source
        series = series_of(layer)
        if series is not None:
            given = layer.name if has_own_name(layer) else ""
            self.session.rename_series(series, layer.name, given)
            self._show(keeps_problem=True)  # names come late, after what could not be opened

    def _on_layer_removed(self, event: Event) -> None:
        series, key = series_of(event.value), event.value.metadata.get(SUBJECT_KEY, "")
        if series is not None and self.session.series_of(key) is series:
            self.session.drop_series(key)
        self._adopt_layers()
        self._show()

    def _on_series_changed(self, series: MRFSeries | None) -> None:
        self._show()

    def _on_opening_changed(self, status: JobStatus) -> None:
        self.panel.set_opening(status)
        if status.state is JobState.FAILED and status.failure is not None:
            self._explain_failure(status.failure)
        if not status.is_running:
            self._say_state()

    def _say_state(self) -> None:
        series, file = self.session.series, self.raw_files.current
        state = one_line(self.session.series_name, series) if series else "open a series"
        self.panel.state_changed.emit(state if file is None else one_line_of_raw(file))
        if series is None and file is None:
            self._explain_missing_series()


def _read_sequence(path: Path) -> Generator[Step, None, Sequence]:
    yield Step(detail="the pulses")
    sequence: Sequence = yield from in_steps(lambda progress: sequences.load(path), "the pulses")
    return sequence


def _is_of(layer: Layer, path: object) -> bool:
    """Return whether the series of a layer was read from this file."""
    series = series_of(layer)
    return series is not None and bool(path) and str(series.source_path) == str(path)


def _order(error: MRFInputError) -> str:
    """Return the order that an error of the order of axes offers, with the frames at one end.

    Three axes are one slice where they are complex, and else a volume in any order. Of one slice
    the last axis may be the frames too; where both ends may, nobody knows.
    """
    offered = re.findall(r'axes="(\w+)"', error.hint or "")
    first = [order for order in offered if order.startswith("T")]
    if offered and len(offered[0]) == 3:
        last = [order for order in offered if order.endswith("T")]
        is_one_slice = error.code == "axes-unknown" and "complex" in (error.found or "")
        known = is_one_slice and len(offered) in (len(first), len(last))
        return offered[0] if known else ""
    # A single real image is none in any order, but real and imaginary part may be an axis of it.
    known = error.code in ("frames-mismatch", "axes-unknown") or (
        error.code == "not-complex" and any("C" in order for order in first)
    )
    return first[0] if first and known else ""


def _cut_short(error: MRFInputError) -> str:
    """Return the frames that a series has which is too short for its sequence, if that is all."""
    offered = re.search(r'frames="([\d-]+)"', error.hint or "")
    return offered[1] if offered and error.code == "frames-mismatch" else ""
