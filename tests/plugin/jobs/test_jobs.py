"""A job reports, can be cancelled, and never loses a failure."""

import threading
import time

import pytest

from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.jobs import Job, JobState, Step, as_steps, worker
from napari_mrf.plugin.jobs import job as job_module


@pytest.fixture
def job(qtbot):
    job = Job()
    yield job
    job.cancel()
    from superqt.utils import WorkerBase

    WorkerBase.await_workers(5000)


def _wait_for(qtbot, job, state):
    qtbot.waitUntil(lambda: job.status.state is state, timeout=5000)


def test_result_and_values_arrive_in_the_main_thread(qtbot, job):
    threads = {}

    def work(n):
        threads["work"] = threading.get_ident()
        for i in range(n):
            yield Step(i + 1, n, value=i, keep=True)
        return "result"

    values, results, states = [], [], []

    def receive(value):
        values.append(value)
        threads["update"] = threading.get_ident()

    job.updated.connect(receive)
    job.succeeded.connect(results.append)
    job.changed.connect(lambda status: states.append(status.state))
    job.start("counting", work, 3)
    _wait_for(qtbot, job, JobState.DONE)
    assert values == [0, 1, 2]
    assert results == ["result"]
    assert states[0] is JobState.RUNNING
    assert states[-1] is JobState.DONE
    assert threads["update"] == threading.get_ident() != threads["work"]


@pytest.mark.parametrize("n_steps", [0, 3])
def test_work_that_returns_nothing_is_done_too(qtbot, job, n_steps):
    def work():
        for i in range(n_steps):
            yield Step(i + 1, n_steps)

    results = []
    job.succeeded.connect(results.append)
    job.start("nothing to hand over", work)
    _wait_for(qtbot, job, JobState.DONE)
    assert results == [None]


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), ValueError("bad"), MemoryError()])
def test_every_exception_ends_as_a_typed_failure(qtbot, job, error):
    def work():
        yield Step(1, 2)
        raise error

    job.start("failing", work)
    _wait_for(qtbot, job, JobState.FAILED)
    assert job.status.failure.error is error
    assert "work" in job.status.failure.trace
    assert job.status.failure.sentence


def test_runtime_error_before_the_first_yield_is_a_failure_too(qtbot, job):
    def work():
        raise RuntimeError("at once")
        yield Step()

    job.start("failing", work)
    _wait_for(qtbot, job, JobState.FAILED)
    assert job.status.failure.sentence == "RuntimeError: at once"


def test_input_error_keeps_its_cause_and_cure(qtbot, job):
    def work():
        yield Step()
        raise MRFInputError("frames-mismatch", "the series does not fit", hint="Pick another.")

    job.start("failing", work)
    _wait_for(qtbot, job, JobState.FAILED)
    assert job.status.failure.sentence == "the series does not fit. Pick another."


def test_cancel_takes_effect_at_once_and_nothing_arrives_after_it(qtbot, job):
    release, entered = threading.Event(), threading.Event()
    ended = threading.Event()

    def work():
        try:
            yield Step(1, 10)
            entered.set()
            release.wait(5)  # stands for a chunk that cannot be interrupted
            yield Step(2, 10, value="late", keep=True)
        finally:
            ended.set()

    values = []
    job.updated.connect(values.append)
    job.start("slow", work)
    qtbot.waitUntil(entered.is_set, timeout=5000)
    started_s = time.thread_time()
    job.cancel()
    assert job.status.state is JobState.CANCELLED
    assert time.thread_time() - started_s < 1.0
    release.set()
    qtbot.waitUntil(ended.is_set, timeout=5000)
    qtbot.wait(50)
    assert values == []
    assert job.status.state is JobState.CANCELLED


def test_new_work_can_start_after_cancel_while_the_old_thread_ends(qtbot, job):
    release, entered = threading.Event(), threading.Event()

    def stuck():
        yield Step()
        entered.set()
        release.wait(5)
        yield Step(value="old", keep=True)
        return "old"

    def quick():
        yield Step()
        return "new"

    results = []
    job.succeeded.connect(results.append)
    job.start("stuck", stuck)
    qtbot.waitUntil(entered.is_set, timeout=5000)
    job.cancel()
    job.start("quick", quick)
    _wait_for(qtbot, job, JobState.DONE)
    release.set()
    qtbot.wait(50)
    assert results == ["new"]


