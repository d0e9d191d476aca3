"""Errors of an image-wise network on whole slices of phantoms that no training has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.networks.zoo import network_info
from napari_mrf.training.data.phantom_slices import PhantomSlices
from napari_mrf.training.evaluation import metrics
from napari_mrf.training.recipe import Noise, PhantomImages, RandomImages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence as Several

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.networks.card import Metric
    from napari_mrf.networks.trained import TrainedNetwork
    from napari_mrf.networks.zoo import NetworkInfo
    from napari_mrf.training.data.phantom_slices import PhantomSlice
    from napari_mrf.training.recipe import Recipe

SCAN_SIGMA = 0.00877
"""Noise of the undersampled scans: 20 dB."""

N_PEOPLE = 3
_SEED = 987_654_321  # no recipe has it
_MATRIX = 112
_STRIP_ROWS = 16


def metrics_on_phantoms(
    recipe: Recipe,
    sequence: Sequence,
    trained: TrainedNetwork,
    device: torch.device,
    sigmas: Several[float],
) -> tuple[str, list[Metric]]:
    """Return the test data in words, and the metrics of every noise level and of a scan.

    The people are the same for every recipe of a sequence. Each is measured fully sampled with
    noise as a share of the mean norm of tissue, and by an undersampled radial scan with the
    sampling of the recipe. As in Balsiger et al., MedIA 2020, section 2.6, air is left out, and
    so are voxels where a map holds no information: water T1 above a fat fraction of 0.7, fat T1
    below 0.3.

    Parameters
    ----------
    recipe : Recipe
        With images of phantoms or of random subjects as data.
    sequence : Sequence
        Of the recipe.
    trained : TrainedNetwork
        Image-wise.
    device : torch.device
        Where to compute.
    sigmas : sequence of float
        Noise of the fully sampled slices.
    """
    data = recipe.data
    if not isinstance(data, PhantomImages | RandomImages):
        raise TypeError("only recipes with simulated images are tested on phantoms")
    exact, scanned = (
        PhantomSlices(
            sequence,
            PhantomImages(
                kind="phantoms", matrix_lower=_MATRIX, matrix_upper=_MATRIX, undersampled=share,
                encoded_matrix=data.encoded_matrix, spokes_per_pulse=data.spokes_per_pulse,
            ),
            Noise(sigma_lower=SCAN_SIGMA, sigma_upper=SCAN_SIGMA),
            _SEED,
        ).load("validation", N_PEOPLE)
        for share in (0.0, 1.0)
    )  # fmt: skip
    info = network_info(recipe.network)
    keys = sequence.parameters
    rows: list[Metric] = []
    n_voxels = sum(int(one.inside.sum()) for one in exact)
    for sigma in sigmas:
        rng = np.random.default_rng(7)
        measured = [_noisy(one.signals, sigma, rng) for one in exact]
        rows += _metrics(recipe, keys, exact, measured, sigma, 1.0, trained, info, device)
    frames = [np.asarray(one.signals) for one in scanned]
    n_spokes = sequence.pulses_per_frame * data.spokes_per_pulse
    undersampling = np.pi / 2.0 * max(data.encoded_matrix, _MATRIX) / n_spokes
    rows += _metrics(
        recipe, keys, scanned, frames, SCAN_SIGMA, undersampling, trained, info, device
    )
    words = (
        f"{N_PEOPLE} phantoms of their own, {n_voxels:,} voxels of tissue, fully sampled with "
        f"noise and {undersampling:.1f}-fold undersampled at noise {SCAN_SIGMA:g}"
    )
    if "FF" in keys:
        words += "; T1H2O where FF < 0.7, T1fat where FF > 0.3"
    return words, rows


def slice_maps(
    trained: TrainedNetwork,
    signals: NDArray[np.complex64],
    info: NetworkInfo,
    device: torch.device,
) -> NDArray[np.float32]:
    """Return maps (h, w, M) of a slice (Y, X, T), smaller by the margin on each side."""
    trained.eval()
    images = torch.from_numpy(np.ascontiguousarray(np.moveaxis(signals, -1, 0)))[None]
    with torch.no_grad():
        parts = [trained(strip.to(device)).cpu() for strip in _strips(images, info)]
    return np.moveaxis(torch.cat(parts, dim=2)[0].numpy(), 0, -1)


def _strips(images: torch.Tensor, info: NetworkInfo) -> Iterator[torch.Tensor]:
    """Yield rows that together give all maps once; one piece where convolutions are padded."""
    if info.margin != info.reach:
        yield images
        return
    n_rows = images.shape[2] - 2 * info.margin
    for start in range(0, n_rows, _STRIP_ROWS):
        stop = min(start + _STRIP_ROWS, n_rows)
        yield images[:, :, start : stop + 2 * info.margin]


def _noisy(
    signals: NDArray[np.complex64], sigma: float, rng: np.random.Generator
) -> NDArray[np.complex64]:
    noise = rng.standard_normal((*signals.shape, 2), dtype=np.float32).view(np.complex64)
    return np.asarray(signals + np.float32(sigma) * noise[..., 0])


def _metrics(
    recipe: Recipe,
    keys: tuple[str, ...],
    slices: list[PhantomSlice],
    measured: list[NDArray[np.complex64]],
    sigma: float,
    undersampling: float,
    trained: TrainedNetwork,
    info: NetworkInfo,
    device: torch.device,
) -> list[Metric]:
    truth, found = [], []
    for one, signals in zip(slices, measured, strict=True):
        part = _tissue_part(one, info)
        inside = one.inside[part]
        wide = tuple(slice(each.start - info.margin, each.stop + info.margin) for each in part)
        truth.append(one.maps[part][inside].astype(np.float64))
        found.append(slice_maps(trained, signals[wide], info, device)[inside].astype(np.float64))
    true, estimated = np.concatenate(truth), np.concatenate(found)
    rows: list[Metric] = []
    for column, key in enumerate(recipe.maps):
        rule = PARAMETERS[key].validity
        at = keys.index(key)
        valid = np.ones(len(true), bool) if rule is None else rule.mask(true[:, keys.index("FF")])
        rows += metrics([key], true[valid][:, [at]], estimated[valid][:, [column]], sigma)
    return [row.model_copy(update={"undersampling": undersampling}) for row in rows]


def _tissue_part(one: PhantomSlice, info: NetworkInfo) -> tuple[slice, slice]:
    """Return the part of a slice whose maps are wanted: the tissue, or all with zero padding."""
    height, width = one.inside.shape
    if info.margin != info.reach:
        return slice(0, height), slice(0, width)
    rows, columns = (np.flatnonzero(one.inside.any(axis=axis)) for axis in (1, 0))
    return tuple(  # type: ignore[return-value]
        slice(max(int(along[0]), info.margin), min(int(along[-1]) + 1, size - info.margin))
        for along, size in ((rows, height), (columns, width))
    )
