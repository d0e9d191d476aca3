"""Two real files that make one complex series: magnitude and phase, real and imaginary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.part_names import NAMINGS, PARTNER, renamed
from napari_mrf.io.formats.registry import stem_of, suffix_of

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Pair:
    """A file and its other half.

    Parameters
    ----------
    part : str
        What the file is, a key of `PARTNER`.
    partner : Path
        The other half.
    """

    part: str
    partner: Path


def find_pair(path: Path, layout: str | None, partner_name: str | None) -> Pair | None:
    """Return the pair that a real file belongs to, by its sidecar or by its name.

    Parameters
    ----------
    path : Path
        A file of real numbers.
    layout : str or None
        ``ComplexLayout`` of the sidecar.
    partner_name : str or None
        ``Partner`` of the sidecar: a name in the same folder.

    Returns
    -------
    Pair or None
        None where nothing says that the file is half of a pair.

    Raises
    ------
    MRFInputError
        ``"partner-missing"`` with the names that were looked for; ``"security-path"`` for a
        partner outside the folder.
    """
    if partner_name is not None:
        if partner_name in ("", ".", "..") or set("\\/:") & set(partner_name):
            raise MRFInputError("security-path", "the sidecar names a partner outside its folder",
                                path=path, expected="a file name", found=repr(partner_name)
                                )  # fmt: skip
        part = layout if layout in PARTNER else part_by_name(path)
        if part is None:
            raise MRFInputError("bad-sidecar", "the sidecar names a partner but not which "
                                "part this file is", path=path,
                                expected="ComplexLayout magnitude, phase, "
                                "real or imaginary", found=repr(layout))  # fmt: skip
        partner = path.with_name(partner_name)
        if not partner.is_file():
            raise _missing(path, part, [partner_name])
        return Pair(part, partner)
    return _find_by_name(path, layout)


def _find_by_name(path: Path, layout: str | None) -> Pair | None:
    present = {file.name.lower(): file for file in path.parent.iterdir()}
    stem = stem_of(path)
    suffixes = dict.fromkeys([suffix_of(path), ".nii.gz", ".nii"])
    looked_for: list[str] = []
    part = layout if layout in PARTNER else None
    for naming in NAMINGS:
        for (token, own_part), (other_token, _) in (naming, naming[::-1]):
            other_stem = renamed(stem, token, other_token)
            if other_stem is None or part not in (None, own_part):
                continue
            names = [f"{other_stem}{suffix}" for suffix in suffixes]
            for name in names:
                if name.lower() in present and name.lower() != path.name.lower():
                    return Pair(own_part, present[name.lower()])
            if token:
                part = own_part
                looked_for.append(names[0])
    if part is None:
        return None
    raise _missing(path, part, looked_for)


def part_by_name(path: Path) -> str | None:
    """Return what a file is by its name alone, a key of `PARTNER`, or None."""
    for naming in NAMINGS:
        for token, part in naming:
            if token and renamed(stem_of(path), token, token) is not None:
                return part
    return None


def _missing(path: Path, part: str, names: list[str]) -> MRFInputError:
    return MRFInputError("partner-missing", f"the {PARTNER[part]} image of the {part} image "
                         "is missing", path=path, expected=" or ".join(names) or None,
                         found="no such file",
                         hint="Put it into the same folder, or name it as Partner in the "
                              "sidecar.")  # fmt: skip
