"""Statistics of regions as a folder: CSV, Excel, and a record of how they came about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf.analysis.regions.sheets import describe_options, exported_sheets
from napari_mrf.analysis.regions.statistics import LESS
from napari_mrf.analysis.regions.study import RoiStudy, SubjectStatistics, joined
from napari_mrf.io.result_folder import ResultKind
from napari_mrf.io.tables.table_files import write_csv, write_excel

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from napari_mrf.analysis.regions.options import RoiOptions

CSV_NAME, EXCEL_NAME = "rois.csv", "rois.xlsx"
ROI_RESULTS = ResultKind(
    "statistics", "rois.json", (CSV_NAME, EXCEL_NAME), format="napari-mrf rois"
)


def save_roi_statistics(
    study: RoiStudy,
    measured: Sequence[SubjectStatistics],
    options: RoiOptions,
    directory: str | Path,
    *,
    per_slice: bool = True,
    overwrite: bool = False,
) -> list[Path]:
    """Write the statistics of one or several subjects to a folder: all files, or none.

    ``rois.csv``; ``rois.xlsx`` with the sheets *ROIs* (the same table), *About* (what was
    measured, with which options) and *Columns* (what they mean); ``rois.json`` with options,
    inputs and the sha256 of each file. The same input gives the same bytes.

    Parameters
    ----------
    study : RoiStudy
        What was asked for.
    measured : sequence of SubjectStatistics
        Of its subjects.
    options : RoiOptions
        They were measured with.
    directory : str or Path
        Created where needed.
    per_slice : bool
        Whether there is a row for every slice besides the pooled one.
    overwrite : bool
        Whether earlier results in the folder may be replaced.

    Returns
    -------
    list of Path
        What was written, ``rois.json`` last.

    Raises
    ------
    MRFInputError
        ``"exists"`` and the codes of failed writes.
    """
    warnings = _all_warnings(study, measured)
    table = joined(measured)
    if not per_slice:
        table = table[table["scope"] == "pooled"].reset_index(drop=True)
    sheets = exported_sheets(table, _about(study, measured, options, warnings))
    with ROI_RESULTS.writing(directory, (CSV_NAME, EXCEL_NAME), overwrite=overwrite) as staged:
        write_csv(staged[CSV_NAME], sheets["ROIs"], overwrite=True)
        write_excel(staged[EXCEL_NAME], sheets, overwrite=True)
        staged.write_record({
            "options": options_record(study, options, per_slice=per_slice),
            "inputs": [{"subject": one.subject or None, **one.record} for one in measured],
            "warnings": warnings,
            "files": staged.sums(),
        })  # fmt: skip
    return staged.paths


def without_numbers(statistics: pd.DataFrame) -> dict[str, list[str]]:
    """Return the regions that have no pooled number, by the reason, each once.

    How many valid voxels the regions with too few have stands in the reasons of the table.

    Parameters
    ----------
    statistics : pandas.DataFrame
        Of one subject, from `roi_statistics`.

    Returns
    -------
    dict of str to list of str
        Names of regions, with the maps in brackets unless it is all of them.
    """
    pooled = statistics[(statistics["scope"] == "pooled") & statistics["mean"].isna()]
    reasons = pooled["reason"].str.replace(f"^.*(?={LESS})", "the valid voxels are ", regex=True)
    n_maps = statistics["map"].nunique()
    found: dict[str, list[str]] = {}
    for (reason, _, name), rows in pooled.groupby([reasons, "label", "name"], sort=False):
        keys = "" if len(rows) == n_maps else f" ({', '.join(rows['map'])})"
        found.setdefault(str(reason), []).append(f"{name}{keys}")
    return found


def _all_warnings(study: RoiStudy, measured: Sequence[SubjectStatistics]) -> list[str]:
    warnings = list(study.warnings)
    for one in measured:
        before = f"{one.subject}: " if one.subject else ""
        warnings += [f"{before}{text}" for text in one.warnings]
    return warnings


def _about(
    study: RoiStudy,
    measured: Sequence[SubjectStatistics],
    options: RoiOptions,
    warnings: Sequence[str],
) -> dict[str, str]:
    lines: dict[str, str] = {}
    for one in measured:
        before = f"{one.subject}: " if one.subject else ""
        if not one.subject:
            lines["maps"] = Path(one.record["maps"]["path"]).resolve().name
        lines[f"{before}maps folder"] = one.record["maps"]["path"]
        lines[f"{before}series"] = one.record.get("series", "unknown")
        lines[f"{before}labels"] = one.record["labels"]["path"]
        names = one.record.get("label_table")
        lines[f"{before}names of the labels"] = names["path"] if names else "none given"
    lines["labels on another grid"] = (
        "refused" if study.resample is None else "nearest label for every voxel"
    )
    keys = dict.fromkeys(key for one in measured for key in one.keys)
    lines |= describe_options(keys, options)
    return lines | {f"remark {number}": text for number, text in enumerate(warnings, 1)}


def options_record(study: RoiStudy, options: RoiOptions, *, per_slice: bool) -> dict[str, Any]:
    """Return the options in the record of `save_roi_statistics`, JSON-ready."""
    return {
        **options.as_record(),
        "per_slice": per_slice,
        "resample": study.resample,
        "allow_mixed": study.allow_mixed,
    }
