"""Cohorts on real processes: the bits of a serial run, and nothing lost with a process."""

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE, Popen

import cluster_cases
import distributed
import psutil
import pytest
from cluster_cases import ENVIRONMENT, processes
from cohort_cases import QUICK, maps_bytes, run, write_regions, write_subjects

from napari_mrf.cli import main
from napari_mrf.cohort.cluster import worker_side
from napari_mrf.cohort.cluster.connection import Place, connected
from napari_mrf.cohort.cluster.engine import OnCluster
from napari_mrf.cohort.description import Subject, find_cohort
from napari_mrf.cohort.options import Job
from napari_mrf.cohort.run import iter_run
from napari_mrf.cohort.stages import Statistics
from napari_mrf.errors import MRFInputError

NAMES = tuple("abcdefgh")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A cohort of which one subject is damaged, and its maps by a serial run."""
    home = tmp_path_factory.mktemp("home")
    write_subjects(home / "in", NAMES)
    write_regions(home / "rois", NAMES)
    (home / "damaged").mkdir()
    (home / "damaged" / "d.nii").write_bytes(b"no series")
    for name in "abc":
        for ending in ("nii", "json"):
            (home / "damaged" / f"{name}.{ending}").symlink_to(home / "in" / f"{name}.{ending}")
    run(home / "in", home / "serial")
    return home


def outcomes(running):
    return (update.outcome for update in running if update.outcome is not None)


def test_maps_are_those_of_a_serial_run_and_one_fault_costs_no_other(cluster, home, capsys):
    words = ("reconstruct", home / "damaged", "--method", "exhaustive", "--no-refine")
    words = [str(one) for one in (*words, "--scheduler", cluster.address, "-o", home / "out")]
    assert main(words) == 3
    told = capsys.readouterr().err
    assert "d was left out" in told and "1 of 4 series were left out" in told
    assert "tls" not in told  # this scheduler is on loopback
    expected = maps_bytes(home / "serial")
    found = maps_bytes(home / "out")
    assert len(found) > 6 and found.items() <= expected.items()
    for name in "abc":
        records = [json.loads((home / of / name / "maps.json").read_text())["provenance"]
                   for of in ("out", "serial")]  # fmt: skip
        assert records[0]["request"] == records[1]["request"]
    assert main(words) == 3
    assert capsys.readouterr().out.count("as asked already") == 3


def test_workers_write_one_data_set_together(cluster, home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # of the client alone: paths go as absolute ones
    asked = replace(QUICK, naming="bids")
    run(home / "in", tmp_path / "serial", asked)
    with connected(Place(cluster.address)) as there:
        states, result = run(home / "in", Path("out"), asked, engine=there.engine)
    assert set(states.values()) == {"made"} and result.error is None
    sets = [{path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.nii.gz")}
            for folder in (tmp_path / "serial", tmp_path / "out")]  # fmt: skip
    assert sets[0] == sets[1] and len(sets[0]) > 24
    assert run(home / "in", tmp_path / "out", asked)[1].counts == {"kept": 8}


def test_table_of_all_subjects_is_made_by_a_worker(cluster, home):
    statistics = Statistics(home / "rois")
    run(home / "in", home / "serial", statistics=statistics)
    with connected(Place(cluster.address)) as there:
        _, result = run(home / "in", home / "tables", engine=there.engine, statistics=statistics)
    assert result.error is None and result.counts == {"made": 8}
    tables = [(home / of / "cohort-rois" / "rois.csv").read_bytes() for of in ("serial", "tables")]
    assert tables[0] == tables[1]


def test_killed_worker_loses_nothing(cluster, home):
    third = cluster.worker()
    with connected(Place(cluster.address)) as there:
        running = iter_run(find_cohort([home / "in"]), home / "killed", QUICK, engine=there.engine)
        states = {}
        for outcome in outcomes(running):
            third.send_signal(signal.SIGKILL)  # with the first; it has others to work on
            states[outcome.name] = outcome.state
    assert states == dict.fromkeys(NAMES, "made")
    assert maps_bytes(home / "killed") == maps_bytes(home / "serial")


def test_two_clients_share_workers_and_mix_nothing(cluster, home):
    with connected(Place(cluster.address)) as one, connected(Place(cluster.address)) as other:
        both = [
            iter_run(find_cohort([home / "in"]), home / name, QUICK, engine=there.engine)
            for name, there in (("first", one), ("second", other))
        ]
        found = [{}, {}]

        def note(names, update):
            if update is not None and update.outcome is not None:
                names[update.outcome.name] = Path(update.outcome.folder).parent.name
            return update is not None

        note(found[0], next(both[0]))
        with pytest.raises(MRFInputError) as caught:
            next(iter_run(find_cohort([home / "in"]), home / "first", QUICK, engine=other.engine))
        assert caught.value.code == "in-use"
        going_on = [True, True]
        while any(going_on):
            going_on = [note(*pair) for pair in zip(found, (next(one, None) for one in both),
                                                    strict=True)]  # fmt: skip
    assert [set(names) for names in found] == [set(NAMES)] * 2
    assert set(found[0].values()) == {"first"} and set(found[1].values()) == {"second"}
    expected = maps_bytes(home / "serial")
    assert maps_bytes(home / "first") == maps_bytes(home / "second") == expected


def test_left_run_is_taken_up(cluster, home):
    with connected(Place(cluster.address)) as there:
        running = iter_run(find_cohort([home / "in"]), home / "left", QUICK, engine=there.engine)
        next(outcomes(running))
        running.close()
        states, result = run(home / "in", home / "left", engine=there.engine)
    assert result.error is None and "kept" in states.values()
    assert maps_bytes(home / "left") == maps_bytes(home / "serial")


def test_subject_for_which_no_worker_has_the_memory_is_told(cluster, home):
    with connected(Place(cluster.address, memory_mb=4000)) as there:
        states, result = run(home / "in", home / "large", engine=there.engine)
    assert set(states.values()) == {"failed"}
    assert (result.error.code, result.error.expected) == ("too-large", "4000 MB")
    assert result.error.found == "at most 3000 MB"


@pytest.mark.slow
def test_lost_scheduler_is_told_and_the_run_taken_up(home, tmp_path):
    with processes(tmp_path / "own") as own:
        own.worker()
        with connected(Place(own.address)) as there:
            running = iter_run(find_cohort([home / "in"]), tmp_path / "out", QUICK,
                               engine=there.engine)  # fmt: skip
            next(outcomes(running))
            own.scheduler.kill()
            with pytest.raises(MRFInputError) as caught:
                list(running)
    assert caught.value.code == "scheduler-lost" and "same command" in caught.value.hint
    assert "not reached" in (tmp_path / "out" / "cohort.csv").read_text()
    states, result = run(home / "in", tmp_path / "out")
    assert result.error is None and "kept" in states.values()
    assert maps_bytes(tmp_path / "out") == maps_bytes(home / "serial")


def test_no_scheduler_is_told(home, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("napari_mrf.cohort.cluster.connection._CONNECT_S", 0.5)
    words = ("reconstruct", home / "in", "-o", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:1")
    assert main([str(word) for word in words]) == 3
    assert "no scheduler answers" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_worker_is_given_no_more_subjects_than_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(worker_side, "reconstruct_subject", cluster_cases.counted)
    jobs = [Job(Subject(str(n), tmp_path / "a.nii"), tmp_path / str(n), QUICK) for n in range(6)]
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=4, processes=False, memory_limit="3GB",
        dashboard_address="127.0.0.1:0",
    ) as cluster, distributed.Client(cluster, set_as_default=False) as client:  # fmt: skip
        engine = OnCluster(client, memory_mb=1400)
        assert sum(outcome is not None for outcome in engine.iter_outcomes(jobs)) == 6
    assert cluster_cases.TOGETHER == [0, 2]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals to groups of processes")
def test_workers_of_this_machine_end_with_control_c_and_the_run_is_taken_up(home, tmp_path):
    words = ("reconstruct", home / "in", "--method", "exhaustive", "--no-refine", "--workers", "2")
    code = "from napari_mrf.cli import run; run()"
    started = Popen([sys.executable, "-c", code, *map(str, words), "-o", tmp_path / "out"],
                    env=ENVIRONMENT, stdout=PIPE, stderr=PIPE, text=True,
                    start_new_session=True)  # fmt: skip
    assert started.stdout.readline().endswith("voxels\n")
    workers = psutil.Process(started.pid).children(recursive=True)
    os.killpg(started.pid, signal.SIGINT)
    _, told = started.communicate(timeout=120)
    assert started.returncode == 130
    assert "Dashboard: http://127.0.0.1:" in told
    assert "Stopped. The same command takes up what is missing." in told
    assert "Traceback" not in told
    assert len(workers) >= 2 and not psutil.wait_procs(workers, timeout=30)[1]
    states, _ = run(home / "in", tmp_path / "out")
    assert "kept" in states.values()
    assert maps_bytes(tmp_path / "out") == maps_bytes(home / "serial")
