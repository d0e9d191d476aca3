"""Work that reports by a callback, as the steps of a job.

Apart from `status`, since it starts a thread.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.jobs.status import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


def in_steps(work: Callable[..., Any], detail: str) -> Generator[Step, None, Any]:
    """Run a function that reports by a callback as a generator that can be cancelled.

    Parameters
    ----------
    work : callable
        Takes ``progress``, a callable of (done, total) and, optionally, another detail.
    detail : str
        Free text beside the bar.
    """
    reported = Step(detail=detail)
    stopped = threading.Event()

    def progress(done: int, total: int, what: str = detail) -> None:
        nonlocal reported
        reported = Step(done, total, what)
        if stopped.is_set():
            raise _StoppedError

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work, progress=progress)
        try:
            while not wait([future], timeout=0.1).done:
                yield reported
            return future.result()
        finally:
            stopped.set()


class _StoppedError(Exception):
    """Leaves the work at its next report."""
