"""Choice of regions by name or number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_MOST_NAMES = 30


def chosen_labels(
    asked: Iterable[str], names: Mapping[int, str], path: Path | None = None
) -> list[int]:
    """Return the numbers of the regions that are asked for, each once.

    Parameters
    ----------
    asked : iterable of str
        Names, in any case where that is plain, or numbers.
    names : mapping of int to str
        Every region that there is.
    path : Path, optional
        Of the label map, for the message.

    Raises
    ------
    MRFInputError
        ``"bad-region"`` for a region that is not there or a name of several.
    """
    return list(dict.fromkeys(_label(one, names, path) for one in asked))


def _label(asked: str, names: Mapping[int, str], path: Path | None) -> int:
    if asked.isascii() and asked.isdigit() and int(asked) in names:
        return int(asked)
    exact = [label for label, name in names.items() if name == asked]
    found = exact or [label for label, name in names.items() if name.lower() == asked.lower()]
    if len(found) == 1:
        return found[0]
    if found:
        raise MRFInputError("bad-region", f"several regions have the name {asked!r}", path=path,
                            found=f"numbers {', '.join(map(str, found))}",
                            hint="Use the number of the region instead.")  # fmt: skip
    known = [f"{label} {name}" for label, name in names.items()]
    more = ", ..." if len(known) > _MOST_NAMES else ""
    raise MRFInputError("bad-region", f"there is no region {asked!r}", path=path,
                        expected="one of " + ", ".join(known[:_MOST_NAMES]) + more
                        )  # fmt: skip
