"""Engine on dask.distributed: paths and options go out, outcomes come back, a few at a time."""

from __future__ import annotations

import os
import queue
import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from napari_mrf.cohort.cluster import worker_side
from napari_mrf.cohort.cluster.memory import needed_mb
from napari_mrf.cohort.outcome import failure
from napari_mrf.cohort.subject_work import SubjectUpdate
from napari_mrf.errors import MRFInputError, reason

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path

    from distributed import Client, Future

    from napari_mrf.cohort.options import Job
    from napari_mrf.cohort.outcome import Outcome
    from napari_mrf.io import ScanTarget

Result = TypeVar("Result")
_PAUSE_S = 0.2
_AHEAD = 2
"""Tasks at the scheduler for each thread of a worker: one to work on, one to begin with next."""
_FEWEST_AHEAD = 4
_LOST = "scheduler-lost"


class OnCluster:
    """Subjects as tasks of a scheduler; memory of the client does not grow with their number.

    Parameters
    ----------
    client : Client
        Connected.
    memory_mb : int, optional
        What a subject needs; by default estimated from the size of its series.
    n_pinned : int
        See `WorkerShare`.
    """

    def __init__(self, client: Client, *, memory_mb: int | None = None, n_pinned: int = 0) -> None:
        self._client, self._memory_mb = client, memory_mb
        try:
            client.register_plugin(worker_side.WorkerShare(n_pinned))
        except ImportError as error:
            raise _no_package(error) from error

    def iter_outcomes(
        self, jobs: Iterable[Job]
    ) -> Generator[SubjectUpdate | Outcome | None, None, None]:
        """Yield outcomes as they come, and None at least five times a second; see `Engine`."""
        waiting: dict[Future, tuple[Job, float]] = {}
        done: queue.SimpleQueue[Future] = queue.SimpleQueue()
        todo = iter(jobs)
        is_more = True
        try:
            if not self._workers():
                yield SubjectUpdate("", told="No worker is connected yet: waiting for one.")
            yield from self._wait_for_workers()
            most, room, asked_at = self._capacity()
            while is_more or waiting:
                if time.monotonic() - asked_at > 1:
                    most, room, asked_at = self._capacity()
                while is_more and len(waiting) < most:
                    job = next(todo, None)
                    if job is None:
                        is_more = False
                        break
                    began = time.monotonic()
                    try:
                        future = self._submitted(job, room)
                    except MRFInputError as error:
                        yield failure(job, error, began=began)
                        continue
                    waiting[future] = job, began
                    future.add_done_callback(done.put)
                try:
                    future = done.get(timeout=_PAUSE_S)
                except queue.Empty:
                    self._check()
                    yield None
                    continue
                job, began = waiting.pop(future)
                yield self._outcome(future, job, began)
        finally:
            self._drop(list(waiting))

    def iter_call(self, work: Callable[[], Result]) -> Generator[None, None, Result]:
        """Return the result of work that a worker does; see `Engine`."""
        yield from self._wait_for_workers()
        future = self._client.submit(worker_side.call, work, key=_key("table"),
                                     pure=False)  # fmt: skip
        try:
            while not future.done():
                self._check()
                time.sleep(_PAUSE_S)
                yield
            self._check_future(future)
            if future.status != "finished":
                raise _cause(future, None)
            result: Result = future.result()
        finally:
            self._drop([future])
        return result

    def _submitted(self, job: Job, room: int) -> Future:
        need = self._memory_mb or needed_mb(job)
        if need > room:
            raise MRFInputError(
                "too-large", "no worker has the memory that this subject needs",
                path=job.subject.series, expected=f"{need} MB", found=f"at most {room} MB",
                hint="Start workers with more memory (fewer on this machine), or say what a "
                "subject needs (on the command line --memory-per-subject).",
            )  # fmt: skip
        return self._client.submit(
            worker_side.reconstruct_subject, _absolute(job),
            key=_key("reconstruct"), pure=False, resources={worker_side.MEMORY_MB: need},
        )  # fmt: skip

    def _outcome(self, future: Future, job: Job, began: float) -> Outcome:
        """Return what a finished task says; its errors are those of the subject."""
        self._check_future(future)
        if future.status == "finished":
            outcome: Outcome = future.result()
            return outcome
        return failure(job, _cause(future, job.subject.series), began=began)

    def _wait_for_workers(self) -> Generator[None, None, None]:
        while not self._workers():
            self._check()
            time.sleep(_PAUSE_S)
            yield

    def _capacity(self) -> tuple[int, int, float]:
        """Return how many tasks may wait, the memory (MB) of the largest worker, and the time."""
        workers = self._workers().values()
        threads = sum(one["nthreads"] for one in workers)
        room = max((one["resources"].get(worker_side.MEMORY_MB, 0) for one in workers), default=0)
        return max(_FEWEST_AHEAD, _AHEAD * threads), int(room), time.monotonic()

    def _workers(self) -> dict[str, Any]:
        """Return the workers that have said what they can hold."""
        try:
            found = self._client.scheduler_info(n_workers=-1)["workers"]
        except (OSError, TimeoutError) as error:
            raise _lost() from error
        return {name: one for name, one in found.items()
                if worker_side.MEMORY_MB in one["resources"]}  # fmt: skip

    def _check(self) -> None:
        if self._client.status != "running":
            raise _lost()

    def _check_future(self, future: Future) -> None:
        if future.status in ("cancelled", "lost"):
            raise _lost()

    def _drop(self, futures: list[Future]) -> None:
        """Tell the scheduler that nobody waits for these any more."""
        if futures and self._client.status == "running":
            self._client.cancel(futures)


