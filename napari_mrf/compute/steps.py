"""Work in steps: a generator that can be left at every yield, and that returns its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_Step = TypeVar("_Step")
_Result = TypeVar("_Result")


class Steps(Generic[_Step, _Result]):
    """The steps of a generator, to go through once with ``for``; then there is a result.

    Parameters
    ----------
    generator : generator
        The work.

    Attributes
    ----------
    result : object
        What the generator returned, once all steps are done.
    """

    result: _Result

    def __init__(self, generator: Generator[_Step, None, _Result]) -> None:
        self._generator = generator

    def __iter__(self) -> Iterator[_Step]:
        self.result = yield from self._generator


def result_of(generator: Generator[Any, None, _Result]) -> _Result:
    """Return what a generator returns, after all of its steps."""
    steps = Steps(generator)
    for _ in steps:
        pass
    return steps.result
