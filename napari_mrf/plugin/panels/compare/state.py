"""The state of comparisons of a viewer, kept while no Compare panel is open."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from napari_mrf.data.label import Label
from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.data.parameters import validity_rules
from napari_mrf.plugin.layers.error_maps import find_errors
from napari_mrf.plugin.layers.subjects import name_alone
from napari_mrf.plugin.panels.compare.cohort_work import ComparedCohort
from napari_mrf.plugin.panels.compare.work import Compared, write_all_tables
from napari_mrf.plugin.panels.shared.stored_items import Item, item_sources_of
from napari_mrf.plugin.preferences import preferences
from napari_mrf.plugin.session import BySubject, one_per_viewer, session_of
from napari_mrf.plugin.viewer.unsaved import Result, unsaved_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from napari.components import ViewerModel

    from napari_mrf.analysis.comparison.compare import Comparison
    from napari_mrf.io.session.results import StoredResult
    from napari_mrf.plugin.panels.shared.stored_items import Items
    from napari_mrf.plugin.session import MapsSet, Regions, Session


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
        self._viewer = ref(viewer)
        self._unsaved = unsaved_of(viewer)
        session = session_of(viewer)
        self._session = session
        self._by_subject = BySubject(session, Remembered)
        session.maps_changed.connect(self._on_maps_changed)
        session.comparison.succeeded.connect(self._on_compared)
        item_sources_of(viewer).append(self)

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

    def keep(self, compared: Compared | ComparedCohort, subject: str) -> None:
        """Make a comparison the last one of a subject."""
        self.of(subject).compared = compared
        if isinstance(compared, Compared):  # that of several subjects is written while it is made
            self._unsaved.note(Result(
                "compare", "comparison", f"of {compared.test.name} with {compared.reference.name}",
                compared, partial(write_all_tables, compared.comparison),
            ), subject)  # fmt: skip

    def store(self, items: Items, subject: str) -> None:
        """Add the comparison of a subject to what a session stores, unless it is out of date."""
        compared = self.of(subject).compared
        if compared is not None and age_of(compared, self._session, subject):
            items.remarks.append(
                "The comparison is out of date: the session will not bring it back."
            )
        elif compared is not None:
            items.found.append(comparison_item(compared))
        self._store_errors(items, subject)

    def _store_errors(self, items: Items, subject: str) -> None:
        from napari_mrf.io.session.results import StoredResult

        sets, viewer = self._session.maps_sets_of(subject), self._viewer()
        for of, layer in ({} if viewer is None else find_errors(viewer, subject)).items():
            if of[0] in sets and of[1] in sets:
                orientation = DisplayOrientation.from_affine(sets[of[0]].maps.affine)
                values = np.array(orientation.to_file(layer.data), order="C")
                is_masked = of in self.of(subject).masked
                stored = StoredResult({"of": list(of), "is_masked": is_masked}, {"values": values})
                items.add("error", f"the error map {name_alone(layer)}", stored, *of[:2],
                          of_regions=is_masked)  # fmt: skip

    def _on_maps_changed(self, _: str) -> None:
        self.sets()

    def _on_compared(self, compared: Compared | ComparedCohort) -> None:
        self.keep(compared, self._session.owner_of(self._session.comparison))


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


def comparison_item(compared: Compared | ComparedCohort) -> Item:
    """Return a comparison as a session stores it, with what it came from.

    That are sets of the session, or for several subjects the files that were read.
    """
    comparison = compared.comparison

    def make(cohort: dict[str, Any] | None = None) -> StoredResult:
        from napari_mrf.analysis.comparison.stored import as_stored
        from napari_mrf.io.session.results import StoredResult

        words, arrays = as_stored(comparison)
        return StoredResult({**words, "cohort": cohort}, arrays)

    name = f"the comparison of {comparison.test_name} against {comparison.reference_name}"
    if isinstance(compared, Compared):
        sides = compared.reference.name, compared.test.name
        return Item("comparison", name, comparison, make, sides,
                    of_regions=compared.regions is not None)  # fmt: skip
    table = [[one.index, one.name, list(one.color), one.opacity] for one in compared.table.values()]
    cohort = {"output": compared.output, "table": table}
    return Item("comparison", name, comparison, lambda: make(cohort), files=_files_of(comparison))


def compared_before(
    comparison: Comparison, words: Mapping[str, Any], session: Session
) -> Compared | ComparedCohort:
    """Return the comparison of a session file; of one subject with the maps and regions of now.

    Raises
    ------
    KeyError, TypeError, ValueError
        Where the maps are not there, or the words say something else.
    """
    if cohort := words["cohort"]:
        table = {
            int(index): Label(int(index), str(name), tuple(color), float(opacity))
            for index, name, color, opacity in cohort["table"]
        }
        return ComparedCohort(comparison, table, str(cohort["output"]))
    sets = session.maps_sets
    reference, test = sets[comparison.reference_name], sets[comparison.test_name]
    has_regions = any("labels" in one for one in comparison.inputs)
    return Compared(comparison, reference, test, session.regions if has_regions else None)


def _files_of(comparison: Comparison) -> tuple[tuple[str, str], ...]:
    """Return path and sha256 of every file of the subjects."""
    files = []
    for subject in comparison.inputs:
        for part in ("reference", "test", "labels", "label_table", "mask"):
            record = subject.get(part)
            if record is not None and isinstance(record["sha256"], str):
                files.append((record["path"], record["sha256"]))
            elif record is not None:
                folder = Path(record["path"])
                files += [(str(folder / name), one) for name, one in record["sha256"].items()]
    return tuple(files)


def age_of(
    compared: Compared | ComparedCohort | None, session: Session, subject: str | None = None
) -> str:
    """Return what has changed since the comparison; empty if nothing has.

    Parameters
    ----------
    compared : Compared, ComparedCohort or None
        The comparison that is shown. Maps of several subjects are files: they do not change, but
        the rules do.
    session : Session
        The session with the current maps and regions.
    subject : str, optional
        Key of the subject that was compared; the current one without.
    """
    key = session.subject.key if subject is None else subject
    if compared is not None and _has_other_rules(compared.comparison):
        return "The thresholds of validity in the preferences have changed since this comparison."
    if not isinstance(compared, Compared):
        return ""
    for one in (compared.reference, compared.test):
        now = session.maps_sets_of(key).get(one.name)  # one that was saved since is another object
        if now is None or now.maps is not one.maps:
            return f"The maps {one.name} have changed since this comparison."
    if not _count_alike(compared.regions, session.regions_of(key)):
        return "The regions have changed since this comparison."
    return ""


def _has_other_rules(comparison: Comparison) -> bool:
    """Return whether the preferences leave other voxels out than the comparison did."""
    options = comparison.options.rois
    now, then = validity_rules(preferences().thresholds), validity_rules(options.thresholds)
    return options.apply_validity and any(now[key] != then.get(key) for key in now
                                          if key in comparison.maps)  # fmt: skip


def _count_alike(one: Regions | None, other: Regions | None) -> bool:
    """Return whether two sets of regions give the same numbers; colors count for nothing."""
    if one is None or other is None or one is other:
        return one is other
    names, others = (
        {index: label.name for index, label in regions.table.items()} for regions in (one, other)
    )
    return names == others and np.array_equal(one.labels, other.labels)


compare_memory_of = one_per_viewer(CompareMemory)
"""Return the memory of a viewer."""
