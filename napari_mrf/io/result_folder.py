"""Result folders: earlier results refused, all files or none, the record last."""

from __future__ import annotations

import errno
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf._version import __version__
from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import atomic_write_all, make_folder, write_error
from napari_mrf.io.folder_lock import held, settle
from napari_mrf.io.formats.source import sha256_of
from napari_mrf.io.owners import sweep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


@dataclass(frozen=True)
class ResultKind:
    """One kind of result folder: its files, and how it is written.

    Parameters
    ----------
    holds : str
        In messages: "the folder holds ... already".
    record : str
        Name of the file that is written last: where it stands, the results are complete.
    files : tuple of str
        Names that results of this kind may have besides, ``/`` before those in a folder below.
    patterns : tuple of str
        Further files of earlier results, such as ``voxel_*.csv``. They go with the earlier
        results, but are no results by themselves: others may use such names.
    format : str
        Opens the record, unless the content of the record has one.
    """

    holds: str
    record: str
    files: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    format: str = ""

    def refuse_earlier(
        self, directory: str | Path, *, overwrite: bool, names: Iterable[str] = ()
    ) -> set[Path]:
        """Refuse a folder that cannot take results, before any work.

        What a run that was killed has left unfinished in it is deleted.

        Parameters
        ----------
        directory : str or Path
            Need not exist.
        overwrite : bool
            Whether earlier results may be replaced.
        names : iterable of str
            Further files that will be written.

        Returns
        -------
        set of Path
            The earlier files, which go when new ones are written.

        Raises
        ------
        MRFInputError
            ``"exists"``, ``"in-use"``, ``"not-a-folder"``, ``"not-writable"``,
            ``"name-too-long"``.
        """
        folder = Path(directory)
        try:
            _refuse_place(folder)
        except OSError as error:
            raise write_error(error, folder) from error
        settle(folder)
        return self._earlier(folder, overwrite=overwrite, names=names)

    def _earlier(self, folder: Path, *, overwrite: bool, names: Iterable[str]) -> set[Path]:
        """Return the earlier files; raise ``"exists"`` where they may not be replaced."""
        try:
            known = dict.fromkeys((*self.files, *names, self.record))
            earlier = {folder / name for name in known if (folder / name).exists()}
            if earlier and not overwrite:
                found = sorted(path.relative_to(folder).as_posix() for path in earlier)
                hint = "Choose another folder, or overwrite it (on the command line --overwrite)."
                if folder / self.record not in earlier:
                    hint = f"They have no record ({self.record}). {hint}"
                raise MRFInputError("exists", f"the folder already contains {self.holds}",
                                    path=folder, found=", ".join(found), hint=hint)  # fmt: skip
            if earlier:
                earlier |= {path for one in self.patterns for path in folder.glob(one)}
        except OSError as error:
            raise write_error(error, folder) from error
        return earlier

    @contextmanager
    def writing(
        self, directory: str | Path, names: Iterable[str], *, overwrite: bool = False
    ) -> Iterator[Staged]:
        """Write results to a folder: all files, or none; the folder is held meanwhile.

        Parameters
        ----------
        directory : str or Path
            Created where needed; an existing folder is fine, and files of others in it stay.
        names : iterable of str
            What is written, in this order, besides the record.
        overwrite : bool
            Whether earlier results may be replaced. All of them go, whatever their names; after
            a failure they are as they were.

        Yields
        ------
        Staged
            Where to write each file in the body.

        Raises
        ------
        MRFInputError
            As `refuse_earlier` and `atomic_write_all`.
        """
        folder, names = Path(directory), tuple(names)
        self.refuse_earlier(folder, overwrite=overwrite, names=names)
        paths = [folder / name for name in (*names, self.record)]
        for one in dict.fromkeys(path.parent for path in paths):
            make_folder(one)
        with held(folder) as lock:
            for one in {(folder / name).parent for name in (*self.files, *self.patterns)}:
                sweep(one)
            earlier = self._earlier(folder, overwrite=overwrite, names=names)
            with atomic_write_all(
                paths, instead_of=earlier,
                before_placing=partial(lock.note, folder / self.record),
            ) as temporary:  # fmt: skip
                yield Staged(self, folder, temporary)


@dataclass(frozen=True)
class Staged:
    """The files of a result folder while they are written.

    Parameters
    ----------
    kind : ResultKind
        What is written.
    folder : Path
        Where the files belong.
    temporary : mapping of Path to Path
        Where they are written for the time being, by their final paths.
    """

    kind: ResultKind
    folder: Path
    temporary: Mapping[Path, Path] = field(repr=False)

    def __getitem__(self, name: str) -> Path:
        """Return where the file of this name is written."""
        return self.temporary[self.folder / name]

    @property
    def paths(self) -> list[Path]:
        """Final paths in the order they appear, the record last."""
        return list(self.temporary)

    def below(self, name: str, kind: ResultKind) -> Staged:
        """Return the results of another kind that are written into a folder below this one."""
        home = self.folder / name
        return Staged(kind, home, {path: temporary for path, temporary in self.temporary.items()
                                   if path.is_relative_to(home)})  # fmt: skip

    def part(self, kind: ResultKind, names: Iterable[str]) -> Staged:
        """Return the results of another kind that are written into the same folder."""
        paths = [self.folder / name for name in (*names, kind.record)]
        return Staged(kind, self.folder, {path: self.temporary[path] for path in paths})

    def sums(self) -> dict[str, str]:
        """Return the sha256 of every file but the record, by its name."""
        record = self.folder / self.kind.record
        return {
            path.relative_to(self.folder).as_posix(): sha256_of(temporary)
            for path, temporary in self.temporary.items()
            if path != record
        }

    def write_record(self, content: Mapping[str, Any]) -> None:
        """Write the record, after all other files: format, version, software, then the content.

        Parameters
        ----------
        content : mapping
            JSON-ready, without NaN.
        """
        head = {
            "format": self.kind.format,
            "version": 1,
            "software": {"name": "napari-mrf", "version": __version__},
        }
        text = json.dumps({**head, **content}, indent=1, allow_nan=False) + "\n"
        self[self.kind.record].write_text(text, encoding="utf-8")


def _refuse_place(folder: Path) -> None:
    """Raise where a folder can neither be made nor written."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
