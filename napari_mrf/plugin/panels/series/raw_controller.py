"""Controller of a raw file in the Series panel: its questions, its picture, its images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.jobs import Job, JobState, JobStatus
from napari_mrf.plugin.kit.files.dialogs import ask_open_path
from napari_mrf.plugin.viewer.raw.files import raw_files_of
from napari_mrf.plugin.viewer.raw.work import ASKED, KSpaceLook, looking

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_mrf.data.raw.raw_data import RawData
    from napari_mrf.plugin.kit.bond import Bond
    from napari_mrf.plugin.panels.series.panel import SeriesPanel
    from napari_mrf.plugin.viewer.raw.work import RawFile

TRAJECTORY_FILES = "Trajectory (*.seq *.npz *.npy *.h5 *.hdf5 *.mat *.cfl);;All files (*)"
_CURES = {
    "measurement": "Pick the one for the images and press Read it so.",
    "trajectory": "Pick the trajectory of this measurement and press Read it so.",
    "trajectory_unit": "Pick the unit, if you know it, and press Read it so.",
    "matrix": "Say how many voxels lie across the images and press Read it so.",
    "sequence": "Pick the sequence of this scan, or load it from a file (⋯).",
}


class RawBinding:
    """Controller of the view of a raw file.

    Parameters
    ----------
    viewer : napari viewer
        With the raw files.
    panel : SeriesPanel
        Whose part the view is.
    bond : Bond
        Of the panel.
    """

    def __init__(self, viewer: ViewerModel, panel: SeriesPanel, bond: Bond) -> None:
        self.panel, self.view = panel, panel.raw
        self.files = raw_files_of(viewer)
        self.job = Job()
        self._looked_at: RawData | None = None
        self.view.plot.follow(viewer)
        self.view.read_requested.connect(self._on_read_requested)
        self.view.trajectory_file_requested.connect(self._on_trajectory_file_requested)
        self.view.look_requested.connect(self._look)
        self.view.images_changed.connect(self._on_images_changed)
        self.view.make_requested.connect(self._on_make_requested)
        self.view.cancel_requested.connect(self._on_cancel_requested)
        bond.connect(self.files.making.changed, self._on_making_changed)
        bond.connect(self.job.changed, self._on_look_changed)
        bond.connect(self.job.succeeded, self._on_looked)
        self._on_making_changed(self.files.making.status)

    def show(self) -> None:
        """Show the current raw file; nothing without one."""
        file = self.files.current
        self.view.setVisible(file is not None)
        if file is None:
            return
        self.view.show_file(file, question_of(file))
        self.view.set_images(self.files.images)
        self.view.set_coils(self.files.coils)
        self.view.set_needs(self.files.needs)
        if file.raw is not None and self.view.look_section.is_open():
            self._look()

    def _look(self) -> None:
        file = self.files.current
        if file is None or file.raw is None or file.raw is self._looked_at:
            return
        self.job.cancel()
        self._looked_at = file.raw
        self.view.plot.show_look(None)
        self.job.start("Looking at k-space", looking, file.raw)

    def _on_look_changed(self, status: JobStatus) -> None:
        if status.is_running:
            self.view.set_looking(f"{status.title}: {status.detail or 'starting'}…")
        elif status.failure is not None:
            self.view.set_looking(status.failure.sentence)

    def _on_looked(self, look: KSpaceLook) -> None:
        self.view.set_looking("")
        self.view.plot.show_look(look)

    def _on_read_requested(self) -> None:
        file = self.files.current
        if file is not None:
            self.files.read(file.path, self.view.reading(), file.sequence)

    def _on_trajectory_file_requested(self) -> None:
        path = ask_open_path(self.view, "Trajectory of the raw file", TRAJECTORY_FILES)
        if path:
            self.view.set_trajectory_file(path)

    def _on_images_changed(self) -> None:
        self.files.images = self.view.images_picker.currentText()
        self.files.coils = self.view.coils_box.value() or None

    def _on_make_requested(self) -> None:
        self.files.make()

    def _on_cancel_requested(self) -> None:
        self.files.making.cancel()

    def _on_making_changed(self, status: JobStatus) -> None:
        self.view.set_status(status)
        self.view.set_needs(self.files.needs)
        self.panel.set_making(status)
        if status.failure is not None:
            self.panel.set_problem(status.failure.sentence)
        elif status.state is JobState.CANCELLED:
            self.panel.notice.say(f"{status.title}: cancelled.", kind="note")


def question_of(file: RawFile) -> str:
    """Return what has to be said of a raw file before images can be made, and why."""
    if file.problem is not None:
        error = file.problem
        about = ASKED[error.code]
        found = None if about == "measurement" else error.found
        expected = None if about in ("measurement", "trajectory_unit") else error.expected
        told = MRFInputError(error.code, error.what, expected=expected, found=found,
                             hint=_CURES[about]).sentence()  # fmt: skip
        return f"{told[0].upper()}{told[1:]}"
    if file.raw is None or not file.raw.trajectories:
        return ("The file does not say where in k-space its samples were measured. Pick a rule or "
                "a file as the trajectory, and press Read it so.")  # fmt: skip
    if file.sequence is None:
        return (f"Raw data do not name their sequence, and none that is known fits "
                f"{file.raw.n_planned} readouts alone. {_CURES['sequence']}")  # fmt: skip
    return ""
