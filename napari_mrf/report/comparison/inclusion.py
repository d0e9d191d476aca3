"""Who and what is in a comparison, and what lies far from the rest, as readable tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.analysis.agreement.outliers import FARTHEST
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.report.comparison.readable import NO_VALUE, Cell, Table, number, of_map

if TYPE_CHECKING:
    import pandas as pd

    from napari_mrf.analysis.comparison.compare import Comparison

_MOST_OUTLIERS = 12


def inclusion_overview(comparison: Comparison) -> Table:
    """Return the voxels of every region in every subject, marked where it does not count."""
    table = comparison.inclusion
    drawn = table[table["label"].notna()].sort_values("label", kind="stable")
    regions = dict(zip(drawn["label"].tolist(), drawn["name"].astype(str), strict=True))
    reasons = _Reasons(comparison.maps)
    rows = []
    for subject, of_subject in table.groupby("subject", sort=False):
        everything = of_subject[of_subject["label"].isna()]
        missing = reasons.mark(everything) if len(everything) else ""
        row = [Cell(str(subject) or NO_VALUE)]
        for label in regions:
            of_region = of_subject[of_subject["label"] == label]
            if of_region.empty:
                row.append(Cell(f"{NO_VALUE} {missing}".rstrip()))
                continue
            n = of_region.drop_duplicates("slice")["n_drawn"].sum()
            mark = reasons.mark(of_region[~of_region["included"]])
            row.append(Cell(f"{int(n):,} {mark}".rstrip() if n else f"{NO_VALUE} {mark}".rstrip()))
        rows.append(row)
    note = f"Voxels as drawn; {NO_VALUE}: none. {reasons.text()}".strip()
    return Table("", ("Subject", *regions.values()), rows, note)


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
            + (f" outliers.csv has {more} more." if more else ""),
            is_text=True,
        )
    ]  # fmt: skip


class _Reasons:
    """Gives every reason a letter.

    Parameters
    ----------
    maps : tuple of str
        Of the comparison: a reason that holds for all of them names none.
    """

    def __init__(self, maps: tuple[str, ...]) -> None:
        self._maps = maps
        self._marks: dict[str, str] = {}

    def mark(self, rows: pd.DataFrame) -> str:
        """Return the letters of the reasons for which rows do not count."""
        marks = []
        for why, of_reason in rows.groupby("why", sort=False):
            keys = [key for key in self._maps if (of_reason["map"] == key).any()]
            of_all = len(keys) in (0, len(self._maps))
            of_maps = "" if of_all else f"{', '.join(keys)}: "
            reason = of_maps + (str(why) or "no value on both sides")
            n = len(self._marks)
            letter = chr(ord("a") + n % 26) * (1 + n // 26)
            marks.append(self._marks.setdefault(reason, letter))
        return ", ".join(dict.fromkeys(marks))

    def text(self) -> str:
        """Return what the letters mean."""
        return " ".join(f"{mark}: {reason}." for reason, mark in self._marks.items())
