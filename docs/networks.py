"""Write the tables of docs/networks.md from the cards of the installed weights.

python docs/networks.py
"""

from pathlib import Path

import numpy as np
from marked_page import replace

from napari_mrf.data import sequences
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.networks.card import Metric, ModelCard, read_card
from napari_mrf.networks.comparison import PLAINEST, error_ratios
from napari_mrf.networks.listing import SHOWN_SIGMA
from napari_mrf.networks.weights import installed
from napari_mrf.networks.zoo import NETWORKS
from napari_mrf.reproduction.markdown import markdown_table, rounded

PAGE = Path(__file__).parent / "networks.md"


def cards_of(sequence_name: str) -> dict[str, tuple[ModelCard, int]]:
    """Return cards and sizes in bytes by name, in the order of the zoo."""
    wanted = sequences.load(sequence_name).fingerprint()
    paths = {name: path for (name, of), path in installed().items() if of == wanted}
    return {
        name: (read_card(paths[name]), paths[name].with_suffix(".safetensors").stat().st_size)
        for name in NETWORKS
        if name in paths
    }


def trainings(cards: dict[str, tuple[ModelCard, int]]) -> str:
    """Return what was trained, for how long, and what it weighs."""
    rows = []
    for name, (card, n_bytes) in cards.items():
        ratios = error_ratios(card, cards[PLAINEST][0])
        whole = float(np.exp(np.mean(np.log(list(ratios.values()))))) if ratios else 1.0
        rows.append([
            f"`{name}`", f"{card.n_parameters / 1e6:.2f} M",
            f"{n_bytes / 1e6:.1f} MB, {card.stored_type}",
            f"{card.n_epochs} epochs, {card.training_minutes:.0f} min {machine(card)}",
            "reduced" if card.is_reduced else "in full", f"{whole:.2f}",
        ])  # fmt: skip
    header = ["network", "parameters", "weights", "training", "", f"errors beside `{PLAINEST}`"]
    return markdown_table(header, rows)


def machine(card: ModelCard) -> str:
    """Return where a network was trained, in a word or two."""
    return card.trained_on.removeprefix("NVIDIA ").split(" ")[0].rstrip(",")


def errors(cards: dict[str, tuple[ModelCard, int]], kind: str) -> str:
    """Return mean absolute errors at the noise level that the panel shows."""
    chosen = [card for name, (card, _) in cards.items() if NETWORKS[name].kind == kind]
    if not chosen:
        return "None yet."
    keys = [one.key for one in chosen[0].maps]
    cells: dict[tuple[str, str], dict[str, Metric]] = {}
    for card in chosen:
        for label, metrics in ((f"`{card.name}`", card.metrics),
                               (f"`{PLAINEST}` on the same", card.plainest_metrics)):  # fmt: skip
            for row in metrics:
                scan = "full" if row.undersampling == 1 else f"{row.undersampling:.0f}-fold"
                if row.undersampling != 1 or row.sigma == SHOWN_SIGMA:
                    cells.setdefault((label, scan), {})[row.map] = row
    is_image = kind == "image"
    header = ["network", *(["sampling"] if is_image else []), *map(_title, keys)]
    rows = [
        [label, *([scan] if is_image else []),
         *(rounded(of_map[key].mean_absolute_error) for key in keys)]
        for (label, scan), of_map in cells.items()
    ]  # fmt: skip
    return markdown_table(header, rows)


def _title(key: str) -> str:
    unit = PARAMETERS[key].unit
    return f"{key} ({unit})" if unit else key


def main() -> None:
    """Write every table."""
    for sequence_name in ("t1ff", "fisp"):
        cards = cards_of(sequence_name)
        replace(PAGE, f"{sequence_name} trainings", trainings(cards))
        replace(PAGE, f"{sequence_name} fingerprint", errors(cards, "fingerprint"))
        replace(PAGE, f"{sequence_name} image", errors(cards, "image"))


if __name__ == "__main__":
    main()
