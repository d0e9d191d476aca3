"""A small series whose maps are known, for tests of the inspector."""

import numpy as np

import napari_mrf as mrf
from napari_mrf import ParameterMaps
from napari_mrf.data import sequences
from napari_mrf.data.maps import FLAGS

SEQUENCE = sequences.t1ff()
SHAPE = (3, 4, 5)
AFFINE = np.diag([-1.5, -2.0, -8.0, 1.0])  # every screen axis is flipped or of another size
RNG = np.random.default_rng(8)
TRUTH = {
    "FF": RNG.uniform(0.05, 0.6, SHAPE),
    "T1H2O": RNG.uniform(800, 1600, SHAPE),
    "T1fat": RNG.uniform(250, 400, SHAPE),
    "Df": RNG.uniform(-100, 100, SHAPE),
    "B1": RNG.uniform(0.6, 1.1, SHAPE),
}
TRUTH = {key: values.astype(np.float32) for key, values in TRUTH.items()}
MODEL = mrf.simulate(SEQUENCE, {key: values.ravel() for key, values in TRUTH.items()})
GAIN = RNG.uniform(50, 200, 60) * np.exp(1j * RNG.uniform(-3, 3, 60))
SIGNAL = (MODEL * GAIN[:, None]).T.reshape(175, *SHAPE).astype(np.complex64)
NAN_VOXEL, EMPTY_VOXEL, UNMASKED_VOXEL = (1, 0, 0), (1, 0, 1), (1, 0, 2)
SIGNAL[(10, *NAN_VOXEL)] = np.nan
SIGNAL[(slice(None), *EMPTY_VOXEL)] = 0


def maps(*, uncertainty=True, **changed):
    values = {key: column.copy() for key, column in TRUTH.items()}
    flags = np.zeros(SHAPE, np.uint8)
    flags[NAN_VOXEL], flags[EMPTY_VOXEL] = FLAGS["not-finite"], FLAGS["no-signal"]
    for column in values.values():
        for voxel in (NAN_VOXEL, EMPTY_VOXEL, UNMASKED_VOXEL):
            column[voxel] = np.nan
    values.update(changed)
    sd = {key: np.full(SHAPE, 0.01, np.float32) for key in values} if uncertainty else {}
    return ParameterMaps(values, uncertainty=sd, flags=flags, affine=AFFINE)
