"""The labels of thigh tissues, numbered as ITK-SNAP label files of thigh studies number them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.io.label_table import Label, format_label_table

if TYPE_CHECKING:
    from collections.abc import Iterable

SUBCUTANEOUS_FAT, INTERMUSCULAR_FAT, BLOOD, OTHER = 2, 3, 4, 5
_TISSUES = {
    SUBCUTANEOUS_FAT: ("S_FAT", (237, 243, 0)),
    INTERMUSCULAR_FAT: ("I_FAT", (251, 255, 124)),
    BLOOD: ("BLOOD", (255, 0, 6)),
    OTHER: ("OTHER", (245, 235, 255)),
}
_SIDED = {
    6: ("FEMUR", (215, 119, 121)),
    7: ("VL", (32, 103, 0)),
    8: ("VI", (0, 255, 37)),
    9: ("VM", (0, 255, 146)),
    10: ("RF", (156, 0, 9)),
    11: ("SAR", (146, 0, 210)),
    12: ("GRA", (205, 0, 153)),
    13: ("SM", (0, 214, 255)),
    14: ("ST", (27, 81, 224)),
    15: ("BF", (255, 0, 2)),
    16: ("BF_SH", (255, 163, 0)),
    17: ("AM", (223, 255, 0)),
    18: ("AL", (154, 124, 221)),
    19: ("AB", (255, 200, 111)),
}
LEFT_OFFSET = 14
"""A label of the left thigh is that of the right thigh plus this number."""

MUSCLES = tuple(name for name, _ in _SIDED.values() if name != "FEMUR")
"""The thirteen muscles by short name, without side."""

LABELS: dict[int, tuple[str, tuple[int, int, int]]] = {
    **_TISSUES,
    **{label: (f"{name}_R", color) for label, (name, color) in _SIDED.items()},
    **{label + LEFT_OFFSET: (f"{name}_L", color) for label, (name, color) in _SIDED.items()},
}
LABELS[6 + LEFT_OFFSET] = ("FEMUR_L", (222, 184, 135))
"""Name and colour (red, green, blue; 0-255) of every label that a phantom may hold."""


def label_of(name: str, side: str) -> int:
    """Return the label of a muscle or ``"FEMUR"`` on the ``"right"`` or ``"left"`` side."""
    right = next(label for label, (known, _) in _SIDED.items() if known == name)
    return right + (LEFT_OFFSET if side == "left" else 0)


def itk_snap_table(labels: Iterable[int]) -> str:
    """Return an ITK-SNAP label description file for these labels, the clear label first."""
    return format_label_table(
        Label(label, name=LABELS[label][0], color=LABELS[label][1]) for label in set(labels) - {0}
    )
