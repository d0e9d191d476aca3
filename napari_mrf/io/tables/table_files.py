"""Tables as CSV and Excel files that no spreadsheet program can mistake for formulas."""

from __future__ import annotations

import math
from datetime import datetime
from io import BytesIO
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf.errors import shown
from napari_mrf.io.atomic import atomic_write, refuse_existing

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

_FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")
_LONGEST_COLUMN = 60


def escape_formula(text: str) -> str:
    """Return the text with an apostrophe before it where a spreadsheet would run it.

    A region may be named by anyone; ``=HYPERLINK(...)`` as a name must stay a name when the
    table is opened (OWASP, "CSV Injection"). Numbers are not touched: they are no text.
    """
    return f"'{text}" if text.startswith(_FORMULA_BEGINNINGS) else text


def write_csv(path: str | Path, table: pd.DataFrame, *, overwrite: bool = False) -> None:
    """Write a table as UTF-8 CSV: commas, points, full float64 precision, no index.

    Parameters
    ----------
    path : str or Path
        Its folder must exist.
    table : pandas.DataFrame
        Missing values are written as empty cells; text is passed through `escape_formula`.
    overwrite : bool
        Whether an earlier file may be replaced.

    Raises
    ------
    MRFInputError
        ``"exists"`` and the codes of failed writes.
    """
    path = Path(path)
    refuse_existing(path, overwrite=overwrite)
    with atomic_write(path) as temporary:
        _escaped(table).to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")


def tsv_text(table: pd.DataFrame) -> str:
    """Return a table as the text of a TSV file of BIDS: ``n/a`` where a value is missing."""
    text: str = _escaped(table).to_csv(sep="\t", index=False, na_rep="n/a", lineterminator="\n")
    return text


def write_excel(
    path: str | Path, sheets: Mapping[str, pd.DataFrame], *, overwrite: bool = False
) -> None:
    r"""Write tables as the sheets of one ``.xlsx`` file; the same tables give the same bytes.

    Parameters
    ----------
    path : str or Path
        Its folder must exist.
    sheets : mapping of str to pandas.DataFrame
        By name of the sheet (at most 31 characters, none of ``[]:*?/\``). Numbers stay
        numbers, missing values are empty cells, text is never a formula or a link, infinite
        numbers are text.
    overwrite : bool
        Whether an earlier file may be replaced.

    Raises
    ------
    MRFInputError
        ``"exists"`` and the codes of failed writes.
    """
    import xlsxwriter

    path = Path(path)
    refuse_existing(path, overwrite=overwrite)
    with atomic_write(path) as temporary:
        content = BytesIO()  # xlsxwriter has errors of its own for a full disk
        book = xlsxwriter.Workbook(
            content,
            {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
             "in_memory": True},
        )  # fmt: skip
        book.set_properties({"created": datetime(2000, 1, 1)})  # else the bytes hold the time
        bold = book.add_format({"bold": True})
        for name, table in sheets.items():
            _write_sheet(book.add_worksheet(name), _escaped(table), bold)
        book.close()
        temporary.write_bytes(content.getvalue())


def _write_sheet(sheet: Any, table: pd.DataFrame, bold: Any) -> None:
    sheet.freeze_panes(1, 0)
    for column, (title, cells) in enumerate(table.items()):
        sheet.write_string(0, column, str(title), bold)
        longest = len(str(title))
        for row, cell in enumerate(cells.astype(object), start=1):
            longest = max(longest, _write_cell(sheet, row, column, cell))
        sheet.set_column(column, column, min(longest, _LONGEST_COLUMN) + 2)


def _write_cell(sheet: Any, row: int, column: int, cell: Any) -> int:
    """Write one cell by its type and return its width in characters."""
    import pandas as pd

    if (
        cell is None
        or cell is pd.NA
        or cell is pd.NaT
        or (isinstance(cell, float) and cell != cell)
    ):
        return 0
    if isinstance(cell, bool):
        sheet.write_boolean(row, column, cell)
        return 5
    if isinstance(cell, Real) and math.isfinite(cell):
        sheet.write_number(row, column, float(cell))
        return 10
    sheet.write_string(row, column, str(cell))
    return len(str(cell))


def _escaped(table: pd.DataFrame) -> pd.DataFrame:
    escaped = table.rename(columns=lambda title: escape_formula(shown(str(title))))
    for title in escaped.columns:
        column = escaped[title]
        if column.dtype.kind not in "biufc":
            escaped[title] = column.astype(object).map(
                lambda cell: escape_formula(shown(cell)) if isinstance(cell, str) else cell
            )
    return escaped
