"""Raw files of other vendors: recognized, and refused with the way to a file that is read.

Most of them have no first bytes of their own; they are told by their names and by what lies beside
them. Apart from the reader, since a format is one file and one line in its table.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from pathlib import Path

    from napari_mrf.io.raw.options import RawOptions

_CONVERTERS = {
    "GE": "ge_to_ismrmrd",
    "Philips": "philips_to_ismrmrd",
    "Bruker": "bruker_to_ismrmrd",
}


def matches(head: bytes, path: Path) -> bool:
    """Return whether this is a raw file of a vendor whose files are not read."""
    return _vendor(path) is not None


def read(path: Path, options: RawOptions) -> NoReturn:
    """Refuse the file, naming the converter.

    Raises
    ------
    MRFInputError
        ``"vendor-format"``.
    """
    vendor = str(_vendor(path))
    raise MRFInputError(
        "vendor-format", f"this is a raw file of {vendor}, which is not read", path=path,
        expected="ISMRMRD",
        hint=f"Convert it with {_CONVERTERS[vendor]} (github.com/ismrmrd), and open the .h5 file.",
    )  # fmt: skip


def _vendor(path: Path) -> str | None:
    name = path.name.lower()
    if re.fullmatch(r"p\d{5}\.7.*", name) or name.startswith("scanarchive"):
        return "GE"

    def beside(*names: str) -> bool:
        return any((path.parent / one).is_file() for one in names)

    stem = path.stem
    if path.suffix.lower() in (".raw", ".lab", ".sin") and beside(
        *(f"{stem}{end}" for end in (".lab", ".LAB", ".sin", ".SIN") if end != path.suffix)
    ):
        return "Philips"
    if (
        path.suffix.lower() in (".data", ".list")
        and beside(f"{stem}.data")
        and beside(f"{stem}.list")
    ):
        return "Philips"
    if (name in ("fid", "ser") or name.startswith("rawdata.job")) and beside("acqp", "method"):
        return "Bruker"
    return None
