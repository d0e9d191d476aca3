"""A comparison as a PDF of A4 pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from napari_mrf.errors import shown
from napari_mrf.plots.agreement_figure import fill_agreement
from napari_mrf.plots.blurriness_figure import fill_blurriness
from napari_mrf.plots.error_figure import error_figure
from napari_mrf.plots.figure_files import FILE_STYLE
from napari_mrf.plots.normality_figure import fill_normality
from napari_mrf.report.comparison.pdf_page import A4_INCHES, TextPages

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime
    from pathlib import Path

    from napari_mrf.analysis.comparison.compare import Comparison
    from napari_mrf.report.comparison.content import ReportContent

_PLOTS_A_PAGE = 3
_SIDE, _TOP, _TITLE = 0.06, 0.05, 0.03
"""Margins and room for the title of pages with figures, as shares of the page."""


def iter_pdf_report(
    comparison: Comparison, content: ReportContent, path: Path, made: datetime
) -> Generator[str, None, None]:
    """Write the report page by page, yielding what comes next.

    Overview, agreement, pictures, blurriness, provenance, definitions.

    Parameters
    ----------
    comparison : Comparison
        For the figures.
    content : ReportContent
        Texts and tables of the same comparison.
    path : Path
        Any name.
    made : datetime
        For the file's own record.
    """
    record = {"Title": content.title, "Creator": "napari-mrf", "CreationDate": made}
    with (
        matplotlib.rc_context(FILE_STYLE),
        path.open("wb") as file,
        PdfPages(file, metadata=record) as book,
    ):
        _overview(content, book)
        keys = list(comparison.agreement["map"])
        for start in range(0, len(keys), _PLOTS_A_PAGE):
            yield "agreement pages of report.pdf"
            page = _page("Agreement by region" + (" (continued)" if start else ""))
            parts = page.subfigures(_PLOTS_A_PAGE, 1, squeeze=False)[:, 0]
            for part, key in zip(parts, keys[start : start + _PLOTS_A_PAGE], strict=False):
                fill_agreement(part, comparison, key)
            book.savefig(page)
        if keys:
            page = _page("Quantiles of the differences")
            fill_normality(page.subfigures(2, 1, squeeze=False)[0, 0], comparison)
            book.savefig(page)
        yield from _pictures(comparison, book)
        yield "last pages of report.pdf"
        page = _page("Blurriness")
        fill_blurriness(page.subfigures(2, 1, squeeze=False)[0, 0], comparison)
        book.savefig(page)
        _background(content, book)


def _page(title: str) -> Figure:
    page = Figure(figsize=A4_INCHES, layout="constrained")
    _fill(page, title, 1.0)
    return page


def _fill(page: Figure, title: str, share: float) -> None:
    """Write the title and keep the layout below it, in that share of the height at most."""
    top = 1 - _TOP - _TITLE
    share = min(share, top - _TOP)
    engine = page.get_layout_engine()
    if engine is not None:
        engine.set(rect=(_SIDE, top - share, 1 - 2 * _SIDE, share))  # type: ignore[call-arg]
    page.text(
        _SIDE, 1 - _TOP, shown(title), fontsize=13, weight="bold", va="top", parse_math=False
    )  # fmt: skip


def _pictures(comparison: Comparison, book: PdfPages) -> Generator[str, None, None]:
    names = (comparison.reference_name, comparison.test_name)
    validity = comparison.options.as_record()["validity"]
    for picture in comparison.pictures:
        yield "pictures of report.pdf"
        page = error_figure(picture, names=names, validity=validity)
        _, height = page.get_size_inches()
        page.set_size_inches(*A4_INCHES)
        of_whom = f", subject {picture.subject}" if len(comparison.subjects) > 1 else ""
        title = f"Maps and differences{of_whom}, slice {picture.z}"
        _fill(page, title, height / A4_INCHES[1])
        book.savefig(page)


def _overview(content: ReportContent, book: PdfPages) -> None:
    pages = TextPages(book)
    pages.heading(content.title, 17)
    pages.paragraph(content.summary, 9, faint=True)
    if content.warnings:
        pages.heading("Warnings", 10)
        for warning in content.warnings:
            pages.paragraph(f"•  {warning}", 8.5)
    for table in (*content.tables, *content.details):
        pages.table(table)
    if content.no_agreement:
        pages.paragraph(content.no_agreement)
    pages.end()


def _background(content: ReportContent, book: PdfPages) -> None:
    pages = TextPages(book)
    pages.heading("Provenance", 13)
    for row in content.inputs:
        name = f"{row.side} of subject {row.subject}" if row.subject else row.side
        pages.paragraph(f"{name}: {row.method}" if row.method else name, 8.5)
        pages.paragraph(row.path, 7.5, indent=12, faint=True)
        for file_name, sha256 in row.sums:
            pages.paragraph(f"{file_name}  {sha256}".strip(), 6.5, indent=12, faint=True)
    pages.heading("Options and software", 13)
    for name, value in content.settings:
        pages.entry(name, value)
    pages.heading("Definitions", 13)
    for name, text in content.definitions:
        pages.entry(name, text)
    pages.end()
