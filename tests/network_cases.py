"""Networks with random weights, installed in a folder: what adapters and panels are tested with."""

import numpy as np
import torch

import napari_mrf as mrf
from napari_mrf.networks.card import MapScale, Metric, ModelCard
from napari_mrf.networks.normalization import Normalization, reference_of
from napari_mrf.networks.trained import GivesScales, TrainedNetwork
from napari_mrf.networks.weights import save_network
from napari_mrf.networks.zoo import NETWORKS

T1FF = mrf.sequences.t1ff()
RANGES = {"FF": (0.0, 1.0), "T1H2O": (500.0, 3000.0), "T1fat": (200.0, 400.0),
          "Df": (-120.0, 120.0), "B1": (0.3, 1.2)}  # fmt: skip
N_FRAMES = 175


def tissues(n, seed=0):
    rng = np.random.default_rng(seed)
    return {key: rng.uniform(*limits, n) for key, limits in RANGES.items()}


def noisy_slices(shape, seed=0, sigma=0.002):
    """Tissue in a disk of every slice, noise everywhere, (T, Z, Y, X) complex64."""
    rng = np.random.default_rng(seed)
    kinds = mrf.simulate(T1FF, tissues(60, seed))
    signal = sigma * (rng.standard_normal((N_FRAMES, *shape, 2)) @ np.array([1, 1j]))
    inside = disk(shape)
    signal[:, inside] += kinds[rng.integers(0, len(kinds), inside.sum())].T
    return signal.astype(np.complex64)


def disk(shape):
    _, height, width = shape
    y, x = np.mgrid[:height, :width]
    radius = np.hypot((y - height / 2 + 0.5) / height, (x - width / 2 + 0.5) / width)
    return np.broadcast_to(radius < 0.4, shape)


def install(folder, names, *, metrics=None, **fields):
    """Write random weights whose estimates fill most of the range of every map."""
    signals = mrf.simulate(T1FF, tissues(60))
    normalization = Normalization(
        reference_of(signals), [low for low, _ in RANGES.values()],
        [high for _, high in RANGES.values()],
    )  # fmt: skip
    metrics = metrics or [
        Metric(map=key, sigma=0.00877, mean_absolute_error=0.1 * (high - low),
               mean_relative_error_percent=None, r_squared=0.5)
        for key, (low, high) in RANGES.items()
    ]  # fmt: skip
    for name in names:
        torch.manual_seed(0)
        trained = TrainedNetwork(NETWORKS[name].build(N_FRAMES, len(RANGES)), normalization).eval()
        _spread(trained, NETWORKS[name], signals)
        given = {
            "name": name, "sequence_name": T1FF.name, "sequence_kind": "spoiled",
            "sequence_fingerprint": T1FF.fingerprint(), "n_frames": N_FRAMES,
            "maps": [MapScale(key=k, lower=a, upper=b) for k, (a, b) in RANGES.items()],
            "n_parameters": 1, "recipe": {"noise": {"sigma_lower": 0.003, "sigma_upper": 0.05}},
            "seed": 0, "software_version": "0", "trained_on": "here", "training_minutes": 0.0,
            "n_epochs": 0, "is_reduced": True, "test_data": "none", "metrics": metrics,
        }  # fmt: skip
        card = ModelCard(format="napari-mrf network", weights_sha256="0" * 64, **(given | fields))
        save_network(folder / "t1ff" / f"{name}.json", trained, card)


def _spread(trained, info, signals):
    """Normalize layers and outputs, so that random weights give maps and not their ends."""
    layers = (torch.nn.Linear, torch.nn.Conv2d)
    last = [one for key, one in trained.network.named_modules()
            if isinstance(one, layers) and not key.startswith("scale_head")][-1]  # fmt: skip
    if isinstance(trained.network, GivesScales):  # maps that others are added to
        for one in trained.network.base.layers[-1].parameters():
            torch.nn.init.zeros_(one)
    given = torch.from_numpy(signals)
    if info.kind == "image":
        side = 2 * info.margin + 12
        given = torch.from_numpy(noisy_slices((1, side, side), 1)[:, 0])[None]
    with torch.no_grad():
        inputs = trained.normalization.canonical(given)
        for one in trained.network.modules():
            if hasattr(one, "running_mean"):
                one.momentum = 1.0
        trained.network.train()(inputs)
        found = trained.network.eval()(inputs)
        found = found.movedim(1, -1).reshape(-1, len(RANGES))
        if last.weight.shape[0] != len(RANGES):
            return
        scale = 0.07 / found.std(dim=0).clamp(min=1e-3)
        last.weight.mul_(scale.reshape(-1, *[1] * (last.weight.ndim - 1)))
        last.bias.copy_((last.bias - found.mean(dim=0)) * scale + 0.5)
