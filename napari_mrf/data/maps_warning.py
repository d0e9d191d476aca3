"""Warnings of a set of maps, as values for scripts and sentences for users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class MapsWarning:
    """One warning about maps, as in ``maps.json``.

    Parameters
    ----------
    code : str
        Short and lasting, for scripts; ``""`` in records that knew none.
    message : str
        Sentences for the user.
    causes : tuple of str
        Likely causes, the likeliest first, where they were tried.
    voxels : int or None
        How many voxels it is about; None where that is not the question.
    """

    code: str
    message: str
    causes: tuple[str, ...] = ()
    voxels: int | None = None

    def __str__(self) -> str:
        return self.message

    def as_dict(self) -> dict[str, Any]:
        """Return it in JSON-ready form, every key always there."""
        return {
            "code": self.code,
            "causes": list(self.causes),
            "message": self.message,
            "voxels": self.voxels,
        }


def warnings_from(record: Iterable[Any]) -> tuple[MapsWarning, ...]:
    """Return the warnings of a record; those of old files are sentences alone."""
    found = []
    for one in record:
        if isinstance(one, str):
            found.append(MapsWarning("", one))
        elif isinstance(one, dict) and isinstance(one.get("message"), str):
            causes, voxels = one.get("causes"), one.get("voxels")
            found.append(
                MapsWarning(
                    str(one.get("code", "")),
                    one["message"],
                    tuple(map(str, causes)) if isinstance(causes, list) else (),
                    voxels if isinstance(voxels, int) else None,
                )
            )
    return tuple(found)
