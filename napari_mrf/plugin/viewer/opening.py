"""Opening of series in the background, with one opener per viewer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_mrf.plugin.jobs import JobState, JobStatus, Step, reading
from napari_mrf.plugin.layers import peak_magnitude, series_layer_data, series_of
from napari_mrf.plugin.layers.closeup.mean_view import opening_component
from napari_mrf.plugin.session import one_per_viewer, session_of
from napari_mrf.plugin.subjects import source_of
from napari_mrf.plugin.viewer.canvas_texts import show_canvas_texts
from napari_mrf.plugin.viewer.layer_turns import SESSION, WAITING, layer_turns_of
from napari_mrf.plugin.viewer.mean_display import mean_display_of
from napari_mrf.plugin.viewer.raw.work import RawFile, read_raw

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries


@dataclass(frozen=True)
class OpenedSeries:
    """A series ready to be shown.

    Parameters
    ----------
    series : MRFSeries
        The series.
    name : str
        Name of the layer.
    peak : float
        Upper display limit of the magnitude.
    """

    series: MRFSeries
    name: str
    peak: float

    def layer_data(self, component: str = "magnitude") -> tuple[Any, dict[str, Any], str]:
        """Return the napari layer data tuple; the mean needs `mean_display_of` its viewer."""
        return series_layer_data(self.series, self.name, component=component, peak=self.peak)

    def layer_data_for(self, viewer: Any) -> tuple[Any, dict[str, Any], str]:
        """Return the layer data tuple for a viewer, with what is best seen at first."""
        mean_display_of(viewer)
        return self.layer_data(opening_component(self.series))


def read_series(path: str | Path, **options: Any) -> Generator[Step, None, OpenedSeries]:
    """Read a series file in steps; options are those of `napari_mrf.load_series`."""
    path = Path(path)
    packed = path.suffix.lower() == ".gz"
    yield Step(detail="checking and unpacking it once into the cache" if packed else "reading it")
    from napari_mrf import load_series

    def load() -> Generator[str, None, MRFSeries]:
        yield "MB"
        return load_series(path, **options)

    series = yield from reading(load())
    yield Step(detail="looking at a few frames")
    name = series_name(series.source_path or path)
    return OpenedSeries(series, name, peak_magnitude(series))


def read_file(path: str | Path, **options: Any) -> Generator[Step, None, OpenedSeries | RawFile]:
    """Read a series or a raw file in steps; options are those of `napari_mrf.load_series`."""
    from napari_mrf.io import is_raw

    yield Step(detail="looking what it is")
    if not options and is_raw(path):
        return (yield from read_raw(path))
    return (yield from read_series(path, **options))


def averaged_series(
    series: MRFSeries, sequence: Sequence, name: str
) -> Generator[Step, None, OpenedSeries]:
    """Average an unaveraged spoke series to the frames of a sequence, in steps."""
    yield Step(detail=f"{sequence.pulses_per_frame} spokes per frame")
    from napari_mrf.io.series.spokes import average

    path = Path(series.source_path or name)
    signal, spokes = yield from _changed(series.signal, lambda all_: average(all_, sequence, path))
    reading = {**series.metadata.get("reading", {}), "average_spokes": True}
    record = {"averaged_spokes": spokes, "reading": reading}
    averaged = replace(series, signal=signal, sequence=sequence,
                       metadata={**series.metadata, **record})  # fmt: skip
    yield Step(detail="looking at a few frames")
    return OpenedSeries(averaged, name, peak_magnitude(averaged))


def cut_short_series(
    series: MRFSeries, sequence: Sequence, name: str
) -> Generator[Step, None, OpenedSeries]:
    """Take a series as the first frames of a sequence, the others not measured, in steps."""
    yield Step(detail=f"{series.n_frames} of {sequence.n_frames} frames")
    from napari_mrf.data.frames import frames_text
    from napari_mrf.io.series.cut_short import filled

    there = tuple(range(series.n_frames))
    signal, record, note = yield from _changed(
        series.signal, lambda all_: filled(all_, there, sequence)
    )
    reading = {**series.metadata.get("reading", {}), "frames": frames_text(there)}
    longer = replace(series, signal=signal, sequence=sequence, warnings=(*series.warnings, note),
                     metadata={**series.metadata, **record, "reading": reading})  # fmt: skip
    yield Step(detail="looking at a few frames")
    return OpenedSeries(longer, name, peak_magnitude(longer))


def _changed(signal: Any, change: Callable[[Any], tuple[Any, ...]]) -> Generator[Step, None, Any]:
    """Return what a change of a series gives, the signal first; slice by slice in memory.

    A series on the disk is changed where it is looked at.
    """
    if not isinstance(signal, np.ndarray):
        return change(signal)
    import dask.array

    made, *others = change(dask.array.from_array(signal, chunks=(-1, 1, -1, -1)))
    changed = np.empty(made.shape, made.dtype)
    n_slices = changed.shape[1]
    for z in range(n_slices):
        yield Step(z, n_slices, f"slice {z + 1} of {n_slices}")
        changed[:, z] = made[:, z].compute(scheduler="synchronous")
    return changed, *others


def series_name(path: str | Path) -> str:
    """Return the name of a series from its file: ``thigh.nii.gz`` gives ``thigh``.

    One of DICOM is named by its folder.
    """
    from napari_mrf.io.formats.registry import stem_of

    return stem_of(Path(path))


class Opener:
    """Runs the opening job of one viewer and adds the series as a layer.

    A series that has been read waits until a session that is being shown is there as a whole.

    Attributes
    ----------
    told : Signal(str)
        A sentence for the user.
    failed : Signal(str)
        Which of several files were not opened, and why.
    raw_opened : Signal(object)
        A `RawFile` was read; others show it.
    """

    told = Signal(str)
    failed = Signal(str)
    raw_opened = Signal(object)

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        self.job = session_of(viewer).opening
        self._receive: Callable[[Any], None] | None = None
        self._ended: Callable[[], None] | None = None
        self._waiting: list[str | Path] = []
        self._failed: list[str] = []
        self.job.succeeded.connect(self._on_succeeded)
        self.job.changed.connect(self._on_changed)

    def open(self, path: str | Path, **options: Any) -> None:
        """Open a file; the layer appears when it has been read."""
        self.start(f"Opening {Path(path).name}", read_file, path, options)

    def open_in_turn(self, path: str | Path) -> None:
        """Open a file after those that are being opened: of several dropped ones none is lost.

        Whoever cancels one gives up those that wait. Why a file could not be opened is told once
        the last one is.
        """
        self._waiting.append(path)
        self._open_waiting()

    def start(self, title: str, work: Callable[..., Any], *arguments: Any) -> None:
        """Run a generator that returns an `OpenedSeries` or a `RawFile`.

        The new one replaces a file that is still being opened.
        """
        self.job.cancel()
        *plain, options = arguments if arguments else ({},)
        self.job.start(title, _with_options, work, tuple(plain), options)

    def wait_for(
        self, title: str, work: Callable[..., Any], receive: Callable[[Any], None],
        ended: Callable[[], None],
    ) -> None:  # fmt: skip
        """Run a generator for somebody who adds the layer, and tell when it has ended."""
        self._receive, self._ended = receive, ended
        self.start(title, work)

    def _open_waiting(self) -> None:
        if self.job.status.is_running:
            return
        if self._waiting:
            self.open(self._waiting.pop(0))
        elif self._failed:
            failed, self._failed = self._failed, []
            layer_turns_of(self._viewer()).begin("files that failed", self._tell("\n".join(failed)))

    def _tell(self, sentence: str) -> Iterator[object]:
        """Tell once all is shown that was opened: panels clear what was said when they change."""
        viewer = self._viewer()
        while viewer is not None and len(layer_turns_of(viewer).owners) > 1:
            yield WAITING
        self.failed.emit(sentence)

    def _note_end(self, status: JobStatus) -> None:
        """Go on with the files that wait; the panels clear what they said when one is opened."""
        if status.state is JobState.CANCELLED:
            self._waiting, self._failed = [], []
        elif status.failure is not None and (self._waiting or self._failed):
            self._failed.append(status.failure.sentence)
        if self._waiting or self._failed:
            QTimer.singleShot(0, self._open_waiting)  # the result of a job follows its last status

    def _on_changed(self, status: JobStatus) -> None:
        if not status.is_running:
            self._note_end(status)
        if not status.is_running and self._ended is not None:
            ended, self._ended = self._ended, None
            if status.state is not JobState.DONE:
                self._receive = None
            viewer = self._viewer()
            if viewer is not None:
                ended = partial(layer_turns_of(viewer).after, SESSION, ended)
            # The result of a job follows its last status.
            QTimer.singleShot(0, ended)

    def _on_succeeded(self, opened: Any) -> None:
        viewer = self._viewer()
        if viewer is None or not isinstance(opened, OpenedSeries | RawFile):
            return
        turns = layer_turns_of(viewer)
        if isinstance(opened, RawFile):
            turns.after(SESSION, partial(self.raw_opened.emit, opened))
        if self._receive is not None:
            receive, self._receive = self._receive, None
            receive(opened)
        elif isinstance(opened, OpenedSeries):
            turns.after(SESSION, partial(self.show, opened))

    def show(self, opened: OpenedSeries) -> None:
        """Add a series as the one of the window."""
        viewer = self._viewer()
        if viewer is None or self.shows_already(opened):
            return
        data, attributes, _ = opened.layer_data_for(viewer)
        layer = viewer.add_image(data, **attributes)
        show_canvas_texts(viewer)
        # A panel may have found the sequence already, so the layer knows better than `opened`.
        session_of(viewer).set_series(series_of(layer), layer.name)

    def shows_already(self, opened: OpenedSeries) -> bool:
        """Show the layer of a series that is open already, and say so; return whether it is."""
        viewer, layer = self._viewer(), self.layer_of(opened)
        if layer is None:
            return False
        session_of(viewer).set_series(series_of(layer), layer.name)
        self.told.emit(f"{layer.name} is open already.")
        return True

    def layer_of(self, opened: OpenedSeries) -> Any:
        """Return the layer of a series that is open already, or None."""
        viewer = self._viewer()
        for layer in [] if viewer is None else viewer.layers:
            series = series_of(layer)
            if series is not None and _is_same(series, opened.series):
                return layer
        return None


def _is_same(one: MRFSeries, other: MRFSeries) -> bool:
    """Return whether two series are the same frames of the same file, read in the same way."""
    readings = [
        [
            *(one.metadata.get("reading", {}).get(key) for key in ("phase_unit", "magnitude_only")),
            *(one.metadata.get(key) for key in ("images", "virtual_coils", "raw")),
        ]
        for one in (one, other)
    ]
    same_file = bool(source_of(one)) and source_of(one) == source_of(other)
    return same_file and one.signal.shape == other.signal.shape and readings[0] == readings[1]


def _with_options(work: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    return (yield from work(*arguments, **options))


opener_of = one_per_viewer(Opener)
"""Return the opener of a viewer."""
