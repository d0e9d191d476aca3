"""Statistics of regions out: CSV, Excel, and a record of how they came about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf._version import __version__
from napari_mrf.analysis.roi_sheets import describe_options, exported_sheets
from napari_mrf.analysis.roi_study import RoiStudy, SubjectStatistics, joined
from napari_mrf.analysis.table_files import write_csv, write_excel
from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import atomic_write_all, write_error
from napari_mrf.io.source import sha256_of
from napari_mrf.parameters import validity_rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from napari_mrf.analysis.roi_options import RoiOptions

CSV_NAME, EXCEL_NAME, RECORD_NAME = "rois.csv", "rois.xlsx", "rois.json"
RECORD_FORMAT = "napari-mrf rois"


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
    folder = Path(directory)
    refuse_earlier(folder, overwrite=overwrite)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(error, folder) from error
    warnings = _all_warnings(study, measured)
    table = joined(measured)
    if not per_slice:
        table = table[table["scope"] == "pooled"].reset_index(drop=True)
    sheets = exported_sheets(table, _about(study, measured, options, warnings))
    files = [folder / CSV_NAME, folder / EXCEL_NAME]
    record = folder / RECORD_NAME
    with atomic_write_all([*files, record]) as staged:
        write_csv(staged[files[0]], sheets["ROIs"], overwrite=True)
        write_excel(staged[files[1]], sheets, overwrite=True)
        content = {
            "format": RECORD_FORMAT,
            "version": 1,
            "software": {"name": "napari-mrf", "version": __version__},
            "options": _options_record(study, options, per_slice=per_slice),
            "inputs": [{"subject": one.subject or None, **one.record} for one in measured],
            "warnings": warnings,
            "files": {path.name: sha256_of(staged[path]) for path in files},
        }
        text = json.dumps(content, indent=1, allow_nan=False) + "\n"
        staged[record].write_text(text, encoding="utf-8")
    return [*files, record]


def refuse_earlier(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds statistics already, unless they may be replaced.

    Raises
    ------
    MRFInputError
        ``"exists"``.
    """
    names = (CSV_NAME, EXCEL_NAME, RECORD_NAME)
    earlier = [name for name in names if (folder / name).exists()]
    if earlier and not overwrite:
        raise MRFInputError("exists", "the folder holds statistics already", path=folder,
                            found=", ".join(earlier),
                            hint="Choose another folder, or allow it to be overwritten."
                            )  # fmt: skip


def without_numbers(statistics: pd.DataFrame) -> dict[str, list[str]]:
    """Return the regions that have no pooled number, by the reason.

    Parameters
    ----------
    statistics : pandas.DataFrame
        Of one subject, from `roi_statistics`.

    Returns
    -------
    dict of str to list of str
        Names of regions, with the maps in brackets unless it is all of them.
    """
    pooled = statistics[(statistics["scope"] == "pooled") & (statistics["n"] == 0)]
    n_maps = statistics["map"].nunique()
    found: dict[str, list[str]] = {}
    for (reason, _, name), rows in pooled.groupby(["reason", "label", "name"], sort=False):
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


def _options_record(study: RoiStudy, options: RoiOptions, *, per_slice: bool) -> dict[str, Any]:
    rules = validity_rules(options.thresholds) if options.apply_validity else {}
    return {
        "validity": {key: rule.describe() for key, rule in rules.items()},
        "erosion_voxels": options.erosion_voxels,
        "per_slice": per_slice,
        "resample": study.resample,
    }
