"""Maps of a scan back in: every file with its sidecar, in the units of this package."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data import strict_json
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.data.text_files import read_text
from napari_mrf.errors import MRFInputError
from napari_mrf.io.bids.dialects import factor_of, known_units
from napari_mrf.io.bids.inheritance import sidecars_above
from napari_mrf.io.formats.volume import read_volume

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_mrf.io.bids.scans import Scan
    from napari_mrf.io.formats.source import Volume

BLOCK = "MRFMap"
"""What the sidecar of a map says beyond BIDS."""

_VAGUE = ("arbitrary", "a.u.")
"""Units that do not tell a fraction from percent."""


def read_scan(scan: Scan, sums: Mapping[str, str]) -> dict[str, Volume]:
    """Read all files of a scan.

    Parameters
    ----------
    scan : Scan
        The unit of a map is ``Units`` of its sidecar; without, that of its naming: T1 and T2 are
        in seconds in BIDS, and in ms in ORMIR-MIDS.
    sums : mapping of str to str
        sha256 of files by key, as far as they are recorded.

    Returns
    -------
    dict of str to Volume
        By key of the map, and of what comes with maps; in ms, Hz and fractions.

    Raises
    ------
    MRFInputError
        ``"sha256-mismatch"``, ``"missing-map"``, ``"unit-unknown"``, ``"unit-conflict"``, and
        what the readers of NIfTI and sidecars raise.
    """
    if missing := [key for key in sums if key not in scan.files]:
        raise MRFInputError("missing-map", "a map of the scan is missing", path=scan.record,
                            expected=", ".join(sums), found=f"no {', '.join(missing)}",
                            hint="Copy all files of the scan.")  # fmt: skip
    volumes = {}
    for key, (path, _) in scan.files.items():
        volume = read_volume(path)
        recorded = sums.get(key)
        if recorded is not None and volume.sha256 != recorded:
            record = scan.record.name if scan.record else ""
            raise MRFInputError("sha256-mismatch", "the map has changed since it was saved",
                                path=path, expected=recorded, found=volume.sha256,
                                hint=f"Delete {record} to read it anyway.")  # fmt: skip
        volumes[key] = _in_our_unit(scan, key, volume, is_recorded=recorded is not None)
    return volumes


def provenance_in_sidecars(scan: Scan) -> dict[str, Any] | None:
    """Return how maps were made, as their sidecars tell it; None where none does."""
    for key in PARAMETERS:
        if key in scan.files:
            block = _sidecar(scan.files[key][0]).get(BLOCK)
            if isinstance(block, dict) and isinstance(block.get("Provenance"), dict):
                provenance: dict[str, Any] = block["Provenance"]
                return provenance
    return None


def _in_our_unit(scan: Scan, key: str, volume: Volume, *, is_recorded: bool) -> Volume:
    path, place = scan.files[key]
    parameter = PARAMETERS.get(key.removesuffix("_std"))
    if parameter is None:
        return volume
    said = _sidecar(path).get("Units")
    units = place.assumed or "1" if said in (None, "") else said
    factor = factor_of(key, units) if isinstance(units, str) else None
    if factor is None:
        raise MRFInputError("unit-unknown", f"the unit of {key} is not known", path=path,
                            expected=f"Units {', '.join(known_units(key))}", found=repr(units),
                            hint="Convert the map, and correct Units in its sidecar."
                            )  # fmt: skip
    values = volume.values
    if factor != 1.0:
        values = (values.astype(np.float64) * factor).astype(np.float32)
    if key in PARAMETERS and not is_recorded and said in (None, "", *_VAGUE):
        _refuse_unlikely(key, values, units, path)
    return replace(volume, values=values)


def _refuse_unlikely(key: str, values: Any, assumed: str, path: Path) -> None:
    """Refuse a map without a clear unit whose median no tissue has in the unit of its naming."""
    parameter = PARAMETERS[key]
    finite = values[np.isfinite(values) & (values != 0)]
    median = float(np.median(finite)) if finite.size else np.nan
    low, high = parameter.valid_range
    if not low <= median <= high and finite.size:
        raise MRFInputError(
            "unit-conflict", f"{key} has no clear unit, and its values do not fit {assumed}",
            path=path,
            expected=f"a median of {low:g} to {high:g} {parameter.unit}".rstrip(),
            found=f"{median:.4g} {parameter.unit}".rstrip(),
            hint=f"Write its unit as Units into {path.name.split('.')[0]}.json.",
        )  # fmt: skip


def _sidecar(path: Path) -> dict[str, Any]:
    """Return the keys of the sidecar of a map, with those that it inherits."""
    own = path.with_name(f"{path.name.split('.')[0]}.json")
    keys: dict[str, Any] = {}
    for sidecar in (*sidecars_above(path), *([own] if own.is_file() else [])):
        record = strict_json.loads(read_text(sidecar, "sidecar"), path=sidecar)
        if not isinstance(record, dict):
            raise MRFInputError("bad-sidecar", "the file does not contain a JSON object",
                                path=sidecar, found=type(record).__name__)  # fmt: skip
        keys |= record
    return keys
