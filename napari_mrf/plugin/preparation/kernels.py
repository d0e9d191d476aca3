"""The work that compiles every kernel: reconstructions and drawings of a few voxels.

Numba compiles for the types of the arguments. Work that goes the way of the user's brings the
right ones, whatever the kernels take, and leaves the result in numba's cache on disk.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries

_N = 24


@dataclass(frozen=True)
class Task:
    """Kernels that are compiled together.

    Parameters
    ----------
    what : str
        For the user: what is being prepared.
    seconds : float
        How long it takes on two cores; for the time left.
    work : callable
        Without arguments.
    needed_for : tuple of str
        Kinds of sequence, names of methods that need more, `IMAGES_OF_RAW` or `DRAWING`.
    """

    what: str
    seconds: float
    work: Callable[[], object]
    needed_for: tuple[str, ...]


def _series(sequence: Sequence, tissue: dict[str, float]) -> MRFSeries:
    """Return (T, 1, 1, N) of one tissue under noise."""
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.simulation import simulate

    signals = simulate(sequence, {key: np.full(_N, value) for key, value in tissue.items()})
    noise = np.random.default_rng(0).standard_normal((2, *signals.shape))
    signals = signals + 0.02 * np.abs(signals).mean() * (noise[0] + 1j * noise[1])
    stack = signals.T.reshape(-1, 1, 1, _N).astype(np.complex64)
    return MRFSeries(stack, np.eye(4), sequence, np.ones((1, 1, _N), bool))


def _in_subspace(series: MRFSeries) -> MRFSeries:
    """Return the same series as coefficients of its first fingerprints."""
    from napari_mrf.data.subspace_signal import SubspaceSignal
    from napari_mrf.io.series.subspace_frames import lazy_frames

    frames = series.signal[:, 0, 0]
    basis = np.linalg.qr(frames[:, : _N // 4])[0]
    coefficients = (basis.conj().T @ frames)[:, None, None]
    return replace(series, signal=lazy_frames(SubspaceSignal(basis, coefficients)))


def _match_water_fat() -> None:
    from napari_mrf import methods
    from napari_mrf.data import sequences

    tissue = {"FF": 0.3, "T1H2O": 1300.0, "T1fat": 300.0, "Df": 10.0, "B1": 0.9}
    sequence = sequences.t1ff()
    series = _series(sequence, tissue)
    method = methods.get("water-fat", sequence=sequence, device="cpu")
    for one in (series, _in_subspace(series)):
        method.reconstruct(one)


def _judge_water_fat() -> None:
    """Of networks, and what Inspect predicts."""
    from napari_mrf.data import sequences
    from napari_mrf.matching.model_fit import model_fit
    from napari_mrf.simulation.voxel_simulator import VoxelSimulator

    sequence = sequences.t1ff()
    tissue = {
        key: np.array([value])
        for key, value in zip(sequence.parameters, (0.3, 1300.0, 300.0, 10.0, 0.9), strict=True)
    }
    signals = VoxelSimulator(sequence).fingerprints(tissue)
    model_fit(sequence).fit(signals.astype(np.complex64), tissue)


def _match_atoms() -> None:
    from napari_mrf import methods
    from napari_mrf.dictionary.atoms import Dictionary
    from napari_mrf.dictionary.grid import ParameterGrid

    axes = {"T1": np.geomspace(300, 3000, 12), "T2": np.geomspace(20, 200, 12)}
    sequence = _short_fisp("fisp")
    series = _series(sequence, {"T1": 1000.0, "T2": 80.0})
    dictionary = Dictionary.build(sequence, ParameterGrid(axes))
    for name in ("exhaustive", "compressed", "group"):
        method = methods.get(name, sequence=sequence, device="cpu", dictionary=dictionary)
        for one in (series, _in_subspace(series)):
            method.reconstruct(one)
    sequence = _short_fisp("fisp-b1")
    series = _series(sequence, {"T1": 1000.0, "T2": 80.0, "B1": 1.0})
    dictionary = Dictionary.build(sequence, ParameterGrid(axes | {"B1": np.linspace(0.7, 1.3, 7)}))
    methods.get("exhaustive", sequence=sequence, device="cpu", dictionary=dictionary).reconstruct(
        series
    )


def _short_fisp(kind: str) -> Sequence:
    from napari_mrf.data.sequence import Sequence

    return Sequence(
        name="a few pulses", kind=kind, flip_angles_deg=np.r_[20 + 15 * np.sin(np.arange(80) / 9)],
        repetition_times_ms=np.array([12.0]), echo_times_ms=np.array([2.0]), inversion_time_ms=20.0,
    )  # fmt: skip


def _match_patches() -> None:
    """Of the method spatiotemporal, whose subjects and dictionaries take longer than its kernels.

    The arrays are of the types that its similarities and its search hand over.
    """
    from napari_mrf.matching.spatiotemporal import patch_kernel as kernel
    from napari_mrf.matching.spatiotemporal.patch_search import CANDIDATES, MAP_WEIGHT

    yes, atom = np.ones((2, 2), bool), np.zeros((2, 2), np.int32)
    image, place = np.zeros((2, 2), np.float32), (0, 0, 0, 2)  # dy, dx, first row, stop
    atoms, images = np.ones((2, 2), np.float32), np.ones((2, 2, 2), np.float32)
    products = images.astype(np.complex64)
    kernel.coefficient_similarity(images, images, yes, atom, atoms, atoms, *place, image)
    kernel.mixture_similarity(products, products, atom.astype(np.int64), yes, atoms, atom, atom,
                              atoms, atoms, images, *place, image)  # fmt: skip
    kernel.blend_maps(np.float32(MAP_WEIGHT), images, images, *place, image)
    kernel.add_patches(image, 0, 2, atoms)
    scores = np.zeros((2, 2, CANDIDATES), np.float32)
    kernel.keep_best(image, yes, yes, 0, 0, 0, 0, 2, scores, scores.astype(np.int64))


def _draw() -> None:
    from napari_mrf.plugin.layers.outlines import prepare_outlines
    from napari_mrf.plugin.layers.regions import prepare_colors

    prepare_colors()
    prepare_outlines()


def _make_images() -> None:
    """Images of a disc in two coils; what the basis needs of the sequence is prepared before."""
    from pathlib import Path

    from napari_mrf.data import sequences
    from napari_mrf.data.raw.raw_data import RawData
    from napari_mrf.imaging.images import make_images
    from napari_mrf.kspace import nufft
    from napari_mrf.kspace.coils import simulated_sensitivities
    from napari_mrf.kspace.trajectory import RadialTrajectory
    from napari_mrf.simulation import simulate

    sequence = sequences.t1ff()
    tissue = {"FF": 0.3, "T1H2O": 1300.0, "T1fat": 300.0, "Df": 10.0, "B1": 0.9}
    signal = simulate(replace(sequence, pulses_per_frame=1), tissue)[0]
    places = RadialTrajectory(sequence.n_pulses, _N).coordinates()
    y, x = np.mgrid[:_N, :_N] - _N // 2
    seen = nufft.forward((np.hypot(y, x) < _N // 3) * simulated_sensitivities((_N, _N), 2), places)
    samples = (seen * signal[:, None]).astype(np.complex64)
    raw = RawData(
        n_slices=1, n_coils=2, n_readouts=len(places), n_samples=places.shape[1],
        read_slice=lambda _: samples, numbers=np.arange(len(places)), n_planned=len(places),
        matrix=(_N, _N), trajectories=(places,), source_path=Path("disc"), source_sha256="",
    )  # fmt: skip
    make_images(raw, sequence, device="cpu")


IMAGES_OF_RAW = "images of raw data"
DRAWING = "drawing"

TASKS = (
    Task("the matcher of water and fat", 9.0, _match_water_fat, ("spoiled",)),
    Task("predictions of water and fat", 3.0, _judge_water_fat, ("spoiled",)),
    Task("images of raw data", 3.0, _make_images, (IMAGES_OF_RAW,)),
    Task("the matchers of FISP", 14.0, _match_atoms, ("fisp", "fisp-b1")),
    Task("drawing", 36.0, _draw, (DRAWING,)),
    Task("the matcher of patches", 2.0, _match_patches, ("spatiotemporal",)),
)
"""In the order in which they are needed."""
