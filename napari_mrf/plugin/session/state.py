"""Everything that belongs to one subject of a session."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import ReferenceType, ref

from napari_mrf.data.geometry import grid_difference
from napari_mrf.plugin.session.values import is_inside
from napari_mrf.plugin.subjects import source_of

if TYPE_CHECKING:
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.session.values import MapsSet, RegionChoice, Regions, Voxel


@dataclass(eq=False)
class SubjectState:
    """What belongs to one subject; see `Session` for what it means.

    Attributes
    ----------
    key : str
        Of the `Subject`.
    title : str
        Its name as far as it does not depend on other subjects.
    source : tuple
        Files with their sha256 and how they were read, see `source_of`; empty without a file.
    has_more : bool
        Whether results are kept elsewhere that would be lost with it.
    """

    key: str
    title: str = ""
    source: tuple[Any, ...] = ()
    series: MRFSeries | None = None
    series_name: str = ""
    maps_sets: dict[str, MapsSet] = field(default_factory=dict)
    voxel: Voxel | None = None
    pins: tuple[Voxel, ...] = ()
    regions: Regions | None = None
    region: RegionChoice | None = None
    has_more: bool = False
    _scans: list[tuple[ReferenceType[Any], set[str]]] = field(default_factory=list)

    @property
    def has_results(self) -> bool:
        """Whether there is anything that would be lost with the subject."""
        return bool(self.maps_sets or self.regions is not None or self.has_more)

    @property
    def has_had_series(self) -> bool:
        """Whether it is known whose scan this is."""
        return bool(self.source or self._scans)

    def owns(self, series: MRFSeries) -> bool:
        """Return whether a series is a scan of this subject.

        The same file is, and so is the same array, under whatever sequence.
        """
        source = source_of(series)
        return self.names_of(series) is not None or bool(source and source == self.source)

    def names_of(self, series: MRFSeries) -> set[str] | None:
        """Return the names that an array of this subject has had, None for another array."""
        return next((names for one, names in self._scans if one() is series.signal), None)

    def take(self, series: MRFSeries | None, name: str) -> None:
        """Make a series the current one of this subject, or none; the title stays with none."""
        self.series, self.series_name = series, name if series is not None else ""
        if series is None:
            return
        names = self.names_of(series)
        if names is None:
            self._scans.append((ref(series.signal), {name}))
        else:
            names.add(name)
        if not self.source:
            self.source = source_of(series)
        if not self.title:
            plain = re.sub(r" \[\d+\]$", "", name) if self.source else name
            # Both kinds of images of a raw file are of one subject.
            self.title = plain.removesuffix(f" {series.metadata.get('images')}")


def trim(state: SubjectState) -> None:
    """Let go of voxels that lie outside another series of the same subject."""
    state.pins = tuple(pin for pin in state.pins if is_inside(pin, state.series))
    if state.voxel is not None and not is_inside(state.voxel, state.series):
        state.voxel = None


def suits(state: SubjectState, series: MRFSeries) -> bool:
    """Return whether nothing of a subject without a series speaks against this one."""
    for one in state.maps_sets.values():
        record = one.maps.provenance.get("input")
        made_from = record.get("sha256") if isinstance(record, dict) else None
        if None not in (made_from, series.source_sha256) and made_from != series.source_sha256:
            return False
    grids: list[ParameterMaps | Regions] = [one.maps for one in state.maps_sets.values()]
    grids += [] if state.regions is None else [state.regions]
    return not any(grid_difference(one, series) for one in grids)
