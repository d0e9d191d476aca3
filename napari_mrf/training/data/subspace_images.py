"""Images of a simulated scan in the temporal subspace, as those of raw data that a user opens.

Apart from `random_slices`, whose images are gridded frame by frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.compute.steps import result_of
from napari_mrf.dictionary.pulse_basis import cached_pulse_basis
from napari_mrf.kspace.subspace import SubspaceReconstruction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.phantoms.acquisition.acquire import SliceKSpace


def subspace_images(
    kspace: SliceKSpace, sequence: Sequence, shape: tuple[int, int], share: float,
    rng: np.random.Generator,
) -> NDArray[np.complex64]:  # fmt: skip
    """Return the frames (T, Y, X) of a slice from a share of its spokes, in one thread.

    Parameters
    ----------
    kspace : SliceKSpace
        What the coils measured, a spoke or more a pulse.
    sequence : Sequence
        That was played.
    shape : tuple of int
        (Y, X) of the images.
    share : float
        Of the spokes that are used, 0-1: a small matrix needs fewer for streaks and noise
        like those of a large one.
    rng : numpy.random.Generator
        Draws them.
    """
    basis = cached_pulse_basis(sequence)
    n_spokes = kspace.samples.shape[1]
    used = np.sort(rng.permutation(n_spokes)[: max(round(share * n_spokes), 1)])
    pulses = used * sequence.n_pulses // n_spokes
    places = kspace.trajectory.coordinates(0, n_spokes)[used]
    solver = SubspaceReconstruction(basis.vectors[pulses], basis.singular_values, places, shape,
                                    device=torch.device("cpu"), workers=1)  # fmt: skip
    # Of a noise-free scan, the prior still needs a noise to be weighed against.
    variance = max(2.0 * kspace.noise**2, _LEAST_NOISE * float(np.abs(kspace.samples).max()) ** 2)
    made = result_of(solver.reconstructing(kspace.samples[:, used], variance))
    frames = np.tensordot(basis.by_frame(), made.images, axes=1)
    return np.asarray(frames, np.complex64)


_LEAST_NOISE = 1e-12
