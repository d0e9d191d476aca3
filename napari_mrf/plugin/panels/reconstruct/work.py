"""The parameters of the Reconstruct panel and its work in a thread, without Qt and napari."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.steps import Steps
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.jobs import Step, counted
from napari_mrf.plugin.preparation.preparation import PREPARATION
from napari_mrf.plugin.session import MapsSet, PartialMaps, Regions

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from numpy.typing import NDArray

    from napari_mrf.data.b1_map import B1Map
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.reconstruction.method import Method, ReconstructionUpdate

_PREPARING = "preparing, longer the first time"
_FINDING = "finding the foreground"
_READING = "reading the series"


@dataclass(frozen=True)
class ReconstructParameters:
    """The Reconstruct panel as the engine receives it.

    Parameters
    ----------
    method : str
        Key in the registry of methods.
    device : str
        ``"auto"`` or a name of `methods.devices`.
    options : dict
        Options of the method by name.
    slice_index : int or None
        Only this file slice (z); None for all.
    b1 : B1Map or None
        Measured B1 to hold; fitted without.
    images : str
        How the images were made, for a series of raw data.
    label : str
        What stands for a method that is a path.
    """

    method: str
    device: str = "auto"
    options: dict[str, Any] = field(default_factory=dict)
    slice_index: int | None = None
    b1: B1Map | None = None
    images: str = ""
    label: str = ""

    @property
    def set_name(self) -> str:
        """Name of the set of maps.

        A quick look at one slice does not replace a whole run, nor maps at a given B1 those
        with a fitted one, nor maps of gridded images those of the subspace.
        """
        name = self.label or self.method
        name = name if self.b1 is None else f"{name} at given B1"
        name = f"{name} {self.images}".rstrip()
        return name if self.slice_index is None else f"{name} slice {self.slice_index}"

    def as_core_arguments(self) -> dict[str, Any]:
        """Return the keywords of `methods.get` beside the name and the sequence."""
        return {"device": self.device, **self.options}


def reconstruct(
    series: MRFSeries, mask: NDArray[np.bool_] | None, parameters: ReconstructParameters,
    series_name: str,
) -> Generator[Step, None, MapsSet]:  # fmt: skip
    """Reconstruct a series in steps.

    Parameters
    ----------
    series : MRFSeries
        With its sequence.
    mask : ndarray or None
        (Z, Y, X) bool; the automatic foreground when None.
    parameters : ReconstructParameters
        Choices of the panel.
    series_name : str
        For the result.

    Yields
    ------
    Step
        With `PartialMaps` whenever a slice changed.

    Returns
    -------
    MapsSet
        The complete maps.
    """
    assert series.sequence is not None  # noqa: S101  # the panel's button needs a sequence
    yield from PREPARATION.waiting(series.sequence.kind, parameters.method)
    started_s = time.monotonic()
    yield Step(detail=_PREPARING)
    from napari_mrf import methods

    method = methods.get(parameters.method, sequence=series.sequence,
                         **parameters.as_core_arguments())  # fmt: skip
    if parameters.slice_index is not None:
        mask = yield from _only_slice(series, mask, method, parameters.slice_index)
    updates = method.iter_reconstruct(series, mask, parameters.b1)
    maps = yield from _steps(updates, parameters.set_name)
    if maps is None:
        raise RuntimeError(f"the method {parameters.method} gave no maps")
    return MapsSet(parameters.set_name, maps, series_name, time.monotonic() - started_s)


def _steps(
    updates: Iterator[ReconstructionUpdate], set_name: str
) -> Generator[Step, None, ParameterMaps | None]:
    """Turn updates into steps: maps only where there is something new to see."""
    maps, n_prepared, done = None, 0, 0
    shown: tuple[str, int | None] | None = None
    for update in updates:
        maps = update.maps
        if update.stage == "preparing":
            # The first one precedes the tables; the others come while the series is read.
            yield Step(detail=_FINDING if n_prepared else _PREPARING)
            n_prepared += 1
        elif update.stage != "done":
            stage = update.stage if update.stage == "refining" else ""
            step = Step(update.done, update.total, "voxels" if update.done else _READING, stage)
            place = (stage, update.z)
            if shown is not None and shown != place:
                # A finished slice must reach the screen; steps inside it may be thinned out.
                yield replace(step, value=PartialMaps(set_name, maps, shown[1]), keep=True)
                done, shown = (done if shown[0] == stage else 0), None
            if update.done != done:
                value = PartialMaps(set_name, maps, update.z)
                step, shown = replace(step, value=value, keep=shown is None), place
            yield step
            done = update.done
    return maps


DATA_SET = "bids"
"""Beside the forms of a folder of maps: the files of a scan in a BIDS data set."""


@dataclass(frozen=True)
class ScanFiles:
    """What belongs to the maps of a scan in a data set.

    Parameters
    ----------
    source : Path
        The series, whose name says subject and session.
    regions : Regions or None
        Drawn on the grid of the maps.
    """

    source: Path
    regions: Regions | None = None


def save(
    maps: ParameterMaps, directory: str, overwrite: bool, form: str, scan: ScanFiles | None = None
) -> Generator[Step, None, str]:
    """Write the maps and their provenance in one of the forms of files; return the folder."""
    yield Step(detail="writing")
    if form == DATA_SET and scan is not None:
        yield from _save_scan(maps, Path(directory), scan, overwrite=overwrite)
        return directory
    from napari_mrf.io.maps.writer import iter_save_maps, maps_names

    writing = iter_save_maps(maps, directory, overwrite=overwrite, form=form)
    yield from counted(writing, len(maps_names(maps, form)))
    return directory


def _save_scan(
    maps: ParameterMaps, data_set: Path, scan: ScanFiles, *, overwrite: bool
) -> Generator[Step, None, None]:
    from napari_mrf.analysis.regions.scans import with_statistics
    from napari_mrf.io import Regions as ScanRegions
    from napari_mrf.io import ScanTarget
    from napari_mrf.io.maps.writer import maps_names

    regions = None
    if scan.regions is not None and scan.regions.labels.shape == maps.spatial_shape:
        drawn = ScanRegions(scan.regions.labels, scan.regions.table)
        regions = with_statistics(drawn, maps)
    target = ScanTarget.of(scan.source, data_set, DATA_SET)
    writing = target.iter_save(maps, regions, overwrite=overwrite)
    yield from counted(writing, len(maps_names(maps, "nifti")) + 2)


def _only_slice(
    series: MRFSeries, mask: NDArray[np.bool_] | None, method: Method, z: int
) -> Generator[Step, None, NDArray[np.bool_]]:
    from napari_mrf.reconstruction.foreground import choosing_voxels
    from napari_mrf.reconstruction.slicewise import SlicewiseMethod

    frames = method.frames_in(series) if isinstance(method, SlicewiseMethod) else None
    choosing = Steps(choosing_voxels(series, mask, frames))
    for _ in choosing:
        yield Step(detail=_FINDING)
    found, _, _ = choosing.result
    if not found[z].any():
        raise MRFInputError("bad-mask", "there is nothing to reconstruct in this slice",
                            hint="Go to another slice, or pick or paint another mask.")  # fmt: skip
    only = np.zeros(series.spatial_shape, dtype=bool)
    only[z] = found[z]
    return only
