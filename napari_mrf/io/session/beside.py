"""Maps and regions that are saved with a session: they appear with its file, or not at all."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from napari_mrf.io.atomic import make_folder, write_error
from napari_mrf.io.folder_lock import FolderLock, held
from napari_mrf.io.owners import delete, new_name
from napari_mrf.io.session.file import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Beside:
    """The folder beside a session file, while the session is saved; see `saving_beside`.

    Parameters
    ----------
    session_path : Path
        The session file.
    opened : ExitStack
        What is to be closed at the end.
    """

    def __init__(self, session_path: Path, opened: ExitStack) -> None:
        self._session_path, self._opened = session_path, opened
        self.folder = session_path.with_name(session_path.name[: -len(SUFFIX)] + "_session")
        self._lock: FolderLock | None = None

    def open(self) -> None:
        """Hold the folder; what a save that was killed has left in it is deleted."""
        if self._lock is None:
            make_folder(self.folder)
            self._lock = self._opened.enter_context(held(self.folder))
            self._staging = self.folder / new_name()
            self._opened.callback(delete, self._staging)
            make_folder(self._staging)

    def kept(self, name: str) -> Path | None:
        """Return a file that an earlier save has left under a name; None where there is none."""
        path = self.folder / name
        return path if path.is_file() else None

    def place(self, name: str, ending: str = "") -> tuple[Path, Path]:
        """Return where to write something, and the free place where it will lie at last."""
        self.open()
        full, number = f"{name}{ending}", 2
        while (self.folder / full).exists() or (self._staging / full).exists():
            full, number = f"{name}_{number}{ending}", number + 1
        return self._staging / full, self.folder / full

    def put_in_place(self, save: Callable[[], None]) -> None:
        """Put all that was written in its place, and call what writes the session file.

        Raises
        ------
        MRFInputError
            What `save` raises, and the codes of failed writes; then nothing has changed.
        """
        if self._lock is None:
            save()
            return
        files = [file for file in self._staging.rglob("*") if file.is_file()]
        self._lock.note(
            self._session_path,
            {self.folder / file.relative_to(self._staging): file for file in files},
        )
        try:
            for one in list(self._staging.iterdir()):
                one.rename(self.folder / one.name)
            save()
        except BaseException as error:
            self._lock.settle()
            if isinstance(error, OSError):
                raise write_error(error, self.folder) from error
            raise


@contextmanager
def saving_beside(session_path: Path) -> Iterator[Beside]:
    """Save a session with maps and regions that are in no file yet.

    Yields
    ------
    Beside
        To write them by.

    Raises
    ------
    MRFInputError
        ``"in-use"`` where another process saves the same session, and the codes of failed writes.
    """
    with ExitStack() as opened:
        beside = Beside(session_path, opened)
        if beside.folder.is_dir():
            beside.open()
        yield beside
