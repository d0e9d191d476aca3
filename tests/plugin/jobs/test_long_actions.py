"""Every long action of the window says how far it is, so that a job can say how long it takes."""

import ast
import threading
from dataclasses import replace
from pathlib import Path

import dask.array
import numpy as np
import pytest
from importance_cases import OneFrame, series_of, small_sequence

import napari_mrf
from napari_mrf import MRFSeries, ParameterMaps
from napari_mrf.analysis.comparison.options import ComparisonOptions
from napari_mrf.analysis.importance.measure import importance
from napari_mrf.data.label import Label
from napari_mrf.io import load_series, reading_progress, save_maps, save_series
from napari_mrf.io.reading_progress import reading_told_to
from napari_mrf.plugin.jobs import JobState, JobStatus, Step, counted
from napari_mrf.plugin.panels.compare.cohort_work import CohortFolders, compare_cohort
from napari_mrf.plugin.panels.compare.work import compare_sets, write_report, write_tables
from napari_mrf.plugin.panels.importance.work import save as save_importance_files
from napari_mrf.plugin.panels.reconstruct.work import DATA_SET, ScanFiles
from napari_mrf.plugin.panels.reconstruct.work import save as save_maps_files
from napari_mrf.plugin.panels.session.work import Study, open_study, save_study
from napari_mrf.plugin.panels.shared.texts import piece_sentence
from napari_mrf.plugin.session import MapsSet, Regions
from napari_mrf.plugin.viewer.opening import averaged_series, cut_short_series, read_series

PLUGIN = Path(napari_mrf.__file__).parent / "plugin"
SHAPE = (2, 12, 14)

# Work that jobs are started with. True: it may take more than 2 s on the largest series that is
# usual (350 x 350 x 5 voxels, 175 frames, 12 regions, 13 files of maps) and counts its progress,
# here or in the tests of its panel. A number: the seconds that it takes there, of one core.
ACTIONS = {
    "reconstruct": True, "measure": True, "compare_sets": True,
    "compare_cohort": True, "write_report": True, "write_tables": True, "save_study": True,
    "save": True, "_with_options": True, "averaged_series": True, "cut_short_series": True,
    "open_study": True, "means_of_slices": True, "read_file": True, "making": True,
    "save_images": True, "train": True, "carry_regions": True, "run_cohort": True,
    "compute": 0.3, "read_labels": 0.1, "write_labels": 0.3, "read_maps": 0.3,
    "export": 0.9, "export_closeup": 0.3, "write_picture": 0.5, "read_left": 0.1,
    "read_raw": 1.5, "looking": 1.5, "_read_sequence": 2.4,  # a library reads Pulseq files at once
    "read_weights": 0.1, "list_recipes": 0.4,
    "compare_open_visits": 1.0, "write_visits": 2.0,
    "list_catalogue": 2.0,  # imports, once in a session: they cannot tell how far they are
}  # fmt: skip


