"""Parameter grids: the values that dictionaries are made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.data.signal_kinds import ByKind
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence


@dataclass(frozen=True, eq=False)
class ParameterGrid:
    """Axes of values by parameter key; the grid is their product.

    Parameters
    ----------
    axes : mapping of str to array-like
        Strictly increasing values by key, within the parameter's valid range.

    Raises
    ------
    MRFInputError
        ``"bad-grid"``.
    """

    axes: dict[str, NDArray[np.float64]]

    def __post_init__(self) -> None:
        checked = {}
        for key, values in dict(self.axes).items():
            if key not in PARAMETERS:
                raise MRFInputError(
                    "bad-grid",
                    f"{key!r} is not a parameter of MRF",
                    expected=f"one of {', '.join(PARAMETERS)}",
                )
            axis = np.array(values, dtype=np.float64).reshape(-1)
            low, high = PARAMETERS[key].valid_range
            if axis.size == 0 or np.any(np.diff(axis) <= 0) or not np.all(np.isfinite(axis)):
                raise MRFInputError(
                    "bad-grid",
                    f"the {key} axis must be strictly increasing",
                    found=f"{axis.size} values",
                )
            if axis[0] < low or axis[-1] > high:
                raise MRFInputError(
                    "bad-grid",
                    f"the {key} axis is out of range",
                    expected=f"{low:g} to {high:g}",
                    found=f"{axis[0]:g} to {axis[-1]:g}",
                )
            axis.setflags(write=False)
            checked[key] = axis
        object.__setattr__(self, "axes", checked)

    def __getitem__(self, key: str) -> NDArray[np.float64]:
        return self.axes[key]

    @property
    def size(self) -> int:
        """Number of points of the product."""
        return int(np.prod([axis.size for axis in self.axes.values()]))

    def points(self) -> dict[str, NDArray[np.float64]]:
        """Return the grid points as (N,) arrays by key, the last axis running fastest.

        Relaxation cannot be faster along the field than across it: points with T2 > T1 are
        left out where the grid has both.
        """
        meshes = np.meshgrid(*self.axes.values(), indexing="ij")
        points = {key: mesh.reshape(-1) for key, mesh in zip(self.axes, meshes, strict=True)}
        if {"T1", "T2"} <= set(points):
            keep = points["T2"] <= points["T1"]
            points = {key: values[keep] for key, values in points.items()}
        return points

    def describe(self) -> dict[str, Any]:
        """Return first value, last value and length of every axis, for the provenance."""
        return {
            key: {"first": float(axis[0]), "last": float(axis[-1]), "n": int(axis.size)}
            for key, axis in self.axes.items()
        }


def steps(first: float, step: float, last: float) -> NDArray[np.float64]:
    """Return first, first + step, … up to and including last (the papers' a:b:c).

    As in the papers, the last value is left out where no whole number of steps reaches it.
    """
    count = int(np.floor((last - first) / step + 1e-9)) + 1
    return np.asarray(first + step * np.arange(count), dtype=np.float64)


def _water_fat() -> ParameterGrid:
    """Return the grid of MRF T1-FF, without its FF axis, since the fat fraction is solved for.

    References
    ----------
    Balsiger et al., MedIA 2020, section 2.1.
    """
    return ParameterGrid(
        {
            "T1H2O": np.concatenate([steps(550, 10, 1600), steps(1650, 50, 2000)]),
            "T1fat": steps(225, 25, 400),
            "Df": steps(-120, 10, 120),
            "B1": np.round(steps(30, 5, 100) / 100.0, 2),
        }
    )


def _wide_water_fat() -> ParameterGrid:
    """Return a grid with room on all sides of the published one."""
    return ParameterGrid(
        {
            "T1H2O": np.concatenate([steps(400, 10, 1600), steps(1650, 50, 3000)]),
            "T1fat": steps(200, 25, 500),
            "Df": steps(-120, 10, 120),
            "B1": np.round(steps(30, 5, 120) / 100.0, 2),
        }
    )


def _explicit_water_fat() -> ParameterGrid:
    """Return a coarse grid of 14,014 atoms.

    The published one has 7,182,000, which the method ``water-fat`` searches without making them.
    """
    return ParameterGrid(
        {
            "FF": np.round(steps(0, 1, 10) / 10.0, 1),
            "T1H2O": steps(600, 200, 1800),
            "T1fat": np.array([250.0, 350.0]),
            "Df": steps(-120, 20, 120),
            "B1": np.round(steps(4, 1, 10) / 10.0, 1),
        }
    )


def _relaxation() -> ParameterGrid:
    """Return the 8,537 pairs of RinQ (Hoppe et al., MICCAI 2019)."""
    return ParameterGrid(
        {
            "T1": np.concatenate(
                [
                    steps(10, 10, 90),
                    steps(100, 20, 1000),
                    steps(1040, 40, 2000),
                    steps(2050, 100, 4500),
                ]
            ),
            "T2": np.concatenate(
                [
                    steps(2, 2, 98),
                    steps(100, 5, 150),
                    steps(160, 10, 300),
                    steps(350, 50, 800),
                    steps(900, 100, 1600),
                    steps(1800, 200, 3000),
                ]
            ),
        }
    )


def _relaxation_and_b1() -> ParameterGrid:
    """Return some 13,000 points; steps are 13 % in T1, 19 % in T2 and 0.05 in B1.

    Coarser in T1 and T2 than without B1, as refinement goes on from here.
    """
    return ParameterGrid(
        {
            "T1": np.geomspace(100.0, 4500.0, 31).round(),
            "T2": np.geomspace(5.0, 2500.0, 36).round(1),
            "B1": np.round(steps(60, 5, 140) / 100.0, 2),
        }
    )


RECONSTRUCTION_GRIDS: ByKind[Callable[[], ParameterGrid]] = ByKind(
    "reconstruction grid",
    {
        "spoiled": _water_fat,
        "fisp": _relaxation,
        "fisp-b1": _relaxation_and_b1,
    },
)
"""The grid of each kind of sequence, published but for B1 of FISP."""

EXPLICIT_GRIDS: ByKind[Callable[[], ParameterGrid]] = ByKind(
    "dictionary grid",
    {
        "spoiled": _explicit_water_fat,
        "fisp": _relaxation,
        "fisp-b1": _relaxation_and_b1,
    },
)
"""The grid of each kind whose atoms are made one by one."""

WIDE_GRIDS: ByKind[Callable[[], ParameterGrid]] = ByKind("wide grid", {"spoiled": _wide_water_fat})
"""A grid with more room than the published one, where there is one."""


def reconstruction_grid(sequence: Sequence) -> ParameterGrid:
    """Return the reconstruction grid of a kind of sequence.

    Raises
    ------
    MRFInputError
        ``"wrong-sequence"`` where there is none.
    """
    return RECONSTRUCTION_GRIDS[sequence.kind]()


def wide_grid(sequence: Sequence) -> ParameterGrid:
    """Return a grid of water and fat with room on all sides of the published one.

    Patients leave the published grid: in the thigh that was published with MedIA 2020, one
    voxel of five with fat has a fat T1 above its 400 ms.

    Raises
    ------
    MRFInputError
        ``"wrong-sequence"`` for other kinds of sequence.
    """
    return WIDE_GRIDS[sequence.kind]()
