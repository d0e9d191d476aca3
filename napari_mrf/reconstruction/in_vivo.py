"""Errors of the methods on in-vivo maps, measured once: the order in which methods are offered.

What a method is worth on a patient, no test on drawn tissues says: networks that look at neighbors
may do well on phantoms and badly on maps with the texture of a patient. So maps of patients, as
published, are measured by simulation and reconstructed by every method. The script
``docs/networks_in_vivo.py`` writes the table; ``docs/networks.md`` says how.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from math import exp, fsum, inf, log
from typing import TYPE_CHECKING, Any

from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.reconstruction.method import MethodInfo

UNDERSAMPLED, SUBSPACE, NOISE_ONLY = "undersampled", "subspace", "noise-only"
SCANS = (UNDERSAMPLED, SUBSPACE, NOISE_ONLY)
"""Kinds of images that methods were measured on; patients are scanned undersampled."""

FILE = "in_vivo.toml"
_WORDS = {
    UNDERSAMPLED: "on undersampled patients",
    SUBSPACE: "on patients by subspace images",
    NOISE_ONLY: "on patients with noise alone",
}
# Errors within 2 % on the whole are not told apart.
_AS_GOOD = 1.02


@dataclass(frozen=True)
class InVivoErrors:
    """Errors of a method on in-vivo maps, for one kind of images.

    Parameters
    ----------
    errors : dict of str to float
        Mean absolute error by map, in its unit.
    matching : dict of str to float
        The same of matching in its best way, on the same images.
    """

    errors: Mapping[str, float]
    matching: Mapping[str, float]

    @property
    def ratio(self) -> float:
        """Geometric mean over the maps of the errors divided by those of matching."""
        return exp(fsum(log(self.errors[key] / self.matching[key]) for key in self.errors)
                   / len(self.errors))  # fmt: skip


def scan_of(series: MRFSeries | None) -> str:
    """Return which kind of images a series has, one of `SCANS`.

    Where nothing is known of how it was acquired, it is `UNDERSAMPLED`, as scans of patients are.
    """
    made = {} if series is None else series.metadata
    if made.get("images") == "subspace":
        return SUBSPACE
    return NOISE_ONLY if made.get("simulated") == NOISE_ONLY else UNDERSAMPLED


def in_vivo_errors(
    fingerprint: str, name: str, weights_sha256: str | None = None
) -> dict[str, InVivoErrors]:
    """Return what was measured of a method, by kind of images; empty where nothing was.

    Parameters
    ----------
    fingerprint : str
        Of the sequence.
    name : str
        Of the method.
    weights_sha256 : str, optional
        Of a network: other weights than the measured ones have other errors.
    """
    found = {}
    for table in _tables():
        errors = table["errors"].get(name)
        if table["fingerprint"] != fingerprint or errors is None:
            continue
        if table["weights"].get(name) == weights_sha256:
            found[table["scan"]] = InVivoErrors(errors, table["errors"][table["matching"]])
    return found


@cache
def _tables() -> list[dict[str, Any]]:
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    tables: list[dict[str, Any]] = tomllib.loads(text)["table"]
    return tables


def with_errors(
    info: MethodInfo, sequence: Sequence | str, weights_sha256: str | None = None
) -> MethodInfo:
    """Return the row of a method with what was measured of it, as numbers and in words."""
    fingerprint = sequence if isinstance(sequence, str) else sequence.fingerprint()
    found = in_vivo_errors(fingerprint, info.name, weights_sha256)
    sentences = [_sentence(scan, found[scan]) for scan in SCANS if scan in found]
    return replace(info, in_vivo=found, details=(*info.details, *sentences)) if found else info


def _sentence(scan: str, found: InVivoErrors) -> str:
    errors = ", ".join(
        f"{key} {value:.3g} {PARAMETERS[key].unit}".rstrip() for key, value in found.errors.items()
    )
    if found.errors == found.matching:
        return f"{_WORDS[scan]}: mean errors {errors}"
    ratio = found.ratio
    word = "as good as" if 1 / _AS_GOOD < ratio < _AS_GOOD else (
        "worse than" if ratio > 1 else "better than")  # fmt: skip
    return f"{word} matching {_WORDS[scan]}: errors x {ratio:.2f} ({errors})"


def in_order(rows: Iterable[MethodInfo], scan: str) -> list[MethodInfo]:
    """Return rows by their errors on one kind of images; those not measured on it stay last."""
    return sorted(rows, key=lambda row: row.in_vivo[scan].ratio if scan in row.in_vivo else inf)
