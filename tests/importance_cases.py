"""Methods whose importance is known, and small series."""

import numpy as np

import napari_mrf as mrf
from napari_mrf.reconstruction.method import Method, MethodInfo, ReconstructionUpdate, VoxelResult
from napari_mrf.reconstruction.voxelwise import VoxelwiseMethod

INFO = MethodInfo("one-frame", "a stand-in", "network", ("spoiled",), "nobody, 2020")
AFFINE = np.diag([-1.5, -2.0, -8.0, 1.0])  # slices run to the feet: shown in reverse order


def small_sequence(n_frames=12):
    return mrf.Sequence(
        name="short", kind="spoiled", flip_angles_deg=np.linspace(5, 30, 2 * n_frames),
        repetition_times_ms=10.0, echo_times_ms=np.repeat([2.0, 3.0], n_frames),
        pulses_per_frame=2, inversion_time_ms=10.0, recovery_time_ms=500.0, water_t2_ms=40.0,
        fat_t2_ms=80.0, fat_shifts_hz=[0.0, 400.0], fat_amplitudes=[0.2, 0.8],
    )  # fmt: skip


def series_of(sequence, n=8, snr=0, factors=None):
    """(T, 2, 4, 6) of random values for short sequences, (T, 1, n, n) of tissue for others."""
    generator = np.random.default_rng(11)
    if sequence.n_frames < 50:
        shape = (sequence.n_frames, 2, 4, 6)
        signal = generator.random(shape) + 1j * generator.random(shape)
        return mrf.MRFSeries(signal.astype(np.complex64), AFFINE, sequence)
    count = n * n
    tissue = {
        "FF": generator.uniform(0.05, 0.9, count), "T1H2O": generator.uniform(800, 1700, count),
        "T1fat": generator.uniform(250, 380, count), "Df": generator.uniform(-60, 60, count),
        "B1": generator.uniform(0.6, 1.0, count),
    }  # fmt: skip
    signal = mrf.simulate(sequence, tissue, dtype="complex128")
    if snr:
        sigma = np.abs(signal).mean() / snr
        noise = generator.standard_normal((2, *signal.shape)) * sigma
        signal = signal + noise[0] + 1j * noise[1]
    signal = signal.T.reshape(sequence.n_frames, 1, n, n)
    if factors is not None:
        signal = signal * factors
    mask = np.ones((1, n, n), bool)
    return mrf.MRFSeries(signal.astype(np.complex64), AFFINE, sequence, mask)


class OneFrame(VoxelwiseMethod):
    """Its map is the real part of one (kept) frame."""

    info = INFO

    def __init__(self, sequence, frame=0, conditioning=None, key="FF", scale=1.0):
        super().__init__(sequence, conditioning)
        self.frame, self.key, self.scale = frame, key, scale

    @property
    def parameters(self):
        return (self.key,)

    def describe(self):
        return {"frame": self.frame}

    def match(self, signals):
        n = len(signals)
        values = (self.scale * signals[:, self.frame].real).astype(np.float32)
        return VoxelResult({self.key: values}, np.ones(n, np.float32), np.ones(n, np.complex64),
                           np.zeros(n, np.uint8))  # fmt: skip


class NeighborMean(Method):
    """Its map is the mean of a voxel and its right neighbor in one frame: no voxel alone."""

    info = INFO

    def __init__(self, sequence, frame=0):
        self.sequence, self.frame = sequence, frame

    @property
    def parameters(self):
        return ("FF",)

    def describe(self):
        return {"frame": self.frame}

    def iter_reconstruct(self, series, mask=None, b1=None):
        image = np.asarray(series.signal[self.frame]).real
        values = (image + np.roll(image, 1, axis=2)) / 2
        yield ReconstructionUpdate(0, 1, mrf.ParameterMaps({"FF": values}))
        yield ReconstructionUpdate(1, 1, mrf.ParameterMaps({"FF": values}), stage="done")
