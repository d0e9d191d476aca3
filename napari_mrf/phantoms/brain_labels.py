"""The labels of brain tissues."""

from __future__ import annotations

CSF, GREY_MATTER, WHITE_MATTER, CAUDATE, PUTAMEN, PALLIDUM, THALAMUS = range(1, 8)
LESION, SCALP_FAT, SKIN, MUSCLE, BONE, MARROW, BLOOD = range(8, 15)

BRAIN_LABELS: dict[int, tuple[str, tuple[int, int, int]]] = {
    CSF: ("CSF", (60, 130, 220)),
    GREY_MATTER: ("Grey matter", (150, 150, 150)),
    WHITE_MATTER: ("White matter", (240, 240, 240)),
    CAUDATE: ("Caudate nucleus", (120, 200, 120)),
    PUTAMEN: ("Putamen", (230, 120, 180)),
    PALLIDUM: ("Globus pallidus", (90, 60, 160)),
    THALAMUS: ("Thalamus", (0, 140, 110)),
    LESION: ("Lesion", (220, 40, 40)),
    SCALP_FAT: ("Scalp fat", (250, 220, 110)),
    SKIN: ("Skin", (240, 180, 150)),
    MUSCLE: ("Temporal muscle", (180, 70, 60)),
    BONE: ("Cortical bone", (90, 80, 70)),
    MARROW: ("Bone marrow", (200, 170, 90)),
    BLOOD: ("Venous sinus", (120, 0, 20)),
}
"""Name and colour (red, green, blue; 0-255) of every label that a brain phantom may hold."""

DEEP_NUCLEI = (CAUDATE, PUTAMEN, PALLIDUM, THALAMUS)
