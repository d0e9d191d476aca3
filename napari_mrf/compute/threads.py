"""Pieces of work beside each other, each on one thread.

A network is a chain of small products. Sharing each of them out among all cores costs more in
waiting than it gains (a recurrent network has hundreds of them, one after another), so whole
batches are shared out instead. What a batch gives then does not depend on the number of
cores either.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock
from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_STARTING = Lock()


def one_thread_each(n_threads: int) -> ThreadPoolExecutor:
    """Return a pool in whose threads torch computes on that thread alone.

    Parameters
    ----------
    n_threads : int
        In the pool.
    """
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
