"""Files over the series that become layers: masks and B1 maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from napari_mrf.data.geometry import grid_difference
from napari_mrf.plugin.jobs import Job, JobStatus
from napari_mrf.plugin.kit.files.dialogs import ask_open_path

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari.components import ViewerModel

    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.jobs import Step
    from napari_mrf.plugin.kit.bond import Bond
    from napari_mrf.plugin.panels.reconstruct.panel import ReconstructPanel
    from napari_mrf.plugin.panels.shared.layer_choice import LayerChoice


class OverSeries(Protocol):
    """Content of a file, with the series on whose grid it lies."""

    @property
    def series(self) -> MRFSeries: ...  # noqa: D102

    @property
    def warnings(self) -> tuple[str, ...]: ...  # noqa: D102


LoadedT = TypeVar("LoadedT", bound=OverSeries)


class LayerFiles(Generic[LoadedT]):
    """Reads a file in a job, shows it as a layer, and picks the layer.

    Parameters
    ----------
    panel : ReconstructPanel
        The view.
    choice : LayerChoice
        Where the layer is picked.
    bond : Bond
        Of the panel.
    what : str
        For the user: ``"mask"``.
    filters : str
        Kinds of files, as Qt spells them.
    read : callable
        Of path and series; the job.
    show : callable
        Of viewer and content; returns the layer.
    """

    def __init__(
        self,
        panel: ReconstructPanel,
        choice: LayerChoice,
        bond: Bond,
        *,
        what: str,
        filters: str,
        read: Callable[[str, MRFSeries], Generator[Step, None, LoadedT]],
        show: Callable[[ViewerModel, LoadedT], Any],
    ) -> None:
        self.panel, self.choice, self.session = panel, choice, choice.session
        self._what, self._filters, self._read, self._show = what, filters, read, show
        self.job = Job()
        bond.connect(self.job.changed, self._on_job_changed)
        bond.connect(self.job.succeeded, self._on_loaded)

    def load(self, path: str) -> None:
        """Show the content of a file as a layer and pick it."""
        if self.session.series is not None and not self.job.status.is_running:
            self.job.start(f"Loading the {self._what}", self._read, path, self.session.series)

    def on_requested(self) -> None:
        """Ask for a file and load it."""
        title = f"Load a {self._what}"
        path = ask_open_path(self.panel, title, self._filters)
        if path:
            self.load(path)

    def _on_job_changed(self, status: JobStatus) -> None:
        if status.failure is not None:
            self.panel.notice.say(status.failure.sentence)

    def _on_loaded(self, loaded: LoadedT) -> None:
        series = self.session.series
        is_here = self.session.subject_of(loaded.series) == self.session.subject.key
        if series is not None and is_here and not grid_difference(loaded.series, series):
            self.choice.pick(self._show(self.choice.viewer, loaded).name)
            if loaded.warnings:
                self.panel.notice.say("\n".join(loaded.warnings), kind="note")
