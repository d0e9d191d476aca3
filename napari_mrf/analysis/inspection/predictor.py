"""Predicts the fingerprints of a series from a set of maps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.analysis.inspection.prediction import (
    Prediction,
    correlation,
    note_of,
    obstacle_of,
    record_part,
)
from napari_mrf.data.coverage import outside_coverage
from napari_mrf.data.maps import FLAGS
from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.errors import MRFInputError
from napari_mrf.simulation.voxel_simulator import VoxelSimulator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.analysis.inspection.mean_fingerprint import MeanFingerprint
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries


_VOXELS_AT_ONCE = 500


@dataclass(frozen=True, eq=False)
class Predictor:
    """Predicts fingerprints of one series from one set of maps.

    The prediction is that of the series as it was measured, all frames, whatever the
    reconstruction did to it before matching:

    - where it took the complex conjugate of the series, the prediction is conjugated back;
    - frames it left out are predicted all the same, and `used` tells them apart;
    - where it averaged frames or smoothed in plane, the prediction is neither; `note` says so.

    The complex scale is the maps' own ``m0`` where they were made from this series, else that
    which fits the measured fingerprint best over the frames used: the receive phase and gain of
    a scanner are not known, and maps from elsewhere may have another gain.

    Parameters
    ----------
    name : str
        Of the set of maps.
    maps : ParameterMaps
        On the grid of the series.
    used : ndarray of bool
        (T,) frames that the reconstruction looked at.
    obstacle : str
        Why there is no prediction in any voxel; empty where there is one.
    note : str
        What a reader of the plot should know; empty when there is nothing.
    """

    name: str
    maps: ParameterMaps
    used: NDArray[np.bool_]
    obstacle: str = ""
    note: str = ""
    _forward: VoxelSimulator | None = None
    _assumed: Mapping[str, float] = field(default_factory=dict)
    _is_conjugate: bool = False
    _has_own_scale: bool = False

    @classmethod
    def of(
        cls, name: str, maps: ParameterMaps, series: MRFSeries, *, is_own_series: bool = True
    ) -> Predictor:
        """Return the predictor of a set of maps for a series.

        Parameters
        ----------
        name : str
            Of the set.
        maps : ParameterMaps
            Where they lie elsewhere, or belong to another sequence, `obstacle` says so.
        series : MRFSeries
            With its sequence.
        is_own_series : bool
            Whether the maps were made from this series, so that their ``m0`` is its scale.
        """
        conditioning = record_part(maps.provenance, "conditioning")
        used = np.ones(series.n_frames, bool)
        frames = conditioning.get("frames")
        if frames is not None:
            used[:] = False
            used[[frame for frame in frames if 0 <= frame < series.n_frames]] = True
        obstacle = obstacle_of(maps, series)
        if obstacle or series.sequence is None:
            return cls(name, maps, used, obstacle)
        # What the kind measures and these maps lack; PD is part of the complex scale.
        kind = SIGNAL_KINDS[series.sequence.kind]
        assumed = {
            key: value
            for key, value in kind.assumed.items()
            if key in kind.tissue and key not in maps
        }
        return cls(
            name,
            maps,
            used,
            note=note_of(conditioning, assumed, used),
            _forward=VoxelSimulator(series.sequence),
            _assumed=assumed,
            _is_conjugate=bool(conditioning.get("conjugate")),
            _has_own_scale=is_own_series,
        )

    def at(self, voxel: tuple[int, int, int], measured: NDArray[np.complexfloating]) -> Prediction:
        """Return the prediction in a voxel (z, y, x).

        Parameters
        ----------
        voxel : tuple of int
            In file order.
        measured : ndarray
            (T,) complex, for the scale and the correlation; the prediction itself does not
            depend on a complex factor of the series.
        """
        if self.maps.spatial_shape and not _inside(voxel, self.maps.spatial_shape):
            return Prediction(self.name, {}, {}, reason=self.obstacle or "outside the maps")
        values = {key: float(self.maps[key][voxel]) for key in self.maps}
        deviations = {key: float(sd[voxel]) for key, sd in self.maps.uncertainty.items()}
        reason, forward = self.obstacle or self._missing(voxel, values), self._forward
        if reason or forward is None:
            return Prediction(self.name, values, deviations, reason=reason)
        try:
            one = {key: np.array([value]) for key, value in values.items()}
            model = self._models(forward, one)[0]
        except MRFInputError as error:
            return Prediction(self.name, values, deviations, reason=error.sentence())
        z, y, x = (np.array([index]) for index in voxel)
        scale = complex(self._scales((z, y, x), model[None], measured[None])[0])
        m0 = complex("nan") if self._m0 is None else complex(self._m0[voxel])
        scale_from = "m0" if np.isfinite(m0) and m0 != 0 else "fit"
        signal = scale * model
        return Prediction(
            self.name,
            values,
            deviations,
            signal=signal,
            correlation=correlation(signal, measured, self.used),
            scale=scale,
            scale_from=scale_from,
            note=self._flagged(voxel),
        )

    def mean_at(
        self,
        voxels: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]],
        signals: NDArray[np.complexfloating],
        mean: MeanFingerprint,
    ) -> Prediction:
        """Return the mean of the predictions in the voxels of a region.

        Each is turned as its measured fingerprint was. Voxels without a value, or outside the
        coverage of the maps, are left out and counted in the note; the values themselves are
        averaged by `roi_statistics`.

        Parameters
        ----------
        voxels : tuple of ndarray
            (N,) indices z, y and x in file order.
        signals : ndarray
            (N, T) measured there.
        mean : MeanFingerprint
            Of these signals.
        """
        forward = self._forward
        if self.obstacle or forward is None:
            return Prediction(self.name, {}, {}, reason=self.obstacle)
        values = {key: np.asarray(self.maps[key][voxels], np.float64) for key in self.maps}
        counted = mean.turns != 0
        for outside in outside_coverage(self.maps).values():
            counted &= ~outside[voxels]
        for column in values.values():
            counted &= np.isfinite(column)
        rows = np.nonzero(counted)[0]
        if rows.size == 0:
            return Prediction(self.name, {}, {}, reason="no value in any voxel of the region")
        total = np.zeros(signals.shape[1], np.complex128)
        for start in range(0, rows.size, _VOXELS_AT_ONCE):
            part = rows[start : start + _VOXELS_AT_ONCE]
            try:
                some = {key: column[part] for key, column in values.items()}
                models = self._models(forward, some)
            except MRFInputError as error:
                return Prediction(self.name, {}, {}, reason=error.sentence())
            scales = self._scales(tuple(indices[part] for indices in voxels), models, signals[part])
            total += (scales * mean.turns[part]) @ models
        signal = total / rows.size
        missing = mean.n - rows.size
        return Prediction(
            self.name,
            {},
            {},
            signal=signal,
            correlation=correlation(signal, mean.signal, self.used),
            note=f"{missing:,} of {mean.n:,} voxels have no value" if missing else "",
        )

    def _models(
        self, forward: VoxelSimulator, values: Mapping[str, NDArray[np.float64]]
    ) -> NDArray[np.complex128]:
        """Return the simulated fingerprints (N, T) of (N,) values, in the sign of the series."""
        ones = np.ones_like(next(iter(values.values())))
        parameters = {key: column for key, column in values.items() if key != "PD"}
        parameters.update({key: value * ones for key, value in self._assumed.items()})
        models = np.asarray(forward.fingerprints(parameters), dtype=np.complex128)
        return models.conj() if self._is_conjugate else models

    def _missing(self, voxel: tuple[int, int, int], values: Mapping[str, float]) -> str:
        """Return why a voxel has no values; empty where it has."""
        if all(np.isfinite(value) for value in values.values()):
            return ""
        flags = 0 if self.maps.flags is None else int(self.maps.flags[voxel])
        if flags & FLAGS["not-finite"]:
            return "no value: the fingerprint is not finite"
        if flags & FLAGS["no-signal"]:
            return "no value: no signal"
        if any(np.isfinite(value) for value in values.values()):
            without = ", ".join(key for key, value in values.items() if not np.isfinite(value))
            return f"no value of {without}"
        return "no value: outside the mask"

    def _flagged(self, voxel: tuple[int, int, int]) -> str:
        flags = 0 if self.maps.flags is None else int(self.maps.flags[voxel])
        names = ", ".join(name for name, bit in FLAGS.items() if flags & bit)
        return f"flagged {names}" if names else ""

    @property
    def _m0(self) -> NDArray[np.complex64] | None:
        return self.maps.m0 if self._has_own_scale else None

    def _scales(
        self,
        voxels: tuple[NDArray[np.intp], ...],
        models: NDArray[np.complex128],
        signals: NDArray[np.complexfloating],
    ) -> NDArray[np.complex128]:
        """Return the complex scale (N,) of models (N, T) in voxels: m0, else least squares."""
        counted = self.used & np.isfinite(signals)
        weighted = np.where(counted, models, 0)
        products = np.sum(weighted.conj() * np.where(counted, signals, 0), axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            scales = products / np.sum(np.abs(weighted) ** 2, axis=1)
        if self._m0 is not None:
            m0 = np.asarray(self._m0[voxels], dtype=np.complex128)
            has_m0 = np.isfinite(m0) & (m0 != 0)
            scales[has_m0] = (m0.conj() if self._is_conjugate else m0)[has_m0]
        return np.asarray(scales)


def _inside(voxel: tuple[int, int, int], shape: tuple[int, int, int]) -> bool:
    return all(0 <= index < n for index, n in zip(voxel, shape, strict=True))
