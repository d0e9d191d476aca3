"""The work of the Compare panel in a thread: compare, read maps, write report and tables."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf.compute.steps import result_of
from napari_mrf.plugin.jobs import Step, as_steps, counted
from napari_mrf.plugin.session import MapsSet

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from napari_mrf.analysis.comparison.compare import Comparison, ComparisonUpdate
    from napari_mrf.analysis.comparison.options import ComparisonOptions
    from napari_mrf.data.label import Label
    from napari_mrf.plugin.session import Regions


LIMITS_FIELD = "Limits under Statistics"
"""Where the panel asks for limits of ratios, for advice in its words, reports and tables."""


@dataclass(frozen=True, eq=False)
class Compared:
    """A comparison with its maps and regions.

    Parameters
    ----------
    comparison : Comparison
        The result.
    reference, test : MapsSet
        Both sides.
    regions : Regions or None
        As they were.
    """

    comparison: Comparison
    reference: MapsSet
    test: MapsSet
    regions: Regions | None
    is_in_view = True

    @property
    def table(self) -> Mapping[int, Label]:
        """Names and colors of the regions."""
        return {} if self.regions is None else self.regions.table


@dataclass(frozen=True)
class OpenedMaps:
    """Maps read from a folder.

    Parameters
    ----------
    maps_set : MapsSet
        With the name of the folder.
    side : str
        The side that asked for them, ``"reference"`` or ``"test"``.
    sums : mapping of str to str
        sha256 by file name.
    notes : list of str
        What a user should read about the values.
    """

    maps_set: MapsSet
    side: str
    sums: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


def compare_sets(
    reference: MapsSet,
    test: MapsSet,
    regions: Regions | None,
    options: ComparisonOptions,
    sums: Mapping[str, Mapping[str, str]],
    subject: str = "",
    series_sha256: str | None = None,
) -> Generator[Step, None, Compared]:
    """Compare two sets of a subject in steps.

    Parameters
    ----------
    reference, test : MapsSet
        Both sides.
    regions : Regions or None
        Of the subject.
    options : ComparisonOptions
        Rules and statistics.
    sums : mapping
        sha256 by file name, by set, of those that were opened.
    subject, series_sha256 : str
        Name and sum of the series of the subject, where there is one.
    """
    yield Step(detail="starting")
    from napari_mrf.analysis.comparison.compare import iter_compare
    from napari_mrf.analysis.comparison.subjects import ONLY_SUBJECT, SubjectMaps

    record: dict[str, Any] = {
        side: {
            "path": one.folder or f"in the viewer: {one.name}",
            "sha256": dict(sums.get(one.name, {})),
            "provenance": one.maps.provenance or None,
        }
        for side, one in (("reference", reference), ("test", test))
    }
    if regions is not None:
        record["labels"] = {"path": regions.path or "drawn in the viewer", "sha256": ""}
    compared = SubjectMaps(
        reference.maps,
        test.maps,
        subject or reference.series_name or test.series_name or ONLY_SUBJECT,
        None if regions is None else regions.labels,
        {} if regions is None else regions.table,
        record=record,
        warnings=series_notes((reference, test), series_sha256),
    )
    steps = iter_compare(
        [compared], 1, reference_name=reference.name, test_name=test.name, options=options
    )
    comparison = yield from as_steps(steps, comparison_step)
    return Compared(comparison, reference, test, regions)


def series_notes(sets: Sequence[MapsSet], sha256: str | None) -> tuple[str, ...]:
    """Tell which sets were made from another series than the one with that sum, and from which."""
    from napari_mrf.analysis.provenance import other_series

    found = ((one.name, other_series(one.maps.provenance, sha256)) for one in sets)
    return tuple(f"{name} was made from another series than that of this subject: {path}."
                 for name, path in found if path)  # fmt: skip


def comparison_step(update: ComparisonUpdate) -> Step:
    """Return the step of a job for an update of a comparison."""
    return Step(update.done, update.total, update.what)


def read_maps(
    folder: str, name: str, side: str, series_sha256: str | None = None
) -> Generator[Step, None, OpenedMaps]:
    """Read a folder of maps, with or without a record, for a subject with that series."""
    yield Step(detail="reading")
    from napari_mrf.analysis.images.unit_checks import check_units
    from napari_mrf.io import load_maps
    from napari_mrf.io.maps.folders import file_sums

    maps = load_maps(folder)
    yield Step(detail="checking the units")
    opened = MapsSet(name, maps, folder=str(folder))
    notes = [*series_notes([opened], series_sha256), *check_units(maps, what=name)]
    return OpenedMaps(opened, side, file_sums(folder), notes)


def selected(
    comparison: Comparison, labels: Sequence[int] | None, scope: str, n_regions: int
) -> Comparison:
    """Return a comparison over some of its regions, pooled or slice by slice; None is all.

    Its advice is that of the panel.
    """
    from napari_mrf.analysis.comparison.inclusion import LeftOut

    options = replace(comparison.options, scope=scope)
    pairs, notes, left_out = comparison.pairs, comparison.warnings, comparison.left_out
    if labels is not None:
        is_in = pairs["label"].isin(labels)
        others = pairs[~is_in].drop_duplicates(["subject", "label"])
        left_out = (
            *(LeftOut(row["subject"], "not selected" if row["n_drawn"] else row["reason"],
                      row["label"], row["name"]) for _, row in others.iterrows()),
            *left_out,
        )  # fmt: skip
        pairs = pairs[is_in].reset_index(drop=True)
        notes = (*notes, f"Agreement over {len(labels)} of {n_regions} regions, as selected.")
    return replace(
        comparison,
        options=options,
        pairs=pairs,
        labels=comparison.labels if labels is None else frozenset(labels),
        warnings=notes,
        left_out=left_out,
        ratio_option=LIMITS_FIELD,
    )


def write_report(
    comparison: Comparison,
    path: str,
    selection: tuple[Sequence[int] | None, str, int],
    study: str = "",
) -> Generator[Step, None, list[Path]]:
    """Write HTML and PDF in steps, over the regions that are selected."""
    yield Step(detail="drawing")
    from napari_mrf.report.comparison.content import ReportLabel
    from napari_mrf.report.comparison.save import iter_save_report, n_report_steps

    chosen = selected(comparison, *selection)
    steps = iter_save_report(chosen, path, label=ReportLabel(study))
    return (yield from counted(steps, n_report_steps(chosen)))


def write_tables(
    comparison: Comparison,
    path: str,
    selection: tuple[Sequence[int] | None, str, int],
    overwrite: bool,
) -> Generator[Step, None, list[Path]]:
    """Write one Excel file, or CSV files into a folder, by the suffix of the path."""
    yield Step(detail="tables")
    from napari_mrf.io.result_folder import ResultKind
    from napari_mrf.io.tables.table_files import write_csv, write_excel
    from napari_mrf.report.comparison.save import tables_of

    tables = tables_of(selected(comparison, *selection))
    if path.lower().endswith(".xlsx"):
        write_excel(path, tables, overwrite=overwrite)
        return [Path(path)]
    names = [f"{name}.csv" for name in tables]
    kind = ResultKind("tables", record=names[-1], files=tuple(names[:-1]))
    with kind.writing(path, kind.files, overwrite=overwrite) as staged:
        for done, (name, table) in enumerate(zip(names, tables.values(), strict=True)):
            yield Step(done, len(names), name)
            write_csv(staged[name], table, overwrite=True)
    return staged.paths


def write_all_tables(comparison: Comparison, folder: Path) -> None:
    """Write CSV tables of all regions of a comparison into a folder."""
    result_of(write_tables(comparison, str(folder), (None, comparison.options.scope, 0), False))
