"""Session of a viewer: what its panels share, for the subject that is shown and for the others."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_mrf.plugin.jobs import Job
from napari_mrf.plugin.session.one_per_viewer import one_per_viewer
from napari_mrf.plugin.session.state import SubjectState, suits, trim
from napari_mrf.plugin.session.values import is_inside
from napari_mrf.plugin.subjects import Subject, distinct_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.jobs import JobStatus
    from napari_mrf.plugin.session.values import MapsSet, RegionChoice, Regions, Voxel


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

    def begin_subject(
        self, series: MRFSeries | None = None, name: str = "", title: str = ""
    ) -> None:
        """Make a new subject the current one.

        Parameters
        ----------
        series : MRFSeries, optional
            Its series, which is no other subject's; without one nothing is known of it yet.
        name : str
            Of the series.
        title : str, optional
            What the subject is called; without, as its series.
        """
        state = self._make()
        state.title = title
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

    def has_had_series(self, key: str) -> bool:
        """Return whether it is known whose scan a subject is."""
        return key in self._states and self._states[key].has_had_series

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
            if not state.has_had_series and suits(state, series):
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
            trim(state)
            self._arrive(state)
            return
        self._tell_subjects()
        voxel = here.voxel
        if voxel is not None and not is_inside(voxel, series):
            self.select_voxel(None)
        if series is not None:
            self.set_pins(tuple(pin for pin in here.pins if is_inside(pin, series)))
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
        if voxel is not None and not is_inside(voxel, self._here.series):
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
            if not is_inside(pin, self._here.series):
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


session_of = one_per_viewer(lambda _: Session())
"""Return the session of a viewer."""
