"""Binding of the Maps bar: buttons and keys show one map, the eyes of the layers are followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.io.maps.writer import DEVIATIONS
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.layers import MAPS_KEY, series_of
from napari_mrf.plugin.panels.shared.texts import KNOWN_TRUTH
from napari_mrf.plugin.panels.switcher.bar import OTHER_KEYS, MapButton
from napari_mrf.plugin.session import session_of, unwrapped
from napari_mrf.plugin.viewer.canvas_texts import show_canvas_texts
from napari_mrf.plugin.viewer.map_choice import QUALITY, UNCERTAINTY, MapName, map_choice_of
from napari_mrf.plugin.viewer.pictures.dock import SideDock
from napari_mrf.plugin.viewer.pictures.flicker import Flicker
from napari_mrf.plugin.viewer.pictures.side_by_side import NOTHING, SideBySide
from napari_mrf.plugin.viewer.pictures.three_planes import ThreePlanes
from napari_mrf.plugin.viewer.titles import short_label

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, Protocol

    from napari.components import ViewerModel

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.plugin.panels.switcher.bar import SwitcherBar

    class TruthSource(Protocol):
        """Whoever reads the known truth of the series."""

        def truth_folder(self) -> Path | None:
            """Return its folder, or None."""

        def open_maps(self, folder: str, side: str) -> None:
            """Read maps, for a side of a comparison or for none."""


_N_PARAMETER_KEYS = 7
_QUALITY_KEYS, _UNCERTAINTY_KEYS = "Ctrl+8", "Ctrl+9"
_SAME = ("", "same map")


class SwitcherBinding:
    """Connects the Maps bar to the layers of a viewer.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.
    bar : SwitcherBar
        The view.
    """

    def __init__(self, viewer: ViewerModel, bar: SwitcherBar) -> None:
        self.viewer: ViewerModel = unwrapped(viewer)
        self.bar = bar
        self.session = session_of(viewer)
        self.choice = map_choice_of(viewer)
        self.flicker = Flicker(self.viewer, self.layer_at_left, self.layer_at_right, bar)
        self._set_name = ""
        self._other = MapName("", "")
        self._truth: TruthSource | None = None
        # The truth that is being read, and what was seen when it was asked for.
        self._awaited: tuple[str, MapName | None] = ("", None)
        show_canvas_texts(self.viewer)
        self._beside = SideDock(self.viewer, "Side by side", "right", self._make_beside, bar)
        self._planes = SideDock(self.viewer, "Three planes", "bottom", self._make_planes, bar)
        bar.set_picked.connect(self._on_set_picked)
        bar.map_clicked.connect(self._on_map_clicked)
        bar.other_set_picked.connect(self._on_other_set)
        bar.other_map_picked.connect(self._on_other_map)
        bar.beside_toggled.connect(self._on_beside)
        bar.flicker_toggled.connect(self._on_flicker)
        bar.planes_toggled.connect(self._on_planes)
        self._beside.closed.connect(self._on_beside_closed)
        self._planes.closed.connect(self._on_planes_closed)
        self.flicker.ended.connect(self._on_flicker_ended)
        self.bond = Bond(bar)
        self.bond.connect(self.choice.changed, self.show)
        self.bond.connect(self.session.series_changed, self._on_series)
        self.bond.connect(self.session.reconstruction.updated, self._on_updated)
        self.show()

    def offer_truth(self, source: TruthSource) -> None:
        """Offer the known truth of the series at the other side, before anybody has opened it."""
        self._truth = source
        self.show()

    def show(self) -> None:
        """Show the sets and maps that there are, and which one is seen."""
        self._put_truth_beside()
        sets, seen = self.choice.sets(), self.choice.seen_map()
        if seen is not None and seen.set_name in sets and not self.flicker.is_at_other():
            self._set_name = seen.set_name
        if self._set_name not in sets:
            self._set_name = next(reversed(sets), "")
        self.bar.set_sets(list(sets), self._set_name)
        maps, checked = sets.get(self._set_name), frozenset[str]()
        if seen is not None:
            checked = frozenset(
                {seen.parameter, UNCERTAINTY if seen.key in DEVIATIONS else seen.key}
            )
        n_seen = len(self.choice.seen())
        self.bar.set_maps(_buttons(maps), checked, "several" if n_seen > 1 else "")
        self.bar.setHidden(not sets and not self._has_series())
        self._show_other()

    def layer_at_left(self) -> Any | None:
        """Return the layer of the map that was chosen for the canvas, or None."""
        seen = self.choice.seen()
        return seen[0] if len(seen) == 1 else None

    def layer_at_right(self) -> Any | None:
        """Return the layer of the map to compare with, or None."""
        other = self._other_map()
        return None if other is None else self.choice.layer_of(other)

    def show_map(self, number: int) -> None:
        """Show the map of a number, from 1, in the set that is seen."""
        keys = _parameters(self.choice.sets().get(self._set_name))
        if number <= len(keys):
            self._on_map_clicked(keys[number - 1])

    def show_quality(self) -> None:
        """Show the quality of the set that is seen."""
        self._on_map_clicked(QUALITY)

    def show_uncertainty(self) -> None:
        """Show the standard deviation of the map that is seen, or the map again."""
        self._on_map_clicked(UNCERTAINTY)

    def show_other_set(self) -> None:
        """Show the same map of the next set that has it."""
        seen, names = self.choice.seen_map(), list(self.choice.sets())
        if len(names) < 2:
            return
        at = names.index(self._set_name)
        key = seen.key if seen is not None else self.choice.parameter
        for name in (*names[at + 1 :], *names[:at]):
            if self._has(MapName(name, key)):
                self._choose(MapName(name, key))
                return

    def _choose(self, one: MapName) -> None:
        self.flicker.end()
        self._set_name = one.set_name
        self.choice.choose(one)
        self._prepare_other()
        self.show()

    def _prepare_other(self) -> None:
        """Add the layer to compare with where it was never shown: that of an uncertainty."""
        other = self._other_map()
        if other is not None and (self._beside.widget is not None
                                  or self.bar.flicker_button.isChecked()):  # fmt: skip
            self.choice.prepare(other)

    def _has(self, one: MapName) -> bool:
        maps = self._maps(one)
        if maps is None:
            return False
        if one.key == QUALITY:
            return maps.quality is not None
        return one.key in maps or DEVIATIONS.get(one.key) in maps.uncertainty

    def _maps(self, one: MapName) -> ParameterMaps | None:
        """Return the maps that a map is one of; of another subject those that have a layer."""
        if not one.subject:
            return self.choice.sets().get(one.set_name)
        layers = self.choice.layers_of(one.set_name, one.subject)
        return next((layer.metadata[MAPS_KEY] for layer in layers.values()), None)

    def _on_set_picked(self, name: str) -> None:
        """Show the same map of another set, or its first where it has none like it."""
        seen = self.choice.seen_map()
        key = seen.key if seen is not None else self.choice.parameter
        if not self._has(MapName(name, key)):
            key = next(iter(_parameters(self.choice.sets().get(name))), "")
        self._choose(MapName(name, key))

    def _on_map_clicked(self, key: str) -> None:
        seen = self.choice.seen_map()
        is_of_set = seen is not None and seen.set_name == self._set_name
        if key == UNCERTAINTY:
            parameter = (seen.parameter if seen is not None else "") or self.choice.parameter
            parameter = parameter or next(
                iter(_parameters(self.choice.sets().get(self._set_name))), ""
            )
            is_shown = is_of_set and seen is not None and seen.key in DEVIATIONS
            key = parameter if is_shown else f"{parameter}_std"
        elif is_of_set and seen is not None and seen.key == key:
            self.flicker.end()
            self.choice.show_only(None)  # the series alone
            self.show()
            return
        if self._has(MapName(self._set_name, key)):
            self._choose(MapName(self._set_name, key))
        else:
            self.show()  # the button comes back up

    def _other_map(self) -> MapName | None:
        """Return what stands at the other side, or None where that is not there.

        It is the same map of another set; of the set on the canvas it is the map after it.
        """
        seen, other = self.choice.seen_map(), self._other_set()
        here = self.flicker.key_at_left() or (seen.key if seen else self.choice.parameter)
        if not self._other.key and self._is_own(other):
            keys = _parameters(self._maps(other))
            at = keys.index(here) + 1 if here in keys else 0
            here = keys[at % len(keys)] if keys else ""
        other = other._replace(key=self._other.key or here)
        return other if self._has(other) else None

    def _is_own(self, other: MapName) -> bool:
        return other.set_name == self._set_name and not other.subject

    def _other_set(self) -> MapName:
        """Return the set at the other side, without a map: that picked, else the youngest other."""
        own, others = list(self.choice.sets()), self.choice.sets_of_others()
        picked = self._other.set_name, self._other.subject
        if picked in others.values() or (picked[0] in own and not picked[1]):
            return self._other._replace(key="")
        rest = [name for name in own if name != self._set_name]
        key = self.flicker.key_at_left() or self.choice.parameter
        alike = [MapName(name, key, subject) for name, subject in others.values()]
        one = next((one for one in alike if self._has(one)), None)
        if not rest and one is not None:
            return one._replace(key="")
        return MapName(next(reversed(rest), self._set_name), "")

    def _show_other(self) -> None:
        other, others = self._other_set(), self.choice.sets_of_others()
        maps = self._maps(other)
        keys = [] if maps is None else [
            *((key, short_label(key)) for key in _parameters(maps)),
            *((f"{key}_std", f"{short_label(key)} SD") for key in maps.uncertainty),
            *([(QUALITY, "Quality")] if maps.quality is not None else []),
        ]  # fmt: skip
        current = next((label for label, one in others.items()
                        if one == (other.set_name, other.subject)), other.set_name)  # fmt: skip
        chosen = self._other_map()
        is_own = self._is_own(other)
        key = chosen.key if chosen is not None and is_own else self._other.key
        more = [KNOWN_TRUTH] if self._unopened_truth() else []
        self.bar.set_other([*self.choice.sets(), *others, *more], current,
                           keys if is_own else [_SAME, *keys], key)  # fmt: skip
        left, right = self.layer_at_left(), self.layer_at_right()
        self.bar.set_can_flicker(left is not None and chosen is not None and left is not right)
        if right is not None and self.bar.flicker_button.isChecked() and not self.flicker.is_on():
            self.flicker.begin()
        self._refresh_beside()

    def _unopened_truth(self) -> str:
        """Return the folder of the known truth; empty without one, or where it is a set already."""
        folder = None if self._truth is None else self._truth.truth_folder()
        known = {one.folder for one in self.session.maps_sets.values()}
        return "" if folder is None or str(folder) in known else str(folder)

    def _put_truth_beside(self) -> None:
        """Once the truth has come to be seen, let it give way to what was on the canvas."""
        (folder, before), seen = self._awaited, self.choice.seen_map()
        one = self.session.maps_sets.get(seen.set_name) if folder and seen else None
        if one is not None and one.folder == folder:
            self._awaited = ("", None)
            self._other = MapName(one.name, "")
            if before is not None:
                self.choice.choose(before)

    def _on_other_set(self, label: str) -> None:
        folder = self._unopened_truth()
        if label == KNOWN_TRUTH and folder and self._truth is not None:
            self._awaited = (folder, self.choice.seen_map())
            self._truth.open_maps(folder, "")
            self.show()
            return
        name, subject = self.choice.sets_of_others().get(label, (label, ""))
        other = MapName(name, self._other.key, subject)
        self._other = other if self._has(other) else other._replace(key="")
        self._prepare_other()
        self.show()

    def _on_other_map(self, key: str) -> None:
        self._other = self._other_set()._replace(key=key)
        self._prepare_other()
        self.show()

    def _refresh_beside(self) -> None:
        beside = self._beside.widget
        if isinstance(beside, SideBySide):
            beside.refresh()

    def _make_beside(self) -> SideBySide:
        return SideBySide(self.viewer, self.layer_at_right, self._why_nothing_at_right)

    def _why_nothing_at_right(self) -> str:
        seen, other = self.choice.seen_map(), self._other_set()
        if seen is None or self._other_map() is not None:
            return NOTHING
        key = self._other.key or seen.key
        what = "quality" if key == QUALITY else short_label(DEVIATIONS.get(key, key))
        what += " SD" if key in DEVIATIONS else ""
        return f"{other.set_name} has no {what}. Pick another map."

    def _make_planes(self) -> ThreePlanes:
        return ThreePlanes(self.viewer)

    def _on_beside(self, is_on: bool) -> None:
        if is_on:
            self._beside.open()
            self._prepare_other()
            self.show()
        else:
            self._beside.close()

    def _on_planes(self, is_on: bool) -> None:
        if is_on:
            self._planes.open()
        else:
            self._planes.close()

    def _on_flicker(self, is_on: bool) -> None:
        if is_on:
            self._prepare_other()  # a layer that is to come is waited for
            self.show()
        else:
            self.flicker.end()

    def _on_beside_closed(self) -> None:
        self.bar.beside_button.setChecked(False)

    def _on_planes_closed(self) -> None:
        self.bar.planes_button.setChecked(False)

    def _on_flicker_ended(self) -> None:
        self.bar.flicker_button.setChecked(False)

    def _has_series(self) -> bool:
        return any(series_of(layer) is not None for layer in self.viewer.layers)

    def _on_series(self, _: object) -> None:
        self.show()

    def _on_updated(self, _: object) -> None:
        self._refresh_beside()


SHORTCUTS: dict[str, tuple[str, tuple[int, ...]]] = {
    **{f"Ctrl+{number}": ("show_map", (number,)) for number in range(1, _N_PARAMETER_KEYS + 1)},
    _QUALITY_KEYS: ("show_quality", ()),
    _UNCERTAINTY_KEYS: ("show_uncertainty", ()),
    OTHER_KEYS: ("show_other_set", ()),
}
"""Keys, as Qt spells them, and the method of the binding that they call, with its arguments."""


def _parameters(maps: ParameterMaps | None) -> list[str]:
    """Return the maps of a set in the order of all parameters."""
    return [key for key in PARAMETERS if maps is not None and key in maps]


def _buttons(maps: ParameterMaps | None) -> list[MapButton]:
    if maps is None:
        return []
    keys = _parameters(maps)
    numbers = [f"Ctrl+{n}" if n <= _N_PARAMETER_KEYS else "" for n in range(1, len(keys) + 1)]
    buttons = [
        MapButton(key, short_label(key), f"Show {PARAMETERS[key].title} alone; "
                  "again: the images below it", number)
        for key, number in zip(keys, numbers, strict=True)
    ]  # fmt: skip
    if maps.quality is not None:
        buttons.append(MapButton(QUALITY, "Quality", "Show how well measured and predicted "
                                 "fingerprints correlate", _QUALITY_KEYS))  # fmt: skip
    if maps.uncertainty:
        buttons.append(MapButton(UNCERTAINTY, "SD", "Show the standard deviation of the map that "
                                 "is seen; again: the map", _UNCERTAINTY_KEYS))  # fmt: skip
    return buttons
