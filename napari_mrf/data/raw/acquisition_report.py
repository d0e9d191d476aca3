"""The acquisition report: what a raw file held, and what was made of it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

_TITLES = {"found": "Found", "taken": "Taken", "left_out": "Left out", "assumed": "Assumed"}


def counted(n: int, what: str) -> str:
    """Return a number of things in words: ``"1 slice"``, ``"2 slices"``."""
    return f"{n} {what}{'' if n == 1 else 's'}"


@dataclass
class AcquisitionReport:
    """Short sentences with numbers on a raw file; for a panel, a terminal and the provenance.

    Nothing of it names a person, a site or a device: readers pick the fields that they tell of.

    Parameters
    ----------
    found : list of str
        What the file holds.
    taken : list of str
        What was used of it, and how.
    left_out : list of str
        What was not used, and why.
    assumed : list of str
        What the file does not say and was assumed; each names the option that changes it, if any.
    """

    found: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, list[str]]:
        """Return the sentences by kind, JSON-ready."""
        return {one.name: list(getattr(self, one.name)) for one in fields(self)}

    def copy(self) -> AcquisitionReport:
        """Return another report with the same sentences."""
        return AcquisitionReport(**self.as_dict())

    def text(self) -> str:
        """Return the sentences in lines, under a heading for each kind that has any."""
        lines = []
        for name, sentences in self.as_dict().items():
            if sentences:
                lines += [f"{_TITLES[name]}:", *(f"  - {sentence}" for sentence in sentences)]
        return "\n".join(lines)
