"""Items that a step hands to a session file, to be stored beside it.

Apart from the panels: each step that has a result makes one, and the session step stores it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.session import one_per_viewer

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from napari_mrf.io.session.results import StoredResult

    class ItemSource(Protocol):
        """What keeps results of the subjects of a viewer."""

        def store(self, items: Items, subject: str) -> None: ...  # noqa: D102


@dataclass(frozen=True)
class Item:
    """Something to be stored beside a session; the same where it is of the same.

    Parameters
    ----------
    kind, name : str
        As in `ItemRecord`.
    of : object
        What is stored; nobody changes it.
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
    of: Any
    make: Callable[[], StoredResult] = field(compare=False)
    maps: tuple[str, ...] = ()
    of_regions: bool = False
    of_series: bool = False
    files: tuple[tuple[str, str], ...] = ()


@dataclass
class Items:
    """All of a subject, with a sentence for what cannot be stored."""

    found: list[Item] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def add(self, kind: str, name: str, stored: StoredResult, *maps: str,
            of_regions: bool = False) -> None:  # fmt: skip
        """Add something that is ready to be stored."""
        self.found.append(Item(kind, name, stored, lambda: stored, maps, of_regions=of_regions))


def _no_sources(_: Any) -> list[ItemSource]:
    return []


item_sources_of = one_per_viewer(_no_sources)
"""Return all that keep results of a viewer; who keeps some appends itself."""
