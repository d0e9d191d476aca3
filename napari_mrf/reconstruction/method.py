"""The interface of reconstruction methods, one for matchers and networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.b1_map import B1Map
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.reconstruction.in_vivo import InVivoErrors


@dataclass(frozen=True)
class MethodOption:
    """One option of a method, as panels and the command line offer it.

    Parameters
    ----------
    name : str
        Keyword of `methods.get`.
    kind : {"bool", "int", "float", "choice", "text"}
        How it is entered.
    default : object
        Used when nothing is given.
    label, help : str
        What a user reads: a few words, and a sentence for the tooltip.
    choices : tuple of str
        For ``"choice"``.
    limits : tuple of float or None
        Smallest and largest value, ends included.
    """

    name: str
    kind: str
    default: Any
    label: str
    help: str
    choices: tuple[str, ...] = ()
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class MethodInfo:
    """A row of the table of methods.

    Parameters
    ----------
    name : str
        Key in the registry.
    title : str
        A few words for menus.
    kind : {"matcher", "network"}
        Group in menus.
    sequence_kinds : tuple of str
        Kinds of sequence it works for; empty for every kind.
    paper : str
        Source.
    options : tuple of MethodOption
        Its own options, beyond device.
    weights : str or None
        For networks: size and whether the weights are installed; None for matchers.
    remarks : tuple of str
        What to know before it is picked, in a few words each: ``"reduced training"``.
    details : tuple of str
        What else is known, a sentence each.
    needs : str
        What to install or run before it can be used, as a sentence; empty when it is ready.
    takes_b1 : bool
        Whether a measured B1 map can be given, for sequences that map B1.
    label : str
        What is shown for a name that is a path; empty for others.
    in_vivo : dict of str to InVivoErrors
        Errors measured on in-vivo maps, by kind of images (`reconstruction.in_vivo.SCANS`).
    """

    name: str
    title: str
    kind: str
    sequence_kinds: tuple[str, ...]
    paper: str
    options: tuple[MethodOption, ...] = ()
    weights: str | None = None
    remarks: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    needs: str = ""
    takes_b1: bool = False
    label: str = ""
    in_vivo: Mapping[str, InVivoErrors] = field(default_factory=dict)

    @property
    def shown_name(self) -> str:
        """The name as users read it."""
        return self.label or self.name

    def suits(self, kind: str) -> bool:
        """Return whether it works for a kind of sequence."""
        return not self.sequence_kinds or kind in self.sequence_kinds


@dataclass(frozen=True)
class ReconstructionUpdate:
    """Progress of `Method.iter_reconstruct`.

    Parameters
    ----------
    done, total : int
        Voxels finished, and voxels in all.
    maps : ParameterMaps
        The maps as filled so far. The arrays are shared and go on filling: copy what is shown.
    z : int or None
        Slice that has just changed.
    stage : str
        ``"preparing"`` (dictionary), ``"matching"``, ``"refining"`` (a second pass over all
        voxels, counted from 0 again) or ``"done"``; for the last one `maps` is complete and
        carries its provenance.
    """

    done: int
    total: int
    maps: ParameterMaps
    z: int | None = None
    stage: str = "matching"


@dataclass(frozen=True)
class VoxelResult:
    """Result of a voxel-wise method for N fingerprints.

    Parameters
    ----------
    parameters : dict of str to ndarray
        (N,) float32 by key.
    quality : ndarray
        (N,) float32, correlation with the model, 0-1.
    m0 : ndarray
        (N,) complex64.
    flags : ndarray
        (N,) uint16, bits of `maps.FLAGS`.
    uncertainty : dict of str to ndarray
        (N,) float32 standard deviations by parameter key; empty where a method has none.
    b1 : ndarray or None
        (N,) float32 relative B1 that was given and held, NaN where it was fitted; None where
        no map was given.
    """

    parameters: dict[str, NDArray[np.float32]]
    quality: NDArray[np.float32]
    m0: NDArray[np.complex64]
    flags: NDArray[np.uint16]
    uncertainty: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    b1: NDArray[np.float32] | None = None

    def part(self, of: slice) -> VoxelResult:
        """Return the result of some of the fingerprints."""
        return VoxelResult(
            parameters={key: values[of] for key, values in self.parameters.items()},
            quality=self.quality[of],
            m0=self.m0[of],
            flags=self.flags[of],
            uncertainty={key: values[of] for key, values in self.uncertainty.items()},
            b1=None if self.b1 is None else self.b1[of],
        )

    @staticmethod
    def joined(parts: list[VoxelResult]) -> VoxelResult:
        """Return the results of several groups of fingerprints as one."""
        first = parts[0]
        return VoxelResult(
            parameters={
                key: np.concatenate([part.parameters[key] for part in parts])
                for key in first.parameters
            },
            quality=np.concatenate([part.quality for part in parts]),
            m0=np.concatenate([part.m0 for part in parts]),
            flags=np.concatenate([part.flags for part in parts]),
            uncertainty={
                key: np.concatenate([part.uncertainty[key] for part in parts])
                for key in first.uncertainty
            },
            b1=None
            if first.b1 is None
            else np.concatenate([part.b1 for part in parts if part.b1 is not None]),
        )


def in_single_precision(values: NDArray[Any]) -> NDArray[Any]:
    """Return float64 or complex128 values as float32 or complex64; infinite where too large.

    Only M0, PD and their deviations scale with the series and can be; finished maps are
    checked for that (`warnings.scale_warnings`).
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.complex64 if np.iscomplexobj(values) else np.float32)


