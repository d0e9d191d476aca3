"""What the Reconstruct panel asks for, and the work itself, free of Qt and napari."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.errors import MRFInputError
from napari_mrf.jobs import Step
from napari_mrf.session import MapsSet

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_mrf.maps import ParameterMaps
    from napari_mrf.method import MethodInfo
    from napari_mrf.sequence import Sequence
    from napari_mrf.series import MRFSeries


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
    """

    method: str
    device: str = "auto"
    options: dict[str, Any] = field(default_factory=dict)
    slice_index: int | None = None

    @property
    def set_name(self) -> str:
        """Name of the set of maps; a quick look at one slice does not replace a whole run."""
        if self.slice_index is None:
            return self.method
        return f"{self.method} slice {self.slice_index}"

    def as_core_arguments(self) -> dict[str, Any]:
        """Return the keywords of `methods.get` beside the name and the sequence."""
        return {"device": self.device, **self.options}


@dataclass(frozen=True)
class PartialMaps:
    """Maps on the way: the arrays go on filling, so receivers copy what they show.

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


@dataclass(frozen=True)
class Catalogue:
    """What can be chosen in the panel.

    Parameters
    ----------
    methods : tuple of MethodInfo
        Those that suit the sequence.
    devices : tuple of (str, str)
        Name and label; ``"auto"`` first.
    """

    methods: tuple[MethodInfo, ...] = ()
    devices: tuple[tuple[str, str], ...] = (("auto", "automatic"),)


def list_catalogue(sequence: Sequence | None) -> Generator[Step, None, Catalogue]:
    """Find methods and devices; slow the first time, since it loads the numerical library."""
    yield Step(detail="loading the methods")
    from napari_mrf import methods

    found = tuple(methods.available(sequence)) if sequence is not None else ()
    devices = [(key, label) for key, label in methods.devices() if key != "auto"]
    return Catalogue(found, (("auto", "automatic"), *devices))


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
        What to do.
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
    started_s = time.monotonic()
    yield Step(detail="preparing")
    from napari_mrf import methods

    assert series.sequence is not None  # noqa: S101  # the panel's button needs a sequence
    method = methods.get(parameters.method, sequence=series.sequence,
                         **parameters.as_core_arguments())  # fmt: skip
    if parameters.slice_index is not None:
        yield Step(detail="finding the foreground" if mask is None else "preparing")
        mask = _only_slice(series, mask, parameters.slice_index)
    set_name = parameters.set_name
    last_z: int | None = None
    maps = None
    for update in method.iter_reconstruct(series, mask):
        maps = update.maps
        if update.stage == "preparing" or not len(maps):
            yield Step(0, update.total, "preparing the dictionary")
            continue
        # A finished slice must reach the screen; the steps inside it may be thinned out.
        moved_on = update.z != last_z
        if moved_on and last_z is not None:
            yield Step(update.done, update.total, "voxels",
                       PartialMaps(set_name, maps, last_z), keep=True)  # fmt: skip
        yield Step(update.done, update.total, "voxels", PartialMaps(set_name, maps, update.z),
                   keep=moved_on)  # fmt: skip
        last_z = update.z
    if maps is None:
        raise RuntimeError(f"the method {parameters.method} gave no maps")
    return MapsSet(set_name, maps, series_name, time.monotonic() - started_s)


@dataclass(frozen=True, eq=False)
class LoadedMask:
    """A mask (Z, Y, X) in file order, and the series on whose grid it lies."""

    mask: NDArray[np.bool_]
    series: MRFSeries
    name: str


def read_mask(path: str, series: MRFSeries) -> Generator[Step, None, LoadedMask]:
    """Read a mask file on the grid of a series."""
    yield Step(detail="reading")
    from napari_mrf.io import load_mask

    return LoadedMask(load_mask(path, series), series, Path(path).name.split(".")[0])


def save(maps: ParameterMaps, directory: str, overwrite: bool) -> Generator[Step, None, str]:
    """Write the maps and their provenance; return the folder."""
    yield Step(detail="writing")
    from napari_mrf.io import save_maps

    save_maps(maps, directory, overwrite=overwrite)
    return directory


def _only_slice(series: MRFSeries, mask: NDArray[np.bool_] | None, z: int) -> NDArray[np.bool_]:
    if mask is None:
        mask = series.mask
    if mask is None:
        from napari_mrf.foreground import foreground_mask

        mask = foreground_mask(series)
    if not mask[z].any():
        raise MRFInputError("bad-mask", "there is nothing to reconstruct in this slice",
                            hint="Go to another slice, or pick or paint another mask.")  # fmt: skip
    only = np.zeros(series.spatial_shape, dtype=bool)
    only[z] = mask[z]
    return only
