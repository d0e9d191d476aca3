"""Training in a thread, without Qt and napari: recipes, the run, and a look at a slice."""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.compute.devices import resolve_device
from napari_mrf.compute.steps import Steps
from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.jobs import Step

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.networks.trained import TrainedNetwork
    from napari_mrf.networks.zoo import NetworkInfo
    from napari_mrf.training.recipe import Recipe

_SHOWN_VOXELS = 96
_BATCH = 1024
_TOLD_EVERY_S = 1.0
_PARTS = 1000
"""Of the bar."""


@dataclass(frozen=True)
class TrainingParameters:
    """What the window asks for.

    Parameters
    ----------
    recipe : str
        The name of a recipe of this package, or the path of one.
    folder : str
        Where weights, card and checkpoint go.
    minutes : float
        Time limit.
    init : str
        Weights to begin with: an installed network, the path of a card, or empty.
    device : str
        Where to train.
    """

    recipe: str
    folder: str
    minutes: float
    init: str = ""
    device: str = "auto"


@dataclass(frozen=True)
class RecipeChoice:
    """A recipe for the sequence, and the weights of its network that a training may begin with."""

    name: str
    network: str
    has_weights: bool


@dataclass(frozen=True, eq=False)
class Course:
    """How far a training is.

    Parameters
    ----------
    losses : tuple of (float, float)
        Epoch, with the part of the running one, and mean loss of the epoch so far.
    history : tuple of dict
        A row an epoch.
    maps : dict
        (H, W) by key, of the slice that is looked at, in screen order; empty without a series.
    reference : dict
        The same of the maps that it is compared with; may be empty.
    """

    losses: tuple[tuple[float, float], ...]
    history: tuple[dict[str, float], ...]
    maps: dict[str, NDArray[np.floating]]
    reference: dict[str, NDArray[np.floating]]


def list_recipes(sequence: Sequence) -> Generator[Step, None, tuple[RecipeChoice, ...]]:
    """Return the recipes of this package for a sequence."""
    yield Step(detail="reading the recipes")
    from napari_mrf.data import sequences
    from napari_mrf.networks.weights import installed
    from napari_mrf.training.recipe import load_recipe, shipped_recipes

    known, fingerprint, found = installed(), sequence.fingerprint(), []
    for name in shipped_recipes():
        recipe = load_recipe(name)
        if sequences.load(recipe.sequence) == sequence:
            has_weights = (recipe.network, fingerprint) in known
            found.append(RecipeChoice(name, recipe.network, has_weights))
        yield Step(detail="reading the recipes")
    return tuple(found)


def train(
    parameters: TrainingParameters, series: MRFSeries | None, maps: ParameterMaps | None, z: int,
    learns_from_maps: bool,
) -> Generator[Step, None, Path]:  # fmt: skip
    """Train by a recipe; return the path of the card.

    Parameters
    ----------
    parameters : TrainingParameters
        What to do.
    series : MRFSeries or None
        Of which a slice is looked at after every epoch.
    maps : ParameterMaps or None
        What the network's maps are shown beside, or learns from.
    z : int
        File slice that is looked at.
    learns_from_maps : bool
        Whether the series and the maps are the data, instead of what the recipe makes.

    Yields
    ------
    Step
        With a `Course` after every epoch, and every second.

    Raises
    ------
    MRFInputError
        ``"not-on-disk"`` for a series that is in no file, ``"exists"`` where finished weights
        are, and what `run` raises.
    """
    yield Step(detail="reading the recipe")
    from napari_mrf.io.result_folder import ResultKind
    from napari_mrf.networks.zoo import network_info
    from napari_mrf.training.loop.processes import Processes
    from napari_mrf.training.recipe import SubjectFiles, load_recipe
    from napari_mrf.training.run import run

    folder, subjects = Path(parameters.folder), None
    if learns_from_maps and series is not None and maps is not None:
        yield Step(detail="writing the maps to learn from")
        subjects = [SubjectFiles(series=str(_file_of(series)), maps=str(_written(maps, folder)))]
    plan: Recipe = load_recipe(parameters.recipe).changed(
        minutes=parameters.minutes, init=parameters.init or None, subjects=subjects
    )
    card, checkpoint = (folder / f"{plan.network}{one}" for one in (".json", ".checkpoint"))
    ResultKind("weights of this network", card.name).refuse_earlier(
        folder, overwrite=checkpoint.exists()
    )
    view = None if series is None else _SliceView(series, maps, z)
    shown = [Course((), (), {}, {})]

    def look(trained: TrainedNetwork) -> None:
        if view is not None:
            shown[:] = [view.course(trained, network_info(plan.network), list(plan.maps))]

    device = resolve_device(parameters.device)
    steps = Steps(run(plan, folder, processes=Processes(device=device), each_epoch=look))
    losses: list[tuple[float, float]] = []
    n_epochs, start_s, told_s, before_s = 0, time.monotonic(), -math.inf, None
    for step in steps:
        history, now_s = tuple(step.progress.history), time.monotonic()
        if before_s is None:
            before_s = step.progress.seconds
            losses = [(row["epoch"], row["loss"]) for row in history]
        spent_s = before_s + now_s - start_s
        of_epochs = (step.epoch + step.share) / plan.optimisation.epochs
        share = max(of_epochs, spent_s / (60 * parameters.minutes))
        value, is_new = None, step.progress.epoch != n_epochs
        if is_new or now_s - told_s >= _TOLD_EVERY_S:
            losses.append((step.epoch + step.share, step.loss))
            value = replace(shown[0], losses=tuple(losses), history=history)
            n_epochs, told_s = step.progress.epoch, now_s
        detail = f"epoch {step.epoch + 1}, loss {step.loss:.4g}"
        yield Step(round(_PARTS * min(share, 1)), _PARTS, detail, value=value, keep=is_new)
    return card


