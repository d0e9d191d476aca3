"""Subjects of a window: whose scan a series is, and what is kept for each of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_mrf.data.series import MRFSeries


UNTITLED = "no series"
"""Name of a subject of which there are maps or regions only."""


@dataclass(frozen=True)
class Subject:
    """A subject of a window.

    Parameters
    ----------
    name : str
        What the user sees; it tells the subjects of the window apart and changes with them. Empty
        while there is neither a series nor a result.
    key : str
        Stays the same as long as the window; layers carry it.
    """

    name: str
    key: str


def source_of(series: MRFSeries) -> tuple[Any, ...]:
    """Return what tells the scan of a series apart: its files, and which array of them it is.

    Returns
    -------
    tuple
        Pairs of absolute path and sha256, then dataset and axes, and which measurement of a raw
        file; empty without a file. Where no
        sum is known size and time of the file stand for it. Frames that are left out or averaged
        make no other scan.
    """
    files = series.metadata.get("sources") or (
        [{"path": series.source_path, "sha256": series.source_sha256}] if series.source_path else []
    )
    if not files:
        return ()
    pairs = tuple((path := str(Path(one["path"]).resolve()), one.get("sha256") or _stamp(path))
                  for one in files)  # fmt: skip
    reading = series.metadata.get("reading", {})
    measurement = series.metadata.get("raw", {}).get("measurement")
    return (*pairs, reading.get("dataset"), reading.get("axes"), measurement)


def _stamp(path: str) -> str:
    try:
        found = Path(path).stat()
    except OSError:
        return ""
    return f"{found.st_size} bytes, {found.st_mtime_ns}"


def distinct_names(titles: Sequence[str], sources: Sequence[tuple[Any, ...]]) -> list[str]:
    """Return a name for each subject, no two alike.

    Subjects of one title are told apart by the folder in which their paths differ (``"brain
    (follow-up)"``), and by their number where they do not.

    Parameters
    ----------
    titles : sequence of str
        What each would be called alone; `UNTITLED` stands for an empty one.
    sources : sequence of tuple
        From `source_of`.
    """
    titles = [title or UNTITLED for title in titles]
    names = list(titles)
    for title, n in Counter(titles).items():
        if n == 1:
            continue
        alike = [at for at, one in enumerate(titles) if one == title]
        folders = _telling_folders([sources[at][0][0] if sources[at] else "" for at in alike])
        for number, (at, folder) in enumerate(zip(alike, folders, strict=True), 1):
            names[at] = f"{title} ({folder or number})"
    return names


def _telling_folders(paths: list[str]) -> list[str]:
    """Return the folder nearest to the file that differs from path to path, else nothing."""
    parents = [Path(path).parts[-2::-1] if path else () for path in paths]
    for level in range(min(map(len, parents))):
        folders = [one[level] for one in parents]
        if len(set(folders)) == len(folders):
            return folders
    return [""] * len(paths)
