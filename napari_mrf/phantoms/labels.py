"""The labels of thigh tissues, numbered as ITK-SNAP label files of thigh studies number them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.data.label import Label
from napari_mrf.io.labels.label_table import format_label_table
from napari_mrf.rois.muscles import THIGH_LEFT_OFFSET, THIGH_SIDED, thigh_labels

if TYPE_CHECKING:
    from collections.abc import Iterable

SUBCUTANEOUS_FAT, INTERMUSCULAR_FAT, BLOOD, OTHER = 2, 3, 4, 5
LEFT_OFFSET = THIGH_LEFT_OFFSET
"""A label of the left thigh is that of the right thigh plus this number."""

MUSCLES = tuple(name for name, _, _ in THIGH_SIDED.values() if name != "FEMUR")
"""The thirteen muscles by short name, without side."""

LABELS: dict[int, tuple[str, tuple[int, int, int]]] = {
    index: (label.name, label.color)
    for index, label in thigh_labels().items()
    if SUBCUTANEOUS_FAT <= index <= max(THIGH_SIDED) + LEFT_OFFSET
}
"""Name and color (red, green, blue; 0-255) of every label that a phantom may hold."""


def label_of(name: str, side: str) -> int:
    """Return the label of a muscle or ``"FEMUR"`` on the ``"right"`` or ``"left"`` side."""
    right = next(label for label, (known, _, _) in THIGH_SIDED.items() if known == name)
    return right + (LEFT_OFFSET if side == "left" else 0)


def itk_snap_table(labels: Iterable[int]) -> str:
    """Return an ITK-SNAP label description file for these labels, the clear label first."""
    return format_label_table(
        Label(label, name=LABELS[label][0], color=LABELS[label][1]) for label in set(labels) - {0}
    )
