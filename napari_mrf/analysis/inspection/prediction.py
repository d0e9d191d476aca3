"""The fingerprint that a set of maps predicts in a voxel, beside the one that was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Prediction:
    """What one set of maps says of one voxel.

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
