"""Gradient delays of a radial measurement: estimated, told, and corrected."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_mrf.compute.steps import Steps
from napari_mrf.imaging.updates import AlikeCoils, ImagesUpdate, trajectory_of
from napari_mrf.kspace.delays.estimation import estimating_delays
from napari_mrf.kspace.delays.spokes import spokes_of

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.data.raw.raw_data import RawData
    from napari_mrf.kspace.delays.estimation import DelayEstimate

_COILS = 2


def correcting_delays(
    raw: RawData,
    vectors: NDArray[np.complexfloating],
    preview: NDArray[np.complex64],
    *,
    wanted: bool = True,
    workers: int | None = None,
) -> Generator[ImagesUpdate, None, tuple[RawData, dict[str, Any]]]:
    """Correct the trajectory of spokes for the delays that the middle slice tells of.

    Delays belong to the gradients: all slices share them.

    Parameters
    ----------
    raw : RawData
        Under its sequence.
    vectors : ndarray
        (pulses, K) complex, the temporal basis.
    preview : ndarray
        For updates.
    wanted : bool
        Whether to estimate and correct at all.
    workers : int, optional
        Threads; results do not depend on it.

    Yields
    ------
    ImagesUpdate
        Chances to cancel.

    Returns
    -------
    raw : RawData
        With the trajectory that images should be made with, and a sentence in the report.
    record : dict
        What was estimated and done, JSON-ready.
    """
    if not wanted:
        return _told(raw, False, "Gradient delays were not estimated, as asked for.")
    middle = raw.n_slices // 2
    places = trajectory_of(raw, middle)
    spokes = spokes_of(places)
    if spokes is None:
        return _told(
            raw, False, "Gradient delays were not estimated: the readouts are no straight "
            "spokes in all directions through the center of k-space.",
        )  # fmt: skip
    reading = Steps(AlikeCoils(raw, min(_COILS, raw.n_coils)).reading(middle))
    for _ in reading:
        yield ImagesUpdate(0.0, raw.n_slices, preview)
    estimating = Steps(
        estimating_delays(reading.result, vectors[raw.pulses(middle)], places, raw.matrix, spokes,
                          workers=workers)
    )  # fmt: skip
    for _ in estimating:
        yield ImagesUpdate(0.0, raw.n_slices, preview)
    found: DelayEstimate = estimating.result
    if not found.converged:
        return _told(
            raw, False, "Gradient delays could not be told from the data; none were corrected."
        )
    x, y, cross = found.shifts[:3]
    text = f"Gradient delays of {x:.2f} (x) and {y:.2f} (y) samples, cross-term {cross:.2f}, "
    if found.detected:
        shifted = tuple(
            of.shifted(each, found.shifts) if (of := spokes_of(each)) is not None else each
            for each in raw.trajectories
        )
        raw, text = replace(raw, trajectories=shifted), text + "estimated, corrected."
    else:
        text += "estimated: within their uncertainty or too small to matter, not corrected."
    numbers = {
        "samples": {"x": float(x), "y": float(y), "cross": float(cross)},
        "standard_deviations": found.deviations[:3].tolist(),
        "across_spokes": found.shifts[3:].tolist(),
    }
    return _told(raw, found.detected, text, numbers)


def _told(
    raw: RawData, corrected: bool, text: str, numbers: dict[str, Any] | None = None
) -> tuple[RawData, dict[str, Any]]:
    """Return the raw data with a sentence in a report of their own, and the record."""
    report = raw.report.copy()
    (report.taken if corrected else report.left_out).append(text)
    return replace(raw, report=report), {"corrected": corrected, "told": text, **(numbers or {})}
