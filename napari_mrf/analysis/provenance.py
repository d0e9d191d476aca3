"""Provenance of several subjects: whether their maps were made alike."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_NO_OPTIONS = ("name", "device", "engine", "exactness", "noise_colour")
"""Parts of a method's record that follow from the machine or from the series."""

_IMAGES = ("images", "rank", "magnitude_only", "averaged_spokes", "sliding_window_frames")
"""Parts of an input's record that tell the kind of images."""

MIXED = "mixed-provenance"
"""Code of the error."""

_NUMERICS = "numerics"
_MOST = 6


def how_made(provenance: Mapping[str, Any] | None) -> dict[str, str]:
    """Return what decides the values of maps, in words by what it is.

    Parameters
    ----------
    provenance : mapping or None
        Of the maps.

    Returns
    -------
    dict of str to str
        ``method``, its options one by one, the kind of images, ``sequence`` and ``numerics``
        (`NUMERICS`, absent in older records); empty where nothing is recorded.
    """
    provenance = provenance or {}
    found: dict[str, str] = {}
    method = provenance.get("method")
    if isinstance(method, dict):
        found["method"] = str(method.get("name"))
        found |= _flat("option", {k: v for k, v in method.items() if k not in _NO_OPTIONS})
        found |= _flat("option", provenance.get("conditioning") or {})
        found |= _flat("option", {"b1 given": True} if provenance.get("b1") else {})
    elif "phantom" in provenance:
        found["method"] = f"known truth of the {provenance['phantom']} phantom"
    source = provenance.get("input")
    if isinstance(source, dict):
        found |= _flat("images", {key: source[key] for key in _IMAGES if source.get(key)})
    sequence = provenance.get("sequence")
    if isinstance(sequence, dict):
        found["sequence"] = f"{sequence.get('name')} ({str(sequence.get('fingerprint'))[:8]})"
    software = provenance.get("software")
    if isinstance(software, dict) and _NUMERICS in software:
        found[_NUMERICS] = str(software[_NUMERICS])
    return found


def other_series(provenance: Mapping[str, Any] | None, sha256: str | None) -> str | None:
    """Return the series that maps were made from, where it is another one.

    Parameters
    ----------
    provenance : mapping or None
        Of the maps.
    sha256 : str or None
        Of the series that they are taken for.

    Returns
    -------
    str or None
        Its path; None where it is that series, or either sum is not known.
    """
    source = (provenance or {}).get("input")
    if not isinstance(source, dict):
        return None
    found = source.get("sha256")
    if not found or not sha256 or found == sha256:
        return None
    return str(source.get("path") or "a file that is not recorded")


def differences(provenances: Mapping[str, Mapping[str, Any] | None]) -> dict[str, dict[str, str]]:
    """Return in what the maps of subjects were made differently.

    Parameters
    ----------
    provenances : mapping
        By subject. What is not recorded of a subject contradicts nothing.

    Returns
    -------
    dict of str to dict of str to str
        By what it is, the value of each subject; empty where all were made alike.
    """
    made = {name: one for name, of in provenances.items() if (one := how_made(of))}
    found = {}
    for what in dict.fromkeys(key for one in made.values() for key in one):
        known = {name: one[what] for name, one in made.items() if what in one}
        if what != _NUMERICS:
            known = {name: one.get(what, "none") for name, one in made.items()}
        if len(set(known.values())) > 1:
            found[what] = known
    if "method" in found:  # the options of other methods are others
        found = {what: of for what, of in found.items() if not what.startswith("option")}
    return found


def check_made_alike(
    provenances: Mapping[str, Mapping[str, Any] | None],
    side: str = "",
    *,
    allow_mixed: bool = False,
) -> list[str]:
    """Refuse maps of several subjects that were not made in one way.

    Parameters
    ----------
    provenances : mapping
        By subject, of one side.
    side : str
        ``"reference"`` or ``"test"``, for the messages, where there are two.
    allow_mixed : bool
        Tell of it instead.

    Returns
    -------
    list of str
        What a user should read, such as what is not recorded.

    Raises
    ------
    MRFInputError
        ``"mixed-provenance"``, naming what differs and the subjects.
    """
    if len(provenances) < 2:
        return []
    whose = f"the {side} maps" if side else "the maps"
    found = "; ".join(
        f"{what}: {', '.join(_by_value(of))}" for what, of in differences(provenances).items()
    )
    if found and not allow_mixed:
        raise MRFInputError(
            MIXED, f"{whose} of the subjects were not made in one way",
            expected="one method with the same options, kind of images, sequence and numerics",
            found=found, hint="Make them alike, or leave subjects out. allow_mixed=True (on the "
            "command line --allow-mixed) takes them together, and the results say so.",
        )  # fmt: skip
    about = whose[0].upper() + whose[1:]
    notes = [f"{about} were made in different ways. {found}."] if found else []
    made = {name: how_made(of) for name, of in provenances.items()}
    unknown = [name for name, one in made.items() if not one]
    if unknown:
        notes.append(f"How {whose} of {_listed(unknown)} were made is not recorded, so that it "
                     "is one way for all cannot be checked.")  # fmt: skip
    older = [
        name for name, of in provenances.items()
        if isinstance((of or {}).get("method"), dict) and _NUMERICS not in made[name]
    ]  # fmt: skip
    if older:
        notes.append(f"{about} of {_listed(older)} do not record the version "
                     "of the numerics, as older files: whether it is that of the others is not "
                     "known.")  # fmt: skip
    return notes


def mixed_texts(provenances: Mapping[str, Mapping[str, Any] | None]) -> dict[str, str]:
    """Return by subject, for tables, how its maps were made as far as that differs."""
    found = differences(provenances)
    return {
        name: "; ".join(f"{what}: {of[name]}" for what, of in found.items() if name in of)
        for name in provenances
    }


def _flat(name: str, value: Any) -> dict[str, str]:
    """Return the leaves of a record by their way to them; of a prior only where it comes from."""
    if not isinstance(value, dict):
        return {name: value if isinstance(value, str) else json.dumps(value)}
    found: dict[str, str] = {}
    for key, part in value.items():
        if key in _NO_OPTIONS[1:]:
            continue
        is_prior = key == "prior" and isinstance(part, dict)
        found |= _flat(f"{name} {key}", part.get("source") if is_prior else part)
    return found


def _by_value(of: Mapping[str, str]) -> Iterator[str]:
    for value in dict.fromkeys(of.values()):
        names = _listed(name for name, one in of.items() if one == value)
        yield f"{value if len(value) < 60 else f'{value[:57]}...'} ({names})"


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(name or "(maps)" for name in names[:_MOST]) + more
