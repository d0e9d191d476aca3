"""Which regions the inspector draws: those that are checked, and the chosen one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.data.geometry import grid_difference
from napari_mrf.plugin.session import RegionChoice

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_mrf.plugin.kit.choice_button import ChoiceButton
    from napari_mrf.plugin.session import Session

CHOSEN_REGION = "chosen"


class InspectRegions:
    """The button *Regions* and what it means.

    Parameters
    ----------
    session : Session
        With the regions.
    button : ChoiceButton
        Offers them.

    Attributes
    ----------
    keys : tuple of str
        What is checked: numbers, or `CHOSEN_REGION`.
    """

    def __init__(self, session: Session, button: ChoiceButton) -> None:
        self.session, self._button = session, button
        self.keys: tuple[str, ...] = ()

    def offer(self) -> None:
        """Offer the regions that there are."""
        regions = self.session.regions
        table = {} if regions is None else regions.table
        labels = {str(label): table[label].name for label in sorted(table) if label}
        if labels:
            labels = {CHOSEN_REGION: "the chosen region", **labels}
        self._button.set_choices(labels, self.keys)

    def choices(self) -> tuple[RegionChoice, ...]:
        """Return the regions to draw; none where the labels lie on another grid."""
        regions, series = self.session.regions, self.session.series
        if regions is None or series is None or grid_difference(regions, series):
            return ()
        choices = []
        if CHOSEN_REGION in self.keys and self.session.chosen_region is not None:
            choices.append(self.session.chosen_region)
        for key in self.keys:
            if key.isdigit() and int(key) in regions.table:
                choices.append(RegionChoice(int(key)))
        return tuple(dict.fromkeys(choices))

    def colors_of(self, choices: Iterable[RegionChoice]) -> tuple[str, ...]:
        """Return the colors of regions."""
        regions, colors = self.session.regions, []
        for choice in choices:
            red, green, blue = regions.table[choice.label].color
            colors.append(f"#{red:02x}{green:02x}{blue:02x}")
        return tuple(colors)
