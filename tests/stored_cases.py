"""Series of coefficient images for tests, with everything that a file can keep of one."""

import numpy as np
from properties import complex_normal

from napari_mrf import MRFSeries
from napari_mrf.data import sequences
from napari_mrf.data.subspace_signal import CoefficientNoise, SubspaceSignal
from napari_mrf.io.series.subspace_frames import lazy_frames

AFFINE = np.array([[-1.5, 0, 0, 30.1], [0, -1.5, 0, 40], [0, 0, 4.0, -7], [0, 0, 0, 1.0]])
RECORD = {"images": "subspace", "rank": 3, "left_out_by_the_basis": 0.0123, "solver_steps": [4, 5],
          "raw": {"sha256": "0" * 64, "acquisition_report": {"found": ["8 coils"]}}}  # fmt: skip
WARNING = "Beware of the ä in these images."


def complex_array(rng, *shape):
    return complex_normal(rng, *shape).astype(np.complex64)


def subspace_signal(n_frames=175, rank=3, shape=(2, 4, 5), noise=True, seed=0):
    rng = np.random.default_rng(seed)
    mixed = complex_array(rng, shape[0], rank, rank)
    covariance = mixed @ mixed.conj().transpose(0, 2, 1)
    known = CoefficientNoise(
        covariance, 2 * covariance, rng.uniform(0.5, 2, shape).astype(np.float32)
    )
    return SubspaceSignal(complex_array(rng, n_frames, rank), complex_array(rng, rank, *shape),
                          known if noise else None)  # fmt: skip


def subspace_series(signal=None, **changes):
    given = {"affine": AFFINE, "sequence": sequences.t1ff(), "warnings": (WARNING,),
             "metadata": RECORD}  # fmt: skip
    return MRFSeries(lazy_frames(signal or subspace_signal()), **(given | changes))
