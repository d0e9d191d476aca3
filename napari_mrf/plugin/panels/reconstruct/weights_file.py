"""Weights from a file: read, checked, and shown by their card before they are used.

Apart from `controller`, as masks and B1 maps from files are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.plugin.jobs import Job, JobStatus, Step
from napari_mrf.plugin.kit.files.dialogs import ask_open_path
from napari_mrf.plugin.kit.overwriting import is_confirmed
from napari_mrf.plugin.panels.shared.own_weights import OWN_WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.plugin.kit.bond import Bond
    from napari_mrf.plugin.panels.reconstruct.panel import ReconstructPanel

_TITLE = "Weights from a file"


@dataclass(frozen=True)
class ReadWeights:
    """Weights that were read and fit: the path of their card, and what it says."""

    card: Path
    name: str
    lines: tuple[str, ...]


class WeightsFile:
    """Asks for a card, shows what it says, and offers its weights as a method.

    Parameters
    ----------
    panel : ReconstructPanel
        The view.
    bond : Bond
        Of the panel.
    sequence : callable
        Returns the sequence that the weights must be for.
    chosen : callable
        Called with the path of the card, the name of the method, once it is to be used.
    """

    def __init__(
        self, panel: ReconstructPanel, bond: Bond, sequence: Callable[[], Sequence | None],
        chosen: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.panel, self._sequence, self._chosen = panel, sequence, chosen
        self.job = Job()
        bond.connect(self.job.changed, self._on_job_changed)
        bond.connect(self.job.succeeded, self._on_read)
        panel.weights_file_requested.connect(self._on_requested)

    def load(self, path: str) -> None:
        """Read weights and ask whether to use them."""
        sequence = self._sequence()
        if sequence is not None and not self.job.status.is_running:
            self.job.start("Reading the weights", read_weights, Path(path), sequence)

    def _on_requested(self) -> None:
        filters = "Card of weights (*.json);;Weights (*.safetensors)"
        if path := ask_open_path(self.panel, _TITLE, filters):
            self.load(path)

    def _on_job_changed(self, status: JobStatus) -> None:
        if status.failure is not None:
            self.panel.notice.say(status.failure.sentence)

    def _on_read(self, read: ReadWeights) -> None:
        question = f"Use the weights of {read.name}?"
        detail = "\n".join(read.lines)
        if is_confirmed(self.panel, _TITLE, question, action="Use", detail=detail):
            self._chosen(str(read.card))
            OWN_WEIGHTS.add(read.card)


def read_weights(path: Path, sequence: Sequence) -> Generator[Step, None, ReadWeights]:
    """Read and check weights for a sequence; the path is that of the card or of the weights."""
    yield Step(detail="reading")
    from napari_mrf.networks.card import CARD_SUFFIX
    from napari_mrf.networks.listing import card_lines
    from napari_mrf.networks.weights import load_network

    card_path = path.with_suffix(CARD_SUFFIX)
    _, card = load_network(card_path, sequence)
    return ReadWeights(card_path, card.name, tuple(card_lines(card)))
