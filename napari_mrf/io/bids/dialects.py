"""Dialects of map names: what each map is called and its unit, in BIDS and in ORMIR-MIDS."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.io.bids.names import BidsName


@dataclass(frozen=True)
class Place:
    """Where a map lies in a data set, and in which unit.

    Parameters
    ----------
    folder : str
        Below that of the subject or session.
    suffix : str
        Last part of the name.
    desc : str
        Value of the entity ``desc``; none where empty.
    units : str
        ``Units`` of the sidecar that is written.
    assumed : str
        Unit of files whose sidecar says none.
    is_bids : bool
        Whether BIDS knows such a file; others go into ``.bidsignore``.
    """

    folder: str
    suffix: str
    desc: str = ""
    units: str = ""
    assumed: str = ""
    is_bids: bool = False

    def stem(self, scan: str) -> str:
        """Return the name without extension, behind the folder: ``anat/sub-01_T2map``."""
        desc = f"_desc-{self.desc}" if self.desc else ""
        return f"{self.folder}/{scan}{desc}_{self.suffix}"


def _with_companions(maps: dict[str, Place], folder: str) -> dict[str, Place]:
    """Return the places of maps, of what comes with them, and of their standard deviations."""
    places = dict(maps)
    for key in ("quality", "flags", "m0"):
        places[key] = Place(folder, key)
    for key, place in maps.items():
        suffix = f"{place.suffix.removesuffix('map')}std"
        places[f"{key}_std"] = Place(
            place.folder, suffix, place.desc, place.units, place.assumed or place.units
        )
    return places


BIDS: Mapping[str, Place] = _with_companions(
    {
        "FF": Place("anat", "FFmap", units="1"),
        "T1H2O": Place("anat", "T1map", "water", "s", "s", True),
        "T1fat": Place("anat", "T1map", "fat", "s", "s", True),
        "Df": Place("fmap", "fieldmap", "", "Hz", "Hz", True),
        "B1": Place("fmap", "TB1map", "", "arbitrary", "1", True),
        "PD": Place("anat", "PDmap", "", "arbitrary", "1", True),
        "T1": Place("anat", "T1map", "", "s", "s", True),
        "T2": Place("anat", "T2map", "", "s", "s", True),
    },
    "anat",
)
"""Names of BIDS derivatives, version 1.10; T1 and T2 are in seconds there."""

DF_ALONE = Place("anat", "Dfmap", units="Hz", assumed="Hz")
"""Off-resonance without m0: BIDS knows field maps only beside a magnitude."""

ORMIR_MIDS: Mapping[str, Place] = _with_companions(
    {
        "FF": Place("mr-quant", "FF", units="1"),
        "T1H2O": Place("mr-quant", "T1", "water", "ms", "ms"),
        "T1fat": Place("mr-quant", "T1", "fat", "ms", "ms"),
        "Df": Place("mr-quant", "B0", units="Hz", assumed="Hz"),
        "B1": Place("mr-quant", "B1", units="1"),
        "PD": Place("mr-quant", "PD", units="1"),
        "T1": Place("mr-quant", "T1", "", "ms", "ms"),
        "T2": Place("mr-quant", "T2", "", "ms", "ms"),
    },
    "mr-quant",
)
"""Names of ORMIR-MIDS, which converts maps of scanners and leaves their values as they are."""

DIALECTS = {"bids": BIDS, "ormir-mids": ORMIR_MIDS}
NAMINGS = ("plain", *DIALECTS)
"""Ways to name maps that are written."""

MAGNITUDE = Place("fmap", "magnitude", units="arbitrary", is_bids=True)
FOREGROUND = Place("anat", "mask", "fg", is_bids=True)
REGIONS = Place("anat", "dseg", "muscles", is_bids=True)
REGION_TABLE = Place("anat", "rois", "muscles")
RECORD_SUFFIX = "mrfmaps"

_FAT_FRACTION_OF_MUSCLEMAP = "fatfrac"


def key_of(name: BidsName, folder: str) -> tuple[str, Place] | None:
    """Return which map a file is, by its name and folder, and what that says about its unit.

    Parameters
    ----------
    name : BidsName
        Of the file.
    folder : str
        Name of the folder that it lies in. The short names of ORMIR-MIDS (``_T1``) mean maps in
        ``mr-quant`` only: elsewhere such files are images.
    """
    if name.suffix == _FAT_FRACTION_OF_MUSCLEMAP and not name.desc:
        return "FF", BIDS["FF"]
    if name.suffix == DF_ALONE.suffix and not name.desc:
        return "Df", DF_ALONE
    places = ORMIR_MIDS if folder == "mr-quant" else BIDS
    for key, place in places.items():
        if (place.suffix, place.desc) == (name.suffix, name.desc):
            return key, place
    return None


_FACTORS: dict[str, dict[str, float]] = {
    "ms": {"ms": 1.0, "s": 1000.0, "us": 0.001, "µs": 0.001},
    "Hz": {"Hz": 1.0, "kHz": 1000.0, "rad/s": 1.0 / (2.0 * math.pi)},
    "a.u.": {},
    "": {"1": 1.0, "fraction": 1.0, "relative": 1.0, "arbitrary": 1.0, "a.u.": 1.0,
         "percent": 0.01, "%": 0.01},
}  # fmt: skip


def factor_of(key: str, units: str) -> float | None:
    """Return what turns values of a map into its unit here, None for a unit that is not known.

    Parameters
    ----------
    key : str
        Of a map, or of its standard deviation.
    units : str
        ``Units`` of a sidecar.
    """
    parameter = PARAMETERS.get(key.removesuffix("_std"))
    if parameter is None or parameter.unit == "a.u.":
        return 1.0
    return _FACTORS[parameter.unit].get(units)


def known_units(key: str) -> tuple[str, ...]:
    """Return the units that a map can be read in."""
    return tuple(_FACTORS[PARAMETERS[key.removesuffix("_std")].unit])
