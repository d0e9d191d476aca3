"""A comparison as a folder of files, or as a report alone; all files or none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.analysis.table_files import write_csv
from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import atomic_write_all, write_error
from napari_mrf.io.source import sha256_of
from napari_mrf.report.content import report_content
from napari_mrf.report.drawings import drawn, figure_names
from napari_mrf.report.html import html_report
from napari_mrf.report.pdf import iter_pdf_report

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_mrf.analysis.comparison import Comparison

RECORD_NAME = "comparison.json"
TABLES = ("metrics.csv", "rois.csv", "agreement.csv", "blurriness.csv")
FIGURES = "figures"
KINDS = ("svg", "pdf")
_REPORTS = ("report.html", "report.pdf")
_FIGURE_PATTERNS = ("agreement_*", "errors*", "blurriness.*")


def refuse_earlier(directory: str | Path, *, overwrite: bool) -> None:
    """Refuse a folder with an earlier comparison, before any work.

    Raises
    ------
    MRFInputError
        ``"exists"``.
    """
    folder = Path(directory)
    earlier = [name for name in (*TABLES, *_REPORTS, RECORD_NAME) if (folder / name).exists()]
    if earlier and not overwrite:
        raise MRFInputError("exists", "the folder holds a comparison already", path=folder,
                            found=", ".join(earlier),
                            hint="Choose another folder, or allow it to be overwritten."
                            )  # fmt: skip


def iter_save(
    comparison: Comparison,
    directory: str | Path,
    *,
    overwrite: bool = False,
    made: datetime | None = None,
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

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    MRFInputError
        ``"exists"`` and the codes of failed writes.
    """
    folder, made = Path(directory), made or datetime.now(UTC)
    refuse_earlier(folder, overwrite=overwrite)
    names = [f"{FIGURES}/{name}.{kind}" for name in figure_names(comparison) for kind in KINDS]
    paths = [folder / name for name in (*TABLES, *names, *_REPORTS, RECORD_NAME)]
    content = report_content(comparison, made)
    try:
        (folder / FIGURES).mkdir(parents=True, exist_ok=True)
        stale = {one for pattern in _FIGURE_PATTERNS for one in (folder / FIGURES).glob(pattern)}
    except OSError as error:
        raise write_error(error, folder) from error
    with atomic_write_all(paths) as staged:
        yield "tables"
        tables = (comparison.metrics, comparison.pairs, comparison.agreement, comparison.blurriness)
        for name, table in zip(TABLES, tables, strict=True):
            write_csv(staged[folder / name], table, overwrite=True)
        figures = {}
        for name in figure_names(comparison):
            yield f"figure {name}"
            files = drawn(comparison, name, KINDS)
            figures[name] = files["svg"]
            for kind in KINDS:
                staged[folder / FIGURES / f"{name}.{kind}"].write_bytes(files[kind])
        yield "report.html"
        page = html_report(comparison, content, figures)
        staged[folder / "report.html"].write_text(page, encoding="utf-8")
        yield from iter_pdf_report(comparison, content, staged[folder / "report.pdf"], made)
        sums = {
            str(path.relative_to(folder).as_posix()): sha256_of(staged[path]) for path in paths[:-1]
        }
        record = {**content.record, "files": sums}
        text = json.dumps(record, indent=1, allow_nan=False) + "\n"
        staged[folder / RECORD_NAME].write_text(text, encoding="utf-8")
    for path in sorted(stale - set(paths)):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise write_error(error, path) from error
    return paths


def save_comparison(
    comparison: Comparison,
    directory: str | Path,
    *,
    overwrite: bool = False,
    made: datetime | None = None,
) -> list[Path]:
    """Write tables, figures, report and record in one go; as `iter_save`."""
    return _finished(iter_save(comparison, directory, overwrite=overwrite, made=made))


def iter_save_report(
    comparison: Comparison, path: str | Path, *, made: datetime | None = None
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

    Returns
    -------
    list of Path
        The HTML and the PDF file.
    """
    made = made or datetime.now(UTC)
    base = Path(path)
    stem = base.stem if base.suffix.lower() in (".html", ".pdf") else base.name
    page, book = base.with_name(f"{stem}.html"), base.with_name(f"{stem}.pdf")
    content = report_content(comparison, made)
    with atomic_write_all([page, book]) as staged:
        figures = {}
        for name in figure_names(comparison):
            yield f"figure {name}"
            figures[name] = drawn(comparison, name, ("svg",))["svg"]
        staged[page].write_text(html_report(comparison, content, figures), encoding="utf-8")
        yield from iter_pdf_report(comparison, content, staged[book], made)
    return [page, book]


def save_report(
    comparison: Comparison, path: str | Path, *, made: datetime | None = None
) -> list[Path]:
    """Write the report alone in one go; as `iter_save_report`."""
    return _finished(iter_save_report(comparison, path, made=made))


def _finished(steps: Generator[str, None, list[Path]]) -> list[Path]:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            paths: list[Path] = stop.value
            return paths
