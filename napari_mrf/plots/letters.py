"""Letters of every script in figures: by a font of this system that has them, else as escapes."""

from __future__ import annotations

import logging
import unicodedata
import warnings
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure

_SEARCH = logging.getLogger("matplotlib.font_manager")
NOTE = "\\u and numbers: letters that no font of this system has"
_WIDE = 1.8
"""Width of a Chinese, Japanese or Korean letter over that of a mean Latin one."""
_MADE_UP = ("lastresort", "last resort", "adobe blank", "adobeblank")
"""Fonts that have a sign for everything, but no letters."""


@contextmanager
def readable(figure: Figure, *, escape: bool = True) -> Iterator[None]:
    r"""Draw a figure with fonts that have all its letters.

    A letter that no font has would become an empty box, and two names of two subjects the same.
    It is written as an escape (``\u4f53``), and a note at the foot of the figure says so.

    Parameters
    ----------
    figure : Figure
        As it was before, once the body has been run.
    escape : bool
        Whether letters are replaced; those who open a file with text in it may have the fonts.
    """
    before: list[tuple[Text, str, list[str]]] = []
    note, level = None, _SEARCH.level
    try:
        for text in figure.findobj(Text):
            content, families = text.get_text(), text.get_fontfamily()
            others, missing = _fonts_for(content, tuple(families))
            if not others and not missing:
                continue
            before.append((text, content, families))
            text.set_fontfamily([*families, *others])
            if missing and escape:
                text.set_text("".join(_escaped(c) if c in missing else c for c in content))
                note = note or figure.text(0.01, 0.004, NOTE, fontsize=5, color="0.35", va="bottom")
        _SEARCH.setLevel(logging.ERROR)  # it tells of weights that a further font has not
        with warnings.catch_warnings():
            if not escape:
                warnings.filterwarnings("ignore", "Glyph .* missing")
            yield
    finally:
        _SEARCH.setLevel(level)
        for text, content, families in before:
            text.set_text(content)
            text.set_fontfamily(families)
        if note is not None:
            note.remove()


def columns(text: str) -> float:
    """Return how wide a text is drawn, in letters of mean width."""
    if text.isascii():
        return float(len(text))
    families = tuple(font_manager.FontProperties().get_family())
    _, missing = _fonts_for(text, families)
    return sum(
        len(_escaped(letter))
        if letter in missing
        else _WIDE
        if unicodedata.east_asian_width(letter) in "WF"
        else 1.0
        for letter in text
    )


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def _fonts_for(text: str, families: tuple[str, ...]) -> tuple[Sequence[str], frozenset[str]]:
    """Return further fonts that a text needs, and the letters that none has."""
    if text.isascii():
        return (), frozenset()
    path = font_manager.findfont(font_manager.FontProperties(family=list(families)))
    others: dict[str, None] = {}
    missing = set()
    for letter in dict.fromkeys(text):
        if letter.isspace() or unicodedata.category(letter) in ("Cc", "Cf", "Mn"):
            continue
        if _has(path, letter):
            continue
        found = _family_with(letter, len(font_manager.fontManager.ttflist))
        if found is None:
            missing.add(letter)
        else:
            others[found] = None
    return tuple(others), frozenset(missing)


@lru_cache(maxsize=4096)
def _has(path: str, letter: str) -> bool:
    return bool(FT2Font(path).get_char_index(ord(letter)))


@lru_cache(maxsize=4096)
def _family_with(letter: str, n_fonts: int) -> str | None:
    """Return a font of the system with a letter: upright and regular before others.

    Fonts may be added: their number is there to look again then.
    """
    known = sorted(
        font_manager.fontManager.ttflist,
        key=lambda font: (font.style != "normal", str(font.weight) not in ("400", "normal"),
                          font.fname.lower().endswith(".otf"), font.name),
    )  # fmt: skip
    for font in known:
        if any(name in font.name.lower() for name in _MADE_UP):
            continue
        try:
            if _has(font.fname, letter):
                return str(font.name)
        except (OSError, RuntimeError):  # gone since, or no font
            continue
    return None
