"""Two visits as a folder: changes as CSV, figures, and an HTML page."""

from __future__ import annotations

import base64
import math
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from napari_mrf._version import NUMERICS, __version__
from napari_mrf.analysis.agreement.pairs import FEWEST
from napari_mrf.analysis.agreement.statistics import map_agreement
from napari_mrf.analysis.visits.changes import CHANGE_COLUMNS, SUMMARY_COLUMNS, as_pairs
from napari_mrf.errors import shown
from napari_mrf.io.result_folder import ResultKind
from napari_mrf.io.tables.table_files import write_csv
from napari_mrf.plots.figure_files import figure_bytes
from napari_mrf.plots.printed_numbers import Printed, printed
from napari_mrf.plots.visits_figure import change_figure, visits_figure

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    import pandas as pd

    from napari_mrf.analysis.visits.study import VisitComparison

CHANGES_NAME, SUMMARY_NAME, HTML_NAME = "changes.csv", "change_summary.csv", "visits.html"
VISITS_RESULTS = ResultKind(
    "a comparison of visits",
    "visits.json",
    (CHANGES_NAME, SUMMARY_NAME, HTML_NAME),
    ("visits_*.svg", "change_*.svg"),
    format="napari-mrf visits",
)


def iter_save_visits(
    found: VisitComparison, directory: str | Path, *, overwrite: bool = False
) -> Generator[str, None, list[Path]]:
    """Write a comparison of visits to a folder, all files or none; yield what is written next.

    ``changes.csv`` (every subject, region and map), ``change_summary.csv`` (over subjects), a
    figure ``visits_MAP.svg`` per map, ``change_MAP.svg`` (changes over means) for three or more
    subjects, ``visits.html`` with all of it, and the record ``visits.json``.

    Parameters
    ----------
    found : VisitComparison
        The result.
    directory : str or Path
        Created where needed.
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
    VISITS_RESULTS.refuse_earlier(directory, overwrite=overwrite)
    pictures: dict[str, bytes] = {}
    for key in dict.fromkeys(found.changes["map"]):
        yield f"figures of {key}"
        pictures |= _pictures(found, key)
    names = (CHANGES_NAME, SUMMARY_NAME, *pictures, HTML_NAME)
    yield "the tables and the page"
    with VISITS_RESULTS.writing(directory, names, overwrite=overwrite) as staged:
        write_csv(staged[CHANGES_NAME], found.changes, overwrite=True)
        write_csv(staged[SUMMARY_NAME], found.summary, overwrite=True)
        for name, picture in pictures.items():
            staged[name].write_bytes(picture)
        staged[HTML_NAME].write_text(_page(found, pictures), encoding="utf-8")
        staged.write_record({
            "software": {"name": "napari-mrf", "version": __version__, "numerics": NUMERICS},
            "visits": list(found.names),
            "options": found.options.as_record(),
            "repeatability": dict(found.repeatability),
            "mixed": found.is_mixed,
            "columns": {CHANGES_NAME: CHANGE_COLUMNS, SUMMARY_NAME: SUMMARY_COLUMNS},
            "inputs": dict(found.inputs),
            "warnings": list(found.warnings),
            "files": staged.sums(),
        })  # fmt: skip
    return staged.paths


def _pictures(found: VisitComparison, key: str) -> dict[str, bytes]:
    rows = found.changes[(found.changes["map"] == key) & found.changes["change"].notna()]
    if not len(rows):
        return {}
    figure = visits_figure(found.changes, key, found.names)
    pictures = {f"visits_{key}.svg": figure_bytes(figure, "svg")}
    if rows["subject"].nunique() >= FEWEST:
        pairs = as_pairs(found.changes)
        figure = change_figure(pairs, map_agreement(pairs, key), key, found.names)
        pictures[f"change_{key}.svg"] = figure_bytes(figure, "svg")
    return pictures


def _page(found: VisitComparison, pictures: dict[str, bytes]) -> str:
    import jinja2

    template = files("napari_mrf.report").joinpath("visits.html.j2")
    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: shown(value) if type(value) is str else value,
    )
    subjects = list(dict.fromkeys(found.changes["subject"]))
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        version=__version__, names=found.names, subjects=subjects, warnings=found.warnings,
        is_mixed=found.is_mixed, has_limit=bool(found.repeatability),
        maps=[_part(found, key, pictures, len(subjects)) for key in
              dict.fromkeys(found.changes["map"])],
    )  # fmt: skip


def _part(
    found: VisitComparison, key: str, pictures: dict[str, bytes], n_subjects: int
) -> dict[str, Any]:
    how = printed(key)
    names = [f"visits_{key}.svg", f"change_{key}.svg"]
    return {
        "title": how.title,
        "figures": [_as_uri(pictures[name]) for name in names if name in pictures],
        "changes": [_change_cells(row, how) for _, row in _of_map(found.changes, key)],
        "summary": [_summary_cells(row, how) for _, row in _of_map(found.summary, key)]
        if n_subjects > 1
        else [],
    }


def _of_map(table: pd.DataFrame, key: str) -> Any:
    return table[table["map"] == key].iterrows()


def _change_cells(row: Any, how: Printed) -> list[str]:
    """Return subject, region, both means, change, noise, verdict and reason as they are printed."""
    verdict = {True: "beyond", False: "within"}.get(row["beyond"], "")
    numbers = (_number(how, row[name]) for name in ("first", "second", "change", "noise_se"))
    return [row["subject"], row["name"], *numbers, verdict, row["reason"]]


def _summary_cells(row: Any, how: Printed) -> list[str]:
    """Return region, subjects, means, change, SD, interval, detectable change, and why not."""
    numbers = (_number(how, row[name])
               for name in ("first", "second", "change", "sd", "low", "high", "smallest_of_one",
                            "smallest_of_mean"))  # fmt: skip
    return [row["name"], str(row["n_subjects"]), *numbers, row["message"]]


def _number(how: Printed, value: float) -> str:
    return "" if math.isnan(value) else how.text(value)


def _as_uri(picture: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(picture).decode()}"
