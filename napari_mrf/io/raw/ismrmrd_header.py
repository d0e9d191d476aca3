"""The XML header of an ISMRMRD file: encodings and field strength, and nothing on persons."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from pathlib import Path

_MOST_VOXELS = 4096


@dataclass(frozen=True)
class Space:
    """Matrix and field of view, as (x, y, z)."""

    matrix: tuple[int, int, int]
    field_of_view_mm: tuple[float, float, float]


@dataclass(frozen=True)
class Encoding:
    """One encoding of the header.

    Parameters
    ----------
    encoded, recon : Space
        What was measured, and what images should be.
    limits : tuple of int or None
        Least and largest ``kspace_encoding_step_1``.
    center_line : int or None
        The one at the center of k-space.
    trajectory : str
        ``"cartesian"``, ``"radial"``, ``"spiral"``, …
    """

    encoded: Space
    recon: Space
    limits: tuple[int, int] | None
    center_line: int | None
    trajectory: str


@dataclass(frozen=True)
class Header:
    """What is used of a header."""

    encodings: tuple[Encoding, ...]
    field_strength_t: float | None


def parse_header(text: bytes, path: Path) -> Header:
    """Read a header.

    Raises
    ------
    MRFInputError
        ``"security-xml"`` for entities, ``"bad-header"``.
    """
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise MRFInputError("security-xml", "the XML header declares entities", path=path,
                            hint="Take the DOCTYPE out of the header.")  # fmt: skip
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - no entities, see above
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise _bad("the XML header cannot be read", path, found=str(error)[:200]) from None
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    encodings = tuple(_encoding(one, path) for one in root.findall("encoding"))
    if not encodings:
        raise _bad("the XML header has no encoding", path)
    tesla = _float(root.findtext("acquisitionSystemInformation/systemFieldStrength_T"))
    return Header(encodings, tesla if 0 < tesla < 100 else None)


def _encoding(element: ElementTree.Element, path: Path) -> Encoding:
    limits = element.find("encodingLimits/kspace_encoding_step_1")
    least, most, center = (
        _whole(None if limits is None else limits.findtext(name))
        for name in ("minimum", "maximum", "center")
    )
    return Encoding(
        encoded=_space(element.find("encodedSpace"), "encodedSpace", path),
        recon=_space(element.find("reconSpace"), "reconSpace", path),
        limits=None if least is None or most is None or not 0 <= least < most <= 0xFFFF
        else (least, most),
        center_line=center,
        trajectory=(element.findtext("trajectory") or "other").strip().lower(),
    )  # fmt: skip


def _space(element: ElementTree.Element | None, name: str, path: Path) -> Space:
    def triple(kind: str) -> list[str]:
        return [
            "" if element is None else element.findtext(f"{kind}/{axis}") or "" for axis in "xyz"
        ]

    matrix = [_whole(text) for text in triple("matrixSize")]
    view = [_float(text) for text in triple("fieldOfView_mm")]
    if any(n is None or not 1 <= n <= _MOST_VOXELS for n in matrix):
        raise _bad(f"the matrix of {name} is missing or impossible", path, found=matrix)
    if any(not 0 <= size < 1e5 for size in view):
        raise _bad(f"the field of view of {name} is missing or impossible", path, found=view)
    return Space(tuple(matrix), tuple(view))  # type: ignore[arg-type]


def _whole(text: str | None) -> int | None:
    try:
        return int(str(text)[:20])
    except ValueError:
        return None


def _float(text: str | None) -> float:
    try:
        value = float(str(text)[:40])
    except ValueError:
        return math.nan
    return value


def _bad(what: str, path: Path, **details: object) -> MRFInputError:
    return MRFInputError("bad-header", what, path=path, **details)  # type: ignore[arg-type]
