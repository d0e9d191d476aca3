"""Temporal importance as a folder: table, figure, changes per voxel, and a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.analysis.importance.result import importance_table
from napari_mrf.compute.steps import result_of
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.io.formats.nifti_write import write_frames
from napari_mrf.io.result_folder import ResultKind
from napari_mrf.io.tables.table_files import write_csv
from napari_mrf.plots.figure_files import write_figure
from napari_mrf.plots.importance_figure import importance_figure

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from napari_mrf.analysis.importance.result import Importance

TABLE_NAME = "importance.csv"
_FIGURES = {f"importance.{kind}": kind for kind in ("svg", "pdf", "png")}
_VOLUMES = {key: f"importance_{key}.nii.gz" for key in PARAMETERS}
IMPORTANCE_RESULTS = ResultKind(
    "importance results",
    "importance.json",
    (TABLE_NAME, *_FIGURES, *_VOLUMES.values()),
    format="napari-mrf importance",
)


def save_importance(
    importance: Importance,
    directory: str | Path,
    *,
    layers: Sequence[str] = (),
    with_fisher: bool = True,
    overwrite: bool = False,
) -> list[Path]:
    """Write temporal importance to a folder in one go; as `iter_save_importance`."""
    return result_of(
        iter_save_importance(
            importance, directory, layers=layers, with_fisher=with_fisher, overwrite=overwrite
        )
    )


def n_save_steps(layers: Sequence[str]) -> int:
    """Return how many pieces `iter_save_importance` names."""
    return 1 + len(_FIGURES) + len(layers)


def iter_save_importance(
    importance: Importance,
    directory: str | Path,
    *,
    layers: Sequence[str] = (),
    with_fisher: bool = True,
    overwrite: bool = False,
) -> Generator[str, None, list[Path]]:
    """Write temporal importance to a folder, all files or none; yields what comes next.

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
    for key in layers:
        importance.change_map(key, 0)  # refuses a map that was not kept
    volumes = {key: _VOLUMES[key] for key in layers}
    names = (TABLE_NAME, *_FIGURES, *volumes.values())
    with IMPORTANCE_RESULTS.writing(directory, names, overwrite=overwrite) as staged:
        yield "table"
        write_csv(staged[TABLE_NAME], importance_table(importance), overwrite=True)
        figure = importance_figure(importance, with_fisher=with_fisher)
        for name, kind in _FIGURES.items():
            yield f"figure {name}"
            write_figure(figure, staged[name], kind)
        for key, name in volumes.items():
            yield name
            write_frames(
                staged[name],
                (importance.change_map(key, frame) for frame in range(importance.n_frames)),
                (importance.n_frames, *importance.spatial_shape),
                "float32",
                importance.affine,
            )
        staged.write_record(_record(importance, volumes, staged.sums()))
    return staged.paths


def _record(
    importance: Importance, volumes: dict[str, str], sums: dict[str, str]
) -> dict[str, Any]:
    return {
        "files": sums,
        "volumes": {
            key: {
                "file": name,
                "label": f"{PARAMETERS[key].label}, absolute change when a frame is permuted",
                "unit": PARAMETERS[key].file_unit,
                "axes": "X, Y, Z, frame",
            }
            for key, name in volumes.items()
        },
        "complete": bool((importance.n_repeats_done == importance.options.repeats).all()),
        "affine": None if importance.affine is None else importance.affine.tolist(),
        "provenance": importance.provenance,
    }
