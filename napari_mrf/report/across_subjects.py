"""Statistics across the subjects of a cohort as a folder: CSV, figures, and an HTML page."""

from __future__ import annotations

import base64
import math
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from napari_mrf._version import __version__
from napari_mrf.analysis.regions.across_subjects import (
    ACROSS_COLUMNS,
    across_subjects,
    subject_means,
)
from napari_mrf.analysis.regions.study import joined
from napari_mrf.errors import shown
from napari_mrf.io.result_folder import ResultKind
from napari_mrf.io.tables.table_files import write_csv
from napari_mrf.plots.across_subjects_figure import across_subjects_figure
from napari_mrf.plots.figure_files import figure_bytes
from napari_mrf.plots.printed_numbers import printed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from napari_mrf.analysis.regions.study import RoiStudy, SubjectStatistics

CSV_NAME, SUBJECTS_NAME, HTML_NAME = "across_subjects.csv", "subjects.csv", "report.html"
ACROSS_RESULTS = ResultKind(
    "statistics across subjects",
    "across_subjects.json",
    (CSV_NAME, SUBJECTS_NAME, HTML_NAME),
    format="napari-mrf across subjects",
)


def save_across_subjects(
    study: RoiStudy,
    measured: Sequence[SubjectStatistics],
    directory: str | Path,
    *,
    left_out: Sequence[str] = (),
    overwrite: bool = False,
) -> list[Path]:
    """Write statistics across subjects to a folder: all files, or none.

    ``across_subjects.csv`` (mean and spread for each session, region and map), ``subjects.csv``
    (what they are made of), ``report.html`` with both and a figure per map, and the record
    ``across_subjects.json``.

    Parameters
    ----------
    study : RoiStudy
        What was measured.
    measured : sequence of SubjectStatistics
        Of its scans.
    directory : str or Path
        Created where needed.
    left_out : sequence of str
        Sentences on scans that are not in the statistics.
    overwrite : bool
        Whether earlier results in the folder may be replaced.

    Returns
    -------
    list of Path
        What was written, the record last.

    Raises
    ------
    MRFInputError
        ``"exists"`` and the codes of failed writes.
    """
    statistics = joined(measured)
    means, across = subject_means(statistics), across_subjects(statistics)
    warnings = [*left_out, *study.warnings]
    warnings += [f"{one.subject}: {text}" for one in measured for text in one.warnings]
    names = (CSV_NAME, SUBJECTS_NAME, HTML_NAME)
    with ACROSS_RESULTS.writing(directory, names, overwrite=overwrite) as staged:
        write_csv(staged[CSV_NAME], across, overwrite=True)
        write_csv(staged[SUBJECTS_NAME], means, overwrite=True)
        page = _page(across, means, warnings, [one.subject for one in measured])
        staged[HTML_NAME].write_text(page, encoding="utf-8")
        staged.write_record({
            "columns": ACROSS_COLUMNS,
            "scans": {one.subject: one.record for one in measured},
            "warnings": warnings,
            "files": staged.sums(),
        })  # fmt: skip
    return staged.paths


def _page(
    across: pd.DataFrame, means: pd.DataFrame, warnings: Sequence[str], scans: Sequence[str]
) -> str:
    import jinja2

    template = files("napari_mrf.report").joinpath("across_subjects.html.j2")
    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: shown(value) if type(value) is str else value,
    )
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        version=__version__,
        n_subjects=means["subject"].nunique(),
        scans=scans,
        warnings=warnings,
        has_sessions=bool((across["session"] != "").any()),
        maps=[_map_part(key, across, means) for key in dict.fromkeys(across["map"])],
    )


def _map_part(key: str, across: pd.DataFrame, means: pd.DataFrame) -> dict[str, Any]:
    how = printed(key)
    picture = figure_bytes(across_subjects_figure(means, key), "svg")
    rows = [
        [row["session"], row["name"], str(row["n_subjects"]),
         *(_number(how, row[name]) for name in ("mean", "sd", "median", "minimum", "maximum"))]
        for _, row in across[across["map"] == key].iterrows()
    ]  # fmt: skip
    image = base64.b64encode(picture).decode()
    return {"title": how.title, "rows": rows, "figure": f"data:image/svg+xml;base64,{image}"}


def _number(how: Any, value: float) -> str:
    return "" if math.isnan(value) else how.text(value)
