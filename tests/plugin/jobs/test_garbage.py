"""Reference cycles die in the thread of the window, whoever computes meanwhile."""

import gc
import threading
import weakref

import dask.array
import pytest
from superqt.utils import WorkerBase

from napari_mrf.plugin.jobs import Job, JobState, Step
from napari_mrf.plugin.jobs.garbage import GARBAGE, GarbageWatch, start_thread
from napari_mrf.plugin.kit.latest import Latest


@pytest.fixture(autouse=True)
def automatic(qtbot):
    """Let Python search often, as if a lot were allocated all the time."""
    # Threads of an earlier test: to switch the search on beside them is what must not happen.
    qtbot.waitUntil(lambda: not GARBAGE.is_held, timeout=30_000)
    limits = gc.get_threshold()
    gc.set_threshold(20, 3, 3)
    yield
    WorkerBase.await_workers(10_000)
    qtbot.waitUntil(lambda: not GARBAGE.is_held, timeout=10_000)
    gc.set_threshold(*limits)
    gc.enable()


def searches():
    """Whether Python searches of its own accord."""
    return gc.isenabled() and gc.get_threshold()[0] > 0


class Cycle:
    """Stands for a window: full of cycles, and not to be taken apart by another thread."""

    def __init__(self, deaths):
        self.deaths = deaths
        self.itself = self

    def __del__(self):
        self.deaths.append(threading.get_ident())


def _allocate_until(is_enough, deaths):
    """Make garbage, as computing does; give up when nobody collects it."""
    for _ in range(2000):
        Cycle(deaths)
        kept = [[] for _ in range(200)]
        if is_enough():
            return True
        threading.Event().wait(0.002)
        del kept
    return False


def tend_for_long():
    for _ in range(5):
        GARBAGE.tend()


def test_cycles_die_in_the_thread_of_the_window_while_a_job_runs(qtbot):
    deaths, results = [], []

    def work():
        yield Step()
        return _allocate_until(lambda: len(deaths) > 50, deaths)

    job = Job()
    job.succeeded.connect(results.append)
    job.start("allocating", work)
    # Not before: until then a thread of the test runner's may search too.
    for _ in range(10):
        Cycle(deaths)
    qtbot.waitUntil(lambda: job.status.state is JobState.DONE, timeout=60_000)
    assert results == [True]  # what the thread left behind is collected while it runs
    assert set(deaths) == {threading.get_ident()}
    deaths.clear()  # once the search is given back, a thread of the test runner's may search too
    qtbot.waitUntil(searches, timeout=10_000)


def test_cycles_die_in_the_thread_of_the_window_while_the_inspector_answers(qtbot):
    deaths = []

    def answer(question):
        yield _allocate_until(lambda: len(deaths) > 50, deaths)

    latest = Latest(answer)
    answers = []
    latest.answered.connect(answers.append)
    latest.ask(0)
    qtbot.waitUntil(lambda: bool(answers), timeout=60_000)
    assert answers == [True]
    assert set(deaths) == {threading.get_ident()}


def test_search_rests_until_the_thread_of_a_cancelled_job_has_ended(qtbot):
    release, entered = threading.Event(), threading.Event()

    def stuck():
        yield Step()
        entered.set()
        release.wait(10)

    job = Job()
    job.start("stuck", stuck)
    qtbot.waitUntil(entered.is_set)
    job.cancel()
    tend_for_long()
    assert not searches()
    release.set()
    qtbot.waitUntil(searches, timeout=10_000)


def test_search_goes_on_when_the_last_of_several_jobs_has_ended_in_whatever_way(qtbot):
    release = [threading.Event(), threading.Event()]

    def work(number):
        yield Step()
        release[number].wait(10)
        if number:
            raise RuntimeError("broken")

    jobs = [Job(), Job()]
    for number, job in enumerate(jobs):
        job.start("waiting", work, number)
    release[0].set()
    qtbot.waitUntil(lambda: jobs[0].status.state is JobState.DONE)
    tend_for_long()
    assert not searches()
    release[1].set()
    qtbot.waitUntil(lambda: jobs[1].status.state is JobState.FAILED)
    qtbot.waitUntil(searches, timeout=10_000)


