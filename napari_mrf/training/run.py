"""A training from its recipe to a checked pair of weights and card."""

from __future__ import annotations

import platform
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from napari_mrf import sequences
from napari_mrf._version import __version__
from napari_mrf.devices import n_threads
from napari_mrf.errors import MRFInputError
from napari_mrf.networks.blochnet import BlochNet
from napari_mrf.networks.card import MapScale, Metric, ModelCard
from napari_mrf.networks.normalization import Normalization, reference_of
from napari_mrf.networks.trained import TrainedNetwork
from napari_mrf.networks.weights import save_network
from napari_mrf.networks.zoo import network_info
from napari_mrf.training.course import course_path, write_course
from napari_mrf.training.evaluation import estimates, metrics, of_data, with_noise
from napari_mrf.training.fingerprints import columns, unit_fingerprints
from napari_mrf.training.initial import initial_weights, load_start
from napari_mrf.training.loop import TrainingStep, train
from napari_mrf.training.phantom_metrics import metrics_on_phantoms
from napari_mrf.training.physics import physics_of
from napari_mrf.training.processes import Processes
from napari_mrf.training.recipe import MapRange
from napari_mrf.training.tissue import inn_test_grid, random_tissues

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_mrf.sequence import Sequence
    from napari_mrf.training.checkpoint import Progress
    from napari_mrf.training.data import TrainingData
    from napari_mrf.training.recipe import Recipe

TEST_SIGMAS = (0.003, 0.00877, 0.03)
"""29.3, 20 and 9.3 dB on the scale of Balsiger et al., MLMIR 2020."""

SIMULATED = ("random", "inn-grid")
"""Kinds of data that are tested on simulated fingerprints; the others on held-out data."""

_TEST_TISSUES = 20_000
_REFERENCE_TISSUES = 5_000


DATA_KINDS = {
    "random": "napari_mrf.training.fingerprints:simulated_data",
    "inn-grid": "napari_mrf.training.fingerprints:simulated_data",
    "phantoms": "napari_mrf.training.phantom_data:phantom_data",
    "series": "napari_mrf.training.measured_series:series_data",
}
"""What makes each kind of data: ``"module:function"``.

The function takes recipe, sequence, normalization and what the zoo knows of the network, and
returns training and validation data.
"""


def prepare(
    recipe: Recipe,
) -> tuple[Sequence, TrainedNetwork, TrainingData, TrainingData]:
    """Make the data of a recipe and build its network.

    Returns
    -------
    tuple
        Sequence, network (with random weights, or those that the recipe begins with), training
        and validation data.

    Raises
    ------
    MRFInputError
        ``"unknown-sequence"``, ``"bad-recipe"`` when the maps are not the sequence's or the
        data is not what the network looks at, and what `load_start` raises.
    """
    is_file = Path(recipe.sequence).suffix.lower() in (".json", ".csv")
    sequence = sequences.load(recipe.folder / recipe.sequence if is_file else recipe.sequence)
    impossible = [key for key in recipe.maps if key not in sequence.parameters or key == "PD"]
    if impossible:
        raise MRFInputError(
            "bad-recipe", "the recipe asks for a map that fingerprints of the sequence do not hold",
            expected=", ".join(key for key in sequence.parameters if key != "PD"),
            found=impossible[0],
        )  # fmt: skip
    info = network_info(recipe.network)
    if recipe.init is None:
        normalization, ranges = normalization_of(recipe, sequence), recipe.maps
        torch.manual_seed(recipe.optimisation.seed)
        network = info.build(sequence.n_frames, len(recipe.maps))
        trained = TrainedNetwork(network, normalization)
    else:
        trained, card = load_start(recipe, sequence)
        normalization = trained.normalization
        ranges = {one.key: MapRange(**one.model_dump(exclude={"key"})) for one in card.maps}
    if isinstance(trained.network, BlochNet):
        trained.network.physics = physics_of(sequence, ranges, normalization)
    module, function = DATA_KINDS[recipe.data.kind].split(":")
    make_data = getattr(import_module(module), function)
    training, validation = make_data(recipe, sequence, normalization, info)
    return sequence, trained, training, validation


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
) -> Generator[TrainingStep, None, ModelCard | None]:
    """Train by a recipe and write ``<network>.safetensors`` and its card ``<network>.json``.

    ``<network>.metrics.csv`` and a checkpoint are written after every epoch. A checkpoint in
    the folder is resumed; it is removed once the weights are written. The card is returned, by the
    first process only where several train together.

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
    """
    processes = processes or Processes(device=device or torch.device("cpu"))
    device = processes.device
    sequence, trained, training, validation = prepare(recipe)
    init_card = None if recipe.init is None else load_start(recipe, sequence)[1]
    checkpoint = folder / f"{recipe.network}.checkpoint"
    folder.mkdir(parents=True, exist_ok=True)
    training_steps = train(
        recipe, trained, training, validation, checkpoint=checkpoint, processes=processes
    )
    while True:
        try:
            step = next(training_steps)
        except StopIteration as stop:
            progress: Progress = stop.value
            break
        if step.share == 0.0 and processes.is_first:
            write_course(course_path(folder, recipe.network), step.progress.history)
        yield step
    if not processes.is_first:
        return None
    if recipe.data.kind in SIMULATED:
        test_data, rows = test(recipe, sequence, trained, device)
    elif recipe.data.kind == "phantoms":
        test_data, rows = metrics_on_phantoms(recipe, sequence, trained, device, TEST_SIGMAS)
    else:
        test_data, rows = test_on(validation, recipe, trained, device)
    card = save_network(
        folder / f"{recipe.network}.json",
        trained.cpu(),
        _card(recipe, sequence, trained, progress, device, test_data, rows, init_card),
    )
    checkpoint.unlink(missing_ok=True)
    return card


