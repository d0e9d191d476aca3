"""Pieces of work on several threads: results in order, each piece computed on one thread.

A network is a chain of small products. Sharing each of them out among all cores costs more in
waiting than it gains (a recurrent network has hundreds of them, one after another), so whole
batches are shared out instead. What a batch gives then does not depend on the number of
cores either.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Barrier, Lock, Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from concurrent.futures import Future

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_STARTING = Lock()
_PAUSE_S = 0.2


def n_threads() -> int:
    """Return how many threads torch may use: one per core, unless it was told otherwise."""
    import torch

    return torch.get_num_threads()


def each_on_one_core(work: Callable[[Piece], Result], items: list[Piece]) -> list[Result]:
    """Return the result of every item, worked on by as many threads as torch may use.

    Torch's own threads share out every single product and wait for each other after it: on a
    busy machine the waiting costs more than the product. A single item is worked on by one
    thread too: products depend on their threads in the last bit.

    Parameters
    ----------
    work : callable
        Must not depend on the order of calls.
    items : list
        The pieces.
    """
    import torch

    n = n_threads()
    if n == 1:
        return [work(item) for item in items]
    n_workers = max(1, min(n, len(items)))
    try:
        with ThreadPoolExecutor(
            n_workers, initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            return list(pool.map(work, items))
    finally:
        # A thread's number of threads is its own, but the last one set is what threads that
        # start later begin with.
        torch.set_num_threads(n)


def one_thread_each(n_threads: int) -> ThreadPoolExecutor:
    """Return a pool in whose threads torch computes on that thread alone.

    Parameters
    ----------
    n_threads : int
        In the pool.
    """
    import torch

    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="network")
    together = Barrier(n_threads)

    def begin(_: int) -> None:
        torch.get_num_threads()  # a thread takes over the usual number when first asked
        torch.set_num_threads(1)
        together.wait()

    with _STARTING:
        # The call counts for the thread it is made in, and for threads still to come.
        usual = torch.get_num_threads()
        try:
            list(pool.map(begin, range(n_threads)))
        finally:
            torch.set_num_threads(usual)
    return pool


@contextmanager
def on_one_thread() -> Iterator[None]:
    """Let torch compute on this thread alone; threads that start meanwhile have the usual number.

    For work whose other cores are busy with processes of its own: torch's threads would wait for
    each other while they spin, and take their time.
    """
    import torch

    usual = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        # The call counts for threads still to come as well; this one takes that back.
        other = Thread(target=torch.set_num_threads, args=(usual,))
        other.start()
        other.join()
        yield
    finally:
        torch.set_num_threads(usual)


def in_order(
    pool: ThreadPoolExecutor | None,
    n_ahead: int,
    work: Callable[[Piece], Result],
    pieces: Iterable[Piece],
) -> Iterator[Result]:
    """Yield the result of every piece, in their order.

    Parameters
    ----------
    pool : ThreadPoolExecutor or None
        None works them off one after another.
    n_ahead : int
        Pieces under way at a time.
    work : callable
        What is done with a piece.
    pieces : iterable
        When the iterator is closed early, those not begun are dropped.
    """
    if pool is None:
        yield from map(work, pieces)
        return
    under_way: deque[Future[Result]] = deque()
    try:
        for piece in pieces:
            under_way.append(pool.submit(work, piece))
            if len(under_way) >= n_ahead:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        for future in under_way:
            future.cancel()


def in_parts(
    work: Callable[[slice], object], count: int, *, fewest: int, workers: int | None = None
) -> None:
    """Do work on all of ``range(count)`` by slices of it, several at a time.

    Parameters
    ----------
    work : callable
        Takes a slice; must let go of the interpreter, and not depend on where slices end.
    count : int
        Number of places.
    fewest : int
        Places in a slice that are worth a thread.
    workers : int, optional
        Threads; by default one per CPU core that this process may use.
    """
    from napari_mrf.compute.devices import n_threads as usable_cores

    workers = workers or usable_cores()
    size = max(-(-count // (4 * workers)), fewest)
    if workers == 1 or size >= count:
        work(slice(count))
        return
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, [slice(start, start + size) for start in range(0, count, size)]))


def with_pauses(
    work: Callable[[Piece], object], pieces: Sequence[Piece], *, workers: int | None = None
) -> Iterator[None]:
    """Do work on all pieces, several at a time; yield at least five times a second.

    What is left early is left at once: pieces under way end by themselves, the others are
    dropped.

    Parameters
    ----------
    work : callable
        Must let go of the interpreter, and not depend on the order of calls.
    pieces : sequence
        What it is called with.
    workers : int, optional
        Threads; by default one per CPU core.
    """
    n_workers = max(min(workers or os.cpu_count() or 1, len(pieces)), 1)
    pool = ThreadPoolExecutor(n_workers, thread_name_prefix="pausing")
    under_way = {pool.submit(work, piece) for piece in pieces}
    try:
        while under_way:
            done, under_way = wait(under_way, _PAUSE_S, FIRST_COMPLETED)
            for future in done:
                future.result()
            yield
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def result_with_pauses(work: Callable[[], Result]) -> Generator[None, None, Result]:
    """Return the result of work that cannot be left itself; see `with_pauses`."""
    results: list[Result] = []
    yield from with_pauses(lambda _: results.append(work()), [None])
    return results[0]


def indices_in_order(
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
        Threads; by default one per CPU core.
    """
    n_workers = workers or os.cpu_count() or 1
    with ThreadPoolExecutor(n_workers) as pool:
        yield from in_order(pool, 2 * n_workers, work, range(count))
