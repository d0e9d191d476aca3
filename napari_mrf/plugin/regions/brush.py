"""Rules of drawing: other regions are spared, and a range of a map limits where may be drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_mrf.data.geometry import grid_difference
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plugin.layers.regions import REGIONS_KEY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.plugin.regions.region_layers import RegionLayers
    from napari_mrf.plugin.session import Session


@dataclass(frozen=True)
class PaintLimit:
    """The range of a map in which may be drawn, ends included.

    Parameters
    ----------
    set_name, key : str
        The map: its set in the session, and its name in the set.
    low, high : float
        In the unit of the map.
    """

    set_name: str
    key: str
    low: float
    high: float

    def describe(self) -> str:
        """Return the range in words: ``"Fat fraction 0 to 0.5"``."""
        parameter = PARAMETERS[self.key]
        unit = f" {parameter.unit}" if parameter.unit else ""
        return f"{parameter.label} {self.low:g} to {self.high:g}{unit}"


class BrushRules:
    """What the brush, the fill bucket, polygons, copies and filled slices leave alone.

    Erasing is not limited by the range.

    Parameters
    ----------
    layers : RegionLayers
        The layers that are drawn in.
    session : Session
        Has the maps.

    Attributes
    ----------
    changed : Signal()
        Other rules.
    spares_others : bool
        Whether the brush and the bucket leave voxels of other regions alone. Polygons always do.
    limit : PaintLimit or None
        Where may be drawn.
    """

    changed = Signal()

    def __init__(self, layers: RegionLayers, session: Session) -> None:
        self._layers = layers
        self._session = session
        self.spares_others = True
        self.limit: PaintLimit | None = None
        self._is_restoring = False
        self._allowed: tuple[Any, NDArray[np.bool_]] | None = None

    def set_spares_others(self, spares: bool) -> None:
        """Let the brush spare other regions, or take from them."""
        self.spares_others = spares
        if self._layers.layer is not None and self._layers.layer.preserve_labels != spares:
            self._layers.layer.preserve_labels = spares
        self.changed.emit()

    def set_limit(self, limit: PaintLimit | None) -> None:
        """Limit where may be drawn, or no longer."""
        self.limit = limit
        self.changed.emit()

    def maps(self) -> list[tuple[str, str]]:
        """Return set and key of the maps that can limit: those on the grid of the regions."""
        grid = self._layers.grid()
        return [
            (name, key)
            for name, maps_set in reversed(list(self._session.maps_sets.items()))
            if grid is not None and not grid_difference(maps_set.maps, grid)
            for key in maps_set.maps
            if key in PARAMETERS
        ]

    def allowed(self) -> NDArray[np.bool_] | None:
        """Return where may be drawn, (Z, Y, X) in file order; None for everywhere."""
        if self.limit is None or (self.limit.set_name, self.limit.key) not in self.maps():
            return None
        values = self._session.maps_sets[self.limit.set_name].maps[self.limit.key]
        known = (self.limit, id(values))
        if self._allowed is None or self._allowed[0] != known:
            with np.errstate(invalid="ignore"):
                inside = (values >= self.limit.low) & (values <= self.limit.high)
            self._allowed = known, np.asarray(inside)
        return self._allowed[1]

    def attach(self, layer: Any) -> None:
        """Apply the rules to a Labels layer."""
        layer.preserve_labels = self.spares_others
        layer.events.preserve_labels.connect(self._on_preserve_labels)

    def detach(self, layer: Any) -> None:
        """Leave a layer to itself."""
        layer.events.preserve_labels.disconnect(self._on_preserve_labels)

    def take_back(self, before: NDArray[np.uint16]) -> None:
        """Give voxels outside the range back what they were before a stroke.

        Parameters
        ----------
        before : ndarray
            (Z, Y, X) in file order.
        """
        allowed, layer = self.allowed(), self._layers.layer
        if allowed is None or layer is None or self._is_restoring:
            return
        orientation = layer.metadata[REGIONS_KEY].orientation
        former, inside = orientation.to_screen(before), orientation.to_screen(allowed)
        wrong = (layer.data != former) & (layer.data != 0) & ~inside
        if wrong.any():
            self._is_restoring = True
            try:
                # Within a stroke it is part of it, for napari's own undo too.
                layer.data_setitem(np.nonzero(wrong), former[wrong])
            finally:
                self._is_restoring = False

    def _on_preserve_labels(self, event: Any) -> None:
        spares = bool(event.source.preserve_labels)
        if spares != self.spares_others:
            self.spares_others = spares
            self.changed.emit()
