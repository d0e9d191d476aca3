"""A data table sorts by value, copies and exports what is meant, and names the clicked row."""

import re
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qtpy.QtCore import QBuffer, QPoint, Qt
from qtpy.QtSvg import QSvgGenerator
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_mrf.plugin.kit.data_table import Column, DataTable
from napari_mrf.plugin.kit.data_table_model import DataTableModel
from napari_mrf.plugin.kit.plot_colors import PlotColors, readable

COLUMNS = (
    Column("name", "Region", swatch="color"),
    Column("mean", "T1H2O (ms)", ".0f", deviation="sd", tooltip="Water T1, mean ± SD"),
    Column("n", "n", "d"),
)


def regions():
    return pd.DataFrame(
        {
            "name": ["VL_R", "rf_R", "=1+1", "BF_R"],
            "color": [(1, 2, 3), (4, 5, 6), (7, 8, 9), (1, 1, 1)],
            "mean": [1284.25, 99.5, np.nan, 1300.125],
            "sd": [31.5, np.nan, np.nan, 7.0],
            "n": pd.array([10, 1, 0, 20], "Int64"),
        }
    )


@pytest.fixture
def table(qtbot):
    table = DataTable("rois")
    qtbot.addWidget(table)
    table.set_table(regions(), COLUMNS)
    table.resize(400, 200)
    with qtbot.waitExposed(table):
        table.show()
    return table


def shown(table, column=0):
    model = table.model()
    return [model.data(model.index(row, column)) for row in range(model.rowCount())]


