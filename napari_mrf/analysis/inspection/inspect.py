"""Fingerprints of voxels and regions with what every set of maps predicts there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.inspection.mean_fingerprint import mean_fingerprint
from napari_mrf.analysis.inspection.prediction import record_part
from napari_mrf.analysis.inspection.traces import Trace, problem_of, values_table, voxel_name
from napari_mrf.data.parameters import rules_broken

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.analysis.inspection.prediction import Prediction
    from napari_mrf.analysis.inspection.predictor import Predictor
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries

_IN_REGIONS = "the values of a region are in regions.csv"


@dataclass(frozen=True, eq=False)
class RegionSignals:
    """Measured fingerprints of a region.

    Parameters
    ----------
    voxels : tuple of ndarray
        (N,) indices z, y and x in file order.
    signals : ndarray
        (N, T) complex64.
    """

    voxels: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]
    signals: NDArray[np.complexfloating]


@dataclass(frozen=True, eq=False)
class Inspected:
    """One voxel or region.

    Parameters
    ----------
    trace : Trace
        What was measured and predicted.
    voxel : tuple of int or None
        (z, y, x) in file order; None for a region.
    label : int or None
        Number of the region; None for a voxel.
    """

    trace: Trace
    voxel: tuple[int, int, int] | None = None
    label: int | None = None

    @property
    def stem(self) -> str:
        """Name of its files without suffix: ``voxel_0_81_92`` (z, y, x) or ``region_11``."""
        if self.voxel is None:
            return f"region_{self.label}"
        return f"voxel_{'_'.join(map(str, self.voxel))}"


def is_from(
    maps: ParameterMaps, series: MRFSeries, *, made_from: str = "", series_name: str = ""
) -> bool | None:
    """Return whether maps were made from a series, so that their ``m0`` is its complex scale.

    Parameters
    ----------
    maps : ParameterMaps
        Whose provenance has the sha256 of the file they come from.
    series : MRFSeries
        Another file is another series.
    made_from, series_name : str
        Names of the series in this session, that of the maps and this one. They decide for maps
        that were made in it: several series may come from one file, or from none.

    Returns
    -------
    bool or None
        None where that is unknown.
    """
    sums = record_part(maps.provenance, "input").get("sha256"), series.source_sha256
    if None not in sums and sums[0] != sums[1]:
        return False
    if made_from:
        return made_from == series_name
    return None if None in sums else True


def voxel_trace(
    voxel: tuple[int, int, int],
    measured: NDArray[np.complexfloating],
    predictors: Sequence[Predictor],
) -> Trace:
    """Return the trace of a voxel (z, y, x) from its fingerprint (T,)."""
    predictions = tuple(predictor.at(voxel, measured) for predictor in predictors)
    return Trace(voxel_name(voxel), measured, predictions, problem_of(measured))


def region_signals(
    series: MRFSeries, labels: NDArray[Any], wanted: Collection[int], z: int | None = None
) -> dict[int, RegionSignals]:
    """Read the measured fingerprints of regions; every slice is read once.

    Parameters
    ----------
    series : MRFSeries
        Lazy or not.
    labels : ndarray of int
        (Z, Y, X) on the grid of the series.
    wanted : collection of int
        Which labels.
    z : int, optional
        Only this slice.
    """
    places: dict[int, list[NDArray[np.intp]]] = {label: [] for label in wanted}
    parts: dict[int, list[NDArray[np.complexfloating]]] = {label: [] for label in wanted}
    for at in range(series.spatial_shape[0]) if z is None else (z,):
        plane = labels[at]
        drawn = [label for label in wanted if np.any(plane == label)]
        slab = series.slab(at) if drawn else None
        for label in drawn:
            rows, columns = np.nonzero(plane == label)
            places[label].append(np.stack([np.full_like(rows, at), rows, columns]))
            if slab is not None:
                parts[label].append(slab[:, rows, columns].T)
    nowhere = np.empty((3, 0), np.intp)
    nothing = np.empty((0, series.n_frames), np.complex64)
    found = {}
    for label in wanted:
        one, two, three = np.concatenate([nowhere, *places[label]], axis=1)
        signals = np.concatenate([nothing, *parts[label]])
        found[label] = RegionSignals((one, two, three), signals)
    return found


def region_trace(
    name: str, region: RegionSignals, predictors: Sequence[Predictor], z: int | None = None
) -> Trace:
    """Return the mean of a region; see `mean_fingerprint` and `Predictor.mean_at`."""
    mean = mean_fingerprint(region.signals)
    where = "" if z is None else f", slice {z}"
    return Trace(
        f"{name}{where}, mean of {mean.n:,} voxel{'' if mean.n == 1 else 's'}",
        mean.signal,
        tuple(predictor.mean_at(region.voxels, region.signals, mean) for predictor in predictors),
        "" if mean.n else "no voxel with signal",
    )


def inspected_values(
    inspected: Sequence[Inspected], thresholds: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """Return the values behind the predictions, one row per voxel or region and set of maps.

    Parameters
    ----------
    inspected : sequence of Inspected
        In the order of the rows.
    thresholds : mapping of str to float, optional
        Of the validity rules.

    Returns
    -------
    pandas.DataFrame
        ``z``, ``y``, ``x`` (file order, from 0) or ``label``; the columns of `values_table`;
        ``scale`` of the prediction (``m0`` of the maps, or ``fit``); ``not valid``: the maps
        whose validity rule does not hold; and ``note``.
    """
    table = values_table([one.trace for one in inspected])
    pairs = [(one, prediction) for one in inspected for prediction in one.trace.predictions]
    last = table.pop("reason") if "reason" in table else None
    places = [one.voxel or (None, None, None) for one, _ in pairs]
    for column, name in enumerate("zyx"):
        table.insert(column, name, [place[column] for place in places])
    table.insert(3, "label", [one.label for one, _ in pairs])
    table = table.astype(dict.fromkeys(("z", "y", "x", "label"), "Int64"))
    table["scale"] = [prediction.scale_from for _, prediction in pairs]
    table["not valid"] = [_not_valid(prediction, thresholds) for _, prediction in pairs]
    if last is not None:
        table["reason"] = last
    table["note"] = [_note(one, prediction) for one, prediction in pairs]
    return table


def _not_valid(prediction: Prediction, thresholds: Mapping[str, float] | None) -> str:
    broken = rules_broken(prediction.values, thresholds)
    return ", ".join(f"{key} ({rule} only)" for key, rule in broken.items())


def _note(one: Inspected, prediction: Prediction) -> str:
    parts = [one.trace.problem, prediction.note, _IN_REGIONS if one.voxel is None else ""]
    return "; ".join(part for part in parts if part)
