"""Steps of the user at the regions, to go back and forth.

A step is whatever was done: polygons, voxels, names, colors, another layer. napari's own undo knows
of the voxels of one layer only.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.label import Label
    from napari_mrf.rois.polygons import Outline

_MOST_STEPS = 200
_BEFORE, _AFTER = 0, 1


@dataclass(frozen=True, eq=False)
class RegionsState:
    """The regions at one moment.

    Parameters
    ----------
    layer : napari.layers.Labels or None
        That is drawn on.
    labels : ndarray or None
        Its label values, (Z, Y, X) in file order.
    outlines : tuple of Outline
        The polygons.
    table : mapping
        The label of each number.
    """

    layer: Any
    labels: NDArray[np.uint16] | None
    outlines: tuple[Outline, ...]
    table: Mapping[int, Label]


@dataclass(frozen=True, eq=False)
class _Step:
    """The difference of two states; of every pair the first is that before the step."""

    layers: tuple[Any, Any]
    voxels: NDArray[np.intp]  # flat indices, of one and the same layer
    values: tuple[NDArray[np.uint16], NDArray[np.uint16]]
    outlines: tuple[tuple[Outline, ...], tuple[Outline, ...]]
    tables: tuple[Mapping[int, Label], Mapping[int, Label]]

    def applied(self, state: RegionsState, side: int) -> RegionsState:
        layer, labels = state.layer, state.labels
        if self.layers[_BEFORE] is not self.layers[_AFTER]:
            layer, labels = self.layers[side], None  # whatever the other layer holds
        elif labels is not None and len(self.voxels):
            labels = labels.copy()
            labels.flat[self.voxels] = self.values[side]
        return RegionsState(layer, labels, self.outlines[side], self.tables[side])

    @property
    def only_draws(self) -> bool:
        return self.layers[_BEFORE] is self.layers[_AFTER] and (
            self.tables[_BEFORE] == self.tables[_AFTER]
        )


class RegionsHistory:
    """The steps that led to the present regions, and those that were undone.

    Parameters
    ----------
    state : RegionsState
        Where the steps begin.
    """

    def __init__(self, state: RegionsState) -> None:
        self.state = state
        self._done: deque[_Step] = deque(maxlen=_MOST_STEPS)
        self._undone: list[_Step] = []

    def record(self, state: RegionsState) -> None:
        """Note a step to another state; the same state is none."""
        step = _step(self.state, state)
        self.state = state
        if step is not None:
            self._done.append(step)
            self._undone.clear()

    def amend(self, **changes: Any) -> None:
        """Change the present state without a step: the user did not do it."""
        self.state = replace(self.state, **changes)

    def begin_layer(self, state: RegionsState) -> None:
        """Go on, after changes of the table, with the first layer; what was undone is gone."""
        self.state = state
        self._undone.clear()

    def undo(self) -> RegionsState | None:
        """Go one step back; return the state, None at the beginning."""
        return self._move(self._done, self._undone, _BEFORE)

    def redo(self) -> RegionsState | None:
        """Go one step forth again; return the state, None when nothing was undone."""
        return self._move(self._undone, self._done, _AFTER)

    def find(self, labels: NDArray[np.uint16]) -> bool:
        """Go to the state that napari's own undo or redo has led to.

        Parameters
        ----------
        labels : ndarray
            (Z, Y, X) in file order.

        Returns
        -------
        bool
            Whether there is one, nearby, with steps of drawing only in between.
        """
        for steps, side, move in (
            (reversed(self._done), _BEFORE, self.undo),
            (reversed(self._undone), _AFTER, self.redo),
        ):
            state = self.state
            for count, step in enumerate(steps, 1):
                if not step.only_draws:
                    break
                state = step.applied(state, side)
                if len(step.voxels) and _are_equal(state.labels, labels):
                    for _ in range(count):
                        move()
                    return True
        return False

    def _move(self, source: Any, target: Any, side: int) -> RegionsState | None:
        if not source:
            return None
        step = source.pop()
        target.append(step)
        self.state = step.applied(self.state, side)
        return self.state


def _are_equal(one: NDArray[np.uint16] | None, other: NDArray[np.uint16]) -> bool:
    return one is not None and np.array_equal(one, other)


def _step(before: RegionsState, after: RegionsState) -> _Step | None:
    is_same_layer = before.layer is after.layer
    voxels = np.empty(0, np.intp)
    values = (np.empty(0, np.uint16),) * 2
    if is_same_layer and before.labels is not None and after.labels is not None:
        voxels = np.flatnonzero(before.labels != after.labels)
        values = before.labels.flat[voxels], after.labels.flat[voxels]
    step = _Step(
        (before.layer, after.layer),
        voxels,
        values,
        (before.outlines, after.outlines),
        (before.table, after.table),
    )
    changed = len(voxels) or not step.only_draws or before.outlines != after.outlines
    return step if changed else None
