"""The mouse wheel scrolls the dock and leaves the settings alone."""

import pytest
from gui_waits import turn_wheel_down
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QLineEdit, QScrollArea, QSpinBox

from napari_mrf.plugin.dock import MRFDock
from napari_mrf.plugin.kit.option_form import OptionForm
from napari_mrf.plugin.kit.picker import Picker
from napari_mrf.reconstruction.method import MethodOption

EDITORS = (QComboBox, QSpinBox, QDoubleSpinBox)
OPTIONS = (
    MethodOption("grid", "choice", "b", "Grid", "Values.", choices=("a", "b", "c")),
    MethodOption("window", "int", 5, "Window", "Frames.", limits=(1, 20)),
    MethodOption("smooth", "float", 0.5, "Smooth", "Voxels.", limits=(0.0, 1.0)),
)


@pytest.fixture
def scrolled(qtbot):
    """Show a form with every kind of editor in an area that is too low for it."""
    form = OptionForm()
    form.set_options([])
    form.set_options(OPTIONS)
    picker = Picker("what is picked")
    picker.fill(["a", "b", "c"], "b")
    form.layout().addRow("Method", picker)
    form.setMinimumHeight(2000)
    area = QScrollArea()
    area.setWidget(form)
    area.setWidgetResizable(True)
    area.resize(300, 200)
    qtbot.addWidget(area)
    with qtbot.waitExposed(area):
        area.show()
    area.setFocus()
    editors = [form.editor(option.name) for option in OPTIONS] + [picker]
    return area, editors


def value(editor):
    return editor.currentText() if isinstance(editor, QComboBox) else editor.value()


def test_wheel_over_an_editor_scrolls_and_changes_nothing(scrolled):
    area, editors = scrolled
    for editor in editors:
        before, at = value(editor), area.verticalScrollBar().value()
        turn_wheel_down(editor)
        assert value(editor) == before
        assert area.verticalScrollBar().value() > at
        # Over a spin box a step arrives at the text field in it.
        for child in editor.findChildren(QLineEdit):
            turn_wheel_down(child)
            assert value(editor) == before
        assert not editor.hasFocus()


def test_wheel_turns_an_editor_that_has_the_focus(scrolled, monkeypatch):
    _, editors = scrolled
    for editor in editors:
        before = value(editor)
        monkeypatch.setattr(type(editor), "hasFocus", lambda self: True)
        turn_wheel_down(editor)
        assert value(editor) != before


def test_every_editor_of_the_dock_leaves_the_wheel_alone(qtbot):
    dock = MRFDock(ViewerModel())
    qtbot.addWidget(dock)
    dock.panels["reconstruct"].options.set_options(OPTIONS)
    editors = [editor for kind in EDITORS for editor in dock.findChildren(kind)]
    assert len(editors) >= 8
    for editor in editors:
        editor.blockSignals(True)
        assert editor.focusPolicy() == Qt.FocusPolicy.StrongFocus
        if isinstance(editor, QComboBox):
            editor.addItems(["one more", "and another"])
        before = value(editor)
        turn_wheel_down(editor)
        assert value(editor) == before
