"""Cohorts on the command line: where they are worked on, progress, and how a run ends."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Never

    from tqdm import tqdm

    from napari_mrf.cohort.cluster.connection import Place
    from napari_mrf.cohort.description import Cohort
    from napari_mrf.cohort.options import ReconstructionOptions
    from napari_mrf.cohort.outcome import Outcome
    from napari_mrf.cohort.run import CohortResult, CohortUpdate
    from napari_mrf.cohort.stages import Statistics
    from napari_mrf.cohort.subject_work import SubjectUpdate

Scheduler = Annotated[
    str | None,
    typer.Option(help="Address of a dask scheduler whose workers take the subjects, tcp or tls."),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Processes on this machine that share the subjects, or with "
                 "--cluster jobs."),
]  # fmt: skip
ClusterFile = Annotated[
    Path | None,
    typer.Option(
        "--cluster", help="YAML that describes jobs of Slurm, PBS or SGE; with --workers."
    ),
]
MemoryPerSubject = Annotated[
    int | None,
    typer.Option(min=1, help="Memory in MB that a subject needs on a worker. Default: estimated "
                 "from the size of its file."),
]  # fmt: skip


def place_of(
    scheduler: str | None, workers: int | None, cluster: Path | None, memory_mb: int | None
) -> Place:
    """Return where a cohort is worked on."""
    from napari_mrf.cohort.cluster.connection import Place

    return Place(scheduler, workers, cluster, memory_mb)


def run_cohort(
    cohort: Cohort,
    output: Path,
    options: ReconstructionOptions,
    statistics: Statistics,
    place: Place,
    *,
    overwrite: bool,
) -> None:
    """Run a cohort with progress on a terminal.

    Raises
    ------
    MRFInputError
        The error of the first subject that was left out.
    typer.Exit
        1 where a fault of the software left one out.
    """
    from napari_mrf.cohort.cluster.connection import connected
    from napari_mrf.cohort.run import iter_run

    with connected(place) as connection:
        for text in connection.warnings:
            typer.echo(text, err=True)
        if connection.dashboard:
            typer.echo(f"Dashboard: {connection.dashboard}", err=True)
        running = iter_run(cohort, output, options, statistics=statistics,
                           engine=connection.engine, overwrite=overwrite)  # fmt: skip
        try:
            result = _with_bars(running, of_subject=place.is_here)
        except KeyboardInterrupt:
            typer.echo("Stopped. The same command takes up what is missing.", err=True)
            raise
        finally:
            running.close()
    if result.n_left_out:
        typer.echo(f"{result.n_left_out} of {result.n} series were left out.", err=True)
    if result.has_internal_error:
        raise typer.Exit(1)
    if result.error is not None:
        raise result.error


def with_subject_bar(working: Generator[SubjectUpdate, None, Outcome]) -> Outcome:
    """Do the work on one subject with a progress bar on a terminal."""
    from napari_mrf.compute.steps import Steps

    steps, bar = Steps(working), _SubjectBar()
    try:
        for update in steps:
            bar.show(update)
    finally:
        bar.close()
    return steps.result


def _with_bars(
    running: Generator[CohortUpdate, None, CohortResult], *, of_subject: bool
) -> CohortResult:
    """Work through a cohort; a bar of subjects, or of the one that is under way."""
    from tqdm import tqdm

    from napari_mrf.compute.steps import Steps

    steps = Steps(running)
    one = _SubjectBar()
    bar = None
    if not of_subject and sys.stderr.isatty():
        bar = tqdm(desc="cohort", unit=" subjects")
    try:
        for update in steps:
            if bar is not None:
                bar.total = update.total
                bar.update(update.done - bar.n)
            if update.subject is not None:
                one.show(update.subject)
            if update.outcome is not None:
                one.close()
                _tell(update.outcome, is_remote=not of_subject)
            if update.stage is not None:
                for text in update.stage.warnings:
                    typer.echo(f"{update.stage.title}: {text}", err=True)
                typer.echo(f"{update.stage.title}: {update.stage.text}",
                           err=update.stage.state not in ("made", "kept"))  # fmt: skip
    finally:
        one.close()
        if bar is not None:
            bar.close()
    return steps.result


def _tell(outcome: Outcome, *, is_remote: bool) -> None:
    """Say what became of a subject; warnings were told already where the work was done here."""
    if is_remote:
        for text in outcome.warnings:
            typer.echo(f"{outcome.name}: {text}", err=True)
    if outcome.error:
        typer.echo(f"{outcome.name} was left out. {outcome.input_error}", err=True)
    elif outcome.state == "kept":
        typer.echo(f"{outcome.folder}: as asked already")
    else:
        typer.echo(outcome.summary)


class _SubjectBar:
    """A progress bar for each piece of work on a subject, and what is told meanwhile."""

    def __init__(self) -> None:
        self._bar: tqdm[Never] | None = None
        self._piece = ""

    def show(self, update: SubjectUpdate) -> None:
        """Show how far it is."""
        if update.told:
            typer.echo(": ".join(part for part in (update.name, update.told) if part), err=True)
        if not update.what or not sys.stderr.isatty():
            return
        from tqdm import tqdm

        piece = update.what.partition(",")[0]
        if self._bar is None or piece != self._piece:
            self.close()
            self._bar, self._piece = tqdm(unit=f" {update.unit}", bar_format=_FORMAT), piece
        self._bar.set_description(update.what, refresh=False)
        if update.done < self._bar.n:  # a second pass counts again
            self._bar.reset()
        self._bar.total = update.total
        self._bar.update(update.done - self._bar.n)

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.close()
        self._bar = None


_FORMAT = "{l_bar}{bar}| {n:.4g}/{total}{unit} [{elapsed}<{remaining}]"
