"""The libraries that read and write DICOM, which need not be installed.

Apart from those who need them: how they are found, and kept quiet, is the same for all.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def library(name: str, path: Path | None = None) -> Any:
    """Return a module of pydicom or highdicom.

    Parameters
    ----------
    name : str
        Of the module.
    path : Path, optional
        The file it is needed for.

    Raises
    ------
    MRFInputError
        ``"missing-package"``.
    """
    try:
        return import_module(name)
    except ImportError:
        package = name.partition(".")[0]
        raise MRFInputError("missing-package", f"DICOM files need the package {package}, which is "
                            "not installed", path=path,
                            hint='Install it: pip install "napari-mrf[dicom]".'
                            ) from None  # fmt: skip


@contextmanager
def silent() -> Iterator[None]:
    """Drop what the libraries warn of in the body: it may quote names of persons."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
