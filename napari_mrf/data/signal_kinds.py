"""Signal kinds: what each kind of sequence measures, and what the tissue of it can be.

A kind is data. What is computed for it stands in registries of the rooms above, one line a
kind; ``docs/architecture.md`` lists them.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

T = TypeVar("T")

AMPLITUDE = "PD"
"""Key of the map that is the size of the signal; the simulator scales every kind by it."""


@dataclass(frozen=True, kw_only=True)
class SignalKind:
    """One signal model, as everybody needs to know it.

    Parameters
    ----------
    key : str
        As in files and in `Sequence.kind`.
    title : str
        What a user reads.
    ranges : mapping of str to (float, float)
        Every tissue parameter that the kind estimates, in the order of its maps, with the range
        that is believed where nothing else is known (ms, Hz, relative, 0-1).
    required : tuple of str
        Tissue parameters without which there is no signal.
    assumed : mapping of str to float
        Other tissue parameters that change the signal, and their values where nobody says.
    has_density : bool
        Whether the size of the signal is mapped as proton density (PD); else it is a nuisance.
    needs : tuple of str
        Fields of `Sequence` that the signal model cannot do without.
    anatomy : str
        What is usually measured, and so the label set that is offered first: ``"thigh"`` or
        ``"brain"``; empty for none.
    """

    key: str
    title: str
    ranges: Mapping[str, tuple[float, float]]
    required: tuple[str, ...]
    assumed: Mapping[str, float] = field(default_factory=dict)
    has_density: bool = False
    needs: tuple[str, ...] = ()
    anatomy: str = ""

    @property
    def tissue(self) -> tuple[str, ...]:
        """Tissue parameters that are estimated, beside the complex size of the signal."""
        return tuple(self.ranges)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The maps of a sequence of this kind that says nothing else."""
        return (AMPLITUDE, *self.tissue) if self.has_density else self.tissue

    @property
    def simulated(self) -> tuple[str, ...]:
        """Every parameter that the simulator takes."""
        return (*self.required, *self.assumed, AMPLITUDE)


class _Kinds(dict[str, SignalKind]):
    """The kinds by key."""

    def register(self, kind: SignalKind) -> None:
        """Add a kind.

        Raises
        ------
        MRFInputError
            ``"bad-kind"`` where its key is taken, or where a tissue parameter is neither
            required nor has a value to assume.
        """
        if kind.key in self:
            raise MRFInputError(
                "bad-kind", f"the kind of sequence {kind.key!r} already exists",
                hint="Choose another key.",
            )  # fmt: skip
        unknown = set(kind.tissue) - {*kind.required, *kind.assumed}
        if unknown or not kind.required:
            raise MRFInputError(
                "bad-kind",
                f"the kind {kind.key!r} estimates parameters that its signal does not depend on",
                expected="every parameter of ranges in required or assumed",
                found=", ".join(sorted(unknown)) or "nothing required",
            )
        self[kind.key] = kind

    @contextmanager
    def registered(self, kind: SignalKind) -> Iterator[None]:
        """Add a kind for the time of a ``with`` block."""
        self.register(kind)
        try:
            yield
        finally:
            del self[kind.key]


SIGNAL_KINDS = _Kinds()
"""Every kind of sequence by key."""


class ByKind(dict[str, T]):
    """A registry of a room: what it needs of each kind of sequence, by key.

    Parameters
    ----------
    what : str
        What is registered, for the message where a kind has none: ``"dictionary grid"``.
    entries : mapping
        By key of `SIGNAL_KINDS`.
    """

    def __init__(self, what: str, entries: Mapping[str, T]) -> None:
        super().__init__(entries)
        self._what = what

    def __missing__(self, key: str) -> T:
        raise MRFInputError(
            "wrong-sequence", f"there is no {self._what} for sequences of this kind",
            expected=" or ".join(self), found=key,
        )  # fmt: skip


_RELAXATION = {"T1": (10.0, 4500.0), "T2": (2.0, 3000.0)}

for _kind in (
    SignalKind(
        key="spoiled",
        title="spoiled water-fat",
        # Training grid of the INN paper, section 2.2: first and last value of every axis.
        ranges={
            "FF": (0.0, 1.0),
            "T1H2O": (500.0, 3100.0),
            "T1fat": (200.0, 400.0),
            "Df": (-120.0, 120.0),
            "B1": (0.3, 1.0),
        },
        required=("FF", "T1H2O", "T1fat"),
        assumed={"Df": 0.0, "B1": 1.0},
        needs=("water_t2_ms", "fat_t2_ms", "fat_shifts_hz", "fat_amplitudes"),
        anatomy="thigh",
    ),
    SignalKind(
        key="fisp",
        title="FISP",
        # Dictionary of RinQ (Hoppe et al., MICCAI 2019).
        ranges=_RELAXATION,
        required=("T1", "T2"),
        assumed={"Df": 0.0, "B1": 1.0},
        has_density=True,
        anatomy="brain",
    ),
    SignalKind(
        key="fisp-b1",
        title="FISP with B1",
        ranges={"T1": (100.0, 4500.0), "T2": (5.0, 2500.0), "B1": (0.6, 1.4)},
        required=("T1", "T2"),
        assumed={"B1": 1.0, "Df": 0.0},
        has_density=True,
        anatomy="brain",
    ),
):
    SIGNAL_KINDS.register(_kind)
