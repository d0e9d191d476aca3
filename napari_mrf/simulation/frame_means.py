"""From pulses to temporal frames, differentiably."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from napari_mrf.data.sequence import Sequence


def frame_means(sequence: Sequence, pulses: Tensor) -> Tensor:
    """Return the means (N, n_frames) of the pulses (N, n_pulses) of every frame.

    Frames follow one another, or overlap as the sequence says (`Sequence.per_frame` does the
    same for arrays).
    """
    size, step = sequence.pulses_per_frame, sequence.frame_step
    if step == size:
        return pulses.reshape(len(pulses), sequence.n_frames, size).mean(dim=2)
    return pulses.unfold(1, size, step).mean(dim=2)
