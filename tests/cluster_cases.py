"""A scheduler and its workers on loopback, as processes of their own."""

import json
import os
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen

from places import REPOSITORY

from napari_mrf.cohort.outcome import Outcome

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1",
               "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "False"}  # fmt: skip


class Processes:
    """A scheduler and its workers.

    Parameters
    ----------
    folder : Path
        For what they write.
    security : tuple of str
        Words of the command line.
    protocol : str
        ``"tcp"`` or ``"tls"``.
    """

    def __init__(self, folder, security=(), protocol="tcp"):
        self.folder, self._security, self._protocol = folder, security, protocol
        self._all = []
        self._file = folder / "scheduler.json"
        words = ("--scheduler-file", self._file, "--no-dashboard", "--port", "0")
        self.scheduler = self._start("scheduler", *words, "--host", f"{protocol}://127.0.0.1")

    def worker(self, *words):
        """Start a worker process without a nanny; return it."""
        place = ("--scheduler-file", self._file, "--local-directory", self.folder)
        return self._start("worker", *place, "--no-nanny", "--nthreads", "1", "--no-dashboard",
                           "--host", "127.0.0.1", "--memory-limit", "3GB", *words)  # fmt: skip

    def _start(self, what, *words):
        command = [sys.executable, "-m", "distributed.cli.dask_" + what, *map(str, words)]
        with (self.folder / f"{what}.log").open("a") as log:
            started = Popen([*command, *self._security], env=ENVIRONMENT, cwd=self.folder,
                            stdout=DEVNULL, stderr=log)  # fmt: skip
        self._all.append(started)
        return started

    @property
    def address(self):
        """Return the address of the scheduler, once it has written it."""
        while not self._file.exists():
            assert self.scheduler.poll() is None, (self.folder / "scheduler.log").read_text()
            time.sleep(0.02)  # it is a process of its own: nothing to wait on but its file
        return json.loads(self._file.read_text())["address"]

    def end(self):
        """End all processes at once."""
        for one in self._all:
            one.kill()
        for one in self._all:
            one.wait()


@contextmanager
def processes(folder, **options):
    """Start a scheduler, and end it with all of its workers."""
    folder.mkdir(parents=True, exist_ok=True)
    started = Processes(Path(folder), **options)
    try:
        yield started
    finally:
        started.end()


LOCK = threading.Lock()
TOGETHER = [0, 0]


def counted(job):
    """Stand in for the work on a subject: count how many go on at once, and at most."""
    with LOCK:
        TOGETHER[0] += 1
        TOGETHER[1] = max(TOGETHER)
    time.sleep(0.1)  # as long as the others may take to begin, too
    with LOCK:
        TOGETHER[0] -= 1
    return Outcome.of(job, "made", began=time.monotonic())
