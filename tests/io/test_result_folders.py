"""Every writer of a result folder keeps the same rules about earlier results and failures."""

import errno
import os
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from importance_cases import OneFrame, series_of, small_sequence
from kills import killed, temporary_names

from napari_mrf.analysis.comparison.compare import compare
from napari_mrf.analysis.comparison.subjects import SubjectMaps
from napari_mrf.analysis.importance.measure import importance
from napari_mrf.analysis.importance.options import ImportanceOptions
from napari_mrf.analysis.inspection.inputs import inspect_voxels
from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.analysis.regions.study import RoiStudy
from napari_mrf.data.maps import ParameterMaps
from napari_mrf.errors import MRFInputError
from napari_mrf.io import save_labels, save_maps
from napari_mrf.io.atomic import atomic_write_all
from napari_mrf.io.result_folder import ResultKind, Staged
from napari_mrf.phantoms.files import save_phantom
from napari_mrf.phantoms.phantom import Phantom
from napari_mrf.plugin.panels.compare.work import write_tables
from napari_mrf.report.comparison.save import iter_save
from napari_mrf.report.importance import save_importance
from napari_mrf.report.inspection import iter_save_inspection
from napari_mrf.report.regions import save_roi_statistics
from napari_mrf.reproduction.experiment import Outcome, Settings
from napari_mrf.reproduction.save import save_outcome

SHAPE = (1, 6, 8)


def finished(steps):
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def two_maps():
    values = np.random.default_rng(3).uniform(0, 1, (2, *SHAPE)).astype(np.float32)
    return tuple(ParameterMaps({"FF": one}, affine=np.diag([2.0, 2, 8, 1])) for one in values)


def comparison():
    return compare([SubjectMaps(*two_maps())])


def writer_of_maps(folder):
    return lambda out, **options: save_maps(two_maps()[0], out, **options)


def writer_of_regions(folder):
    labels = np.zeros(SHAPE, np.uint16)
    labels[0, 1:5, 1:5] = 1
    save_maps(two_maps()[0], folder / "maps")
    save_labels(folder / "rois.nii.gz", labels, np.diag([2.0, 2, 8, 1]))
    study = RoiStudy({"": folder / "maps"}, {"": folder / "rois.nii.gz"})
    measured = [study.measure("", RoiOptions())]
    return lambda out, **options: save_roi_statistics(study, measured, RoiOptions(), out, **options)


def writer_of_importance(folder):
    series = series_of(small_sequence())
    found = importance(
        OneFrame(series.sequence, frame=5), series, options=ImportanceOptions(repeats=1)
    )
    return lambda out, **options: save_importance(found, out, **options)


def writer_of_inspection(folder):
    inspected = list(inspect_voxels(series_of(small_sequence()), [(0, 1, 1)], ()))
    return lambda out, **options: finished(iter_save_inspection(inspected, out, **options))


def writer_of_comparisons(folder):
    return lambda out, **options: finished(iter_save(comparison(), out, **options))


def writer_of_tables(folder):
    def write(out, *, overwrite=False):
        return finished(write_tables(comparison(), str(out), (None, "pooled", 0), overwrite))

    return write


def writer_of_experiments(folder):
    figure = matplotlib.figure.Figure()
    outcome = Outcome("text", {"trial": pd.DataFrame({"a": [1]})}, {"trial": figure})
    return lambda out, **options: save_outcome("trial", outcome, out, Settings(), **options)


def writer_of_phantoms(folder):
    inside = np.ones((2, 4, 6), bool)
    phantom = Phantom(
        "cube", {"T1": np.full(inside.shape, 900, np.float32)}, inside.astype(np.float32), inside,
        inside.astype(np.uint16), {1: "water"}, {1: (1, 2, 3)}, np.eye(4),
    )  # fmt: skip
    series = series_of(small_sequence())
    return lambda out, **options: save_phantom(out, phantom, series, **options)


# The writer, what else an earlier run may have left, and what a user may have put there.
WRITERS = {
    "maps": (writer_of_maps, "T1.nii.gz", "T1_smooth.nii.gz"),
    "regions": (writer_of_regions, None, "notes.csv"),
    "importance": (writer_of_importance, "importance_T1.nii.gz", "importance_notes.txt"),
    "inspection": (writer_of_inspection, "voxel_9_9_9.csv", "voxel_notes.txt"),
    "comparison": (writer_of_comparisons, "figures/agreement_T2.svg", "figures/notes.svg"),
    "tables": (writer_of_tables, None, "notes.csv"),
    "experiment": (writer_of_experiments, None, "another.json"),
    "phantom": (writer_of_phantoms, "truth/T2.nii.gz", "truth/notes.txt"),
}


@pytest.fixture(scope="module", params=WRITERS)
def case(request, tmp_path_factory):
    make, stale, foreign = WRITERS[request.param]
    return make(tmp_path_factory.mktemp(request.param)), stale, foreign


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*") if path.is_file()}  # fmt: skip


def earlier_run(case, folder):
    """An earlier result that can be told from a new one, with what else lies there."""
    write, stale, foreign = case
    written = write(folder)
    for path in written:
        path.write_bytes(path.read_bytes() + b"\n")
    for name in filter(None, (stale, foreign)):
        (folder / name).write_text("earlier")
    return written


