"""Controller of the subject bar: connects it to the session."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.panels.shared.removal import asks_to_remove
from napari_mrf.plugin.session import session_of, unwrapped
from napari_mrf.plugin.subjects import UNTITLED
from napari_mrf.plugin.viewer.layer_turns import SESSION, layer_turns_of
from napari_mrf.plugin.viewer.subjects_display import subjects_display_of

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_mrf.plugin.panels.subjects.bar import SubjectBar


class SubjectBinding:
    """Controller of the subject bar: acts on the signals of the view and updates it.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the subjects.
    bar : SubjectBar
        The view.
    """

    def __init__(self, viewer: ViewerModel, bar: SubjectBar) -> None:
        self.viewer: ViewerModel = unwrapped(viewer)
        self.bar = bar
        self.session = session_of(viewer)
        subjects_display_of(viewer)
        bar.subject_picked.connect(self._on_subject_picked)
        bar.remove_requested.connect(self._on_remove_requested)
        self.bond = Bond(bar)
        self.bond.connect(self.session.subjects_changed, self._show)
        self.bond.connect(self.session.subject_changed, self._show)
        self._show()

    def _show(self, _: Any = None) -> None:
        current = self.session.subject.name or UNTITLED
        names = [one.name for one in self.session.subjects]
        self.bar.set_subjects(names if current in names else [current, *names], current)

    def _on_subject_picked(self, name: str) -> None:
        key = next((one.key for one in self.session.subjects if one.name == name), "")
        if key:
            layer_turns_of(self.viewer).after(SESSION, partial(self._choose, key))

    def _choose(self, key: str) -> None:
        if self.session.name_of(key):  # it may be gone by now
            self.session.choose_subject(key)

    def _on_remove_requested(self) -> None:
        asks_to_remove(self.bar, self.viewer, self.session.subject.key)
