"""Job: work in the background, one piece at a time.

A quit request acts only between two yields, so a cancelled job lets go of its worker at once
and hears nothing from it any more.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from psygnal import Signal
from qtpy.QtCore import QObject, Slot

from napari_mrf.plugin.jobs.garbage import GARBAGE
from napari_mrf.plugin.jobs.status import Failure, JobState, JobStatus, Step
from napari_mrf.plugin.jobs.worker import JobWorker, NamedWork, guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class Job(QObject):
    """Work in the background, one piece at a time.

    All signals are emitted in the thread that made the job, the one of the window.

    Attributes
    ----------
    changed : Signal(JobStatus)
        Whenever `status` changes.
    updated : Signal(object)
        The value of a step.
    succeeded : Signal(object)
        What the generator returned.
    """

    changed = Signal(JobStatus)
    updated = Signal(object)
    succeeded = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.status = JobStatus()
        self._worker: Any = None
        self._run: _Run | None = None
        self._start_s = 0.0
        self._first_s: float | None = None
        self._first_done = 0

    def start(
        self, title: str, work: Callable[..., Generator[Step, None, Any]], *arguments: Any
    ) -> None:
        """Run a generator function in a thread.

        It must yield a `Step` every 50-200 ms to be cancellable, compute with plain arrays
        and leave layers and widgets alone.

        Parameters
        ----------
        title : str
            What is being done, in words for the user.
        work : generator function
            Called with the arguments in the worker thread; what it returns is handed to
            `succeeded`.
        *arguments : object
            For the generator function.

        Raises
        ------
        RuntimeError
            When the job is still running.
        """
        if self.status.is_running:
            raise RuntimeError(f"{self.status.title} is still running")
        self._start_s = time.monotonic()
        self._first_s = None
        self._worker = create_worker(
            NamedWork(title, guarded, work, arguments),  # type: ignore[arg-type]  # is a callable
            _start_thread=False,
            _worker_class=JobWorker,
        )
        self._run = _Run(self)
        self._worker.yielded.connect(self._run.on_yielded)
        self._worker.returned.connect(self._run.on_returned)
        self._worker.finished.connect(self._run.on_finished)
        self._set(JobStatus(JobState.RUNNING, title))
        GARBAGE.enter()  # until the thread has ended, which may be long after a cancellation
        self._worker.start()

    def cancel(self) -> None:
        """Stop the work: at once for the user, at its next step in the thread."""
        if self.status.is_running:
            self._let_go()
            self._end(JobState.CANCELLED)

    def _let_go(self) -> None:
        worker, self._worker = self._worker, None
        run, self._run = self._run, None
        if worker is not None:
            worker.quit()
        if run is not None:
            run.deleteLater()

    def _set(self, status: JobStatus) -> None:
        self.status = status
        self.changed.emit(status)

    def _end(self, state: JobState, failure: Failure | None = None) -> None:
        seconds = time.monotonic() - self._start_s
        self._set(
            replace(self.status, state=state, seconds=seconds, seconds_left=None, failure=failure)
        )

    def _is_current(self) -> bool:
        # A closing window asks its workers to quit; what is still queued then must not reach
        # layers that are being taken down.
        return self._worker is not None and not self._worker.abort_requested

    def _on_yielded(self, step: Step | None) -> None:
        if step is None or not self._is_current():
            return
        now = time.monotonic()
        if step.stage != self.status.stage:
            self._first_s = None  # another pass goes at another pace
        if self._first_s is None and step.done > 0:
            self._first_s, self._first_done = now, step.done
        self._set(
            replace(
                self.status,
                done=step.done,
                total=step.total,
                detail=step.detail,
                stage=step.stage,
                seconds=now - self._start_s,
                seconds_left=self._seconds_left(step, now),
            )
        )
        if step.value is not None:
            self.updated.emit(step.value)

    def _seconds_left(self, step: Step, now: float) -> float | None:
        # The rate counts from the first progress of a stage: what precedes it (a dictionary to
        # build) says nothing about the rest.
        if self._first_s is None or not step.total or step.done <= self._first_done:
            return None
        rate = (step.done - self._first_done) / max(now - self._first_s, 1e-6)
        return (step.total - step.done) / rate

    def _on_returned(self, outcome: Any) -> None:
        if not self._is_current():
            return
        self._worker = None
        if isinstance(outcome, Failure):
            self._end(JobState.FAILED, outcome)
            return
        self._end(JobState.DONE)
        self.succeeded.emit(outcome)

    def _on_finished(self) -> None:
        # Only a worker that was told to quit by somebody else gets here still current.
        if self._worker is not None and self.status.is_running:
            self._worker = None
            self._end(JobState.CANCELLED)


class _Run(QObject):
    """Receives what the worker of one run sends, and drops it once the run is over.

    What a worker has sent already is delivered even after a disconnection: without this, the
    end of a cancelled run would end the run that was started right after it.
    """

    def __init__(self, job: Job) -> None:
        super().__init__()  # PySide6 frees parent and child in any order where they are a circle
        self._job = job

    def _is_current(self) -> bool:
        return self._job._run is self

    @Slot(object)
    def on_yielded(self, step: Step | None) -> None:
        """Pass a step on."""
        if self._is_current():
            self._job._on_yielded(step)

    @Slot(object)
    def on_returned(self, outcome: Any) -> None:
        """Pass the outcome on."""
        if self._is_current():
            self._job._on_returned(outcome)

    @Slot()
    def on_finished(self) -> None:
        """Pass the end of the thread's work on."""
        if self._is_current():
            self._job._on_finished()
