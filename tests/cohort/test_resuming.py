"""A run that is called again: what is finished stays, what is missing is made."""

import json
import shutil

import numpy as np
import pytest
from cohort_cases import AFFINE, QUICK, SHAPE, maps_bytes, run, write_subjects

from napari_mrf.cohort.description import find_cohort
from napari_mrf.cohort.options import ReconstructionOptions
from napari_mrf.cohort.run import iter_run
from napari_mrf.io import load_maps, save_labels

NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    home = tmp_path_factory.mktemp("finished")
    write_subjects(home / "in", NAMES)
    states, result = run(home / "in", home / "out")
    assert states == dict.fromkeys(NAMES, "made") and result.error is None
    return home


@pytest.fixture
def home(finished, tmp_path):
    """A copy of a finished cohort, to be spoiled."""
    shutil.copytree(finished, tmp_path / "home")
    return tmp_path / "home"


def untouched(folder):
    return {path: path.stat().st_mtime_ns for path in folder.glob("*/*")}


def test_finished_cohort_is_kept_wherever_it_was_moved(home):
    before = untouched(home / "out")
    states, result = run(home / "in", home / "out")
    assert states == dict.fromkeys(NAMES, "kept")
    assert result.error is None and untouched(home / "out") == before


def test_missing_subjects_alone_are_made(home):
    expected = maps_bytes(home / "out")
    shutil.rmtree(home / "out" / "b")
    states, _ = run(home / "in", home / "out")
    assert states == {"a": "kept", "b": "made", "c": "kept"}
    assert maps_bytes(home / "out") == expected


OTHER = {
    "option": ReconstructionOptions(method="exhaustive", of_method={"refine": True}),
    "method": ReconstructionOptions(method="compressed", of_method={"refine": False}),
    "frames": ReconstructionOptions(method="exhaustive", of_method={"refine": False,
                                                                    "frames": "0-28"}),
    "axes": ReconstructionOptions(method="exhaustive", of_method={"refine": False},
                                  of_series={"axes": "XYZT"}),
}  # fmt: skip


@pytest.mark.parametrize("what", OTHER)
def test_maps_of_other_options_are_refused_and_stay(finished, what):
    before = untouched(finished / "out")
    states, result = run(finished / "in", finished / "out", OTHER[what])
    assert states == dict.fromkeys(NAMES, "refused")
    assert result.error.code == "other-results" and what in result.error.found
    assert untouched(finished / "out") == before


def test_maps_of_other_numerics_are_refused_and_stay(finished, monkeypatch):
    for module in ("subject_work", "options"):
        monkeypatch.setattr(f"napari_mrf.cohort.{module}.NUMERICS", 99)
    from napari_mrf.cohort.options import Job

    monkeypatch.setattr("napari_mrf.cohort.run.Job", lambda *a, **k: Job(*a, numerics=99, **k))
    before = untouched(finished / "out")
    states, result = run(finished / "in", finished / "out")
    assert set(states.values()) == {"refused"}
    assert result.error.found == "numerics: 1, now 99"
    assert untouched(finished / "out") == before


def change_series(home):
    path = home / "in" / "b.nii"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def change_sidecar(home):
    path = home / "in" / "b.json"
    sidecar = json.loads(path.read_text())
    sidecar.pop("SHA256", None)
    sidecar["MRF"].pop("SHA256", None)
    path.write_text(json.dumps(sidecar, indent=3))


def remove_record(home):
    path = home / "out" / "b" / "maps.json"
    record = json.loads(path.read_text())
    del record["provenance"]["request"]
    path.write_text(json.dumps(record))


def spoil_map(home):
    shutil.copy(home / "out" / "a" / "T1.nii.gz", home / "out" / "b" / "T1.nii.gz")


def lose_map(home):
    (home / "out" / "b" / "T2.nii.gz").unlink()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (change_series, "the input series has changed"),
        (change_sidecar, "the input sidecar has changed"),
        (remove_record, "do not record what was asked"),
        (spoil_map, "T1.nii.gz is not as it was saved"),
        (lose_map, "T2.nii.gz is not as it was saved"),
    ],
)
def test_subject_that_differs_is_refused_and_made_again_only_with_leave(home, change, told):
    change(home)
    before = untouched(home / "out")
    states, result = run(home / "in", home / "out")
    assert states == {"a": "kept", "b": "refused", "c": "kept"}
    assert told in str(result.error) and untouched(home / "out") == before
    if change is change_series:
        (home / "in" / "b.json").unlink()  # it names the sum of the file
        return
    states, result = run(home / "in", home / "out", overwrite=True)
    assert states == {"a": "kept", "b": "made", "c": "kept"} and result.error is None
    assert set(run(home / "in", home / "out")[0].values()) == {"kept"}


def test_another_mask_is_another_request(home):
    mask = np.ones(SHAPE, np.uint16)
    save_labels(home / "mask.nii.gz", mask, AFFINE)
    options = ReconstructionOptions(method="exhaustive", of_method={"refine": False},
                                    mask=home / "mask.nii.gz")  # fmt: skip
    _, result = run(home / "in", home / "out", options)
    assert result.error.found == "the input mask is new"
    assert run(home / "in", home / "masked", options)[1].error is None
    mask[0, 0, 0] = 0
    save_labels(home / "mask.nii.gz", mask, AFFINE, overwrite=True)
    _, result = run(home / "in", home / "masked", options)
    assert result.error.found == "the input mask has changed"


def test_device_and_spelling_of_paths_are_no_part_of_the_request(finished, monkeypatch):
    monkeypatch.chdir(finished)
    options = ReconstructionOptions(method="exhaustive", of_method={"refine": False}, device="cpu")
    states, _ = run("in", finished / "out", options)
    assert set(states.values()) == {"kept"}


def test_cancelled_run_is_taken_up(tmp_path):
    write_subjects(tmp_path / "in", NAMES)
    running = iter_run(find_cohort([tmp_path / "in"]), tmp_path / "out", QUICK)
    for update in running:
        if update.outcome is not None:
            running.close()
    assert [path.name for path in (tmp_path / "out").glob("*/")] == ["a"]
    assert not list((tmp_path / "out").glob(".mrf-*"))
    table = (tmp_path / "out" / "cohort.csv").read_text()
    assert table.count("not reached") == 2 and "interrupted" in (
        tmp_path / "out" / "cohort.html").read_text()  # fmt: skip
    states, result = run(tmp_path / "in", tmp_path / "out")
    assert states == {"a": "kept", "b": "made", "c": "made"} and result.error is None
    assert load_maps(tmp_path / "out" / "c").provenance["request"]["numerics"] == 1


def test_two_runs_do_not_mix_in_one_folder(home):
    first = iter_run(find_cohort([home / "in"]), home / "out", QUICK)
    next(first)
    with pytest.raises(Exception, match="another process is writing") as caught:
        run(home / "in", home / "out")
    assert caught.value.code == "in-use"
    first.close()
    assert set(run(home / "in", home / "out")[0].values()) == {"kept"}
