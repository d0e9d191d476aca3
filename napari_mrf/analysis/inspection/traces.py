"""Measured and predicted fingerprints side by side, for plots and tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.analysis.inspection.prediction import Prediction
    from napari_mrf.data import sequence as sequence_module

COMPONENTS: dict[str, Callable[[NDArray[np.complexfloating]], NDArray[np.floating]]] = {
    "magnitude": np.abs,
    "real": np.real,
    "imaginary": np.imag,
    "phase": np.angle,
}
"""Parts of a fingerprint that can be drawn; phase in radian, -π to π, not unwrapped."""


@dataclass(frozen=True, eq=False)
class Trace:
    """One voxel or the mean of one region.

    Parameters
    ----------
    name : str
        ``"voxel (0, 81, 92)"`` or ``"vastus lateralis R, mean of 412 voxels"``.
    measured : ndarray
        (T,) complex, as in the series; for a mean in the phase of `mean_fingerprint`.
    predictions : tuple of Prediction
        One a set of maps.
    problem : str
        What is wrong with the measured fingerprint; empty when nothing is.
    """

    name: str
    measured: NDArray[np.complexfloating]
    predictions: tuple[Prediction, ...] = ()
    problem: str = ""


def problem_of(measured: NDArray[np.complexfloating]) -> str:
    """Return what is wrong with a fingerprint; empty when nothing is."""
    if not np.isfinite(measured).all():
        return "the fingerprint is not finite"
    if not np.any(measured):
        return "no signal"
    return ""


def voxel_name(voxel: tuple[int, int, int]) -> str:
    """Return ``"voxel (0, 81, 92)"``, (z, y, x) in file order counted from 0."""
    return f"voxel ({', '.join(map(str, voxel))})"


def traces_table(
    traces: Sequence[Trace], sequence: sequence_module.Sequence | None = None
) -> pd.DataFrame:
    """Return all traces frame by frame.

    Parameters
    ----------
    traces : sequence of Trace
        Of one series.
    sequence : Sequence, optional
        For the columns ``FA (deg)``, ``TE (ms)`` and ``TR (ms)``, the means over the pulses of
        each frame.

    Returns
    -------
    pandas.DataFrame
        One row per frame, counted from 0. For each trace ``<name> measured real`` and
        ``… imaginary``, and for each prediction ``<name> <set> predicted real`` …,
        ``<name> <set> residual real`` … (measured - predicted). Empty cells where nothing is
        predicted.
    """
    import pandas as pd

    n_frames = len(traces[0].measured) if traces else 0
    columns: dict[str, NDArray[np.generic]] = {"frame": np.arange(n_frames)}
    if sequence is not None and sequence.n_frames == n_frames:
        columns.update(sequence_columns(sequence))
    for trace in traces:
        measured = np.asarray(trace.measured, dtype=np.complex128)
        _add(columns, f"{trace.name} measured", measured)
        for prediction in trace.predictions:
            signal = prediction.signal
            if signal is None:
                signal = np.full(n_frames, complex(np.nan, np.nan))
            _add(columns, f"{trace.name} {prediction.name} predicted", signal)
            _add(columns, f"{trace.name} {prediction.name} residual", measured - signal)
    return pd.DataFrame(columns)


def sequence_columns(sequence: sequence_module.Sequence) -> dict[str, NDArray[np.float64]]:
    """Return flip angle, echo time and repetition time of every frame, means over its pulses."""
    return {
        "FA (deg)": sequence.per_frame(sequence.flip_angles_deg).mean(axis=1),
        "TE (ms)": sequence.per_frame(sequence.echo_times_ms).mean(axis=1),
        "TR (ms)": sequence.per_frame(sequence.repetition_times_ms).mean(axis=1),
    }


def values_table(traces: Sequence[Trace]) -> pd.DataFrame:
    """Return the map values behind the predictions.

    Returns
    -------
    pandas.DataFrame
        One row a trace and set of maps: ``trace``, ``maps``, for each parameter its value and
        ``<key> SD`` where a set has one, with the unit in the title, ``fit`` (the correlation
        of measured and predicted fingerprint, 0-1) and ``reason`` where there is none.
    """
    import pandas as pd

    rows: list[Mapping[str, object]] = []
    for trace in traces:
        for prediction in trace.predictions:
            row: dict[str, object] = {"trace": trace.name, "maps": prediction.name}
            for key, value in prediction.values.items():
                row[_titled(key, key)] = value
                if key in prediction.deviations:
                    row[_titled(key, f"{key} SD")] = prediction.deviations[key]
            row["fit"] = prediction.correlation
            row["reason"] = prediction.reason
            rows.append(row)
    table = pd.DataFrame(rows)
    last = [title for title in ("fit", "reason") if title in table]
    return table[[title for title in table if title not in last] + last]


def _titled(key: str, words: str) -> str:
    unit = PARAMETERS[key].unit
    return f"{words} ({unit})" if unit else words


def _add(
    columns: dict[str, NDArray[np.generic]], name: str, signal: NDArray[np.complexfloating]
) -> None:
    # Two pins of one name cannot be: a voxel is pinned once, labels have their number.
    columns[f"{name} real"] = np.asarray(signal.real, dtype=np.float64)
    columns[f"{name} imaginary"] = np.asarray(signal.imag, dtype=np.float64)
