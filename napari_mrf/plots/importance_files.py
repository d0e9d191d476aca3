"""Temporal importance out: table, figure, changes per voxel, and a record of how they came."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf._version import __version__
from napari_mrf.analysis.importance_table import importance_table
from napari_mrf.analysis.table_files import write_csv
from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import atomic_write_all, write_error
from napari_mrf.io.nifti_write import write_frames
from napari_mrf.io.source import sha256_of
from napari_mrf.parameters import PARAMETERS
from napari_mrf.plots.figure_files import write_figure
from napari_mrf.plots.importance_figure import importance_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_mrf.analysis.importance_result import Importance

RECORD_NAME = "importance.json"
RECORD_FORMAT = "napari-mrf importance"
TABLE_NAME = "importance.csv"
FIGURE_KINDS = ("svg", "pdf", "png")


def save_importance(
    importance: Importance,
    directory: str | Path,
    *,
    layers: Sequence[str] = (),
    with_fisher: bool = True,
    overwrite: bool = False,
) -> list[Path]:
    """Write temporal importance to a folder: all files, or none.

    ``importance.csv``, ``importance.svg``, ``.pdf`` and ``.png``, ``importance_<map>.nii.gz``
    (X, Y, Z, frame; float32, NaN where there is no value) for the chosen maps, and
    ``importance.json`` with options, provenance and the sha256 of each file.

    Parameters
    ----------
    importance : Importance
        Complete or not; what is missing is empty.
    directory : str or Path
        Created where needed.
    layers : sequence of str
        Maps whose changes per voxel are written.
    with_fisher : bool
        Whether the figure shows the Fisher information; the table has it in any case.
    overwrite : bool
        Whether earlier results in the folder may be replaced.

    Returns
    -------
    list of Path
        What was written, ``importance.json`` last.

    Raises
    ------
    MRFInputError
        ``"exists"``, ``"not-kept"`` for a map whose changes were not kept, and the codes of
        failed writes.
    """
    folder = Path(directory)
    for key in layers:
        importance.change_map(key, 0)  # refuses a map that was not kept
    try:
        folder.mkdir(parents=True, exist_ok=True)
        refuse_results(folder, overwrite=overwrite)
        earlier = _earlier_results(folder)
    except OSError as error:
        raise write_error(error, folder) from error
    table, record = folder / TABLE_NAME, folder / RECORD_NAME
    figures = {kind: folder / f"importance.{kind}" for kind in FIGURE_KINDS}
    volumes = {key: folder / f"importance_{key}.nii.gz" for key in layers}
    files = [table, *figures.values(), *volumes.values()]
    with atomic_write_all([*files, record]) as staged:
        write_csv(staged[table], importance_table(importance), overwrite=True)
        figure = importance_figure(importance, with_fisher=with_fisher)
        for kind, path in figures.items():
            write_figure(figure, staged[path], kind)
        for key, path in volumes.items():
            write_frames(
                staged[path],
                (importance.change_map(key, frame) for frame in range(importance.n_frames)),
                (importance.n_frames, *importance.spatial_shape),
                "float32",
                importance.affine,
            )
        sums = {path.name: sha256_of(staged[path]) for path in files}
        text = json.dumps(_record(importance, volumes, sums), indent=1, allow_nan=False)
        staged[record].write_text(text + "\n", encoding="utf-8")
    for stale in earlier - {*files, record}:
        try:
            stale.unlink(missing_ok=True)
        except OSError as error:
            raise write_error(error, stale) from error
    return [*files, record]


def refuse_results(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds results already, unless they may be replaced.

    Raises
    ------
    MRFInputError
        ``"exists"``.
    """
    earlier = _earlier_results(folder)
    if earlier and not overwrite:
        raise MRFInputError(
            "exists",
            "the folder holds results already",
            path=folder,
            found=", ".join(sorted(path.name for path in earlier)),
            hint="Choose another folder, or allow them to be overwritten.",
        )


def _earlier_results(folder: Path) -> set[Path]:
    names = [TABLE_NAME, RECORD_NAME, *(f"importance.{kind}" for kind in FIGURE_KINDS)]
    names += [f"importance_{key}.nii.gz" for key in PARAMETERS]
    return {folder / name for name in names if (folder / name).exists()}


def _record(
    importance: Importance, volumes: dict[str, Path], sums: dict[str, str]
) -> dict[str, Any]:
    return {
        "format": RECORD_FORMAT,
        "version": 1,
        "software": {"name": "napari-mrf", "version": __version__},
        "files": sums,
        "volumes": {
            key: {
                "file": path.name,
                "label": f"{PARAMETERS[key].label}, absolute change when a frame is permuted",
                "unit": PARAMETERS[key].unit,
                "axes": "X, Y, Z, frame",
            }
            for key, path in volumes.items()
        },
        "complete": bool((importance.n_repeats_done == importance.options.repeats).all()),
        "affine": None if importance.affine is None else importance.affine.tolist(),
        "provenance": importance.provenance,
    }
