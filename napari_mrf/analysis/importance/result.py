"""Results of temporal importance: changes per frame and map, and per voxel."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from napari_mrf._version import __version__
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import MRFInputError
from napari_mrf.reconstruction.slicewise import SlicewiseMethod

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.analysis.importance.options import ImportanceOptions
    from napari_mrf.analysis.importance.voxels import ChosenVoxels
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.reconstruction.method import Method


@dataclass(frozen=True)
class Baseline:
    """One map of the reconstruction of unchanged fingerprints.

    Parameters
    ----------
    nrmse : float
        Against the reference; 0 where the reconstruction is its own reference, NaN where the
        map cannot be judged.
    span : float
        Maximum - minimum of the reference, in the unit of the map: what NRMSE is a share of.
    n_voxels : int
        Voxels that count: permuted, with a value, and valid.
    region : str
        Validity rule in words.
    reason : str
        Why the map cannot be judged; empty where it can.
    """

    nrmse: float
    span: float
    n_voxels: int
    region: str
    reason: str = ""


@dataclass(eq=False)
class Importance:
    """Temporal importance: the change of each map when a group of frames is permuted.

    While a run goes on the arrays fill in; NaN stands where nothing has been computed yet, and
    where a map cannot be judged.

    Attributes
    ----------
    method : str
        Name of the method.
    sequence : Sequence
        What was played.
    sequence_frames : ndarray
        (T,) frame of the sequence that each frame of the series is.
    options : ImportanceOptions
        How it was measured.
    reference : str
        ``"itself"`` (the reconstruction of unchanged fingerprints) or ``"given"``.
    groups : ndarray
        (G, 2) first and last frame of every group.
    places : ndarray
        (3, N) file indices z, y, x of the voxels that were permuted and reconstructed.
    spatial_shape : tuple of int
        (Z, Y, X).
    affine : ndarray or None
        (4, 4) of the series.
    baseline : dict of str to Baseline
        By map.
    values : dict of str to ndarray
        (N,) float32 maps from unchanged fingerprints.
    change : dict of str to ndarray
        (R, G) float64 |NRMSE - baseline NRMSE| of each repeat, as a share of the span.
    quartile_change : dict of str to ndarray
        (R, G, 3) float64 quartiles over the voxels that count of |value - value from unchanged
        fingerprints|, of each repeat, in the unit of the map; the middle one is the median change,
        which no few voxels can move.
    voxel_change : dict of str to ndarray
        (G, N) float32 |value - value from unchanged fingerprints|, mean over repeats, in the
        unit of the map, NaN in voxels that do not count; for the maps that were kept.
    n_without_signal : int
        Voxels that were looked at and left out, since they have no signal.
    fisher : dict of str to ndarray
        (T,) mean share of each frame in the Fisher information; empty when not computed.
    provenance : dict
        JSON-ready record.
    """

    method: str
    sequence: Sequence
    sequence_frames: NDArray[np.intp]
    options: ImportanceOptions
    reference: str
    groups: NDArray[np.intp]
    places: NDArray[np.intp]
    spatial_shape: tuple[int, int, int]
    affine: NDArray[np.float64] | None
    baseline: dict[str, Baseline]
    values: dict[str, NDArray[np.float32]]
    change: dict[str, NDArray[np.float64]]
    quartile_change: dict[str, NDArray[np.float64]]
    voxel_change: dict[str, NDArray[np.float32]]
    n_without_signal: int = 0
    fisher: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the maps."""
        return tuple(self.baseline)

    @property
    def n_frames(self) -> int:
        """Frames of the series, T."""
        return int(self.sequence_frames.size)

    @property
    def n_repeats_done(self) -> NDArray[np.intp]:
        """(G,) repeats that are complete."""
        judged = [key for key in self.keys if not self.baseline[key].reason]
        if not judged:
            return np.zeros(len(self.groups), np.intp)
        return np.asarray(np.isfinite(self.change[judged[0]]).sum(axis=0))

    def mean(self, key: str) -> NDArray[np.float64]:
        """Return the mean change over the repeats so far, (G,); NaN before the first."""
        return _mean(self.change[key])

    def deviation(self, key: str) -> NDArray[np.float64]:
        """Return its standard deviation (n - 1), (G,); NaN with fewer than two repeats."""
        values = self.change[key]
        n = np.isfinite(values).sum(axis=0)
        squares = np.nansum((values - _mean(values)) ** 2, axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(n > 1, np.sqrt(squares / (n - 1)), np.nan)

    def quartiles(self, key: str) -> NDArray[np.float64]:
        """Return the quartiles of the change over the voxels, (3, G), mean over the repeats so far.

        In the unit of the map; NaN before the first repeat.
        """
        return _mean(self.quartile_change[key]).T

    def fisher_of_groups(self, key: str) -> NDArray[np.float64] | None:
        """Return the share of every group in the Fisher information, (G,), or None."""
        if key not in self.fisher:
            return None
        running = np.r_[0.0, np.cumsum(self.fisher[key])]
        shares = running[self.groups[:, 1] + 1] - running[self.groups[:, 0]]
        return np.asarray(shares)

    def group_of(self, frame: int) -> int | None:
        """Return the group that a frame is in, None for a frame that the stride leaves out."""
        inside = (self.groups[:, 0] <= frame) & (frame <= self.groups[:, 1])
        return int(np.argmax(inside)) if inside.any() else None

    def change_map(self, key: str, frame: int) -> NDArray[np.float32]:
        """Return the absolute change in every voxel when a frame is permuted, (Z, Y, X).

        Parameters
        ----------
        key : str
            A map whose changes were kept.
        frame : int
            Of the series.

        Returns
        -------
        ndarray
            Float32 in the unit of the map; NaN in voxels that took no part, and everywhere for
            frames that the stride leaves out or that have not been computed.

        Raises
        ------
        MRFInputError
            ``"not-kept"``.
        """
        if key not in self.voxel_change:
            raise MRFInputError(
                "not-kept",
                f"the changes per voxel were not kept for {key}",
                expected=", ".join(self.voxel_change)
                or "a map whose changes were kept; there is none",
                hint="Run again with this map chosen, or with fewer voxels.",
            )
        volume = np.full(self.spatial_shape, np.nan, np.float32)
        group = self.group_of(frame)
        if group is not None:
            volume[tuple(self.places)] = self.voxel_change[key][group]
        return volume

    def change_maps(self, key: str) -> Any:
        """Return all of them, (T, Z, Y, X), as a dask array that is computed when looked at.

        The voxels that took part are in memory, the volumes are not: 175 frames of 350 x 350 x
        5 voxels would take 430 MB a map.
        """
        import dask.array

        if key not in self.voxel_change:
            self.change_map(key, 0)  # says why

        def volumes(frames: NDArray[np.intp]) -> NDArray[np.float32]:
            return np.stack([self.change_map(key, int(frame)) for frame in frames])

        # Not named after its content: the arrays may still be filling in.
        return dask.array.map_blocks(
            volumes,
            dask.array.arange(self.n_frames, chunks=1),
            name=f"importance-{uuid4().hex}",
            new_axis=[1, 2, 3],
            chunks=((1,) * self.n_frames, *((length,) for length in self.spatial_shape)),
            meta=np.empty((0, 0, 0, 0), np.float32),
        )


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    n = np.isfinite(values).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(n > 0, np.nansum(values, axis=0) / n, np.nan))


