"""Which voxels an importance run takes, and by which maps it judges: layers and sets of maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.layers import mask_from_layer
from napari_mrf.plugin.panels.importance.panel import NO_TRUTH
from napari_mrf.plugin.panels.reconstruct.panel import AUTOMATIC_MASK
from napari_mrf.plugin.panels.shared.masks import masks_among
from napari_mrf.plugin.session import session_of, unwrapped

if TYPE_CHECKING:
    import numpy as np
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.plugin.panels.importance.panel import ImportancePanel


class ImportanceSources:
    """Offers Labels layers as masks and sets of maps as truths, as they come and go.

    Parameters
    ----------
    viewer : napari viewer
        Where the layers are.
    panel : ImportancePanel
        Where they are picked.
    """

    def __init__(self, viewer: Any, panel: ImportancePanel) -> None:
        self.viewer = unwrapped(viewer)
        self.panel = panel
        self.session = session_of(viewer)
        self._masks: dict[str, Labels] = {}
        self.bond = Bond(panel)
        layers = self.viewer.layers.events
        self.bond.connect(layers.inserted, self._on_layer_inserted)
        self.bond.connect(layers.removed, self._on_layers_changed)
        for layer in self.viewer.layers:
            self.bond.connect(layer.events.name, self._on_layers_changed)
        self.bond.connect(self.session.maps_changed, self._on_maps_changed)
        self._on_layers_changed()
        self._on_maps_changed("")

    def mask(self) -> NDArray[np.bool_] | None:
        """Return the chosen mask, (Z, Y, X) in file order; None for the automatic one."""
        name = self.panel.mask_picker.currentText()
        if name == AUTOMATIC_MASK:
            return None
        return mask_from_layer(self._masks[name], self.session.series)

    def truth(self) -> ParameterMaps | None:
        """Return the chosen true maps; None where the method is judged by its own."""
        maps_set = self.session.maps_sets.get(self.panel.truth_picker.currentText())
        return None if maps_set is None else maps_set.maps

    def _on_layer_inserted(self, event: Any) -> None:
        self.bond.connect(event.value.events.name, self._on_layers_changed)
        self._on_layers_changed()

    def _on_layers_changed(self, event: Any = None) -> None:
        picked = self.panel.mask_picker.currentText()
        self._masks, current = masks_among(
            self.viewer.layers, self._masks, picked, otherwise=AUTOMATIC_MASK
        )
        self.panel.set_masks(list(self._masks), current)

    def _on_maps_changed(self, name: str) -> None:
        current = self.panel.truth_picker.currentText() or NO_TRUTH
        self.panel.set_truths(list(self.session.maps_sets), current)
