"""Weights that the user trained or was given, by the paths of their cards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_mrf.errors import MRFInputError
from napari_mrf.networks.card import is_card_path, read_card

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
        is_new = is_card_path(method) and method not in self._cards
        if is_new:
            self._cards[method] = None
        return is_new

    def fits(self, card: str, sequence: Sequence | None) -> bool:
        """Return whether weights are there and for a sequence; a run with them says why not."""
        try:
            if sequence is not None:
                read_card(Path(card)).check_sequence(sequence)
            return sequence is not None
        except MRFInputError:
            return False

    def rows(self, sequence: Sequence) -> tuple[MethodInfo, ...]:
        """Return the rows of the weights for a sequence; without those that are gone by now."""
        from napari_mrf.networks.listing import own_row
        from napari_mrf.networks.method import OPTIONS

        return tuple(own_row(Path(one), OPTIONS) for one in self.cards()
                     if self.fits(one, sequence))  # fmt: skip


OWN_WEIGHTS = OwnWeights()
"""Those of this process."""
