"""Other things that are kept for each subject of a session.

Apart from the session: it is for those who keep something themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_mrf.plugin.session.session import Session

_Made = TypeVar("_Made")


class BySubject(Generic[_Made]):
    """One object for each subject of a session, made when it is first asked for.

    Parameters
    ----------
    session : Session
        Referred to by its subjects only.
    make : callable
        Without arguments.
    """

    def __init__(self, session: Session, make: Callable[[], _Made]) -> None:
        self._session, self._make = session, make
        self._made: dict[str, _Made] = {}
        session.subjects_changed.connect(self._on_subjects_changed)

    @property
    def here(self) -> _Made:
        """That of the current subject."""
        return self.of(self._session.subject.key)

    def of(self, key: str) -> _Made:
        """Return that of a subject."""
        if key not in self._made:
            self._made[key] = self._make()
        return self._made[key]

    def _on_subjects_changed(self) -> None:
        kept = {self._session.subject.key, *(one.key for one in self._session.subjects)}
        self._made = {key: one for key, one in self._made.items() if key in kept}
