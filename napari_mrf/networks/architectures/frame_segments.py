"""Segments of a fingerprint, the steps of a recurrent network."""

from __future__ import annotations

_STEPS_WANTED = 30


def n_segments(n_frames: int) -> int:
    """Return into how many equal segments T frames are cut.

    The divisor of T nearest to 30, the smaller of two: 3000 = 30 x 100 as in Hoppe et al.,
    MICCAI 2019; 1000 = 25 x 40; 175 = 35 x 5 or 25 x 7, of which the latter.
    """
    divisors = [n for n in range(1, n_frames + 1) if n_frames % n == 0]
    return min(divisors, key=lambda n: (abs(n - _STEPS_WANTED), n))
