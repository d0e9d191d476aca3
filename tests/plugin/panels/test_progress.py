"""What the engine reports becomes progress and pictures, and nothing is drawn for nothing."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_mrf import MRFSeries, ParameterMaps, methods
from napari_mrf.data import sequences
from napari_mrf.plugin.panels.reconstruct.work import ReconstructParameters, reconstruct
from napari_mrf.plugin.session import MapsSet, session_of
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.reconstruction.method import ReconstructionUpdate

SHAPE = (175, 2, 2, 2)
SERIES = MRFSeries(np.ones(SHAPE, np.complex64), None, sequences.t1ff())
# done, slice, stage: as a voxel-wise method on a lazy series reports, heartbeats included.
REPORTS = [
    (0, None, "preparing"), (0, None, "preparing"), (0, None, "preparing"),
    (0, 0, "matching"), (0, 0, "matching"), (2, 0, "matching"), (4, 0, "matching"),
    (4, 1, "matching"), (4, 1, "matching"), (8, 1, "matching"),
    (0, 0, "refining"), (0, 0, "refining"), (4, 0, "refining"), (4, 1, "refining"),
    (8, 1, "refining"), (8, 1, "done"),
]  # fmt: skip


class ReportingMethod:
    """Fills FF by a tenth a report that has progress."""

    def __init__(self, reports):
        self.reports = reports

    def iter_reconstruct(self, series, mask=None, b1=None):
        maps = ParameterMaps({"FF": np.full(SHAPE[1:], np.nan)})
        before = 0
        for done, z, stage in self.reports:
            if done > before and z is not None:
                maps["FF"][z] = done / 10 + (stage == "refining") / 100
            before = done
            yield ReconstructionUpdate(done, 0 if stage == "preparing" else 8, maps, z, stage)


@pytest.fixture
def start(monkeypatch):
    """Return the generator of a run whose method gives these reports."""

    def run(reports=REPORTS, **parameters):
        monkeypatch.setattr(methods, "get", lambda *_, **__: ReportingMethod(reports))
        return reconstruct(SERIES, None, ReconstructParameters("water-fat", **parameters), "thigh")

    return run


@pytest.fixture
def steps(start):
    """Run in this thread and return all steps and the result."""

    def run(*arguments, **parameters):
        work, found = start(*arguments, **parameters), []
        while True:
            try:
                found.append(next(work))
            except StopIteration as stop:
                return found, stop.value

    return run


def test_preparing_reading_and_both_passes_are_told_apart(steps):
    found, result = steps()
    told = list(dict.fromkeys((step.stage, step.detail) for step in found))
    assert told == [
        ("", "preparing, longer the first time"), ("", "finding the foreground"),
        ("", "reading the series"), ("", "voxels"),
        ("refining", "reading the series"), ("refining", "voxels"),
    ]  # fmt: skip
    assert isinstance(result, MapsSet)
    assert result.name == "water-fat"


def test_progress_counts_from_zero_in_each_pass(steps):
    found, _ = steps()
    for stage in ("", "refining"):
        done = [step.done for step in found if step.stage == stage]
        assert done == sorted(done)
        assert done[0] == 0
        assert done[-1] == 8


def test_heartbeats_carry_no_maps(steps):
    found, _ = steps()
    shown = [(step.stage, step.value.z) for step in found if step.value is not None]
    # Each slice at its progress, and once more when it is finished, in both passes.
    assert shown == [
        ("", 0), ("", 0), ("", 0), ("", 1), ("refining", 1),
        ("refining", 0), ("refining", 0), ("refining", 1),
    ]  # fmt: skip
    only_heartbeats, _ = steps([report for report in REPORTS if report[0] == 0])
    assert not [step for step in only_heartbeats if step.value is not None]


def test_every_slice_reaches_the_screen_although_steps_are_thinned_out(steps):
    found, _ = steps()
    kept = [(step.stage, step.value.z) for step in found if step.keep]
    # The first look at a slice, and the finished slice once the method has moved on.
    assert {("", 0), ("", 1), ("refining", 0), ("refining", 1)} <= set(kept)
    assert kept.count(("", 0)) == 2


def test_foreground_of_one_slice_can_be_cancelled_too(steps):
    found, _ = steps(slice_index=1)
    assert [step.detail for step in found].count("finding the foreground") > 2


def test_partial_maps_fill_in_and_layers_are_drawn_only_when_they_change(qapp, start):
    viewer = ViewerModel()
    maps_display_of(viewer)
    seen, drawn = [], []
    for step in start():
        if step.value is None:
            continue
        session_of(viewer).reconstruction.updated.emit(step.value)
        layer_turns_of(viewer).finish()
        layer = viewer.layers["water-fat · FF"]
        if not seen:
            layer.events.set_data.connect(drawn.append)
        seen.append(np.nan_to_num(layer.data[:, 0, 0], nan=-1).astype(float).round(2))
    assert len(drawn) <= len(seen)
    assert list(dict.fromkeys(map(tuple, seen))) == [
        (0.2, -1), (0.4, -1), (0.4, 0.8),  # the first pass, then the second
        (0.41, 0.8), (0.41, 0.81),
    ]  # fmt: skip
