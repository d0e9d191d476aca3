"""A new sentence just below what is seen comes into view; one far away takes nobody there."""

import pytest
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget

from napari_mrf.plugin.kit.notice import Notice

SEEN = 300


@pytest.fixture
def column(qtbot):
    """A column of 1,510 pixels, of which 300 are seen, with a notice at 310."""
    area, content = QScrollArea(), QWidget()
    layout = QVBoxLayout(content)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    above, below = QLabel("above"), QLabel("below")
    above.setFixedHeight(310)
    below.setFixedHeight(1200)
    area.notice = Notice()
    for widget in (above, area.notice, below):
        layout.addWidget(widget)
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.resize(340, SEEN)
    qtbot.addWidget(area)
    with qtbot.waitExposed(area):
        area.show()
    return area


def edges(column):
    top = column.notice.mapTo(column.viewport(), QPoint(0, 0)).y()
    return top, top + column.notice.height()


def test_a_sentence_just_out_of_sight_comes_into_view_whole(qtbot, column):
    assert column.verticalScrollBar().value() == 0
    column.notice.say("The scan is undersampled. Average 25 frames.", cure="Window 25")
    qtbot.waitUntil(lambda: 0 < edges(column)[0] < edges(column)[1] < SEEN)


def test_whoever_looks_elsewhere_is_left_there(qtbot, column):
    bar = column.verticalScrollBar()
    bar.setValue(bar.maximum())
    place = bar.value()
    column.notice.say("The scan is undersampled.")
    qtbot.waitUntil(lambda: bar.maximum() > place)  # the column has made room
    assert bar.value() == place


def test_a_sentence_said_again_does_not_scroll_again(qtbot, column):
    bar = column.verticalScrollBar()
    column.notice.say("Saved.")
    qtbot.waitUntil(lambda: bar.value() > 0)
    bar.setValue(0)
    column.notice.say("Saved.")
    column.notice.say("Saved elsewhere.")
    qtbot.waitUntil(lambda: bar.value() > 0)
    assert column.notice.text() == "Saved elsewhere."
