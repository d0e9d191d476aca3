"""Scrolling in panels: show a widget, hold what is under the mouse, keep the wheel from editors."""

from __future__ import annotations

from functools import partial
from weakref import ref

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from qtpy.QtGui import QCursor
from qtpy.QtWidgets import QScrollArea, QScrollBar, QWidget

from napari_mrf.plugin.present import present

_MARGIN = 12
_NEAR = 0.5
# Panels in panels make room one after another, a turn of the event loop for each.
_TURNS = 8


def bring_into_view(widget: QWidget, *, if_near: bool = False) -> None:
    """Scroll to a widget after the panels around it have been laid out.

    Parameters
    ----------
    widget : QWidget
        A widget at any depth in a scroll area.
    if_near : bool
        Scroll only if the widget is less than half a visible height away, so that a user who
        reads another panel stays there.
    """
    QTimer.singleShot(0, partial(_bring, ref(widget), if_near, (), _TURNS))


def _bring(alive: ref[QWidget], if_near: bool, before: tuple[int, ...], turns: int) -> None:
    widget = alive()
    if widget is None or not isalive(widget) or not widget.isVisible():
        return
    around = _area_around(widget)
    if around is None:
        return
    place = (widget.mapTo(around.widget(), QPoint(0, 0)).y(), widget.height())
    if place != before and turns > 1:
        QTimer.singleShot(0, partial(_bring, alive, if_near, place, turns - 1))
        return
    viewport = present(around.viewport())
    seen = viewport.height()
    top = widget.mapTo(viewport, QPoint(0, 0)).y()
    distance = max(top + widget.height() - seen, -top, 0)
    if not if_near or distance <= _NEAR * seen:
        around.ensureWidgetVisible(widget, 0, _MARGIN)


def hold_still(changing: QWidget) -> bool:
    """Keep what is under the mouse where it is while a widget above it comes, grows or goes.

    Parameters
    ----------
    changing : QWidget
        The widget, before it changes. What is above it does not move anyway.

    Returns
    -------
    bool
        Whether something is held.
    """
    area = _area_around(changing)
    if area is None or not area.isVisible():
        return False
    content, viewport = present(area.widget()), present(area.viewport())
    at = viewport.mapFromGlobal(QCursor.pos())
    under = content.childAt(content.mapFrom(viewport, at)) if viewport.rect().contains(at) else None
    if under is None or under is changing or changing.isAncestorOf(under):
        return False
    top = under.mapTo(viewport, QPoint(0, 0)).y()
    if top < changing.mapTo(viewport, QPoint(0, 0)).y():
        return False
    QTimer.singleShot(0, partial(_hold, ref(under), ref(area), top, _TURNS))
    return True


def _hold(alive: ref[QWidget], around: ref[QScrollArea], top: int, turns: int) -> None:
    widget, area = alive(), around()
    if widget is None or area is None or not (isalive(widget) and isalive(area)):
        return
    if widget.isVisible():
        moved = widget.mapTo(present(area.viewport()), QPoint(0, 0)).y() - top
        bar = present(area.verticalScrollBar())
        bar.setValue(bar.value() + moved)
        if turns > 1:
            QTimer.singleShot(0, partial(_hold, alive, around, top, turns - 1))


def _area_around(widget: QWidget) -> QScrollArea | None:
    around = widget.parentWidget()
    while around is not None and not isinstance(around, QScrollArea):
        around = around.parentWidget()
    return around


class _WheelGuard(QObject):
    """A filter that passes wheel steps to the parent of an editor without focus."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Hide a wheel step from the editor; Qt then sends it to the parent."""
        if (
            event is not None
            and event.type() == QEvent.Type.Wheel
            and isinstance(watched, QWidget)
            and not watched.hasFocus()
        ):
            event.ignore()
            return True
        return False


def guard_wheel(editor: QWidget) -> None:
    """Let the wheel change an editor only while the editor has the focus.

    Parameters
    ----------
    editor : QWidget
        A combo box, a spin box or a bar of tabs. A scroll bar never has the focus, so the wheel
        leaves it alone.
    """
    if not isinstance(editor, QScrollBar):
        editor.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    editor.installEventFilter(_WheelGuard(editor))
