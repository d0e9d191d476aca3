"""The registry: every reconstruction method by name.

A new method is one file and one line in `_REGISTRY`.
"""

from __future__ import annotations

from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any

from napari_mrf.devices import available_devices as devices
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from napari_mrf.method import Method, MethodInfo
    from napari_mrf.sequence import Sequence

__all__ = ["DEFAULTS", "available", "default_name", "default_options", "devices", "get", "names"]

_REGISTRY = {
    "water-fat": "napari_mrf.dictionary.water_fat:WaterFatMatcher",
    "exhaustive": "napari_mrf.dictionary.exhaustive:ExhaustiveMatcher",
}

DEFAULTS = {"spoiled": "water-fat", "fisp": "exhaustive"}
"""The method offered first for each kind of sequence."""


def names() -> tuple[str, ...]:
    """Return the names of all methods."""
    return tuple(_REGISTRY)


def _class(name: str) -> type[Method]:
    if name not in _REGISTRY:
        raise MRFInputError(
            "unknown-method",
            f"there is no method {name!r}",
            expected=f"one of {', '.join(_REGISTRY)}",
        )
    module, attribute = _REGISTRY[name].split(":")
    found: type[Method] = getattr(import_module(module), attribute)
    return found


def available(sequence: Sequence | None = None) -> list[MethodInfo]:
    """Return the rows of the method table, for one sequence or for all."""
    rows = [_class(name).info for name in _REGISTRY]
    return [row for row in rows if sequence is None or sequence.kind in row.sequence_kinds]


def default_name(sequence: Sequence) -> str:
    """Return the name of the method offered first for a sequence."""
    return DEFAULTS[sequence.kind]


def default_options(name: str) -> dict[str, Any]:
    """Return what the panel and the command line start from: every option at its default."""
    return {option.name: option.default for option in _class(name).info.options}


def get(name: str, *, sequence: Sequence, device: str = "auto", **options: Any) -> Method:
    """Return a method, ready to reconstruct series of one sequence.

    Parameters
    ----------
    name : str
        One of `names`.
    sequence : Sequence
        What was measured.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"mps"``.
    **options
        The method's own options (its ``info.options`` and constructor).

    Raises
    ------
    MRFInputError
        ``"unknown-method"``, ``"unknown-option"``, ``"wrong-sequence"``, ``"no-device"``.
    """
    chosen = _class(name)
    if sequence.kind not in chosen.info.sequence_kinds:
        raise MRFInputError(
            "wrong-sequence",
            f"the method {name} does not work for {sequence.name}",
            expected=" or ".join(chosen.info.sequence_kinds),
            found=sequence.kind,
            hint=f"Use {default_name(sequence)}.",
        )
    unknown = [option for option in options if option not in signature(chosen).parameters]
    if unknown:
        raise MRFInputError(
            "unknown-option", f"the method {name} has no such option", found=", ".join(unknown)
        )
    return chosen(sequence, device=device, **options)  # type: ignore[call-arg]
