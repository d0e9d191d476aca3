"""Plans of regions of the body: where muscles, bones and organs of a mean section lie.

Lengths are in mm from the middle of the section, x to the patient's left, y to the back, as of
the thigh. The plans are drawn by hand after what axial sections of anatomy books show; sizes are
those of adults, and none is exact: they are for the question whether a method has learned the
thigh or muscles.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from napari_mrf.phantoms.labels import BLOOD, INTERMUSCULAR_FAT, OTHER

AIR = 0
"""Label of organs that give no signal, as outside of the body."""

Disc = tuple[float, float, float]
Ellipse = tuple[float, float, float, float]
Organ = tuple[float, float, float, float, int]


@dataclass(frozen=True)
class RegionPlan:
    """A mean section.

    Parameters
    ----------
    half_widths_mm : (float, float)
        Of the muscles and what they surround, along x and y.
    fat_mm : (float, float)
        Least and largest thickness of the fat under the skin, of different people.
    muscles : dict of str to tuple of (x, y, radius)
        Discs by name: a point belongs to the muscle whose disc is nearest.
    organs : tuple of (x, y, half-width along x, along y, label)
        Over the muscles, in this order: fat, vessels, organs, air.
    bones : tuple of (x, y, half-width along x, along y)
        Over the organs: cortex, and marrow within.
    """

    half_widths_mm: tuple[float, float]
    fat_mm: tuple[float, float]
    muscles: dict[str, tuple[Disc, ...]]
    organs: tuple[Organ, ...] = ()
    bones: tuple[Ellipse, ...] = field(default=())


def both_sides(muscles: dict[str, tuple[Disc, ...]]) -> dict[str, tuple[Disc, ...]]:
    """Return muscles of the right side (negative x) and their mirror images, with their side."""
    right = {f"{name}, right": discs for name, discs in muscles.items()}
    left = {
        f"{name}, left": tuple((-x, y, radius) for x, y, radius in discs)
        for name, discs in muscles.items()
    }
    return right | left


SHOULDER = RegionPlan(
    half_widths_mm=(98.0, 76.0),
    fat_mm=(6.0, 14.0),
    muscles={
        "Deltoid": (
            (-48, -52, 10),
            (-64, -42, 12),
            (-78, -26, 12),
            (-86, -8, 11),
            (-86, 10, 11),
            (-77, 28, 12),
            (-62, 44, 11),
            (-45, 54, 9),
        ),
        "Subscapularis": ((-26, 10, 7), (-12, 17, 8), (6, 24, 9), (24, 32, 8)),
        "Infraspinatus": ((-34, 42, 8), (-16, 48, 10), (4, 54, 11), (24, 58, 9)),
        "Teres minor": ((-47, 36, 7),),
        "Pectoralis major": ((-30, -54, 8), (-12, -60, 9), (8, -62, 10), (30, -60, 10)),
        "Pectoralis minor": ((-8, -42, 6), (10, -44, 7), (28, -43, 6)),
        "Coracobrachialis": ((-28, -34, 7),),
        "Serratus anterior": ((18, 14, 5), (34, 18, 6), (48, 26, 5)),
        "Trapezius": ((46, 62, 7), (64, 54, 7)),
        "Rhomboid": ((48, 46, 6), (64, 40, 5)),
    },
    organs=(
        (2.0, -22.0, 24.0, 14.0, INTERMUSCULAR_FAT),  # the armpit
        (-2.0, -24.0, 4.2, 3.8, BLOOD),
        (8.0, -20.0, 4.8, 4.0, BLOOD),
        (2.0, -14.0, 5.0, 2.6, OTHER),  # brachial plexus
        (66.0, -8.0, 30.0, 34.0, OTHER),  # chest wall
        (70.0, -8.0, 25.0, 29.0, AIR),  # lung
    ),
    bones=(
        (-54.0, -4.0, 24.0, 23.0),  # head of the humerus
        (-25.0, -3.0, 5.5, 13.0),  # glenoid
        (2.0, 38.0, 26.0, 3.2),  # scapula
        (43.0, -24.0, 3.6, 8.0),  # ribs
        (42.0, 8.0, 3.4, 8.0),
    ),
)


PELVIS = RegionPlan(
    half_widths_mm=(166.0, 102.0),
    fat_mm=(10.0, 26.0),
    muscles=both_sides(
        {
            "Gluteus maximus": (
                (-34, 84, 9), (-52, 78, 14), (-74, 68, 16), (-96, 56, 15), (-114, 42, 11),
            ),
            "Gluteus medius": ((-140, 6, 9), (-142, -10, 9), (-134, 22, 8)),
            "Gluteus minimus": ((-126, -12, 7), (-122, -24, 6)),
            "Tensor fasciae latae": ((-126, -46, 10), (-118, -56, 8)),
            "Sartorius": ((-94, -72, 8),),
            "Rectus femoris": ((-106, -52, 9),),
            "Iliopsoas": ((-84, -46, 12), (-74, -40, 10)),
            "Pectineus": ((-56, -54, 10), (-46, -56, 8)),
            "Obturator internus": ((-50, -12, 6), (-48, 4, 7), (-50, 20, 7)),
            "Gemellus": ((-74, 34, 7), (-90, 30, 6)),
        }
    ),
    organs=(
        (0.0, 8.0, 42.0, 52.0, INTERMUSCULAR_FAT),
        (0.0, -78.0, 30.0, 16.0, INTERMUSCULAR_FAT),
        (0.0, -18.0, 28.0, 20.0, BLOOD),  # bladder: long water T1, as blood
        (0.0, 34.0, 15.0, 13.0, OTHER),  # rectum
        (-70.0, -62.0, 5.0, 4.6, BLOOD), (-60.0, -66.0, 5.6, 5.0, BLOOD),
        (70.0, -62.0, 5.0, 4.6, BLOOD), (60.0, -66.0, 5.6, 5.0, BLOOD),
        (-76.0, 48.0, 6.0, 3.6, OTHER), (76.0, 48.0, 6.0, 3.6, OTHER),  # sciatic nerves
    ),
    bones=(
        (-86.0, -10.0, 24.0, 24.0), (86.0, -10.0, 24.0, 24.0),  # heads of the femora
        (-116.0, 10.0, 9.0, 13.0), (116.0, 10.0, 9.0, 13.0),  # greater trochanters
        (-66.0, 20.0, 9.0, 13.0), (66.0, 20.0, 9.0, 13.0),  # ischia
        (-30.0, -50.0, 15.0, 6.5), (30.0, -50.0, 15.0, 6.5),  # pubic bones
        (0.0, 66.0, 12.0, 5.0),  # coccyx
    ),
)  # fmt: skip

PLANS = {"shoulder": SHOULDER, "pelvis": PELVIS}
