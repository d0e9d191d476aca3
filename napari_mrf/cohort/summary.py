"""Summary of a run: a row for each subject, as CSV and as an HTML page, written as rows come.

Rows wait on the disk, so that memory does not grow with the cohort.
"""

from __future__ import annotations

import csv
import json
import os
from array import array
from collections import Counter
from datetime import UTC, datetime
from importlib.resources import files
from typing import IO, TYPE_CHECKING, Any

from napari_mrf._version import NUMERICS, __version__
from napari_mrf.cohort.description import OWN_NAMES
from napari_mrf.cohort.outcome import STATES, Outcome
from napari_mrf.errors import shown
from napari_mrf.io.atomic import atomic_write_all, write_error
from napari_mrf.io.owners import new_name
from napari_mrf.io.tables.table_files import escape_formula

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

CSV_NAME, HTML_NAME = OWN_NAMES[2:]
_NOT_REACHED = -1
COLUMNS = {
    "subject": "name of the subject",
    "session": "name of the session",
    "folder": "folder of the maps",
    "state": "made, kept, refused, failed or not reached",
    "series": "series or raw file",
    "voxels": "voxels with values, where maps were made in this run",
    "seconds": "time that the work took",
    "warnings": "what a user should read",
    "error_code": "code of the error",
    "error": "the error, with its cure",
}


class Summary:
    """The rows of a run while it goes on.

    Parameters
    ----------
    folder : Path
        Of all results; exists.
    names : tuple of str
        Of all subjects, in the order of the table.
    """

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self._folder, self._names = folder, names
        self._places = array("q", [_NOT_REACHED]) * len(names)
        self._index = {name: index for index, name in enumerate(names)}
        self._path = folder / new_name()
        self.counts: Counter[str] = Counter()
        try:
            self._rows: IO[str] = self._path.open("w+", encoding="utf-8")
        except OSError as error:
            raise write_error(error, folder) from error

    def add(self, outcome: Outcome) -> None:
        """Take the row of a subject."""
        index = self._index[outcome.name]
        try:
            self._rows.seek(0, os.SEEK_END)
            self._places[index] = self._rows.tell()
            self._rows.write(json.dumps(outcome.as_dict()) + "\n")
        except OSError as error:
            raise write_error(error, self._folder) from error
        self.counts[outcome.state] += 1

    def position(self, outcome: Outcome) -> int:
        """Return where a subject stands in the cohort, from 0."""
        return self._index[outcome.name]

    def write(self, about: Mapping[str, str]) -> list[Path]:
        """Write both files, instead of those of an earlier run, and return their paths.

        Parameters
        ----------
        about : mapping of str to str
            Lines of the page on the run as a whole.

        Raises
        ------
        MRFInputError
            The codes of failed writes.
        """
        paths = [self._folder / CSV_NAME, self._folder / HTML_NAME]
        with atomic_write_all(paths) as staged:
            with staged[paths[0]].open("w", encoding="utf-8", newline="") as file:
                table = csv.writer(file, lineterminator="\n")
                table.writerow(COLUMNS)
                table.writerows(row.values() for row in self._table())
            with staged[paths[1]].open("w", encoding="utf-8") as file:
                file.writelines(self._page(about))
        return paths

    def close(self) -> None:
        """Delete the rows."""
        self._rows.close()
        self._path.unlink(missing_ok=True)

    def _table(self) -> Iterator[dict[str, str]]:
        for name, place in zip(self._names, self._places, strict=True):
            if place == _NOT_REACHED:
                empty = dict.fromkeys(COLUMNS, "")
                row = {**empty, "subject": name, "folder": name, "state": "not reached"}
            else:
                self._rows.seek(place)
                row = _row(json.loads(self._rows.readline()))
            yield {key: escape_formula(shown(text)) for key, text in row.items()}

    def _page(self, about: Mapping[str, str]) -> Iterator[str]:
        import jinja2

        text = files("napari_mrf.cohort").joinpath("summary.html.j2").read_text(encoding="utf-8")
        environment = jinja2.Environment(autoescape=True, trim_blocks=True,
                                         undefined=jinja2.StrictUndefined)  # fmt: skip
        counts = {**self.counts, "not reached": len(self._names) - self.counts.total()}
        made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        return environment.from_string(text).generate(
            made=made, software=f"napari-mrf {__version__}, numerics {NUMERICS}",
            n=len(self._names), counts={key: n for key, n in counts.items() if n},
            meanings={**STATES, "not reached": "the run ended before"},
            about=about, columns=COLUMNS, rows=self._table(),
        )  # fmt: skip


def _row(record: Mapping[str, Any]) -> dict[str, str]:
    error = record["error"]
    outcome = Outcome(**record).input_error
    return {
        "subject": record["subject"],
        "session": record["session"],
        "folder": record["name"],
        "state": record["state"],
        "series": record["series"],
        "voxels": str(record["n_voxels"] or ""),
        "seconds": f"{record['seconds']:.3f}",
        "warnings": " ".join(record["warnings"]),
        "error_code": error.get("code", ""),
        "error": "" if outcome is None else str(outcome),
    }
