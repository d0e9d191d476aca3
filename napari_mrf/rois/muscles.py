"""The muscles of thigh and leg: number, short name, color and full name, on both sides.

The thigh is numbered and colored as ITK-SNAP label files of thigh studies do it (1-39), but for
the vastus lateralis, whose dark green is hard to see on gray. There is no such habit for the leg;
its numbers begin at 51, so that both fit into one file.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_mrf.data.label import Label
from napari_mrf.rois.brain_tissues import BRAIN_TISSUES, brain_labels

Color = tuple[int, int, int]

THIGH_LEFT_OFFSET = 14
"""A label of the left thigh is that of the right thigh plus this number."""

LEG_LEFT_OFFSET = 20
"""A label of the left leg is that of the right leg plus this number."""

FIRST_OWN_LABEL = 101
"""Labels that a user adds are numbered from here."""

THIGH_TISSUES: dict[int, tuple[str, Color, str]] = {
    1: ("NOISE", (250, 255, 228), "Noise, outside the body"),
    2: ("S_FAT", (237, 243, 0), "Subcutaneous fat"),
    3: ("I_FAT", (251, 255, 124), "Intermuscular fat"),
    4: ("BLOOD", (255, 0, 6), "Blood vessels"),
    5: ("OTHER", (245, 235, 255), "Other tissue"),
}
THIGH_SIDED: dict[int, tuple[str, Color, str]] = {
    6: ("FEMUR", (215, 119, 121), "Femur"),
    7: ("VL", (0, 170, 0), "Vastus lateralis"),
    8: ("VI", (0, 255, 37), "Vastus intermedius"),
    9: ("VM", (0, 255, 146), "Vastus medialis"),
    10: ("RF", (156, 0, 9), "Rectus femoris"),
    11: ("SAR", (146, 0, 210), "Sartorius"),
    12: ("GRA", (205, 0, 153), "Gracilis"),
    13: ("SM", (0, 214, 255), "Semimembranosus"),
    14: ("ST", (27, 81, 224), "Semitendinosus"),
    15: ("BF", (255, 0, 2), "Biceps femoris, long head"),
    16: ("BF_SH", (255, 163, 0), "Biceps femoris, short head"),
    17: ("AM", (223, 255, 0), "Adductor magnus"),
    18: ("AL", (154, 124, 221), "Adductor longus"),
    19: ("AB", (255, 200, 111), "Adductor brevis"),
}
_LEFT_FEMUR_COLOR = (222, 184, 135)
_THIGH_GROUPS: dict[int, tuple[str, Color, str]] = {
    34: ("QUAD_R", (255, 0, 174), "Quadriceps, right"),
    35: ("HSTR_R", (255, 106, 0), "Hamstrings, right"),
    36: ("QUAD_L", (161, 0, 110), "Quadriceps, left"),
    37: ("HSTR_L", (200, 80, 0), "Hamstrings, left"),
    38: ("THIGH_all_R", (192, 0, 0), "Whole thigh, right"),
    39: ("THIGH_all_L", (192, 0, 0), "Whole thigh, left"),
}
LEG_SIDED: dict[int, tuple[str, Color, str]] = {
    51: ("TIBIA", (215, 160, 121), "Tibia"),
    52: ("FIBULA", (190, 140, 150), "Fibula"),
    53: ("TA", (230, 25, 75), "Tibialis anterior"),
    54: ("EDL", (60, 180, 75), "Extensor digitorum longus"),
    55: ("EHL", (170, 255, 195), "Extensor hallucis longus"),
    56: ("PL", (0, 130, 200), "Peroneus (fibularis) longus"),
    57: ("PB", (70, 240, 240), "Peroneus (fibularis) brevis"),
    58: ("TP", (245, 130, 48), "Tibialis posterior"),
    59: ("FDL", (240, 50, 230), "Flexor digitorum longus"),
    60: ("FHL", (210, 245, 60), "Flexor hallucis longus"),
    61: ("SOL", (145, 30, 180), "Soleus"),
    62: ("GM", (255, 225, 25), "Gastrocnemius, medial head"),
    63: ("GL", (0, 128, 128), "Gastrocnemius, lateral head"),
    64: ("POP", (220, 190, 255), "Popliteus"),
}
_SIDES = {"R": "right", "L": "left"}
_FULL_NAMES = {name: full for name, _, full in (*THIGH_SIDED.values(), *LEG_SIDED.values())}
_LEG_NAMES = {name for name, _, _ in LEG_SIDED.values()}
_WHOLE_NAMES = {name: full for name, _, full in (*THIGH_TISSUES.values(), *_THIGH_GROUPS.values())}

SETS = ("thigh", "leg", "brain", "own")
"""The sets of labels: three that are built in, and the labels of the user."""


@dataclass(frozen=True)
class Meaning:
    """Meaning of the name of a label.

    Parameters
    ----------
    set_name : str
        One of `SETS`.
    side : str
        ``"right"``, ``"left"`` or empty.
    full_name : str
        ``"Vastus lateralis, right"``; empty for a name that is not known or is the full one.
    """

    set_name: str
    side: str = ""
    full_name: str = ""

    @property
    def group(self) -> str:
        """Set and side as a heading: ``"Thigh, right"``."""
        name = "Own" if self.set_name == "own" else self.set_name.capitalize()
        return f"{name}, {self.side}" if self.side else name


def meaning_of(name: str) -> Meaning:
    """Return set, side and full name of a label by its name, such as ``"VL_R"``."""
    stem, _, side_letter = name.rpartition("_")
    side = _SIDES.get(side_letter, "")
    if name in _WHOLE_NAMES:
        return Meaning("thigh", side, _WHOLE_NAMES[name])
    if side and stem in _FULL_NAMES:
        set_name = "leg" if stem in _LEG_NAMES else "thigh"
        return Meaning(set_name, side, f"{_FULL_NAMES[stem]}, {side}")
    if name in BRAIN_TISSUES:
        return Meaning("brain")
    return Meaning("own", side)


def thigh_labels() -> dict[int, Label]:
    """Return the labels of the thigh by number: tissues, muscles on both sides, muscle groups."""
    labels = _labels(THIGH_TISSUES) | _both_sides(THIGH_SIDED, THIGH_LEFT_OFFSET)
    left_femur = 6 + THIGH_LEFT_OFFSET
    labels[left_femur] = Label(left_femur, "FEMUR_L", _LEFT_FEMUR_COLOR)
    return labels | _labels(_THIGH_GROUPS)


def leg_labels() -> dict[int, Label]:
    """Return the labels of the leg by number, both sides."""
    return _both_sides(LEG_SIDED, LEG_LEFT_OFFSET)


def default_labels() -> dict[int, Label]:
    """Return the labels of thigh, leg and brain by number."""
    return thigh_labels() | leg_labels() | brain_labels()


def _labels(entries: dict[int, tuple[str, Color, str]]) -> dict[int, Label]:
    return {index: Label(index, name, color) for index, (name, color, _) in entries.items()}


def _both_sides(entries: dict[int, tuple[str, Color, str]], offset: int) -> dict[int, Label]:
    right = {index: Label(index, f"{name}_R", color) for index, (name, color, _) in entries.items()}
    left = {
        index + offset: Label(index + offset, f"{name}_L", color)
        for index, (name, color, _) in entries.items()
    }
    return right | left
