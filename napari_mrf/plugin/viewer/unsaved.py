"""Unsaved work of a viewer: maps, regions and results that are in no file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_mrf.plugin.session import one_per_viewer, session_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Unsaved:
    """Something that would be lost with the window.

    Parameters
    ----------
    step : str
        The step of the dock that made it, by its key: ``"reconstruct"``.
    kind : str
        In one word: ``"maps"``.
    name : str
        Which one, for the user.
    """

    step: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, eq=False)
class Result:
    """A result that a session can write beside it, but not bring back.

    Parameters
    ----------
    step, kind, name : str
        As of `Unsaved`.
    of : object
        What the panel holds, which tells one result from the next.
    write : callable
        Of a folder that is not there yet; runs in any thread.
    """

    step: str
    kind: str
    name: str
    of: Any
    write: Callable[[Path], Any]


class UnsavedWork:
    """Tells what of a viewer is in no file.

    Attributes
    ----------
    changed : Signal()
        Something was made, changed, saved or removed.
    """

    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        self._session = session_of(viewer)
        self._results: dict[str, Result] = {}
        for signal in (
            self._session.maps_changed, self._session.regions_changed, self._session.saved,
        ):  # fmt: skip
            signal.connect(self._on_changed)

    @property
    def results(self) -> tuple[Result, ...]:
        """The results that are in no file, one of a step."""
        return tuple(self._results.values())

    def note(self, result: Result) -> None:
        """Note a new result; it takes the place of the former one of its step, as in the panel."""
        self._results[result.step] = result
        self.changed.emit()

    def mark_saved(self, step: str, of: Any) -> None:
        """Note that a result of a step is in a file; one that was replaced since is not."""
        if step in self._results and self._results[step].of is of:
            del self._results[step]
            self.changed.emit()

    def items(self) -> tuple[Unsaved, ...]:
        """Return all that is in no file, in the order of the steps."""
        session, regions = self._session, self._session.regions
        found = [Unsaved("reconstruct", "maps", one.name)
                 for one in session.maps_sets.values() if not one.folder]  # fmt: skip
        if regions is not None and not regions.path and regions.labels.any():
            names = [label.name for label in regions.table.values()]
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            found.append(Unsaved("rois", "regions", ", ".join(names[:3]) + more))
        return (*found, *(Unsaved(one.step, one.kind, one.name) for one in self.results))

    def _on_changed(self, _: object = None) -> None:
        self.changed.emit()


def in_short(items: tuple[Unsaved, ...]) -> str:
    """Return ``"2 maps, regions not saved"``; empty for nothing."""
    kinds = [one.kind for one in items]
    counted = [kind if kinds.count(kind) == 1 else f"{kinds.count(kind)} {kind}"
               for kind in dict.fromkeys(kinds)]  # fmt: skip
    return f"{', '.join(counted)} not saved" if counted else ""


unsaved_of = one_per_viewer(UnsavedWork)
"""Return what tells of a viewer what is not saved."""
