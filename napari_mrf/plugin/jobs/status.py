"""State, progress and failure of a job, and the steps of its work."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_Update = TypeVar("_Update")
_Step = TypeVar("_Step")
_Result = TypeVar("_Result")


class JobState(StrEnum):
    """State of a job."""

    IDLE = "idle"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True)
class Failure:
    """An exception that ended the work.

    Parameters
    ----------
    error : Exception
        The exception.
    trace : str
        The traceback as text, for a log.
    """

    error: Exception
    trace: str

    @property
    def sentence(self) -> str:
        """Cause, and cure where one is known, for the user."""
        if isinstance(self.error, MRFInputError):
            return self.error.sentence()
        if isinstance(self.error, MemoryError):
            return "There is not enough memory. Close other programs or use a smaller series."
        lines = str(self.error).strip().splitlines()
        return f"{type(self.error).__name__}: {lines[0] if lines else 'no further explanation'}"


@dataclass(frozen=True)
class JobStatus:
    """A snapshot of a job for views to show.

    Parameters
    ----------
    state : JobState
        Idle, running, done, cancelled or failed.
    title : str
        What is being done, in words for the user.
    done, total : int
        Progress; a total of 0 means that the end is not known.
    detail : str
        Free text beside the bar.
    stage : str
        Name of the pass that the progress is of; empty for the first or only one.
    seconds : float
        Time since the start.
    seconds_left : float or None
        Estimated from the progress of this stage so far; None while unknown.
    failure : Failure or None
        Set when the state is failed.
    """

    state: JobState = JobState.IDLE
    title: str = ""
    done: int = 0
    total: int = 0
    detail: str = ""
    stage: str = ""
    seconds: float = 0.0
    seconds_left: float | None = None
    failure: Failure | None = None

    @property
    def is_running(self) -> bool:
        """Whether the work goes on."""
        return self.state is JobState.RUNNING


@dataclass(frozen=True)
class Step:
    """Progress that a job's generator yields, optionally with something to show.

    Parameters
    ----------
    done, total : int
        Progress; a total of 0 means that the end is not known.
    detail : str
        Free text beside the bar.
    stage : str
        Name of a pass whose progress counts from 0 again; empty for the first or only one.
    value : object
        Handed to the receiver of updates; None for progress alone.
    keep : bool
        Whether the value must reach the receiver. Other steps are left out when they come
        faster than 20 per second.
    """

    done: int = 0
    total: int = 0
    detail: str = ""
    stage: str = ""
    value: Any = None
    keep: bool = False

    @classmethod
    def saying(cls, detail: str) -> Step:
        """Return a step that has only free text beside the bar."""
        return cls(detail=detail)


def as_steps(
    work: Generator[_Update, None, _Result], step_of: Callable[[_Update], _Step]
) -> Generator[_Step, None, _Result]:
    """Run work of the library as part of a job: each of its updates becomes a step.

    Parameters
    ----------
    work : generator
        Its result is returned, for ``yield from``.
    step_of : callable
        Returns the step of an update.
    """
    result: _Result

    def keeping_result() -> Generator[_Update, None, None]:
        nonlocal result
        result = yield from work

    for update in keeping_result():
        yield step_of(update)
    return result


def counted(
    work: Generator[str, None, _Result], total: int, done: int = 0
) -> Generator[Step, None, _Result]:
    """Run work that yields the name of each piece before it begins: each becomes a counted step.

    Parameters
    ----------
    work : generator
        Its result is returned, for ``yield from``.
    total, done : int
        Pieces in all, and those that were done before.
    """
    places = count(done)
    return (yield from as_steps(work, lambda what: Step(min(next(places), total), total, what)))
