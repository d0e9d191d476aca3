"""What processes leave that are killed while they write, and who may write meanwhile."""

import os
import time
from pathlib import Path

import pytest
from kills import ended, in_child, killed, killed_at_step, temporary_names

from napari_mrf.errors import MRFInputError
from napari_mrf.io import owners
from napari_mrf.io.atomic import atomic_write, atomic_write_all
from napari_mrf.io.folder_lock import LOCK_NAME, held
from napari_mrf.io.result_folder import ResultKind

if not hasattr(os, "fork"):
    pytest.skip("there is no fork here", allow_module_level=True)

KIND = ResultKind("numbers", "record.json", ("a.txt", "below/b.txt", "c.txt"), ("below/x_*",))
OLD = {"a.txt": "old", "below/b.txt": "old", "below/x_1": "old", "record.json": "old"}
NEW = {"a.txt": "new!", "below/c.txt": "new!", "record.json": "new!"}
DAY_S = 24 * 3600


def write(folder, content, *, overwrite=False):
    with KIND.writing(folder, list(content)[:-1], overwrite=overwrite) as staged:
        for name, text in content.items():
            staged[name].write_text(text)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_text()
            for path in folder.rglob("*") if path.is_file()}  # fmt: skip


@pytest.mark.parametrize("over_earlier", [False, True])
def test_run_killed_at_any_step_is_followed_by_one_that_succeeds(
    tmp_path, monkeypatch, over_earlier
):
    monkeypatch.setattr(os, "fsync", lambda _: None)  # the computer stays on
    foreign = {"mine.txt": "mine", "below/mine.txt": "mine"}
    unfinished = step = 0
    while True:
        step += 1
        folder = tmp_path / str(step)
        (folder / "below").mkdir(parents=True)
        for name, text in foreign.items():
            (folder / name).write_text(text)
        if over_earlier:
            write(folder, OLD)
        if not killed_at_step(lambda: write(folder, NEW, overwrite=True), folder, step):  # noqa: B023
            break
        visible = {name: text for name, text in contents(folder).items() if ".mrf-" not in name}
        finished = "record.json" in visible
        if finished:
            assert visible in ({**foreign, **NEW}, {**foreign, **OLD})
            with pytest.raises(MRFInputError, match="already contains numbers"):
                write(folder, NEW)
        unfinished += not finished
        write(folder, NEW, overwrite=finished)
        assert contents(folder) == {**foreign, **NEW}
        assert not temporary_names(folder)
    assert step > 20
    assert unfinished > 5


def test_file_that_is_not_of_the_killed_run_is_never_deleted(tmp_path):
    """The user puts a file of the same name there, after the kill."""
    assert killed(lambda: write(tmp_path, NEW), lambda _, path: path.name == "record.json")
    (tmp_path / "below" / "c.txt").write_text("mine, and longer")
    with pytest.raises(MRFInputError) as caught:
        write(tmp_path, NEW)
    assert caught.value.code == "exists"
    assert caught.value.found == "below/c.txt"
    assert "no record (record.json)" in caught.value.hint
    assert contents(tmp_path) == {"below/c.txt": "mine, and longer"}


def test_files_without_a_record_that_nobody_was_killed_over_are_not_replaced(tmp_path):
    (tmp_path / "a.txt").write_text("of another program")
    with pytest.raises(MRFInputError) as caught:
        write(tmp_path, NEW)
    assert caught.value.code == "exists"
    assert contents(tmp_path) == {"a.txt": "of another program"}


def test_note_that_reaches_out_of_its_folder_is_not_followed(tmp_path):
    outside, folder = tmp_path / "outside.txt", tmp_path / "results"
    outside.write_text("mine")
    (folder / LOCK_NAME).mkdir(parents=True)
    found = outside.stat()
    for number, name in enumerate(("../outside.txt", str(outside))):
        note = f'{{"record": "r", "before": null, "old": {{}}, "new": {{"{name}": ' + (
            f"[{found.st_size}, {found.st_mtime_ns}]}}}}"
        )
        dead = owners.new_name("lock").replace(f"-{os.getpid()}-", f"-{2**22 + number}-")
        (folder / LOCK_NAME).mkdir(exist_ok=True)
        (folder / LOCK_NAME / dead).write_text(note)
        with held(folder):
            pass
    assert outside.read_text() == "mine"


@pytest.mark.parametrize("over_a_dead_lock", [False, True])
def test_one_of_several_that_start_at_once_wins(tmp_path, over_a_dead_lock):
    ready, go = os.pipe(), os.pipe()
    results = tmp_path / "results"
    if over_a_dead_lock:
        assert killed(lambda: write(results, OLD), lambda _, path: path.name == "record.json")

    def race(number):
        os.write(ready[1], b".")
        os.read(go[0], 1)
        try:
            write(results, {**NEW, "a.txt": str(number)})
            said = "won"
        except MRFInputError as error:
            said = error.code
        (tmp_path / f"said{number}").write_text(said)

    racers = [in_child(lambda number=number: race(number)) for number in range(6)]
    for _ in racers:
        os.read(ready[0], 1)
    os.write(go[1], b"." * len(racers))
    assert [ended(racer) for racer in racers] == [0] * 6
    said = {path.name: path.read_text() for path in tmp_path.glob("said*")}
    assert list(said.values()).count("won") == 1
    assert set(said.values()) <= {"won", "in-use", "exists"}
    assert said[f"said{(results / 'a.txt').read_text()}"] == "won"
    assert not temporary_names(results)


