"""The style of a dock: secondary texts that can be read, one size of letters, a visible focus.

Secondary texts are disabled labels, which the theme of napari gives a contrast of only 2.2 to 1.
Napari's font size does not reach tables, lists and fields, and its themes show no keyboard focus.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QLabel

from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.plot_colors import PlotColors, quiet
from napari_mrf.plugin.session import unwrapped

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.utils.events import Event
    from qtpy.QtWidgets import QWidget

_WITH_FOCUS = ("QPushButton", "QToolButton", "QComboBox", "QLineEdit",
               "QAbstractSpinBox", "QAbstractItemView", "QCheckBox", "QRadioButton",
               "#mrfSectionArrow")  # fmt: skip
_SIZED = ("QTableView", "QTreeView", "QHeaderView", "QLineEdit", "QToolButton")
_SMALL = 0.9


class DockStyle(QObject):
    """Keeps the style sheet of a widget to the theme and the font size of the window.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the theme.
    content : QWidget
        The widget with the controls.
    """

    def __init__(self, viewer: ViewerModel, content: QWidget) -> None:
        super().__init__(content)
        self._viewer, self._content = unwrapped(viewer), content
        # No setting tells the size that the window has in the end; a label does.
        self._probe = QLabel(content)
        self._probe.hide()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._renew)
        self._bond = Bond(content)
        self._bond.connect(self._viewer.events.theme, self._on_theme)
        content.installEventFilter(self)
        self._renew()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the style sheet of the window."""
        kinds = (QEvent.Type.StyleChange, QEvent.Type.Polish)
        if event is not None and event.type() in kinds and hasattr(self, "_soon"):
            self._soon.start()  # not in the middle of this change
        return False

    def _on_theme(self, event: Event | None = None) -> None:
        self._renew()

    def _renew(self) -> None:
        self._probe.ensurePolished()
        sheet = style_sheet(self._viewer.theme, self._probe.font().pointSize() - 1)
        if sheet != self._content.styleSheet():
            self._content.setStyleSheet(sheet)


def style_sheet(theme: str, points: int) -> str:
    """Return the style sheet for a theme of napari.

    Parameters
    ----------
    theme : str
        Its name.
    points : int
        Size of the letters, which are those of napari's lists; not positive for any.
    """
    colors = PlotColors.of_theme(theme)
    rules = [f"QLabel:disabled {{ color: {quiet(colors.background, colors.text)}; }}"]
    # The border is always there, so that nothing moves when it gets its color.
    for kind in _WITH_FOCUS:
        rules.append(f"{kind} {{ border: 1px solid transparent; }}")
        rules.append(f"{kind}:focus {{ border: 1px solid {colors.text}; }}")
    rules.append("QAbstractSpinBox QLineEdit { border: none; }")
    rules.append("#mrfSectionArrow { background: transparent; padding: 0px; }")
    if points > 0:
        rules += [f"{kind} {{ font-size: {points}pt; }}" for kind in _SIZED]
        small = f"{{ font-size: {_SMALL * points:g}pt; }}"
        rules.append(f"#mrfSmall, #mrfSmall QHeaderView {small}")
    return "\n".join(rules)
