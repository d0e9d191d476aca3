"""Dictionaries on disk: a safetensors file and a JSON card beside it.

The card names the sequence and the sha256 of the tensors, and is checked before anything of
the tensors is believed: safetensors itself accepts a flipped byte.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf.data import strict_json
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
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
    """
    from safetensors.numpy import save as to_bytes

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    payload = to_bytes(tensors)
    card = {
        "format": _FORMAT,
        "version": 1,
        "kind": kind,
        "sequence": {"name": sequence.name, "fingerprint": sequence.fingerprint()},
        "sha256": hashlib.sha256(payload).hexdigest(),
        "contents": contents,
    }
    _write(path, payload)
    _write(card_path(path), (json.dumps(card, indent=1) + "\n").encode())
    return path


def load(
    path: str | Path, *, kind: str, sequence: Sequence
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read tensors and contents of a dictionary made for `sequence`.

    Raises
    ------
    MRFInputError
        ``"unreadable-file"``, ``"bad-dictionary"`` (corrupt, truncated or foreign file),
        ``"wrong-sequence"`` (made for another sequence; both are named).
    """
    from safetensors.numpy import load as from_bytes

    path = Path(path)
    try:
        text = card_path(path).read_text(encoding="utf-8")
        payload = path.read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        raise MRFInputError(
            "unreadable-file",
            "the dictionary or its card cannot be read",
            path=path,
            found=str(error),
        ) from None
    card = strict_json.loads(text, path=card_path(path))
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
    made_for = card.get("sequence") or {}
    if made_for.get("fingerprint") != sequence.fingerprint():
        raise MRFInputError(
            "wrong-sequence",
            "the dictionary was made for another sequence",
            path=path,
            expected=f"{sequence.name} ({sequence.fingerprint()[:12]})",
            found=f"{made_for.get('name')} ({str(made_for.get('fingerprint'))[:12]})",
            hint="Build a dictionary for this sequence.",
        )
    return from_bytes(payload), card["contents"]


def _write(path: Path, payload: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
