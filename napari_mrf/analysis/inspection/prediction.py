"""The fingerprint that a set of maps predicts in a voxel, beside the one that was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.geometry import grid_difference
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.data.signal_kinds import SIGNAL_KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries


@dataclass(frozen=True, eq=False)
class Prediction:
    """Prediction of one set of maps for one voxel.

    Parameters
    ----------
    name : str
        Of the set of maps.
    values, deviations : dict of str to float
        Parameter and standard deviation by key, in the units of `PARAMETERS`; NaN without value.
    signal : ndarray or None
        (T,) complex128, scaled to the measured fingerprint; None where nothing can be predicted.
    reason : str
        Why not; empty otherwise.
    correlation : float
        Of measured and predicted fingerprint over the frames used, 0-1; NaN without prediction.
    scale : complex
        What the simulated fingerprint was multiplied by.
    scale_from : str
        ``"m0"`` of the maps, or ``"fit"``: least squares to the measured fingerprint.
    note : str
        What a reader should know of this prediction; empty when there is nothing.
    """

    name: str
    values: Mapping[str, float]
    deviations: Mapping[str, float]
    signal: NDArray[np.complex128] | None = None
    reason: str = ""
    correlation: float = float("nan")
    scale: complex = complex("nan")
    scale_from: str = ""
    note: str = ""


def correlation(
    signal: NDArray[np.complexfloating],
    measured: NDArray[np.complexfloating],
    used: NDArray[np.bool_],
) -> float:
    r"""Return \|⟨a, b⟩\| / (‖a‖ ‖b‖) over the frames used that are finite; NaN without signal."""
    counted = used & np.isfinite(measured) & np.isfinite(signal)
    one = np.asarray(signal[counted], dtype=np.complex128)
    other = np.asarray(measured[counted], dtype=np.complex128)
    norms = float(np.linalg.norm(one) * np.linalg.norm(other))
    return min(float(abs(np.vdot(one, other))) / norms, 1.0) if norms > 0 else float("nan")


def obstacle_of(maps: ParameterMaps, series: MRFSeries) -> str:
    """Return why a set of maps predicts nothing in any voxel of a series; empty otherwise."""
    if difference := grid_difference(maps, series):
        return f"these maps lie on another grid than the series: {difference}"
    if series.sequence is None:
        return "the sequence is not known: pick it in Series"
    recorded = record_part(maps.provenance, "sequence")
    if recorded.get("fingerprint") not in (None, series.sequence.fingerprint()):
        return f"these maps belong to another sequence, {recorded.get('name', 'unnamed')}"
    lacking = [key for key in SIGNAL_KINDS[series.sequence.kind].required if key not in maps]
    if lacking:
        return f"a prediction for {series.sequence.name} needs {', '.join(lacking)}"
    if series.metadata.get("magnitude_only"):
        return "the series is magnitude alone, and a prediction is complex"
    return ""


def note_of(
    conditioning: Mapping[str, Any], assumed: Mapping[str, float], used: NDArray[np.bool_]
) -> str:
    """Return the steps of the reconstruction that the prediction leaves out, in words."""
    parts = []
    if not used.all():
        parts.append(f"used {int(used.sum())} of {used.size} frames")
    if conditioning.get("conjugate"):
        parts.append("took the conjugate of the series; the prediction is turned back")
    if conditioning.get("window_frames"):
        parts.append(f"averaged {conditioning['window_frames']} frames; shown is what was measured")
    if conditioning.get("smooth_voxels"):
        parts.append(
            f"smoothed by {conditioning['smooth_voxels']:g} voxels; shown is what was measured"
        )
    if assumed:
        words = " and ".join(
            f"{key} = {value:g} {PARAMETERS[key].unit}".rstrip() for key, value in assumed.items()
        )
        parts.append(f"has no such map: {words} is assumed")
    return "; ".join(parts)


def record_part(provenance: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a part of the provenance; empty where a foreign file has none, or nonsense."""
    part = provenance.get(key)
    return part if isinstance(part, dict) else {}
