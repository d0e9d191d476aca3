"""Items that a step hands to a session file, to be stored beside it.

Apart from the panels: each step that has a result makes one, and the session step stores it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_mrf.io.session.results import StoredResult


@dataclass(frozen=True, eq=False)
class Item:
    """Something to be stored beside a session.

    Parameters
    ----------
    kind, name : str
        As in `ItemRecord`.
    make : callable
        Returns what is stored, in a worker.
    maps : tuple of str
        The sets that it came from.
    of_regions, of_series : bool
        Whether it came from the regions and from the series.
    files : tuple of (str, str)
        Path and sha256 of other files that it came from.
    """

    kind: str
    name: str
    make: Callable[[], StoredResult]
    maps: tuple[str, ...] = ()
    of_regions: bool = False
    of_series: bool = False
    files: tuple[tuple[str, str], ...] = ()


@dataclass
class Items:
    """All of a window, with a sentence for what cannot be stored."""

    found: list[Item] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
