"""Unsaved work of a viewer: maps, regions and results that are in no file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_mrf.plugin.session import one_per_viewer, session_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
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
    subject : str
        Key of the subject that it belongs to.
    owner : str
        Name of that subject; empty where the window has no other.
    """

    step: str
    kind: str
    name: str
    subject: str = ""
    owner: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" + (f" ({self.owner})" if self.owner else "")


@dataclass(frozen=True, eq=False)
class Result:
    """A result that a session also writes beside it as *Save…* does, for other programs.

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
    sources : list of callable
        Each returns step, kind and name of what it knows to be in no file of a subject, by its key.
    """

    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        self._session = session_of(viewer)
        self._results: dict[tuple[str, str], Result] = {}
        self.sources: list[Callable[[str], Iterable[tuple[str, str, str]]]] = []
        for signal in (
            self._session.maps_changed, self._session.regions_changed, self._session.saved,
            self._session.subject_changed,
        ):  # fmt: skip
            signal.connect(self._on_changed)
        self._session.subjects_changed.connect(self._on_subjects_changed)

    def results_of(self, subject: str) -> tuple[Result, ...]:
        """Return the results of a subject that are in no file, one of a step."""
        return tuple(one for (key, _), one in self._results.items() if key == subject)

    def note(self, result: Result, subject: str) -> None:
        """Note a new result of a subject; it takes the place of the former one of its step."""
        self._session.mark_results(subject)
        self._results[subject, result.step] = result
        self.changed.emit()

    def mark_saved(self, step: str, of: Any) -> None:
        """Note that a result of a step is in a file; one that was replaced since is not."""
        left = {
            (subject, key): one
            for (subject, key), one in self._results.items()
            if key != step or one.of is not of
        }
        if len(left) < len(self._results):
            self._results = left
            self.changed.emit()

    def items(self, subject: str | None = None) -> tuple[Unsaved, ...]:
        """Return what is in no file, in the order of the steps.

        Parameters
        ----------
        subject : str, optional
            Key of a subject; without it all subjects, one after the other.
        """
        subjects = self._session.subjects
        found: list[Unsaved] = []
        for one in subjects:
            if subject in (None, one.key):
                owner = one.name if len(subjects) > 1 else ""
                found += self._items_of(one.key, owner)
        return tuple(found)

    def _items_of(self, key: str, owner: str) -> list[Unsaved]:
        regions = self._session.regions_of(key)
        found = [Unsaved("reconstruct", "maps", one.name, key, owner)
                 for one in self._session.maps_sets_of(key).values() if not one.folder]  # fmt: skip
        if regions is not None and not regions.path and regions.labels.any():
            names = [label.name for label in regions.table.values()]
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            found.append(Unsaved("rois", "regions", ", ".join(names[:3]) + more, key, owner))
        found += [Unsaved(*one, key, owner) for source in self.sources for one in source(key)]
        return [*found, *(Unsaved(one.step, one.kind, one.name, key, owner)
                          for one in self.results_of(key))]  # fmt: skip

    def _on_subjects_changed(self) -> None:
        left = {one.key for one in self._session.subjects}
        self._results = {key: one for key, one in self._results.items() if key[0] in left}
        self.changed.emit()

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
