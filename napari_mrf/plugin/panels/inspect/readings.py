"""Traces of the inspector: read in threads, the latest answers kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_mrf.analysis.inspection.inspect import is_from
from napari_mrf.analysis.inspection.predictor import Predictor
from napari_mrf.plugin.kit.latest import Latest
from napari_mrf.plugin.panels.inspect.drawn import Drawn
from napari_mrf.plugin.panels.inspect.work import (
    RegionsQuestion,
    VoxelReader,
    VoxelsQuestion,
    answer_regions,
)
from napari_mrf.plugin.present import present

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_mrf.analysis.inspection.traces import Trace
    from napari_mrf.plugin.jobs import Failure
    from napari_mrf.plugin.panels.inspect.work import VoxelsAnswer
    from napari_mrf.plugin.session import MapsSet, RegionChoice, Session, Voxel


class InspectReadings:
    """Reads and predicts the voxel under the mouse, the pins and the regions.

    The way of a move of the mouse: `look_at` asks in a thread, the answer becomes `drawn`, and
    `drawn_changed` is emitted once. While nobody looks nothing is asked.

    Parameters
    ----------
    session : Session
        With the series, the pins and the regions.
    is_in_sight : callable
        Returns whether the panel is visible.

    Attributes
    ----------
    drawn_changed : Signal()
        There are other traces.
    resting_changed : Signal()
        There are other traces of pins or regions, or other predictors. Precedes `drawn_changed`.
    place_changed : Signal()
        The mouse is elsewhere, and no other traces follow.
    failed : Signal(object)
        The `Failure` of a reading.
    place : Voxel or None
        The voxel under the mouse, or the last one that was.
    predictors : tuple of Predictor
        One for each set of maps that is shown.
    drawn : Drawn
        The latest answers.
    is_partial : bool
        Whether the predictions of the voxel are not there yet.
    is_stale : bool
        Whether something was not asked for since nobody looked.
    of_voxel, of_pins, of_regions : Latest
        The readings.
    """

    drawn_changed = Signal()
    resting_changed = Signal()
    place_changed = Signal()
    failed = Signal(object)

    def __init__(self, session: Session, is_in_sight: Callable[[], bool]) -> None:
        self.session, self._is_in_sight = session, is_in_sight
        self.place: Voxel | None = session.selected_voxel
        self.predictors: tuple[Predictor, ...] = ()
        self.drawn = Drawn()
        self.is_partial = False
        self.is_stale = True
        self._region_colors: tuple[str, ...] = ()
        self.of_voxel = Latest(VoxelReader().answers)
        self.of_pins = Latest(VoxelReader().answers)
        self.of_regions = Latest(answer_regions)
        self.of_voxel.answered.connect(self._on_voxel_answered)
        self.of_pins.answered.connect(self._on_pins_answered)
        self.of_regions.answered.connect(self._on_regions_answered)
        for reading in (self.of_voxel, self.of_pins, self.of_regions):
            reading.failed.connect(self._on_failed)

    def is_awake(self) -> bool:
        """Return whether to ask; if not, everything is asked for when the panel is back."""
        self.is_stale = self.is_stale or not self._is_in_sight()
        return not self.is_stale

    def look_at(self, voxel: Voxel | None) -> None:
        """Read the voxel under the mouse; outside the image the last one stays."""
        self.place = voxel or self.place
        if voxel is not None and self.is_awake():
            self.ask_voxel()
        else:
            self.place_changed.emit()

    def predict_from(self, maps_sets: Sequence[MapsSet]) -> NDArray[np.bool_]:
        """Predict from these sets of maps; return the (T,) frames that none of them used."""
        series, name = present(self.session.series), self.session.series_name
        self.predictors = tuple(
            Predictor.of(
                one.name,
                one.maps,
                series,
                is_own_series=bool(
                    is_from(
                        one.maps,
                        series,
                        made_from=one.series_name,
                        series_name=one.series_name
                        if self.session.has_been_named(one.series_name)
                        else name,
                    )
                ),
            )
            for one in maps_sets
        )
        self.resting_changed.emit()
        return np.asarray(~np.any([p.used for p in self.predictors] or [np.ones(1, bool)], axis=0))

    def clear(self) -> None:
        """Forget all traces and all questions that are not answered yet."""
        self.drawn = Drawn()
        for reading in (self.of_voxel, self.of_pins, self.of_regions):
            reading.forget()

    def ask_voxel(self) -> None:
        """Read the voxel under the mouse; without one none is shown."""
        if self.place is None:
            self._draw(voxel=())
        else:
            self.of_voxel.ask(self._question(self.place))

    def ask_pins(self) -> None:
        """Read the pins of the session."""
        if self.session.pins:
            self.of_pins.ask(self._question(*self.session.pins))
        else:
            self.of_pins.forget()
            self._rest(pins=())

    def ask_regions(self, choices: tuple[RegionChoice, ...], colors: tuple[str, ...]) -> None:
        """Read regions of the session, which are drawn in these colors."""
        series, regions = self.session.series, self.session.regions
        self._region_colors = colors
        if choices and series is not None and regions is not None:
            self.of_regions.ask(RegionsQuestion(series, self.predictors, regions, choices))
        elif self.drawn.resting.regions or self.of_regions.is_busy:
            self.of_regions.forget()
            self._rest(regions=(), region_colors=())

    def _question(self, *voxels: Voxel) -> VoxelsQuestion:
        return VoxelsQuestion(present(self.session.series), self.predictors, voxels)

    def _draw(self, **changes: Any) -> None:
        self.drawn = replace(self.drawn, **changes)
        self.drawn_changed.emit()

    def _rest(self, **changes: Any) -> None:
        self.drawn = replace(self.drawn, resting=replace(self.drawn.resting, **changes))
        self.resting_changed.emit()
        self.drawn_changed.emit()

    def _on_voxel_answered(self, answer: VoxelsAnswer) -> None:
        self.is_partial = not answer.is_complete
        self._draw(voxel=answer.traces)

    def _on_pins_answered(self, answer: VoxelsAnswer) -> None:
        self._rest(pins=answer.traces)

    def _on_regions_answered(self, traces: tuple[Trace, ...]) -> None:
        self._rest(regions=traces, region_colors=self._region_colors[: len(traces)])

    def _on_failed(self, failure: Failure) -> None:
        self.failed.emit(failure)
