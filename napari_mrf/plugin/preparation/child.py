"""The process that compiles: it answers with a line a task.

Apart from `preparation`, since nothing here runs in the window's process but `stamp`.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

from napari_mrf.plugin.preparation.kernels import TASKS

_NICE = 5  # the window comes first where both want a core


def main(places: list[int]) -> None:
    """Do the tasks at these places of `TASKS`, with a line after each, and last `compiled`."""
    Thread(target=_end_with_the_window, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(_NICE)
    for place in places:
        with suppress(Exception):  # it will be told when the user gets there
            TASKS[place].work()
        print("done", flush=True)  # noqa: T201
    print(json.dumps(compiled()), flush=True)  # noqa: T201


def compiled() -> dict[str, Any]:
    """Return where the functions that this process has loaded are kept, and their sources.

    Returns
    -------
    dict
        ``"kept"``: the index files of numba's cache; ``"sources"``: time (ns) and size in bytes
        of every source file, which numba compares too.
    """
    from numba.core.dispatcher import Dispatcher

    found = [
        one
        for module in list(sys.modules.values())
        for one in list(vars(module).values())
        if isinstance(one, Dispatcher) and one.stats.cache_path and one.signatures
    ]
    folders = {Path(str(one.stats.cache_path)) for one in found}
    sources = {one.py_func.__code__.co_filename for one in found}
    return {
        "kept": sorted(str(path) for folder in folders for path in folder.glob("*.nbi")),
        "sources": {path: stamp(path) for path in sorted(sources)},
    }


def stamp(path: str) -> list[int]:
    """Return time of change (ns) and size in bytes of a file."""
    status = Path(path).stat()
    return [status.st_mtime_ns, status.st_size]


def _end_with_the_window() -> None:
    sys.stdin.read()  # until the other end closes
    os._exit(0)
