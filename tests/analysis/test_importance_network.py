"""Networks of single fingerprints: the fast way finds what the public reconstruction finds."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from importance_cases import INFO, series_of
from network_cases import install

from napari_mrf import methods
from napari_mrf.analysis.importance.measure import importance
from napari_mrf.analysis.importance.options import ImportanceOptions
from napari_mrf.data import sequences
from napari_mrf.networks import weights
from napari_mrf.networks.card import MapScale, Metric, ModelCard
from napari_mrf.networks.normalization import Normalization, reference_of
from napari_mrf.networks.trained import TrainedNetwork
from napari_mrf.networks.weights import save_network
from napari_mrf.networks.zoo import NETWORKS
from napari_mrf.reconstruction.method import VoxelResult
from napari_mrf.reconstruction.voxelwise import VoxelwiseMethod

T1FF = sequences.t1ff()
RANGES = {"FF": (0.0, 1.0), "T1H2O": (500.0, 3000.0), "T1fat": (200.0, 400.0),
          "Df": (-120.0, 120.0), "B1": (0.3, 1.2)}  # fmt: skip
FRAMES = (0, 58, 116, 174)


class TinyNetwork(VoxelwiseMethod):
    """Random weights behind nothing but the interface of a method."""

    info = INFO
    parameters = tuple(RANGES)
    chunk_size = 16

    def __init__(self, sequence):
        super().__init__(sequence)
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(2 * sequence.n_frames, 8), torch.nn.ReLU(),
            torch.nn.Linear(8, len(RANGES)),
        )  # fmt: skip

    def describe(self):
        return {}

    @torch.inference_mode()
    def match(self, signals):
        values = np.ascontiguousarray(signals).view(np.float32)
        found = self.layers(torch.from_numpy(values)).numpy()
        n = len(signals)
        return VoxelResult(dict(zip(RANGES, found.T, strict=True)), np.ones(n, np.float32),
                           np.ones(n, np.complex64), np.zeros(n, np.uint8))  # fmt: skip


@pytest.fixture
def series():
    return series_of(T1FF, n=7, snr=30)


@pytest.fixture
def installed(tmp_path, monkeypatch, series):
    """Weights of cohen that nobody trained, in a folder of their own."""
    signals = np.asarray(series.signal).reshape(175, -1).T
    normalization = Normalization(
        reference_of(signals), [low for low, _ in RANGES.values()],
        [high for _, high in RANGES.values()],
    )  # fmt: skip
    torch.manual_seed(0)
    trained = TrainedNetwork(NETWORKS["cohen"].build(175, 5), normalization)
    torch.nn.init.constant_(trained.network.layers[-1].bias, 0.5)  # inside the range of the maps
    card = ModelCard(
        format="napari-mrf network", name="cohen", sequence_name=T1FF.name,
        sequence_kind="spoiled", sequence_fingerprint=T1FF.fingerprint(), n_frames=175,
        maps=[MapScale(key=key, lower=low, upper=high) for key, (low, high) in RANGES.items()],
        weights_sha256="0" * 64, n_parameters=1, recipe={}, seed=0, software_version="0",
        trained_on="here", training_minutes=0.0, n_epochs=0, is_reduced=True, test_data="none",
        metrics=[Metric(map="FF", sigma=0.01, mean_absolute_error=0.5,
                        mean_relative_error_percent=None, r_squared=0.0)],
    )  # fmt: skip
    save_network(tmp_path / "t1ff" / "cohen.json", trained, card)
    monkeypatch.setattr(weights, "weight_folders", lambda: iter([tmp_path]))


def permuted(series, frame, seed):
    """Return the series with the values of one frame at other voxels, written out."""
    generator = np.random.default_rng([seed, 0, frame])
    signal = series.signal.copy()
    values = signal[frame].ravel()
    order = generator.permutation(values.size), generator.permutation(values.size)
    damaged = values.real[order[0]] + 1j * values.imag[order[1]]
    signal[frame] = damaged.reshape(signal[frame].shape)
    return replace(series, signal=signal)


def assert_like_naive_loop(method, series):
    """Hold every number to a loop through the public reconstruction."""
    options = ImportanceOptions(stride=58, seed=7, intensities="raw", apply_validity=False)
    found = importance(method, series, options=options, fisher=False)
    before = method.reconstruct(series)
    z, y, x = found.places
    for group, frame in enumerate(FRAMES):
        after = method.reconstruct(permuted(series, frame, seed=7))
        for key in RANGES:
            span = np.ptp(before[key])
            change = np.abs(after[key].astype(float) - before[key])
            np.testing.assert_allclose(
                found.voxel_change[key][group], change[z, y, x], rtol=0, atol=1e-4 * span
            )
            nrmse = np.sqrt(np.mean(change**2)) / span
            assert nrmse > 0
            assert found.mean(key)[group] == pytest.approx(nrmse, rel=1e-3)


def test_any_network_wrapped_as_a_method_has_the_numbers_of_the_naive_loop(series):
    assert_like_naive_loop(TinyNetwork(T1FF), series)


def test_network_by_name_has_the_numbers_of_the_naive_loop(installed, series):
    assert_like_naive_loop(methods.get("cohen", sequence=T1FF, device="cpu"), series)


def test_network_that_looks_at_neighbors_has_the_numbers_of_the_naive_loop(
    tmp_path, monkeypatch, series
):
    install(tmp_path, ["balsiger2018"])
    monkeypatch.setattr(weights, "weight_folders", lambda: iter([tmp_path]))
    assert_like_naive_loop(methods.get("balsiger2018", sequence=T1FF, device="cpu"), series)


def test_network_is_not_judged_by_the_simulator_for_every_permutation(
    installed, series, monkeypatch
):
    method = methods.get("cohen", sequence=T1FF, device="cpu")
    signals = np.asarray(series.signal).reshape(175, -1).T.copy()
    expected = method.match(signals).parameters
    alone = method.maps_alone(signals)
    assert list(alone) == list(expected)
    for key in RANGES:
        np.testing.assert_array_equal(alone[key], expected[key])

    def judged(*_):
        raise AssertionError

    monkeypatch.setattr(type(method.prepare().fit), "fit", judged)
    found = importance(method, series, options=ImportanceOptions(stride=100), fisher=False)
    assert np.isfinite(found.mean("FF")).all()


def test_aligned_importance_of_a_network_does_not_depend_on_the_coil(installed, series):
    generator = np.random.default_rng(3)
    shape = series.spatial_shape
    factors = generator.uniform(0.2, 5, shape) * np.exp(2j * np.pi * generator.random(shape))
    coil = replace(series, signal=(series.signal * factors).astype(np.complex64))
    method = methods.get("cohen", sequence=T1FF, device="cpu")
    options = ImportanceOptions(stride=58)
    before, after = (
        importance(method, one, options=options, fisher=False) for one in (series, coil)
    )
    for key in before.keys:
        np.testing.assert_allclose(after.mean(key), before.mean(key), rtol=1e-3)
