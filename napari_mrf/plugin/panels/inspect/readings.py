"""The traces of the inspector: asked for in threads, the latest answers kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.inspection.inspect import is_from
from napari_mrf.analysis.inspection.predictor import Predictor
from napari_mrf.plugin.kit.latest import Latest
from napari_mrf.plugin.panels.inspect.work import (
    RegionsQuestion,
    VoxelReader,
    VoxelsQuestion,
    answer_regions,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_mrf.analysis.inspection.traces import Trace
    from napari_mrf.plugin.jobs import Failure
    from napari_mrf.plugin.kit.bond import Bond
    from napari_mrf.plugin.panels.inspect.work import VoxelsAnswer
    from napari_mrf.plugin.session import MapsSet, RegionChoice, Session, Voxel


class InspectReadings:
    """Reads and predicts the voxel in question, the pins and regions, each by itself.

    Parameters
    ----------
    session : Session
        With the series, the pins and the regions.
    bond : Bond
        For as long as the panel lives.
    show : callable
        Called when traces have changed.
    fail : callable
        Called with the `Failure` of a reading.

    Attributes
    ----------
    predictors : tuple of Predictor
        One a set of maps that is shown.
    voxel, pins, regions : tuple of Trace
        The latest answers.
    is_partial : bool
        Whether the predictions of the voxel are still on their way.
    of_voxel, of_pins, of_regions : Latest
        The readings.
    """

    def __init__(
        self,
        session: Session,
        bond: Bond,
        show: Callable[[], None],
        fail: Callable[[Failure], None],
    ) -> None:
        self.session, self._show = session, show
        self.predictors: tuple[Predictor, ...] = ()
        self.voxel: tuple[Trace, ...] = ()
        self.pins: tuple[Trace, ...] = ()
        self.regions: tuple[Trace, ...] = ()
        self.is_partial = False
        self.of_voxel = Latest(VoxelReader().answers)
        self.of_pins = Latest(VoxelReader().answers)
        self.of_regions = Latest(answer_regions)
        bond.connect(self.of_voxel.answered, self._on_voxel_answered)
        bond.connect(self.of_pins.answered, self._on_pins_answered)
        bond.connect(self.of_regions.answered, self._on_regions_answered)
        for reading in (self.of_voxel, self.of_pins, self.of_regions):
            bond.connect(reading.failed, fail)

    def predict_from(self, maps_sets: Sequence[MapsSet]) -> NDArray[np.bool_]:
        """Predict from these sets of maps; return the (T,) frames that none of them used."""
        series, name = self.session.series, self.session.series_name
        self.predictors = tuple(
            Predictor.of(
                one.name,
                one.maps,
                series,
                is_own_series=bool(
                    is_from(one.maps, series, made_from=one.series_name, series_name=name)
                ),
            )
            for one in maps_sets
        )
        return ~np.any([p.used for p in self.predictors] or [np.ones(1, bool)], axis=0)

    def clear(self) -> None:
        """Forget all traces and what is on its way."""
        self.voxel = self.pins = self.regions = ()
        for reading in (self.of_voxel, self.of_pins, self.of_regions):
            reading.forget()

    def ask_voxel(self, voxel: Voxel | None) -> None:
        """Read a voxel; None shows none."""
        if voxel is None:
            self.voxel = ()
            self._show()
        else:
            self.of_voxel.ask(self._question(voxel))

    def ask_pins(self) -> None:
        """Read the pins of the session."""
        if self.session.pins:
            self.of_pins.ask(self._question(*self.session.pins))
        else:
            self.of_pins.forget()
            self.pins = ()
            self._show()

    def ask_regions(self, choices: tuple[RegionChoice, ...]) -> None:
        """Read regions of the session."""
        series = self.session.series
        if choices and series is not None:
            self.of_regions.ask(
                RegionsQuestion(series, self.predictors, self.session.regions, choices)
            )
        elif self.regions or self.of_regions.is_busy:
            self.of_regions.forget()
            self.regions = ()
            self._show()

    def _question(self, *voxels: Voxel) -> VoxelsQuestion:
        return VoxelsQuestion(self.session.series, self.predictors, voxels)

    def _on_voxel_answered(self, answer: VoxelsAnswer) -> None:
        self.voxel, self.is_partial = answer.traces, not answer.is_complete
        self._show()

    def _on_pins_answered(self, answer: VoxelsAnswer) -> None:
        self.pins = answer.traces
        self._show()

    def _on_regions_answered(self, traces: Any) -> None:
        self.regions = traces
        self._show()
