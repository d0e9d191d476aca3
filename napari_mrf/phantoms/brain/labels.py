"""The labels of brain tissues in phantoms, numbered from 1."""

from __future__ import annotations

from napari_mrf.rois.brain_tissues import BRAIN_TISSUES

CSF, GREY_MATTER, WHITE_MATTER, CAUDATE, PUTAMEN, PALLIDUM, THALAMUS = range(1, 8)
LESION, SCALP_FAT, SKIN, MUSCLE, BONE, MARROW, BLOOD = range(8, 15)

BRAIN_LABELS: dict[int, tuple[str, tuple[int, int, int]]] = dict(
    enumerate(BRAIN_TISSUES.items(), CSF)
)
"""Name and color (red, green, blue; 0-255) of every label that a brain phantom may hold."""

DEEP_NUCLEI = (CAUDATE, PUTAMEN, PALLIDUM, THALAMUS)
