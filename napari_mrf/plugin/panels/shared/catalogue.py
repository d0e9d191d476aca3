"""The catalogue: methods and devices that suit a sequence, as the panels offer them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_mrf.plugin.jobs import Step
from napari_mrf.plugin.preferences import preferences
from napari_mrf.reconstruction.in_vivo import UNDERSAMPLED

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
    scan : str
        The kind of images whose measured errors order the methods.
    """

    methods: tuple[MethodInfo, ...] = ()
    missing: tuple[MethodInfo, ...] = ()
    devices: tuple[tuple[str, str], ...] = (("auto", "automatic"),)
    default: str = ""
    scan: str = ""


def list_catalogue(
    sequence: Sequence | None, scan: str = UNDERSAMPLED
) -> Generator[Step, None, Catalogue]:
    """Find methods and devices; slow the first time, since it loads the numerical library."""
    yield Step(detail="loading the methods")
    from napari_mrf import methods
    from napari_mrf.plugin.panels.shared.own_weights import OWN_WEIGHTS

    found: tuple[MethodInfo, ...] = ()
    missing: tuple[MethodInfo, ...] = ()
    default = ""
    if sequence is not None:
        found = (*methods.available(sequence, scan=scan), *OWN_WEIGHTS.rows(sequence))
        missing = tuple(methods.missing(sequence))
        default = methods.default_name(sequence)
    devices = [(key, label) for key, label in methods.devices() if key != "auto"]
    return Catalogue(found, missing, (("auto", "automatic"), *devices), default, scan)


class MethodMemory:
    """The method that is picked for each kind of sequence: that of FISP is none for water and fat.

    Other scans of a kind go on with the method of the last one.
    """

    def __init__(self) -> None:
        self._kind = ""
        self._picked: dict[str, str] = {}

    def method_for(self, sequence: Sequence | None, catalogue: Catalogue, current: str) -> str:
        """Return the method to pick in a new list.

        Parameters
        ----------
        sequence : Sequence or None
            Whose methods are listed.
        catalogue : Catalogue
            The new list.
        current : str
            What is picked in the former list; empty where there was none.
        """
        if self._kind and current:
            self._picked[self._kind] = current
        self._kind = "" if sequence is None else sequence.kind
        names = [info.name for info in catalogue.methods]
        wanted = (self._picked.get(self._kind, ""), preferences().method)
        return next((name for name in wanted if name in names), catalogue.default)
