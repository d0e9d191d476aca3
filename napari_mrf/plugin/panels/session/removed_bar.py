"""The message of a dock that offers to undo the removal of layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.notice import Notice
from napari_mrf.plugin.viewer.removed_layers import removed_layers_of

if TYPE_CHECKING:
    from napari.components import ViewerModel


class RemovedBar(QWidget):
    """Says which layers the user removed last, with *Undo*; hidden while there are none.

    Parameters
    ----------
    viewer : napari viewer
        With the layers.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self.removed = removed_layers_of(viewer)
        self.notice = Notice()
        undo = self.notice.cure_button
        undo.setToolTip("Bring the layers back, with all that went with them")
        self.dismiss_button = QPushButton("Dismiss")
        self.dismiss_button.setToolTip("Let them go for good and free their memory")
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(undo)
        row.addWidget(self.dismiss_button)
        row.addStretch(1)
        self.notice.add_row(row)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.notice)
        self.notice.cure_requested.connect(self.removed.undo)
        self.dismiss_button.clicked.connect(self.removed.dismiss)
        self.bond = Bond(self)
        self.bond.connect(self.removed.changed, self._show)
        self._show(self.removed.sentence)

    def _show(self, sentence: str) -> None:
        if sentence:
            self.notice.say(sentence, kind="note", cure="Undo")
        else:
            self.notice.clear()
        self.setVisible(bool(sentence))