class Method(ABC):
    """A way from a series to maps.

    Attributes
    ----------
    info : MethodInfo
        The registry row.
    sequence : Sequence
        What it was built for.
    parameters : tuple of str
        Keys of the maps that it gives.
    """

    info: MethodInfo
    sequence: Sequence

    @property
    def name(self) -> str:
        """Key in the registry."""
        return self.info.name

    @property
    @abstractmethod
    def parameters(self) -> tuple[str, ...]:
        """Keys of the maps that this method gives."""

    @property
    def b1_range(self) -> tuple[float, float] | None:
        """Relative B1 at which the method can hold a given map; None where it takes no map."""
        return None

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return a JSON-ready record of model, dictionary and options for the provenance."""

    @abstractmethod
    def iter_reconstruct(
        self,
        series: MRFSeries,
        mask: NDArray[np.bool_] | None = None,
        b1: B1Map | NDArray[np.floating] | None = None,
    ) -> Iterator[ReconstructionUpdate]:
        """Reconstruct in chunks, yielding after each (about 50-200 ms apart).

        Parameters
        ----------
        series : MRFSeries
            Its sequence, if set, must be the method's.
        mask : ndarray, optional
            (Z, Y, X) bool; the series' own mask, else the automatic foreground, when None.
        b1 : B1Map or ndarray, optional
            Measured B1 on the grid of the series, (Z, Y, X) relative, for methods with a
            `b1_range`: the map B1 is then this one, and the others are found at it. Voxels
            without a usable value are fitted as without.

        Yields
        ------
        ReconstructionUpdate
            The last one has ``stage == "done"``.

        Raises
        ------
        MRFInputError
            When the series does not fit; ``"no-b1"`` where the method takes no B1 map,
            ``"bad-b1"`` for one on another grid or without a usable value in the mask.
        """

    def reconstruct(
        self,
        series: MRFSeries,
        mask: NDArray[np.bool_] | None = None,
        b1: B1Map | NDArray[np.floating] | None = None,
    ) -> ParameterMaps:
        """Reconstruct the whole series; see `iter_reconstruct`."""
        update: ReconstructionUpdate | None = None
        for update in self.iter_reconstruct(series, mask, b1):  # noqa: B007
            pass
        if update is None:
            raise RuntimeError("iter_reconstruct yielded nothing")
        return update.maps
