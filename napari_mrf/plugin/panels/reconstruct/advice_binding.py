"""Binds the advice in a Reconstruct panel to the maps that are picked and the options offered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.panels.reconstruct.advice import Advice, advice_on
from napari_mrf.plugin.session import session_of

if TYPE_CHECKING:
    from napari_mrf.plugin.panels.reconstruct.panel import ReconstructPanel


class AdviceBinding:
    """Shows what should be known of the maps that are picked, and sets options when asked.

    Parameters
    ----------
    viewer : napari viewer
        Whose session holds the maps.
    panel : ReconstructPanel
        The view; its results must be bound before, so that the new maps are picked already.
    """

    def __init__(self, viewer: Any, panel: ReconstructPanel) -> None:
        self.panel = panel
        self.session = session_of(viewer)
        self._maps: Any = None
        self._advice: list[Advice] = []
        panel.results.maps_changed.connect(self._on_picked)
        panel.results.advice.option_requested.connect(self._on_option_requested)
        panel.options.changed.connect(self._show)
        panel.method_changed.connect(self._on_picked)
        self.bond = Bond(panel)
        self.bond.connect(self.session.maps_changed, self._on_picked)
        self._on_picked()

    def _on_picked(self, _: str = "") -> None:
        maps_set = self.session.maps_sets.get(self.panel.results.current_maps())
        maps = None if maps_set is None else maps_set.maps
        if maps is not self._maps:
            self._maps = maps
            self._advice = [] if maps is None else advice_on(maps)
        self._show()

    def _show(self) -> None:
        self.panel.results.advice.show_advice([self._with_cure(one) for one in self._advice])

    def _with_cure(self, one: Advice) -> tuple[Advice, str]:
        option = self.panel.options.option(one.option)
        if option is None:
            return one, ""
        if one.cure:
            one = replace(one, text=f"{one.text} {one.cure}")
        if self.panel.options.values()[one.option] == one.value:
            return replace(one, text=f"{one.text} It is set under More: reconstruct again."), ""
        return one, option.label if option.kind == "bool" else f"{option.label} {one.value}"

    def _on_option_requested(self, name: str, value: Any) -> None:
        self.panel.options.set_value(name, value)
        self.panel.more.set_open(True)
