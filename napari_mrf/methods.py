"""The registry: every reconstruction method by name.

A new matcher is one file, a function that imports it and one line in `_MATCHERS`; a network is
there when its weights are.
"""

from __future__ import annotations

from dataclasses import fields
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf.compute.devices import available_devices as devices
from napari_mrf.data.signal_kinds import ByKind
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.reconstruction.method import Method, MethodInfo

__all__ = [
    "DEFAULTS",
    "available",
    "default_name",
    "devices",
    "get",
    "missing",
    "names",
]


def _water_fat() -> Any:
    from napari_mrf.matching.water_fat.matcher import WaterFatMatcher

    return WaterFatMatcher


def _exhaustive() -> Any:
    from napari_mrf.matching.explicit.exhaustive import ExhaustiveMatcher

    return ExhaustiveMatcher


def _compressed() -> Any:
    from napari_mrf.matching.explicit.compressed import CompressedMatcher

    return CompressedMatcher


def _group() -> Any:
    from napari_mrf.matching.explicit.group import GroupMatcher

    return GroupMatcher


def _spatiotemporal() -> Any:
    from napari_mrf.matching.spatiotemporal.matcher import SpatiotemporalMatcher

    return SpatiotemporalMatcher


# Imported when they are asked for: torch is slow to load.
_MATCHERS: dict[str, Callable[[], Any]] = {
    "water-fat": _water_fat,
    "exhaustive": _exhaustive,
    "compressed": _compressed,
    "group": _group,
    "spatiotemporal": _spatiotemporal,
}

DEFAULTS: ByKind[str] = ByKind(
    "method", {"spoiled": "water-fat", "fisp": "compressed", "fisp-b1": "compressed"}
)
"""The method offered first for each kind of sequence."""


def names() -> tuple[str, ...]:
    """Return the names of all methods: matchers, and networks whose weights are installed."""
    from napari_mrf.networks.weights import installed

    return (*_MATCHERS, *dict.fromkeys(name for name, _ in installed()))


def _check_name(name: str) -> None:
    from napari_mrf.networks.card import is_card_path
    from napari_mrf.networks.zoo import NETWORKS

    if not is_card_path(name) and name not in (*_MATCHERS, *NETWORKS):
        raise MRFInputError(
            "unknown-method",
            f"there is no method {name!r}",
            expected=f"one of {', '.join(names())}, or the path of a card of weights (.json)",
        )


def available(sequence: Sequence | None = None, *, scan: str = "undersampled") -> list[MethodInfo]:
    """Return the rows of the method table, for one sequence or for all: matchers, then networks.

    A network belongs to the very sequence that it was trained for.

    Parameters
    ----------
    sequence : Sequence, optional
        What was measured. Its rows stand in the order of their errors on in-vivo maps; those that
        were not measured so come after, the method that is offered first before the others.
    scan : str
        The kind of images that are to be reconstructed, one of `reconstruction.in_vivo.SCANS`.
    """
    from napari_mrf.networks.listing import installed_rows
    from napari_mrf.networks.method import OPTIONS
    from napari_mrf.reconstruction.in_vivo import in_order, with_errors

    matchers: list[MethodInfo] = [_MATCHERS[name]().info for name in _MATCHERS]
    networks = installed_rows(OPTIONS, sequence)
    if sequence is None:
        return matchers + networks
    matchers = [with_errors(row, sequence) for row in matchers if row.suits(sequence.kind)]
    matchers.sort(key=lambda row: row.name != default_name(sequence))
    return in_order(matchers, scan) + in_order(networks, scan)


def missing(sequence: Sequence) -> list[MethodInfo]:
    """Return the rows of the networks that have no weights for a sequence."""
    from napari_mrf.networks.listing import missing_row
    from napari_mrf.networks.weights import installed
    from napari_mrf.networks.zoo import NETWORKS

    found, fingerprint = installed(), sequence.fingerprint()
    return [missing_row(name, sequence) for name in NETWORKS if (name, fingerprint) not in found]


def default_name(sequence: Sequence) -> str:
    """Return the name of the method offered first for a sequence."""
    return DEFAULTS[sequence.kind]


def get(name: str, *, sequence: Sequence, device: str = "auto", **options: Any) -> Method:
    """Return a method, ready to reconstruct series of one sequence.

    Parameters
    ----------
    name : str
        One of `names`, or the path of the card (.json) of weights of one's own.
    sequence : Sequence
        What was measured.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"mps"``.
    **options
        The method's own options (its ``info.options`` and constructor).

    Raises
    ------
    MRFInputError
        ``"unknown-method"``, ``"unknown-option"``, ``"wrong-sequence"``, ``"no-device"``,
        ``"missing-weights"``; of weights of one's own what `load_network` raises.
    """
    _check_name(name)
    if name not in _MATCHERS:
        return _network(name, sequence, device, options)
    chosen = _MATCHERS[name]()
    if not chosen.info.suits(sequence.kind):
        raise MRFInputError(
            "wrong-sequence",
            f"the method {name} does not work for {sequence.name}",
            expected=" or ".join(chosen.info.sequence_kinds),
            found=sequence.kind,
            hint=f"Use {default_name(sequence)}.",
        )
    _check_options(name, chosen, options)
    method: Method = chosen(sequence, device=device, **options)
    return method


def _network(name: str, sequence: Sequence, device: str, options: dict[str, Any]) -> Method:
    from napari_mrf.networks.card import is_card_path, read_card
    from napari_mrf.networks.image_method import ImageNetworkMethod
    from napari_mrf.networks.listing import what_to_do
    from napari_mrf.networks.method import NetworkMethod, TrainedMethod
    from napari_mrf.networks.weights import installed
    from napari_mrf.networks.zoo import network_info

    found = installed()
    path = Path(name) if is_card_path(name) else found.get((name, sequence.fingerprint()))
    if path is None:
        others = [other for other, _ in found if other == name]
        raise MRFInputError(
            "missing-weights",
            f"there are no weights of {name} for {sequence.name}"
            + (", only for another sequence" if others else ""),
            hint=what_to_do(name, sequence),
        )
    card = read_card(path)
    adapter = ImageNetworkMethod if network_info(card.name).kind == "image" else NetworkMethod
    _check_options(name, TrainedMethod, options)
    return adapter(sequence, card_path=path, device=device, **options)


def _check_options(name: str, chosen: Any, options: dict[str, Any]) -> None:
    known = [name for name in keywords(chosen) if name != "card_path"]
    unknown = options.keys() - set(known)
    if unknown:
        raise MRFInputError(
            "unknown-option",
            f"the method {name} has no such option",
            expected=", ".join(known) or "no option",
            found=", ".join(sorted(unknown)),
        )


def keywords(chosen: Any) -> dict[str, Any]:
    """Return the keywords that the constructor of a method takes, with their defaults.

    Those that it hands on to its base class, or to a dataclass of shared options, count too.
    """
    found: dict[str, Any] = {}
    for shared in getattr(chosen, "shared_options", ()):
        found |= {field.name: field.default for field in fields(shared)}
    for owner in reversed(chosen.__mro__):
        own = signature(owner).parameters.values() if "__init__" in vars(owner) else ()
        found |= {one.name: one.default for one in own if one.kind is Parameter.KEYWORD_ONLY}
    return found
