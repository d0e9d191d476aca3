"""Memory: the size that a file declares is checked against it before the file is read."""

from __future__ import annotations

import os
from pathlib import Path

from napari_mrf.errors import MRFInputError

_WITHOUT_ANSWER_BYTES = 8 * 2**30


def available_bytes() -> int:
    """Return the memory that can be used now, in bytes.

    Linux says what is available; elsewhere half of the memory that is built in, or 4 GiB
    where the system does not tell.
    """
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        built_in = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        built_in = _WITHOUT_ANSWER_BYTES
    return built_in // 2


def refuse_beyond_memory(declared_bytes: int, what: str, path: str | Path) -> None:
    """Refuse to allocate more than there is.

    Parameters
    ----------
    declared_bytes : int
        What would be allocated.
    what : str
        Whose size it is: ``"the array"``, ``"one slice over all frames"``.
    path : str or Path
        The file.

    Raises
    ------
    MRFInputError
        ``"too-large"``.
    """
    available = available_bytes()
    if declared_bytes > available:
        raise MRFInputError("too-large", f"{what} does not fit into memory", path=path,
                            expected=f"at most {available} bytes",
                            found=f"{declared_bytes} bytes declared",
                            hint="Convert the series to an uncompressed NIfTI file, which is read "
                                 "slice by slice, or use a machine with more memory.")  # fmt: skip
