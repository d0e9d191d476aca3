"""The work of the cohort window in a thread: subjects to maps, here or on workers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.jobs import Step, as_steps

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from napari_mrf.cohort.outcome import Outcome
    from napari_mrf.cohort.run import CohortResult, CohortUpdate

HERE, PROCESSES, SCHEDULER, CLUSTER = (
    "one after another, here",
    "processes on this machine",
    "a dask scheduler",
    "jobs of a cluster",
)
PAGE = "cohort.html"
"""The summary, in the folder of the results."""
PLACES = (HERE, PROCESSES, SCHEDULER, CLUSTER)


@dataclass(frozen=True)
class CohortParameters:
    """What the window says.

    Parameters
    ----------
    subjects : str
        A table (.csv), or a folder of series, of raw files or of a data set.
    output : str
        Folder of all results.
    sequence, method : str
        Names; empty for that of each series, and for the first method of its sequence.
    options : mapping
        Of the method.
    device : str
        As `ReconstructionOptions` takes it.
    naming, form : str
        How maps are named and in which form.
    rois, reference : str
        Folders; empty for none.
    place : str
        One of `PLACES`.
    workers : int
        Processes or jobs.
    address, job_file : str
        Of the scheduler; of the YAML that describes jobs.
    overwrite : bool
        Replace maps that were made in another way.
    """

    subjects: str
    output: str
    sequence: str = ""
    method: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    naming: str = "plain"
    form: str = "nifti"
    rois: str = ""
    reference: str = ""
    place: str = HERE
    workers: int = 2
    address: str = ""
    job_file: str = ""
    overwrite: bool = False


@dataclass(frozen=True)
class CohortNews:
    """What the window is told: a subject that is finished, a sentence, or the dashboard.

    Parameters
    ----------
    outcome : Outcome or None
        Of a subject.
    told : str
        A sentence.
    dashboard : str
        Address of the page that shows what workers do.
    """

    outcome: Outcome | None = None
    told: str = ""
    dashboard: str = ""


def run_cohort(parameters: CohortParameters) -> Generator[Step, None, CohortResult]:
    """Reconstruct a cohort as `napari-mrf reconstruct` does; steps carry `CohortNews`."""
    yield Step(detail="looking for the subjects")
    from napari_mrf.cohort.cluster.connection import Place, connected
    from napari_mrf.cohort.description import find_cohort
    from napari_mrf.cohort.options import ReconstructionOptions
    from napari_mrf.cohort.run import iter_run
    from napari_mrf.cohort.stages import Statistics

    one = parameters
    place = Place(
        one.address if one.place == SCHEDULER else None,
        one.workers if one.place in (PROCESSES, CLUSTER) else None,
        Path(one.job_file) if one.place == CLUSTER else None,
    )
    cohort = find_cohort([one.subjects])
    for remark in cohort.remarks:
        yield _telling(remark)
    options = ReconstructionOptions(
        one.sequence or None, one.method or None, one.device, one.options,
        form=one.form, naming=one.naming,
    )  # fmt: skip
    statistics = Statistics(
        Path(one.rois) if one.rois else None,
        reference=Path(one.reference) if one.reference else None,
    )
    n = len(cohort.subjects)
    yield Step(0, n, "starting" if place.is_here else "connecting to the workers")
    with connected(place) as there:
        for text in there.warnings:
            yield _telling(text)
        if there.dashboard:
            yield Step(0, n, value=CohortNews(dashboard=there.dashboard), keep=True)
        running = iter_run(cohort, one.output, options, statistics=statistics,
                           engine=there.engine, overwrite=one.overwrite)  # fmt: skip
        return (yield from as_steps(running, _step_of))


def _telling(text: str) -> Step:
    return Step(value=CohortNews(told=text), keep=True)


def _step_of(update: CohortUpdate) -> Step:
    done, total = update.done, update.total
    if update.outcome is not None:
        return Step(done, total, value=CohortNews(update.outcome), keep=True)
    if update.stage is not None:
        told = [f"{update.stage.title}: {text}"
                for text in (*update.stage.warnings, update.stage.text)]  # fmt: skip
        return Step(done, total, value=CohortNews(told=" ".join(told)), keep=True)
    within = update.subject
    if within is None:
        return Step(done, total)
    if within.told:
        text = ": ".join(part for part in (within.name, within.told) if part)
        return Step(done, total, value=CohortNews(told=text), keep=True)
    part = f", {within.done / within.total:.0%}" if within.total else ""
    return Step(done, total, f"subjects, {within.name}: {within.what}{part}")