def test_all_actions_are_known():
    """Whatever function is handed to a job stands in the list above."""
    handed = set()
    for path in sorted(PLUGIN.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                is_start = node.func.attr in ("start", "run") and len(node.args) > 1
                if is_start and isinstance(node.args[1], ast.Name):
                    handed.add(node.args[1].id)
    assert handed - {"work"} == set(ACTIONS)


def gone_through(work):
    """The steps of work, and what it returns."""
    steps = []
    while True:
        try:
            steps.append(next(work))
        except StopIteration as stop:
            return [step for step in steps if isinstance(step, Step)], stop.value


def check_counted(steps):
    """They count up to a total that does not change."""
    numbered = [step for step in steps if step.total]
    assert len(numbered) > 1
    assert len({step.total for step in numbered}) == 1
    done = [step.done for step in numbered]
    assert done == sorted(done)
    assert done[0] < done[-1] <= numbered[0].total
    assert all(step.detail for step in numbered)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_saving_a_series_tells_its_share_and_can_be_left(name, tmp_path):
    # More than a MB of numbers that gzip cannot shorten, and several slices.
    rng = np.random.default_rng(0)
    signal = rng.standard_normal((2, 30, 4, 60, 60)).astype(np.float32)
    series = MRFSeries(signal[0] + 1j * signal[1], np.eye(4))
    told = []
    save_series(series, tmp_path / name, progress=lambda *share: told.append(share))
    done = [percent for percent, _ in told]
    assert len(done) >= 4 and done == sorted(done) and done[-1] == 100
    assert {total for _, total in told} == {100}
    assert np.array_equal(load_series(tmp_path / name).slab(0), series.slab(0))

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_series(series, tmp_path / f"left_{name}", progress=stop)
    assert not list(tmp_path.glob("*left*"))


@pytest.fixture
def maps():
    generator = np.random.default_rng(0)
    return ParameterMaps(
        {"FF": generator.uniform(0, 1, SHAPE).astype(np.float32),
         "T1H2O": generator.uniform(900, 1500, SHAPE).astype(np.float32)},
        affine=np.eye(4),
    )  # fmt: skip


@pytest.fixture
def regions():
    labels = np.zeros(SHAPE, np.uint16)
    labels[:, 2:6, 2:10], labels[:, 7:10, 2:10] = 1, 2
    return Regions(labels, {1: Label(1, "VL_R"), 2: Label(2, "VM_R")})


def test_saving_maps_counts_files_and_can_be_left(maps, tmp_path):
    steps, folder = gone_through(save_maps_files(maps, str(tmp_path / "a"), False, "nifti"))
    check_counted(steps)
    assert [step.detail for step in steps][-2:] == ["FF", "T1H2O"]
    assert (Path(folder) / "maps.json").is_file()
    left = save_maps_files(maps, str(tmp_path / "b"), False, "nifti")
    while next(left).done < 1:
        pass
    left.close()
    assert not list(tmp_path.glob("b/*"))


def test_saving_a_scan_counts_files(maps, regions, tmp_path):
    scan = ScanFiles(Path("sub-01_MRF.nii"), regions)
    steps, _ = gone_through(save_maps_files(maps, str(tmp_path), False, DATA_SET, scan))
    check_counted(steps)
    assert (tmp_path / "sub-01" / "anat" / "sub-01_desc-muscles_dseg.tsv").is_file()


def test_saving_importance_counts_files(tmp_path):
    series = series_of(small_sequence())
    found = importance(OneFrame(series.sequence, frame=5), series, fisher=False)
    steps, _ = gone_through(save_importance_files(found, str(tmp_path), ["FF"], True, False))
    check_counted(steps)
    assert steps[-1].detail == "importance_FF.nii.gz"


def test_comparison_report_and_tables_count_pieces(maps, regions, tmp_path):
    other = ParameterMaps({key: one * 1.02 for key, one in maps.items()}, affine=np.eye(4))
    sets = MapsSet("a", maps), MapsSet("b", other)
    steps, compared = gone_through(compare_sets(*sets, regions, ComparisonOptions(), {}))
    check_counted(steps)
    everything = None, compared.comparison.options.scope, 2
    steps, _ = gone_through(
        write_report(compared.comparison, str(tmp_path / "report.html"), everything)
    )
    check_counted(steps)
    steps, _ = gone_through(
        write_tables(compared.comparison, str(tmp_path / "tables"), everything, False)
    )
    check_counted(steps)


def test_several_subjects_say_which_of_how_many(maps, tmp_path):
    for side in ("a", "b"):
        for name in ("P1", "P2", "P3"):
            save_maps(maps, tmp_path / side / name)
    folders = CohortFolders(str(tmp_path / "a"), str(tmp_path / "b"), "", str(tmp_path / "out"))
    steps, _ = gone_through(compare_cohort(folders, ComparisonOptions(), False))
    told = [step.detail for step in steps]
    for at, name in enumerate(("P1", "P2", "P3"), 1):
        assert any(text.startswith(f"subject {at} of 3, {name}: metrics") for text in told)
    compared = [step for step in steps if "subject" in step.detail]
    check_counted(compared)


def test_reading_tells_bytes_of_packed_and_plain_files(tmp_path):
    from napari_mrf.io.formats.source import sha256_of

    path = tmp_path / "big"
    path.write_bytes(b"x" * 3_000_000)
    told = []
    with reading_told_to(lambda *how_far: told.append(how_far)):
        sha256_of(path)
    assert told == [(1 << 20, 3_000_000), (2 << 20, 3_000_000), (3_000_000, 3_000_000)]
    sha256_of(path)
    assert len(told) == 3


def test_opening_a_packed_series_shows_how_much_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_mrf.io.formats.gzip_cache.cache_folder", lambda: tmp_path / "c")
    monkeypatch.setattr("napari_mrf.plugin.jobs.file_reading._MB", 100)
    goes_on = threading.Event()

    def tell_and_wait(done, total):
        reading_progress.tell_read(done, total)
        goes_on.wait(20)

    monkeypatch.setattr("napari_mrf.io.formats.gzip_cache.tell_read", tell_and_wait)
    series = series_of(small_sequence())
    save_series(series, tmp_path / "series.nii.gz")
    work = read_series(tmp_path / "series.nii.gz")
    assert next(work).detail.startswith("checking and unpacking")
    step = next(one for one in work if one.total)
    size = (tmp_path / "series.nii.gz").stat().st_size
    assert (step.done, step.total, step.detail) == (size // 100, -(-size // 100), "MB")
    goes_on.set()
    _, opened = gone_through(work)
    assert opened.series.signal.shape == series.signal.shape


@pytest.fixture
def study_file(tmp_path):
    """A session with a series in a file, two sets of maps and regions."""
    save_series(series_of(small_sequence()), tmp_path / "series.nii.gz")
    series = load_series(tmp_path / "series.nii.gz")
    values = np.linspace(0, 1, 48, dtype=np.float32).reshape(series.spatial_shape)
    maps = {"FF": values, "T1H2O": 1000 + values}
    sets = (
        MapsSet("a", ParameterMaps(maps, quality=values, affine=series.affine)),
        MapsSet("b", ParameterMaps(maps, affine=series.affine)),
    )
    regions = Regions((values > 0.5).astype(np.uint16), {1: Label(1, "VL_R")}, affine=series.affine)
    study = Study(series, "series", "magnitude", sets, regions, None, (), {}, {})
    return study, tmp_path / "study.mrf.json"


def test_saving_a_session_counts_every_file_and_can_be_left(study_file):
    study, path = study_file
    before = set(path.parent.iterdir())
    steps, _ = gone_through(save_study(study, path))
    check_counted(steps)
    assert [step.detail for step in steps] == [
        "the maps a: FF", "the maps a: T1H2O", "the maps a: quality", "the maps b: FF",
        "the maps b: T1H2O", "the regions", "the session file",
    ]  # fmt: skip
    assert [step.done for step in steps] == list(range(7))
    assert steps[0].total == 7
    other = path.with_name("other.mrf.json")
    left = save_study(study, other)
    while next(left).detail != "the session file":
        pass
    left.close()
    ours = {path, path.with_name("study_session")}
    assert set(path.parent.iterdir()) - before <= ours | {other.with_name("other_session")}
    assert not [one for one in other.with_name("other_session").glob("*") if one.is_file()]


def test_opening_a_session_counts_the_bytes_of_all_its_files(study_file, monkeypatch):
    monkeypatch.setattr("napari_mrf.plugin.jobs.file_reading._MB", 1)
    monkeypatch.setattr("napari_mrf.plugin.jobs.file_reading.in_steps", every_report)
    study, path = study_file
    gone_through(save_study(study, path))
    steps, opened = gone_through(open_study(path))
    assert set(opened.contents.maps) == {"a", "b"}
    assert not opened.contents.remarks
    counted_steps = [step for step in steps if step.total]
    files = [record.find(path) for record in opened.contents.file.file_records()]
    assert {step.total for step in counted_steps} == {2 * sum(one.stat().st_size for one in files)}
    done = [step.done for step in counted_steps]
    assert done == sorted(done)
    texts = sum(one.stat().st_size for one in files if one.name == "maps.json")  # read once
    assert done[-1] == counted_steps[-1].total - texts
    assert {"loading the series series", "loading the maps a", "loading the regions"} <= {
        step.detail for step in steps
    }


def every_report(work, detail):
    """As `in_steps`, in this thread: no report is missed between two looks."""
    reports = []
    result = work(progress=lambda *report: reports.append(Step(*report)))
    yield from reports
    return result


@pytest.mark.parametrize("is_lazy", [False, True])
def test_spokes_and_missing_frames_are_made_slice_by_slice(is_lazy):
    sequence = replace(small_sequence(), pulses_per_frame=2)
    generator = np.random.default_rng(2)
    shape = (2, sequence.n_pulses, 3, 4, 5)
    signal = generator.standard_normal(shape).astype(np.float32)
    pulses = signal[0] + 1j * signal[1]
    given = dask.array.from_array(pulses, chunks=(-1, 1, -1, -1)) if is_lazy else pulses
    steps, opened = gone_through(averaged_series(MRFSeries(given), sequence, "x"))
    expected = (pulses[::2] + pulses[1::2]) / 2
    np.testing.assert_allclose(np.asarray(opened.series.signal), expected, rtol=1e-6)
    assert isinstance(opened.series.signal, np.ndarray) is not is_lazy
    n_there = sequence.n_frames - 3
    short = MRFSeries(given[:n_there])
    more, opened = gone_through(cut_short_series(short, sequence, "x"))
    frames = np.asarray(opened.series.signal)
    np.testing.assert_array_equal(frames[:n_there], pulses[:n_there])
    assert np.isnan(frames[n_there:]).all()
    assert len(frames) == sequence.n_frames
    for found in (steps, more):
        told = [(step.done, step.total) for step in found if step.total]
        assert told == ([] if is_lazy else [(0, 3), (1, 3), (2, 3)])


def test_pieces_become_steps_and_a_sentence():
    def work():
        yield "one"
        yield "two"
        yield "one more than was thought"
        return "result"

    steps, result = gone_through(counted(work(), 2))
    assert [(step.done, step.total, step.detail) for step in steps] == [
        (0, 2, "one"), (1, 2, "two"), (2, 2, "one more than was thought"),
    ]  # fmt: skip
    assert result == "result"
    status = JobStatus(JobState.RUNNING, "Saving maps", 1, 2, "FF", seconds_left=6.2)
    assert piece_sentence(status) == "Saving maps: FF, 6 s left…"
    assert piece_sentence(JobStatus(JobState.RUNNING, "Saving maps")) == "Saving maps: starting…"
