"""Work on threads that can be left at any time."""

import threading
import time
from threading import Event

import pytest

from napari_mrf.compute import threads
from napari_mrf.compute.steps import result_of
from napari_mrf.compute.threads import result_with_pauses, with_pauses


def test_all_pieces_are_done():
    done = []
    assert all(pause is None for pause in with_pauses(done.append, range(20), workers=3))
    assert sorted(done) == list(range(20))
    assert list(with_pauses(done.append, [])) == []
    assert result_of(result_with_pauses(lambda: 7)) == 7


def test_long_work_pauses_and_is_left_at_once(monkeypatch):
    monkeypatch.setattr(threads, "_PAUSE_S", 0.01)
    begun, leave, seen = Event(), Event(), []

    def work(piece):
        seen.append(piece)
        begun.set()
        assert leave.wait(30)

    working = with_pauses(work, range(5), workers=1)
    start = time.monotonic()
    next(working)
    assert begun.wait(30)
    next(working)
    working.close()  # it would wait half a minute for the piece that is under way
    assert time.monotonic() - start < 10 and seen == [0]
    leave.set()
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.name.startswith("pausing"):
            thread.join(30)
    assert seen == [0]  # those not begun are dropped


def test_errors_are_those_of_the_work():
    def fail(piece):
        raise ValueError(piece)

    with pytest.raises(ValueError, match="3"):
        list(with_pauses(fail, [3]))
    with pytest.raises(ZeroDivisionError):
        result_of(result_with_pauses(lambda: 1 / 0))
