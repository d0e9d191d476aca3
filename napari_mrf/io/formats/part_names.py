"""Names of the two halves of a complex series: of files, and of arrays in one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PARTNER = {"magnitude": "phase", "phase": "magnitude", "real": "imaginary", "imaginary": "real"}
"""The other half of each part."""

NAMINGS: tuple[tuple[tuple[str, str], tuple[str, str]], ...] = (
    (("part-mag", "magnitude"), ("part-phase", "phase")),
    (("part-real", "real"), ("part-imag", "imaginary")),
    (("_mag", "magnitude"), ("_phase", "phase")),
    (("_mag", "magnitude"), ("_ph", "phase")),
    (("_magnitude", "magnitude"), ("_phase", "phase")),
    (("_real", "real"), ("_imag", "imaginary")),
    (("_real", "real"), ("_imaginary", "imaginary")),
    (("_re", "real"), ("_im", "imaginary")),
    (("", "magnitude"), ("_ph", "phase")),
)
"""Names of the two files of a pair: BIDS entities inside the name, endings behind it.

An ending may be the whole name, without its underscore: ``real`` and ``imag``."""


def renamed(stem: str, token: str, other: str) -> str | None:
    """Return the stem with the token exchanged, or None where it has no such token."""
    if token.startswith("part-"):
        entities = stem.split("_")
        lowered = [entity.lower() for entity in entities]
        if token not in lowered:
            return None
        entities[lowered.index(token)] = other
        return "_".join(entities)
    whole = f"_{stem}"
    if not whole.lower().endswith(token):
        return None
    return (whole[: len(whole) - len(token)] + other)[1:]


def array_pair(name: str, names: Iterable[str]) -> tuple[str, str] | None:
    """Return what an array is by its name, and the name of its other half in the same file.

    Parameters
    ----------
    name : str
        Of the array; groups and structs stand before a slash. ``re`` and ``scan_re`` have the
        halves ``im`` and ``scan_im``.
    names : iterable of str
        Of all arrays in the file.

    Returns
    -------
    tuple of str and str, or None
        A key of `PARTNER`, and a name; None without such a half.
    """
    home, slash, last = name.rpartition("/")
    present = {one.lower(): one for one in names}
    for naming in NAMINGS:
        for (token, part), (other, _) in (naming, naming[::-1]):
            partner = renamed(last, token, other)
            found = partner and present.get(f"{home}{slash}{partner}".lower())
            if found and found != name:
                return part, found
    return None
