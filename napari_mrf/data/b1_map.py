"""A measured map of B1, to be held while the other maps are found."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.geometry import check_same_grid
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.data.series import check_affine
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_mrf.data.geometry import OnGrid

B1_UNITS = {"relative": 1.0, "percent": 100.0}
"""The value of an error-free flip angle in each unit."""


@dataclass(frozen=True, eq=False)
class B1Map:
    """Relative B1 of every voxel: the flip angle that was reached over the one that was asked for.

    Parameters
    ----------
    values : ndarray
        (Z, Y, X) float32, relative; NaN where there is no value.
    affine : ndarray or None
        (4, 4), as in `MRFSeries`.
    record : dict
        JSON-ready, for the provenance: path, sha256, unit, and whether it was resampled.
    warnings : tuple of str
        Sentences a user should read.
    """

    values: NDArray[np.float32]
    affine: NDArray[np.float64] | None = None
    record: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        values: ArrayLike,
        *,
        affine: ArrayLike | None = None,
        unit: str = "relative",
        path: str | None = None,
        sha256: str | None = None,
        warnings: tuple[str, ...] = (),
    ) -> B1Map:
        """Return a map of measured values.

        Parameters
        ----------
        values : array-like
            (Z, Y, X); 0, negative and not finite values are no value.
        affine : array-like, optional
            (4, 4), voxel indices (x, y, z) to mm.
        unit : {"relative", "percent"}
            1 or 100 for a flip angle without error.
        path, sha256 : str, optional
            Of the file; without, the sha256 is that of the array.
        warnings : tuple of str
            About the file.

        Raises
        ------
        MRFInputError
            ``"bad-b1"`` for no value at all, other than real numbers in three axes, and values
            that are not in the unit; ``"bad-option"`` for another unit.
        """
        if unit not in B1_UNITS:
            raise MRFInputError("bad-option", f"there is no unit {unit!r} of B1",
                                expected=" or ".join(B1_UNITS))  # fmt: skip
        array = np.ascontiguousarray(values)
        if array.ndim != 3 or array.dtype.kind not in "iuf":
            raise MRFInputError("bad-b1", "a B1 map holds one real number per voxel", path=path,
                                expected="axes (Z, Y, X)",
                                found=f"{array.dtype}, shape {array.shape}")  # fmt: skip
        relative = (array / B1_UNITS[unit]).astype(np.float32)
        relative[~(np.isfinite(relative) & (relative > 0))] = np.nan
        _check_unit(relative, unit, path)
        record = {"path": path, "sha256": sha256 or hashlib.sha256(array.data).hexdigest(),
                  "unit": unit, "resampled": False}  # fmt: skip
        checked = None if affine is None else check_affine(affine, path=path)
        return cls(relative, checked, record, warnings)

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """(Z, Y, X)."""
        return self.values.shape

    def resampled(self, values: NDArray[np.float32], grid: OnGrid) -> B1Map:
        """Return the map with its values on another grid."""
        return replace(self, values=values, affine=grid.affine,
                       record=self.record | {"resampled": True})  # fmt: skip

    def check_grid(self, grid: OnGrid) -> None:
        """Refuse another grid than that of a series.

        Raises
        ------
        MRFInputError
            ``"bad-b1"``.
        """
        check_same_grid(self, grid, "the B1 map lies on another grid than the series",
                        code="bad-b1", path=self.record.get("path"),
                        hint="Resample it: io.resample_b1 (on the command line "
                        "--resample-b1).")  # fmt: skip


def _check_unit(relative: NDArray[np.float32], unit: str, path: str | None) -> None:
    valid = relative[np.isfinite(relative)]
    if valid.size == 0:
        raise MRFInputError("bad-b1", "the B1 map holds no value above 0", path=path)
    highest = PARAMETERS["B1"].valid_range[1]
    median = float(np.median(valid)) * B1_UNITS[unit]
    if unit == "relative" and median > highest:
        raise MRFInputError(
            "bad-b1", "the B1 map is not relative", path=path,
            expected="values around 1", found=f"a median of {median:.4g}",
            hint="If it is in percent, choose that unit: percent beside the map, --b1-unit percent "
            "on the command line, unit='percent' in Python.",
        )  # fmt: skip
    if unit == "percent" and not highest < median <= 100 * highest:
        raise MRFInputError(
            "bad-b1", "the B1 map is not in percent", path=path,
            expected="values around 100", found=f"a median of {median:.4g}",
            hint="Leave the unit out for values around 1." if median <= highest else None,
        )  # fmt: skip
