"""Session of a viewer: series, maps, voxels, regions and long work that its panels share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import ReferenceType, WeakKeyDictionary, ref

from psygnal import Signal

from napari_mrf.data.geometry import grid_difference
from napari_mrf.plugin.jobs import Job
from napari_mrf.plugin.subjects import Subject, distinct_names, source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.data.label import Label
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.jobs import JobStatus

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
            self.title = re.sub(r" \[\d+\]$", "", name) if self.source else name


class Session:
    """The shared state of one viewer; panels read it and listen to its signals.

    A window may hold several subjects. Series, maps, voxels and regions are always those of the
    current one: panels ask each time, and follow the signals, which are all emitted when another
    subject becomes the current one.

    Attributes
    ----------
    subject_changing : Signal()
        Another subject is about to become the current one; what is unfinished belongs to this.
    subject_changed : Signal(object)
        Another `Subject` is the current one; emitted before the signals of what belongs to it.
    subjects_changed : Signal()
        There are more or fewer subjects, or other names of them.
    series_changed : Signal(object)
        The current series or its sequence changed; the `MRFSeries` or None.
    maps_changed : Signal(str)
        The set of that name was added, replaced or removed; empty for all sets.
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

    subject_changing = Signal()
    subject_changed = Signal(object)
    subjects_changed = Signal()
    series_changed = Signal(object)
    maps_changed = Signal(str)
    voxel_changed = Signal(object)
    pins_changed = Signal(tuple)
    regions_changed = Signal(object)
    region_chosen = Signal(object)
    saved = Signal()

    def __init__(self) -> None:
        self._n_made = 0
        self._here = self._make()
        self._states = {self._here.key: self._here}
        self._told: tuple[Subject, ...] = ()
        self.opening = Job()
        self.reconstruction = Job()
        self.comparison = Job()
        self.importance = Job()
        self._owners: dict[Job, str] = {}
        self._running: set[Job] = set()
        for job in (self.reconstruction, self.comparison, self.importance):
            job.changed.connect(partial(self._on_job_changed, job))

    @property
    def subject(self) -> Subject:
        """The subject that the panels work on; its name is empty while the window is."""
        here = self._here
        return next((one for one in self.subjects if one.key == here.key), Subject("", here.key))

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """All subjects with a series or results, in the order in which they came."""
        shown = [one for one in self._states.values() if one.series or one.has_results]
        names = distinct_names([one.title for one in shown], [one.source for one in shown])
        return tuple(Subject(name, one.key) for name, one in zip(names, shown, strict=True))

    def name_of(self, key: str) -> str:
        """Return the name of a subject; empty for one that is gone."""
        return next((one.name for one in self.subjects if one.key == key), "")

    def choose_subject(self, key: str) -> None:
        """Make a subject the current one.

        Raises
        ------
        KeyError
            When there is none of that key.
        """
        state = self._states[key]
        if state is not self._here:
            self._leave()
            self._arrive(state)

    def begin_subject(self, series: MRFSeries | None = None, name: str = "") -> None:
        """Make a new subject the current one.

        Parameters
        ----------
        series : MRFSeries, optional
            Its series, which is no other subject's; without one nothing is known of it yet.
        name : str
            Of the series.
        """
        state = self._make()
        state.take(series, name)
        self._leave()
        self._states[state.key] = state
        self._arrive(state)

    def remove_subject(self, key: str) -> None:
        """Forget a subject with all its results; the youngest other becomes the current one."""
        state = self._states.get(key)
        if state is None:
            return
        if state is self._here:
            others = [one for one in self._states.values() if one is not state]
            successor = others[-1] if others else self._make()
            self._states.setdefault(successor.key, successor)
            self._leave()
            del self._states[key]
            self._arrive(successor)
        else:
            del self._states[key]
            self._tell_subjects()

    def subject_of(self, series: MRFSeries) -> str | None:
        """Return the key of the subject whose scan a series is, None for a new one."""
        return next((one.key for one in self._states.values() if one.owns(series)), None)

    def series_of(self, key: str) -> MRFSeries | None:
        """Return the current series of a subject, or None."""
        return self._states[key].series if key in self._states else None

    def has_results(self, key: str) -> bool:
        """Return whether a subject has maps, regions or other results."""
        return key in self._states and self._states[key].has_results

    def mark_results(self, key: str) -> None:
        """Note that results of a subject are kept elsewhere, so that it is not forgotten."""
        if key in self._states:
            self._states[key].has_more = True

    def state_of(self, key: str) -> SubjectState:
        """Return a copy of what belongs to a subject now; an empty one for a subject that is gone.

        See `revive` and `put_back`.
        """
        state = self._states.get(key, SubjectState(key))
        return replace(state, maps_sets=dict(state.maps_sets), _scans=list(state._scans))

    def revive(self, former: SubjectState) -> str:
        """Return the key of a subject that may be gone by now, or of who has its scan since then.

        Where nobody has, there is such a subject again, with nothing of its own yet.
        """
        if former.key in self._states:
            return former.key
        key = None if former.series is None else self.subject_of(former.series)
        if key is None:
            key = former.key
            self._states[key] = SubjectState(key, former.title, former.source,
                                             _scans=list(former._scans))  # fmt: skip
        return key

    def put_back(self, former: SubjectState, *, has_series: bool) -> None:
        """Give a subject the pins back that it had, and its series.

        Parameters
        ----------
        former : SubjectState
            From `state_of`, of a subject that is there.
        has_series : bool
            Whether its series is put back, too; pins are where that is the present one.
        """
        state = self._states[former.key]
        if has_series and state is self._here:
            self.set_series(former.series, former.series_name)
        elif has_series:
            state.take(former.series, former.series_name)
        if state.series is former.series is not None:
            pins = tuple(dict.fromkeys((*former.pins, *state.pins)))
            if state is self._here:
                self.set_pins(pins)
            else:
                state.pins = pins
        self._tell_subjects()

    def regions_of(self, key: str) -> Regions | None:
        """Return the regions of a subject, or None."""
        return self._states[key].regions if key in self._states else None

    def owner_of(self, job: Job) -> str:
        """Return the key of the subject that was the current one when a job was started last."""
        return self._owners.get(job, self._here.key)

    def _on_job_changed(self, job: Job, status: JobStatus) -> None:
        if status.is_running and job not in self._running:
            self._owners[job] = self._here.key
            self._running.add(job)
        elif not status.is_running:
            self._running.discard(job)

    def _make(self) -> SubjectState:
        self._n_made += 1
        return SubjectState(str(self._n_made))

    def _leave(self) -> None:
        self.subject_changing.emit()

    def _arrive(self, state: SubjectState) -> None:
        """Make a subject the current one and tell everybody."""
        left, self._here = self._here, state
        if left.series is None and not left.has_results:
            self._states.pop(left.key, None)
        self.subject_changed.emit(self.subject)
        self._tell_subjects()
        self.series_changed.emit(state.series)
        self.maps_changed.emit("")
        self.voxel_changed.emit(state.voxel)
        self.pins_changed.emit(state.pins)
        self.regions_changed.emit(state.regions)
        self.region_chosen.emit(state.region)

    def _tell_subjects(self) -> None:
        subjects = self.subjects
        if subjects != self._told:
            self._told = subjects
            self.subjects_changed.emit()

    def _state_for(self, series: MRFSeries) -> SubjectState:
        """Return the state that a series belongs to; a new one where nobody's suits."""
        key = self.subject_of(series)
        if key is not None:
            return self._states[key]
        # Maps and regions that were there before any series are those of the first that suits.
        for state in self._states.values():
            if not state.has_had_series and _suits(state, series):
                return state
        state = self._make()
        self._states[state.key] = state
        return state

    @property
    def series(self) -> MRFSeries | None:
        """The series that the panels work on."""
        return self._here.series

    @property
    def series_name(self) -> str:
        """Its name in the layer list; empty without a series."""
        return self._here.series_name

    def set_series(self, series: MRFSeries | None, name: str = "") -> None:
        """Make a series the current one, or the same series under another sequence.

        Its subject becomes the current one. Without a series the subject stays, with its
        results. The selected voxel and the pins stay where they still lie in the grid.
        """
        here = self._here
        if series is here.series and name == here.series_name:
            return
        state = here if series is None else self._state_for(series)
        if state is not here:
            self._leave()
        state.take(series, name)
        if state is not here:
            _trim(state)
            self._arrive(state)
            return
        self._tell_subjects()
        voxel = here.voxel
        if voxel is not None and not _inside(voxel, series):
            self.select_voxel(None)
        if series is not None:
            self.set_pins(tuple(pin for pin in here.pins if _inside(pin, series)))
        self.series_changed.emit(series)

    def rename_series(self, series: MRFSeries, name: str, title: str = "") -> None:
        """Note another name of a series in the layer list, of whatever subject it is.

        Parameters
        ----------
        series : MRFSeries
            The series.
        name : str
            Its name.
        title : str, optional
            What its subject is called from now on; as before without.
        """
        for state in self._states.values():
            if state.series is series and name != state.series_name:
                state.take(series, name)
                state.title = title or state.title
                self._tell_subjects()
                if state is self._here:
                    self.series_changed.emit(series)

    def has_been_named(self, name: str) -> bool:
        """Return whether the current series has, or has had, a name in the layer list."""
        here = self._here
        return here.series is not None and name in (here.names_of(here.series) or ())

    def title_of(self, key: str) -> str:
        """Return the name of a subject as far as it does not depend on the others."""
        return self._states[key].title if key in self._states else ""

    def drop_series(self, key: str) -> None:
        """Take the series away from a subject that is not the current one; its results stay."""
        state = self._states.get(key)
        if state is not None and state is not self._here:
            state.take(None, "")
            if not state.has_results:
                del self._states[key]
            self._tell_subjects()

    @property
    def maps_sets(self) -> Mapping[str, MapsSet]:
        """Complete sets by name, oldest first; read-only."""
        return MappingProxyType(self._here.maps_sets)

    def maps_sets_of(self, key: str) -> Mapping[str, MapsSet]:
        """Return the complete sets of a subject by name, oldest first; read-only."""
        return MappingProxyType(self._states[key].maps_sets if key in self._states else {})

    def add_maps(self, maps_set: MapsSet, subject: str | None = None) -> None:
        """Add a set; one of the same name is replaced and becomes the youngest.

        Parameters
        ----------
        maps_set : MapsSet
            The set.
        subject : str, optional
            Key of the subject; the current one without. One that is gone gets nothing.
        """
        state = self._here if subject is None else self._states.get(subject)
        if state is None:
            return
        state.maps_sets.pop(maps_set.name, None)
        state.maps_sets[maps_set.name] = maps_set
        self._maps_have_changed(state, maps_set.name)

    def mark_maps_saved(self, name: str, folder: str, subject: str | None = None) -> None:
        """Note where a set was saved; it counts as the same set."""
        state = self._here if subject is None else self._states.get(subject)
        if state is not None and name in state.maps_sets:
            state.maps_sets[name] = replace(state.maps_sets[name], folder=folder)
            self.saved.emit()

    def remove_maps(self, name: str, subject: str | None = None) -> None:
        """Forget a set; an unknown name is ignored."""
        state = self._here if subject is None else self._states.get(subject)
        if state is not None and state.maps_sets.pop(name, None) is not None:
            self._maps_have_changed(state, name)

    def _maps_have_changed(self, state: SubjectState, name: str) -> None:
        self._tell_subjects()
        if state is self._here:
            self.maps_changed.emit(name)

    @property
    def selected_voxel(self) -> Voxel | None:
        """The selected voxel, (z, y, x) in file order, or None."""
        return self._here.voxel

    def select_voxel(self, voxel: Voxel | None) -> None:
        """Select a voxel (z, y, x) of the current series, or none.

        Raises
        ------
        IndexError
            When it lies outside the series.
        """
        if voxel is not None and not _inside(voxel, self._here.series):
            raise IndexError(f"voxel {voxel} lies outside the series")
        if voxel != self._here.voxel:
            self._here.voxel = voxel
            self.voxel_changed.emit(voxel)

    @property
    def pins(self) -> tuple[Voxel, ...]:
        """The pinned voxels, (z, y, x) in file order, oldest first."""
        return self._here.pins

    def set_pins(self, pins: tuple[Voxel, ...]) -> None:
        """Replace the pinned voxels; of a voxel named twice the first counts.

        Raises
        ------
        IndexError
            When one lies outside the series.
        """
        for pin in pins:
            if not _inside(pin, self._here.series):
                raise IndexError(f"voxel {pin} lies outside the series")
        pins = tuple(dict.fromkeys(pins))
        if pins != self._here.pins:
            self._here.pins = pins
            self.pins_changed.emit(pins)

    @property
    def regions(self) -> Regions | None:
        """The regions of interest, or None."""
        return self._here.regions

    def set_regions(self, regions: Regions | None, subject: str | None = None) -> None:
        """Make regions the current ones; the chosen one stays while it is among them.

        Parameters
        ----------
        regions : Regions or None
            The regions.
        subject : str, optional
            Key of the subject; the current one without. One that is gone gets nothing.
        """
        if subject is not None and subject != self._here.key:
            if subject in self._states:
                self._states[subject].regions = regions
                self._tell_subjects()
            return
        self._here.regions = regions
        choice = self._here.region
        if choice is not None and (regions is None or choice.label not in regions.table):
            self.choose_region(None)
        self._tell_subjects()
        self.regions_changed.emit(regions)

    def mark_regions_saved(self, path: str, subject: str | None = None) -> None:
        """Note where the regions were saved; they count as the same regions."""
        state = self._here if subject is None else self._states.get(subject)
        if state is not None and state.regions is not None:
            state.regions = replace(state.regions, path=path)
            self.saved.emit()

    @property
    def chosen_region(self) -> RegionChoice | None:
        """The region that the user has chosen, or None."""
        return self._here.region

    def choose_region(self, choice: RegionChoice | None) -> None:
        """Choose a region, in one slice or as a whole, or none.

        Raises
        ------
        KeyError
            When there is no such region.
        """
        regions = self._here.regions
        if choice is not None and (regions is None or choice.label not in regions.table):
            raise KeyError(choice.label)
        if choice != self._here.region:
            self._here.region = choice
            self.region_chosen.emit(choice)


