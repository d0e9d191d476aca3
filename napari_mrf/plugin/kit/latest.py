"""A worker thread that answers only the newest of many questions.

It is for views that follow the mouse. A `Job` shows progress and is cancelled by the user; here
a newer question replaces an older one.
"""

from __future__ import annotations

import traceback
from threading import Condition
from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import QObject
from qtpy.QtCore import Signal as QtSignal

from napari_mrf.plugin.jobs import Failure
from napari_mrf.plugin.jobs.garbage import start_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_IDLE_S = 3.0


class Latest(QObject):
    """A thread that answers one question at a time; the newest one is next.

    The thread ends after some seconds without a question, since starting a thread takes longer
    than asking.

    Attributes
    ----------
    answered : Signal(object)
        An answer to the newest question, in the thread of the window; several may follow one
        another, the later the more complete. The last question is always answered in full.
    failed : Signal(object)
        The `Failure` that ended the answer to the newest question.

    Parameters
    ----------
    answer : generator function
        Yields answers to a question. It runs in the thread, reads plain arrays and leaves layers
        and widgets alone. Between two answers it may be dropped for a newer question.
    """

    answered = Signal(object)
    failed = Signal(object)
    _delivered = QtSignal(int, object)  # the number of the question, and the answer or the failure

    def __init__(self, answer: Callable[[Any], Iterator[Any]]) -> None:
        super().__init__()
        self._answer = answer
        self._changed = Condition()
        self._number = 0
        self._next: tuple[int, Any] | None = None
        self._is_running = False
        self._is_answering = False
        self._delivered.connect(self._on_delivered)

    @property
    def is_busy(self) -> bool:
        """Whether an answer is on its way."""
        return self._is_answering

    def ask(self, question: Any) -> None:
        """Ask a question; an earlier one without an answer is dropped."""
        with self._changed:
            self._number += 1
            self._next = (self._number, question)
            self._is_answering = True
            if self._is_running:
                self._changed.notify()
                return
            self._is_running = True
        start_thread(self._work, name="mrf-inspector", daemon=True)

    def forget(self) -> None:
        """Drop the current question."""
        with self._changed:
            self._number += 1
            self._next = None

    def _work(self) -> None:
        while True:
            with self._changed:
                if self._next is None:
                    self._is_answering = False
                    self._changed.wait(_IDLE_S)
                item, self._next = self._next, None
                if item is None:
                    self._is_running = False
                    return
            number, question = item
            try:
                for answer in self._answer(question):
                    if number != self._number:
                        break
                    self._delivered.emit(number, answer)
            except Exception as error:  # nothing catches an error of a thread
                self._delivered.emit(number, Failure(error, traceback.format_exc()))

    def _on_delivered(self, number: int, answer: Any) -> None:
        if number != self._number:
            return
        if isinstance(answer, Failure):
            self.failed.emit(answer)
        else:
            self.answered.emit(answer)
