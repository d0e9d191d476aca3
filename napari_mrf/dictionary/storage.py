"""Dictionaries on disk: a safetensors file and a JSON card beside it.

The card names the sequence and the sha256 of the tensors, and is checked before anything of
the tensors is believed: safetensors itself accepts a flipped byte.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf.compute.memory import refuse_beyond_memory
from napari_mrf.data import strict_json
from napari_mrf.data.text_files import read_error, read_text, size_of
from napari_mrf.errors import MRFInputError, reason
from napari_mrf.io.atomic import atomic_write_all, make_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence

_FORMAT = "napari-mrf dictionary"


def card_path(path: Path) -> Path:
    """Return where the card of a dictionary file lies."""
    return path.with_suffix(".json")


def save(
    path: str | Path,
    tensors: dict[str, NDArray[Any]],
    *,
    kind: str,
    sequence: Sequence,
    contents: dict[str, Any],
) -> Path:
    """Write tensors and their card; neither appears under its name half written.

    Parameters
    ----------
    path : str or Path
        Ends in ``.safetensors``.
    tensors : dict of str to ndarray
        Real arrays.
    kind : str
        Which class reads them back.
    sequence : Sequence
        What the dictionary was made for.
    contents : dict
        JSON-ready description (grid).

    Returns
    -------
    Path
        The tensor file.

    Raises
    ------
    MRFInputError
        The codes of `atomic_write_all`.
    """
    from safetensors.numpy import save as to_bytes

    path = Path(path)
    make_folder(path.parent)
    payload = to_bytes(tensors)
    card = {
        "format": _FORMAT,
        "version": 1,
        "kind": kind,
        "sequence": {"name": sequence.name, "fingerprint": sequence.fingerprint()},
        "sha256": hashlib.sha256(payload).hexdigest(),
        "contents": contents,
    }
    card_file = card_path(path)
    with atomic_write_all([path, card_file]) as staged:
        staged[path].write_bytes(payload)
        staged[card_file].write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return path


def load(
    path: str | Path, *, kind: str, sequence: Sequence
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read tensors and contents of a dictionary made for `sequence`.

    Raises
    ------
    MRFInputError
        ``"bad-dictionary"`` (corrupt, truncated or foreign file), ``"wrong-sequence"`` (made for
        another sequence; both are named), and the codes of `read_text`.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    path = Path(path)
    card = strict_json.loads(read_text(card_path(path), "card"), path=card_path(path))
    refuse_beyond_memory(2 * size_of(path), "the dictionary", path)
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise read_error(error, path) from None
    if not isinstance(card, dict) or card.get("format") != _FORMAT or card.get("kind") != kind:
        raise MRFInputError(
            "bad-dictionary",
            "the card does not describe a dictionary of this kind",
            path=card_path(path),
            expected=f"a {_FORMAT} of kind {kind}",
        )
    if hashlib.sha256(payload).hexdigest() != card.get("sha256"):
        raise MRFInputError(
            "bad-dictionary",
            "the dictionary is damaged: its checksum differs from its card",
            path=path,
            hint="Build it again.",
        )
    made_for, contents = card.get("sequence"), card.get("contents")
    if not isinstance(made_for, dict) or not isinstance(contents, dict):
        raise MRFInputError(
            "bad-dictionary",
            "the card names no sequence or no contents",
            path=card_path(path),
            hint="Build the dictionary again.",
        )
    if made_for.get("fingerprint") != sequence.fingerprint():
        raise MRFInputError(
            "wrong-sequence",
            "the dictionary was made for another sequence",
            path=path,
            expected=f"{sequence.name} ({sequence.fingerprint()[:12]})",
            found=f"{made_for.get('name')} ({str(made_for.get('fingerprint'))[:12]})",
            hint="Build a dictionary for this sequence.",
        )
    try:
        return from_bytes(payload), contents
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise MRFInputError(
            "bad-dictionary", "the tensors cannot be read", path=path, found=reason(error)
        ) from None


@contextmanager
def understood(path: str | Path) -> Iterator[None]:
    """Raise ``"bad-dictionary"`` for what a card promises and the tensors do not hold."""
    try:
        yield
    except MRFInputError as error:
        raise error.at(path) from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MRFInputError(
            "bad-dictionary",
            "the dictionary does not hold what its card says",
            path=path,
            found=reason(error),
            hint="Build it again.",
        ) from None
