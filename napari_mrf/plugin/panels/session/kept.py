"""Work that is kept without being saved: one folder a window, in the user's data folder.

A folder is named by its owner, as temporary files are: host, process and its start tell whether
the window is still there. Taking one over is one rename, so of two windows one gets it.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import make_folder
from napari_mrf.io.owners import delete, new_name, owner_of
from napari_mrf.plugin.jobs import Step
from napari_mrf.plugin.panels.session.work import save_study
from napari_mrf.plugin.subjects import distinct_names

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.plugin.panels.session.work import SavedStudy, Study

FOLDER_VARIABLE = "NAPARI_MRF_AUTOSAVE"
STUDY_NAME = "study.mrf.json"
KEPT_DAYS = 30
_KIND = "work"


def kept_root() -> Path:
    """Return the folder for the work of all windows (it need not exist)."""
    from platformdirs import user_data_path

    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else user_data_path("napari-mrf", appauthor=False) / "autosave"


def new_kept_folder() -> Path:
    """Return a folder for one window that no other one has; it is not made yet."""
    # Without the dot: what is swept as temporary begins with it.
    return kept_root() / new_name(_KIND).removeprefix(".")


@dataclass
class Kept:
    """What lies in the folder of a window.

    Parameters
    ----------
    folder : Path
        Of this window.
    maps : list of tuple
        Complete maps, and the folder that they were written to.
    labels : ndarray or None
        (Z, Y, X) label map that was written last.
    labels_path : str
        Where it lies.
    """

    folder: Path = field(default_factory=new_kept_folder)
    maps: list[tuple[ParameterMaps, str]] = field(default_factory=list)
    labels: NDArray[np.uint16] | None = None
    labels_path: str = ""

    def keep(self, study: Study) -> Generator[Step, None, Study]:
        """Write what has changed; the state before is there until the new one is complete.

        Returns
        -------
        Study
            What was handed in.

        Raises
        ------
        MRFInputError
            The errors of the writers.
        """
        make_folder(self.folder)
        with suppress(OSError):  # of patients, so nobody else is to read it
            self.folder.chmod(0o700)
        saved = yield from save_study(self._known(study), self.folder / STUDY_NAME)
        self._note(saved)
        return study

    def _known(self, study: Study) -> Study:
        """Return a study whose maps and regions lie here where they have been written before."""
        series = study.series
        if series is not None and not (series.source_path and series.metadata.get("sources")):
            series = None  # it lies in no file: the rest is kept all the same
        sets = [
            one if one.folder else replace(one, folder=next(
                (folder for maps, folder in self.maps if maps is one.maps), ""))
            for one in study.maps_sets
        ]  # fmt: skip
        regions = study.regions
        if regions is not None and not regions.path and regions.labels is self.labels:
            regions = replace(regions, path=self.labels_path)
        return replace(study, series=series, maps_sets=tuple(sets), regions=regions, results=())

    def _note(self, saved: SavedStudy) -> None:
        """Remember what was written, and delete what the study no longer names."""
        study = saved.study
        folders = {one.name: str(saved.folders.get(one.name, one.folder))
                   for one in study.maps_sets}  # fmt: skip
        self.maps = [(one.maps, folders[one.name]) for one in study.maps_sets]
        if study.regions is not None:
            self.labels = study.regions.labels
            self.labels_path = str(saved.labels_path or study.regions.path)
        named = {Path(one) for one in (*folders.values(), self.labels_path) if one}
        named.update(saved.items)
        beside = self.folder / f"{STUDY_NAME.removesuffix('.mrf.json')}_session"
        for one in list(beside.iterdir()) if beside.is_dir() else []:
            if one not in named:
                delete(one)

    def discard(self) -> None:
        """Delete the folder."""
        self.maps, self.labels, self.labels_path = [], None, ""
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class LeftWork:
    """Work of a window that ended without a question.

    Parameters
    ----------
    folder : Path
        Where it lies.
    saved_at : datetime
        When it was kept last.
    series_name : str
        Of the series that it is on, with its folder where another of that name is left; empty
        without one.
    """

    folder: Path
    saved_at: datetime
    series_name: str

    def __str__(self) -> str:
        on = f" on {self.series_name}" if self.series_name else ""
        return f"Work of {self.saved_at:%Y-%m-%d %H:%M}{on} was not saved."

    def discard(self) -> None:
        """Delete it, unless another window has taken it over."""
        folder = self.take_over()
        if folder is not None:
            delete(folder)

    def take_over(self) -> Path | None:
        """Make it the work of this window, and return its folder; None where it is gone."""
        mine = new_kept_folder()
        try:
            return self.folder.rename(mine)
        except OSError:
            return None


def left_folders() -> list[Path]:
    """Return the folders whose windows are gone."""
    root = kept_root()
    found = []
    for folder in root.iterdir() if root.is_dir() else ():
        owner = owner_of(f".{folder.name}", _KIND)
        with suppress(OSError):
            if owner is not None and owner.is_gone(folder, root):
                found.append(folder)
    return found


def read_left(folders: list[Path]) -> Generator[Step, None, list[LeftWork]]:
    """Return the work in folders whose windows are gone, the youngest first.

    What nobody asked for in 30 days, and folders without work, are deleted. Work that cannot be
    read, of another version perhaps, is left alone until then.
    """
    from napari_mrf.io.session.file import load_session

    found: list[LeftWork] = []
    scans: list[tuple[str, str]] = []  # name and file
    for folder in folders:
        yield Step(detail=folder.name)
        path = folder / STUDY_NAME
        touched = path.stat().st_mtime if path.is_file() else 0.0
        if time.time() - touched > KEPT_DAYS * 24 * 3600:
            delete(folder)
            continue
        try:
            file = load_session(path)
        except MRFInputError:
            continue
        name = "" if file.series is None else file.series.name
        scans.append((name, "" if file.series is None else file.series.files[0].path))
        found.append(LeftWork(folder, datetime.fromtimestamp(touched), name))
    # Two visits often have files of one name.
    several = list(dict.fromkeys(scan for scan in scans if scan[0]))
    named = distinct_names([name for name, _ in several], [((path,),) for _, path in several])
    names = dict(zip(several, named, strict=True))
    told = [replace(one, series_name=names.get(scan, ""))
            for one, scan in zip(found, scans, strict=True)]  # fmt: skip
    return sorted(told, key=lambda one: one.saved_at, reverse=True)
