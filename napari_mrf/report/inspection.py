"""Inspected voxels and regions as a folder: a table and a figure of each, values, a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.analysis.inspection.inspect import inspected_values
from napari_mrf.analysis.inspection.traces import traces_table
from napari_mrf.io.result_folder import ResultKind
from napari_mrf.io.tables.table_files import write_csv
from napari_mrf.plots.figure_files import write_figure
from napari_mrf.plots.fingerprint_figure import fingerprint_figure

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from napari_mrf.analysis.inspection.inspect import Inspected
    from napari_mrf.data.sequence import Sequence as MRFSequence

VALUES_NAME, REGIONS_NAME = "values.csv", "regions.csv"
FIGURE_KINDS = ("svg", "pdf")
INSPECTION_RESULTS = ResultKind(
    "inspected voxels",
    "inspect.json",
    (VALUES_NAME, REGIONS_NAME),
    tuple(f"{stem}.{kind}" for stem in ("voxel_*", "region_*") for kind in ("csv", *FIGURE_KINDS)),
    format="napari-mrf inspect",
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

    For each ``voxel_<z>_<y>_<x>`` or ``region_<number>`` a ``.csv`` with one row per frame
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
    names = [VALUES_NAME, *([REGIONS_NAME] if regions is not None else [])]
    names += [f"{one.stem}.{kind}" for one in inspected for kind in ("csv", *FIGURE_KINDS)]
    with INSPECTION_RESULTS.writing(directory, names, overwrite=overwrite) as staged:
        write_csv(staged[VALUES_NAME], inspected_values(inspected), overwrite=True)
        if regions is not None:
            write_csv(staged[REGIONS_NAME], regions, overwrite=True)
        for one in inspected:
            yield one.trace.name
            write_csv(
                staged[f"{one.stem}.csv"], traces_table([one.trace], sequence), overwrite=True
            )
            has_residual = any(found.signal is not None for found in one.trace.predictions)
            figure = fingerprint_figure(
                [one.trace], sequence, component=component, residual=has_residual
            )
            for kind in FIGURE_KINDS:
                write_figure(figure, staged[f"{one.stem}.{kind}"], kind)
        staged.write_record({**(record or {}), "files": staged.sums()})
    return staged.paths
