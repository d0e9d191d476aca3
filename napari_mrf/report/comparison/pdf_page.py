"""A4 pages that fill with text and tables from the top."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from napari_mrf.errors import shown
from napari_mrf.plots.figure_files import write_page
from napari_mrf.plots.letters import columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_mrf.report.comparison.readable import Table

A4_INCHES = (8.27, 11.69)
_MARGIN_INCHES = 0.65
_POINTS = 72.0
_CHARACTER, _BOLD = 0.56, 1.12
"""Mean width of a character of DejaVu Sans over its size, and how much wider bold ones are."""


class TextPages:
    """Lays out text and tables; a page that is full is handed over and a new one begun.

    Parameters
    ----------
    book : matplotlib.backends.backend_pdf.PdfPages
        Receives the pages.
    """

    def __init__(self, book: Any) -> None:
        self._book = book
        self._page, self._from_top = Figure(figsize=A4_INCHES), 0.0

    def heading(self, text: str, size: float = 13) -> None:
        """Write a heading that does not stand alone at the end of a page."""
        self._advance(size * 0.7)
        self._reserve(size * 4)
        for line in self._wrapped(text, size, self._width):
            self._write(0, line, size, weight="bold")
            self._advance(size * 1.35)
        self._advance(size * 0.25)

    def paragraph(self, text: str, size: float = 8.5, *, indent: float = 0, faint: bool = False
                  ) -> None:  # fmt: skip
        """Write text over as many lines as it needs."""
        for line in self._wrapped(text, size, self._width - indent):
            self._reserve(size * 1.4)
            self._write(indent, line, size, color="0.35" if faint else "black")
            self._advance(size * 1.4)
        self._advance(size * 0.3)

    def entry(self, name: str, text: str, size: float = 7.5, *, column: float = 128) -> None:
        """Write a name with its explanation beside it."""
        lines = self._wrapped(text, size, self._width - column)
        self._reserve(size * 1.4)
        self._write(0, name, size, weight="bold")
        if columns(name) * _CHARACTER * size * _BOLD > column:
            self._advance(size * 1.4)
        for line in lines or [""]:
            self._reserve(size * 1.4)
            self._write(column, line, size)
            self._advance(size * 1.4)
        self._advance(size * 0.35)

    def table(self, table: Table, size: float = 7.5) -> None:
        """Write a table whose first column is left-aligned, smaller where it is wide."""
        cells = [list(table.header), *([cell.text for cell in row] for row in table.rows)]
        longest = [max(columns(shown(row[column])) for row in cells)
                   for column in range(len(table.header))]  # fmt: skip
        gap = 2.2
        needed = (sum(longest) + gap * len(longest)) * _CHARACTER
        size = min(size, self._width / needed)
        widths = [(n + gap) * _CHARACTER * size for n in longest]
        self.heading(table.title, 10)
        self._row(cells[0], widths, size, weight="bold")
        self._rule(sum(widths))
        for row in cells[1:]:
            if self._reserve(size * 1.6):
                self._row(cells[0], widths, size, weight="bold")
                self._rule(sum(widths))
            self._row(row, widths, size)
        self._advance(size * 0.5)
        if table.note:
            self.paragraph(table.note, 7.5, faint=True)

    def end(self) -> None:
        """Hand over the page, if anything is on it, and begin a new one."""
        if self._page.texts:
            write_page(self._book, self._page)
        self._page, self._from_top = Figure(figsize=A4_INCHES), 0.0

    @property
    def _width(self) -> float:
        return (A4_INCHES[0] - 2 * _MARGIN_INCHES) * _POINTS

    def _wrapped(self, text: str, size: float, width: float) -> list[str]:
        # Long sums and paths have no blanks to break at.
        widest = max((columns(word) / len(word) for word in shown(text).split()), default=1.0)
        return textwrap.wrap(text, max(10, int(width / (_CHARACTER * size * widest))))

    def _reserve(self, height: float) -> bool:
        """Begin a new page where less than a height in points is left; return whether it did."""
        fits = (A4_INCHES[1] - 2 * _MARGIN_INCHES) * _POINTS
        if self._from_top + height <= fits:
            return False
        self.end()
        return True

    def _advance(self, height: float) -> None:
        """Leave space, except at the top of a page."""
        if self._page.texts:
            self._from_top += height

    def _row(
        self, cells: Sequence[str], widths: Sequence[float], size: float, **style: Any
    ) -> None:
        left = 0.0
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            if column:
                self._write(left + width - size, cell, size, ha="right", **style)
            else:
                self._write(left, cell, size, **style)
            left += width
        self._advance(size * 1.6)

    def _rule(self, width: float) -> None:
        from matplotlib.lines import Line2D

        (x0, y), (x1, _) = self._at(0), self._at(min(width, self._width))
        y += 2 / (A4_INCHES[1] * _POINTS)
        self._page.add_artist(Line2D([x0, x1], [y, y], color="0.4", linewidth=0.6))
        self._advance(3)

    def _write(self, left: float, text: str, size: float, **style: Any) -> None:
        x, y = self._at(left)
        self._page.text(x, y, shown(text), fontsize=size, va="top", parse_math=False, **style)

    def _at(self, left: float) -> tuple[float, float]:
        width, height = A4_INCHES[0] * _POINTS, A4_INCHES[1] * _POINTS
        margin = _MARGIN_INCHES * _POINTS
        return (margin + left) / width, 1.0 - (margin + self._from_top) / height
