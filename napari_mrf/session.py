"""What the panels of one viewer share: the current series, the maps, the selected voxel."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from psygnal import Signal

from napari_mrf.jobs import Job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.maps import ParameterMaps
    from napari_mrf.series import MRFSeries


@dataclass(frozen=True, eq=False)
class MapsSet:
    """The complete maps of one run.

    Parameters
    ----------
    name : str
        The method, followed by what sets the run apart (``"water-fat slice 3"``); layers are
        named after it.
    maps : ParameterMaps
        The result, in file order.
    series_name : str
        Name of the series it came from; empty for maps from disk.
    seconds : float
        How long the run took; 0 for maps from disk.
    """

    name: str
    maps: ParameterMaps
    series_name: str = ""
    seconds: float = 0.0


class Session:
    """The shared state of one viewer; panels read it and listen to its signals.

    Attributes
    ----------
    series_changed : Signal(object)
        The current series or its sequence changed; the `MRFSeries` or None.
    maps_changed : Signal(str)
        The set of that name was added, replaced or removed.
    voxel_changed : Signal(object)
        The selected voxel in file order (z, y, x), or None.
    opening, reconstruction : Job
        The two kinds of long work; each runs one piece at a time.
    """

    series_changed = Signal(object)
    maps_changed = Signal(str)
    voxel_changed = Signal(object)

    def __init__(self) -> None:
        self._series: MRFSeries | None = None
        self._series_name = ""
        self._maps_sets: dict[str, MapsSet] = {}
        self._voxel: tuple[int, int, int] | None = None
        self.opening = Job()
        self.reconstruction = Job()

    @property
    def series(self) -> MRFSeries | None:
        """The series that the panels work on."""
        return self._series

    @property
    def series_name(self) -> str:
        """Its name in the layer list; empty without a series."""
        return self._series_name

    def set_series(self, series: MRFSeries | None, name: str = "") -> None:
        """Make a series the current one, or replace it by itself under another sequence.

        The selected voxel stays when it still lies in the grid.
        """
        if series is self._series and name == self._series_name:
            return
        self._series, self._series_name = series, name if series is not None else ""
        voxel = self._voxel
        if voxel is not None and not _inside(voxel, series):
            self.select_voxel(None)
        self.series_changed.emit(series)

    @property
    def maps_sets(self) -> Mapping[str, MapsSet]:
        """Complete sets by name, oldest first; read-only."""
        return MappingProxyType(self._maps_sets)

    def add_maps(self, maps_set: MapsSet) -> None:
        """Add a set; one of the same name is replaced and becomes the youngest."""
        self._maps_sets.pop(maps_set.name, None)
        self._maps_sets[maps_set.name] = maps_set
        self.maps_changed.emit(maps_set.name)

    def remove_maps(self, name: str) -> None:
        """Forget a set; an unknown name is none to forget."""
        if self._maps_sets.pop(name, None) is not None:
            self.maps_changed.emit(name)

    @property
    def selected_voxel(self) -> tuple[int, int, int] | None:
        """The voxel under discussion, (z, y, x) in file order."""
        return self._voxel

    def select_voxel(self, voxel: tuple[int, int, int] | None) -> None:
        """Select a voxel (z, y, x) of the current series, or none.

        Raises
        ------
        IndexError
            When it lies outside the series.
        """
        if voxel is not None and not _inside(voxel, self._series):
            raise IndexError(f"voxel {voxel} lies outside the series")
        if voxel != self._voxel:
            self._voxel = voxel
            self.voxel_changed.emit(voxel)


def _inside(voxel: tuple[int, int, int], series: MRFSeries | None) -> bool:
    if series is None:
        return False
    return all(0 <= index < n for index, n in zip(voxel, series.spatial_shape, strict=True))


_SESSIONS: WeakKeyDictionary[Any, Session] = WeakKeyDictionary()


def session_of(viewer: Any) -> Session:
    """Return the session of a viewer, made when first asked for.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        Plugins are handed a proxy of the viewer; it leads to the same session.

    Returns
    -------
    Session
        It lives as long as the viewer.
    """
    viewer = unwrapped(viewer)
    if viewer not in _SESSIONS:
        _SESSIONS[viewer] = Session()
    return _SESSIONS[viewer]


def unwrapped(proxy: Any) -> Any:
    """Return the napari object behind the proxy that plugins are handed."""
    return getattr(proxy, "__wrapped__", proxy)
