"""Layers of the maps of a viewer: filled during a run, put back when it is cancelled."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any
from weakref import ref

from psygnal import Signal

from napari_mrf.plugin.jobs import JobState, JobStatus
from napari_mrf.plugin.layers import (
    SET_KEY,
    apply_validity,
    companion_by_turns,
    find_set,
    hide_companion,
    renew_companions,
    show_maps_by_turns,
    show_slice,
)
from napari_mrf.plugin.layers.batch import remove_together
from napari_mrf.plugin.layers.metadata import SUBJECT_KEY
from napari_mrf.plugin.preferences import follow_validity, preferences
from napari_mrf.plugin.session import MapsSet, PartialMaps, one_per_viewer, session_of
from napari_mrf.plugin.viewer.canvas_texts import show_canvas_texts
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.plugin.jobs import Step


class MapsDisplay:
    """Keeps the map layers of one viewer in step with its session.

    There is one per viewer, not per panel: a run goes on, and its maps appear, when the panel
    that started it is closed.

    Attributes
    ----------
    validity_changed : Signal()
        The user changed the rules of validity in the preferences.
    """

    validity_changed = Signal()

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        self._session = session_of(viewer)
        self._running = ("", "")  # the subject, and the name of the set
        self._shown: Any = None
        self._preferences = preferences()
        self.hides_invalid = self._preferences.hide_invalid
        job = self._session.reconstruction
        job.updated.connect(self._on_updated)
        job.succeeded.connect(self._on_succeeded)
        job.changed.connect(self._on_changed)
        viewer.layers.events.removed.connect(self._on_removed)
        follow_validity(self._on_preferences)

    def run(
        self, set_name: str, work: Callable[..., Generator[Step, None, MapsSet]], *arguments: Any
    ) -> None:
        """Start the job that makes a set, and show its maps while they fill in; see `Job.start`."""
        self._session.reconstruction.start(set_name, work, *arguments)
        self._running, self._shown = (self._session.subject.key, set_name), None

    def add(self, maps_set: MapsSet, subject: str | None = None) -> None:
        """Hand a complete set to the session, and show it in the turns that follow.

        It is that of the current subject, or of the one of that key; one that is gone by now
        gets nothing.
        """
        key = self._session.subject.key if subject is None else subject
        self._session.add_maps(maps_set, key)
        if maps_set.name in self._session.maps_sets_of(key):
            self._show(key, maps_set.name, maps_set.maps)

    def set_companion(self, set_name: str, companion: str, is_shown: bool) -> None:
        """Show or hide quality, flags, mask or uncertainty of a set; new layers come by turns."""
        viewer, subject = self._viewer(), self._session.subject.key
        owner = f"{subject} {set_name} {companion}"
        turns = layer_turns_of(viewer)
        turns.drop(owner)  # they may be coming
        if is_shown:
            maps = self._session.maps_sets[set_name].maps
            turns.begin(owner, companion_by_turns(viewer, set_name, maps, companion,
                                                  self._thresholds, subject))  # fmt: skip
        else:
            hide_companion(viewer, set_name, companion)

    @property
    def running(self) -> tuple[str, str]:
        """The subject and the set that a run is making; empty without one."""
        return self._running

    def missing(self, set_name: str) -> list[str]:
        """Return the maps of a complete set whose layers were removed and are not coming."""
        viewer, maps_set = self._viewer(), self._session.maps_sets.get(set_name)
        owner = _owner(self._session.subject.key, set_name)
        if viewer is None or maps_set is None or owner in layer_turns_of(viewer).owners:
            return []
        shown = find_set(viewer, set_name)
        return [key for key in maps_set.maps if key not in shown]

    def show_missing(self, set_name: str) -> None:
        """Show again the maps of a set whose layers were removed, in the turns that follow."""
        maps = self._session.maps_sets[set_name].maps
        self._show(self._session.subject.key, set_name, maps)

    def set_hides_invalid(self, is_hidden: bool) -> None:
        """Hide or show values that are not valid, in all sets."""
        self.hides_invalid = is_hidden
        self._preferences = preferences()
        for subject in self._session.subjects:
            for name, one in self._session.maps_sets_of(subject.key).items():
                apply_validity(self._viewer(), name, one.maps, self._thresholds(), subject.key)

    def _on_preferences(self, event: Any) -> None:
        if self._viewer() is not None:
            is_about_hiding = event.type == "hide_invalid"
            self.set_hides_invalid(
                preferences().hide_invalid if is_about_hiding else self.hides_invalid
            )
            self.validity_changed.emit()

    def _thresholds(self) -> Mapping[str, float] | None:
        return self._preferences.thresholds if self.hides_invalid else None

    def _show(
        self, subject: str, set_name: str, maps: ParameterMaps, *, are_complete: bool = True
    ) -> None:
        viewer = self._viewer()
        if viewer is not None:
            show_canvas_texts(viewer)
            turns, thresholds = layer_turns_of(viewer), self._thresholds if are_complete else None
            turns.drop(_owner(subject, set_name))  # what is left of it is part of this
            turns.begin(_owner(subject, set_name), chain(
                renew_companions(viewer, set_name, maps, thresholds, are_complete=are_complete,
                                 subject=subject),
                show_maps_by_turns(viewer, set_name, maps, thresholds, subject),
            ))  # fmt: skip

    def _remove(self, owner: str, layers: list[Any]) -> None:
        """Hide layers now, and remove them in the next turn."""
        viewer = self._viewer()
        if viewer is None:
            return

        def remove() -> Iterator[None]:
            remove_together(viewer, [layer for layer in layers if layer in viewer.layers])
            yield

        for layer in layers:
            if layer.visible:
                layer.visible = False
        if layers:
            layer_turns_of(viewer).begin(owner, remove())

    def _on_updated(self, partial: Any) -> None:
        viewer = self._viewer()
        if viewer is None or not isinstance(partial, PartialMaps):
            return
        subject, _ = self._running
        if self._shown is not partial.maps:
            self._shown = partial.maps
            self._show(subject, partial.set_name, partial.maps, are_complete=False)
        else:
            show_slice(viewer, partial.set_name, partial.maps, partial.z, subject)

    def _on_succeeded(self, maps_set: Any) -> None:
        subject, _ = self._running
        self._running = ("", "")
        if isinstance(maps_set, MapsSet):
            self.add(maps_set, subject)

    def _on_changed(self, status: JobStatus) -> None:
        if status.state in (JobState.CANCELLED, JobState.FAILED) and all(self._running):
            self._put_back(*self._running)
            self._running = ("", "")

    def _put_back(self, subject: str, set_name: str) -> None:
        """Show the earlier maps again; an incomplete result is not kept."""
        viewer = self._viewer()
        if viewer is None:
            return
        earlier = self._session.maps_sets_of(subject).get(set_name)
        if earlier is not None:
            self._show(subject, set_name, earlier.maps)
        else:
            owner = _owner(subject, set_name)
            layer_turns_of(viewer).drop(owner)
            self._remove(owner, list(find_set(viewer, set_name, subject).values()))

    def _on_removed(self, event: Any) -> None:
        """Forget a set whose last layer the user removed; see `RemovedLayers` for the way back.

        Not while a run makes it anew: if that is cancelled, the earlier maps come back.
        """
        viewer = self._viewer()
        set_name = event.value.metadata.get(SET_KEY)
        subject = event.value.metadata.get(SUBJECT_KEY, "")
        if set_name and (subject, set_name) == self._running:
            return
        if viewer is not None and set_name and not find_set(viewer, set_name, subject):
            layer_turns_of(viewer).drop(_owner(subject, set_name))
            self._session.remove_maps(set_name, subject)


def _owner(subject: str, set_name: str) -> str:
    """Return whose work the layers of a set are among the turns of a viewer."""
    return f"{subject} {set_name}"


maps_display_of = one_per_viewer(MapsDisplay)
"""Return the display of the maps of a viewer."""
