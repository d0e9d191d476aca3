"""Layers that the user removed: what goes with them, and the way back.

However a layer is removed, by napari's bin button, a key, its menu or a script, it is kept here
until it is back or dismissed, together with what the session loses with it: the series of its
subject, its pins, a set of maps. What can be shown again only by them goes and comes with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakSet, ref

from psygnal import Signal
from qtpy.QtCore import QObject, QTimer

from napari_mrf.plugin.layers.batch import (
    is_removed_by_user,
    keeping_selection,
    remove_together,
)
from napari_mrf.plugin.layers.error_maps import find_errors
from napari_mrf.plugin.layers.metadata import (
    MAPS_KEY,
    PARAMETER_KEY,
    PREVIEW_KEY,
    SET_KEY,
    SUBJECT_KEY,
    is_ours,
    series_of,
)
from napari_mrf.plugin.layers.order import PINS_KEY
from napari_mrf.plugin.layers.outlines import OUTLINES_KEY
from napari_mrf.plugin.layers.regions import REGIONS_KEY
from napari_mrf.plugin.layers.subjects import hide_unless_here, identity_of, rename_layers
from napari_mrf.plugin.session import one_per_viewer, session_of
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    from napari_mrf.plugin.session import Session, SubjectState

    class UsesLayer(Protocol):
        """A choice of layers, of which one is picked."""

        def picked_layer(self) -> Any: ...  # noqa: D102


_MOST_KEPT = 20
_OWNER, _ORPHANS = "removed layers", "orphaned layers"


@dataclass(eq=False)
class Removal:
    """Layers of a subject that were removed at once, and how it and the layer list were before.

    Parameters
    ----------
    order : tuple of layers
        All layers, the lowest first.
    former : SubjectState
        The subject.
    layers : list
        Those that were removed.
    """

    order: tuple[Any, ...]
    former: SubjectState
    layers: list[Any] = field(default_factory=list)

    @property
    def subject(self) -> str:
        """Key of the subject."""
        return self.former.key

    def sentence(self, session: Session) -> str:
        """Return what happened, for the user; to whom, where another subject is shown."""
        name = session.name_of(self.subject) if self.subject != session.subject.key else ""
        return f"{name}: {self._sentence(session)}" if name else self._sentence(session)

    def _sentence(self, session: Session) -> str:
        there = session.maps_sets_of(self.subject)
        gone = [name for name in self.sets() if name not in there]
        if gone and all(_set_of(layer) in gone for layer in self.layers):
            return f"Maps of {' and '.join(gone)} were removed."
        by_hand = [one for one in self.layers if OUTLINES_KEY not in one.metadata]
        if len(by_hand) > 1 or (by_hand and len(self.layers) > 2):
            return f"{len(self.layers)} layers were deleted."
        layer = self.layers[0]
        if REGIONS_KEY in layer.metadata:
            return f"The layer {layer.name} was deleted. Its regions still count."
        if OUTLINES_KEY in layer.metadata:
            return f"The layer {layer.name} was deleted. What was drawn stays."
        if PINS_KEY in layer.metadata:
            n = len(self.former.pins)
            return f"{n} {'pin was' if n == 1 else 'pins were'} deleted."
        if series_of(layer) is not None:
            return f"The series {layer.name} was deleted. Its results stay."
        return f"The layer {layer.name} was deleted."

    def sets(self) -> list[str]:
        """Return the names of the sets that layers were removed of, in the order of the session."""
        touched = {_set_of(layer) for layer in self.layers}
        return [name for name in self.former.maps_sets if name in touched]


class RemovedLayers(QObject):
    """The layers that the user removed from one viewer.

    Parameters
    ----------
    viewer : napari viewer
        Referred to weakly.

    Attributes
    ----------
    changed : Signal(str)
        What can be undone, as a sentence; empty when there is nothing.
    """

    changed = Signal(str)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = ref(viewer)
        self._session = session_of(viewer)
        self._display = maps_display_of(viewer)
        self._removals: list[Removal] = []
        self._going: dict[str, Removal] = {}  # by subject
        self._choices: WeakSet[UsesLayer] = WeakSet()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._settle)
        viewer.layers.events.removing.connect(self._on_removing)
        viewer.layers.events.inserted.connect(self._forget_returned)
        self._session.subject_changed.connect(self._on_subject_changed)

    def attend(self, choice: UsesLayer) -> None:
        """Keep a layer that is picked there too, whoever made it."""
        self._choices.add(choice)

    @property
    def sentence(self) -> str:
        """What can be undone; empty when there is nothing."""
        return self._removals[-1].sentence(self._session) if self._removals else ""

    def undo(self) -> None:
        """Bring back what was removed last, in the turns that follow."""
        self._settle()
        viewer = self._viewer()
        if viewer is not None and self._removals:
            removal = self._removals.pop()
            layer_turns_of(viewer).begin(_OWNER, self._back_by_turns(removal))
            self.changed.emit(self.sentence)

    def bring_back(self, layers: list[Any]) -> None:
        """Put layers that were removed back in their places in the list, now."""
        self._settle()
        viewer = self._viewer()
        for removal in reversed(self._removals):
            for layer in removal.layers:
                if viewer is not None and any(layer is one for one in layers):
                    self._insert(viewer, layer, removal)

    def show_maps(self, set_name: str) -> None:
        """Show again the maps of a set whose layers were removed."""
        self.bring_back([
            layer
            for removal in self._removals
            for layer in removal.layers
            if _set_of(layer) == set_name and removal.subject == self._session.subject.key
            and layer.metadata[PARAMETER_KEY] in self._display.missing(set_name)
        ])  # fmt: skip
        self._display.show_missing(set_name)

    def dismiss(self) -> None:
        """Forget what was removed last, and free its memory."""
        self._settle()
        if self._removals:
            self._removals.pop()
            self.changed.emit(self.sentence)

    def forget(self, subject: str | None = None) -> None:
        """Forget what belonged to a subject that is gone for good, or everything."""
        self._going = {key: one for key, one in self._going.items()
                       if subject not in (None, key)}  # fmt: skip
        self._removals = [one for one in self._removals if subject not in (None, one.subject)]
        self.changed.emit(self.sentence)

    def _on_removing(self, event: Any) -> None:
        viewer = self._viewer()
        if viewer is None:
            return
        layer = viewer.layers[event.index]
        is_kept = is_ours(layer) or any(_picks(one, layer) for one in self._choices)
        if not is_kept or not is_removed_by_user(layer) or PREVIEW_KEY in layer.metadata:
            return
        key = layer.metadata.get(SUBJECT_KEY, self._session.subject.key)
        if key not in self._going:
            self._going[key] = Removal(tuple(viewer.layers), self._session.state_of(key))
            self._timer.start()
        self._going[key].layers.append(layer)

    def _settle(self) -> None:
        """Let go what cannot stay without the layers that are gone, and tell."""
        self._timer.stop()
        going, self._going = self._going, {}
        viewer = self._viewer()
        if not going or viewer is None:
            return
        for key, removal in going.items():
            there = self._session.maps_sets_of(key)
            gone = {name for name in removal.sets() if name not in there}
            orphans = _orphans(viewer, gone, key)
            removal.layers += orphans
            if orphans:
                layer_turns_of(viewer).begin(_ORPHANS, _removing(viewer, orphans))
        self._removals = [*self._removals, *going.values()][-_MOST_KEPT:]
        self.changed.emit(self.sentence)

    def _on_subject_changed(self, _: Any) -> None:
        self.changed.emit(self.sentence)

    def _back_by_turns(self, removal: Removal) -> Iterator[None]:
        viewer, session = self._viewer(), self._session
        if viewer is None:
            return
        layer_turns_of(viewer).finish(_ORPHANS)  # or they would be removed once more
        removal.former = replace(removal.former, key=session.revive(removal.former))
        for layer in removal.layers:
            if SUBJECT_KEY in layer.metadata:
                layer.metadata[SUBJECT_KEY] = removal.subject
        for layer in sorted(removal.layers, key=removal.order.index):
            if self._insert(viewer, layer, removal):
                yield
        self._put_back_sets(removal)
        series = removal.former.series
        has_series = any(series_of(one) is series is not None for one in removal.layers)
        if has_series or any(PINS_KEY in layer.metadata for layer in removal.layers):
            session.put_back(removal.former, has_series=has_series)
        rename_layers(viewer)  # there may be one subject more

    def _put_back_sets(self, removal: Removal) -> None:
        """Give sets back to the session, which names the younger ones once more: their order."""
        sets, former = self._session.maps_sets_of(removal.subject), removal.former.maps_sets
        lost = [name for name in removal.sets() if name not in sets]
        order = list(dict.fromkeys([*former, *sets]))
        for name in order[order.index(lost[0]) :] if lost else ():
            if name in lost or name in sets:
                one = former[name] if name in lost else sets[name]
                self._session.add_maps(one, removal.subject)

    def _insert(self, viewer: Any, layer: Any, removal: Removal) -> bool:
        """Insert a layer over the one that was next below it; return whether it was needed."""
        if layer in viewer.layers or any(_replaces(one, layer) for one in viewer.layers):
            return False
        name, order = _set_of(layer), removal.order
        sets = self._session.maps_sets_of(removal.subject)
        is_running = (removal.subject, name) == self._display.running
        if name and not is_running and name not in (*removal.former.maps_sets, *sets):
            return False  # of a run that came to nothing
        maps_set = sets.get(name)
        if maps_set is not None and layer.metadata[MAPS_KEY] is not maps_set.maps:
            return False  # the set was made anew, and this is not of it
        below = [one for one in order[: order.index(layer)] if one in viewer.layers]
        at = viewer.layers.index(below[-1]) + 1 if below else 0
        hide_unless_here(viewer, layer)
        is_seen, layer.visible = layer.visible, False  # a map that comes visible hides all others
        with keeping_selection(viewer):
            viewer.layers.insert(at, layer)
        layer.visible = is_seen
        return True

    def _forget_returned(self, event: Any = None) -> None:
        """Forget removals of which every layer is back, by whatever way, or shown by another."""
        viewer = self._viewer()
        left = [
            removal
            for removal in self._removals
            if viewer is not None and not all(_is_back(viewer, one) for one in removal.layers)
        ]
        if left != self._removals:
            self._removals = left
            self.changed.emit(self.sentence)


def _picks(choice: UsesLayer, layer: Any) -> bool:
    try:
        return choice.picked_layer() is layer
    except RuntimeError:  # Qt has deleted its panel
        return False


def _set_of(layer: Any) -> str:
    return str(layer.metadata.get(SET_KEY, ""))


def _replaces(layer: Any, removed: Any) -> bool:
    """Return whether a layer shows what a removed one showed, and there can be one only."""
    if OUTLINES_KEY in removed.metadata:  # named like their regions, of which there may be more
        return bool(_regions_of(layer) == _regions_of(removed))
    if layer.metadata.get(SUBJECT_KEY) != removed.metadata.get(SUBJECT_KEY):
        return False
    identity = identity_of(removed)
    is_only_one = "name" not in identity or PINS_KEY in identity
    return is_only_one and bool(identity_of(layer) == identity)


def _is_back(viewer: Any, removed: Any) -> bool:
    if removed in viewer.layers:
        return True
    has_pins = PINS_KEY in removed.metadata  # others than those that are shown by now
    return not has_pins and any(_replaces(one, removed) for one in viewer.layers)


def _regions_of(outlines: Any) -> Any:
    return outlines.metadata.get(OUTLINES_KEY, (None,))[0]


def _orphans(viewer: Any, sets: set[str], subject: str) -> list[Any]:
    """Return errors of maps of a subject that are gone, and outlines whose regions are gone."""
    there = {layer.unique_id for layer in viewer.layers}
    outlines = [
        one for one in viewer.layers
        if OUTLINES_KEY in one.metadata and one.metadata.get(SUBJECT_KEY, subject) == subject
    ]  # fmt: skip
    return [
        *(layer for of, layer in find_errors(viewer, subject).items() if sets & set(of[:2])),
        *(one for one in outlines if _regions_of(one) not in there),
    ]


def _removing(viewer: Any, layers: list[Any]) -> Iterator[None]:
    remove_together(viewer, [layer for layer in layers if layer in viewer.layers])
    yield


removed_layers_of = one_per_viewer(RemovedLayers)
"""Return the layers that the user removed from a viewer."""
