"""Results of an experiment as files: text, numbers, figures and a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.io.result_folder import ResultKind
from napari_mrf.io.tables.table_files import write_csv
from napari_mrf.plots.figure_files import write_figure

if TYPE_CHECKING:
    from pathlib import Path

    from napari_mrf.reproduction.experiment import Outcome, Settings

FIGURE_KINDS = ("png", "svg")


def experiment_results(name: str) -> ResultKind:
    """Return how the results of an experiment are written; several may share a folder."""
    return ResultKind(
        "results of this experiment", f"{name}.json", format="napari-mrf reproduction"
    )


def save_outcome(
    name: str, outcome: Outcome, folder: Path, settings: Settings, *, overwrite: bool = False
) -> list[Path]:
    """Write text, numbers, figures and a record of how they came; all files or none.

    Parameters
    ----------
    name : str
        Of the experiment: ``<name>.md`` and ``<name>.json``; tables and figures have stems of
        their own.
    outcome : Outcome
        What it found.
    folder : Path
        Created where needed.
    settings : Settings
        How it was run.
    overwrite : bool
        Whether earlier results of the experiment may be replaced.

    Raises
    ------
    MRFInputError
        ``"exists"``, and the codes of failed writes.
    """
    tables = {f"{stem}.csv": table for stem, table in outcome.tables.items()}
    figures = {f"{stem}.{kind}": (figure, kind)
               for stem, figure in outcome.figures.items() for kind in FIGURE_KINDS}  # fmt: skip
    text = f"{name}.md"
    kind_of_results = experiment_results(name)
    with kind_of_results.writing(folder, (text, *tables, *figures), overwrite=overwrite) as staged:
        staged[text].write_text(outcome.text + "\n", encoding="utf-8")
        for file, table in tables.items():
            write_csv(staged[file], table, overwrite=True)
        for file, (figure, kind) in figures.items():
            write_figure(figure, staged[file], kind)
        staged.write_record({
            "experiment": name,
            "quick": settings.quick,
            "device": settings.device,
            **outcome.record,
            "files": staged.sums(),
        })  # fmt: skip
    return staged.paths
