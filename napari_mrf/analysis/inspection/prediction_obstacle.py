"""Why maps predict no fingerprint of a series, and what a reader of a prediction should know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.data.geometry import grid_difference
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.data.signal_kinds import SIGNAL_KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries


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
    """Return what the reconstruction did that the prediction does not; empty for nothing."""
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
