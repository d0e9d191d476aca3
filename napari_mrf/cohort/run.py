"""Run of a cohort: every subject to maps, then tables of all; resumable, one fault costs no other.

The folder of the results is held while a run goes on, so that two runs do not mix.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.cohort.description import Subject
from napari_mrf.cohort.engine import InThisProcess
from napari_mrf.cohort.options import Job, ReconstructionOptions
from napari_mrf.cohort.outcome import INTERNAL, Outcome
from napari_mrf.cohort.request import asked_of, in_words
from napari_mrf.cohort.stages import StageOutcome, Statistics
from napari_mrf.cohort.summary import Summary
from napari_mrf.errors import WRONG_USAGE, MRFInputError
from napari_mrf.io.atomic import make_folder
from napari_mrf.io.folder_lock import held

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from napari_mrf.cohort.description import Cohort
    from napari_mrf.cohort.engine import Engine
    from napari_mrf.cohort.subject_work import SubjectUpdate
    from napari_mrf.io import ScanTarget


@dataclass(frozen=True)
class CohortUpdate:
    """How far a run is.

    Parameters
    ----------
    done, total : int
        Subjects.
    outcome : Outcome or None
        Of the subject that is finished now.
    subject : SubjectUpdate or None
        Progress within a subject, where the engine tells it.
    stage : StageOutcome or None
        Of a table of all subjects that is finished, or not made, now.
    """

    done: int
    total: int
    outcome: Outcome | None = None
    subject: SubjectUpdate | None = None
    stage: StageOutcome | None = None


@dataclass
class CohortResult:
    """What became of a cohort.

    Parameters
    ----------
    n : int
        Subjects.
    counts : dict of str to int
        Subjects by state; see `outcome.STATES`.
    error : MRFInputError or None
        That of the first subject, in the order of the cohort, that has no maps as asked; else
        that of the first table.
    has_internal_error : bool
        Whether a subject failed by a fault of the software.
    """

    n: int
    counts: dict[str, int] = field(default_factory=dict)
    error: MRFInputError | None = None
    has_internal_error: bool = False
    _first: int = -1

    @property
    def n_left_out(self) -> int:
        """Subjects without maps that are as asked."""
        return self.n - self.counts.get("made", 0) - self.counts.get("kept", 0)

    def add(self, outcome: Outcome, position: int) -> None:
        """Count the outcome of a subject."""
        self.counts[outcome.state] = self.counts.get(outcome.state, 0) + 1
        error = outcome.input_error
        if error is None:
            return
        self.has_internal_error |= error.code == INTERNAL
        if self.error is None or position < self._first:
            self.error, self._first = error, position


def iter_run(
    cohort: Cohort,
    output: str | Path,
    options: ReconstructionOptions,
    *,
    statistics: Statistics | None = None,
    engine: Engine | None = None,
    overwrite: bool = False,
) -> Generator[CohortUpdate, None, CohortResult]:
    """Reconstruct a cohort, and make the tables of all; every yield is a chance to cancel.

    Maps of a subject go to ``output/NAME`` or to its place in a data set, the summary to
    ``cohort.csv`` and ``cohort.html``, statistics of regions to ``cohort-rois``, a comparison to
    ``cohort-comparison``. Subjects whose maps are just what is asked are kept; what is cancelled
    or fails is taken up by the same call again.

    Parameters
    ----------
    cohort : Cohort
        From `find_cohort`.
    output : str or Path
        Created where needed.
    options : ReconstructionOptions
        For every subject.
    statistics : Statistics, optional
        Which tables of all subjects are wanted. They are made once every subject has maps.
    engine : Engine, optional
        `InThisProcess` without.
    overwrite : bool
        Replace maps that were made in another way. Those that are as asked are kept all the same.

    Returns
    -------
    CohortResult

    Raises
    ------
    MRFInputError
        ``"bad-name"`` and ``"same-name"`` for series that cannot be named in a data set,
        ``"in-use"`` where another run writes to the folder, errors that are the fault of the
        command, ``"scheduler-lost"``, and the codes of failed writes.
    """
    engine = engine or InThisProcess()
    folder = Path(output)
    cohort = _named_as_scans(cohort, folder, options.naming)
    result = CohortResult(len(cohort.subjects))
    make_folder(folder)
    try:
        with held(folder) as lock:
            summary = Summary(folder, tuple(one.name for one in cohort.subjects))
            about = _about(options)
            about["run"] = "interrupted: the same command takes it up again"
            try:
                jobs = jobs_of(cohort, folder, options, overwrite=overwrite)
                for update in engine.iter_outcomes(jobs):
                    if isinstance(update, Outcome):
                        summary.add(update)
                        result.add(update, summary.position(update))
                        lock.refresh()
                        yield CohortUpdate(summary.counts.total(), result.n, outcome=update)
                    else:
                        yield CohortUpdate(summary.counts.total(), result.n, subject=update)
                if statistics is not None:
                    for stage in _stages(cohort, folder, statistics, result, engine, overwrite):
                        if stage is not None:
                            about[stage.title] = stage.text
                        yield CohortUpdate(result.n, result.n, stage=stage)
                about["run"] = "ended with subjects left out" if result.n_left_out else "complete"
            except MRFInputError as error:
                if error.code in WRONG_USAGE and not summary.counts:
                    about.clear()  # nothing was done: an earlier summary stays
                raise
            finally:
                try:
                    if about:
                        summary.write(about)
                finally:
                    summary.close()
    finally:
        with suppress(OSError):
            folder.rmdir()  # where nothing has come of it
    return result


def jobs_of(
    cohort: Cohort, folder: Path, options: ReconstructionOptions, *, overwrite: bool
) -> Iterator[Job]:
    """Yield the jobs of a cohort, one at a time."""
    for subject in cohort.subjects:
        target = target_of(subject, folder, options.naming)
        place = folder / subject.name if target is None else target.folder
        yield Job(subject, place, options, overwrite=overwrite, target=target)


def target_of(subject: Subject, folder: Path, naming: str) -> ScanTarget | None:
    """Return where the maps of a subject go in a data set, None with plain names.

    Raises
    ------
    MRFInputError
        ``"bad-name"``; see `ScanTarget.of`.
    """
    if naming == "plain":
        return None
    from napari_mrf.io import ScanTarget

    # Of series that a table did not name, subject and session stand in the name of the file.
    names = {"subject": subject.subject, "session": subject.session} if subject.is_listed else {}
    return ScanTarget.of(subject.series, folder, naming, **names)


def _named_as_scans(cohort: Cohort, folder: Path, naming: str) -> Cohort:
    """Return a cohort whose subjects are called as their scans are in a data set."""
    if naming == "plain":
        return cohort
    subjects: dict[str, Subject] = {}
    for one in cohort.subjects:
        target = target_of(one, folder, naming)
        if target is None:
            continue
        if target.name in subjects:
            raise MRFInputError("same-name", f"two series would be named {target.name}",
                                path=one.series, found=str(subjects[target.name].series),
                                hint="Tell them apart by acq or run in their names.")  # fmt: skip
        subjects[target.name] = replace(one, name=target.name)
    return replace(cohort, subjects=tuple(subjects.values()))


def _stages(
    cohort: Cohort,
    folder: Path,
    statistics: Statistics,
    result: CohortResult,
    engine: Engine,
    overwrite: bool,
) -> Generator[StageOutcome | None, None, None]:
    for stage in statistics.stages(cohort, folder):
        if result.n_left_out:
            yield StageOutcome(stage.title, "not-made", f"not made, as {result.n_left_out} of "
                               f"{result.n} subjects have no maps as asked")  # fmt: skip
            continue
        working = engine.iter_call(partial(stage.work, overwrite=overwrite))
        outcome = yield from working
        if outcome.error and result.error is None:
            result.error = outcome.input_error
        yield outcome


def _about(options: ReconstructionOptions) -> dict[str, str]:
    """Return what the page says on the run: what was asked of every subject."""
    asked = asked_of(Job(Subject("", Path()), Path(), options))["options"]
    told = {f"option {name}": in_words(value) for name, value in asked.items()}
    sequence = options.sequence or "that of each subject"
    return {"sequence": sequence, "device": options.device, **told}
