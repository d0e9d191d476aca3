"""Parameter maps, the result of a reconstruction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.maps_warning import warnings_from
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.data.series import check_affine
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.maps_warning import MapsWarning

FLAGS: dict[str, int] = {
    "no-signal": 1,
    "not-finite": 2,
    "T1H2O-edge": 4,
    "T1fat-edge": 8,
    "Df-edge": 16,
    "B1-edge": 32,
    "T1-edge": 64,
    "T2-edge": 128,
    "poor-fit": 256,
    "FF-edge": 512,
}
"""Bits of the flag map.

``<parameter>-edge``: the value lies on the edge of what the method can give: of the grid, on a
limit of refinement, at an end of the range that a network was trained on. ``poor-fit``: the
residual is larger than the noise around explains.
"""

FlagBits = np.uint16
"""Type of flags; files of earlier versions hold eight bits."""


class ParameterMaps(MutableMapping[str, "NDArray[np.float32]"]):
    """Maps by parameter key, all on one grid; a dict of (Z, Y, X) float32 arrays.

    NaN stands where there is no value: outside the mask, no signal, not finite.

    Parameters
    ----------
    maps : mapping of str to array-like
        (Z, Y, X) by parameter key (`PARAMETERS`).
    quality : array-like, optional
        Correlation of the measured fingerprint with the model, 0-1.
    m0 : array-like, optional
        Complex scale of the model in every voxel (gain, receive phase and proton density).
    flags : array-like, optional
        uint16 bit field, see `FLAGS`.
    uncertainty : mapping of str to array-like, optional
        Standard deviation of every map, (Z, Y, X), in the unit of the map.
    affine : array-like, optional
        (4, 4), as in `MRFSeries`.
    provenance : mapping, optional
        JSON-ready record of input, software, method and options.
    file_warnings : tuple of str
        What a user should read about the files that the maps were read from.

    Raises
    ------
    MRFInputError
        ``"unknown-parameter"`` or ``"bad-shape"``.
    """

    def __init__(
        self,
        maps: Mapping[str, Any],
        *,
        quality: Any = None,
        m0: Any = None,
        flags: Any = None,
        uncertainty: Mapping[str, Any] | None = None,
        affine: Any = None,
        provenance: Mapping[str, Any] | None = None,
        file_warnings: tuple[str, ...] = (),
    ) -> None:
        self._maps: dict[str, NDArray[np.float32]] = {}
        self.affine: NDArray[np.float64] | None = None if affine is None else check_affine(affine)
        self.provenance: dict[str, Any] = dict(provenance or {})
        self.file_warnings = file_warnings
        for key, values in maps.items():
            self[key] = values
        self.quality = self._companion("quality", quality, np.float32)
        self.m0 = self._companion("m0", m0, np.complex64)
        self.flags = self._companion("flags", flags, FlagBits)
        self.uncertainty = {
            key: self._checked(f"{key}_std", values, np.float32)
            for key, values in (uncertainty or {}).items()
        }

    def _companion(self, name: str, values: Any, dtype: Any) -> NDArray[Any] | None:
        return None if values is None else self._checked(name, values, dtype)

    def _checked(self, name: str, values: Any, dtype: Any) -> NDArray[Any]:
        array = np.asarray(values, dtype=dtype)
        expected = self.spatial_shape if self._maps else None
        if array.ndim != 3 or (expected is not None and array.shape != expected):
            raise MRFInputError(
                "bad-shape",
                f"the map {name} has the wrong shape",
                expected=f"shape {expected or '(Z, Y, X)'}",
                found=f"shape {array.shape}",
            )
        return array

    def __getitem__(self, key: str) -> NDArray[np.float32]:
        return self._maps[key]

    def __setitem__(self, key: str, values: Any) -> None:
        if key not in PARAMETERS:
            raise MRFInputError(
                "unknown-parameter",
                f"{key!r} is not a parameter of MRF",
                expected=f"one of {', '.join(PARAMETERS)}",
            )
        self._maps[key] = self._checked(key, values, np.float32)

    def __delitem__(self, key: str) -> None:
        del self._maps[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._maps)

    def __len__(self) -> int:
        return len(self._maps)

    def __repr__(self) -> str:
        return f"ParameterMaps({', '.join(self._maps)}; shape {self.spatial_shape})"

    @property
    def warnings(self) -> tuple[MapsWarning, ...]:
        """What a user should read about the maps, from their provenance."""
        record = self.provenance.get("warnings")
        return warnings_from(record) if isinstance(record, list | tuple) else ()

    @property
    def spatial_shape(self) -> tuple[int, int, int]:
        """(Z, Y, X); (0, 0, 0) without maps."""
        for values in self._maps.values():
            z, y, x = values.shape
            return z, y, x
        return 0, 0, 0
