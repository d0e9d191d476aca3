"""A notice that comes, grows or goes leaves every button of the dock where it is."""

import pytest
from fit_cases import filled_viewer, settle
from gui_waits import wait_for_layers
from napari._qt.qt_resources import get_stylesheet
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QCursor, QGuiApplication
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QDockWidget,
    QMainWindow,
    QWidget,
)

from napari_mrf.plugin import dock as docks
from napari_mrf.plugin.dock import STEPS, MRFDock
from napari_mrf.plugin.panels.session.removed_bar import RemovedBar

LONG = "/home/somebody/results: the folder is not writable. Choose another folder. " * 2


def shown(qtbot, make, height, width=320):
    # What is under the mouse is held still, wherever an earlier test has left it.
    QCursor.setPos(QGuiApplication.primaryScreen().geometry().bottomRight())
    window, frame = QMainWindow(), QDockWidget("MRF")
    window.setStyleSheet(get_stylesheet("dark", extra_variables={"font_size": "10pt"}))
    dock = make(filled_viewer())
    frame.setWidget(dock)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, frame)
    window.setCentralWidget(QWidget())
    window.resize(900, height)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    window.resizeDocks([frame], [width], Qt.Orientation.Horizontal)
    settle()
    wait_for_layers(qtbot, dock.viewer)
    dock.viewer.layers["thigh"].visible = True
    for panel in dock.panels.values():
        panel.notice.clear()
    settle()
    dock.kept = window, frame
    return dock


def places(dock):
    """Return where every visible control of the panels and the bars above them is."""
    return {
        one: (one.mapTo(dock, QPoint(0, 0)), one.size())
        for kind in (QAbstractButton, QComboBox, QAbstractSpinBox)
        for one in dock.findChildren(kind)
        if one.isVisible() and not dock.shelf.isAncestorOf(one)
    }


def says(notice):
    """Return what can be done with a notice, one after the other."""
    return (
        lambda: notice.say("Saved.", kind="note"),
        lambda: notice.say(LONG, cure="Another folder"),
        lambda: notice.clear(),
    )


@pytest.mark.parametrize("opened", [(), tuple(STEPS)], ids=["fits", "scrolls"])
def test_no_control_moves_whoever_says_something(qtbot, opened):
    dock = shown(qtbot, MRFDock, 900)
    bar = dock._scroll.verticalScrollBar()
    for key, section in dock.sections.items():
        section.set_open(key in opened)
    settle()
    assert (bar.maximum() > 0) == bool(opened)
    bar.setValue(min(400, bar.maximum()))
    before = places(dock)
    assert len(before) > (60 if opened else 9)
    bars = [dock.session_bar.notice, dock.session_bar.offer]
    for notice in [*(panel.notice for panel in dock.panels.values()), *bars]:
        for act in says(notice):
            act()
            settle()
            assert places(dock) == before


@pytest.mark.parametrize("key", STEPS)
def test_no_control_of_a_step_alone_moves(qtbot, key):
    make = getattr(docks, {"rois": "RoisDock"}.get(key, f"{key.title()}Dock"))
    dock = shown(qtbot, make, 1000)
    panel, before = dock.panels[key], places(dock)
    for act in says(panel.notice):
        act()
        settle()
        assert panel.notice.isVisible() == bool(panel.notice.text())
        assert places(dock) == before


def test_message_is_seen_whole_names_its_step_and_is_closed_at_a_click(qtbot):
    dock = shown(qtbot, MRFDock, 900)
    notice = dock.panels["series"].notice
    notice.say(LONG, cure="Average")
    settle()
    assert dock.rect().contains(notice.mapTo(dock, notice.rect().bottomRight()))
    assert dock.rect().contains(notice.mapTo(dock, QPoint(0, 0)))
    assert notice._label.height() >= notice._label.heightForWidth(notice._label.width())
    place = notice.parentWidget()
    titles = [one.text() for one in place.children() if hasattr(one, "text")]
    assert "1 Series" in titles
    pressed = []
    notice.cure_requested.connect(lambda: pressed.append(1))
    notice.cure_requested.disconnect(dock.panels["series"].average_requested)
    qtbot.mouseClick(notice.cure_button, Qt.MouseButton.LeftButton)
    assert pressed == [1]
    (close,) = [one for one in place.children() if hasattr(one, "text") and one.text() == "×"]
    qtbot.mouseClick(close, Qt.MouseButton.LeftButton)
    settle()
    assert notice.isHidden() and dock.shelf.isHidden()


def test_messages_of_a_closed_step_wait_until_it_is_opened(qtbot):
    dock = shown(qtbot, MRFDock, 900)
    notice = dock.panels["compare"].notice
    notice.say(LONG)
    settle()
    assert not notice.isVisible()
    dock.sections["compare"].set_open(True)
    settle()
    assert notice.isVisible()
    dock.sections["compare"].set_open(False)
    settle()
    assert not notice.isVisible() and dock.shelf.isHidden()


def test_many_messages_leave_the_panels_most_of_the_room_and_the_youngest_is_seen(qtbot):
    dock = shown(qtbot, MRFDock, 700)
    for section in dock.sections.values():
        section.set_open(True)
    settle()
    for key in STEPS:
        notice = dock.panels[key].notice
        notice.say(LONG, cure="Another folder")
        settle()
        assert dock.shelf.height() <= 0.41 * (dock.height() - dock._scroll.y())
        top = notice.mapTo(dock.shelf.viewport(), QPoint(0, 0)).y()
        assert 0 <= top < dock.shelf.viewport().height()


def test_layers_that_are_removed_are_told_without_moving_a_button(qtbot):
    dock = shown(qtbot, MRFDock, 900)
    before = places(dock)
    bar = dock.findChild(RemovedBar)
    bar._show("Removed: water-fat.")
    settle()
    assert bar.dismiss_button.isVisible() and dock.shelf.isAncestorOf(bar)
    assert places(dock) == before


def test_messages_that_fit_have_no_bar_and_none_is_cut(qtbot):
    dock = shown(qtbot, MRFDock, 900)
    shelf, bar = dock.shelf, dock.shelf.verticalScrollBar()
    said = "Work of 2026-11-29 19:16 on series was not saved. It is back; save the session."
    dock.session_bar.notice.say(said, kind="note")
    dock.panels["series"].notice.say("Saved.", kind="note")
    settle()
    assert bar.maximum() == 0
    assert not bar.isVisible()
    for place in shelf._places:
        if place.isVisible():
            assert place.height() >= place.heightForWidth(place.width())
            assert place.geometry().bottom() < shelf.viewport().height()
    for panel in dock.panels.values():
        panel.notice.say(LONG)
    for section in dock.sections.values():
        section.set_open(True)
    settle()
    assert bar.maximum() > 0  # all of them take more than their share
