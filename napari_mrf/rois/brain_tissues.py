"""The tissues of the brain: number, name and color. There is no habit for them to follow.

Their numbers lie between those of the leg and those that a user adds, so that all fit into one
file.
"""

from __future__ import annotations

from napari_mrf.data.label import Label

FIRST_BRAIN_LABEL = 85

BRAIN_TISSUES: dict[str, tuple[int, int, int]] = {
    "CSF": (60, 130, 220),
    "Grey matter": (150, 150, 150),
    "White matter": (240, 240, 240),
    "Caudate nucleus": (120, 200, 120),
    "Putamen": (230, 120, 180),
    "Globus pallidus": (90, 60, 160),
    "Thalamus": (0, 140, 110),
    "Lesion": (220, 40, 40),
    "Scalp fat": (250, 220, 110),
    "Skin": (240, 180, 150),
    "Temporal muscle": (180, 70, 60),
    "Cortical bone": (90, 80, 70),
    "Bone marrow": (200, 170, 90),
    "Venous sinus": (120, 0, 20),
}
"""Color (red, green, blue; 0-255) by name."""


def brain_labels() -> dict[int, Label]:
    """Return the labels of the brain by number."""
    return {
        index: Label(index, name, color)
        for index, (name, color) in enumerate(BRAIN_TISSUES.items(), FIRST_BRAIN_LABEL)
    }
