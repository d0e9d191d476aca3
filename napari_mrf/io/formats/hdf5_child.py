"""HDF5 files tried in a process of their own: on a damaged one the library may never come back.

Neither a thread nor a signal can end a call into the library. The process is started with the
first file, which takes a fraction of a second, and then waits for more; it ends with this one.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from threading import Lock, Timer

from napari_mrf.io.formats.hdf5_guard import corrupt

SECONDS = 20.0
"""So long may the library take to find an array and its last number."""
_SECONDS_TO_START = 60.0
_LOCK = Lock()
_running: tuple[int, subprocess.Popen[str]] | None = None


def refuse_endless(path: Path, dataset: str | None, module: str) -> None:
    """Refuse a file on which the HDF5 library hangs or crashes.

    Where no process can be started, nothing is refused.

    Parameters
    ----------
    path : Path
        The file.
    dataset : str or None
        Which array will be read.
    module : str
        Name of the format's module, relative to this package (``".raw.ismrmrd"`` is beside it):
        its ``find(path, dataset)`` is tried.

    Raises
    ------
    MRFInputError
        ``"corrupt-hdf5"``.
    """
    with _LOCK:
        child = _child()
        if child is None:
            return
        request = json.dumps([module, str(path.absolute()), dataset])
        if not _line_within(child, SECONDS, request):
            raise corrupt(path, TimeoutError("the HDF5 library hangs or crashes on it"))


def serve() -> None:
    """Try files that are named on standard input, one a line, and answer each with a line."""
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        module, path, dataset = json.loads(line)
        with suppress(Exception):  # an error is an end; it will be told when the file is read
            import_module(f".{module}", __package__).find(Path(path), dataset)
        print("ended", flush=True)  # noqa: T201


def _child() -> subprocess.Popen[str] | None:
    """Return the running process of this one, started where needed, or None where it cannot be."""
    global _running
    if _running is not None and _running[0] == os.getpid() and _running[1].poll() is None:
        return _running[1]
    if getattr(sys, "frozen", False) or not sys.executable:  # another program than Python
        return None
    code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve()"
    try:
        child = subprocess.Popen(  # noqa: S603 - this Python, this module
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    except OSError:
        return None
    _running = os.getpid(), child
    return child if _line_within(child, _SECONDS_TO_START) else None


def _line_within(child: subprocess.Popen[str], seconds: float, request: str = "") -> bool:
    """Send a line, if any, and return whether one comes back in time; if not, end the process."""
    assert child.stdin is not None and child.stdout is not None  # noqa: S101 - pipes
    answer = ""
    timer = Timer(seconds, child.kill)
    timer.daemon = True
    timer.start()
    try:
        if request:
            child.stdin.write(request + "\n")
            child.stdin.flush()
        answer = child.stdout.readline()
    except OSError:  # it has ended
        pass
    finally:
        timer.cancel()
        if not answer:  # also after an interruption from the keyboard
            _end()
    return bool(answer)


@atexit.register
def _end() -> None:
    global _running
    if _running is None or _running[0] != os.getpid():
        return
    with _running[1] as child, suppress(OSError):
        child.kill()
    _running = None