DEFINITION = (
    "nrmse_change (RMS, the importance of the paper): mean over repeats of |NRMSE - baseline "
    "NRMSE| after the values of the frames have been permuted over the voxels, real and imaginary "
    "parts independently; NRMSE = RMSE / (maximum - minimum of the reference). "
    "lower_quartile_change, median_change, upper_quartile_change: quartiles over the voxels of "
    "|value - unpermuted value|, mean over repeats"
)


def importance_record(
    method: Method,
    series: MRFSeries,
    chosen: ChosenVoxels,
    result: Importance,
    reference: ParameterMaps | None,
) -> dict[str, Any]:
    """Return the provenance of temporal importance, JSON-ready."""
    record: dict[str, Any] = {
        "software": {"name": "napari-mrf", "version": __version__, "numpy": np.__version__},
        "input": {
            "path": series.source_path,
            "sha256": series.source_sha256,
            "shape_tzyx": [series.n_frames, *series.spatial_shape],
        },
        "sequence": {
            "name": method.sequence.name,
            "fingerprint": method.sequence.fingerprint(),
        },
        "method": {"name": method.name, **method.describe()},
        "mask": chosen.mask_rule,
        "choice": {"rule": chosen.rule, "without_signal": chosen.n_without_signal},
        "options": asdict(result.options),
        "voxels": int(result.places.shape[1]),
        "reference": result.reference,
        "definition": DEFINITION,
        "baseline": {
            key: {name: _finite(value) for name, value in asdict(baseline).items()}
            for key, baseline in result.baseline.items()
        },
    }
    if isinstance(method, SlicewiseMethod):
        record["conditioning"] = method.conditioning.describe()
    if reference is not None:
        record["reference_provenance"] = reference.provenance
    return record


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value


COLUMNS = (
    "frame",
    "last_frame",
    "map",
    "unit",
    "nrmse_change_mean",
    "nrmse_change_sd",
    "repeats",
    "lower_quartile_change",
    "median_change",
    "upper_quartile_change",
    "voxel_change_mean",
    "nrmse_baseline",
    "reference_range",
    "n",
    "n_without_signal",
    "fisher_share",
    "region",
    "reason",
)
"""Meaning of the columns: docs/analysis.md."""


def importance_table(importance: Importance) -> pd.DataFrame:
    """Return a row for every group of frames and every map, in that order.

    Changes of NRMSE are shares of the reference's range (0.01 is 1 %); the quartiles of the change,
    `voxel_change_mean` and `reference_range` are in the unit of the map. Frames are those of the
    series, from 0.
    """
    import pandas as pd

    repeats = importance.n_repeats_done
    columns = {}
    for key in importance.keys:
        kept = importance.voxel_change.get(key)
        shares = importance.fisher_of_groups(key)
        nothing = np.full(len(importance.groups), np.nan)
        columns[key] = (
            importance.mean(key),
            importance.deviation(key),
            *importance.quartiles(key),
            nothing if kept is None else _mean_over_voxels(kept),
            nothing if shares is None else shares,
        )
    rows = []
    for group, (first, last) in enumerate(importance.groups.tolist()):
        for key, baseline in importance.baseline.items():
            mean, deviation, *changes, share = (float(v[group]) for v in columns[key])
            rows.append(
                (
                    *(first, last, key, PARAMETERS[key].file_unit, mean, deviation),
                    *(int(repeats[group]), *changes, baseline.nrmse, baseline.span),
                    *(baseline.n_voxels, importance.n_without_signal, share),
                    *(baseline.region, baseline.reason),
                )
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _mean_over_voxels(changes: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean of (G, N) changes over the voxels that have one; NaN where none has."""
    finite = np.isfinite(changes)
    n = finite.sum(axis=1)
    total = np.where(finite, changes, 0.0).sum(axis=1, dtype=np.float64)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)
