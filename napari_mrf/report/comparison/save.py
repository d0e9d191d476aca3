"""A comparison as a folder of files, or as a report alone; all files or none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.compute.steps import result_of
from napari_mrf.io.atomic import atomic_write_all
from napari_mrf.io.result_folder import ResultKind
from napari_mrf.io.tables.table_files import write_csv
from napari_mrf.report.comparison.content import report_content
from napari_mrf.report.comparison.drawings import drawn, figure_names
from napari_mrf.report.comparison.html import html_report
from napari_mrf.report.comparison.pdf import iter_pdf_report

if TYPE_CHECKING:
    from collections.abc import Generator

    import pandas as pd

    from napari_mrf.analysis.comparison.compare import Comparison
    from napari_mrf.report.comparison.content import ReportLabel

_TABLES = {
    "metrics": "metrics", "rois": "pairs", "inclusion": "inclusion", "outliers": "outliers",
    "agreement": "agreement", "agreement_by_region": "by_region",
    "agreement_regression": "regression", "blurriness": "blurriness",
}  # fmt: skip
"""The attributes of a comparison that are tables, by the names of their files."""
TABLES = tuple(f"{name}.csv" for name in _TABLES)
FIGURES = "figures"
KINDS = ("svg", "pdf")
_SECTIONS = 9
"""Of the report, at most; each is laid out in turn."""
_REPORTS = ("report.html", "report.pdf")
COMPARISON_RESULTS = ResultKind(
    "a comparison",
    "comparison.json",
    (*TABLES, *_REPORTS),
    tuple(
        f"{FIGURES}/{one}"
        for one in (
            "overview.*",
            "key.*",
            "normality.*",
            "regions.*",
            "shares.*",
            "agreement_*",
            "errors*",
            "blurriness.*",
        )
    ),
)


def iter_save(
    comparison: Comparison,
    directory: str | Path,
    *,
    overwrite: bool = False,
    made: datetime | None = None,
    label: ReportLabel | None = None,
) -> Generator[str, None, list[Path]]:
    """Write tables, figures, report and record, in steps that yield what comes next.

    Parameters
    ----------
    comparison : Comparison
        What to write. Every file but ``report.html``, ``report.pdf`` and the record is the
        same for the same comparison; those three carry the time.
    directory : str or Path
        Created where needed; an existing empty folder is fine. Figures go into ``figures/``.
    overwrite : bool
        Whether an earlier comparison may be replaced.
    made : datetime, optional
        With its time zone; now by default.
    label : ReportLabel, optional
        Study and report id.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    MRFInputError
        ``"exists"`` and the codes of failed writes.
    """
    made = made or datetime.now(UTC)
    COMPARISON_RESULTS.refuse_earlier(directory, overwrite=overwrite)
    figures = {name: f"{FIGURES}/{name}" for name in figure_names(comparison)}
    names = [f"{one}.{kind}" for one in figures.values() for kind in KINDS]
    content = report_content(comparison, made, label, has_tables=True)
    names = [*TABLES, *names, *_REPORTS]
    with COMPARISON_RESULTS.writing(directory, names, overwrite=overwrite) as staged:
        yield "tables"
        for name, table in tables_of(comparison).items():
            write_csv(staged[f"{name}.csv"], table, overwrite=True)
        pictures = {}
        for name, path in figures.items():
            yield f"figure {name}"
            files = drawn(comparison, name, KINDS)
            pictures[name] = files["svg"]
            for kind in KINDS:
                staged[f"{path}.{kind}"].write_bytes(files[kind])
        yield "report.html"
        page = html_report(content, pictures)
        staged["report.html"].write_text(page, encoding="utf-8")
        yield from iter_pdf_report(comparison, content, staged["report.pdf"])
        staged.write_record({**content.record, "files": staged.sums()})
    return staged.paths


def tables_of(comparison: Comparison) -> dict[str, pd.DataFrame]:
    """Return the tables of a comparison by the names of their files."""
    return {name: getattr(comparison, attribute) for name, attribute in _TABLES.items()}


def save_comparison(
    comparison: Comparison,
    directory: str | Path,
    *,
    overwrite: bool = False,
    made: datetime | None = None,
    label: ReportLabel | None = None,
) -> list[Path]:
    """Write tables, figures, report and record in one go; as `iter_save`."""
    return result_of(iter_save(comparison, directory, overwrite=overwrite, made=made, label=label))


def iter_save_report(
    comparison: Comparison,
    path: str | Path,
    *,
    made: datetime | None = None,
    label: ReportLabel | None = None,
) -> Generator[str, None, list[Path]]:
    """Write the report alone, as HTML and PDF of one name; yields what comes next.

    Parameters
    ----------
    comparison : Comparison
        What to report.
    path : str or Path
        With the suffix ``.html``, ``.pdf`` or none; both files are written, and replace
        earlier ones.
    made : datetime, optional
        With its time zone; now by default.
    label : ReportLabel, optional
        Study and report id.

    Returns
    -------
    list of Path
        The HTML and the PDF file.
    """
    page, book = report_paths(path)
    with atomic_write_all([page, book]) as staged:
        files = staged[page], staged[book]
        yield from iter_write_report(comparison, *files, made=made, label=label)
    return [page, book]


def n_report_steps(comparison: Comparison) -> int:
    """Return about how many pieces `iter_save_report` and `iter_save` name."""
    return len(figure_names(comparison)) + _SECTIONS


def iter_write_report(
    comparison: Comparison,
    page: Path,
    book: Path,
    *,
    made: datetime | None = None,
    label: ReportLabel | None = None,
) -> Generator[str, None, None]:
    """Write the report alone where a result folder is staged; yields what comes next."""
    content = report_content(comparison, made or datetime.now(UTC), label)
    figures = {}
    for name in figure_names(comparison):
        yield f"figure {name}"
        figures[name] = drawn(comparison, name, ("svg",))["svg"]
    page.write_text(html_report(content, figures), encoding="utf-8")
    yield from iter_pdf_report(comparison, content, book)


def report_paths(path: str | Path) -> tuple[Path, Path]:
    """Return the HTML and the PDF file of a report by the path of either, or without a suffix."""
    base = Path(path)
    stem = base.stem if base.suffix.lower() in (".html", ".pdf") else base.name
    return base.with_name(f"{stem}.html"), base.with_name(f"{stem}.pdf")


def save_report(
    comparison: Comparison,
    path: str | Path,
    *,
    made: datetime | None = None,
    label: ReportLabel | None = None,
) -> list[Path]:
    """Write the report alone in one go; as `iter_save_report`."""
    return result_of(iter_save_report(comparison, path, made=made, label=label))
