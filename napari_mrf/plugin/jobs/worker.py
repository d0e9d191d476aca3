"""Worker thread of a job: at most 20 steps per second, exceptions as values, no garbage search.

A ``RuntimeError`` that leaves a generator is taken for a deleted worker and swallowed, so no
exception may leave it: the generator here returns a typed `Failure`.

Apart from `job`, since it runs in another thread: nothing here may touch a widget.
"""

from __future__ import annotations

import time
import traceback
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from napari.qt.threading import GeneratorWorker

from napari_mrf.plugin.jobs.garbage import GARBAGE
from napari_mrf.plugin.jobs.status import Failure, Step, as_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_SHORTEST_INTERVAL_S = 0.05


class JobWorker(GeneratorWorker[Any, None, Any]):
    """A worker that leaves garbage to the thread of the window."""

    def __init__(self, func: Callable[..., Generator[Any, None, Any]], *arguments: Any) -> None:
        super().__init__(func, *arguments)
        self._given: list[object] = [func, arguments]

    def run(self) -> None:
        """Work, in a thread of the pool."""
        try:
            super().run()
        finally:
            with suppress(Exception):  # what was left in the middle; who waits has been told
                self._gen.close()  # a folder that it holds is free at once
            given, self._given = self._given, []
            GARBAGE.leave(given)


class NamedWork(partial):  # type: ignore[type-arg]
    """A call that prints as its title, which napari shows when a busy window is closed."""

    title: str

    def __new__(cls, title: str, *arguments: Any) -> NamedWork:
        """Make the call."""
        self = super().__new__(cls, *arguments)
        self.title = title
        return self

    def __repr__(self) -> str:
        return self.title


def guarded(
    work: Callable[..., Generator[Step, None, Any]], arguments: tuple[Any, ...]
) -> Generator[Step | None, None, Any]:
    """Run the generator, thin out its steps, and turn every exception into a `Failure`."""
    last_s = float("-inf")

    def step_if_due(step: Step) -> Step | None:
        nonlocal last_s
        now = time.monotonic()
        if not step.keep and now - last_s < _SHORTEST_INTERVAL_S:
            return None
        last_s = now
        return step

    try:
        return (yield from as_steps(work(*arguments), step_if_due))
    except Exception as error:  # see the module docstring
        return Failure(error, traceback.format_exc())
