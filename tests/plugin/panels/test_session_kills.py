"""A save of a session that is killed or fails leaves no second copies, and harms no earlier one."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from kills import in_child, killed_at_step, temporary_names

from napari_mrf import MRFInputError, ParameterMaps
from napari_mrf.compute.steps import result_of
from napari_mrf.data.label import Label
from napari_mrf.io.folder_lock import held
from napari_mrf.io.session.contents import iter_contents
from napari_mrf.plugin.panels.session.work import Study, save_study
from napari_mrf.plugin.session import MapsSet, Regions

if not hasattr(os, "fork"):
    pytest.skip("there is no fork here", allow_module_level=True)

SHAPE = (1, 3, 4)
WRITTEN = {"first", "second", "regions.nii.gz"}


@pytest.fixture(autouse=True)
def computer_stays_on(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)


def study(fraction=0.25, names=("first", "second")):
    """A window with two sets of maps and a region, none of them saved."""
    maps = ParameterMaps({"FF": np.full(SHAPE, fraction, np.float32)}, affine=np.eye(4))
    regions = Regions(np.ones(SHAPE, np.uint16), {1: Label(1, "VL_R", (1, 2, 3))})
    sets = tuple(MapsSet(name, maps, "thigh", 1.0) for name in names)
    return Study(None, "", "magnitude", sets, regions, None, (), {}, {})


def save(path, **options):
    return result_of(save_study(study(**options), path))


def check(path, fraction=0.25):
    """Everything is there and of one save; return which, of those that it may be."""
    contents = result_of(iter_contents(path))
    assert contents.remarks == []
    assert set(contents.maps) == {"first", "second"}
    assert contents.labels.all()
    (found,) = {float(value) for maps in contents.maps.values() for value in maps["FF"].flat}
    assert found in np.atleast_1d(fraction)
    return found


def test_session_saved_again_after_a_kill_at_any_step_has_one_folder_for_each(tmp_path):
    steps = range(1, 1000, 4)
    for step in steps:
        path = tmp_path / str(step) / "leg.mrf.json"
        path.parent.mkdir()
        was_killed = killed_at_step(lambda: save(path), path.parent, step)  # noqa: B023
        if path.exists():
            check(path)
        else:
            save(path)
            assert {one.name for one in (path.parent / "leg_session").iterdir()} == WRITTEN
            check(path)
        if not was_killed:
            break
    assert not temporary_names(tmp_path / "1")
    assert step > 60


def test_earlier_session_outlives_a_kill_while_it_is_saved_again(tmp_path):
    """New maps in the same window: the earlier ones stay, as nothing saved is ever deleted."""
    for step in range(2, 1000, 5):
        path = tmp_path / str(step) / "leg.mrf.json"
        path.parent.mkdir()
        save(path)
        was_killed = killed_at_step(lambda: save(path, fraction=0.5), path.parent, step)  # noqa: B023
        found = check(path, [0.25, 0.5])
        save(path, fraction=0.75)
        check(path, 0.75)
        names = {one.name for one in (path.parent / "leg_session").iterdir()}
        assert len(names) == (6 if found == 0.25 else 9)
        assert names >= WRITTEN | {"first_2", "second_2", "regions_2.nii.gz"}
        assert not temporary_names(path.parent)
        if not was_killed:
            break
    assert step > 60


def test_failed_save_leaves_nothing_beside_the_earlier_session(tmp_path, monkeypatch):
    path = tmp_path / "leg.mrf.json"
    replace = Path.replace

    def full(self, target):
        if Path(target) == path:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(MRFInputError) as caught:
            save(path)
    assert caught.value.code == "disk-full"
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []
    save(path)
    assert {one.name for one in (tmp_path / "leg_session").iterdir()} == WRITTEN
    check(path)


def test_session_that_another_process_saves_is_refused(tmp_path):
    ready, go = os.pipe(), os.pipe()
    path = tmp_path / "leg.mrf.json"
    (tmp_path / "leg_session").mkdir()

    def hold():
        with held(tmp_path / "leg_session"):
            os.write(ready[1], b".")
            os.read(go[0], 1)

    child = in_child(hold)
    os.read(ready[0], 1)
    with pytest.raises(MRFInputError) as caught:
        save(path)
    os.write(go[1], b".")
    os.waitpid(child, 0)
    assert caught.value.code == "in-use"
    assert not path.exists()
