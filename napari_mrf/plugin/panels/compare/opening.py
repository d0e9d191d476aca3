"""Opening of maps in the Compare panel: from a folder, or the known truth of the series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.io.maps.writer import RECORD_NAME
from napari_mrf.plugin.jobs import Job, JobStatus
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.files.dialogs import ask_folder
from napari_mrf.plugin.panels.compare.state import compare_memory_of
from napari_mrf.plugin.panels.compare.work import read_maps
from napari_mrf.plugin.session import session_of, unwrapped
from napari_mrf.plugin.viewer.maps_display import maps_display_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from napari.components import ViewerModel

    from napari_mrf.plugin.panels.compare.panel import ComparePanel
    from napari_mrf.plugin.panels.compare.work import OpenedMaps
    from napari_mrf.plugin.session import MapsSet

_TRUTH_FOLDER = "truth"


class CompareOpening:
    """Controller of the entries *from a folder…* and *the known truth of this series*.

    Parameters
    ----------
    viewer : napari viewer
        The viewer that shows the maps.
    panel : ComparePanel
        The view.
    tell : callable
        Shows a message in the panel, see `CompareBinding.tell`.
    show_sets : callable
        Updates the list of sets.
    """

    def __init__(
        self, viewer: ViewerModel, panel: ComparePanel, tell: Callable[..., None],
        show_sets: Callable[[], None],
    ) -> None:  # fmt: skip
        self.viewer: ViewerModel = unwrapped(viewer)
        self.panel = panel
        self.session = session_of(viewer)
        self.memory = compare_memory_of(viewer)
        self.job = Job()
        self._subject = ""
        self._tell = tell
        self._show_sets = show_sets
        panel.folder_requested.connect(self._on_folder_requested)
        panel.truth_requested.connect(self._on_truth_requested)
        self.bond = Bond(panel)
        self.bond.connect(self.job.changed, self._on_job_changed)
        self.bond.connect(self.job.succeeded, self._on_opened)

    def open_maps(self, folder: str, side: str) -> None:
        """Read maps from a folder, show them, and pick them for a side; for none if it is empty."""
        if self.job.status.is_running:
            self._tell("Other maps are being read. Pick this folder again when they are there.",
                       kind="note")  # fmt: skip
            return
        name = name_of_folder(folder, self.session.maps_sets.values())
        self._subject = self.session.subject.key
        series = self.session.series
        self.job.start("Opening maps", read_maps, str(folder), name, side,
                       series.source_sha256 if series is not None else None)  # fmt: skip

    def truth_folder(self) -> Path | None:
        """Return the folder with the known truth of the series, or None."""
        series = self.session.series
        if series is None or not series.source_path:
            return None
        folder = Path(series.source_path).parent / _TRUTH_FOLDER
        return folder if (folder / RECORD_NAME).is_file() else None

    def _on_folder_requested(self, side: str) -> None:
        folder = ask_folder(self.panel, "Maps to compare")
        if folder:
            self.open_maps(folder, side)

    def _on_truth_requested(self, side: str) -> None:
        folder = self.truth_folder()
        if folder is not None:
            self.open_maps(str(folder), side)

    def _on_job_changed(self, status: JobStatus) -> None:
        if status.failure is not None:
            self._tell(status.failure.sentence)

    def _on_opened(self, opened: OpenedMaps) -> None:
        self.panel.notice.clear()
        name = opened.maps_set.name
        memory = self.memory.of(self._subject)
        memory.sums[name] = opened.sums
        if opened.side:
            other = "test" if opened.side == "reference" else "reference"
            if memory.picked.get(other) == name:
                del memory.picked[other]
            memory.picked[opened.side] = name
        maps_display_of(self.viewer).add(opened.maps_set, self._subject)
        self._show_sets()
        told = [f"Header of {text}" for text in opened.maps_set.maps.file_warnings]
        if told or opened.notes:
            self._tell("\n".join([*told, *opened.notes]), kind="note")


def name_of_folder(folder: str, sets: Iterable[MapsSet]) -> str:
    """Return the name of the set that a folder of maps is opened as.

    A set that was opened from it keeps its name, by whatever path it is reached. Else the shortest
    end of the path that no set has: none may be replaced by a look into another folder.
    """
    path, sets = Path(folder).resolve(), tuple(sets)
    for one in sets:
        if one.folder and not one.seconds and Path(one.folder).resolve() == path:
            return one.name
    taken = {one.name for one in sets}
    ends = ("/".join(path.parts[-n:]) for n in range(1, len(path.parts)))
    return next((end for end in ends if end not in taken), str(path))
