"""A form for the options that a method declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from napari_mrf.plugin.kit.picker import keep_width
from napari_mrf.plugin.kit.scrolling import guard_wheel
from napari_mrf.plugin.present import present

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_mrf.reconstruction.method import MethodOption

    Editor = QCheckBox | QComboBox | QLineEdit | QSpinBox | QDoubleSpinBox

_WIDEST_RANGE = 1e9


class OptionForm(QWidget):
    """A form with one row per option.

    Signals
    -------
    changed
        A value was edited.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._editors: dict[str, Editor] = {}
        self._options: dict[str, MethodOption] = {}
        self._entered: dict[str, Any] = {}
        self._layout = QFormLayout(self)
        self._layout.setContentsMargins(12, 0, 0, 0)
        self._layout.setSpacing(4)
        self._layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self._layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)

    def set_options(self, options: Sequence[MethodOption]) -> None:
        """Show these options at their defaults; values entered before are kept by name."""
        self._entered |= self.values()
        kept = self._entered
        while self._layout.rowCount():
            self._layout.removeRow(0)
        self._editors = {}
        self._options = {option.name: option for option in options}
        before = _reached_before(self)  # else Tab would come here last
        for option in options:
            editor = _editor(option)
            _set_value(editor, kept.get(option.name, option.default))
            editor.setToolTip(option.help)
            guard_wheel(editor)
            if isinstance(editor, QAbstractSpinBox):
                keep_width(editor)
            _change_signal(editor).connect(self._on_edited)
            label = QLabel(option.label)
            label.setToolTip(option.help)
            self._layout.addRow(label, editor)
            self._editors[option.name] = editor
            if before is not None:
                self.setTabOrder(before, editor)
            before = editor
        if not options:
            empty = QLabel("This method has no further options.")
            empty.setEnabled(False)
            empty.setWordWrap(True)
            self._layout.addRow(empty)

    def values(self) -> dict[str, Any]:
        """Return the value of every option by name."""
        return {name: _value(editor) for name, editor in self._editors.items()}

    def chosen(self) -> dict[str, Any]:
        """Return the values that differ from the defaults.

        The method fills in defaults itself: it may leave out a step by default, but refuse it if
        it is chosen.
        """
        defaults = {name: option.default for name, option in self._options.items()}
        return {name: value for name, value in self.values().items() if value != defaults[name]}

    def set_value(self, name: str, value: Any) -> None:
        """Enter a value as the user would; a name that is not in the form is ignored."""
        if name in self._editors:
            _set_value(self._editors[name], value)

    def option(self, name: str) -> MethodOption | None:
        """Return an option that is offered, or None."""
        return self._options.get(name)

    def editor(self, name: str) -> Editor:
        """Return the widget of an option."""
        return self._editors[name]

    def _on_edited(self, *_: Any) -> None:
        self.changed.emit()


def _reached_before(widget: QWidget) -> QWidget | None:
    """Return what Tab reaches before a widget; None while it stands alone."""
    before = present(widget.previousInFocusChain())
    while before is not widget:
        if before.focusPolicy() & Qt.FocusPolicy.TabFocus and not widget.isAncestorOf(before):
            return before
        before = present(before.previousInFocusChain())
    return None


def _editor(option: MethodOption) -> Editor:
    if option.kind == "bool":
        return QCheckBox()
    if option.kind == "choice":
        combo = QComboBox()
        combo.setMinimumContentsLength(8)
        combo.addItems([str(choice) for choice in option.choices])
        return combo
    if option.kind == "text":
        # The method checks the text when it runs.
        line = QLineEdit()
        line.setPlaceholderText(str(option.default))
        return line
    low, high = option.limits or (-_WIDEST_RANGE, _WIDEST_RANGE)
    if option.kind == "int":
        spin = QSpinBox()
        spin.setRange(int(max(low, -(2**31))), int(min(high, 2**31 - 1)))
        return spin
    number = _Number()
    number.setDecimals(4)
    number.setRange(low, high)
    number.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
    return number


class _Number(QDoubleSpinBox):
    """Shows no zeros at the end: ``"0.5"``, not ``"0.5000"``."""

    def textFromValue(self, value: float) -> str:
        """Return what is shown of a value."""
        text, point = super().textFromValue(value), self.locale().decimalPoint()
        return text.rstrip("0").rstrip(point) if point in text else text


def _value(editor: Editor) -> Any:
    if isinstance(editor, QCheckBox):
        return editor.isChecked()
    if isinstance(editor, QComboBox):
        return editor.currentText()
    if isinstance(editor, QLineEdit):
        return editor.text().strip()
    return editor.value()


def _set_value(editor: Editor, value: Any) -> None:
    if isinstance(editor, QCheckBox):
        editor.setChecked(bool(value))
    elif isinstance(editor, QComboBox):
        editor.setCurrentText(str(value))
    elif isinstance(editor, QLineEdit):
        editor.setText(str(value))
    elif isinstance(editor, QSpinBox):
        editor.setValue(int(value))
    else:
        editor.setValue(float(value))


def _change_signal(editor: Editor) -> Any:
    if isinstance(editor, QCheckBox):
        return editor.toggled
    if isinstance(editor, QComboBox):
        return editor.currentTextChanged
    if isinstance(editor, QLineEdit):
        return editor.textChanged
    return editor.valueChanged
