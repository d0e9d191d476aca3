"""The catalogue: methods and devices that suit a sequence, as the panels offer them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_mrf.plugin.jobs import Step

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.reconstruction.method import MethodInfo


@dataclass(frozen=True)
class Catalogue:
    """The methods and devices that a panel offers.

    Parameters
    ----------
    methods : tuple of MethodInfo
        Methods for the sequence.
    missing : tuple of MethodInfo
        Networks without weights for the sequence.
    devices : tuple of (str, str)
        Name and label; ``"auto"`` first.
    default : str
        The method that is selected at first.
    """

    methods: tuple[MethodInfo, ...] = ()
    missing: tuple[MethodInfo, ...] = ()
    devices: tuple[tuple[str, str], ...] = (("auto", "automatic"),)
    default: str = ""


def list_catalogue(sequence: Sequence | None) -> Generator[Step, None, Catalogue]:
    """Find methods and devices; slow the first time, since it loads the numerical library."""
    yield Step(detail="loading the methods")
    from napari_mrf import methods

    found: tuple[MethodInfo, ...] = ()
    missing: tuple[MethodInfo, ...] = ()
    default = ""
    if sequence is not None:
        found, missing = tuple(methods.available(sequence)), tuple(methods.missing(sequence))
        default = methods.default_name(sequence)
    devices = [(key, label) for key, label in methods.devices() if key != "auto"]
    return Catalogue(found, missing, (("auto", "automatic"), *devices), default)
