"""Controller of regions that are carried from another scan: asks, shows the proposal, answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QDialog

from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.jobs import JobState, JobStatus
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.files.dialogs import ask_open_path
from napari_mrf.plugin.panels.rois.carry_view import FROM_FILE, CarryDialog
from napari_mrf.plugin.panels.rois.carry_work import CarryTask, LabelFiles, Scan, carry_regions
from napari_mrf.plugin.panels.rois.files import LABEL_MAPS
from napari_mrf.plugin.panels.shared.texts import piece_sentence
from napari_mrf.plugin.regions.carried import carried_regions_of
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import session_of

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_mrf.plugin.panels.rois.panel import RoisPanel
    from napari_mrf.plugin.regions.carried import Proposal

_FILES = (
    ("The label map of the other scan", LABEL_MAPS),
    ("An image or a map of the other scan, on the grid of the label map",
     "Images (*.nii.gz *.nii *.mha *.mhd);;All files (*)"),
)  # fmt: skip


class RoisCarryBinding:
    """Controller of *Carry from another scan*.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the regions.
    panel : RoisPanel
        The view.
    """

    def __init__(self, viewer: ViewerModel, panel: RoisPanel) -> None:
        self.panel = panel
        self.session = session_of(viewer)
        self.editor = regions_editor_of(viewer)
        self.carried = carried_regions_of(viewer)
        bar = panel.carry_bar
        bar.board_requested.connect(self.carried.show_board)
        bar.accept_requested.connect(self._on_accept)
        bar.discard_requested.connect(self._on_discard)
        panel.carry_row.cancel_requested.connect(self.carried.job.cancel)
        bond = Bond(panel)
        bond.connect(self.carried.changed, self._show)
        bond.connect(self.session.subject_changed, self._show)
        bond.connect(self.carried.job.changed, self._on_job_changed)
        bond.connect(self.carried.job.succeeded, self._on_proposed)
        self._show()

    def ask(self) -> None:
        """Ask from where regions are to be carried, and begin."""
        try:
            self._check()
        except MRFInputError as error:
            self.panel.notice.say(error.sentence())
            return
        here = self.session.subject
        others = {
            one.name: one.key
            for one in self.session.subjects
            if one.key != here.key and self.session.regions_of(one.key) is not None
        }
        dialog = CarryDialog(self.panel, list(others), here.name)
        try:
            if dialog.exec() != QDialog.DialogCode.Accepted:
                return
            name, kind = dialog.source.currentText(), dialog.kind()
        finally:
            dialog.deleteLater()
        if name == FROM_FILE:
            files = self.ask_files()
            if files is not None:
                self.begin(files, kind)
        else:
            self.begin(self._scan(others[name]), kind)

    def begin(self, source: Scan | LabelFiles, kind: str = "affine") -> None:
        """Make a proposal for the current subject."""
        grid = self.editor.layers.grid()
        if grid is None or self.carried.job.status.is_running:
            return
        self.panel.notice.clear()
        key = self.session.subject.key
        task = CarryTask(key, self._scan(key), grid, source, kind)
        self.carried.job.start(f"Carrying regions of {source.name}", carry_regions, task)

    def _check(self) -> None:
        """Refuse what cannot be done, before anything is asked."""
        from napari_mrf.analysis.registration.register import check_installed

        check_installed()
        grid = self.editor.layers.grid()
        if grid is None:
            raise MRFInputError("bad-image", "there is no scan to carry regions to",
                                hint="Load or pick a series first.")  # fmt: skip
        if grid.affine is None:
            raise MRFInputError("bad-image", "the series does not say where it lies")

    def _scan(self, key: str) -> Scan:
        session = self.session
        name = session.name_of(key) or "this scan"
        sets = tuple(session.maps_sets_of(key).values())
        return Scan(name, session.series_of(key), sets, session.regions_of(key))

    def ask_files(self) -> LabelFiles | None:
        """Ask for the label map of a scan that is not open, then for its image."""
        paths = []
        for title, kinds in _FILES:
            paths.append(ask_open_path(self.panel, title, kinds))
            if not paths[-1]:
                return None
        return LabelFiles(*paths)

    def _show(self, *_: Any) -> None:
        proposal = self.carried.here
        self.panel.carry_bar.show_proposal(
            [] if proposal is None else proposal.sentences(),
            is_doubtful=proposal is not None and proposal.carried.is_doubtful,
            has_board=self.carried.is_board_shown,
        )

    def _on_job_changed(self, status: JobStatus) -> None:
        self.panel.carry_row.show_status(status, piece_sentence(status))
        if status.failure is not None and status.state is JobState.FAILED:
            self.panel.notice.say(status.failure.sentence)
        elif status.state is JobState.CANCELLED:
            self.panel.notice.say(f"{status.title}: cancelled.", kind="note")

    def _on_proposed(self, made: tuple[str, Proposal]) -> None:
        key, proposal = made
        self.carried.propose(proposal, key)
        if key != self.session.subject.key and self.session.name_of(key):
            self.panel.notice.say(f"The regions of {proposal.source} are proposed for "
                                  f"{self.session.name_of(key)}: pick it to look at them.",
                                  kind="note")  # fmt: skip

    def _on_accept(self) -> None:
        try:
            self.carried.accept()
        except MRFInputError as error:
            self.panel.notice.say(error.sentence())
        else:
            self.panel.notice.clear()

    def _on_discard(self) -> None:
        self.carried.discard()