def test_earlier_results_are_refused_and_named(case, tmp_path):
    written = earlier_run(case, tmp_path)
    before = contents(tmp_path)
    with pytest.raises(MRFInputError) as caught:
        case[0](tmp_path)
    assert caught.value.code == "exists"
    for word in ("the folder already contains", written[-1].name, "--overwrite"):
        assert word in str(caught.value)
    assert contents(tmp_path) == before


def test_folders_that_are_new_empty_or_hold_other_things_are_fine(case, tmp_path):
    write, _, foreign = case
    (tmp_path / "empty").mkdir()
    (tmp_path / "other" / foreign).parent.mkdir(parents=True)
    (tmp_path / "other" / foreign).write_text("mine")
    for name in ("new/below", "empty", "other"):
        written = write(tmp_path / name)
        assert {path.relative_to(tmp_path / name).as_posix() for path in written} == (
            set(contents(tmp_path / name)) - {foreign}
        )
    assert (tmp_path / "other" / foreign).read_text() == "mine"


def test_overwriting_replaces_all_of_the_earlier_results_and_nothing_else(case, tmp_path):
    write, stale, foreign = case
    earlier_run(case, tmp_path)
    before = contents(tmp_path)
    written = write(tmp_path, overwrite=True)
    after = contents(tmp_path)
    assert set(after) == set(before) - {stale}
    assert after[foreign] == b"earlier"
    names = {path.relative_to(tmp_path).as_posix() for path in written}
    assert all(after[name] != before[name] for name in names)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_run_that_is_killed_late_is_replaced_by_the_next_one(case, tmp_path):
    """Killed before a file gets its name that a seed chooses, of those that get it at last."""
    write, _, foreign = case
    (tmp_path / foreign).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / foreign).write_text("mine")
    left = [np.random.default_rng(list(foreign.encode())).integers(1, 3)]

    def is_moment(event, path):
        left[0] -= event == "os.rename" and not path.name.startswith(".mrf")
        return left[0] == 0

    assert killed(lambda: write(tmp_path), is_moment)
    assert temporary_names(tmp_path)
    written = write(tmp_path)
    assert {tmp_path / name for name in contents(tmp_path)} == {*written, tmp_path / foreign}
    assert (tmp_path / foreign).read_text() == "mine"
    assert not temporary_names(tmp_path)


def test_failure_while_writing_leaves_what_was_there(case, tmp_path, monkeypatch):
    """The disk is full at the last file that is opened for writing."""
    find, found = Staged.__getitem__, []

    def counting(self, name):
        found.append(name)
        return find(self, name)

    def failing(self, name):
        left.pop()
        if not left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return find(self, name)

    earlier_run(case, tmp_path / "old")
    before = contents(tmp_path / "old")
    with monkeypatch.context() as patch:
        patch.setattr(Staged, "__getitem__", counting)
        case[0](tmp_path / "counted")
    monkeypatch.setattr(Staged, "__getitem__", failing)
    for name in ("old", "new"):
        left = list(found)
        with pytest.raises(MRFInputError) as caught:
            case[0](tmp_path / name, overwrite=True)
        assert caught.value.code == "disk-full"
    assert contents(tmp_path / "old") == before
    assert contents(tmp_path / "new") == {}


def test_place_that_takes_no_results_is_refused_before_the_work(case, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(MRFInputError) as caught:
            case[0](folder, overwrite=True)
        assert caught.value.code == "not-a-folder"
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(MRFInputError) as caught:
        case[0](tmp_path / "new")
    assert caught.value.code == "not-writable"
    assert "Choose another folder" in str(caught.value)
    assert contents(tmp_path) == {"file": b"mine"}


KIND = ResultKind("numbers", "record.json", ("a.txt", "b.txt", "c.txt"))


def write_numbers(folder, text):
    with KIND.writing(folder, ("a.txt", "b.txt"), overwrite=True) as staged:
        for name in ("a.txt", "b.txt"):
            staged[name].write_text(text)
        staged.write_record({"files": staged.sums()})


@pytest.mark.parametrize("step", range(7))
def test_failure_at_any_step_of_putting_in_place_brings_the_earlier_files_back(
    tmp_path, monkeypatch, step
):
    """Three files and a stale one go away, three take their places: seven steps."""
    write_numbers(tmp_path / "old", "old")
    (tmp_path / "old" / "c.txt").write_text("old")
    before, steps, replace = contents(tmp_path / "old"), [], Path.replace

    def failing(self, target):
        steps.append(target)
        if len(steps) == step + 1:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(self), None, str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(MRFInputError) as caught:
        write_numbers(tmp_path / "old", "new")
    assert caught.value.code == "not-writable"
    assert contents(tmp_path / "old") == before


def test_record_goes_first_and_comes_last(tmp_path, monkeypatch):
    """So that wherever a computer is switched off, no record stands over half of the files."""
    write_numbers(tmp_path, "old")
    replace, moved = Path.replace, []

    def watched(self, target):
        moved.append((self.name, target.name))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    write_numbers(tmp_path, "new")
    assert moved[0][0] == "record.json"
    assert moved[-1][1] == "record.json"
    assert (tmp_path / "a.txt").read_text() == "new"


def test_folder_in_the_place_of_a_file_is_told_by_its_name(tmp_path):
    (tmp_path / "b.txt").mkdir()
    with (
        pytest.raises(MRFInputError) as caught,
        atomic_write_all([tmp_path / "a.txt", tmp_path / "b.txt"]) as staged,
    ):
        for temporary in staged.values():
            temporary.write_text("new")
    assert caught.value.path == str(tmp_path / "b.txt")
    assert contents(tmp_path) == {}
