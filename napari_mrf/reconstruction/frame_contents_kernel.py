"""Sizes of single frames, compiled.

Apart from `frame_contents`, which loads numba with it only once there are frames.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from napari_mrf.compute.compilation import OPTIONS


@njit(**OPTIONS)
def look_at_frames(images, largest, energy, peak_at):  # type: ignore[no-untyped-def]
    """Write the largest squares (3, F), energies (F,) and brightest voxels (F,) of frames.

    Reads ``images`` (F, N) complex64. The squares are those of magnitude, real and imaginary
    part, single precision; of equally bright voxels the first counts. An energy is finite only
    where all values are.
    """
    for f in range(len(images)):
        most, most_real, most_imaginary = np.float32(-1), np.float32(0), np.float32(0)
        place, total = 0, 0.0
        for v in range(images.shape[1]):
            value = images[f, v]
            real, imaginary = value.real * value.real, value.imag * value.imag
            both = real + imaginary
            total += both
            if both > most:
                most, place = both, v
            most_real, most_imaginary = max(most_real, real), max(most_imaginary, imaginary)
        largest[0, f], largest[1, f], largest[2, f] = most, most_real, most_imaginary
        energy[f], peak_at[f] = total, place
