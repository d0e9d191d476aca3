"""Parameter maps back in, checked against their record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data import strict_json
from napari_mrf.data.geometry import Grid, check_same_grid, same_place
from napari_mrf.data.maps import ParameterMaps
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.data.series import check_affine
from napari_mrf.data.text_files import read_text
from napari_mrf.errors import MRFInputError
from napari_mrf.io.bids.scan_reader import provenance_in_sidecars, read_scan
from napari_mrf.io.formats.volume import VOLUME_SUFFIXES, read_volume
from napari_mrf.io.maps.folders import named_scan
from napari_mrf.io.maps.forms import FORMS
from napari_mrf.io.maps.writer import COMPANIONS, DEVIATIONS, RECORD_FORMAT, RECORD_NAME, SPLIT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.io.bids.scans import Scan
    from napari_mrf.io.formats.source import Volume

_MAX_RECORD_BYTES = 50_000_000


def load_maps(directory: str | Path) -> ParameterMaps:
    """Read the maps of a folder that `save_maps` wrote, of plain maps, or of a BIDS scan.

    Parameters
    ----------
    directory : str or Path
        With ``maps.json``, every file is checked against its sha256. Without it, files
        named by parameter keys (``FF.nii.gz``, ``T1H2O.mha``) are taken as they are. The folder
        of a subject or session in a data set of BIDS or ORMIR-MIDS, or one of the maps in it,
        stands for its scan; ``docs/bids.md`` has the names and units.

    Returns
    -------
    ParameterMaps

    Raises
    ------
    MRFInputError
        ``"missing-folder"``, ``"no-maps"``, ``"bad-record"``, ``"sha256-mismatch"``,
        ``"security-path"``, ``"other-grid"``, the codes of `scan_at` and `read_scan`, and what
        the NIfTI reader raises.
    """
    folder = Path(directory)
    if (scan := named_scan(folder)) is not None:
        return _maps_of_scan(scan)
    if not folder.is_dir():
        raise MRFInputError("missing-folder", "the folder of maps does not exist", path=folder)
    record_path = folder / RECORD_NAME
    record = _read_record(record_path) if record_path.exists() else None
    volumes: dict[str, Volume] = {}
    for name, (path, sha256) in _files(folder, record).items():
        volume = read_volume(path)
        if sha256 is not None and volume.sha256 != sha256:
            raise MRFInputError("sha256-mismatch", "the map has changed since it was saved",
                                path=path, expected=sha256, found=volume.sha256,
                                hint=f"Delete {RECORD_NAME} to read it anyway."
                                )  # fmt: skip
        volumes[name] = volume
    volumes = _in_order(_whole(volumes), record)
    if not set(volumes) & set(PARAMETERS):
        raise MRFInputError("no-maps", "the folder contains no parameter maps", path=folder,
                            expected=f"files such as {', '.join(PARAMETERS)}.nii.gz")  # fmt: skip
    return _assembled(volumes, folder, record, record_path)


def _maps_of_scan(scan: Scan) -> ParameterMaps:
    record = None if scan.record is None else _read_record(scan.record)
    entries = {} if record is None else record["maps"]
    volumes = read_scan(scan, {key: entry["sha256"] for key, entry in entries.items()})
    maps = _assembled(volumes, scan.path, record, scan.record or scan.path)
    if record is None:
        maps.provenance = provenance_in_sidecars(scan) or {}
    return maps


def _assembled(
    volumes: dict[str, Volume], folder: Path, record: dict[str, Any] | None, record_path: Path
) -> ParameterMaps:
    grid = _common_grid(volumes, folder)
    return ParameterMaps(
        {name: volume.values for name, volume in volumes.items() if name in PARAMETERS},
        **{name: volumes[name].values if name in volumes else None for name in COMPANIONS},
        uncertainty={
            key: volumes[name].values for name, key in DEVIATIONS.items() if name in volumes
        },
        affine=grid.affine if record is None else _exact_affine(record, grid, record_path),
        provenance=None if record is None else record.get("provenance"),
        file_warnings=_header_warnings(volumes),
    )


def load_provenance(directory: str | Path) -> dict[str, Any] | None:
    """Return how maps in a folder were made, without reading them; None where nothing says.

    Raises
    ------
    MRFInputError
        ``"bad-record"``, ``"bad-json"``.
    """
    if (scan := named_scan(Path(directory))) is not None:
        if scan.record is None:
            return provenance_in_sidecars(scan)
        return _read_record(scan.record).get("provenance")
    path = Path(directory) / RECORD_NAME
    return _read_record(path).get("provenance") if path.exists() else None


def _whole(volumes: dict[str, Volume]) -> dict[str, Volume]:
    """Return the volumes with real and imaginary part of one put together."""
    if not set(SPLIT) <= set(volumes):
        return volumes
    real, imaginary = (volumes[name] for name in SPLIT)
    m0 = np.empty(real.values.shape, np.complex64)
    m0.real, m0.imag = real.values, imaginary.values
    rest = {name: volume for name, volume in volumes.items() if name not in SPLIT}
    return rest | {"m0": replace(real, values=m0)}


def _in_order(volumes: dict[str, Volume], record: dict[str, Any] | None) -> dict[str, Volume]:
    """Return the volumes with slices in the order of the record; in DICOM they have none."""
    if record is None or record.get("form") != "dicom" or record.get("affine") is None:
        return volumes
    from napari_mrf.io.dicom.volume import along

    affine = check_affine(record["affine"])
    return {name: along(volume, affine) for name, volume in volumes.items()}


def recorded_files(directory: str | Path) -> dict[Path, str]:
    """Return the files of maps in a folder with the sha256 that their record gives them.

    Empty where there is no record. Raises as `load_provenance`, and ``"security-path"``.
    """
    folder = Path(directory)
    if (scan := named_scan(folder)) is not None:
        return _recorded_of_scan(scan)
    path = folder / RECORD_NAME
    if not path.exists():
        return {}
    files = _files(folder, _read_record(path))
    return {path: sha256 for path, sha256 in files.values() if sha256 is not None}


def _recorded_of_scan(scan: Scan) -> dict[Path, str]:
    if scan.record is None:
        return {}
    gone = scan.record.parent
    return {
        scan.files[key][0] if key in scan.files else gone / Path(entry["file"]).name: entry[
            "sha256"
        ]
        for key, entry in _read_record(scan.record)["maps"].items()
    }


def _read_record(path: Path) -> dict[str, Any]:
    text = read_text(path, "record of maps", most_bytes=_MAX_RECORD_BYTES)
    record = strict_json.loads(text, path=path)
    if not isinstance(record, dict) or record.get("format") != RECORD_FORMAT:
        raise _bad_record(path, f'no "format": "{RECORD_FORMAT}"')
    if record.get("version") != 1:
        raise _bad_record(path, f"version {record.get('version')!r}")
    form = FORMS.get(str(record.get("form")))
    if form is not None and form.is_rounded:
        raise MRFInputError("no-maps", "the folder holds DICOM images of rounded values, which are "
                            "not read back", path=path.parent,
                            hint="Pick the maps in NIfTI, MetaImage or DICOM parametric maps."
                            )  # fmt: skip
    entries = record.get("maps")
    if not isinstance(entries, dict) or not all(
        isinstance(entry, dict)
        and isinstance(entry.get("file"), str)
        and isinstance(entry.get("sha256"), str)
        for entry in entries.values()
    ):
        raise _bad_record(path, "no list of maps with file and sha256")
    if not isinstance(record.get("provenance", {}), dict):
        raise _bad_record(path, "a provenance that is not an object")
    return record


def _bad_record(path: Path, found: str) -> MRFInputError:
    return MRFInputError("bad-record", "the record of the maps is not valid", path=path,
                         expected="what this version of the software writes", found=found
                         )  # fmt: skip


def _files(folder: Path, record: dict[str, Any] | None) -> dict[str, tuple[Path, str | None]]:
    if record is None:
        found: dict[str, tuple[Path, str | None]] = {}
        for name in (*PARAMETERS, *COMPANIONS, *DEVIATIONS, *SPLIT):
            for suffix in VOLUME_SUFFIXES:
                if name not in found and (folder / f"{name}{suffix}").is_file():
                    found[name] = (folder / f"{name}{suffix}", None)
        return found
    files: dict[str, tuple[Path, str | None]] = {}
    for name, entry in record["maps"].items():
        if name not in (*PARAMETERS, *COMPANIONS, *DEVIATIONS, *SPLIT):
            raise _bad_record(folder / RECORD_NAME, f"the unknown map {name!r}")
        file_name = entry["file"]
        if Path(file_name).name != file_name or "\\" in file_name or file_name in ("", ".", ".."):
            raise MRFInputError("security-path", "the record names a file outside its folder",
                                path=folder / RECORD_NAME, found=repr(file_name))  # fmt: skip
        files[name] = (folder / file_name, entry["sha256"])
    return files


def _header_warnings(volumes: dict[str, Volume]) -> tuple[str, ...]:
    """Return what is wrong with the headers, once for all maps that have it."""
    names: dict[str, list[str]] = {}
    for name, volume in volumes.items():
        for text in volume.warnings:
            names.setdefault(text, []).append(name)
    return tuple(f"{', '.join(of)}: {text}" for text, of in names.items())


def _common_grid(volumes: dict[str, Volume], folder: Path) -> Grid:
    grids = {name: Grid(volume.values.shape, volume.affine) for name, volume in volumes.items()}
    first = min(grids, key=lambda name: grids[name].affine is None)  # the first that knows
    for name, grid in grids.items():
        check_same_grid(grid, grids[first], f"the maps {first} and {name} lie on different grids",
                        path=folder)  # fmt: skip
    return grids[first]


def _exact_affine(record: dict[str, Any], stored: Grid, path: Path) -> NDArray[np.float64] | None:
    """Return the float64 affine of the record, which the header holds in float32 only."""
    if record.get("affine") is None:
        return stored.affine
    try:
        exact = check_affine(record["affine"], path=str(path))
    except (TypeError, ValueError):
        raise _bad_record(path, "an affine that is not valid") from None
    if not same_place(exact, stored.affine, stored.spatial_shape):
        raise _bad_record(path, "another affine than the files have")
    return exact
