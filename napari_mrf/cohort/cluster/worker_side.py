"""Work inside worker processes: one subject a task, and the memory that a worker declares.

Light to import: every worker imports it before it knows how many threads it may use.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any, TypeVar

from distributed import get_worker
from distributed.diagnostics.plugin import WorkerPlugin

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_mrf.cohort.options import Job
    from napari_mrf.cohort.outcome import Outcome

MEMORY_MB = "napari_mrf_memory_mb"
"""Name of the resource that tasks take and workers have: memory in MB (10^6 bytes)."""

Result = TypeVar("Result")


class NoLongerWantedError(Exception):
    """The client has left or cancelled the task."""


class WorkerShare(WorkerPlugin):  # type: ignore[misc]
    """Tells the scheduler the memory of a worker, which plain workers do not declare.

    Parameters
    ----------
    n_pinned : int
        Workers of this machine that share its cores, numbered by their names; 0 leaves the
        cores alone.
    """

    name = "napari-mrf-share"

    def __init__(self, n_pinned: int = 0) -> None:
        self._n_pinned = n_pinned

    async def setup(self, worker: Any) -> None:
        """Declare the memory; as a worker of the client's own, keep to a share of the cores."""
        if self._n_pinned:
            # Control-C goes to all processes of a terminal: the client ends its workers itself.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            keep_to_share(int(worker.name), self._n_pinned)
        if MEMORY_MB not in worker.state.total_resources:
            await worker.set_resources(**{MEMORY_MB: memory_mb_of(worker)})


def memory_mb_of(worker: Any) -> int:
    """Return the memory a worker may use, in MB: its limit, else that of the machine."""
    limit = worker.memory_manager.memory_limit
    if limit is None:
        from distributed.system import MEMORY_LIMIT

        limit = MEMORY_LIMIT
    return int(limit) // 10**6


def keep_to_share(index: int, n: int) -> None:
    """Use one of n equal shares of the cores, so that workers do not wait for each other.

    Threads that start later inherit it, and libraries count the cores that are left. Systems
    without such a call share all cores.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    each = max(1, len(cores) // n)
    start = index * each % len(cores)
    os.sched_setaffinity(0, cores[start : start + each])


def reconstruct_subject(job: Job) -> Outcome:
    """Reconstruct a subject in a worker, and return what became of it.

    Raises
    ------
    MRFInputError
        Where the fault is that of the command.
    NoLongerWantedError
        Once nobody waits for the subject any more.
    """
    import time

    from napari_mrf.cohort.outcome import failure
    from napari_mrf.cohort.subject_work import iter_subject
    from napari_mrf.compute.steps import Steps

    began = time.monotonic()
    _compute_here()
    wanted = _wanted()
    working = Steps(iter_subject(job))
    try:
        for _ in working:
            if not wanted():
                raise NoLongerWantedError
    except NoLongerWantedError:
        raise
    except Exception as error:
        return failure(job, error, began=began)
    return working.result


def call(work: Callable[[], Result]) -> Result:
    """Return the result of work that is one step, such as a table of all subjects."""
    _compute_here()
    return work()


def _compute_here() -> None:
    """Let lazy series be computed in this process.

    In a task, dask would send each slice of them to the cluster as tasks of their own.
    """
    import dask

    dask.config.set(scheduler="threads")


def _wanted() -> Callable[[], bool]:
    """Return a function that says whether somebody waits for the task that runs here."""
    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state == "executing"

    return is_wanted