def _cause(future: Future, path: Path | None) -> Exception:
    """Return why a task has no result; raise where it is the same for all tasks."""
    from distributed import KilledWorker

    error: BaseException = future.exception()
    if isinstance(error, KilledWorker):
        return MRFInputError(
            "worker-lost", "the worker ended again and again while it worked on this", path=path,
            hint="Mostly the memory did not suffice: start workers with more of it.",
        )  # fmt: skip
    if isinstance(error, ImportError):
        raise _no_package(error) from error
    return error if isinstance(error, Exception) else RuntimeError(reason(error))


def _key(what: str) -> str:
    """Return a key that no other task has; its first word is all that the scheduler remembers."""
    return f"{what}-{uuid.uuid4().hex}"


def _absolute(job: Job) -> Job:
    """Return a job whose paths hold in any folder."""
    one, options = job.subject, job.options
    subject = replace(
        one, series=_place(one.series), mask=_place(one.mask), b1=_place(one.b1),
        rois=_place(one.rois), sequence=_place_of_text(one.sequence),
    )  # fmt: skip
    of_raw = {**options.of_raw}
    if "trajectory" in of_raw:
        of_raw["trajectory"] = _place_of_text(of_raw["trajectory"])
    return replace(
        job, subject=subject, folder=_place(job.folder), target=_place_of_scan(job.target),
        options=replace(
            options, mask=_place(options.mask), b1=_place(options.b1), of_raw=of_raw,
            sequence=_place_of_text(options.sequence), method=_place_of_text(options.method),
        ),
    )  # fmt: skip


def _place(path: Any) -> Any:
    return None if path is None else path.absolute()


def _place_of_scan(target: ScanTarget | None) -> ScanTarget | None:
    if target is None:
        return None
    return replace(target, dataset=_place(target.dataset), source=_place(target.source))


def _place_of_text(text: str | None) -> str | None:
    """Return a text that may be the path of a file or a name."""
    if text is None or not os.path.isfile(text):  # noqa: PTH113 (any text, also none of a path)
        return text
    return os.path.abspath(text)  # noqa: PTH100


def _lost() -> MRFInputError:
    return MRFInputError(
        _LOST, "the scheduler cannot be reached any more",
        hint="Finished subjects are saved: start the scheduler and run the same command again, "
        "which takes up the others.",
    )  # fmt: skip


def _no_package(error: ImportError) -> MRFInputError:
    return MRFInputError(
        "bad-worker", "a worker cannot import napari-mrf", found=reason(error),
        hint="Start the workers in the environment of the command.",
    )  # fmt: skip
