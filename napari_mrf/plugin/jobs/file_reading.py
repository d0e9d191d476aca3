"""Reading of files as the steps of a job, which count the megabytes.

Apart from `reported`, since it knows of files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from napari_mrf.compute.steps import Steps
from napari_mrf.io.reading_progress import reading_told_to
from napari_mrf.plugin.jobs.reported import in_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_mrf.plugin.jobs.status import Step

_Result = TypeVar("_Result")

_MB = 1_000_000


def reading(
    work: Generator[str, None, _Result], n_bytes: int = 0
) -> Generator[Step, None, _Result]:
    """Run work that reads files to their end as a generator that can be cancelled.

    Parameters
    ----------
    work : generator
        Yields what is read before it begins. Its result is returned, for ``yield from``.
    n_bytes : int
        Of all readings; without it each file counts from 0 again.
    """

    def run(progress: Callable[..., None]) -> _Result:
        what, before, total = "", 0, n_bytes
        here = of = 0

        def tell(done: int, size: int) -> None:
            nonlocal before, here, of, total
            if size != of or done <= here:  # another file
                before += here
            here, of = done, size
            if not n_bytes:
                before, total = 0, size
            show()

        def show() -> None:
            progress(min(before + here, total) // _MB, -(-total // _MB), what)

        steps: Steps[str, _Result] = Steps(work)
        with reading_told_to(tell):
            for piece in steps:
                what = piece
                show()
        return steps.result

    result: _Result = yield from in_steps(run, "starting")
    return result