def _trim(state: SubjectState) -> None:
    """Let go of voxels that lie outside another series of the same subject."""
    state.pins = tuple(pin for pin in state.pins if _inside(pin, state.series))
    if state.voxel is not None and not _inside(state.voxel, state.series):
        state.voxel = None


def _suits(state: SubjectState, series: MRFSeries) -> bool:
    """Return whether nothing of a subject without a series speaks against this one."""
    for one in state.maps_sets.values():
        record = one.maps.provenance.get("input")
        made_from = record.get("sha256") if isinstance(record, dict) else None
        if None not in (made_from, series.source_sha256) and made_from != series.source_sha256:
            return False
    grids: list[ParameterMaps | Regions] = [one.maps for one in state.maps_sets.values()]
    grids += [] if state.regions is None else [state.regions]
    return not any(grid_difference(one, series) for one in grids)


def _inside(voxel: tuple[int, int, int], series: MRFSeries | None) -> bool:
    if series is None:
        return False
    return all(0 <= index < n for index, n in zip(voxel, series.spatial_shape, strict=True))


class BySubject(Generic[_Made]):
    """One object for each subject of a session, made when it is first asked for.

    Parameters
    ----------
    session : Session
        Referred to by its subjects only.
    make : callable
        Without arguments.
    """

    def __init__(self, session: Session, make: Callable[[], _Made]) -> None:
        self._session, self._make = session, make
        self._made: dict[str, _Made] = {}
        session.subjects_changed.connect(self._on_subjects_changed)

    @property
    def here(self) -> _Made:
        """That of the current subject."""
        return self.of(self._session.subject.key)

    def of(self, key: str) -> _Made:
        """Return that of a subject."""
        if key not in self._made:
            self._made[key] = self._make()
        return self._made[key]

    def _on_subjects_changed(self) -> None:
        kept = {self._session.subject.key, *(one.key for one in self._session.subjects)}
        self._made = {key: one for key, one in self._made.items() if key in kept}


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
