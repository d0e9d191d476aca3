"""Engines, which go through the subjects of a cohort; the one here takes them one after another."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, TypeVar

from napari_mrf.cohort.outcome import Outcome, failure
from napari_mrf.cohort.subject_work import SubjectUpdate, iter_subject

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from napari_mrf.cohort.options import Job

Result = TypeVar("Result")


class Engine(Protocol):
    """What works through a cohort. Closing a generator early drops what is not finished."""

    def iter_outcomes(
        self, jobs: Iterable[Job]
    ) -> Generator[SubjectUpdate | Outcome | None, None, None]:
        """Yield the outcome of every job as it comes, and progress or None in between.

        Raises
        ------
        MRFInputError
            Where the fault is that of the command, or the workers are out of reach.
        """

    def iter_call(self, work: Callable[[], Result]) -> Generator[None, None, Result]:
        """Return the result of other work on the cohort; yield while it goes on."""


class InThisProcess:
    """One subject after another, in the process and the thread that ask."""

    def iter_outcomes(
        self, jobs: Iterable[Job]
    ) -> Generator[SubjectUpdate | Outcome | None, None, None]:
        """Yield progress and outcomes; see `Engine`."""
        for job in jobs:
            began = time.monotonic()
            try:
                outcome = yield from iter_subject(job)
            except Exception as error:
                outcome = failure(job, error, began=began)
            yield outcome

    def iter_call(self, work: Callable[[], Result]) -> Generator[None, None, Result]:
        """Return the result of work; see `Engine`."""
        yield
        return work()
