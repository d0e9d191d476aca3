"""The choice of one of the layers of a viewer, or of none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from napari_mrf.plugin.layers.subjects import is_here
from napari_mrf.plugin.layers.voxels import layer_of_series
from napari_mrf.plugin.session import session_of, unwrapped
from napari_mrf.plugin.viewer.removed_layers import removed_layers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_mrf.plugin.kit.bond import Bond
    from napari_mrf.plugin.kit.picker import Picker


class LayerChoice:
    """Offers the layers that suit, as they come, go and change their names.

    A layer that was renamed stays picked, so the choice is of a layer, not of a name.

    Parameters
    ----------
    viewer : napari viewer
        Where the layers are.
    picker : Picker
        Where one is picked.
    offer : callable
        Of the names and the one that is picked; fills the picker.
    bond : Bond
        Of the panel.
    """

    nothing: str
    """The entry that is no layer."""

    def __init__(
        self,
        viewer: Any,
        picker: Picker,
        offer: Callable[[Sequence[str], str], None],
        bond: Bond,
    ) -> None:
        self.viewer = unwrapped(viewer)
        self.session = session_of(viewer)
        self.picker = picker
        self._offer = offer
        self._bond = bond
        self._layers: dict[str, Any] = {}
        self._picked: WeakValueDictionary[str, Any] = WeakValueDictionary()  # by subject
        self._lost: Any | None = None
        removed_layers_of(self.viewer).attend(self)
        picker.textActivated.connect(self._on_activated)
        layers = self.viewer.layers.events
        bond.connect(layers.inserted, self._on_layer_inserted)
        bond.connect(layers.removed, self._on_layers_changed)
        bond.connect(self.session.subject_changing, self._on_subject_changing)
        bond.connect(self.session.subject_changed, self._on_subject_changed)
        for layer in self.viewer.layers:
            bond.connect(layer.events.name, self._on_layers_changed)
        self._on_layers_changed()

    def suits(self, layer: Any) -> bool:
        """Return whether a layer is offered."""
        raise NotImplementedError

    def picked_layer(self) -> Any:
        """Return the layer that is picked, or None."""
        return self._layers.get(self.picker.currentText())

    def series_layer(self) -> Any:
        """Return the layer that shows the series, or None."""
        return layer_of_series(self.viewer, self.session.series)

    def pick(self, name: str) -> None:
        """Pick the layer of a name."""
        self._on_layers_changed()
        self.picker.setCurrentText(name)

    def _on_layer_inserted(self, event: Any) -> None:
        self._bond.connect(event.value.events.name, self._on_layers_changed)
        self._on_layers_changed()

    def _on_subject_changing(self) -> None:
        key, layer = self.session.subject.key, self.picked_layer() or self._lost
        self._picked.pop(key, None)
        if layer is not None:
            self._picked[key] = layer

    def _on_subject_changed(self, _: Any) -> None:
        self._offer_again(self._picked.get(self.session.subject.key))

    def _on_layers_changed(self, event: Any = None) -> None:
        self._offer_again(self.picked_layer() or self._lost)

    def _offer_again(self, before: Any) -> None:
        self._layers = {
            layer.name: layer
            for layer in self.viewer.layers
            if self.suits(layer) and is_here(self.viewer, layer)
        }
        current = next(
            (name for name, layer in self._layers.items() if layer is before), self.nothing
        )
        # One that is deleted and comes back is picked again, unless something else is by then.
        self._lost = before if current == self.nothing else None
        self._offer(list(self._layers), current)

    def _on_activated(self, _: str) -> None:
        self._lost = None
