"""A4 pages that fill with text, tables and figures from the top."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from napari_mrf.errors import shown
from napari_mrf.plots.figure_files import settle
from napari_mrf.plots.letters import columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.figure import SubFigure

    from napari_mrf.report.comparison.readable import Cell, Table

A4_INCHES = (8.27, 11.69)
_MARGIN_INCHES = 0.65
_FOOT_INCHES = 0.25
_POINTS = 72.0
_MEAN, _BOLD = 0.6, 1.12
"""Width of a letter over its size, about, and how much wider bold ones are."""
_MEASURED = 0x2FFF
"""Letters up to here are in the font that comes with matplotlib."""
_SMALLEST = 5.5
"""Size of the smallest text of a table, in points."""
_GAP = 1.3
"""Between columns, over the size of the text."""
_FLOATING_FROM = 0.6
"""A page that is filled to this share may end before a figure that floats."""
_SHRINK = 0.68
"""A figure is made that much smaller at most, where it then fits on the page."""


class Pages:
    """Lays out text, tables and figures, and begins a new page where one is full.

    Figures that may float and do not fit go to the top of the next page; what follows in the text
    fills the page.

    Parameters
    ----------
    foot : str
        At the foot of every page, beside its number.
    """

    def __init__(self, foot: str) -> None:
        self.finished: list[Figure] = []
        self._foot = foot
        self._floating: list[tuple[str, float, Callable[[SubFigure], None]]] = []
        self._begin()

    def heading(self, text: str, size: float = 13, *, room: float = 0.0) -> None:
        """Write a heading that does not stand alone at the end of a page.

        `room` is what has to fit below it on the page, in points.
        """
        self._advance(size * 0.7)
        self._reserve(size * 4 + room)
        for line in _wrapped(text, size, self._width, is_bold=True):
            self._write(0, line, size, weight="bold")
            self._advance(size * 1.35)
        self._advance(size * 0.25)

    def paragraph(self, text: str, size: float = 8.5, *, indent: float = 0, faint: bool = False
                  ) -> None:  # fmt: skip
        """Write text over as many lines as it needs."""
        for line in _wrapped(text, size, self._width - indent):
            self._reserve(size * 1.4)
            self._write(indent, line, size, color="0.35" if faint else "black")
            self._advance(size * 1.4)
        self._advance(size * 0.3)

    def entry(self, name: str, text: str, size: float = 7.5, *, column: float = 128) -> None:
        """Write a name with its explanation beside it, or below it where the name is long."""
        lines = _wrapped(text, size, self._width - column)
        is_long = _width(name, size, is_bold=True) > column - size
        self._reserve(size * 1.4 * min(3, len(lines) + is_long))
        self._write(0, name, size, weight="bold")
        if is_long:
            self._advance(size * 1.4)
        for line in lines or [""]:
            self._reserve(size * 1.4)
            self._write(column, line, size)
            self._advance(size * 1.4)
        self._advance(size * 0.35)

    def form(self, rows: Sequence[str], fields: Sequence[str], size: float = 8) -> None:
        """Write rows with empty fields that are filled in by hand."""
        left, step = 90.0, 34.0
        self._reserve(step * (len(rows) + 1))
        across = (self._width - left) / len(fields)
        for number, name in enumerate(fields):
            self._write(left + number * across, name, size, weight="bold")
        for row in rows:
            self._from_top += step
            self._write(0, row, size)
            for number in range(len(fields)):
                self._rule(left + number * across, across - 12, below=size * 1.3)
        self._from_top += step

    def table(self, table: Table, size: float = 7.5) -> None:
        """Write a table whose first column is left-aligned, smaller where it is wide.

        One that would become too small to read is cut into tables of some of its columns, each
        with the first.
        """
        self._titled(table.title)
        parts = self._readable_parts(table)
        size = min([size, *(self._width / _width_of(part) for part in parts)])
        for part in parts:
            self._columns([part], size, is_text=table.is_text)
        if table.note:
            self.paragraph(table.note, 7, faint=True)

    def table_in_columns(self, table: Table, n_columns: int = 2, size: float = 7.2) -> None:
        """Write a narrow table as parts side by side."""
        cells = _texts(table)
        n_rows = -(-(len(cells) - 1) // n_columns)
        parts = [
            [cells[0], *cells[1:][start : start + n_rows]]
            for start in range(0, len(cells) - 1, n_rows)
        ]
        self._columns(parts, size)
        if table.note:
            self.paragraph(table.note, 7, faint=True)

    def figure(
        self,
        caption: str,
        height_inches: float,
        fill: Callable[[SubFigure], None],
        *,
        floats: bool = False,
        with_below: float = 0.0,
    ) -> None:
        """Place a figure of the width of the text with a caption above it.

        Parameters
        ----------
        caption : str
            May be empty.
        height_inches : float
            Wanted; less than a page.
        fill : callable
            Draws it into a part of the page.
        floats : bool
            Whether text that follows may come before it.
        with_below : float
            Points of what has to stand on the same page below it.
        """
        title = 22.0 if caption else 0.0
        wanted = min(height_inches * _POINTS, self._height - title - with_below)
        left = self._height - self._from_top - title - with_below - 4
        if wanted > left >= _SHRINK * wanted:
            wanted = left
        if wanted > left and floats and self._from_top < _FLOATING_FROM * self._height:
            self._floating.append((caption, height_inches, fill))
            return
        self._reserve(wanted + title + with_below)
        if caption:
            self._advance(6)
            self._write(0, caption, 9.5, weight="bold")
            self._from_top += 15
        self._figures.append((self._from_top, wanted, fill))
        self._from_top += wanted + 4

    def end(self) -> list[Figure]:
        """Finish the last page, and those of figures that still float, and return all of them."""
        if self._page.texts or self._figures or self._floating:
            self._finish()
        while self._floating:
            self._place_floating()
            self._finish()
        n = len(self.finished)
        for number, page in enumerate(self.finished, 1):
            page.text(0.5, 0.03, shown(f"{self._foot} · page {number} of {n}"), fontsize=6.5,
                      color="0.35", ha="center", parse_math=False)  # fmt: skip
        return self.finished

    def points_of(self, table: Table, n_columns: int = 2, size: float = 7.2) -> float:
        """Return how high `table_in_columns` is."""
        return size * 1.6 * (1 - (-len(table.rows) // n_columns)) + 3 + 0.5 * size + 12

    def _begin(self) -> None:
        self._page, self._from_top = Figure(figsize=A4_INCHES), 0.0
        self._figures: list[tuple[float, float, Callable[[SubFigure], None]]] = []

    def _finish(self) -> None:
        """Draw the figures of the page where they belong, between its texts."""
        if self._figures:
            page, margin = A4_INCHES[1] * _POINTS, _MARGIN_INCHES * _POINTS
            heights, at = [], 0.0
            for top, height, _ in self._figures:
                heights += [max(top + margin - at, 1.0), height]
                at = top + margin + height
            heights.append(max(page - at, 1.0))
            side = _MARGIN_INCHES / A4_INCHES[0]
            self._page.set_layout_engine("constrained", rect=(side, 0, 1 - 2 * side, 1))
            parts = self._page.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)
            for part, (_, _, fill) in zip(parts[1::2, 0], self._figures, strict=True):
                part.set_facecolor("none")
                fill(part)
            settle(self._page)
        self.finished.append(self._page)
        self._begin()

    def _place_floating(self) -> None:
        waiting, self._floating = self._floating, []
        for caption, height, fill in waiting:
            self.figure(caption, height, fill, floats=True)

    @property
    def _width(self) -> float:
        return (A4_INCHES[0] - 2 * _MARGIN_INCHES) * _POINTS

    @property
    def _height(self) -> float:
        return (A4_INCHES[1] - 2 * _MARGIN_INCHES - _FOOT_INCHES) * _POINTS

    def _reserve(self, height: float) -> bool:
        """Begin a new page where less than a height in points is left; return whether it did."""
        if self._from_top + height <= self._height or not (self._page.texts or self._figures):
            return False
        self._finish()
        self._place_floating()
        self._reserve(height)
        return True

    def _advance(self, height: float) -> None:
        """Leave space, except at the top of a page."""
        if self._page.texts or self._figures:
            self._from_top += height

    def _titled(self, title: str) -> None:
        if title:
            self.heading(title, 10)

    def _readable_parts(self, table: Table) -> list[list[list[str]]]:
        cells = _texts(table)
        widths = _column_widths(cells)
        room = self._width / _SMALLEST - widths[0]
        parts: list[list[int]] = [[]]
        used = 0.0
        for column in range(1, len(widths)):
            if used + widths[column] > room and parts[-1]:
                parts.append([])
                used = 0.0
            parts[-1].append(column)
            used += widths[column]
        return [[[row[0], *(row[column] for column in part)] for row in cells] for part in parts]

    def _columns(self, parts: list[list[list[str]]], size: float, *, is_text: bool = False) -> None:
        """Write tables of text side by side, smaller where the width asks for it."""
        size = min(size, self._width / sum(map(_width_of, parts)))
        widths = [[size * width for width in _column_widths(part)] for part in parts]
        step, across = size * 1.6, self._width / len(parts)
        for index in range(max(map(len, parts))):
            is_new = self._reserve(step * (3 if index == 0 else 1))
            for repeated in ([0] if is_new and index else []) + [index]:
                for number, part in enumerate(parts):
                    if repeated < len(part):
                        self._row(part[repeated], widths[number], size, number * across, is_text,
                                  weight="bold" if repeated == 0 else "normal")  # fmt: skip
                self._from_top += step
                if repeated == 0:
                    for number, of_part in enumerate(widths):
                        self._rule(number * across, sum(of_part))
                    self._from_top += 3
        self._advance(size * 0.5)

    def _row(
        self, cells: Sequence[str], widths: Sequence[float], size: float, left: float,
        is_text: bool, **style: Any,
    ) -> None:  # fmt: skip
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            if column and not is_text:
                self._write(left + width - _GAP * size / 2, cell, size, ha="right", **style)
            else:
                self._write(left, cell, size, **style)
            left += width

    def _rule(self, left: float, width: float, below: float = 0.0) -> None:
        from matplotlib.lines import Line2D

        (x0, y), (x1, _) = self._at(left), self._at(min(left + width, self._width))
        y += (2 - below) / (A4_INCHES[1] * _POINTS)
        self._page.add_artist(Line2D([x0, x1], [y, y], color="0.4", linewidth=0.6))

    def _write(self, left: float, text: str, size: float, **style: Any) -> None:
        x, y = self._at(left)
        self._page.text(x, y, shown(text), fontsize=size, va="top", parse_math=False, **style)

    def _at(self, left: float) -> tuple[float, float]:
        width, height = A4_INCHES[0] * _POINTS, A4_INCHES[1] * _POINTS
        margin = _MARGIN_INCHES * _POINTS
        return (margin + left) / width, 1.0 - (margin + self._from_top) / height


def _texts(table: Table) -> list[list[str]]:
    rows: list[Sequence[Cell]] = list(table.rows)
    return [list(table.header), *([cell.text for cell in row] for row in rows)]


def _width_of(cells: list[list[str]]) -> float:
    """Return how wide a table is, over the size of its text."""
    return sum(_column_widths(cells))


def _column_widths(cells: list[list[str]]) -> list[float]:
    """Return how wide the columns are with the gaps after them, over the size of the text."""
    return [
        _GAP + max(_width(row[column], 1.0, is_bold=index == 0) for index, row in enumerate(cells))
        for column in range(len(cells[0]))
    ]


def _wrapped(text: str, size: float, width: float, *, is_bold: bool = False) -> list[str]:
    """Return a text as lines; words that are longer, such as sums and paths, are cut."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if _width(longer, size, is_bold=is_bold) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        line = word
        while _width(line, size, is_bold=is_bold) > width and len(line) > 1:
            n = max(1, int(len(line) * width / _width(line, size, is_bold=is_bold)) - 1)
            lines.append(line[:n])
            line = line[n:]
    return [*lines, line] if line else lines


@lru_cache(maxsize=20_000)
def _width(text: str, size: float, *, is_bold: bool = False) -> float:
    """Return the width of a text in points; that of letters of other scripts is an estimate."""
    if not text.isascii() and any(ord(letter) > _MEASURED for letter in text):
        return columns(shown(text)) * _MEAN * (_BOLD if is_bold else 1.0) * size
    font = FontProperties(size=size, weight="bold" if is_bold else "normal")
    width, _, _ = text_to_path.get_text_width_height_descent(shown(text), font, ismath=False)
    return float(width)
