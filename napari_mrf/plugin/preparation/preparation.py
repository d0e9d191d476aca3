"""Preparation: compilation beside the window, and how far it is.

While numba compiles in a thread of this process, the window stands still for tenths of a second
again and again, and for as long as it takes where it needs a compiled function itself. So a child
process compiles and leaves the result in numba's cache on disk, from which it loads at once.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from napari_mrf.plugin.jobs import Step
from napari_mrf.plugin.jobs.garbage import start_thread
from napari_mrf.plugin.preparation.kernels import TASKS, Task
from napari_mrf.plugin.preparation.record import is_compiled, note_compiled

if TYPE_CHECKING:
    from collections.abc import Generator

SWITCH = "NAPARI_MRF_PREPARE"
"""Environment variable: 0 compiles nothing ahead."""

_PAUSE_S = 0.1
# A task that takes longer than expected does not seem to be done.
_MOST_OF_A_TASK = 0.9


@dataclass(frozen=True)
class Progress:
    """How far the preparation is.

    Parameters
    ----------
    sentence : str
        For the user.
    done_s, total_s : float
        Expected seconds of what is done, and of all.
    """

    sentence: str
    done_s: float
    total_s: float


class Preparation:
    """Compiles in a child process, once on a machine; safe to be asked from any thread.

    Parameters
    ----------
    tasks : tuple of Task
        Of `TASKS`, in this order.
    """

    def __init__(self, tasks: tuple[Task, ...] = TASKS) -> None:
        self.tasks = tasks
        self._lock = Lock()
        self._child: subprocess.Popen[str] | None = None
        self._was_started = False
        self._n_done = len(tasks)
        self._start_s = self._task_start_s = 0.0

    def start(self) -> None:
        """Compile what is not compiled yet; only the first call does anything."""
        with self._lock:
            if self._was_started:
                return
            self._was_started = True
        if os.environ.get(SWITCH) == "0" or is_compiled():
            return
        if getattr(sys, "frozen", False) or not sys.executable:  # another program than Python
            return
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            "from napari_mrf.plugin.preparation.child import main; "
            f"main({[TASKS.index(task) for task in self.tasks]})"
        )
        with suppress(OSError):  # without a child all is compiled where it is needed
            self._child = subprocess.Popen(  # noqa: S603 - this Python, this package
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )  # fmt: skip
            self._n_done = 0
            self._start_s = self._task_start_s = time.monotonic()
            atexit.register(self.stop)
            start_thread(self._listen, name="mrf-preparation", daemon=True)

    def stop(self) -> None:
        """Compile no more ahead."""
        if self._child is not None:
            self._child.kill()

    def progress(self) -> Progress | None:
        """Return how far it is, or None when nothing is being prepared."""
        n_done, now = self._n_done, time.monotonic()
        if n_done >= len(self.tasks):
            return None
        before_s = sum(task.seconds for task in self.tasks[:n_done])
        total_s = sum(task.seconds for task in self.tasks)
        task = self.tasks[n_done]
        pace = (self._task_start_s - self._start_s) / before_s if n_done else 1.0
        share = min((now - self._task_start_s) / (task.seconds * pace), _MOST_OF_A_TASK)
        done_s = before_s + share * task.seconds
        left_s = 5 * max(round((total_s - done_s) * pace / 5), 1)
        sentence = (
            f"Preparing {task.what}: {n_done + 1} of {len(self.tasks)}, about {left_s:.0f} s left; "
            "once on this machine"
        )
        return Progress(sentence, done_s, total_s)

    def is_ready_for(self, *needs: str) -> bool:
        """Return whether all is compiled that a kind of sequence, a method or drawing needs."""
        return all(set(needs).isdisjoint(task.needed_for) for task in self.tasks[self._n_done :])

    def waiting(self, *needs: str) -> Generator[Step, None, None]:
        """Wait in the thread of a job until `is_ready_for`, and say why."""
        while not self.is_ready_for(*needs):
            progress = self.progress()
            yield Step.saying("waiting" if progress is None else progress.sentence)
            time.sleep(_PAUSE_S)

    def _listen(self) -> None:
        child = self._child
        if child is None or child.stdout is None:
            return
        try:
            for line in child.stdout:
                if line != "done\n":
                    note_compiled(json.loads(line))
                elif self._n_done < len(self.tasks) - 1:  # the last one is done when it is noted
                    self._task_start_s = time.monotonic()
                    self._n_done += 1
        finally:
            self._n_done = len(self.tasks)
            child.wait()


PREPARATION = Preparation()
"""The one of this process."""
