"""What an experiment found, as files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from napari_mrf._version import __version__
from napari_mrf.analysis.table_files import write_csv
from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import atomic_write_all, write_error
from napari_mrf.plots.figure_files import write_figure

if TYPE_CHECKING:
    from pathlib import Path

    from napari_mrf.reproduction.experiment import Outcome, Settings

FIGURE_KINDS = ("png", "svg")


def refuse_earlier(folder: Path, name: str, *, overwrite: bool) -> None:
    """Refuse a folder that holds this experiment already, unless it may be replaced.

    Raises
    ------
    MRFInputError
        ``"exists"``.
    """
    record = folder / f"{name}.json"
    if record.exists() and not overwrite:
        raise MRFInputError(
            "exists", "the folder holds results of this experiment already", path=record,
            hint="Choose another folder, or give --overwrite.",
        )  # fmt: skip


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
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(error, folder) from error
    refuse_earlier(folder, name, overwrite=overwrite)
    text, record = folder / f"{name}.md", folder / f"{name}.json"
    tables = {stem: folder / f"{stem}.csv" for stem in outcome.tables}
    figures = {(stem, kind): folder / f"{stem}.{kind}"
               for stem in outcome.figures for kind in FIGURE_KINDS}  # fmt: skip
    files = [text, *tables.values(), *figures.values(), record]
    with atomic_write_all(files) as staged:
        staged[text].write_text(outcome.text + "\n", encoding="utf-8")
        for stem, path in tables.items():
            write_csv(staged[path], outcome.tables[stem], overwrite=True)
        for (stem, kind), path in figures.items():
            write_figure(outcome.figures[stem], staged[path], kind)
        said = {
            "experiment": name,
            "software_version": __version__,
            "quick": settings.quick,
            "device": settings.device,
            **outcome.record,
        }
        staged[record].write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    return files
