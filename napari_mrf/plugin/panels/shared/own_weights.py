"""Weights that the user trained or was given, by the paths of their cards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.reconstruction.method import MethodInfo


class OwnWeights:
    """Cards that were chosen in this process; all windows offer them.

    Attributes
    ----------
    added : Signal(str)
        Weights were chosen; carries the path of their card, which is the name of the method.
    """

    added = Signal(str)

    def __init__(self) -> None:
        self._cards: dict[str, None] = {}

    def add(self, card: Path) -> None:
        """Offer weights from now on."""
        self._cards[str(card)] = None
        self.added.emit(str(card))

    def cards(self) -> list[str]:
        """Return the paths of the cards, oldest first."""
        return list(self._cards)

    def remember(self, method: str) -> bool:
        """Offer the weights that a session names; return whether these are new ones."""
        is_new = method.endswith(".json") and method not in self._cards
        if is_new:
            self._cards[method] = None
        return is_new

    def rows(self, sequence: Sequence) -> tuple[MethodInfo, ...]:
        """Return the rows of the weights for a sequence; without those that are gone by now."""
        from napari_mrf.networks.card import read_card
        from napari_mrf.networks.listing import own_row
        from napari_mrf.networks.method import OPTIONS

        rows = []
        for card in map(Path, list(self._cards)):
            try:
                read_card(card).check_sequence(sequence)
                rows.append(own_row(card, OPTIONS))
            except (MRFInputError, OSError):
                continue  # a run with them, or the file itself, says why
        return tuple(rows)


OWN_WEIGHTS = OwnWeights()
"""Those of this process."""
