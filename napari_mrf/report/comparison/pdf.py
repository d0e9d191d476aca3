"""A comparison as a PDF of A4 pages."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.backends.backend_pdf import PdfPages

from napari_mrf.plots.agreement.agreement_figure import (
    fill_agreement,
    fill_key,
    fill_overview,
    key_height_inches,
    overview_height_inches,
)
from napari_mrf.plots.agreement.map_grid import n_rows
from napari_mrf.plots.agreement.normality_figure import fill_normality
from napari_mrf.plots.agreement.shares_figure import fill_shares, maps_with_shares
from napari_mrf.plots.blurriness_figure import fill_blurriness
from napari_mrf.plots.error_figure import error_height_inches, fill_errors
from napari_mrf.plots.figure_files import FILE_STYLE, write_page
from napari_mrf.report.comparison.drawings import (
    BLURRINESS,
    KEY,
    NORMALITY,
    OVERVIEW,
    REGIONS,
    SHARES,
    errors_name,
)
from napari_mrf.report.comparison.pdf_page import Pages
from napari_mrf.report.comparison.readable import Table
from napari_mrf.report.comparison.regions_figure import fill_regions, regions_height_inches
from napari_mrf.report.comparison.sections import Beside, Drawing, Form, Sums, Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from matplotlib.figure import Figure

    from napari_mrf.analysis.comparison.compare import Comparison
    from napari_mrf.report.comparison.content import ReportContent

_AGREEMENT_INCHES = 2.75
_LONG = 6
"""Rows of a narrow table that goes on beside itself."""
_ROOM = {Form: 110.0, Table: 60.0}
"""Points of what stays on the page with the heading above it."""


def iter_pdf_report(
    comparison: Comparison, content: ReportContent, path: Path
) -> Generator[str, None, None]:
    """Write the report page by page, yielding what comes next.

    Parameters
    ----------
    comparison : Comparison
        For the figures.
    content : ReportContent
        Texts and tables of the same comparison.
    path : Path
        Any name.
    """
    record = {"Title": content.title, "Creator": "napari-mrf", "CreationDate": content.made}
    with matplotlib.rc_context(FILE_STYLE):
        pages = yield from iter_pages(comparison, content)
        with path.open("wb") as file, PdfPages(file, metadata=record) as book:
            for page in pages:
                write_page(book, page)
                yield "pages of report.pdf"


def iter_pages(
    comparison: Comparison, content: ReportContent
) -> Generator[str, None, list[Figure]]:
    """Lay the report out, yielding what comes next, and return its pages."""
    pages = Pages(content.filed)
    pages.heading(content.title, 17)
    pages.paragraph(content.summary, 9, faint=True)
    pages.paragraph(content.filed, 9, faint=True)
    for number, section in enumerate(content.sections):
        yield f"{section.title} in report.pdf"
        pages.heading(section.title, 13, room=_ROOM.get(type(section.parts[0]), 0.0))
        for part in section.parts:
            _add(pages, part, comparison)
        if number == 0 and content.warnings:
            pages.heading("Warnings", 10)
            for warning in content.warnings:
                pages.paragraph(f"•  {warning}", 8)
    return pages.end()


def _add(pages: Pages, part: Any, comparison: Comparison) -> None:
    if isinstance(part, str):
        pages.paragraph(part)
    elif isinstance(part, Table) and len(part.header) < 4 and len(part.rows) > _LONG:
        pages.table_in_columns(part)
    elif isinstance(part, Table):
        pages.table(part)
    elif isinstance(part, Form):
        pages.form(part.rows, part.columns)
    elif isinstance(part, Texts):
        look = {"size": 6.5, "column": 190.0} if isinstance(part, Sums) else {}
        for name, text in part.rows:
            pages.entry(name, text, **look)
    elif isinstance(part, Drawing):
        height, fill = _drawing(part.name, comparison)
        pages.figure(part.caption, height, fill, floats=part.name.startswith("errors"))
    elif isinstance(part, Beside):
        height, fill = _drawing(part.drawing.name, comparison)
        below = pages.points_of(part.table)
        pages.figure(part.drawing.caption, height, fill, with_below=below)
        pages.table_in_columns(part.table)


def _drawing(name: str, comparison: Comparison) -> tuple[float, Callable[[Any], None]]:
    """Return the height in inches of a figure, and what draws it into a part of a page."""
    if name == OVERVIEW:
        return overview_height_inches(comparison), partial(fill_overview, comparison=comparison)
    if name == KEY:
        return key_height_inches(comparison), partial(fill_key, comparison=comparison)
    if name == REGIONS:
        return regions_height_inches(comparison), partial(fill_regions, comparison=comparison)
    if name == SHARES:
        rows = n_rows(len(maps_with_shares(comparison)))
        return 0.1 + 2.2 * rows, partial(fill_shares, comparison=comparison)
    if name == NORMALITY:
        rows = n_rows(len(comparison.agreement))
        return 0.1 + 2.2 * rows, partial(fill_normality, comparison=comparison)
    if name == BLURRINESS:
        rows = -(-len(comparison.maps) // 3)
        return 0.3 + 2.0 * rows, partial(fill_blurriness, comparison=comparison)
    for index, picture in enumerate(comparison.pictures):
        if errors_name(comparison, index) == name:
            names = (comparison.reference_name, comparison.test_name)
            rules = comparison.options.as_record()["validity"]
            return (
                error_height_inches(picture),
                partial(fill_errors, picture=picture, names=names, validity=rules),
            )
    key = name.removeprefix("agreement_")
    return _AGREEMENT_INCHES, partial(
        fill_agreement, comparison=comparison, key=key, with_key=False
    )
