"""Frames in parallel: independent pieces of work on a pool of threads, in order."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Result = TypeVar("Result")


def in_order(
    work: Callable[[int], Result], count: int, *, workers: int | None = None
) -> Iterator[Result]:
    """Yield ``work(0)`` … ``work(count - 1)`` in order, several at a time.

    Only a few results wait at any time, so memory stays bounded; work not yet begun is
    dropped when the caller stops early.

    Parameters
    ----------
    work : callable
        Takes an index; must not depend on the order of calls.
    count : int
        Number of indices.
    workers : int, optional
        Threads; by default one a CPU core.
    """
    n_workers = workers or os.cpu_count() or 1
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(n_workers)
    try:
        for index in range(count):
            waiting.append(pool.submit(work, index))
            if len(waiting) >= 2 * n_workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