def test_folder_in_use_is_refused_before_any_work_and_while_writing(tmp_path):
    ready, go = os.pipe(), os.pipe()

    def hold():
        with held(tmp_path):
            os.write(ready[1], b".")
            os.read(go[0], 1)

    child = in_child(hold)
    os.read(ready[0], 1)
    for attempt in (
        lambda: KIND.refuse_earlier(tmp_path, overwrite=True),
        lambda: write(tmp_path, NEW, overwrite=True),
    ):
        with pytest.raises(MRFInputError) as caught:
            attempt()
        assert caught.value.code == "in-use"
        assert caught.value.found == f"process {child} on {owners.host_name()}"
        assert caught.value.hint
    os.write(go[1], b".")
    assert ended(child) == 0
    write(tmp_path, NEW)
    assert contents(tmp_path) == NEW


def left_by_another_host(folder, monkeypatch, age_s):
    """A lock and a temporary file of a process whose host is not this one."""
    with monkeypatch.context() as patch:
        patch.setattr(owners.platform, "node", lambda: "Scanner 2, König")
        lock = folder / LOCK_NAME / owners.new_name("lock")
        temporary = folder / owners.new_name()
    lock.parent.mkdir()
    for path in (lock, temporary):
        path.touch()
        os.utime(path, (time.time() - age_s,) * 2)
    return temporary


def test_process_of_another_host_is_believed_alive_for_a_week(tmp_path, monkeypatch):
    """Whatever this computer's own clock says: age is the difference of two files' times."""
    temporary = left_by_another_host(tmp_path, monkeypatch, 6.9 * DAY_S)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    with pytest.raises(MRFInputError) as caught:
        write(tmp_path, NEW)
    assert caught.value.code == "in-use"
    assert caught.value.found.endswith("on Scanner_2__K_nig")
    assert LOCK_NAME in caught.value.hint
    assert temporary.exists()
    assert len(temporary_names(tmp_path)) == 3


def test_process_of_another_host_is_dead_after_a_week(tmp_path, monkeypatch):
    left_by_another_host(tmp_path, monkeypatch, 7.1 * DAY_S)
    write(tmp_path, NEW)
    assert contents(tmp_path) == NEW
    assert not temporary_names(tmp_path)


def test_lock_that_is_refreshed_stays_young(tmp_path):
    with held(tmp_path) as lock:
        (own,) = (tmp_path / LOCK_NAME).iterdir()
        os.utime(own, (0, 0))
        lock.refresh()
        assert abs(own.stat().st_mtime - time.time()) < DAY_S


def test_living_process_is_told_from_a_dead_one_and_from_a_later_one_of_its_number():
    ready, go = os.pipe(), os.pipe()
    here = Path()
    child = in_child(lambda: os.write(ready[1], owners.new_name().encode()) and os.read(go[0], 1))
    name = os.read(ready[0], 200).decode()
    owner = owners.owner_of(name)
    assert owner.process == child
    assert not owner.is_gone(here, here)
    later = owners.Owner(owner.host, child, owner.started + "1")
    assert later.is_gone(here, here)
    os.write(go[1], b".")
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # dead, and not yet fetched by its parent
    assert owner.is_gone(here, here)
    ended(child)
    assert owner.is_gone(here, here)


def test_start_of_a_process_is_that_of_another_implementation(tmp_path):
    psutil = pytest.importorskip("psutil")
    mine, other = owners._start_elsewhere(os.getpid()), psutil.Process().create_time()
    assert mine == str(round(other * 1000))
    child = in_child(lambda: None)
    ended(child)
    assert owners._start_elsewhere(child) is None


@pytest.mark.parametrize("host", ["a", "a-1-b.example.org", "h" * 200, ""])
def test_name_is_short_and_says_whose_it_is(monkeypatch, host):
    monkeypatch.setattr(owners.platform, "node", lambda: host)
    name = owners.new_name()
    assert len(name) <= 120
    assert owners.owner_of(name).process == os.getpid()
    assert owners.owner_of(name).is_here
    assert owners.owner_of(name, "lock") is None
    assert owners.new_name() != name
    for other in (".mrf-0123456789ab.tmp", "mine.tmp", name[1:], f"{name}.gz"):
        assert owners.owner_of(other) is None


@pytest.mark.parametrize("name", ["a.txt", "b.txt"])
def test_single_files_and_pairs_leave_no_temporary_names_either(tmp_path, name):
    def pair():
        paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
        with atomic_write_all(paths) as staged:
            for path in paths:
                staged[path].write_text("pair")

    assert killed(pair, lambda _, path: path == tmp_path / name)
    assert temporary_names(tmp_path)
    with atomic_write(tmp_path / "other.txt") as staged:
        staged.write_text("x")
    assert not temporary_names(tmp_path)
