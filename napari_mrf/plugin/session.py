"""Session of a viewer: series, maps, voxels, regions and long work that its panels share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from psygnal import Signal

from napari_mrf.plugin.jobs import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.data.label import Label
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries

_Made = TypeVar("_Made")


@dataclass(frozen=True, eq=False)
class MapsSet:
    """The complete maps of one run.

    Parameters
    ----------
    name : str
        The method and what differs from other runs (``"water-fat slice 3"``); layers are named
        after it.
    maps : ParameterMaps
        The result, in file order.
    series_name : str
        Name of the series it came from; empty for maps from disk.
    seconds : float
        How long the run took; 0 for maps from disk.
    folder : str
        Where the set is saved; empty while it is in no file.
    """

    name: str
    maps: ParameterMaps
    series_name: str = ""
    seconds: float = 0.0
    folder: str = ""


@dataclass(frozen=True)
class PartialMaps:
    """Maps of a run that is not finished: the arrays go on filling, so receivers copy them.

    Parameters
    ----------
    set_name : str
        The set they belong to.
    maps : ParameterMaps
        As filled so far.
    z : int or None
        File slice that changed; None for all.
    """

    set_name: str
    maps: ParameterMaps
    z: int | None


@dataclass(frozen=True, eq=False)
class Regions:
    """A snapshot of the regions of interest, which nobody writes to.

    Parameters
    ----------
    labels : ndarray
        (Z, Y, X) uint16 in file order; 0 is no region.
    table : mapping
        The label of each number.
    path : str
        The file they were loaded from or saved to; empty while they are in no file.
    affine : ndarray or None
        (4, 4) to mm of the grid they are drawn on.
    """

    labels: NDArray[np.uint16]
    table: Mapping[int, Label]
    path: str = ""
    affine: NDArray[np.float64] | None = None

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """(Z, Y, X)."""
        return self.labels.shape


@dataclass(frozen=True)
class RegionChoice:
    """The region that the user has chosen.

    Parameters
    ----------
    label : int
        Its number.
    z : int or None
        The slice in file order; None for the region as a whole.
    """

    label: int
    z: int | None = None


Voxel = tuple[int, int, int]
"""(z, y, x) in file order."""


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
    pins_changed : Signal(tuple)
        The pinned voxels (z, y, x) in file order, oldest first.
    regions_changed : Signal(object)
        The `Regions`, drawn, loaded or edited, or None.
    region_chosen : Signal(object)
        The `RegionChoice` or None.
    saved : Signal()
        Maps or regions were noted as saved.
    opening, reconstruction, comparison, importance : Job
        Long work of each kind; each runs one piece at a time.
    """

    series_changed = Signal(object)
    maps_changed = Signal(str)
    voxel_changed = Signal(object)
    pins_changed = Signal(tuple)
    regions_changed = Signal(object)
    region_chosen = Signal(object)
    saved = Signal()

    def __init__(self) -> None:
        self._series: MRFSeries | None = None
        self._series_name = ""
        self._maps_sets: dict[str, MapsSet] = {}
        self._voxel: Voxel | None = None
        self._pins: tuple[Voxel, ...] = ()
        self._regions: Regions | None = None
        self._region: RegionChoice | None = None
        self.opening = Job()
        self.reconstruction = Job()
        self.comparison = Job()
        self.importance = Job()

    @property
    def series(self) -> MRFSeries | None:
        """The series that the panels work on."""
        return self._series

    @property
    def series_name(self) -> str:
        """Its name in the layer list; empty without a series."""
        return self._series_name

    def set_series(self, series: MRFSeries | None, name: str = "") -> None:
        """Make a series the current one, or the same series under another sequence.

        The selected voxel and the pins stay where they still lie in the grid.
        """
        if series is self._series and name == self._series_name:
            return
        self._series, self._series_name = series, name if series is not None else ""
        voxel = self._voxel
        if voxel is not None and not _inside(voxel, series):
            self.select_voxel(None)
        self.set_pins(tuple(pin for pin in self._pins if _inside(pin, series)))
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

    def mark_maps_saved(self, name: str, folder: str) -> None:
        """Note where a set was saved; it counts as the same set."""
        if name in self._maps_sets:
            self._maps_sets[name] = replace(self._maps_sets[name], folder=folder)
            self.saved.emit()

    def remove_maps(self, name: str) -> None:
        """Forget a set; an unknown name is ignored."""
        if self._maps_sets.pop(name, None) is not None:
            self.maps_changed.emit(name)

    @property
    def selected_voxel(self) -> Voxel | None:
        """The selected voxel, (z, y, x) in file order, or None."""
        return self._voxel

    def select_voxel(self, voxel: Voxel | None) -> None:
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

    @property
    def pins(self) -> tuple[Voxel, ...]:
        """The pinned voxels, (z, y, x) in file order, oldest first."""
        return self._pins

    def set_pins(self, pins: tuple[Voxel, ...]) -> None:
        """Replace the pinned voxels; of a voxel named twice the first counts.

        Raises
        ------
        IndexError
            When one lies outside the series.
        """
        for pin in pins:
            if not _inside(pin, self._series):
                raise IndexError(f"voxel {pin} lies outside the series")
        pins = tuple(dict.fromkeys(pins))
        if pins != self._pins:
            self._pins = pins
            self.pins_changed.emit(pins)

    @property
    def regions(self) -> Regions | None:
        """The regions of interest, or None."""
        return self._regions

    def set_regions(self, regions: Regions | None) -> None:
        """Make regions the current ones; the chosen one stays while it is among them."""
        self._regions = regions
        choice = self._region
        if choice is not None and (regions is None or choice.label not in regions.table):
            self.choose_region(None)
        self.regions_changed.emit(regions)

    def mark_regions_saved(self, path: str) -> None:
        """Note where the regions were saved; they count as the same regions."""
        if self._regions is not None:
            self._regions = replace(self._regions, path=path)
            self.saved.emit()

    @property
    def chosen_region(self) -> RegionChoice | None:
        """The region that the user has chosen, or None."""
        return self._region

    def choose_region(self, choice: RegionChoice | None) -> None:
        """Choose a region, in one slice or as a whole, or none.

        Raises
        ------
        KeyError
            When there is no such region.
        """
        if choice is not None and (
            self._regions is None or choice.label not in self._regions.table
        ):
            raise KeyError(choice.label)
        if choice != self._region:
            self._region = choice
            self.region_chosen.emit(choice)


def _inside(voxel: tuple[int, int, int], series: MRFSeries | None) -> bool:
    if series is None:
        return False
    return all(0 <= index < n for index, n in zip(voxel, series.spatial_shape, strict=True))


def unwrapped(proxy: Any) -> Any:
    """Return the napari object behind the proxy that plugins are handed."""
    return getattr(proxy, "__wrapped__", proxy)


def one_per_viewer(make: Callable[[Any], _Made]) -> Callable[[Any], _Made]:
    """Return a function that makes one object for each viewer and keeps it with the viewer.

    Parameters
    ----------
    make : callable
        Called with a viewer when its object is first asked for. The object must not keep the
        viewer alive: it refers to it weakly.

    Returns
    -------
    callable
        Takes a viewer, or the proxy of it that plugins are handed, and returns its object.
    """
    kept: WeakKeyDictionary[Any, _Made] = WeakKeyDictionary()

    def of(viewer: Any) -> _Made:
        viewer = unwrapped(viewer)
        if viewer not in kept:
            kept[viewer] = make(viewer)
        return kept[viewer]

    return of


session_of = one_per_viewer(lambda _: Session())
"""Return the session of a viewer."""
