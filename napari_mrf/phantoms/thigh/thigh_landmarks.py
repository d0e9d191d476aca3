"""Where muscles, bone and vessels lie in a thigh, in mm."""

from __future__ import annotations

from napari_mrf.phantoms.labels import (
    BLOOD,
    OTHER,
)

# Discs of each muscle in a mean thigh: (x, y, radius) in mm from the center of the muscles.
DISCS: dict[str, tuple[tuple[float, float, float], ...]] = {
    "VL": (
        (-49, -33, 10),
        (-56, -25, 11),
        (-60, -15, 12),
        (-62, -3, 12),
        (-60, 9, 12),
        (-54, 19, 11),
        (-46, 28, 8),
        (-40, 34, 5),
    ),
    "VI": (
        (-40, 2, 7),
        (-42, -6, 8),
        (-43, -14, 9),
        (-40, -22, 9),
        (-33, -28, 9),
        (-21, -30, 9),
        (-9, -26, 7),
    ),
    "VM": ((4, -37, 9), (11, -29, 11), (9, -19, 8), (2, -11, 5)),
    "RF": ((-38, -42, 7), (-31, -43, 10), (-23, -44, 10), (-15, -43, 7)),
    "SAR": ((27, -24, 4), (32, -20, 5), (37, -14, 4)),
    "GRA": ((54, 13, 9), (53, 8, 7)),
    "SM": ((39, 35, 10), (30, 43, 9)),
    "ST": ((10, 43, 12), (15, 35, 9)),
    "BF": ((-15, 39, 13), (-21, 29, 10)),
    "BF_SH": ((-36, 18, 7), (-28, 13, 7), (-21, 8, 4)),
    "AM": ((8, 18, 8), (23, 17, 11), (35, 17, 10), (38, 7, 7)),
    "AL": ((20, -3, 8), (28, -4, 7)),
    "AB": ((6, 3, 6), (-3, 8, 5)),
}


COMPARTMENTS = (("VL", "VI", "VM", "RF"), ("SAR",), ("GRA", "AM", "AL", "AB"),
                 ("SM", "ST", "BF", "BF_SH"))  # fmt: skip


FEMUR_MM = (-21.0, -15.0)


# Vessels and the sciatic nerve: x, y, half-widths along x and y, fat around them, label.
INCLUSIONS = (
    (13.0, -14.0, 3.6, 3.6, 1.3, BLOOD),
    (17.0, -9.0, 4.3, 3.6, 1.3, BLOOD),
    (-4.0, 1.0, 2.2, 1.8, 2.0, BLOOD),
    (-4.0, 24.0, 4.5, 2.6, 2.6, OTHER),
)


SKIN_MM = 1.8


WIDEST_MM = 172.0