def _file_of(series: MRFSeries) -> Path:
    if series.source_path is None or series.metadata.get("images"):
        raise MRFInputError(
            "not-on-disk", "the series is in no file that a training can read",
            hint="Save it with Save images…, open the file and train with that.",
        )  # fmt: skip
    return Path(series.source_path).absolute()


def _written(maps: ParameterMaps, folder: Path) -> Path:
    """Write the maps that are learned from beside the weights, under a name of their own.

    A training goes on with the same maps, or says that it is another one.
    """
    from napari_mrf.io.maps.writer import save_maps

    content = hashlib.sha256()
    for key, values in maps.items():
        content.update(key.encode() + np.ascontiguousarray(values).tobytes())
    at = folder / f"learned_from_{content.hexdigest()[:8]}"
    if not at.exists():
        save_maps(maps, at)
    return at


class _SliceView:
    """The maps that a network gives for the middle of a slice, beside others."""

    def __init__(self, series: MRFSeries, maps: ParameterMaps | None, z: int) -> None:
        signals = series.slab(z)
        self._orientation = DisplayOrientation.from_affine(series.affine)
        strength = np.abs(signals).mean(axis=0)
        rows, columns = (np.flatnonzero((strength > 0.2 * strength.max()).any(axis))
                         for axis in (1, 0))  # fmt: skip
        self._corner = [_begin(one, size) for one, size in
                        zip((rows, columns), strength.shape, strict=True)]  # fmt: skip
        self._signals, self._maps, self._z = signals, maps, z

    def course(self, trained: TrainedNetwork, network: NetworkInfo, keys: list[str]) -> Course:
        import torch

        alignment, margin = network.alignment, network.margin
        size = [alignment * (min(_SHOWN_VOXELS, end - at) // alignment)
                for at, end in zip(self._corner, self._signals.shape[1:], strict=True)]  # fmt: skip
        area = tuple(slice(at, at + one) for at, one in zip(self._corner, size, strict=True))
        part = torch.from_numpy(np.ascontiguousarray(self._signals[:, *area]))
        device = trained.normalization.lower.device
        with torch.no_grad():
            if network.kind == "image":
                found = trained(part[None].to(device))[0].cpu().numpy()
            else:
                rows = part.reshape(len(part), -1).T.contiguous()
                values = [trained(one.to(device)).cpu() for one in torch.split(rows, _BATCH)]
                found = torch.cat(values).T.reshape(-1, *size).numpy()
        inner = tuple(slice(one.start + margin, one.stop - margin) for one in area)
        reference = {}
        if self._maps is not None:
            reference = {key: self._on_screen(self._maps[key][self._z][inner])
                         for key in keys if key in self._maps}  # fmt: skip
        shown = {key: self._on_screen(one) for key, one in zip(keys, found, strict=False)}
        for key, one in reference.items():  # of air a network makes something, too
            shown[key] = np.where(np.isfinite(one), shown[key], np.nan)
        return Course((), (), shown, reference)

    def _on_screen(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        on_screen: NDArray[np.floating] = self._orientation.to_screen(np.asarray(values)[None])
        return on_screen.squeeze()


def _begin(where: NDArray[np.intp], size: int) -> int:
    """Return where the part begins that is looked at: around the middle of the signal."""
    middle = int(where.mean()) if len(where) else size // 2
    return max(0, min(middle - _SHOWN_VOXELS // 2, size - _SHOWN_VOXELS))
