"""A measured B1 map on its way into a reconstruction: what is refused, held, and told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.b1_map import B1Map
from napari_mrf.data.maps_warning import MapsWarning
from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.series import MRFSeries
    from napari_mrf.reconstruction.method import Method


@dataclass(frozen=True, eq=False)
class HeldB1:
    """The B1 that a reconstruction holds.

    Parameters
    ----------
    values : ndarray
        (Z, Y, X) float32, relative; NaN where B1 is fitted.
    record : dict
        For the provenance.
    warnings : list of MapsWarning
        Sentences that a user should read.
    """

    values: NDArray[np.float32]
    record: dict[str, Any]
    warnings: list[MapsWarning]


def checked_b1(method: Method, b1: B1Map | NDArray[np.floating], series: MRFSeries) -> B1Map:
    """Return a given B1 as a map, refusing what cannot be used.

    Raises
    ------
    MRFInputError
        ``"no-b1"`` for a method that cannot hold B1, ``"bad-b1"`` for a map on another grid.
    """
    given = b1 if isinstance(b1, B1Map) else B1Map.of(b1)
    if method.b1_range is None:
        raise MRFInputError(
            "no-b1", f"the method {method.name} cannot use a B1 map for {method.sequence.name}",
            path=given.record.get("path"),
            hint="A map is used by water-fat for MRF T1-FF, and by exhaustive, compressed and "
            "group for FISP with B1.",
        )  # fmt: skip
    given.check_grid(series)
    return given


def held_b1(method: Method, given: B1Map, chosen: NDArray[np.bool_]) -> HeldB1:
    """Return what is held of a checked map in the chosen voxels (Z, Y, X).

    Raises
    ------
    MRFInputError
        ``"bad-b1"`` where no chosen voxel has a usable value.
    """
    assert method.b1_range is not None  # noqa: S101 - checked_b1 came before
    low, high = method.b1_range
    has_value = np.isfinite(given.values)
    usable = has_value & (given.values >= np.float32(low)) & (given.values <= np.float32(high))
    n, n_held = int(chosen.sum()), int(np.sum(chosen & usable))
    if n_held == 0:
        raise MRFInputError(
            "bad-b1", "the B1 map has no usable value where the series is reconstructed",
            path=given.record.get("path"), expected=f"relative B1 of {low:g} to {high:g}",
        )  # fmt: skip
    n_without, n_beyond = (int(np.sum(chosen & at)) for at in (~has_value, has_value & ~usable))
    usual_low, usual_high = SIGNAL_KINDS[method.sequence.kind].ranges["B1"]
    unusual = usable & ((given.values < usual_low) | (given.values > usual_high))
    n_unusual = int(np.sum(chosen & unusual))
    of = f"of {n:,} voxels"
    warnings = [MapsWarning("b1-header", text) for text in given.warnings]
    if n_without:
        told = (f"The given B1 map has no value (0, negative or NaN) in {n_without:,} "
                f"{of}: B1 was fitted there. A map that covers them holds it.")  # fmt: skip
        warnings.append(MapsWarning("b1-without-value", told, voxels=n_without))
    if n_beyond:
        told = (f"The given B1 lies outside {low:g} to {high:g}, what the signal model "
                f"covers, in {n_beyond:,} {of}: B1 was fitted there. Check the unit of the "
                "map.")  # fmt: skip
        warnings.append(MapsWarning("b1-out-of-range", told, voxels=n_beyond))
    if n_unusual:
        told = (f"The given B1 lies outside the usual {usual_low:g} to {usual_high:g} in "
                f"{n_unusual:,} {of}; it was held. Check the map.")  # fmt: skip
        warnings.append(MapsWarning("b1-unusual", told, voxels=n_unusual))
    counts = {"held": n_held, "without_value": n_without, "out_of_range": n_beyond}
    values = np.where(usable, given.values, np.float32(np.nan))
    return HeldB1(values, given.record | {"voxels": counts}, warnings)


def nearest_places(axis: NDArray[np.float64], b1: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the place on a rising axis that is nearest to each B1 (N,); -1 where that is NaN."""
    places = np.abs(axis - np.nan_to_num(b1)[:, None].astype(np.float64)).argmin(axis=1)
    return np.where(np.isnan(b1), -1, places).astype(np.int64)
