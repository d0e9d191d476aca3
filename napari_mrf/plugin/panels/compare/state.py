"""The state of comparisons of a viewer, kept while no Compare panel is open."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from napari_mrf.plugin.panels.compare.cohort_work import ComparedCohort
from napari_mrf.plugin.panels.compare.work import Compared, write_all_tables
from napari_mrf.plugin.session import BySubject, one_per_viewer, session_of
from napari_mrf.plugin.viewer.unsaved import Result, unsaved_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from napari.components import ViewerModel

    from napari_mrf.plugin.panels.compare.cohort_work import ComparedCohort
    from napari_mrf.plugin.session import MapsSet


@dataclass
class Remembered:
    """The last comparison of a subject, and what was picked for it.

    Attributes
    ----------
    compared : Compared, ComparedCohort or None
        The last result.
    picked : dict of str to str
        The set that the user picked, by side; without sides that were not picked.
    sums : dict of str to mapping
        sha256 of the files of maps that were read from a folder, by set.
    left_out : frozenset of int
        The labels of the regions that are not checked.
    masked : set of tuple of str
        The error layers that show the checked regions only, by what they are of.
    order : list of str
        The sets in the order in which they were first made.
    """

    compared: Compared | ComparedCohort | None = None
    picked: dict[str, str] = field(default_factory=dict)
    sums: dict[str, Mapping[str, str]] = field(default_factory=dict)
    left_out: frozenset[int] = frozenset()
    masked: set[tuple[str, str, str, str]] = field(default_factory=set)
    order: list[str] = field(default_factory=list)


class CompareMemory:
    """What is remembered of the comparisons of each subject of a viewer.

    There is one per viewer, not one per panel: a comparison continues, and its result is kept,
    when the panel is closed.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._unsaved = unsaved_of(viewer)
        session = session_of(viewer)
        self._session = session
        self._by_subject = BySubject(session, Remembered)
        session.maps_changed.connect(self._on_maps_changed)
        session.comparison.succeeded.connect(self._on_compared)

    @property
    def here(self) -> Remembered:
        """Of the current subject."""
        return self._by_subject.here

    def of(self, key: str) -> Remembered:
        """Return what is remembered of a subject."""
        return self._by_subject.of(key)

    def sets(self) -> list[MapsSet]:
        """Return the sets in the order they were first made: one made again keeps its place."""
        sets, here = self._session.maps_sets, self.here
        kept = [one for one in here.order if one in sets]
        here.order = kept + [one for one in sets if one not in kept]
        return [sets[name] for name in here.order]

    def _on_maps_changed(self, _: str) -> None:
        self.sets()

    def _on_compared(self, compared: Compared | ComparedCohort) -> None:
        owner = self._session.owner_of(self._session.comparison)
        self.of(owner).compared = compared
        if isinstance(compared, Compared):  # that of several subjects is written while it is made
            self._unsaved.note(Result(
                "compare", "comparison", f"of {compared.test.name} with {compared.reference.name}",
                compared, partial(write_all_tables, compared.comparison),
            ), owner)  # fmt: skip


def sides_of(
    sets: Sequence[MapsSet], picked: Mapping[str, str], truths: Collection[str] = ()
) -> tuple[str, str]:
    """Return the names of reference and test: those picked, else the usual ones.

    The usual reference is the set that was made first, the usual test the last one of another
    method, or the last one where all are of one method.

    Parameters
    ----------
    sets : sequence of MapsSet
        In the order they were made.
    picked : mapping of str to str
        Names by side; a name that is none of the sets does not count.
    truths : collection of str
        Names of sets that are a side only when picked.
    """
    by_name = {one.name: one for one in sets}
    reference, test = (
        name if (name := picked.get(side, "")) in by_name else "" for side in ("reference", "test")
    )
    usual = [one for one in sets if one.name not in truths]
    if not reference:
        reference = next((one.name for one in usual if one.name != test), "")
    if not test:
        others = [one for one in reversed(usual) if one.name != reference]
        method = method_of(by_name[reference]) if reference else ""
        unlike = [one for one in others if method_of(one) != method]
        test = next((one.name for one in (*unlike, *others)), "")
    return reference, test


def truths_among(sets: Sequence[MapsSet], folder: Path | None) -> set[str]:
    """Return the names of the sets that are a known truth: from its folder or of a phantom."""
    return {
        one.name
        for one in sets
        if (folder is not None and one.folder == str(folder))
        or ("phantom" in one.maps.provenance and "method" not in one.maps.provenance)
    }


def method_of(maps_set: MapsSet) -> str:
    """Return the name of the method of a set; of maps without a record, their own name."""
    method = maps_set.maps.provenance.get("method")
    name = method.get("name") if isinstance(method, dict) else None
    return str(name or maps_set.name)


compare_memory_of = one_per_viewer(CompareMemory)
"""Return the memory of a viewer."""
