"""Child processes that end in the middle of what they do, by SIGKILL, at a moment of choice."""

import os
import signal
import sys
import warnings
from pathlib import Path

CHANGES = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.utime"}


def in_child(do):
    """Run a function in a forked process; return its number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, none of which it needs
        process = os.fork()
    if process == 0:
        status = 1
        signal.alarm(300)  # a test must end
        try:
            do()
            status = 0
        finally:
            os._exit(status)
    return process


def ended(process):
    """Wait for a process; return its exit status, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def killed(do, is_moment):
    """Run a function until `is_moment(event, path)` and kill it there; return if that came.

    Events are those of Python's audit hooks, before they happen; of a rename the path is the new
    one.
    """

    def watched():
        def watch(event, arguments):
            if event in CHANGES:
                path = arguments[1 if event == "os.rename" else 0]
                if isinstance(path, str | os.PathLike) and is_moment(event, Path(path)):
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        do()

    status = ended(in_child(watched))
    assert status in (0, -signal.SIGKILL)
    return status != 0


def killed_at_step(do, folder, step):
    """Run a function, and kill it before its step-th change below a folder."""
    left = [step]

    def is_moment(event, path):
        left[0] -= path.is_relative_to(folder)
        return left[0] == 0

    return killed(do, is_moment)


def temporary_names(folder):
    return [path for path in folder.rglob("*") if path.name.startswith(".mrf")]
