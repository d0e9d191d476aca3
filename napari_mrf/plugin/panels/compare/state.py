"""The state of comparisons of a viewer, kept while no Compare panel is open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf.data.label import Label
from napari_mrf.plugin.panels.compare.cohort_work import ComparedCohort
from napari_mrf.plugin.panels.compare.work import Compared
from napari_mrf.plugin.panels.shared.stored_items import Item
from napari_mrf.plugin.session import one_per_viewer, session_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from napari.components import ViewerModel

    from napari_mrf.analysis.comparison.compare import Comparison
    from napari_mrf.io.session.results import StoredResult
    from napari_mrf.plugin.session import MapsSet, Session


class CompareMemory:
    """The last comparison of a viewer, the picked sides, and the order of its maps.

    There is one per viewer, not one per panel: a comparison continues, and its result is kept,
    when the panel is closed.

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
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self.compared: Compared | ComparedCohort | None = None
        self.picked: dict[str, str] = {}
        self.sums: dict[str, Mapping[str, str]] = {}
        self.left_out: frozenset[int] = frozenset()
        self.masked: set[tuple[str, str, str, str]] = set()
        session = session_of(viewer)
        self._sets = session.maps_sets  # a view, always as it is now
        self._order = list(self._sets)
        session.maps_changed.connect(self._on_maps_changed)
        session.comparison.succeeded.connect(self._on_compared)

    def sets(self) -> list[MapsSet]:
        """Return the sets in the order they were first made: one made again keeps its place."""
        return [self._sets[name] for name in self._order if name in self._sets]

    def forget(self) -> None:
        """Forget all of a study: the window shows another one now."""
        self.compared, self.left_out = None, frozenset()
        for kept in (self.picked, self.sums, self.masked):
            kept.clear()

    def _on_maps_changed(self, _: str) -> None:
        kept = [one for one in self._order if one in self._sets]
        self._order = kept + [one for one in self._sets if one not in kept]

    def _on_compared(self, compared: Compared | ComparedCohort) -> None:
        self.compared = compared


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
        return Item("comparison", name, make, sides, of_regions=compared.regions is not None)
    table = [[one.index, one.name, list(one.color), one.opacity] for one in compared.table.values()]
    cohort = {"output": compared.output, "table": table}
    return Item("comparison", name, lambda: make(cohort), files=_files_of(comparison))


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


compare_memory_of = one_per_viewer(CompareMemory)
"""Return the memory of a viewer."""