def test_quit_by_a_closing_window_ends_as_cancelled(qtbot, job):
    from superqt.utils import WorkerBase

    entered = threading.Event()

    def endless():
        while True:
            entered.set()
            yield Step(value=1)

    values_after = []
    job.start("endless", endless)
    qtbot.waitUntil(entered.is_set, timeout=5000)
    WorkerBase.await_workers(5000)
    job.updated.connect(values_after.append)
    _wait_for(qtbot, job, JobState.CANCELLED)
    assert values_after == []


def test_second_start_while_running_is_refused(qtbot, job):
    release = threading.Event()

    def work():
        release.wait(5)
        yield Step()

    job.start("one", work)
    with pytest.raises(RuntimeError, match="one is still running"):
        job.start("two", work)
    release.set()
    _wait_for(qtbot, job, JobState.DONE)


def test_many_quick_steps_do_not_flood_the_window(qtbot, job):
    def work():
        for i in range(20_000):
            yield Step(i, 20_000)

    changes = []
    job.changed.connect(changes.append)
    job.start("quick", work)
    _wait_for(qtbot, job, JobState.DONE)
    assert len(changes) < 200


class Clock:
    """Time that passes only when told to."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


def test_time_left_counts_from_the_first_progress(qtbot, job, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(job_module, "time", clock)
    monkeypatch.setattr(worker, "time", clock)

    def work():
        for done, pause_s in ((0, 300.0), (10, 60.0), (55, 0.0)):
            yield Step(done, 100, "voxels", keep=True)
            received.acquire(timeout=60)
            clock.now += pause_s

    received = threading.Semaphore(0)
    left = []

    def note(status):
        if status.detail and status.is_running:
            left.append(status.seconds_left)
            received.release()

    job.changed.connect(note)
    job.start("estimated", work)
    _wait_for(qtbot, job, JobState.DONE)
    assert left == [None, None, pytest.approx(60.0)]  # 45 of 100 left at 45 in 60 s


def test_time_left_is_right_in_each_pass(qtbot, job, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(job_module, "time", clock)
    monkeypatch.setattr(worker, "time", clock)

    def work():
        for stage, pace_s in (("", 1.0), ("refining", 0.25)):
            for done in range(0, 101, 10):
                yield Step(done, 100, "voxels", stage, keep=True)
                received.acquire(timeout=60)
                clock.now += 10 * pace_s

    received = threading.Semaphore(0)
    left = {}

    def note(status):
        if status.detail:
            left[status.stage, status.done] = status.seconds_left
            received.release()

    job.changed.connect(note)
    job.start("two passes", work)
    _wait_for(qtbot, job, JobState.DONE)
    assert left["", 10] is None
    assert left["", 60] == pytest.approx(40.0)
    assert left["refining", 0] is None
    assert left["refining", 10] is None
    assert left["refining", 60] == pytest.approx(10.0)
    assert left["refining", 100] is None  # the job has ended


def test_end_of_a_cancelled_run_does_not_end_the_next(qtbot):
    job = Job()

    def quick(result):
        yield Step(1, 1)
        return result

    results = []
    job.succeeded.connect(results.append)
    for number in range(30):
        job.start("first", quick, "cancelled")
        job.cancel()
        job.start("second", quick, number)
        qtbot.waitUntil(lambda: not job.status.is_running, timeout=10_000)
        assert job.status.state is JobState.DONE
    assert results == list(range(30))


def test_updates_of_the_library_become_steps_and_its_result_comes_back():
    closed = []

    def work():
        try:
            yield "reading"
            yield "writing"
            return 42
        finally:
            closed.append(True)

    def outer():
        result = yield from as_steps(work(), Step.saying)
        yield Step(value=result)

    assert list(outer()) == [Step(detail="reading"), Step(detail="writing"), Step(value=42)]
    cancelled = outer()
    next(cancelled)
    cancelled.close()
    assert closed == [True, True]
