"""A combo box of reconstruction methods: matchers, then networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QStandardItemModel

from napari_mrf.plugin.kit.picker import Picker
from napari_mrf.plugin.present import present

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_mrf.reconstruction.method import MethodInfo

_GROUPS = {"matcher": "Matching", "network": "Networks"}
_WITHOUT_WEIGHTS = "Networks without weights"

FROM_FILE = "weights from a file…"
TRAIN = "Train…"
"""The last entries, and their data: no methods, but ways to get one."""


class MethodPicker(Picker):
    """A combo box of methods by kind; networks without weights tell how to get them."""

    def __init__(self) -> None:
        super().__init__("The method that computes the maps from the fingerprints")
        self._methods: dict[str, MethodInfo] = {}

    def set_methods(self, methods: Sequence[MethodInfo], current: str, scan: str = "") -> None:
        """Replace the methods without a signal and keep the current one if it exists.

        Parameters
        ----------
        methods : sequence of MethodInfo
            In the order in which they are offered.
        current : str
            The one to pick.
        scan : str
            The kind of images whose measured errors order them.
        """
        self._methods = {info.name: info for info in methods}
        self.blockSignals(True)
        self.clear()
        ready = [info for info in methods if not info.needs]
        kinds = {info.kind for info in ready}
        for kind, heading in _GROUPS.items():
            of_kind = [info for info in ready if info.kind == kind]
            if sum(scan in info.in_vivo for info in of_kind) > 1:
                heading += f", best first ({scan})"
            self._add(of_kind, heading if len(kinds) > 1 else "")
        self._add([info for info in methods if info.needs], _WITHOUT_WEIGHTS)
        if methods:
            self.addItem(FROM_FILE, FROM_FILE)
            self.setItemData(self.count() - 1, "A network that you trained, by its card (.json)",
                             Qt.ItemDataRole.ToolTipRole)  # fmt: skip
            self.addItem(TRAIN, TRAIN)
            self.setItemData(self.count() - 1, "Train a network by a recipe, or on this series",
                             Qt.ItemDataRole.ToolTipRole)  # fmt: skip
        else:
            self.addItem("none yet", None)
        index = self.findData(current) if current else -1
        self.setCurrentIndex(index if index >= 0 else self._first())
        self.setEnabled(bool(methods))
        self.blockSignals(False)

    def info(self) -> MethodInfo | None:
        """Return the description of the chosen method."""
        return self._methods.get(self.currentData() or "")

    def _first(self) -> int:
        """Return the first entry that is no heading."""
        return next((at for at in range(self.count()) if self.itemData(at) is not None), 0)

    def _add(self, methods: Sequence[MethodInfo], heading: str) -> None:
        if not methods:
            return
        if heading:
            self.addItem(heading, None)
            entries = self.model()
            if isinstance(entries, QStandardItemModel):  # as it is unless another one is set
                present(entries.item(self.count() - 1)).setEnabled(False)
        for info in methods:
            words = " · ".join([info.title, *info.remarks])
            self.addItem(f"{info.shown_name} — {words}", info.name)
            at = self.count() - 1
            self.setItemData(at, f"{words}\n{about(info)}", Qt.ItemDataRole.ToolTipRole)


def about(info: MethodInfo) -> str:
    """Return the source, and what is known of a network beside its remarks, a line each."""
    return "\n".join([info.paper, *(f"{one[0].upper()}{one[1:]}" for one in info.details)])


def in_short(info: MethodInfo) -> str:
    """Return the source, the remarks, and the test error: what a narrow panel has room for."""
    tested = info.details[:1] if info.kind == "network" else ()
    lines = [info.paper, *info.remarks, *tested]
    return "\n".join(f"{line[0].upper()}{line[1:]}" for line in lines if line)
