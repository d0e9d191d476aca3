"""What the importance of one frame is, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    from napari_mrf.analysis.importance.result import Importance


def frame_sentence(result: Importance, key: str, frame: int) -> str:
    """Return ``"Frame 125: T1H2O changes by 3.6 ± 0.2 % of its range of 1,247 ms"``."""
    group, baseline = result.group_of(frame), result.baseline[key]
    if baseline.reason:
        return f"{key}: {baseline.reason}."
    if group is None:
        return f"Frame {frame} was left out by the stride."
    first, last = result.groups[group]
    where = f"Frame {frame}" if first == last else f"Frames {first}-{last}"
    mean, deviation = 100 * result.mean(key)[group], 100 * result.deviation(key)[group]
    if not np.isfinite(mean):
        return f"{where}: not measured yet."
    spread = f" ± {deviation:.2g}" if np.isfinite(deviation) else ""
    unit = PARAMETERS[key].unit
    span = f"{baseline.span:,.3g}" if baseline.span < 100 else f"{baseline.span:,.0f}"
    text = f"{where}: {key} changes by {mean:.3g}{spread} % of its range of {span} {unit}".rstrip()
    shares = result.fisher_of_groups(key)
    if shares is not None and np.isfinite(shares[group]):
        text += f" · Fisher share {100 * shares[group]:.2g} %"
    return text
