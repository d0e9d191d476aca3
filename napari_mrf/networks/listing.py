"""Networks as rows of the table of methods: those with weights, and those without."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from napari_mrf.data import sequences
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.networks.card import read_card
from napari_mrf.networks.comparison import PLAINEST, error_ratios, worse_than_plainest
from napari_mrf.networks.weights import installed, larger_networks
from napari_mrf.networks.zoo import NETWORKS, network_info
from napari_mrf.reconstruction.in_vivo import with_errors
from napari_mrf.reconstruction.method import MethodInfo

if TYPE_CHECKING:
    from pathlib import Path

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.networks.card import ModelCard
    from napari_mrf.reconstruction.method import MethodOption

SHOWN_SIGMA = 0.00877
"""Noise level whose errors are shown: 20 dB on the scale of Balsiger et al., MLMIR 2020."""


def installed_rows(
    options: tuple[MethodOption, ...], sequence: Sequence | None = None
) -> list[MethodInfo]:
    """Return the rows of all networks that are installed, for one sequence or for all.

    Parameters
    ----------
    options : tuple of MethodOption
        Of the methods that run them.
    sequence : Sequence, optional
        Whose networks; a network belongs to the very sequence that it was trained for.
    """
    wanted = None if sequence is None else sequence.fingerprint()
    order = list(NETWORKS)
    paths = sorted(installed().items(), key=lambda one: order.index(one[0][0]))
    cards = {key: (read_card(path), path) for key, path in paths if wanted in (None, key[1])}
    rows = []
    for (_, fingerprint), (card, path) in cards.items():
        plainest, _ = cards.get((PLAINEST, fingerprint), (None, None))
        rows.append(network_row(card, path, options, plainest))
    return rows


def network_row(
    card: ModelCard,
    path: Path,
    options: tuple[MethodOption, ...] = (),
    plainest: ModelCard | None = None,
) -> MethodInfo:
    """Return the row of installed weights.

    Parameters
    ----------
    card : ModelCard
        What they are.
    path : Path
        Of the card.
    options : tuple of MethodOption
        Of the method that runs them.
    plainest : ModelCard or None
        Of the network to compare it with.
    """
    info = NETWORKS[card.name]
    ratios = error_ratios(card, plainest)
    remarks = ("reduced training" if card.is_reduced else "", worse_than_plainest(ratios))
    details = [_errors_and_noise(card)]
    if ratios:
        parts = ", ".join(f"{key} {ratio:.2f}" for key, ratio in ratios.items())
        details.append(f"errors divided by those of {PLAINEST}: {parts}")
    n_bytes = path.with_suffix(".safetensors").stat().st_size
    row = MethodInfo(
        name=card.name,
        title=info.title,
        kind="network",
        sequence_kinds=(card.sequence_kind,),
        paper=info.paper,
        options=options,
        weights=f"{n_bytes / 1e6:.1f} MB, installed",
        remarks=tuple(remark for remark in remarks if remark),
        details=tuple(detail for detail in details if detail),
    )
    return with_errors(row, card.sequence_fingerprint, card.weights_sha256)


def own_row(path: Path, options: tuple[MethodOption, ...]) -> MethodInfo:
    """Return the row of weights of one's own, which the path of their card stands for.

    Parameters
    ----------
    path : Path
        Of the card.
    options : tuple of MethodOption
        Of the method that runs them.

    Raises
    ------
    MRFInputError
        What `read_card` raises, and ``"unknown-method"`` for a network of another version.
    """
    card = read_card(path)
    network_info(card.name)
    row = network_row(card, path, options)
    return replace(row, name=str(path), label=f"{card.name} ({path.parent.name})",
                   remarks=("weights of your own", *row.remarks))  # fmt: skip


def card_lines(card: ModelCard) -> list[str]:
    """Return what a user should know of weights before they are used, a line each."""
    ranges = ", ".join(
        f"{one.key} {one.lower:g} to {one.upper:g} {PARAMETERS[one.key].unit}".strip()
        for one in card.maps
    )
    lines = [
        f"Network: {card.name}, {card.n_parameters / 1e6:.2g} M parameters",
        f"Sequence: {card.sequence_name}, {card.n_frames} frames",
        f"Maps: {ranges}",
        f"Training: {card.training_minutes:.3g} min, {card.n_epochs} epochs, by napari-mrf "
        f"{card.software_version} on {card.trained_on}" + (", reduced" if card.is_reduced else ""),
        f"Begun with: {card.init.name}" if card.init is not None else "",
        f"Tested on: {card.test_data}",
        _errors_and_noise(card),
        f"Checksum: {card.weights_sha256[:12]}",
    ]
    return [f"{one[0].upper()}{one[1:]}" for one in lines if one]


def missing_row(name: str, sequence: Sequence) -> MethodInfo:
    """Return the row of a network that has no weights for a sequence."""
    info = NETWORKS[name]
    return MethodInfo(
        name=name,
        title=info.title,
        kind="network",
        sequence_kinds=(sequence.kind,),
        paper=info.paper,
        weights="not installed",
        needs=what_to_do(name, sequence),
    )


def what_to_do(name: str, sequence: Sequence) -> str:
    """Say how to get weights of a network for a sequence, as a sentence."""
    short = _short_name(sequence)
    ways = []
    if name in larger_networks().get(short or "", ()):
        ways.append("install the larger networks (pip install napari-mrf[weights])")
    recipe = f"{short}-{name}"
    recipes = resources.files("napari_mrf") / "training" / "recipes"
    known = short is not None and (recipes / f"{recipe}.toml").is_file()
    ways.append(
        f"train it (napari-mrf train {recipe})"
        if known
        else "train it with a recipe of its own (napari-mrf train RECIPE.toml)"
    )
    text = ", or ".join(ways)
    return f"{text[0].upper()}{text[1:]}."


@cache
def _short_name(sequence: Sequence) -> str | None:
    """Return the name by which `sequences.load` knows a sequence, None for another one."""
    return next((key for key, make in sequences.NAMED.items() if make() == sequence), None)


def _errors_and_noise(card: ModelCard) -> str:
    """Return the test errors at the noise level that is shown, and the noise of the training."""
    texts = []
    if card.metrics:
        sigma = min((row.sigma for row in card.metrics), key=lambda one: abs(one - SHOWN_SIGMA))
        errors: dict[str, str] = {}
        for row in card.metrics:
            if row.sigma == sigma:
                error = f"{row.map} {row.mean_absolute_error:.3g} {PARAMETERS[row.map].unit}"
                errors.setdefault(row.map, error.strip())
        texts.append(f"test error {', '.join(errors.values())} at noise {sigma:.2g}")
    noise = card.recipe.get("noise", {})
    if isinstance(noise, dict) and {"sigma_lower", "sigma_upper"} <= set(noise):
        texts.append(
            f"trained with noise of {noise['sigma_lower']:g}-{noise['sigma_upper']:g} of the norm"
        )
    return ", ".join(texts)
