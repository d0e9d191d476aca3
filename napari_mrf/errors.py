"""The one exception for bad input: cause, place and cure."""

from __future__ import annotations

import re
from os import PathLike, fspath
from typing import Any


class MRFInputError(ValueError):
    """Input that cannot be used, told in one readable sentence.

    Parameters
    ----------
    code : str
        Stable machine-readable identifier in kebab case, such as ``"frames-mismatch"``.
        Codes of refused attacks (pickle, external links) begin with ``"security-"``.
    what : str
        What is wrong, as a clause that begins with the subject and has no final full stop.
    path : str or path-like, optional
        The file concerned.
    expected, found : object, optional
        The two sides of the conflict, in words or numbers.
    hint : str, optional
        The cure, as a sentence.
    """

    def __init__(
        self,
        code: str,
        what: str,
        *,
        path: str | PathLike[str] | None = None,
        expected: Any = None,
        found: Any = None,
        hint: str | None = None,
    ) -> None:
        self.code = code
        self.what = what
        self.path = None if path is None else fspath(path)
        self.expected = expected
        self.found = found
        self.hint = hint
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """Return cause and cure as one line of text."""
        text = f"{self.path}: {self.what}" if self.path else self.what
        sides = []
        if self.expected is not None:
            sides.append(f"expected {self.expected}")
        if self.found is not None:
            sides.append(f"found {self.found}")
        if sides:
            text += f" ({', '.join(sides)})"
        if not text.endswith((".", "?", "!")):
            text += "."
        if self.hint:
            text += f" {self.hint}"
        return shown(" ".join(text.split()))

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the fields when the error crosses a process border."""
        return _rebuild, (self.code, self.what, self.path, self.expected, self.found, self.hint)

    def at(self, path: str | PathLike[str] | None) -> MRFInputError:
        """Return the same error, naming the file it came from."""
        return MRFInputError(
            self.code,
            self.what,
            path=path,
            expected=self.expected,
            found=self.found,
            hint=self.hint,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values (``--json-errors``)."""
        return {
            "code": self.code,
            "path": self.path,
            "what": self.what,
            "expected": None if self.expected is None else str(self.expected),
            "found": None if self.found is None else str(self.found),
            "hint": self.hint,
        }


def _rebuild(
    code: str, what: str, path: str | None, expected: Any, found: Any, hint: str | None
) -> MRFInputError:
    return MRFInputError(code, what, path=path, expected=expected, found=found, hint=hint)


def reason(error: BaseException) -> str:
    """Return the first line of what another library says, or else the kind of its error."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


# Control characters, halves of characters (names of files that are not UTF-8), and what turns the
# direction of the text around it.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]"
)


def shown(text: str) -> str:
    """Return a text of unknown origin as any terminal, file and figure can show it."""
    if not _HARMFUL.search(text):
        return text
    return _HARMFUL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
