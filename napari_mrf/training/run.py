"""A training from its recipe to a checked pair of weights and card."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from napari_mrf.compute.steps import Steps
from napari_mrf.compute.threads import on_one_thread
from napari_mrf.data import sequences
from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import make_folder
from napari_mrf.io.folder_lock import held
from napari_mrf.networks.architectures.blochnet import BlochNet
from napari_mrf.networks.architectures.subspacenet import SubspaceNet
from napari_mrf.networks.comparison import PLAINEST
from napari_mrf.networks.normalization import Normalization, reference_of
from napari_mrf.networks.trained import TrainedNetwork
from napari_mrf.networks.weights import installed, load_network
from napari_mrf.networks.zoo import network_info
from napari_mrf.training.data.batches import MadeInOrder
from napari_mrf.training.data.fingerprints import simulated_data, unit_fingerprints
from napari_mrf.training.data.measured_series import series_data
from napari_mrf.training.data.phantom_data import phantom_data
from napari_mrf.training.data.random_patches import random_images
from napari_mrf.training.data.tissue import random_tissues
from napari_mrf.training.finishing import finish
from napari_mrf.training.loop.course import course_path
from napari_mrf.training.loop.initial import load_start
from napari_mrf.training.loop.loop import TrainingStep, train
from napari_mrf.training.loop.processes import Processes
from napari_mrf.training.physics.decoder import physics_of
from napari_mrf.training.recipe import MapRange, MeasuredSeries, PhantomImages, RandomImages

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.networks.card import ModelCard
    from napari_mrf.training.data.batches import TrainingData
    from napari_mrf.training.recipe import Recipe

_REFERENCE_TISSUES = 5_000


def prepare(
    recipe: Recipe,
) -> tuple[Sequence, TrainedNetwork, TrainingData, TrainingData]:
    """Make the data of a recipe and build its network.

    Returns
    -------
    tuple
        Sequence, network (see `build`), training and validation data.

    Raises
    ------
    MRFInputError
        ``"bad-recipe"`` when the data is not what the network looks at, and what `build` raises.
    """
    sequence, trained = build(recipe)
    return sequence, trained, *training_data(recipe, sequence, trained.normalization)


def training_data(
    recipe: Recipe, sequence: Sequence, normalization: Normalization
) -> tuple[TrainingData, TrainingData]:
    """Make training and validation data of the kind that a recipe names.

    Raises
    ------
    MRFInputError
        ``"bad-recipe"`` when the data is not what the network looks at.
    """
    data, info = recipe.data, network_info(recipe.network)
    if isinstance(data, PhantomImages):
        return phantom_data(recipe, data, sequence, normalization, info)
    if isinstance(data, RandomImages):
        return random_images(recipe, data, sequence, normalization, info)
    if isinstance(data, MeasuredSeries):
        return series_data(recipe, data, sequence, normalization, info)
    return simulated_data(recipe, data, sequence, normalization, info)


def build(recipe: Recipe) -> tuple[Sequence, TrainedNetwork]:
    """Return the sequence and the network, with random weights or those that it begins with.

    Raises
    ------
    MRFInputError
        ``"unknown-sequence"``, ``"bad-recipe"`` when the maps are not the sequence's, and what
        `load_start` raises.
    """
    is_file = Path(recipe.sequence).suffix.lower() in (".json", ".csv")
    sequence = sequences.load(recipe.folder / recipe.sequence if is_file else recipe.sequence)
    impossible = [key for key in recipe.maps if key not in sequence.parameters or key == "PD"]
    if impossible:
        raise MRFInputError(
            "bad-recipe", "the recipe asks for a map that this sequence does not measure",
            expected=", ".join(key for key in sequence.parameters if key != "PD"),
            found=impossible[0],
        )  # fmt: skip
    info = network_info(recipe.network)
    if recipe.init is None:
        normalization, ranges = normalization_of(recipe, sequence), recipe.maps
        torch.manual_seed(recipe.optimisation.seed)
        network = info.build(sequence.n_frames, len(recipe.maps))
        trained = TrainedNetwork(network, normalization)
        if isinstance(network, SubspaceNet):
            trained = _started(network, normalization, recipe, sequence)
    else:
        trained, card = load_start(recipe.init, recipe, sequence)
        normalization = trained.normalization
        ranges = {one.key: MapRange(**one.range()) for one in card.maps}
    if isinstance(trained.network, BlochNet):
        trained.network.physics = physics_of(sequence, ranges, normalization)
    return sequence, trained


def _started(
    network: SubspaceNet, normalization: Normalization, recipe: Recipe, sequence: Sequence
) -> TrainedNetwork:
    """Return the network as it is before training: with the maps of `PLAINEST`, if there are.

    It then has the canonical fingerprints of those weights too.
    """
    base, path = None, installed().get((PLAINEST, sequence.fingerprint()))
    if path is not None:
        plainest, card = load_network(path, sequence)
        ranges = {one.key: MapRange(**one.range()) for one in card.maps}
        if list(ranges.items()) == list(recipe.maps.items()):
            base, normalization = plainest.network, plainest.normalization
    tissues = random_tissues(recipe.maps, _REFERENCE_TISSUES, 0)
    signals = torch.from_numpy(unit_fingerprints(sequence, tissues))
    network.start(normalization.canonical(signals), base)
    return TrainedNetwork(network, normalization)


def normalization_of(recipe: Recipe, sequence: Sequence) -> Normalization:
    """Return the reference phase of simulated tissues, and the scales of the maps."""
    reference = reference_of(
        unit_fingerprints(sequence, random_tissues(recipe.maps, _REFERENCE_TISSUES, 0))
    )
    return Normalization(
        reference,
        [one.lower for one in recipe.maps.values()],
        [one.upper for one in recipe.maps.values()],
        [one.logarithmic for one in recipe.maps.values()],
    )


def run(
    recipe: Recipe,
    folder: Path,
    *,
    device: torch.device | None = None,
    processes: Processes | None = None,
    draw: Callable[[str, list[dict[str, float]]], object] | None = None,
    each_epoch: Callable[[TrainedNetwork], object] | None = None,
) -> Generator[TrainingStep, None, ModelCard | None]:
    """Train by a recipe and write ``<network>.safetensors`` and its card ``<network>.json``.

    ``<network>.metrics.csv`` and a checkpoint are written after every epoch. A checkpoint in
    the folder is resumed; it is removed once the weights are written. The card comes last: where
    it stands and the checkpoint does not, a training is finished. It is returned, by the first
    process only where several train together. The folder is held against other trainings.

    Parameters
    ----------
    recipe : Recipe
        What to do.
    folder : Path
        Where to write.
    device : torch.device, optional
        The CPU by default.
    processes : Processes, optional
        Those that share the work, each on its own device; this one alone by default.
    draw : callable, optional
        Called with the name of the sequence and the course of the training before the weights are
        written.
    each_epoch : callable, optional
        Called with the network as every epoch left it.

    Raises
    ------
    MRFInputError
        What `prepare` raises, ``"in-use"``, ``"bad-checkpoint"`` and the codes of failed writes.
    """
    processes = processes or Processes(device=device or torch.device("cpu"))
    device = processes.device
    sequence, trained, training, validation = prepare(recipe)
    init_card = None if recipe.init is None else load_start(recipe.init, recipe, sequence)[1]
    checkpoint = folder / f"{recipe.network}.checkpoint"
    make_folder(folder)
    with ExitStack() as stack:
        if isinstance(training, MadeInOrder):
            stack.callback(training.close)
        lock = stack.enter_context(held(folder)) if processes.is_first else None
        in_steps = train(
            recipe, trained, training, validation, checkpoint=checkpoint,
            course=course_path(folder, recipe.network), processes=processes,
        )  # fmt: skip
        steps, n_epochs = Steps(in_steps), 0
        learning = stack.enter_context(ExitStack())
        if isinstance(training, MadeInOrder) and device.type == "cpu":
            learning.enter_context(on_one_thread())  # the other cores make the data
        for step in steps:
            if each_epoch is not None and step.progress.epoch > n_epochs:
                each_epoch(trained)
            n_epochs = step.progress.epoch
            yield step
            if lock is not None:
                lock.refresh()
        learning.close()
        if not processes.is_first:
            return None
        if draw is not None:
            draw(sequence.name, steps.result.history)
        card = finish(
            recipe, folder, sequence, trained, steps.result, validation, device, init_card
        )
        checkpoint.unlink(missing_ok=True)
    return card