def test(
    recipe: Recipe, sequence: Sequence, trained: TrainedNetwork, device: torch.device
) -> tuple[str, list[Metric]]:
    """Return the test data in words and the metrics at every noise level."""
    if sequence.name == "MRF T1-FF":
        tissues, words = inn_test_grid(), "test grid of Balsiger et al., MLMIR 2020"
    else:
        tissues, words = random_tissues(recipe.maps, _TEST_TISSUES, 12345), "random tissues"
    truth = columns(recipe, tissues)
    signals = unit_fingerprints(sequence, tissues)
    rows: list[Metric] = []
    for sigma in TEST_SIGMAS:
        found = estimates(trained, with_noise(signals, sigma, seed=7), device)
        rows += metrics(list(recipe.maps), truth, found, sigma)
    return f"{words}, {len(truth):,} fingerprints", rows


def test_on(
    data: TrainingData, recipe: Recipe, trained: TrainedNetwork, device: torch.device
) -> tuple[str, list[Metric]]:
    """Return held-out data in words and the metrics on it, with no noise but its own."""
    truth, found = of_data(trained, data, recipe.optimisation.batch, device)
    words = f"validation data of the recipe, {len(truth):,} voxels, sigma 0: no noise added"
    return words, metrics(list(recipe.maps), truth, found, 0.0)


def _card(
    recipe: Recipe,
    sequence: Sequence,
    trained: TrainedNetwork,
    progress: Progress,
    device: torch.device,
    test_data: str,
    rows: list[Metric],
    init_card: ModelCard | None,
) -> ModelCard:
    where = (
        f"CPU, {n_threads()} cores, {platform.machine()}"
        if device.type == "cpu"
        else torch.cuda.get_device_name(device)
    )
    return ModelCard(
        format="napari-mrf network",
        name=recipe.network,
        sequence_name=sequence.name,
        sequence_kind=sequence.kind,
        sequence_fingerprint=sequence.fingerprint(),
        n_frames=sequence.n_frames,
        maps=[MapScale(key=key, **one.model_dump()) for key, one in recipe.maps.items()]
        if init_card is None
        else init_card.maps,
        weights_sha256="0" * 64,
        n_parameters=sum(one.numel() for one in trained.network.parameters()),
        recipe=_without_folders(recipe),
        init=initial_weights(init_card),
        seed=recipe.optimisation.seed,
        software_version=__version__,
        trained_on=where,
        training_minutes=round(progress.seconds / 60, 2),
        n_epochs=progress.epoch,
        is_reduced=recipe.is_reduced,
        test_data=test_data,
        metrics=rows,
    )


def _without_folders(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as the card keeps it: of weights to begin with, the name alone."""
    record = recipe.model_dump(mode="json")
    if recipe.init is not None:
        record["init"] = Path(recipe.init).name
    return record
