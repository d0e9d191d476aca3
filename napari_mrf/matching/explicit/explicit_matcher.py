"""The base of all matchers over explicit atoms: dictionary, and values of the best atom."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import numpy as np

from napari_mrf.compute.devices import resolve_device
from napari_mrf.compute.steps import result_of
from napari_mrf.data.maps import FLAGS
from napari_mrf.dictionary.cache import cached_dictionary
from napari_mrf.dictionary.grid import EXPLICIT_GRIDS, ParameterGrid
from napari_mrf.dictionary.real_atoms import norms_of
from napari_mrf.errors import MRFInputError
from napari_mrf.matching.refining_matcher import RefiningMatcher, take_given_b1
from napari_mrf.reconstruction.edges import edge_flags
from napari_mrf.reconstruction.held_b1 import nearest_places
from napari_mrf.reconstruction.method import VoxelResult, in_single_precision
from napari_mrf.reconstruction.subspace.coefficients import Coefficients

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.dictionary.atoms import Dictionary
    from napari_mrf.matching.explicit.search import ExactAtoms
    from napari_mrf.reconstruction.subspace.coefficients import Signals

# A chunk keeps the cores busy for some tenths of a second: long enough for the BLAS, short enough
# to cancel.
_FLOP_IN_CHUNK = 2e10
_FEWEST_VOXELS, _MOST_VOXELS = 32, 4096


def default_grid(sequence: Sequence) -> ParameterGrid:
    """Return the grid that explicit matchers use unless given a dictionary."""
    return EXPLICIT_GRIDS[sequence.kind]()


@dataclass(frozen=True, eq=False)
class ConditionedAtoms:
    """The atoms that fingerprints are compared with.

    Parameters
    ----------
    dictionary : Dictionary
        A atoms with their parameters.
    signals : ndarray
        (A, K) complex64, conditioned as the series is.
    norms : ndarray
        (A,) float64; 0 for atoms that never match.
    """

    dictionary: Dictionary
    signals: NDArray[np.complex64]
    norms: NDArray[np.float64]

    @cached_property
    def exact(self) -> ExactAtoms:
        """The atoms as they are compared one by one."""
        from napari_mrf.matching.explicit.search import ExactAtoms

        return ExactAtoms(self.signals, self.norms)


class AtomSearch(ABC):
    """Finds the best atom of every fingerprint."""

    @abstractmethod
    def best_atoms(self, signals: Any) -> NDArray[np.int64]:
        """Return the index (N,) of the best atom of (N, K) conditioned fingerprints."""

    @abstractmethod
    def among(self, numbers: NDArray[np.int64]) -> Self:
        """Return the search among some of the atoms, by their rising numbers, which it answers."""

    @abstractmethod
    def describe(self, parameters: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
        """Return a JSON-ready record.

        Parameters
        ----------
        parameters : mapping of str to ndarray
            (A,) values of the atoms.
        """


SearchT = TypeVar("SearchT", bound=AtomSearch)


@dataclass(frozen=True, eq=False)
class Prepared(Generic[SearchT]):
    """Atoms and search, which a matcher builds once before the first fingerprint."""

    atoms: ConditionedAtoms
    search: SearchT


class ExplicitMatcher(RefiningMatcher, Generic[SearchT]):
    """A matcher that finds one atom of an explicit dictionary for every fingerprint.

    ``quality`` is the correlation of the fingerprint with that atom over all frames used,
    whatever space the atom was found in; refined, that with the refined model.

    Parameters
    ----------
    sequence : Sequence
        Any kind.
    device : str
        Where the products are computed.
    dictionary : Dictionary, optional
        Made for the same sequence; by default that of `default_grid`, cached on disk.
    **shared
        Fields of `Refining` and `Conditioning`, see `RefiningMatcher`.

    Raises
    ------
    MRFInputError
        ``"wrong-sequence"`` for a dictionary of another sequence, ``"no-device"``.
    """

    def __init__(
        self,
        sequence: Sequence,
        *,
        device: str = "auto",
        dictionary: Dictionary | None = None,
        **shared: Any,
    ) -> None:
        if dictionary is not None and dictionary.sequence != sequence:
            raise MRFInputError(
                "wrong-sequence",
                "the dictionary was made for another sequence",
                expected=sequence.name,
                found=dictionary.sequence.name,
            )
        super().__init__(sequence, **shared)
        self.device = resolve_device(device)
        self._dictionary = dictionary
        self._prepared: Prepared[SearchT] | None = None
        self._of_one_b1: dict[int, SearchT] = {}

    @property
    def parameters(self) -> tuple[str, ...]:
        """The sequence's maps."""
        return self.sequence.parameters

    @property
    def b1_range(self) -> tuple[float, float] | None:
        """See `RefiningMatcher.b1_range`; a dictionary without an axis of B1 takes no map."""
        has_axis = self._dictionary is None or "B1" in self._dictionary.parameters
        return super().b1_range if has_axis else None

    @abstractmethod
    def preparing_search(self, atoms: ConditionedAtoms) -> Generator[None, None, SearchT]:
        """Build the search through the atoms; every yield is a chance to cancel."""

    def describe(self) -> dict[str, Any]:
        """Return number of atoms, axes and device for the provenance."""
        record: dict[str, Any] = {"device": str(self.device)}
        if self._dictionary is not None:
            record["atoms"] = len(self._dictionary)
            record["axes"] = {
                key: {
                    "first": float(values.min()),
                    "last": float(values.max()),
                    "n": int(np.unique(values).size),
                }
                for key, values in self._dictionary.parameters.items()
            }
        if self._prepared is not None:
            record |= self._prepared.search.describe(self._prepared.atoms.dictionary.parameters)
        return record | self.describe_refinement()

    def preparing(self) -> Generator[None, None, Prepared[SearchT]]:
        """Build or load the dictionary, then the search and the tables of refinement."""
        if self._prepared is not None:
            return self._prepared
        if self._dictionary is None:
            yield
            self._dictionary = cached_dictionary(self.sequence, default_grid(self.sequence))
        dictionary = self._dictionary
        yield
        signals = self.condition(dictionary.atoms)
        atoms = ConditionedAtoms(dictionary, signals, norms_of(signals))
        search = yield from self.preparing_search(atoms)
        yield from self.preparing_refinement(dictionary.parameters)
        self._prepared = prepared = Prepared(atoms, search)
        return prepared

    def prepare(self) -> Prepared[SearchT]:
        """Build atoms, search and tables, and return them; they are built once."""
        return result_of(self.preparing())

    def _fit_chunk(self, products_per_voxel: float) -> None:
        """Choose how many voxels are matched at once, from what one costs."""
        from napari_mrf.compute.threads import n_threads

        n_voxels = n_threads() * _FLOP_IN_CHUNK / max(2.0 * products_per_voxel, 1.0)
        self.chunk_size = int(np.clip(n_voxels, _FEWEST_VOXELS, _MOST_VOXELS))

    def match(self, signals: Signals) -> VoxelResult:
        """Match (N, K) finite, non-zero fingerprints; see `VoxelwiseMethod.match`."""
        return self.values_of(self.best_atoms(signals), signals)

    def match_with_b1(self, signals: Signals, b1: NDArray[np.float32]) -> VoxelResult:
        """Match with given B1 held; see `VoxelwiseMethod.match_with_b1`."""
        return self.values_of(self.best_atoms(signals, b1), signals, b1)

    def best_atoms(
        self, signals: Signals, b1: NDArray[np.float32] | None = None
    ) -> NDArray[np.int64]:
        """Return the index (N,) of the best atom of (N, K) conditioned fingerprints.

        Where B1 (N,) is given and not NaN, of the atoms of the nearest B1 only.
        """
        return self.each_b1(lambda search, some: search.best_atoms(some), signals, b1)

    def each_b1(
        self,
        find: Callable[[SearchT, Any], NDArray[np.int64]],
        signals: Signals,
        b1: NDArray[np.float32] | None,
    ) -> NDArray[np.int64]:
        """Return what is found (N,), each among the atoms that given B1 (N,) leaves."""
        prepared = self.prepare()
        if b1 is None:
            return find(prepared.search, signals)
        of_atoms = prepared.atoms.dictionary.parameters["B1"]
        axis = np.unique(of_atoms)
        places, found = nearest_places(axis, b1), np.empty(len(signals), np.int64)
        for place in np.unique(places).tolist():
            if place >= 0 and place not in self._of_one_b1:
                numbers = np.flatnonzero(of_atoms == axis[place])
                self._of_one_b1[place] = prepared.search.among(numbers)
            at = places == place
            search = prepared.search if place < 0 else self._of_one_b1[place]
            found[at] = find(search, signals[at])
        return found

    def values_of(
        self,
        index: NDArray[np.int64],
        signals: Signals,
        b1: NDArray[np.float32] | None = None,
    ) -> VoxelResult:
        """Return the values of the chosen atoms (N,) for (N, K) fingerprints; given B1 is kept."""
        atoms = self.prepare().atoms
        axes = atoms.dictionary.parameters
        norms, product = _products_of_pairs(atoms.exact, index, signals)
        atom_norms = np.maximum(atoms.norms[index], np.finfo(float).tiny)
        scale = in_single_precision(product / atom_norms**2)
        values = {key: axis[index].astype(np.float32) for key, axis in axes.items()}
        if "PD" in self.parameters and "PD" not in values:
            values["PD"] = np.abs(scale)
        flags = _edges(axes, values)
        if b1 is not None:
            take_given_b1(values, flags, b1)
        return VoxelResult(
            parameters={key: values[key] for key in self.parameters if key in values},
            quality=np.clip(np.abs(product) / (norms * atom_norms), 0.0, 1.0).astype(np.float32),
            m0=scale,
            flags=flags,
            b1=b1,
        )


def _edges(
    axes: Mapping[str, NDArray[np.float64]], values: dict[str, NDArray[np.float32]]
) -> NDArray[np.uint16]:
    ends = {
        key: np.array([axis.min(), axis.max()], np.float32)
        for key, axis in axes.items()
        if f"{key}-edge" in FLAGS and axis.min() < axis.max()
    }
    return edge_flags({key: np.isin(values[key], both) for key, both in ends.items()}, values)


def _products_of_pairs(
    exact: ExactAtoms, index: NDArray[np.int64], signals: Signals
) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Return norms (N,) of fingerprints and their inner products (N,) with an atom, in float64."""
    from napari_mrf.matching.explicit.kernel import products_of_pairs

    products = np.empty(len(signals), np.complex128)
    atoms, _, rows = exact.compared_with(signals)
    products_of_pairs(atoms, index, rows, products)
    if isinstance(signals, Coefficients):
        return signals.norms, products * signals.norms
    return norms_of(signals), products
