"""Options of numba for all kernels, and its cache on disk where that is possible."""

from __future__ import annotations

from typing import Any

from numba import config, njit


def _can_keep_on_disk() -> bool:
    # Numba refuses to decorate at all where neither the package nor the user's cache folder
    # can be written, as in some containers.
    try:
        njit(cache=True)(_can_keep_on_disk)
    except RuntimeError:
        return False
    return True


OPTIONS: dict[str, Any] = {
    "nogil": True,
    "cache": _can_keep_on_disk(),
    "fastmath": {"contract"},  # no reordering: results must not depend on vector lengths
    "error_model": "numpy",
}
"""Keywords of ``numba.njit`` for every kernel."""


def is_compiling() -> bool:
    """Return whether numba compiles: told not to, it runs kernels as plain Python, for hours."""
    return not config.DISABLE_JIT
