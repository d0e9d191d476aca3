"""Who a temporary name belongs to: host, process and its start, so that only dead ones are swept.

A process is told from a later one of its number by its start. Those of another host cannot be
asked: theirs count as dead once nothing has touched them for a week, by the clock of the disk.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FOREIGN_AGE_S = 7 * 24 * 3600.0
"""So long nothing must have touched what a process of another host left."""
TEMPORARY = "tmp"
_LONGEST_HOST = 40
_NAME = re.compile(r"\.mrf-(.+)-(\d+)-(\w+)-[0-9a-f]{12}\.[a-z]+")


@dataclass(frozen=True)
class Owner:
    """A process, as it stands in a name.

    Parameters
    ----------
    host : str
        Name of the computer, as `host_name` gives it.
    process : int
        Its number.
    started : str
        Tells it from a later process of this number.
    """

    host: str
    process: int
    started: str

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}"

    @property
    def is_here(self) -> bool:
        """Whether it is, or was, a process of this computer."""
        return self.host == host_name()

    def is_gone(self, touched: Path, folder: Path) -> bool:
        """Return whether the process has ended, or must have.

        Parameters
        ----------
        touched : Path
            What it touches while it runs.
        folder : Path
            On the same disk, where a file is made that shows what time it is there.
        """
        if self.is_here:
            return _start_of(self.process) not in (self.started, "")
        try:
            return _now(folder) - touched.stat().st_mtime > FOREIGN_AGE_S
        except FileNotFoundError:
            return True


def new_name(kind: str = TEMPORARY) -> str:
    """Return a hidden file name of this process that no other one has, ending in ``.kind``.

    It has at most 120 characters.
    """
    process = os.getpid()
    return f".mrf-{host_name()}-{process}-{_start_of(process) or 0}-{secrets.token_hex(6)}.{kind}"


def owner_of(name: str, kind: str = TEMPORARY) -> Owner | None:
    """Return whose a name of `new_name` is, None for any other name; of any kind for ``""``."""
    found = _NAME.fullmatch(name)
    if found is None or not name.endswith(kind and f".{kind}"):
        return None
    return Owner(found[1], int(found[2]), found[3])


def sweep(folder: Path) -> None:
    """Delete what dead processes have left in a folder under names of `new_name`."""
    for path in _entries(folder):
        owner = owner_of(path.name, "")
        with suppress(OSError):  # a folder that may only be read keeps what it has
            if owner is not None and owner.is_gone(path, folder):
                delete(path)


def delete(path: Path) -> None:
    """Delete a file or a whole folder, as far as it can be deleted."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def host_name() -> str:
    """Return the name of this computer with nothing in it that a file name cannot have."""
    name = re.sub(r"[^\w.-]", "_", platform.node(), flags=re.ASCII) or "unknown"
    if len(name) > _LONGEST_HOST:
        name = f"{name[: _LONGEST_HOST - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return name


def _entries(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if entry.name.startswith(".mrf-")]
    except OSError:
        return []


def _now(folder: Path) -> float:
    """Return the time by the clock of the disk, which may be that of another computer."""
    fresh = folder / new_name()
    fresh.touch()
    try:
        return fresh.stat().st_mtime
    finally:
        fresh.unlink(missing_ok=True)


def _start_of(process: int) -> str | None:
    """Return what tells a process from later ones of its number.

    None where there is no such process, "" where there is one that cannot be looked at.
    """
    if sys.platform != "linux":
        return _start_elsewhere(process)
    try:
        # Fields behind the name, which may hold anything: the state is the 3rd, the start (in
        # ticks since the computer was switched on) the 22nd; proc(5).
        state, *fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    except OSError:
        # Processes of others may be hidden, though they can be told to be there.
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return None
        except (OSError, OverflowError):
            return ""
        return ""
    return None if state in "ZX" else f"{boot}{fields[18]}"


def _start_elsewhere(process: int) -> str | None:
    import psutil

    try:
        return str(round(psutil.Process(process).create_time() * 1000))
    except psutil.NoSuchProcess:
        return None
    except psutil.Error:
        return ""