def test_thread_that_fails_gives_the_search_back(qtbot, monkeypatch):
    told = []
    monkeypatch.setattr(threading, "excepthook", told.append)

    def broken():
        raise RuntimeError("broken")

    start_thread(broken, name="broken")
    assert not searches()
    qtbot.waitUntil(searches, timeout=10_000)
    assert str(told[0].exc_value) == "broken"


def test_thread_that_cannot_start_gives_the_search_back(qtbot, monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="new thread"):
        start_thread(int, name="none")
    qtbot.waitUntil(searches, timeout=10_000)


def test_search_that_the_user_has_switched_off_stays_off(qtbot):
    gc.disable()
    done = threading.Event()
    start_thread(done.set, name="short")
    qtbot.waitUntil(done.is_set)
    tend_for_long()
    assert not searches()
    assert not GARBAGE.is_held


def test_search_that_somebody_switches_on_beside_a_thread_rests(qtbot):
    release = threading.Event()
    start_thread(lambda: release.wait(10), name="long")
    dask.array.zeros(9, chunks=3)[2:7]  # dask switches it on, whatever it was before
    assert gc.isenabled() and not searches()
    gc.set_threshold(30, 3, 3)
    qtbot.waitUntil(lambda: not searches(), timeout=10_000)
    gc.set_threshold(30, 3, 3)
    start_thread(lambda: None, name="short")
    assert not searches()
    release.set()
    qtbot.waitUntil(searches, timeout=10_000)
    assert gc.get_threshold() == (30, 3, 3)


class Window:
    """Stands for a window in no cycle; its work holds it, as the panel that asks is held."""

    def __init__(self, deaths):
        self.deaths = deaths

    def __del__(self):
        self.deaths.append(threading.get_ident())


def job_of(window, release):
    def work(window):
        yield Step()
        release.wait(10)
        assert window

    job = Job()
    job.start("waiting", work, window)
    return job


def thread_of(window, release):
    def work():
        release.wait(10)
        assert window

    start_thread(work, name="waiting")


def inspector_of(window, release):
    def answer(question):
        yield release.wait(10)
        assert window

    latest = Latest(answer)
    latest.ask(0)
    return latest


@pytest.mark.parametrize("start", [job_of, thread_of, inspector_of])
@pytest.mark.parametrize("has_search", [True, False])
def test_window_that_a_thread_outlives_dies_in_its_own_thread(
    qtbot, monkeypatch, start, has_search
):
    monkeypatch.setattr("napari_mrf.plugin.kit.latest._IDLE_S", 0.1)
    if not has_search:
        gc.disable()
    release, deaths = threading.Event(), []
    window = Window(deaths)
    asker = start(window, release)
    if isinstance(asker, Job):
        asker.cancel()
    del window, asker
    gc.collect()
    assert not deaths
    release.set()
    qtbot.waitUntil(lambda: bool(deaths), timeout=10_000)
    assert deaths == [threading.get_ident()]


def test_what_has_got_old_is_collected_too():
    watch, deaths = GarbageWatch(), []
    watch.hold()
    gc.collect()
    old = Cycle(deaths)
    alive = weakref.ref(old)
    gc.collect()
    del old
    kept = []
    for _ in range(200):
        kept.append([[] for _ in range(20_000)])  # a thread that computes
        watch.collect()
        if alive() is None:
            return
    pytest.fail("memory would grow without bound")


def test_full_search_waits_until_a_quarter_more_has_got_old(monkeypatch):
    watch, kept = GarbageWatch(), []
    watch.hold()
    gc.unfreeze()  # all modules count, as in a program
    gc.collect()
    generations = []
    collect = gc.collect

    def noted(generation=2):
        generations.append(generation)
        return collect(generation)

    monkeypatch.setattr(gc, "collect", noted)
    for _ in range(60):
        kept.append([[] for _ in range(50)])
        watch.collect()
    assert set(generations) == {0, 1}
    assert generations.count(0) > 2 * generations.count(1)
