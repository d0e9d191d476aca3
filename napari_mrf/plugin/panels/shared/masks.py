"""The choice of a mask: the automatic foreground or a Labels layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Labels

from napari_mrf.plugin.layers import PARAMETER_KEY, mask_from_layer
from napari_mrf.plugin.layers.metadata import PREVIEW_KEY
from napari_mrf.plugin.panels.shared.layer_choice import LayerChoice
from napari_mrf.plugin.panels.shared.texts import AUTOMATIC_MASK

if TYPE_CHECKING:
    import numpy as np
    from napari.layers import Layer
    from numpy.typing import NDArray


class MaskChoice(LayerChoice):
    """Offers the Labels layers of a viewer as masks; see `LayerChoice`."""

    nothing = AUTOMATIC_MASK

    def suits(self, layer: Layer) -> bool:
        """Return whether a layer can be a mask: labels that are no flags and no proposal."""
        is_flags = layer.metadata.get(PARAMETER_KEY) == "flags"
        return isinstance(layer, Labels) and not is_flags and PREVIEW_KEY not in layer.metadata

    def picked(self) -> NDArray[np.bool_] | None:
        """Return the chosen mask, (Z, Y, X) in file order; None for the automatic one.

        Raises
        ------
        MRFInputError
            When the layer lies on another grid or elsewhere than the series.
        """
        layer, series = self.picked_layer(), self.session.series
        if layer is None or series is None:
            return None
        return mask_from_layer(layer, series, self.series_layer())
