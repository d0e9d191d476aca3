"""Inspected voxels and regions out: a table and a figure of each, their values, a record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf._version import __version__
from napari_mrf.analysis.inspection import inspected_values
from napari_mrf.analysis.table_files import write_csv
from napari_mrf.analysis.traces import traces_table
from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import atomic_write_all, write_error
from napari_mrf.io.source import sha256_of
from napari_mrf.plots.figure_files import write_figure
from napari_mrf.plots.fingerprint_figure import fingerprint_figure

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    import pandas as pd

    from napari_mrf.analysis.inspection import Inspected
    from napari_mrf.sequence import Sequence as MRFSequence

VALUES_NAME, REGIONS_NAME, RECORD_NAME = "values.csv", "regions.csv", "inspect.json"
RECORD_FORMAT = "napari-mrf inspect"
FIGURE_KINDS = ("svg", "pdf")
_PATTERNS = tuple(
    f"{stem}.{kind}" for stem in ("voxel_*", "region_*") for kind in ("csv", *FIGURE_KINDS)
)


def iter_save_inspection(
    inspected: Sequence[Inspected],
    directory: str | Path,
    *,
    sequence: MRFSequence | None = None,
    regions: pd.DataFrame | None = None,
    component: str = "magnitude",
    record: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Generator[str, None, list[Path]]:
    """Write voxels and regions to a folder, all files or none; yields what comes next.

    For each ``voxel_<z>_<y>_<x>`` or ``region_<number>`` a ``.csv`` with one row a frame
    (`traces_table`) and the figure as ``.svg`` and ``.pdf``; ``values.csv``; ``regions.csv``
    where there are regions; ``inspect.json`` with inputs, options and the sha256 of each
    file.

    Parameters
    ----------
    inspected : sequence of Inspected
        What to write.
    directory : str or Path
        Created where needed.
    sequence : Sequence, optional
        Columns of the tables, strip of the figures.
    regions : pandas.DataFrame, optional
        Statistics of the regions.
    component : str
        What the figures draw, a key of `COMPONENTS`.
    record : mapping, optional
        JSON-ready: inputs, options, warnings.
    overwrite : bool
        Whether earlier results in the folder may be replaced; those of other voxels and
        regions go.

    Returns
    -------
    list of Path
        What was written, ``inspect.json`` last.

    Raises
    ------
    MRFInputError
        ``"exists"`` and the codes of failed writes.
    """
    folder = Path(directory)
    refuse_earlier(folder, overwrite=overwrite)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        earlier = set(_earlier(folder))
    except OSError as error:
        raise write_error(error, folder) from error
    kinds = ("csv", *FIGURE_KINDS)
    paths = [folder / VALUES_NAME, *([folder / REGIONS_NAME] if regions is not None else [])]
    paths += [folder / f"{one.stem}.{kind}" for one in inspected for kind in kinds]
    record_path = folder / RECORD_NAME
    with atomic_write_all([*paths, record_path]) as staged:
        write_csv(staged[folder / VALUES_NAME], inspected_values(inspected), overwrite=True)
        if regions is not None:
            write_csv(staged[folder / REGIONS_NAME], regions, overwrite=True)
        for one in inspected:
            yield one.trace.name
            table = traces_table([one.trace], sequence)
            write_csv(staged[folder / f"{one.stem}.csv"], table, overwrite=True)
            has_residual = any(found.signal is not None for found in one.trace.predictions)
            figure = fingerprint_figure(
                [one.trace], sequence, component=component, residual=has_residual
            )
            for kind in FIGURE_KINDS:
                write_figure(figure, staged[folder / f"{one.stem}.{kind}"], kind)
        content = {
            "format": RECORD_FORMAT,
            "version": 1,
            "software": {"name": "napari-mrf", "version": __version__},
            **(record or {}),
            "files": {path.name: sha256_of(staged[path]) for path in paths},
        }
        text = json.dumps(content, indent=1, allow_nan=False) + "\n"
        staged[record_path].write_text(text, encoding="utf-8")
    for stale in sorted(earlier - {*paths, record_path}):
        try:
            stale.unlink(missing_ok=True)
        except OSError as error:
            raise write_error(error, stale) from error
    return [*paths, record_path]


def refuse_earlier(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds inspected voxels already, unless they may be replaced.

    Raises
    ------
    MRFInputError
        ``"exists"``.
    """
    names = (VALUES_NAME, REGIONS_NAME, RECORD_NAME)
    earlier = [name for name in names if (folder / name).exists()]
    if earlier and not overwrite:
        raise MRFInputError("exists", "the folder holds inspected voxels already", path=folder,
                            found=", ".join(earlier),
                            hint="Choose another folder, or allow it to be overwritten."
                            )  # fmt: skip


def _earlier(folder: Path) -> list[Path]:
    """Return what an earlier run left; files in a folder without its record are not ours."""
    if not (folder / RECORD_NAME).is_file():
        return []
    named = [folder / name for name in (VALUES_NAME, REGIONS_NAME, RECORD_NAME)]
    found = [path for pattern in _PATTERNS for path in folder.glob(pattern)]
    return [*(path for path in named if path.exists()), *found]
