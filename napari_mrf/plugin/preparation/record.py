"""The record of what has been compiled on this machine.

Apart from `preparation`: files alone tell it, so that numba need not be loaded to know.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from napari_mrf._version import __version__
from napari_mrf.data import strict_json
from napari_mrf.errors import MRFInputError
from napari_mrf.io.kept_files import cache_folder
from napari_mrf.plugin.preparation.child import stamp


def is_compiled() -> bool:
    """Return whether all that was compiled is still there, for the sources as they are."""
    with suppress(OSError, MRFInputError, ValueError, KeyError, TypeError, AttributeError):
        path = _path()
        record = strict_json.loads(path.read_text(encoding="utf-8"), path=path)
        return all(Path(kept).is_file() for kept in record["kept"]) and all(
            stamp(source) == then for source, then in record["sources"].items()
        )
    return False


def note_compiled(compiled: dict[str, Any]) -> None:
    """Note what `child.compiled` returned; where nothing can be written it is prepared again."""
    path = _path()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(compiled), encoding="utf-8")


def _path() -> Path:
    """Return the record's file: compiled code depends on all of this."""
    depends_on = [
        sys.version, platform.node(), platform.machine(), os.environ.get("NUMBA_CACHE_DIR", ""),
        __version__, version("numba"), version("napari"), str(Path(__file__).parent),
    ]  # fmt: skip
    name = hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()[:16]
    return cache_folder("kernels") / f"{name}.json"
