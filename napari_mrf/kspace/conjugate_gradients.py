"""Linear equations with a Hermitian, positive operator, solved step by step."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import torch

from napari_mrf.compute.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator


class Iterate(NamedTuple):
    """Where the solver stands.

    Parameters
    ----------
    solution : Tensor
        So far.
    left : float
        The size of what is left of the right-hand side, as the preconditioner measures it, of
        what it was at first.
    steps : int
        Done.
    """

    solution: torch.Tensor
    left: float
    steps: int


def solving(
    applying: Callable[[torch.Tensor], Generator[None, None, torch.Tensor]],
    right: torch.Tensor,
    precondition: Callable[[torch.Tensor], torch.Tensor],
) -> Iterator[Iterate]:
    """Yield ever better solutions x of ``operator(x) = right``, without end.

    Parameters
    ----------
    applying : callable
        The operator, Hermitian and positive: a generator that returns the result. Its pauses
        are passed on, so that work can be left within a step.
    right : Tensor
        Complex.
    precondition : callable
        Near to the inverse of the operator, Hermitian and positive.

    Yields
    ------
    Iterate
        At each pause, and after each step.

    References
    ----------
    Hestenes and Stiefel, J. Res. Natl. Bur. Stand. 1952, with a preconditioner.
    """
    solution, left = torch.zeros_like(right), right.clone()
    pulled = precondition(left)
    direction = pulled.clone()
    first = size = _product(left, pulled)
    steps = 0
    while True:
        now = Iterate(solution, sqrt(max(size, 0.0) / first) if first > 0 else 0.0, steps)
        if steps:
            yield now
        steps += 1
        if size <= 0.0:  # solved, or nothing to solve
            continue
        image = Steps(applying(direction))
        for _ in image:
            yield now
        length = size / _product(direction, image.result)
        solution = solution + length * direction
        left = left - length * image.result
        pulled = precondition(left)
        size, before = _product(left, pulled), size
        direction = pulled + (size / before) * direction


def _product(first: torch.Tensor, second: torch.Tensor) -> float:
    """Return the real part of the inner product, summed in double precision."""
    return float((first.conj() * second).real.sum(dtype=torch.float64))
