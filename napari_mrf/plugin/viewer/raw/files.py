"""The raw files of a window, one of which may be current; their images are made here."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from psygnal import Signal

from napari_mrf.plugin.jobs import Job, JobState, JobStatus
from napari_mrf.plugin.layers import series_of
from napari_mrf.plugin.layers.raw_preview import (
    remove_preview,
    set_preview_visible,
    show_preview,
)
from napari_mrf.plugin.session import one_per_viewer, session_of
from napari_mrf.plugin.subjects import distinct_names
from napari_mrf.plugin.viewer.layer_turns import SESSION, layer_turns_of
from napari_mrf.plugin.viewer.opening import OpenedSeries, opener_of
from napari_mrf.plugin.viewer.raw.work import (
    READING,
    WAYS,
    FinishedSlice,
    MadeImages,
    RawFile,
    making,
    read_raw,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from napari_mrf.data.sequence import Sequence


class RawFiles:
    """The raw files that were opened in a viewer, also those that another one was chosen after.

    A raw file is current from when it is opened or chosen until a series is, or another subject.

    Attributes
    ----------
    changed : Signal()
        Another file is current, or more is known of it.
    images : str
        The way to the images that is chosen.
    coils : int or None
        Virtual coils; as many as hold the signal without.
    making : Job
        The images under way.
    """

    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        self._session = session_of(viewer)
        self._opener = opener_of(viewer)
        self._files: dict[str, RawFile] = {}
        self._current = ""
        self._made_of: RawFile | None = None
        self._then: Callable[[], None] | None = None
        self._restored: dict[str, Callable[[], object]] = {}
        self._magnitude: Any = None
        self.images = WAYS[0]
        self.coils: int | None = None
        self.making = Job()
        self.making.updated.connect(self._on_updated)
        self.making.succeeded.connect(self._on_succeeded)
        self.making.changed.connect(self._on_changed)
        self._opener.raw_opened.connect(self._on_opened)
        self._session.subject_changed.connect(self._on_subject_changed)

    @property
    def current(self) -> RawFile | None:
        """The file that images are made of next, or None."""
        return self._files.get(self._current)

    @property
    def names(self) -> dict[str, str]:
        """The path of each file by its name, which tells the files of the window apart."""
        paths = list(self._files)
        of_files = [self._files[path].path.name for path in paths]
        names = distinct_names(of_files, [((path,),) for path in paths])
        return {f"{name} (raw file)": path for name, path in zip(names, paths, strict=True)}

    @property
    def current_name(self) -> str:
        """The name of the current file, empty without one."""
        return next((name for name, path in self.names.items() if path == self._current), "")

    @property
    def needs(self) -> str:
        """Why no images can be made of the current file now; empty if they can."""
        if self.making.status.is_running:
            return "Wait until the images are made, or cancel them."
        return "Open a raw file first." if self.current is None else self.current.needs

    def choose(self, path: str) -> None:
        """Make a file current by its path; none if it is empty."""
        if path != self._current:
            self._take(path)

    def read(
        self, path: str | Path, reading_as: Mapping[str, Any], sequence: Sequence | None = None
    ) -> None:
        """Read a file, or the same file again in another way, and make it current."""
        before = self._files.get(_key(path))
        name = before.path.name if before is not None else _key(path)
        self._opener.start(f"Opening {name}", read_raw, path, reading_as, sequence, before, {})

    def restore(
        self, path: Path, said: Mapping[str, Any], sequence: Sequence | None,
        then: Callable[[], object],
    ) -> None:  # fmt: skip
        """Open the file of images that a session names, to be made again when the user says so.

        Parameters
        ----------
        path : Path
            The file.
        said : mapping
            How they were made: what `making` notes as ``"reading"``.
        sequence : Sequence or None
            That was played.
        then : callable
            Called when they are there.
        """
        self.images = said["images"] if said["images"] in WAYS else WAYS[0]
        self.coils = said.get("coils")
        self._restored[_key(path)] = then
        self.read(path, {key: said[key] for key in READING if key in said}, sequence)

    def make(self, then: Callable[[], None] | None = None) -> None:
        """Make the images of the current file; the series is then that of the window.

        Parameters
        ----------
        then : callable, optional
            Called once it is; not where that fails or is cancelled.
        """
        file = self.current
        if file is None or self.needs:
            return
        self._made_of, self._then, self._magnitude = file, then, None
        title = f"Making {self.images} images of {file.path.name}"
        self.making.start(title, making, file, self.images, self.coils)

    def _on_opened(self, file: RawFile) -> None:
        self._files[_key(file.path)] = file
        self._take(_key(file.path))

    def _take(self, path: str) -> None:
        self._current = path
        viewer = self._viewer()
        if viewer is not None:
            set_preview_visible(viewer, self._is_seen)
        self.changed.emit()

    @property
    def _is_seen(self) -> bool:
        """Whether the file that images are being made of is the one that is looked at."""
        return self._made_of is not None and _key(self._made_of.path) == self._current

    def _on_subject_changed(self, _: object) -> None:
        self.choose("")

    def _on_updated(self, finished: Any) -> None:
        viewer, file = self._viewer(), self._made_of
        if viewer is None or file is None or file.raw is None:
            return
        if isinstance(finished, FinishedSlice):
            if self._magnitude is None:
                shape = (file.raw.n_slices, *file.raw.matrix)
                self._magnitude = np.full(shape, np.nan, np.float32)
            self._magnitude[finished.z] = finished.magnitude
            show_preview(viewer, self._magnitude, file.raw.affine, file.series_name, finished.z,
                         visible=self._is_seen)  # fmt: skip

    def _on_changed(self, status: JobStatus) -> None:
        if status.state in (JobState.CANCELLED, JobState.FAILED):
            self._end()

    def _on_succeeded(self, made: Any) -> None:
        viewer = self._viewer()
        if viewer is not None and isinstance(made, MadeImages):
            turns = layer_turns_of(viewer)
            begin = partial(turns.begin, "images of raw data", self._show_by_turns(made))
            turns.after(SESSION, begin)

    def _show_by_turns(self, made: MadeImages) -> Iterator[None]:
        file, then = self._made_of, self._then
        self._made_of, self._then, self._magnitude = None, None, None
        opened = OpenedSeries(made.series, made.name, made.peak)
        there = self._opener.layer_of(opened)
        if there is not None:
            self._session.set_series(series_of(there), there.name)
        else:
            self._opener.show(opened)
        self.choose("")
        restored = None if file is None else self._restored.pop(_key(file.path), None)
        for act in (restored, then):
            if act is not None:
                act()
        yield
        viewer = self._viewer()
        if viewer is not None:  # last, so that the canvas is never empty
            remove_preview(viewer)
        if there is not None:  # after all that is shown anew, which clears what was said
            self._opener.told.emit(f"{there.name} is open already.")

    def _end(self) -> None:
        viewer = self._viewer()
        if viewer is not None:
            remove_preview(viewer)
        self._made_of, self._then, self._magnitude = None, None, None


def _key(path: str | Path) -> str:
    """Return the path of a file by which it is known again."""
    from pathlib import Path

    return str(Path(path).absolute())


raw_files_of = one_per_viewer(RawFiles)
"""Return the raw files of a viewer."""
