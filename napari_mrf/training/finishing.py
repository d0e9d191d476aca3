"""The end of a training: the network is tested, and written with its card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf._version import __version__
from napari_mrf.networks.card import MapScale, Metric, ModelCard
from napari_mrf.networks.weights import save_network
from napari_mrf.training.calibration import deviation_factors
from napari_mrf.training.data.fingerprints import columns, unit_fingerprints
from napari_mrf.training.data.tissue import inn_test_grid, random_tissues
from napari_mrf.training.evaluation import estimates, metrics, of_data, with_noise
from napari_mrf.training.loop.initial import initial_weights
from napari_mrf.training.phantom_metrics import metrics_on_phantoms
from napari_mrf.training.recipe import InnGrid, PhantomImages, RandomImages, RandomTissues

if TYPE_CHECKING:
    import torch

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.networks.trained import TrainedNetwork
    from napari_mrf.training.data.batches import TrainingData
    from napari_mrf.training.loop.checkpoint import Progress
    from napari_mrf.training.recipe import Recipe

TEST_SIGMAS = (0.003, 0.00877, 0.03)
"""29.3, 20 and 9.3 dB on the scale of Balsiger et al., MLMIR 2020."""

SIMULATED = (RandomTissues, InnGrid)
"""Kinds of data that are tested on simulated fingerprints."""

IMAGES = (PhantomImages, RandomImages)
"""Kinds that are tested on phantoms; the others on held-out data."""

_TEST_TISSUES = 20_000


def finish(
    recipe: Recipe,
    folder: Path,
    sequence: Sequence,
    trained: TrainedNetwork,
    progress: Progress,
    validation: TrainingData,
    device: torch.device,
    init_card: ModelCard | None = None,
) -> ModelCard:
    """Test a trained network and write its weights and its card; return the card.

    Parameters
    ----------
    recipe : Recipe
        By which it was trained.
    folder : Path
        Where to write.
    sequence : Sequence
        Of the recipe.
    trained : TrainedNetwork
        With the weights of its best epoch.
    progress : Progress
        Of the training.
    validation : TrainingData
        What measured series are tested on; the others have test data of their own. Standard
        deviations are made to fit it (`deviation_factors`).
    device : torch.device
        Where to test.
    init_card : ModelCard, optional
        Of the weights that the training began with.
    """
    trained.to(device)
    if isinstance(recipe.data, SIMULATED):
        test_data, rows = test(recipe, sequence, trained, device)
    elif isinstance(recipe.data, IMAGES):
        test_data, rows = metrics_on_phantoms(recipe, sequence, trained, device, TEST_SIGMAS)
    else:
        test_data, rows = test_on(validation, recipe, trained, device)
    card = _card(recipe, sequence, trained, progress, test_data, rows, init_card)
    factors = deviation_factors(
        list(recipe.maps), trained, validation, recipe.optimisation.batch, device
    )
    maps = [one.model_copy(update={"deviation": factors.get(one.key)}) for one in card.maps]
    card = card.model_copy(update={"maps": maps})
    return save_network(folder / f"{recipe.network}.json", trained.cpu(), card)


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
    test_data: str,
    rows: list[Metric],
    init_card: ModelCard | None,
) -> ModelCard:
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
        trained_on=progress.trained_on,
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
