"""The choice of one map of one set: it is shown alone, and eyes that are clicked are followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import ref

from psygnal import Signal
from qtpy.QtCore import QObject, QTimer

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.io.maps.writer import DEVIATIONS
from napari_mrf.plugin.layers import (
    MAPS_KEY,
    PARAMETER_KEY,
    SET_KEY,
    companion_by_turns,
    find_set,
    show_maps_by_turns,
)
from napari_mrf.plugin.layers.metadata import SUBJECT_KEY
from napari_mrf.plugin.preferences import preferences
from napari_mrf.plugin.session import one_per_viewer, session_of
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.plugin.viewer.titles import has_scale, set_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from napari_mrf.data.maps import ParameterMaps

QUALITY, UNCERTAINTY = "quality", "uncertainty"
_OWNER = "map choice"


class MapName(NamedTuple):
    """A map: its set, its key there, and its subject where that is not the current one.

    The key is a parameter, ``"FF_std"`` or ``"quality"``.
    """

    set_name: str
    key: str
    subject: str = ""

    @property
    def parameter(self) -> str:
        """The parameter that it shows, or whose standard deviation; empty for quality."""
        key = DEVIATIONS.get(self.key, self.key)
        return key if key in PARAMETERS else ""


class MapChoice(QObject):
    """Shows one map at a time in one viewer, and knows which one is seen.

    Attributes
    ----------
    changed : Signal()
        Another map is seen, or other sets and maps can be chosen.
    """

    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = ref(viewer)
        self._session = session_of(viewer)
        self._parameter = ""
        # Several layers change together; their eyes are looked at once, after all of them.
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_rest)
        layers = viewer.layers.events
        layers.inserted.connect(self._on_inserted)
        layers.removed.connect(self._on_event)
        layers.reordered.connect(self._on_event)
        self._session.maps_changed.connect(self._on_event)
        for layer in viewer.layers:
            layer.events.visible.connect(self._on_event)

    def sets(self) -> dict[str, ParameterMaps]:
        """Return the maps that can be chosen by the name of their set, oldest first.

        They are those of the session, and those of a run that is still filling them.
        """
        found = {name: one.maps for name, one in self._session.maps_sets.items()}
        viewer, status = self._viewer(), self._session.reconstruction.status
        if viewer is not None and status.is_running and status.title not in found:
            for layer in find_set(viewer, status.title).values():
                found[status.title] = layer.metadata[MAPS_KEY]
        return found

    def seen(self) -> list[Any]:
        """Return the visible layers with a scale, the one in front first."""
        viewer = self._viewer()
        layers = [] if viewer is None else viewer.layers
        return [layer for layer in reversed(layers) if layer.visible and has_scale(layer)]

    def seen_map(self) -> MapName | None:
        """Return the map that is seen; None for none, for several, and for what is no map."""
        seen = self.seen()
        if len(seen) != 1 or SET_KEY not in seen[0].metadata:
            return None
        return MapName(seen[0].metadata[SET_KEY], seen[0].metadata[PARAMETER_KEY])

    @property
    def parameter(self) -> str:
        """The parameter that was seen last; empty before any was."""
        return self._parameter

    def sets_of_others(self) -> dict[str, tuple[str, str]]:
        """Return the sets of other subjects, by what to call them: (name, key of the subject)."""
        viewer, found = self._viewer(), {}
        own = [] if viewer is None else [
            layer for name in self.sets() for layer in find_set(viewer, name).values()
        ]  # fmt: skip
        for layer in [] if viewer is None else viewer.layers:
            subject = layer.metadata.get(SUBJECT_KEY)
            if subject and layer.metadata.get(PARAMETER_KEY) in PARAMETERS and layer not in own:
                found[set_label(layer)] = (layer.metadata[SET_KEY], subject)
        return found

    def layers_of(self, set_name: str, subject: str = "") -> dict[str, Any]:
        """Return the layers of a set of maps by key; without a subject, of the current one."""
        viewer = self._viewer()
        if viewer is None:
            return {}
        if not subject:
            return find_set(viewer, set_name)
        return {layer.metadata[PARAMETER_KEY]: layer for layer in viewer.layers
                if layer.metadata.get(SET_KEY) == set_name
                and layer.metadata.get(SUBJECT_KEY) == subject}  # fmt: skip

    def layer_of(self, one: MapName) -> Any | None:
        """Return the layer of a map, or None where it has none yet."""
        return self.layers_of(one.set_name, one.subject).get(one.key)

    def choose(self, one: MapName) -> None:
        """Show this map and hide all others.

        A map that has no layer yet gets one in the turns that follow: quality and standard
        deviations have none before they are asked for. Of another subject only layers are shown.
        """
        viewer, layer = self._viewer(), self.layer_of(one)
        if viewer is None:
            return
        layer_turns_of(viewer).drop(_OWNER)
        if layer is not None:
            self.show_only(layer)
        else:
            self.prepare(one, is_chosen=True)

    def set_companion(self, set_name: str, companion: str, is_shown: bool) -> None:
        """Show or hide a companion of a set: a picture in place of the map, labels over it.

        Parameters
        ----------
        set_name : str
            A set of the current subject.
        companion : str
            One of `layers.COMPANIONS`; of the uncertainty that of the map seen last.
        is_shown : bool
            Without it, the map is seen again.
        """
        display, maps = maps_display_of(self._viewer()), self._session.maps_sets[set_name].maps
        if companion not in (QUALITY, UNCERTAINTY):
            display.set_companion(set_name, companion, is_shown)
            return
        keys = list(maps.uncertainty if companion == UNCERTAINTY else maps)
        parameter = self._parameter if self._parameter in keys else keys[0]
        if is_shown:
            key = QUALITY if companion == QUALITY else f"{parameter}_std"
            self.choose(MapName(set_name, key))
            return
        layer_turns_of(self._viewer()).drop(_OWNER)  # it may be coming
        display.set_companion(set_name, companion, False)
        if not self.seen():
            self.show_only(self.layer_of(MapName(set_name, parameter)))

    def prepare(self, one: MapName, *, is_chosen: bool = False) -> None:
        """Add the layer of a map in the turns that follow, hidden, unless it has one."""
        viewer, maps = self._viewer(), self.sets().get(one.set_name)
        if viewer is None or maps is None or one.subject or self.layer_of(one) is not None:
            return
        seen = None if is_chosen else self.seen()[:1]
        layer_turns_of(viewer).begin(_OWNER, self._by_turns(viewer, one, maps, seen))

    def _by_turns(
        self, viewer: Any, one: MapName, maps: ParameterMaps, seen: list[Any] | None
    ) -> Iterator[None]:
        """Add layers until the one that is wanted is there; it or what is seen is shown alone."""
        companion = UNCERTAINTY if one.key in DEVIATIONS else one.key
        pieces = (show_maps_by_turns(viewer, one.set_name, maps, self._thresholds)
                  if one.key in PARAMETERS else
                  companion_by_turns(viewer, one.set_name, maps, companion,
                                     self._thresholds))  # fmt: skip
        before = self.seen()
        for _ in pieces:
            wanted = self.layer_of(one) if seen is None else next(iter(seen), None)
            if wanted is not None and wanted in viewer.layers:
                self.show_only(wanted)
            else:
                for layer in self.seen():
                    if layer not in before:
                        layer.visible = False
            yield

    def _thresholds(self) -> Mapping[str, float] | None:
        hides = maps_display_of(self._viewer()).hides_invalid
        return preferences().thresholds if hides else None

    def show_only(self, layer: Any | None) -> None:
        """Show this layer and hide all others with a scale, and the labels of other sets."""
        viewer = self._viewer()
        if viewer is None:
            return
        set_name = None if layer is None else layer.metadata.get(SET_KEY)
        if layer is not None and not layer.visible:
            layer.visible = True
        for other in viewer.layers:
            of_another_set = other.metadata.get(SET_KEY, set_name) != set_name
            if other is not layer and other.visible and (has_scale(other) or of_another_set):
                other.visible = False
        if layer is not None:
            _select(viewer, layer)

    def _on_inserted(self, event: Any) -> None:
        layer = event.value
        layer.events.visible.connect(self._on_event)
        # What comes to be seen is not to be seen through.
        if layer.visible and has_scale(layer):
            self.show_only(layer)
        self._on_event()

    def _on_event(self, event: Any = None) -> None:
        self._timer.start(0)

    def _on_rest(self) -> None:
        viewer, seen = self._viewer(), self.seen()
        if viewer is None:
            return
        one = self.seen_map()
        if one is not None and one.parameter:
            self._parameter = one.parameter
        active = viewer.layers.selection.active
        if len(seen) == 1 and active is not None and has_scale(active) and not active.visible:
            _select(viewer, seen[0])
        self.changed.emit()


def _select(viewer: Any, layer: Any) -> None:
    """Let the status bar tell of what is seen, but take no tool out of the user's hand."""
    active = viewer.layers.selection.active
    if active is not layer and str(getattr(active, "mode", "pan_zoom")) == "pan_zoom":
        viewer.layers.selection.active = layer


map_choice_of = one_per_viewer(MapChoice)
"""Return the choice of the map that a viewer shows."""
