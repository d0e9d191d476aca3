"""Weights on disk: a safetensors file and its card, checked before use."""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from napari_mrf.data.text_files import size_of
from napari_mrf.errors import MRFInputError, reason
from napari_mrf.networks.card import ModelCard, is_card_path, read_card
from napari_mrf.networks.normalization import Normalization
from napari_mrf.networks.trained import TrainedNetwork
from napari_mrf.networks.zoo import NETWORKS, network_info

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_mrf.data.sequence import Sequence

ENTRY_POINTS = "napari_mrf.weights"
"""Group under which other distributions name packages that hold weights."""

LARGER = "larger.json"
"""Beside this package's weights: the names of those that come in a distribution of their own."""


def weight_folders() -> Iterator[Path]:
    """Yield the folders that may hold weights: this package's, then those of others."""
    yield Path(str(resources.files("napari_mrf"))) / "weights"
    yield from other_distributions()


def other_distributions() -> Iterator[Path]:
    """Yield the folders of other distributions that hold weights.

    One that was taken away and left its entry point behind is passed over.
    """
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            yield Path(str(resources.files(entry.value)))
        except ModuleNotFoundError:
            continue


def larger_networks() -> dict[str, list[str]]:
    """Return what the distribution `napari-mrf-weights` holds: names by sequence."""
    text = (resources.files("napari_mrf") / "weights" / LARGER).read_text(encoding="utf-8")
    record: dict[str, list[str]] = json.loads(text)
    return record


def installed() -> dict[tuple[str, str], Path]:
    """Return the card of every installed network by (name, sequence fingerprint).

    A card that cannot be read is left out: it is told when it is asked for by its path.
    """
    found: dict[tuple[str, str], Path] = {}
    for folder in weight_folders():
        for path in sorted(folder.glob("*/*.json")):
            try:
                card = read_card(path)
            except MRFInputError:
                continue
            if card.name in NETWORKS:
                found.setdefault((card.name, card.sequence_fingerprint), path)
    return found


def find_card(name: str, sequence: Sequence, folder: Path | None = None) -> Path:
    """Return the card of an installed network, or of weights of one's own.

    Parameters
    ----------
    name : str
        Of an installed network, or the path of a card, which ends in ``.json``.
    sequence : Sequence
        For which an installed network was trained.
    folder : Path, optional
        What a path is relative to; the working folder by default.

    Raises
    ------
    MRFInputError
        ``"missing-weights"``.
    """
    path = installed().get((name, sequence.fingerprint()))
    if path is None and is_card_path(name):
        path = (folder or Path()) / name
    if path is None:
        names = sorted(name for name, of in installed() if of == sequence.fingerprint())
        raise MRFInputError(
            "missing-weights", f"no weights of {name!r} are installed for {sequence.name}",
            expected=f"{', '.join(names) or 'none is installed'}, or the path of a card (.json)",
        )  # fmt: skip
    return path


def save_network(path: Path, trained: TrainedNetwork, card: ModelCard) -> ModelCard:
    """Write weights and card; return the card with the sum of the weights.

    Parameters
    ----------
    path : Path
        Ends in ``.json``; the weights lie beside it.
    trained : TrainedNetwork
        What to write.
    card : ModelCard
        Its sum is filled in.
    """
    from safetensors.torch import save

    from napari_mrf.io.atomic import atomic_write_all, make_folder

    half = card.stored_type == "float16"
    tensors = {
        # What scales the maps is said in the card, and must agree with it.
        key: (
            tensor.half()
            if half and key.startswith("network.") and tensor.is_floating_point()
            else tensor
        )
        .detach()
        .cpu()
        .contiguous()
        for key, tensor in trained.state_dict().items()
    }
    data = save(tensors)
    card = card.model_copy(update={"weights_sha256": hashlib.sha256(data).hexdigest()})
    weights = path.with_suffix(".safetensors")
    make_folder(path.parent)
    with atomic_write_all([weights, path]) as staged:
        staged[weights].write_bytes(data)
        staged[path].write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return card


def load_network(path: Path, sequence: Sequence | None = None) -> tuple[TrainedNetwork, ModelCard]:
    """Read weights by the path of their card, ready to run on the CPU.

    Parameters
    ----------
    path : Path
        The card.
    sequence : Sequence, optional
        Refused when it is another one than the network was trained for.

    Raises
    ------
    MRFInputError
        ``"missing-weights"``, ``"bad-card"``, ``"sha256-mismatch"``, ``"wrong-sequence"``,
        ``"bad-weights"``.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    card = read_card(path)
    if sequence is not None:
        card.check_sequence(sequence)
    weights = path.with_suffix(".safetensors")
    try:
        size_of(weights)
        data = weights.read_bytes()
    except (OSError, MRFInputError) as error:
        raise MRFInputError(
            "missing-weights", "the weights of the network cannot be read", path=weights,
            found=str(error),
        ) from error  # fmt: skip
    found = hashlib.sha256(data).hexdigest()
    if found != card.weights_sha256:
        raise MRFInputError(
            "sha256-mismatch", "the weights do not match the checksum in their card",
            path=weights, expected=card.weights_sha256, found=found,
            hint="Install or train the network again.",
        )  # fmt: skip
    try:
        state = {key: tensor.float() if tensor.is_floating_point() else tensor
                 for key, tensor in load(data).items()}  # fmt: skip
        # Before a network of any size that a card may name is built.
        sizes = [len(state[f"normalization.{key}"]) for key in ("reference", "lower", "upper")]
        if sizes != [card.n_frames, len(card.maps), len(card.maps)]:
            raise ValueError("they are for another number of frames or maps")
        trained = empty_network(card)
        trained.load_state_dict(state)
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise MRFInputError(
            "bad-weights", "the weights do not fit the network named in their card",
            path=weights, expected=card.name, found=reason(error),
        ) from None  # fmt: skip
    return trained.eval(), card


def empty_network(card: ModelCard) -> TrainedNetwork:
    """Return the network of a card with random weights."""
    network = network_info(card.name).build(card.n_frames, len(card.maps))
    normalization = Normalization(
        torch.zeros(card.n_frames, dtype=torch.complex64),
        [one.lower for one in card.maps],
        [one.upper for one in card.maps],
        [one.logarithmic for one in card.maps],
    )
    return TrainedNetwork(network, normalization)
