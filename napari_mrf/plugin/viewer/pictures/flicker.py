"""Two maps in turn at one place of the canvas: what differs jumps, what agrees stays still."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

from qtpy.QtCore import QObject, QTimer, Signal

from napari_mrf.plugin.layers import PARAMETER_KEY, SET_KEY, find_set
from napari_mrf.plugin.present import present
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.plugin.viewer.map_choice import map_choice_of
from napari_mrf.plugin.viewer.pictures.seen import stays_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

INTERVAL_MS = 500


class Flicker(QObject):
    """Alternates two layers of a viewer; ends with the first where anything else is shown.

    Signals
    -------
    ended
        It is over, whoever ended it.

    Parameters
    ----------
    viewer : napari viewer
        Referred to weakly.
    left, right : callable
        Return the two layers, or None, when it begins.
    owner : QWidget
        It ends with this widget.
    """

    ended = Signal()

    def __init__(
        self,
        viewer: Any,
        left: Callable[[], Any | None],
        right: Callable[[], Any | None],
        owner: QWidget,
    ) -> None:
        super().__init__(owner)
        self._viewer = ref(viewer)
        self._left, self._right = left, right
        self._pair: tuple[Any, Any] | None = None
        self._company: list[list[Any]] = [[], []]
        self._at = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._on_time)

    def begin(self) -> None:
        """Alternate from now on, or end at once where there are not two."""
        if self._take():
            self._show(1)
            self._timer.start()
        else:
            self.ended.emit()

    def hold(self) -> None:
        """Show the other map until `end`."""
        if self._pair is None and self._take():
            self._show(1)

    def end(self) -> None:
        """Show the first map again; nothing happens where no flicker was."""
        if self._pair is None:
            return
        self._timer.stop()
        if self._is_undisturbed():
            self._show(0)
        elif self._is_of_here(self._pair[0]):
            self._accompany(0)
        self._pair = None
        self.ended.emit()

    def is_on(self) -> bool:
        """Return whether two maps alternate, or the other is held."""
        return self._pair is not None

    def is_at_other(self) -> bool:
        """Return whether the second of the two is shown."""
        return self._pair is not None and self._at == 1

    def key_at_left(self) -> str:
        """Return the key of the first map while there is a flicker."""
        return "" if self._pair is None else str(self._pair[0].metadata.get(PARAMETER_KEY, ""))

    def _take(self) -> bool:
        left, right = self._left(), self._right()
        if left is None or right is None or left is right:
            return False
        self._pair, self._at = (left, right), 0
        self._company = [[one for one in present(self._viewer()).layers if stays_with(one, side)]
                         for side in (left, right)]  # fmt: skip
        return True

    def _is_undisturbed(self) -> bool:
        """Return whether what was shown last is what is seen."""
        viewer, pair = self._viewer(), self._pair
        return (
            viewer is not None
            and pair is not None
            and all(one in viewer.layers for one in pair)
            and map_choice_of(viewer).seen() == [pair[self._at]]
        )

    def _show(self, at: int) -> None:
        if self._pair is not None:
            self._at = at
            map_choice_of(self._viewer()).show_only(self._pair[at])
            self._accompany(at)

    def _accompany(self, at: int) -> None:
        """Show a map with the series, regions and pins of its own subject, never of another."""
        layers = present(self._viewer()).layers
        for layer in self._company[1 - at] + self._company[at]:
            is_shown = layer in self._company[at]
            if layer in layers and layer.visible != is_shown:
                layer.visible = is_shown

    def _is_of_here(self, layer: Any) -> bool:
        """Return whether a layer belongs to the current subject."""
        return layer in find_set(self._viewer(), layer.metadata.get(SET_KEY, "")).values()

    def _on_time(self) -> None:
        if not self._is_undisturbed():
            self.end()
            return
        # Where drawing takes long, title and color bar come first: no map is seen under another's.
        if not layer_turns_of(self._viewer()).owners:
            self._show(1 - self._at)
        self._timer.start()
