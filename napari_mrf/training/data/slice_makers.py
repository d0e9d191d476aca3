"""Processes that make random slices ahead of a training, in an order that does not depend on them.

They are other Pythons with this package, not forks, and not started as `multiprocessing` does,
which runs the script of the user once more. Each waits for the number of a slice on its standard
input and ends with it: also when this process is killed. What goes between them is JSON and
numpy's files of arrays, which hold no code.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from napari_mrf.compute.devices import n_threads
from napari_mrf.compute.threads import in_order
from napari_mrf.errors import MRFInputError
from napari_mrf.training.data.random_slices import Patch, SliceNumber, SlicePlan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Child = subprocess.Popen[bytes]

_ERROR, _INPUT_ERROR = "error", "input_error"

# A scan takes several times as long to make as an image with noise alone: with few slices ahead
# either side waits for the other. A slice of FISP takes 0.3 GB.
_AHEAD = 6


class SliceMakers:
    """Makes slices in processes that are started when the first are asked for.

    Parameters
    ----------
    plan : SlicePlan
        Of all of them.
    workers : int, optional
        Processes; by default one per CPU core but one, which the training has. Slices do not depend
        on it. 0 makes them in this process, as does a program that is not started by Python.
    """

    def __init__(self, plan: SlicePlan, workers: int | None = None) -> None:
        self._plan = plan
        self._workers = max(n_threads() - 1, 1) if workers is None else workers
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
        n_ahead = max(2 * self._workers, _AHEAD)
        yield from in_order(self._pool, n_ahead, self._made, numbers)

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
                _write(_open(child.stdin), self._plan.to_json().encode())
            self._idle.put(child)
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="slices")

    def _made(self, number: SliceNumber) -> list[Patch]:
        idle = self._idle
        child = idle.get()
        try:
            _write(_open(child.stdin), json.dumps(number).encode())
            with np.load(BytesIO(_read(_open(child.stdout))), allow_pickle=False) as answer:
                found = dict(answer)
        except (OSError, EOFError, ValueError):
            raise _lost("has ended") from None
        finally:
            idle.put(child)
        return _patches(found)


def serve() -> None:
    """Take a plan from standard input, then numbers of slices, and answer each with its patches."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who asks decides when it is over
    requests = sys.stdin.buffer
    # Buffered also where Python is told not to: a plain file ends a long answer early when a signal
    # comes, as when the process is stopped and goes on, and both sides would wait for ever.
    answers = open(sys.stdout.fileno(), "wb", closefd=False)  # noqa: SIM115 - until the end
    sys.stdout = sys.stderr  # what libraries print must not come between
    import torch

    torch.set_num_threads(1)
    with suppress(EOFError, OSError):
        plan = SlicePlan.from_json(_read(requests).decode())
        while True:
            number = SliceNumber(*json.loads(_read(requests)))
            answer = BytesIO()
            np.savez(answer, **_answer(plan, number))
            _write(answers, answer.getvalue())


def _answer(plan: SlicePlan, number: SliceNumber) -> dict[str, Any]:
    """Return the patches of a slice as arrays by name, or what went wrong as a text."""
    try:
        patches = plan.patches(number)
    except MRFInputError as error:
        parts = {
            key: getattr(error, key)
            for key in ("code", "what", "path", "expected", "found", "hint")
        }
        return {_INPUT_ERROR: json.dumps(parts, default=str)}
    except Exception:
        return {_ERROR: f"{number}:\n{traceback.format_exc()}"}
    return {key: np.stack([getattr(one, key) for one in patches]) for key in Patch._fields}


def _patches(found: dict[str, Any]) -> list[Patch]:
    """Return the patches of an answer, or raise what it tells."""
    if _INPUT_ERROR in found:
        raise MRFInputError(**json.loads(str(found[_INPUT_ERROR])))
    if _ERROR in found:
        raise RuntimeError(str(found[_ERROR]))
    return [Patch(*one) for one in zip(*(found[key] for key in Patch._fields), strict=True)]


def _write(stream: BinaryIO, message: bytes) -> None:
    stream.write(len(message).to_bytes(8, "little") + message)
    stream.flush()


def _read(stream: BinaryIO) -> bytes:
    size = int.from_bytes(stream.read(8), "little")
    message = stream.read(size)
    if not size or len(message) < size:
        raise EOFError
    return message


def _open(pipe: Any) -> BinaryIO:
    assert pipe is not None  # noqa: S101 - asked for
    stream: BinaryIO = pipe
    return stream


def _lost(what: str, error: OSError | None = None) -> MRFInputError:
    return MRFInputError(
        "lost-process", f"a process that makes training data {what}", found=error,
        hint="Free some memory and train on: a training goes on from its checkpoint.",
    )  # fmt: skip


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
