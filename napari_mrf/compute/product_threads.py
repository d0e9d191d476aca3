"""Pieces of work on several cores, whose matrix products stay on one core each.

Torch's own threads share out every single product and wait for each other after it: on a busy
machine the waiting costs more than the product.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

Item = TypeVar("Item")
Result = TypeVar("Result")


def n_threads() -> int:
    """Return how many threads torch may use: one a core, unless it was told otherwise."""
    return torch.get_num_threads()


def each_on_one_core(work: Callable[[Item], Result], items: list[Item]) -> list[Result]:
    """Return the result of every item, worked on by as many threads as torch may use.

    A single item is worked on by one thread too: products depend on their threads in the last
    bit.

    Parameters
    ----------
    work : callable
        Must not depend on the order of calls.
    items : list
        The pieces.
    """
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
