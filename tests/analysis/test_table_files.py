"""Tables on disk: numbers stay numbers, names never become formulas."""

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_mrf.errors import MRFInputError
from napari_mrf.io.tables.table_files import escape_formula, write_csv, write_excel


def table():
    return pd.DataFrame({
        "name": ["=1+1", "@SUM(A1)", "vastus lateralis", "http://example.org"],
        "slice": pd.array([0, None, 2, 3], "Int64"),
        "bias": [-1 / 3, np.nan, 1e-300, np.inf],
        "n": [1, 2, 3, 4],
        "=title": ["+1", "-1", "\tx", None],
    })  # fmt: skip


def test_csv_keeps_full_precision_and_escapes_text_only(tmp_path):
    path = tmp_path / "größe.csv"
    write_csv(path, table())
    text = path.read_text(encoding="utf-8")
    assert text.startswith("name,slice,bias,n,'=title\n'=1+1,0,-0.3333333333333333,1,'+1\n")
    back = pd.read_csv(path)
    assert back.bias[0] == -1 / 3
    assert np.isnan(back.bias[1])
    assert back.name.tolist()[1] == "'@SUM(A1)"
    with pytest.raises(MRFInputError, match="already exists"):
        write_csv(path, table())
    write_csv(path, table(), overwrite=True)


def test_excel_keeps_numbers_as_numbers_and_runs_nothing(tmp_path):
    path = tmp_path / "rois.xlsx"
    write_excel(path, {"rois": table(), "more": table()[["n"]]})
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["rois", "more"]
    rows = list(book["rois"].iter_rows(values_only=True))
    assert rows[0] == ("name", "slice", "bias", "n", "'=title")
    assert rows[1] == ("'=1+1", 0, -1 / 3, 1, "'+1")
    assert rows[2] == ("'@SUM(A1)", None, None, 2, "'-1")
    assert rows[4] == ("http://example.org", 3, "inf", 4, None)
    kinds = {cell.data_type for line in book["rois"].iter_rows() for cell in line}
    assert "f" not in kinds
    assert not any(cell.hyperlink for line in book["rois"].iter_rows() for cell in line)


def test_same_tables_give_the_same_bytes(tmp_path):
    for name in ("a.xlsx", "b.xlsx"):
        write_excel(tmp_path / name, {"rois": table()})
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_failed_write_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "rois.xlsx"
    write_excel(path, {"rois": table()})
    before = path.read_bytes()
    with pytest.raises(Exception, match="sheetname"):
        write_excel(path, {"a/b": table()}, overwrite=True)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(MRFInputError, match="folder"):
        write_excel(tmp_path / "absent" / "x.xlsx", {"rois": table()})


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=8))
def test_escaped_text_never_begins_like_a_formula(text):
    escaped = escape_formula(text)
    assert not escaped.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert escaped in (text, f"'{text}")
