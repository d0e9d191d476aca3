"""Texts that several panels use: entries of pickers, progress, durations."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_mrf.plugin.jobs import JobStatus

AUTOMATIC_MASK = "automatic"
FITTED_B1 = "fitted"
KNOWN_TRUTH = "the known truth of this series"
SEQUENCE_FILES = "Sequence (*.json *.csv *.seq);;All files (*)"
NO_TRUTH = "none (maps of the method)"


def progress_sentence(status: JobStatus) -> str:
    """Return ``"water-fat, refining: 12,400 of 34,800 voxels, 6 s left"``."""
    title = f"{status.title}, {status.stage}" if status.stage else status.title
    if not status.total or not status.done:
        return f"{title}: {status.detail or 'starting'}…"
    text = f"{title}: {status.done:,} of {status.total:,} {status.detail}"
    if status.seconds_left:
        text += f", {duration(status.seconds_left)} left"
    return text


def piece_sentence(status: JobStatus) -> str:
    """Return ``"Saving maps: FF, 6 s left…"``, where the pieces have names."""
    text = f"{status.title}: {status.detail or 'starting'}"
    if status.seconds_left:
        text += f", {duration(status.seconds_left)} left"
    return f"{text}…"


def duration(seconds: float) -> str:
    """Return a duration as a user reads it: ``"0.4 s"``, ``"6 s"``, ``"3 min 20 s"``."""
    if seconds < 1:
        return f"{max(seconds, 0.1):.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"
