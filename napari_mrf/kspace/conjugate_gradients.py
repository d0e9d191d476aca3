"""Linear equations with a Hermitian, positive operator, solved step by step."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def solving(
    operator: Callable[[torch.Tensor], torch.Tensor],
    right: torch.Tensor,
    precondition: Callable[[torch.Tensor], torch.Tensor],
) -> Iterator[tuple[torch.Tensor, float]]:
    """Yield ever better solutions of ``operator(x) = right``, without end.

    Parameters
    ----------
    operator : callable
        Hermitian and positive.
    right : Tensor
        Complex.
    precondition : callable
        Near to the inverse of the operator, Hermitian and positive.

    Yields
    ------
    Tensor, float
        The solution, and the size of what is left of `right`, as the preconditioner measures
        it, of what it was at first.

    References
    ----------
    Hestenes and Stiefel, J. Res. Natl. Bur. Stand. 1952, with a preconditioner.
    """
    solution, left = torch.zeros_like(right), right.clone()
    pulled = precondition(left)
    direction = pulled.clone()
    first = size = _product(left, pulled)
    while True:
        if size <= 0.0:  # solved, or nothing to solve
            yield solution, 0.0
            continue
        image = operator(direction)
        length = size / _product(direction, image)
        solution = solution + length * direction
        left = left - length * image
        pulled = precondition(left)
        size, before = _product(left, pulled), size
        direction = pulled + (size / before) * direction
        yield solution, sqrt(max(size, 0.0) / first)


def _product(first: torch.Tensor, second: torch.Tensor) -> float:
    """Return the real part of the inner product, summed in double precision."""
    return float((first.conj() * second).real.sum(dtype=torch.float64))
