"""The docks: all steps in one, and a dock for each step; panels and bindings meet here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import ref

from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QFrame,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.dock_style import DockStyle
from napari_mrf.plugin.kit.help import show_help
from napari_mrf.plugin.kit.messages.shelf import NoticeShelf
from napari_mrf.plugin.kit.section import Section
from napari_mrf.plugin.panels.cohort.controller import cohort_run_of
from napari_mrf.plugin.panels.compare.controller import CompareBinding
from napari_mrf.plugin.panels.compare.panel import ComparePanel
from napari_mrf.plugin.panels.importance.controller import ImportanceBinding
from napari_mrf.plugin.panels.importance.panel import ImportancePanel
from napari_mrf.plugin.panels.inspect.controller import InspectBinding
from napari_mrf.plugin.panels.inspect.panel import InspectPanel
from napari_mrf.plugin.panels.reconstruct.controller import ReconstructBinding
from napari_mrf.plugin.panels.reconstruct.panel import ReconstructPanel
from napari_mrf.plugin.panels.rois.controller import RoisBinding
from napari_mrf.plugin.panels.rois.panel import RoisPanel
from napari_mrf.plugin.panels.series.controller import SeriesBinding
from napari_mrf.plugin.panels.series.panel import SeriesPanel
from napari_mrf.plugin.panels.session.bar import SessionBar
from napari_mrf.plugin.panels.session.closing import close_guard_of
from napari_mrf.plugin.panels.session.controller import SessionBinding
from napari_mrf.plugin.panels.session.removed_bar import RemovedBar
from napari_mrf.plugin.panels.subjects.bar import SubjectBar
from napari_mrf.plugin.panels.subjects.controller import SubjectBinding
from napari_mrf.plugin.panels.switcher.bar import HOLD_KEY, SwitcherBar
from napari_mrf.plugin.panels.switcher.controller import SHORTCUTS, SwitcherBinding
from napari_mrf.plugin.panels.train.controller import training_of
from napari_mrf.plugin.preparation.row import PreparationRow
from napari_mrf.plugin.preparation.settling import SETTLING
from napari_mrf.plugin.present import present
from napari_mrf.plugin.session import session_of, unwrapped
from napari_mrf.plugin.viewer.reader_choice import reader_choice_of
from napari_mrf.plugin.viewer.readout import readout_of
from napari_mrf.plugin.viewer.unsaved import unsaved_of
from napari_mrf.plugin.viewer.user_folder import offer_user_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from napari import Viewer
    from napari.components import ViewerModel

    from napari_mrf.plugin.viewer.pictures.flicker import Flicker

    Panel = (
        SeriesPanel | ReconstructPanel | InspectPanel | RoisPanel | ComparePanel | ImportancePanel
    )


@dataclass(frozen=True)
class Step:
    """A step of the dock: its panel, what it does, and its keys.

    Parameters
    ----------
    title : str
        In the header of its section.
    make_panel : callable
        Without arguments; the view. It has the signal ``state_changed(str)``.
    make_binding : callable
        Of viewer and panel; what happens when the user acts.
    shortcuts : mapping of str to str
        Keys, as Qt spells them, and the method of the binding that they call.
    """

    title: str
    make_panel: Callable[[], Panel]
    make_binding: Callable[[ViewerModel, Any], Any]
    shortcuts: Mapping[str, str] = field(default_factory=dict)


STEPS: dict[str, Step] = {
    "series": Step("Series", SeriesPanel, SeriesBinding),
    "reconstruct": Step(
        "Reconstruct",
        ReconstructPanel,
        ReconstructBinding,
        shortcuts={"Ctrl+R": "run", "Ctrl+.": "cancel"},
    ),
    "inspect": Step("Inspect", InspectPanel, InspectBinding, shortcuts={"Ctrl+P": "pin"}),
    "rois": Step(
        "ROIs",
        RoisPanel,
        RoisBinding,
        shortcuts={
            "Ctrl+Z": "undo",
            "Ctrl+Shift+Z": "redo",
            "Ctrl+B": "toggle_outlines",
            ".": "next_region",
            ",": "previous_region",
        },
    ),
    "compare": Step("Compare", ComparePanel, CompareBinding),
    "importance": Step("Importance", ImportancePanel, ImportanceBinding),
}
"""By key, in the order of the path."""


_PREFERRED_WIDTH = 340
# The later steps need what these two give; closed, they take a line each.
_OPEN_AT_FIRST = 2


class _Dock(QWidget):
    """A scrolling column of sections with the shortcuts of its panels."""

    _has_menu = False

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.viewer: Viewer = unwrapped(viewer)
        self.sections: dict[str, Section] = {}
        self.panels: dict[str, Any] = {}
        self.bindings: dict[str, Any] = {}
        self._column = QVBoxLayout()
        self._column.setContentsMargins(2, 4, 2, 4)
        self._column.setSpacing(4)
        content = QWidget()
        content.setLayout(self._column)
        readout_of(viewer)
        self._scroll = QScrollArea()
        self._scroll.setWidget(content)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # Tab goes to what is in it
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self.subject_bar = SubjectBar()
        self._layout.addWidget(self.subject_bar)
        self._layout.addWidget(PreparationRow())
        self._layout.addWidget(self._scroll)
        self.shelf = NoticeShelf(self._scroll)
        self._layout.addWidget(self.shelf)
        self.shelf.take(RemovedBar(viewer))
        self.subject_binding = SubjectBinding(self.viewer, self.subject_bar)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.session_bar = SessionBar(has_menu=self._has_menu)
        self._layout.insertWidget(0, self.session_bar)
        self.shelf.take(self.session_bar.offer)
        self.shelf.take(self.session_bar.notice, "Session")
        self.session_binding = SessionBinding(self.viewer, self.session_bar, self.bindings)
        offer_user_folder(viewer, self)
        close_guard_of(viewer).watch(self)
        reader_choice_of(viewer)
        self._unsaved = unsaved_of(viewer)
        Bond(self).connect(self._unsaved.changed, self._show_marks)
        DockStyle(self.viewer, self)
        SETTLING.begin(self)

    def _show_marks(self) -> None:
        """Mark the sections with something that is not saved."""
        items = self._unsaved.items(session_of(self.viewer).subject.key)
        for key, section in self.sections.items():
            mine = ", ".join(str(one) for one in items if one.step == key)
            section.set_mark(f"Not saved: {mine}" if mine else "")

    def sizeHint(self) -> QSize:
        """Ask for the width the panels are laid out for."""
        return QSize(_PREFERRED_WIDTH, 600)

    def minimumSizeHint(self) -> QSize:
        """Stay usable when the dock is made narrow."""
        return QSize(300, 200)

    def focusNextPrevChild(self, next: bool) -> bool:
        """Follow Tab through the dock, the messages last."""
        self.shelf.come_last()
        return super().focusNextPrevChild(next)

    def _add_step(self, key: str, number: int = 0, *, is_open: bool = True) -> None:
        step = STEPS[key]
        panel = step.make_panel()
        title = f"{number} {step.title}" if number else step.title
        section = Section(title, panel, is_open=is_open)
        section.toggled.connect(self._on_section_toggled)
        panel.state_changed.connect(section.set_state)
        self._column.addWidget(section)
        self.shelf.take_notices(panel, title)
        binding = step.make_binding(self.viewer, panel)
        self.sections[key], self.panels[key], self.bindings[key] = section, panel, binding
        if isinstance(panel, ReconstructPanel):
            panel.train_requested.connect(self._on_train_requested)
            panel.cohort_requested.connect(self._on_cohort_requested)
        self._show_marks()
        for keys, name in step.shortcuts.items():
            self._bind(keys, _action(binding, name))

    def _on_train_requested(self) -> None:
        training_of(self.viewer).open(self)

    def _on_cohort_requested(self) -> None:
        cohort_run_of(self.viewer).open(self)

    def _bind(self, keys: str, action: Callable[..., None]) -> None:
        """Let keys call an action, in the dock and on the canvas."""
        shortcut = QShortcut(QKeySequence(keys), self)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(action)
        # While the canvas has the focus napari hands out the keys.
        napari_keys = keys.replace("Ctrl+", "Control-").replace("Shift+", "Shift-")
        self.viewer.bind_key(napari_keys, action, overwrite=True)

    def _on_section_toggled(self, is_open: bool) -> None:
        if is_open:
            # The column grows only after this event; then what was opened comes into view.
            section = self.sender()
            if isinstance(section, Section):
                QTimer.singleShot(0, self._bring_into_view(section))

    def _bring_into_view(self, section: Section) -> Callable[[], None]:
        alive = ref(section)

        def bring() -> None:
            opened = alive()
            if opened is not None:
                self._scroll.ensureWidgetVisible(opened, 0, 0)
                top = opened.mapTo(self._scroll.widget(), opened.rect().topLeft()).y()
                bar = present(self._scroll.verticalScrollBar())
                room = present(self._scroll.viewport()).height()
                if top < bar.value() or opened.height() > room:
                    bar.setValue(top)

        return bring

    def _close_column(self) -> None:
        self._column.addStretch(1)


class MRFDock(_Dock):
    """All steps from the series to the maps, in one dock.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it works on.
    """

    _has_menu = True

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.session_bar.help_requested.connect(self._on_help_requested)
        self.setTabOrder(self.session_bar.help_button, self.subject_bar.picker)
        self.setTabOrder(self.subject_bar.picker, self.subject_bar.remove_button)
        self.switcher = SwitcherBar()
        self._layout.insertWidget(self._layout.indexOf(self.subject_bar) + 1, self.switcher)
        for number, key in enumerate(STEPS, 1):
            self._add_step(key, number, is_open=number <= _OPEN_AT_FIRST)
        self._close_column()
        self.switcher_binding = SwitcherBinding(self.viewer, self.switcher)
        self.switcher_binding.offer_truth(self.bindings["compare"].opening)
        for keys, (name, arguments) in SHORTCUTS.items():
            self._bind(keys, _action(self.switcher_binding, name, *arguments))
        self.viewer.bind_key(HOLD_KEY, _holding(self.switcher_binding.flicker), overwrite=True)

    def _on_help_requested(self) -> None:
        show_help(self)


class SeriesDock(_Dock):
    """The Series step alone."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._add_step("series")
        self._close_column()


