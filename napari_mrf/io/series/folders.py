"""Several series at once: files and folders to reconstruct, each with a name of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.registry import FORMATS, stem_of, suffix_of
from napari_mrf.io.series.pairs import part_by_name

if TYPE_CHECKING:
    from collections.abc import Iterable

_SECOND_PARTS = {"phase", "imaginary"}


def find_series(paths: Iterable[str | Path]) -> dict[str, Path]:
    """Return the series files among files and folders, by name.

    A folder stands for the series files directly in it; the second halves of pairs (phase,
    imaginary) and hidden files are passed over.

    Parameters
    ----------
    paths : iterable of str or Path
        Files are taken as they are, whatever they are called.

    Returns
    -------
    dict of str to Path
        In the order given, folders sorted.

    Raises
    ------
    MRFInputError
        ``"no-series"`` for a folder without series, ``"same-name"`` when two files would be
        written to the same place.
    """
    suffixes = {suffix for known in FORMATS for suffix in known.suffixes}
    found: dict[str, Path] = {}
    for path in map(Path, paths):
        files = [path]
        if path.is_dir():
            files = [
                file
                for file in sorted(path.iterdir())
                if file.is_file()
                and not file.name.startswith(".")
                and suffix_of(file) in suffixes
                and part_by_name(file) not in _SECOND_PARTS
            ]
            if not files:
                raise MRFInputError(
                    "no-series",
                    "the folder contains no series",
                    path=path,
                    expected=", ".join(sorted(suffixes)),
                )
        for file in files:
            name = stem_of(file)
            if name in found:
                raise MRFInputError(
                    "same-name",
                    f"two series have the name {name}",
                    path=file,
                    found=str(found[name]),
                    hint="Reconstruct them into separate folders.",
                )
            found[name] = file
    return found
