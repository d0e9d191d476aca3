"""Combo boxes, forms and rows for narrow docks: long entries end with an ellipsis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import qtpy
from qtpy.QtCore import QEvent, QObject, QRect, Qt
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QFormLayout,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
    QWidgetItem,
)
from superqt import QFlowLayout

from napari_mrf.plugin.kit.scrolling import guard_wheel
from napari_mrf.plugin.present import present

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QPaintEvent
    from qtpy.QtWidgets import QLayoutItem

_LABEL_WIDTH = 76  # the longest is "Reference"
_SPACE = 4


class Picker(QComboBox):
    """A combo box that fills its row; its list is as wide as the entries.

    Parameters
    ----------
    tooltip : str
        Meaning of the entries.
    """

    def __init__(self, tooltip: str) -> None:
        super().__init__()
        self._purpose = tooltip
        self.setToolTip(tooltip)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(5)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        guard_wheel(self)

    def fill(self, texts: Sequence[str], current: str) -> None:
        """Replace the entries without a signal and keep the current one if it exists."""
        self.blockSignals(True)
        self.clear()
        self.addItems(list(texts))
        self.setCurrentIndex(max(self.findText(current), 0))
        self.blockSignals(False)

    def showPopup(self) -> None:
        """Open the list wide enough to be read."""
        view = present(self.view())
        view.setMinimumWidth(view.sizeHintForColumn(0) + 24)
        super().showPopup()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the current entry, cut where it does not fit; all of it is in the tooltip."""
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = present(self.style()).subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option,
            QStyle.SubControl.SC_ComboBoxEditField, self,
        )  # fmt: skip
        text = option.currentText
        option.currentText = self.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideRight, field.width() - 6
        )
        cut = option.currentText != text
        self.setToolTip(f"{text}\n{self._purpose}" if cut else self._purpose)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


def narrow_form(*, spacing: int = 6) -> QFormLayout:
    """Return a form whose fields take the whole width beside labels of one width."""
    form = QFormLayout()
    form.setContentsMargins(0, 0, 0, 0)
    form.setSpacing(spacing)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
    return form


def form_label(text: str) -> QLabel:
    """Return the label of a form row; one width where it suffices, so that forms line up."""
    label = QLabel(text)
    label.setMinimumWidth(_LABEL_WIDTH)
    label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
    return label


class _WidthKeeper(QObject):
    """A filter that renews the least width of a box where its style changes."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Ask for what the longest text needs; the theme's width would hold without."""
        kinds = (QEvent.Type.Polish, QEvent.Type.StyleChange, QEvent.Type.FontChange)
        if event is not None and event.type() in kinds and isinstance(watched, QAbstractSpinBox):
            watched.setMinimumWidth(watched.sizeHint().width())
        return False


def keep_width(box: QAbstractSpinBox) -> None:
    """Give a spin box the room that its longest text needs, whatever the size of the letters."""
    box.installEventFilter(_WidthKeeper(box))


def set_special_text(box: QSpinBox, text: str) -> None:
    """Show a text in place of the smallest value, in a box that is wide enough for it."""
    box.setSpecialValueText(text)
    box.setMinimumWidth(box.sizeHint().width())


class NarrowRow(QFlowLayout):
    """A row that its widgets fill, those that expand first; what does not fit goes below.

    Where nothing expands, the rows have columns of one width.

    Parameters
    ----------
    *widgets : QWidget
        From left to right.
    """

    def __init__(self, *widgets: QWidget) -> None:
        super().__init__()
        self._heights: dict[int, int] = {}
        self.setContentsMargins(0, 0, 0, 0)
        for widget in widgets:
            self.addWidget(widget)

    def addWidget(self, widget: QWidget | None) -> None:
        """Add a widget, with PySide6 by an item of our own.

        PySide6 is not told when Qt deletes an item that Qt has made, and takes the next one at the
        same address for it: with the former panel this one's items would end. PyQt6 would delete
        an item of our own twice.
        """
        if qtpy.PYSIDE6:
            self.addChildWidget(present(widget))
            self.addItem(QWidgetItem(present(widget)))
        else:
            super().addWidget(widget)

    def invalidate(self) -> None:
        """Forget what was found for the items as they were."""
        self._heights = {}
        super().invalidate()

    def heightForWidth(self, width: int) -> int:
        """Return the height at a width; the layouts around ask many times for one change."""
        if width not in self._heights:
            self._heights[width] = super().heightForWidth(width)
        return self._heights[width]

    def _doLayout(self, rect: QRect, test_only: bool = False) -> int:
        """Arrange the items, see `QFlowLayout`, and return the height."""
        top = rect.y()
        for items, widths in self._rows(rect.width()):
            height = max(item.sizeHint().height() for item in items)
            left = rect.x()
            for item, width in zip(items, widths, strict=True):
                if not test_only:
                    item.setGeometry(QRect(left, top, width, height))
                left += width + _SPACE
            top += height + _SPACE
        return max(top - _SPACE - rect.y(), 0)

    def _rows(self, width: int) -> list[tuple[list[QLayoutItem], list[int]]]:
        """Return the items of every row and their widths."""
        found = (self.itemAt(at) for at in range(self.count()))
        items = [item for item in found if item is not None and not item.isEmpty()]
        if any(_grows(item) for item in items) or _needs(items) <= width:
            rows = _filled(items, width)
            return [(row, _shared(row, width)) for row in rows]
        widest = max(item.sizeHint().width() for item in items)
        n_columns = next(n for n in range(len(items) - 1, 0, -1)
                         if n * (widest + _SPACE) - _SPACE <= width or n == 1)  # fmt: skip
        n_columns = -(-len(items) // -(-len(items) // n_columns))  # rows of like length
        column = (width + _SPACE) // n_columns - _SPACE
        starts = range(0, len(items), n_columns)
        rows = [items[start : start + n_columns] for start in starts]
        return [(row, [column] * len(row)) for row in rows]


def _grows(item: QLayoutItem) -> bool:
    return bool(item.expandingDirections() & Qt.Orientation.Horizontal)


def _needs(items: Sequence[QLayoutItem]) -> int:
    return sum(item.sizeHint().width() + _SPACE for item in items) - _SPACE


def _filled(items: Sequence[QLayoutItem], width: int) -> list[list[QLayoutItem]]:
    rows: list[list[QLayoutItem]] = []
    for item in items:
        if not rows or _needs([*rows[-1], item]) > width:
            rows.append([])
        rows[-1].append(item)
    return rows


def _shared(items: Sequence[QLayoutItem], width: int) -> list[int]:
    """Return widths that add up: what is left over goes to those that grow, or to all."""
    growing = [_grows(item) for item in items]
    n_growing = sum(growing) or len(items)
    more = (width - _needs(items)) // n_growing
    return [
        min(item.sizeHint().width() + (more if grows or n_growing == len(items) else 0), width)
        for item, grows in zip(items, growing, strict=True)
    ]
