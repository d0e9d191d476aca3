"""The steps of the user at the regions: a history for each layer, and which of them goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakMethod

import numpy as np

from napari_mrf.plugin.present import present
from napari_mrf.plugin.regions.history import RegionsHistory, RegionsState

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


class RegionSteps:
    """The histories of all layers that regions were drawn on.

    Steps go on in a layer that was loaded; those of another subject wait with its layer.

    Parameters
    ----------
    state : method
        Without arguments, returns the regions as they are now. Its owner has these steps and is
        not kept alive.
    """

    def __init__(self, state: Callable[[], RegionsState]) -> None:
        self._read = WeakMethod(state)
        self._of_layer: dict[Any, RegionsHistory] = {}
        self._history: RegionsHistory | None = None

    @property
    def history(self) -> RegionsHistory:
        """The steps so far; they may begin before the first layer."""
        if self._history is None:
            self._history = RegionsHistory(self._state())
        return self._history

    @property
    def noted(self) -> RegionsState | None:
        """The regions after the last step; None before any."""
        return None if self._history is None else self._history.state

    def _state(self) -> RegionsState:
        return present(self._read())()

    def record(self) -> None:
        """Note what the user has just done."""
        self.history.record(self._state())

    def amend(self, **changes: Any) -> None:
        """Change the present state without a step: the user did not do it."""
        self.history.amend(**changes)

    def before(self, layer: Any, *, is_step: bool, goes_on: bool) -> RegionsHistory | None:
        """Return the steps that a layer, which is about to be used, is to continue.

        Parameters
        ----------
        layer : napari.layers.Labels
            Used from now on.
        is_step : bool
            Whether its use is a step after those of the layer in use.
        goes_on : bool
            Whether it is the first layer: names and colors may have been changed before.
        """
        history = self.history if is_step else self._of_layer.get(layer)
        return self._history if history is None and goes_on else history

    def use(self, layer: Any, history: RegionsHistory | None, *, is_step: bool) -> None:
        """Continue the steps that `before` returned; the layer is in use now."""
        if history is None:
            history = RegionsHistory(self._state())
        elif is_step:
            history.record(self._state())
        elif history.state.layer is None:
            history.begin_layer(self._state())
        self.go_on(layer, history)

    def go_on(self, layer: Any, history: RegionsHistory) -> None:
        """Note further steps at a layer here."""
        self._history = self._of_layer[layer] = history

    def resume(self, history: RegionsHistory) -> None:
        """Note further steps here, whatever layer is in use."""
        self._history = history

    def return_to(self, layer: Any) -> None:
        """Go on with the steps of a layer that was in use before."""
        self._history = self._of_layer.get(layer)

    def pause(self) -> None:
        """Note no steps: no layer is in use."""
        self._history = None

    def forget(self, layer: Any) -> None:
        """Forget the steps of a layer that will not come back."""
        self._of_layer.pop(layer, None)

    def find(self, labels: NDArray[np.uint16]) -> bool:
        """Note voxels (Z, Y, X) that no step tells of; return whether they undid or redid steps."""
        state = self.history.state
        if state.labels is not None and np.array_equal(state.labels, labels):
            return False
        if self.history.find(labels):
            return True
        self.record()
        return False
