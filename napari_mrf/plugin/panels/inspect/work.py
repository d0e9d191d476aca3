"""Work of the inspector in threads: reading, predicting and exporting fingerprints."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_mrf.analysis.inspection.inspect import region_signals, region_trace, voxel_trace
from napari_mrf.analysis.inspection.traces import Trace, problem_of, traces_table, voxel_name
from napari_mrf.plugin.jobs import Step

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from napari_mrf.analysis.inspection.predictor import Predictor
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.session import RegionChoice, Regions, Voxel

_SLOW_S = 0.02


@dataclass(frozen=True, eq=False)
class VoxelsQuestion:
    """Fingerprints of voxels.

    Parameters
    ----------
    series : MRFSeries
        The measured series.
    predictors : tuple of Predictor
        One for each set of maps.
    voxels : tuple of Voxel
        In file order.
    """

    series: MRFSeries
    predictors: tuple[Predictor, ...]
    voxels: tuple[Voxel, ...]


@dataclass(frozen=True, eq=False)
class RegionsQuestion:
    """Mean fingerprints of regions.

    Parameters
    ----------
    series : MRFSeries
        The measured series.
    predictors : tuple of Predictor
        One for each set of maps.
    regions : Regions
        On the grid of the series.
    choices : tuple of RegionChoice
        Which of them, in one slice or as a whole.
    """

    series: MRFSeries
    predictors: tuple[Predictor, ...]
    regions: Regions
    choices: tuple[RegionChoice, ...]


@dataclass(frozen=True, eq=False)
class VoxelsAnswer:
    """Traces of the voxels asked for, in their order.

    Parameters
    ----------
    question : VoxelsQuestion
        What was asked.
    traces : tuple of Trace
        Without predictions while these are on their way.
    is_complete : bool
        Whether they are there.
    """

    question: VoxelsQuestion
    traces: tuple[Trace, ...]
    is_complete: bool = True


class VoxelReader:
    """Answers `VoxelsQuestion`; the measured fingerprints first where predictions take long."""

    def __init__(self) -> None:
        self._is_slow = False

    def answers(self, question: VoxelsQuestion) -> Iterator[VoxelsAnswer]:
        """Yield what was measured (if predicting was slow before), then all."""
        series = question.series
        measured = [series.fingerprint(*voxel) for voxel in question.voxels]
        if self._is_slow:
            bare = tuple(
                Trace(voxel_name(voxel), signal, problem=problem_of(signal))
                for voxel, signal in zip(question.voxels, measured, strict=True)
            )
            yield VoxelsAnswer(question, bare, is_complete=False)
        start_s = time.perf_counter()
        traces = tuple(
            voxel_trace(voxel, signal, question.predictors)
            for voxel, signal in zip(question.voxels, measured, strict=True)
        )
        self._is_slow = time.perf_counter() - start_s > _SLOW_S
        yield VoxelsAnswer(question, traces)


def answer_regions(question: RegionsQuestion) -> Iterator[tuple[Trace, ...]]:
    """Yield the mean fingerprints of the regions, one more each time."""
    traces: list[Trace] = []
    yield ()
    for choice in question.choices:
        traces.append(_mean_trace(question, choice))
        yield tuple(traces)


def _mean_trace(question: RegionsQuestion, choice: RegionChoice) -> Trace:
    labels, name = question.regions.labels, question.regions.table[choice.label].name
    found = region_signals(question.series, labels, (choice.label,), choice.z)
    return region_trace(name, found[choice.label], question.predictors, choice.z)


@dataclass(frozen=True, eq=False)
class Export:
    """Contents of an export.

    Parameters
    ----------
    traces : tuple of Trace
        As they are drawn.
    colors : tuple of str or None
        Of each.
    sequence : Sequence or None
        Of the series.
    component : str
        A key of `COMPONENTS`.
    residual : bool
        Whether the residual is drawn.
    series : str
        Name of the series.
    """

    traces: tuple[Trace, ...]
    colors: tuple[str | None, ...]
    sequence: Sequence | None
    component: str = "magnitude"
    residual: bool = True
    series: str = ""


def export(what: Export, path: Path, kind: str) -> Generator[Step, None, Path]:
    """Write traces as ``"csv"``, or their figure as ``"svg"`` or ``"pdf"``.

    An earlier file is replaced: the dialog has asked.
    """
    yield Step(detail=f"writing {path.name}")
    if kind == "csv":
        from napari_mrf.io.tables.table_files import write_csv

        table = traces_table(what.traces, what.sequence)
        table.insert(0, "series", what.series)
        table.insert(1, "unit", "a.u.")
        write_csv(path, table, overwrite=True)
        return path
    from napari_mrf.io.atomic import atomic_write
    from napari_mrf.plots.figure_files import write_figure
    from napari_mrf.plots.fingerprint_figure import fingerprint_figure

    sequence = what.sequence
    n_frames = len(what.traces[0].measured) if what.traces else 0
    fits = sequence is not None and sequence.n_frames == n_frames
    figure = fingerprint_figure(
        what.traces,
        sequence if fits else None,
        colors=what.colors,
        component=what.component,
        residual=what.residual,
    )
    with atomic_write(path) as temporary:
        write_figure(figure, temporary, kind)
    return path
