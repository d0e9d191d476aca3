"""Who and what is in a comparison, and what lies far from the rest, as readable tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.analysis.agreement.outliers import FARTHEST
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.report.comparison.readable import NO_VALUE, Cell, Table, number, of_map

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_mrf.analysis.comparison.compare import Comparison

_MOST_OUTLIERS = 12


def inclusion_overview(comparison: Comparison) -> Table:
    """Return a row for every region over all subjects: in how many it counts, and its voxels."""
    table, n_subjects = comparison.inclusion, comparison.inclusion["subject"].nunique()
    drawn = table[table["label"].notna() & (table["n_drawn"].fillna(0) > 0)]
    rows = []
    for _, of_region in drawn.sort_values("label", kind="stable").groupby("label", sort=True):
        voxels = of_region.drop_duplicates(["subject", "slice"]).groupby("subject")["n_drawn"].sum()
        counted = of_region[of_region["included"]].groupby("map")["subject"].nunique()
        numbers = sorted({int(counted.get(key, 0)) for key in comparison.maps})
        rows.append([
            Cell(str(of_region["name"].iloc[0])), Cell(_span(numbers)),
            Cell(_span(sorted({int(one) for one in voxels}))),
        ])  # fmt: skip
    several = n_subjects > 1
    who = f"subjects (of {n_subjects}) whose" if several else "1 where its"
    return Table(
        "", ("Region", "In", "Voxels"), rows,
        f"In: {who} value counts, fewest to most over the maps. Voxels as drawn"
        + (", fewest to most over the subjects." if several else "."),
        more="inclusion.csv has every region of every subject.",
    )  # fmt: skip


def left_out(comparison: Comparison) -> tuple[tuple[str, str], ...]:
    """Return every reason why something does not count, and the regions it holds for."""
    table = comparison.inclusion
    out = table[~table["included"]]
    by_reason: dict[tuple[str, str], dict[str, list[str]]] = {}
    for (why, subject, name), rows in out.assign(
        name=out["name"].where(out["label"].notna(), "all regions").astype(str),
        why=out["why"].replace("", "no value on both sides").astype(str),
    ).groupby(["why", "subject", "name"], sort=False):
        keys = [key for key in comparison.maps if (rows["map"] == key).any()]
        of_maps = "" if len(keys) in (0, len(comparison.maps)) else f"{', '.join(keys)}: "
        of_reason = by_reason.setdefault((str(why), of_maps), {})
        of_reason.setdefault(str(name), []).append(str(subject))
    n_subjects = table.loc[table["label"].notna(), "subject"].nunique()
    return tuple(
        (f"{of_maps}{why}", _who(by_region, n_subjects))
        for (why, of_maps), by_region in by_reason.items()
    )


def _who(by_region: Mapping[str, Sequence[str]], n_subjects: int) -> str:
    """Return regions with their subjects, those of the same subjects together."""
    by_subjects: dict[tuple[str, ...], list[str]] = {}
    for name, of in by_region.items():
        by_subjects.setdefault(tuple(of), []).append(name)
    words = []
    for of, names in by_subjects.items():
        everyone = "" if n_subjects == 1 else " of all subjects"
        whose = everyone if len(of) == n_subjects > 0 else f" of {', '.join(of)}"
        words.append(", ".join(names) + whose)
    return "; ".join(words)


def _span(numbers: Sequence[int]) -> str:
    return f"{numbers[0]:,}" if len(numbers) == 1 else f"{numbers[0]:,} to {numbers[-1]:,}"


def outliers_overview(comparison: Comparison) -> list[Table]:
    """Return the differences that lie far from the others, the farthest of each map first."""
    table = comparison.outliers
    if table.empty:
        return []
    rows = [
        [
            Cell(PARAMETERS[str(row["map"])].label), Cell(str(row["of"])),
            Cell(str(row["subject"]) or NO_VALUE),
            Cell(row["name"] if isinstance(row["name"], str) else NO_VALUE),  # NaN of subjects
            of_map(row["difference"], str(row["map"]), with_unit=True),
            of_map(row["median"], str(row["map"]), with_unit=True), number(row["distance"], 1),
        ]
        for _, row in table.head(_MOST_OUTLIERS).iterrows()
    ]  # fmt: skip
    more = len(table) - len(rows)
    return [
        Table(
            "Outliers", ("Map", "Of", "Subject", "Region", "Difference", "Median", "Distance"),
            rows,
            f"Robust distance of {FARTHEST} or more (more among few: about one map in twenty lists "
            "something by chance); all count."
            + (f" {more} more are not listed." if more else ""),
            more="outliers.csv has them." if more else "",
            is_text=True,
        )
    ]  # fmt: skip
