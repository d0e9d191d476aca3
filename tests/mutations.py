"""Files damaged at random but with a plan: each damage knows what kind of file it is done to."""

import json
import random
import re
import struct
from copy import deepcopy

_WORDS = [0, 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1]
_FLOATS = [0.0, -0.0, -1.0, 1e-310, 1e38, -1e308, float("inf"), float("nan")]
_VALUES = [
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**30, 10**400, 0.5, -0.0, 1e-310, 1e308, -1e308,
    "", "x", "12", "\0", "../../x", "a" * 5000, "\ud800", "\u202e", "$x$", "=1+1",
    [], {}, [[]], [0], [None], [1e308, -1e308], {"": {}}, ["x"] * 300,
]  # fmt: skip
_TOKENS = [
    "", "0", "-1", "1e308", "-1e400", "nan", "inf", "9" * 5000, "1_0", "٣", "x", '"', "'", "\\",
    "#",
    "\0", "\ufeff", "\u202e", ",", ",,,,", "\r", "\n\n", "[" * 3000, "{", "= 1", "true", "0x10",
    "1979-05-27T07:32:00Z", "$\\undefined$",
]  # fmt: skip


def damaged(content, kind, count, seed=0):
    """Yield so many damaged copies of a file; the same for the same seed.

    Parameters
    ----------
    content : bytes
        A sound file.
    kind : {"binary", "json", "text", "safetensors"}
        What it is. Numbers of binary files are swapped most often at the beginning, where their
        headers are; JSON stays JSON but for one time in four.
    count, seed : int
    """
    chance = random.Random(seed)  # noqa: S311
    damage = {"binary": _binary, "json": _json, "text": _text, "safetensors": _safetensors}[kind]
    for _ in range(count):
        yield damage(content, chance)


def _binary(content, chance):
    for _ in range(chance.choice([1, 1, 1, 2, 8])):
        content = chance.choice(
            [_flip, _flip, _number, _number, _number, _cut, _longer, _zeros, _swapped]
        )(content, chance)
    return content


def _place(content, chance):
    """Return a place in a file, every other time among its first bytes."""
    most = len(content) if chance.random() < 0.5 else min(len(content), 600)
    return chance.randrange(max(most, 1))


def _flip(content, chance):
    changed, at = bytearray(content or b"\0"), _place(content, chance)
    changed[at] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _number(content, chance):
    at = _place(content, chance) & ~chance.choice([0, 1, 3, 7])
    order, kind = chance.choice("<>"), chance.choice("BHIQfd")
    if kind in "fd":
        value = chance.choice(_FLOATS)
        number = struct.pack(order + kind, max(min(value, 3e38), -3e38) if kind == "f" else value)
    else:
        size = struct.calcsize(kind)
        number = struct.pack(order + kind, chance.choice(_WORDS) % 256**size)
    return content[:at] + number + content[at + len(number) :]


def _cut(content, chance):
    return content[: _place(content, chance)]


def _longer(content, chance):
    return content + chance.choice([b"\0", b"\xff" * 100, chance.randbytes(3000), content])


def _zeros(content, chance):
    at, n = _place(content, chance), chance.choice([1, 4, 64, 1000])
    return content[:at] + bytes(min(n, len(content) - at)) + content[at + n :]


def _swapped(content, chance):
    one, other = sorted((_place(content, chance), _place(content, chance)))
    n = min(chance.choice([4, 16, 200]), other - one)
    return (
        content[:one] + content[other : other + n] + content[one + n : other]
        + content[one : one + n] + content[other + n :]
    )  # fmt: skip


def _json(content, chance):
    try:
        record = json.loads(content)
    except ValueError:  # damaged before
        record = None
    if record is None or chance.random() < 0.25:
        return _text(content, chance)
    for _ in range(chance.choice([1, 1, 2, 5])):
        record = _node(record, chance)
    text = json.dumps(record, allow_nan=True)
    if chance.random() < 0.05:  # what json.dumps would not write
        text = text.replace("null", "[" * 50_000).replace("true", '{"a": 1, "a": 2}')
    return text.encode()


def _node(record, chance):
    """Return the record with one of its nodes changed."""
    if isinstance(record, str) and record.startswith("{") and record.endswith("}"):
        return _json(record.encode(), chance).decode(errors="replace")  # JSON within JSON
    if not isinstance(record, dict | list) or not record or chance.random() < 0.1:
        return deepcopy(chance.choice(_VALUES))
    keys = list(record) if isinstance(record, dict) else range(len(record))
    key = chance.choice(keys)
    step = chance.random()
    if step < 0.1:
        del record[key]
    elif step < 0.2 and isinstance(record, dict):
        record[chance.choice(["x", key + " ", "__class__"])] = deepcopy(record[key])
    elif step < 0.2:
        record.insert(key, deepcopy(record[key]))
    elif step < 0.25:
        record[key] = [record[key]]
    else:
        record[key] = _node(record[key], chance)
    return record


def _text(content, chance):
    if chance.random() < 0.2:
        return _binary(content, chance)
    if chance.random() < 0.15:
        text = content.decode(errors="replace")
        return chance.choice(
            [text.encode("utf-16"), text.encode("utf-8-sig"), b"\xff" + content,
             text.replace("a", "ä").encode("latin-1", "replace"), text.replace("\n", "\r").encode()]
        )  # fmt: skip
    parts = re.split(rb"([\w.+-]+)", content)  # words at odd places
    for _ in range(chance.choice([1, 1, 3])):
        at = chance.randrange(len(parts))
        if chance.random() < 0.15:
            del parts[at:]
            parts.append(b"")
        else:
            token = chance.choice(_TOKENS).encode()
            parts[at] = chance.choice([token, parts[at] + token, parts[at] * 2, b""])
    return b"".join(parts)


def _safetensors(content, chance):
    if chance.random() < 0.5:
        return _binary(content, chance)
    (length,) = struct.unpack("<Q", content[:8])
    header = _json(content[8 : 8 + length], chance)
    return struct.pack("<Q", len(header)) + header + content[8 + length :]
