"""The choice of a mask: the automatic foreground or a Labels layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Labels

from napari_mrf.plugin.layers import PARAMETER_KEY, mask_from_layer
from napari_mrf.plugin.panels.shared.texts import AUTOMATIC_MASK
from napari_mrf.plugin.session import session_of, unwrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from napari.components import ViewerModel
    from napari.utils.events import Event
    from numpy.typing import NDArray

    from napari_mrf.plugin.kit.bond import Bond
    from napari_mrf.plugin.kit.picker import Picker


class MaskChoice:
    """A list of the Labels layers of a viewer, from which the user picks a mask.

    The choice is a layer, not a name: a mask that is renamed stays picked.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the layers.
    picker : Picker
        The combo box with the masks.
    offer : callable
        Fills the picker; takes the names and the picked one.
    bond : Bond
        Bond of the panel.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        picker: Picker,
        offer: Callable[[Sequence[str], str], None],
        bond: Bond,
    ) -> None:
        self.viewer: ViewerModel = unwrapped(viewer)
        self.session = session_of(viewer)
        self.picker = picker
        self._offer = offer
        self._bond = bond
        self._masks: dict[str, Labels] = {}
        layers = self.viewer.layers.events
        bond.connect(layers.inserted, self._on_layer_inserted)
        bond.connect(layers.removed, self._on_layers_changed)
        for layer in self.viewer.layers:
            bond.connect(layer.events.name, self._on_layers_changed)
        self._on_layers_changed()

    def picked(self) -> NDArray[np.bool_] | None:
        """Return the chosen mask, (Z, Y, X) in file order; None for the automatic one.

        Raises
        ------
        MRFInputError
            When the layer lies on another grid than the series.
        """
        name, series = self.picker.currentText(), self.session.series
        if name == AUTOMATIC_MASK or series is None:
            return None
        return mask_from_layer(self._masks[name], series)

    def pick(self, name: str) -> None:
        """Pick the layer of a name."""
        self._on_layers_changed()
        self.picker.setCurrentText(name)

    def _on_layer_inserted(self, event: Event) -> None:
        self._bond.connect(event.value.events.name, self._on_layers_changed)
        self._on_layers_changed()

    def _on_layers_changed(self, event: Event | None = None) -> None:
        before = self._masks.get(self.picker.currentText())
        self._masks = {
            layer.name: layer
            for layer in self.viewer.layers
            if isinstance(layer, Labels) and layer.metadata.get(PARAMETER_KEY) != "flags"
        }
        current = next(
            (name for name, layer in self._masks.items() if layer is before), AUTOMATIC_MASK
        )
        self._offer(list(self._masks), current)
