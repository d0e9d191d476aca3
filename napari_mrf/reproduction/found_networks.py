"""Networks of an experiment that have weights, and their training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_mrf.errors import MRFInputError
from napari_mrf.networks.card import read_card
from napari_mrf.networks.weights import installed, load_network
from napari_mrf.training.recipe import Recipe, shipped_recipes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.networks.card import ModelCard
    from napari_mrf.networks.trained import TrainedNetwork


@dataclass(frozen=True)
class FoundNetwork:
    """A network with weights.

    Parameters
    ----------
    name : str
        In the zoo.
    training : str
        How it was trained, in words.
    trained : TrainedNetwork
        On the CPU.
    card : ModelCard or None
        None for one that was trained a moment ago and is not kept.
    """

    name: str
    training: str
    trained: TrainedNetwork
    card: ModelCard | None = None


@dataclass(frozen=True)
class StoredNetwork(FoundNetwork):
    """A network whose weights are on the disk.

    Parameters
    ----------
    path : Path
        Of the card.
    """

    path: Path = field(kw_only=True)


def found_networks(
    names: Iterable[str], sequence: Sequence, folders: Iterable[Path | None] = ()
) -> tuple[list[StoredNetwork], list[str]]:
    """Load the networks that have weights for a sequence, and name those that have none.

    Parameters
    ----------
    names : iterable of str
        Wanted, in the order of the result; of one name there may be several.
    sequence : Sequence
        What they are for.
    folders : iterable of Path
        Searched at any depth, before the installed ones; None is passed over.

    Raises
    ------
    MRFInputError
        ``"missing-weights"`` when the folder holds none at all, and what `load_network`
        raises.
    """
    cards: dict[tuple[str, str], tuple[Path, ModelCard]] = {}
    for path in (path for folder in folders for path in _cards_in(folder)):
        card = read_card(path)
        cards.setdefault((card.name, card.weights_sha256), (path, card))
    for path in installed().values():
        card = read_card(path)
        cards.setdefault((card.name, card.weights_sha256), (path, card))
    fitting = [
        (path, card)
        for path, card in cards.values()
        if card.sequence_fingerprint == sequence.fingerprint()
    ]
    found, missing = [], []
    for name in names:
        of_name = [(path, card) for path, card in fitting if card.name == name]
        if not of_name:
            missing.append(name)
        for path, card in sorted(of_name, key=_by_noise):
            trained, _ = load_network(path, sequence)
            found.append(StoredNetwork(name, training_words(card), trained, card, path=path))
    return found, missing


def training_words(card: ModelCard) -> str:
    """Return a short description of the training of a network: noise, data, epochs."""
    noise, data = card.recipe.get("noise", {}), card.recipe.get("data", {})
    low, high = noise.get("sigma_lower", 0), noise.get("sigma_upper", 0)
    level = f"noise {low:g}" if low == high else f"noise {low:g}-{high:g}"
    tissues = f"{data.get('tissues', 0):,} random tissues"
    what = {
        "inn-grid": "dictionary of the paper",
        "random": "random images" if "patches" in data else tissues,
    }.get(str(data.get("kind")), str(data.get("kind")))
    reduced = ", reduced" if card.is_reduced else ""
    return f"{level}, {what}, {card.n_epochs} epochs{reduced}"


def trained_alike(first: FoundNetwork, second: FoundNetwork) -> bool:
    """Return whether two networks differ in nothing but their architecture or loss."""
    if first.card is None or second.card is None:
        return first.training == second.training
    # Read as recipes: one written before a key existed has that key's default.
    one, other = (
        Recipe.model_validate(card.recipe).model_copy(update={"network": ""})
        for card in (first.card, second.card)
    )
    return one.model_dump() == other.model_dump() and first.card.n_epochs == second.card.n_epochs


def record_of(network: FoundNetwork) -> dict[str, Any]:
    """Return which weights were used, JSON-ready."""
    sha256 = None if network.card is None else network.card.weights_sha256
    return {"network": network.name, "training": network.training, "sha256": sha256}


def cure(missing: Iterable[str], *, sequence: str = "t1ff", trainable: str = "") -> str:
    """Return sentences that name missing networks and their cure, or nothing.

    Parameters
    ----------
    missing : iterable of str
        Networks without weights.
    sequence : str
        That they are missing for.
    trainable : str
        The experiment that trains them itself, if it does.
    """
    names = list(missing)
    if not names:
        return ""
    shipped = shipped_recipes()
    recipes = [one for one in (f"{sequence}-{name}" for name in names) if one in shipped]
    ways = [f"`napari-mrf train {one}`" for one in recipes[:1]]
    if trainable:
        ways.append(f"`napari-mrf reproduce {trainable} --train`")
    ways = ways or ["`napari-mrf train RECIPE`"]
    return (
        f"Left out, because they have no weights: {', '.join(names)}. Train them "
        f"({' or '.join(ways)}) and give their folder with `--weights`, or install a package that "
        "contains them."
    )


def _cards_in(folder: Path | None) -> list[Path]:
    """Return the cards in a folder; other JSON files are passed over."""
    if folder is None:
        return []
    found = []
    for path in sorted(folder.rglob("*.json")):
        try:
            read_card(path)
        except MRFInputError:
            continue
        found.append(path)
    if not found:
        raise MRFInputError(
            "missing-weights", "the folder contains no networks", path=folder,
            expected="cards (.json) beside weights (.safetensors)",
            hint="Give the folder that napari-mrf train wrote to.",
        )  # fmt: skip
    return found


def _by_noise(one: tuple[Path, ModelCard]) -> tuple[float, float]:
    noise = one[1].recipe.get("noise", {})
    return float(noise.get("sigma_lower", 0)), float(noise.get("sigma_upper", 0))
