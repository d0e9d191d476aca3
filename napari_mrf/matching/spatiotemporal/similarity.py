"""Similarity of fingerprints to the tissue of training voxels.

Each fingerprint is compared by itself, up to a complex factor of its own: receive phase and
gain have no say, not even inside a patch. What a voxel has of its own and no other person can
tell, off-resonance and B1, is found by a matcher first.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from napari_mrf.compute.steps import result_of

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from numpy.typing import NDArray

    from napari_mrf.reconstruction.method import VoxelResult
    from napari_mrf.reconstruction.voxelwise import VoxelwiseMethod


@dataclass(frozen=True, eq=False)
class SliceFeatures:
    """Features of the fingerprints of one slice.

    Parameters
    ----------
    read : ndarray
        (Y, X) bool, voxels whose fingerprints are known.
    seen : ndarray
        (Y, X) bool, those of them that are tissue: only they take part in patches.
    own : dict of str to ndarray
        (Y, X) float32 values of the matcher, by parameter key; NaN elsewhere.
    flags : ndarray
        (Y, X) uint16 flags of the matcher.
    norms : ndarray
        (Y, X) norms of the fingerprints.
    """

    read: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    own: dict[str, NDArray[np.float32]]
    flags: NDArray[np.uint16]
    norms: NDArray[np.float64]


FeaturesT = TypeVar("FeaturesT", bound=SliceFeatures)
PreparedT = TypeVar("PreparedT")


class Similarity(ABC, Generic[FeaturesT, PreparedT]):
    """Compares the fingerprints of slices with training subjects.

    Attributes
    ----------
    matcher : VoxelwiseMethod
        What gives the fields, and the values of voxels that no training subject covers.
    """

    matcher: VoxelwiseMethod
    _prepared: PreparedT | None = None

    @abstractmethod
    def building(self) -> Generator[None, None, PreparedT]:
        """Build tables and return them; every yield is a chance to cancel."""

    def preparing(self) -> Generator[None, None, PreparedT]:
        """Build tables the first time, and return them; every yield is a chance to cancel."""
        if self._prepared is None:
            self._prepared = yield from self.building()
        return self._prepared

    def prepare(self) -> PreparedT:
        """Build tables the first time, at one go, and return them."""
        return result_of(self.preparing())

    @abstractmethod
    def features(
        self,
        signals: NDArray[np.complex64],
        found: VoxelResult,
        read: NDArray[np.bool_],
        seen: NDArray[np.bool_],
    ) -> FeaturesT:
        """Return what to keep of the (N, K) conditioned fingerprints of one slice.

        Parameters
        ----------
        signals : ndarray
            In the order of ``np.nonzero(read)``.
        found : VoxelResult
            What the matcher says of them.
        read, seen : ndarray
            (Y, X) bool, see `SliceFeatures`.
        """

    @abstractmethod
    def tissue(
        self, maps: Mapping[str, NDArray[np.float32]], known: NDArray[np.bool_]
    ) -> tuple[NDArray[Any], ...]:
        """Return what is compared of one slice of a subject, as (Y, X) arrays.

        Parameters
        ----------
        maps : mapping of str to ndarray
            (Y, X) float32 by key.
        known : ndarray
            (Y, X) bool, where the subject has tissue.
        """

    @abstractmethod
    def write(
        self,
        features: FeaturesT,
        tissue: tuple[NDArray[Any], ...],
        displacement: tuple[int, int],
        rows: tuple[int, int],
        out: NDArray[np.float32],
    ) -> None:
        """Write the similarity 0-1 of voxels in some rows with displaced training voxels."""

    @abstractmethod
    def judged(
        self,
        features: FeaturesT,
        at: tuple[NDArray[np.intp], NDArray[np.intp]],
        values: Mapping[str, NDArray[np.float32]],
    ) -> tuple[NDArray[np.float32], NDArray[np.complex64]]:
        """Return correlation and complex scale (N,) of tissues (N,) at voxels of a slice.

        The atoms are those of the nearest points of the tables.
        """


def image_of(values: NDArray[Any], at: NDArray[np.bool_], fill: float) -> NDArray[Any]:
    """Return (Y, X, …) values (N, …) at the voxels of a mask (Y, X), `fill` elsewhere."""
    image = np.full((*at.shape, *values.shape[1:]), fill, values.dtype)
    image[at] = values
    return image


def nearest(axis: NDArray[np.float64], values: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the index of the nearest point of a rising axis."""
    middles = (axis[1:] + axis[:-1]) / 2.0
    return np.asarray(np.searchsorted(middles, values), np.int64)
