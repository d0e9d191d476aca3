"""Combo boxes and forms for narrow docks: long entries end with an ellipsis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QLabel,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
)

from napari_mrf.plugin.kit.scrolling import guard_wheel
from napari_mrf.plugin.present import present

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QPaintEvent

_LABEL_WIDTH = 76  # the longest is "Reference"


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
        self.setMinimumContentsLength(6)
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
    return form


def form_label(text: str) -> QLabel:
    """Return the label of a form row; one width where it suffices, so that forms line up."""
    label = QLabel(text)
    label.setMinimumWidth(_LABEL_WIDTH)
    label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
    return label
