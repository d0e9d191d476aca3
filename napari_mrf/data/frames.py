"""Frames as text, such as ``"0-149"``: counted from 0, as options and messages name them.

It stands apart since options of methods, readers of files and messages all speak of frames.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Iterable


def parse_frames(text: str) -> tuple[int, ...]:
    """Return the frames of a text such as ``"0-149"`` or ``"0-74, 100, 125-174"``.

    Raises
    ------
    MRFInputError
        ``"bad-frames"``.
    """
    frames: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,6})(?:\s*-\s*(\d{1,6}))?\s*", part)
        if match is None or (match[2] is not None and int(match[2]) < int(match[1])):
            raise MRFInputError(
                "bad-frames",
                f"{part.strip()!r} is not a range of frames",
                expected="such as 0-149 or 0-74,100-174",
            )
        frames.extend(range(int(match[1]), int(match[2] or match[1]) + 1))
    return tuple(frames)


def chosen_frames(frames: str | Iterable[int] | None) -> tuple[int, ...] | None:
    """Return frames given as text or numbers, rising; None for all (``"all"``, ``""``, None).

    Raises
    ------
    MRFInputError
        ``"bad-frames"``.
    """
    if isinstance(frames, str):
        frames = parse_frames(frames) if frames.strip() not in ("", "all") else None
    if frames is None:
        return None
    chosen = tuple(int(frame) for frame in frames)
    if not chosen or chosen[0] < 0 or np.any(np.diff(chosen) <= 0):
        raise MRFInputError(
            "bad-frames", "frames must be strictly increasing", found=str(chosen)[:40]
        )
    return chosen


def frames_text(frames: Iterable[int]) -> str:
    """Return rising frames as text that `parse_frames` reads, such as ``"0-74, 100-174"``."""
    runs: list[list[int]] = []
    for frame in map(int, frames):
        if runs and frame == runs[-1][-1] + 1:
            runs[-1][1:] = [frame]
        else:
            runs.append([frame])
    return ", ".join("-".join(str(end) for end in run) for run in runs)


def frames_option(frames: Iterable[int]) -> str:
    """Return how to ask for frames, in Python and on the command line."""
    text = frames_text(frames).replace(" ", "")
    return f'frames="{text}" (on the command line --frames {text})'