def click_header(qtbot, table, column):
    header = table.horizontalHeader()
    at = QPoint(header.sectionViewportPosition(column) + 20, header.height() // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)


def click_row(qtbot, table, position, modifier=Qt.KeyboardModifier.NoModifier):
    at = table.visualRect(table.model().index(position, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, modifier, at)


def test_cells_have_units_deviations_and_a_dash_for_no_value(table):
    assert shown(table, 1) == ["1284 ± 32", "100 ± –", "–", "1300 ± 7"]
    assert table.model().headerData(1, Qt.Orientation.Horizontal) == "T1H2O (ms)"
    decoration = table.model().index(1, 0).data(Qt.ItemDataRole.DecorationRole)
    assert decoration.getRgb()[:3] == (4, 5, 6)


def test_a_click_on_the_header_sorts_by_number_with_missing_last(qtbot, table):
    click_header(qtbot, table, 1)
    first = shown(table)
    click_header(qtbot, table, 1)
    assert {tuple(first), tuple(shown(table))} == {
        ("rf_R", "VL_R", "BF_R", "=1+1"),
        ("BF_R", "VL_R", "rf_R", "=1+1"),
    }


def test_a_clicked_row_is_that_of_the_frame_whatever_the_sorting(qtbot, table):
    table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    with qtbot.waitSignal(table.row_clicked) as clicked:
        click_row(qtbot, table, 0)
    assert clicked.args == [3]
    with qtbot.waitSignal(table.row_clicked) as reached:
        qtbot.keyClick(table, Qt.Key.Key_Down)
    assert reached.args == [0]


def test_selecting_a_row_is_silent_and_survives_sorting(qtbot, table):
    with qtbot.assertNotEmitted(table.row_clicked):
        table.select_row(1)
        table.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    assert table.selected_rows() == [1]
    table.select_row(None)
    assert table.selected_rows() == []


def test_the_sort_order_stays_when_numbers_change(table):
    table.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    changed = regions()
    changed.loc[1, "mean"] = 5000.0
    table.set_table(changed, COLUMNS)
    assert shown(table) == ["VL_R", "BF_R", "rf_R", "=1+1"]


def test_copied_rows_are_tab_separated_with_header_and_full_precision(qtbot, table):
    click_row(qtbot, table, 0)
    click_row(qtbot, table, 2, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text().split("\n") == [
        "Region\tT1H2O (ms)\tT1H2O (ms) SD\tn",
        "VL_R\t1284.25\t31.5\t10",
        "'=1+1\t\t\t0",
    ]


@pytest.mark.parametrize("kind", ["CSV", "Excel"])
def test_the_menu_exports_what_is_shown_without_formulas(qtbot, table, kind, tmp_path, monkeypatch):
    path = tmp_path / ("rois.csv" if kind == "CSV" else "rois.xlsx")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    menu = table.context_menu()
    with qtbot.waitSignal(table.exported):
        next(one for one in menu.actions() if kind in one.text()).trigger()
    written = pd.read_csv(path) if kind == "CSV" else pd.read_excel(path)
    assert written["Region"].tolist() == ["VL_R", "rf_R", "'=1+1", "BF_R"]
    assert written["T1H2O (ms)"].tolist()[0] == 1284.25
    assert written["T1H2O (ms) SD"].isna().tolist() == [False, True, True, False]


def test_a_failed_export_is_told(qtbot, table, tmp_path):
    with qtbot.waitSignal(table.export_failed) as failed:
        table.export(tmp_path / "nowhere" / "rois.csv")
    assert "nowhere" in failed.args[0]


def test_what_is_exported_can_be_more_than_what_is_shown(table, tmp_path):
    table.set_export(lambda: {"all": pd.DataFrame({"a": [1]}), "about": pd.DataFrame({"b": [2]})})
    table.export(tmp_path / "all.xlsx")
    assert list(pd.read_excel(tmp_path / "all.xlsx", sheet_name=None)) == ["all", "about"]


def test_600_rows_are_shown_in_50_ms(table):
    n = 24 * 5 * 5
    numbers = np.random.default_rng(0).normal(size=(n, 12))
    many = pd.DataFrame(numbers, columns=[f"c{at}" for at in range(12)])
    columns = [Column(key, f"{key} (ms)", ".1f") for key in many]
    table.set_table(many, columns)  # the first time measures the widths
    seconds = []
    for shift in range(1, 4):
        other = many + shift
        start = time.thread_time()
        table.set_table(other, columns)
        seconds.append(time.thread_time() - start)
    assert min(seconds) < 0.05


def test_numbers_have_a_true_minus_sign_on_the_screen_only():
    model = DataTableModel()
    model.set_table(pd.DataFrame({"a": [-1.041, -0.0001], "b": ["x-1", "y"]}),
                    [Column("a", "a", ".3f"), Column("b", "b")])  # fmt: skip
    assert [model.index(row, 0).data() for row in (0, 1)] == ["−1.041", "−0.0001"]
    assert model.index(0, 1).data() == "x-1"
    assert "-1.041" in model.as_text([0], [0])


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), max_size=20), st.booleans())
def test_sorting_is_a_permutation_in_order_with_missing_last(values, is_descending):
    model = DataTableModel()
    model.set_table(pd.DataFrame({"a": np.array(values, float)}), [Column("a", "a", ".3f")])
    model.sort(0, Qt.SortOrder.DescendingOrder if is_descending else Qt.SortOrder.AscendingOrder)
    rows = [model.row_at(position) for position in range(len(values))]
    assert sorted(rows) == list(range(len(values)))
    assert all(model.row_at(model.position_of(row)) == row for row in rows)
    present = [values[row] for row in rows if values[row] is not None]
    assert present == sorted(present, reverse=is_descending)
    assert all(values[row] is None for row in rows[len(present) :])


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_cell_without_a_number_is_gray_and_says_why(table, theme):
    colors = PlotColors.of_theme(theme)
    table.setStyleSheet(f"color: {colors.text}; background-color: {colors.background};")
    why = ["", "", "the region is empty", ""]
    table.set_table(regions().assign(why=why), [replace(one, why="why") for one in COLUMNS])
    table.ensurePolished()
    at = table.model().index(2, 1)
    assert at.data(Qt.ItemDataRole.ToolTipRole) == "the region is empty"
    gray = at.data(Qt.ItemDataRole.ForegroundRole).name()
    assert gray != colors.text
    assert readable(gray, colors.background, colors.text, 4.5) == gray  # what WCAG 2 asks of text
    assert table.model().index(1, 1).data(Qt.ItemDataRole.ForegroundRole) is None
    assert table.model().index(1, 0).data(Qt.ItemDataRole.ToolTipRole) == "rf_R"
    table.sortByColumn(2, Qt.SortOrder.AscendingOrder)  # the empty region comes first
    assert table.model().index(0, 1).data(Qt.ItemDataRole.ToolTipRole) == "the region is empty"


def drawn_texts(table):
    """Return what a table draws below its header, as an SVG file tells it."""
    buffer, generator = QBuffer(), QSvgGenerator()
    generator.setOutputDevice(buffer)
    table.viewport().render(generator)
    return re.findall(r"<text[^>]*>([^<]*)</text", bytes(buffer.data()).decode())


def test_a_number_at_the_edge_of_the_view_is_never_cut_without_a_mark(qtbot, table):
    table.set_table(regions(), COLUMNS)
    whole = [text for column in range(3) for text in shown(table, column)]
    assert sorted(drawn_texts(table)) == sorted(whole)
    bar, seen = table.horizontalScrollBar(), 0
    for width in range(120, table.viewport().width(), 7):
        table.resize(width, 200)
        for at in {0, bar.maximum() // 2, bar.maximum()}:
            bar.setValue(at)
            texts, edge = drawn_texts(table), table.viewport().width()
            for column in range(3):
                left = max(table.columnViewportPosition(column), 0)
                right = table.columnViewportPosition(column) + table.columnWidth(column)
                for text in filter(lambda text: len(text) > 1, shown(table, column)):
                    if table.fontMetrics().horizontalAdvance(text) > min(right, edge) - left:
                        assert text not in texts
            parts = set(texts) - set(whole)
            assert all(text.endswith("…") for text in parts)
            seen += len(parts)
    assert seen > 20