class ReconstructDock(_Dock):
    """The Reconstruct step alone."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._add_step("reconstruct")
        self._close_column()


class InspectDock(_Dock):
    """The Inspect step alone; its plot takes the room that there is."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._add_step("inspect")
        self._column.setStretchFactor(self.sections["inspect"], 1)
        self.sections["inspect"].stretch_content()


class RoisDock(_Dock):
    """The ROIs step alone."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._add_step("rois")
        self._close_column()


class CompareDock(_Dock):
    """The Compare step alone."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._add_step("compare")
        self._close_column()


class ImportanceDock(_Dock):
    """The Importance step alone."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self._add_step("importance")
        self._close_column()


def _action(binding: Any, name: str, *arguments: Any) -> Callable[..., None]:
    """Return a function that calls a method of a binding while there is one.

    Napari keeps its keys for ever, and asks for the name of what they call.
    """
    alive = ref(binding)

    def act(*_: object) -> None:
        target = alive()
        if target is not None:
            getattr(target, name)(*arguments)

    act.__name__ = name
    return act


def _holding(flicker: Flicker) -> Callable[[Any], Iterator[None]]:
    """Return what napari calls when a key goes down, and goes on with when it comes up."""
    alive = ref(flicker)

    def hold_other_map(_: Any) -> Iterator[None]:
        if (target := alive()) is not None:
            target.hold()
        yield
        if (target := alive()) is not None:
            target.end()

    return hold_other_map
