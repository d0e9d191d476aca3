"""Processes that make random slices ahead of a training, in an order that does not depend on them.

They are other Pythons with this package, not forks, and not started as `multiprocessing` does,
which runs the script of the user once more. Each waits for the number of a slice on its standard
input and ends with it: also when this process is killed.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import traceback
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from napari_mrf.compute.devices import n_threads
from napari_mrf.compute.threads import in_order
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from napari_mrf.training.data.random_slices import Patch, SliceNumber, SlicePlan

    Child = subprocess.Popen[bytes]


class SliceMakers:
    """Makes slices in processes that are started when the first are asked for.

    Parameters
    ----------
    plan : SlicePlan
        Of all of them.
    workers : int, optional
        Processes, one per CPU core by default; slices do not depend on it. 0 makes them in this
        process, as does a program that is not started by Python.
    """

    def __init__(self, plan: SlicePlan, workers: int | None = None) -> None:
        self._plan = plan
        self._workers = n_threads() if workers is None else workers
        if getattr(sys, "frozen", False) or not sys.executable:
            self._workers = 0
        self._children: list[Child] = []
        self._idle: SimpleQueue[Child] = SimpleQueue()
        self._pool: ThreadPoolExecutor | None = None
        weakref.finalize(self, _end, self._children)

    def slices(self, numbers: Iterable[SliceNumber]) -> Iterator[list[Patch]]:
        """Yield the patches of slices in the order of their numbers, some made ahead.

        Raises
        ------
        MRFInputError
            ``"lost-process"``, and what making a slice raises.
        """
        if self._workers == 0:
            yield from map(self._plan.patches, numbers)
            return
        if self._pool is None:
            self._start()
        yield from in_order(self._pool, 2 * self._workers, self._made, numbers)

    def close(self) -> None:
        """End the processes; they would be started again."""
        _end(self._children)
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._pool, self._idle = None, SimpleQueue()

    def _start(self) -> None:
        code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve()"
        for _ in range(self._workers):
            try:
                child = subprocess.Popen(  # noqa: S603 - this Python, this module
                    [sys.executable, "-c", code],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                    env=os.environ | {"OMP_NUM_THREADS": "1"},
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )  # fmt: skip
            except OSError as error:
                raise _lost("cannot be started", error) from None
            self._children.append(child)
            with suppress(OSError):  # the first slice will tell
                _send(child, self._plan)
            self._idle.put(child)
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="slices")

    def _made(self, number: SliceNumber) -> list[Patch]:
        idle = self._idle
        child = idle.get()
        try:
            _send(child, number)
            assert child.stdout is not None  # noqa: S101 - a pipe
            answer: Any = pickle.load(child.stdout)  # noqa: S301 - from a process of ours
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            raise _lost("has ended") from None
        finally:
            idle.put(child)
        if isinstance(answer, Exception):
            raise answer
        patches: list[Patch] = answer
        return patches


def serve() -> None:
    """Take a plan from standard input, then numbers of slices, and answer each with its patches."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who asks decides when it is over
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what libraries print must not come between
    import torch

    torch.set_num_threads(1)
    with suppress(EOFError, OSError):
        plan: SlicePlan = pickle.load(requests)  # noqa: S301 - from the process that began this one
        while True:
            number: SliceNumber = pickle.load(requests)  # noqa: S301
            answer: list[Patch] | Exception
            try:
                answer = plan.patches(number)
            except MRFInputError as error:
                answer = error
            except Exception:
                answer = RuntimeError(f"{number}:\n{traceback.format_exc()}")
            pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()


def _lost(what: str, error: OSError | None = None) -> MRFInputError:
    return MRFInputError(
        "lost-process", f"a process that makes training data {what}", found=error,
        hint="Free some memory and train on: a training goes on from its checkpoint.",
    )  # fmt: skip


def _send(child: Child, what: Any) -> None:
    assert child.stdin is not None  # noqa: S101 - a pipe
    pickle.dump(what, child.stdin, pickle.HIGHEST_PROTOCOL)
    child.stdin.flush()


def _end(children: list[Child]) -> None:
    """End processes and take leave of them, so that none stays as a zombie."""
    for child in children:
        child.kill()
    for child in children:
        child.wait()
        for pipe in (child.stdin, child.stdout):
            # A thread that is reading closes nothing; its pipe ends with the process.
            with suppress(OSError, ValueError):
                if pipe is not None:
                    pipe.close()
    children.clear()
