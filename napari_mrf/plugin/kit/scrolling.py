"""Scrolls the panels around a widget until it is seen."""

from __future__ import annotations

from functools import partial
from weakref import ref

from qtpy.compat import isalive
from qtpy.QtCore import QPoint, QTimer
from qtpy.QtWidgets import QScrollArea, QWidget

_MARGIN = 12
_NEAR = 0.5
# Panels in panels make room one after another, a turn of the event loop for each.
_TURNS = 8


def bring_into_view(widget: QWidget, *, if_near: bool = False) -> None:
    """Scroll to a widget, as soon as the panels around it have made room.

    Parameters
    ----------
    widget : QWidget
        In a scroll area at any depth.
    if_near : bool
        Only if it lies less than half of what is seen away: whoever looks at another panel is
        not taken from there.
    """
    QTimer.singleShot(0, partial(_bring, ref(widget), if_near, (), _TURNS))


def _bring(alive: ref[QWidget], if_near: bool, before: tuple[int, ...], turns: int) -> None:
    widget = alive()
    if widget is None or not isalive(widget) or not widget.isVisible():
        return
    around = widget.parentWidget()
    while around is not None and not isinstance(around, QScrollArea):
        around = around.parentWidget()
    if around is None:
        return
    place = (widget.mapTo(around.widget(), QPoint(0, 0)).y(), widget.height())
    if place != before and turns > 1:
        QTimer.singleShot(0, partial(_bring, alive, if_near, place, turns - 1))
        return
    seen = around.viewport().height()
    top = widget.mapTo(around.viewport(), QPoint(0, 0)).y()
    distance = max(top + widget.height() - seen, -top, 0)
    if not if_near or distance <= _NEAR * seen:
        around.ensureWidgetVisible(widget, 0, _MARGIN)
