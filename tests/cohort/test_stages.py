"""Tables of a whole cohort: just those of the commands, made once every subject has maps."""

import shutil

import pytest
from cohort_cases import QUICK, run, write_regions, write_subjects

from napari_mrf.cli import main
from napari_mrf.cohort.options import ReconstructionOptions
from napari_mrf.cohort.stages import Statistics

NAMES = ("a", "b", "c")
WORDS = ("--method", "exhaustive", "--no-refine")
OTHER = ReconstructionOptions(method="exhaustive", of_method={"refine": False, "frames": "0-24"})


def command(*words):
    return main([str(word) for word in words])


@pytest.fixture(scope="module", autouse=True)
def no_drawing():
    """Figures take a minute, and have tests of their own."""

    def write(comparison, content, path):
        path.write_bytes(b"%PDF")
        yield "report.pdf"

    with pytest.MonkeyPatch.context() as patch:
        save = "napari_mrf.report.comparison.save"
        patch.setattr(
            f"{save}.drawn", lambda comparison, name, kinds: dict.fromkeys(kinds, b"<svg/>")
        )
        patch.setattr(f"{save}.iter_pdf_report", write)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A cohort twice: maps of some frames; and maps, regions and a comparison with those."""
    home = tmp_path_factory.mktemp("stages")
    write_subjects(home / "in", NAMES)
    write_regions(home / "rois", NAMES)
    run(home / "in", home / "other", OTHER)
    words = ("--rois", home / "rois", "--reference", home / "other", "-o", home / "out")
    assert command("reconstruct", home / "in", *WORDS, *words) == 0
    return home


def test_tables_are_those_of_the_commands(finished, tmp_path):
    out = finished / "out"
    rois = ("--rois", finished / "rois")
    assert command("rois", out, *rois, "-o", tmp_path / "rois") == 0
    assert (out / "cohort-rois" / "rois.csv").read_bytes() == (
        tmp_path / "rois" / "rois.csv").read_bytes()  # fmt: skip
    assert command("compare", finished / "other", out, *rois, "-o", tmp_path / "compared") == 0
    for name in ("agreement.csv", "rois.csv", "metrics.csv", "inclusion.csv"):
        found = (out / "cohort-comparison" / name).read_bytes()
        assert found == (tmp_path / "compared" / name).read_bytes()
    assert (out / "cohort-comparison" / "report.pdf").exists()


@pytest.fixture
def home(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "home")
    return tmp_path / "home"


def stages(home, **keywords):
    from napari_mrf.cohort.description import find_cohort
    from napari_mrf.cohort.run import iter_run
    from napari_mrf.compute.steps import Steps

    wanted = Statistics(home / "rois", None, keywords.pop("reference", None))
    steps = Steps(iter_run(find_cohort([home / "in"]), home / "out", QUICK,
                           statistics=wanted, **keywords))  # fmt: skip
    found = [update.stage for update in steps if update.stage is not None]
    return {one.title: one.state for one in found}, steps.result, found


def test_tables_as_asked_are_kept_and_others_replaced_only_with_leave(home):
    table = home / "out" / "cohort-rois" / "rois.csv"
    before = table.stat().st_mtime_ns
    states, result, _ = stages(home)
    assert states == {"regions": "kept"} and result.error is None
    (home / "rois" / "b.txt").unlink()  # the names of its regions
    states, result, _ = stages(home)
    assert states == {"regions": "failed"} and result.error.code == "other-results"
    assert table.stat().st_mtime_ns == before
    states, result, _ = stages(home, overwrite=True)
    assert states == {"regions": "made"} and result.error is None
    assert stages(home)[0] == {"regions": "kept"}


def test_changed_reference_makes_another_comparison(home):
    # The paths of the reference tell nothing: moved with all else, its comparison is kept.
    assert stages(home, reference=home / "other")[0]["comparison"] == "kept"
    shutil.rmtree(home / "other" / "c")
    states, result, _ = stages(home, reference=home / "other")
    assert states["comparison"] == "failed" and result.error.code == "other-results"


def test_no_table_is_of_a_part_of_the_cohort(home):
    shutil.rmtree(home / "out")
    (home / "in" / "b.nii").write_bytes(b"no series")
    states, result, found = stages(home)
    assert states == {"regions": "not-made"} and "1 of 3 subjects" in found[0].text
    assert result.error is not None and not (home / "out" / "cohort-rois").exists()


def test_regions_may_come_from_the_table(home):
    shutil.rmtree(home / "out")
    table = home / "study.csv"
    table.write_text("subject,series,rois\nx,in/a.nii,rois/b.nii.gz\ny,in/b.nii,rois/a.nii.gz\n")
    assert command("reconstruct", table, *WORDS, "-o", home / "out") == 0
    text = (home / "out" / "cohort-rois" / "rois.csv").read_text()
    assert text.count("\nx,") == text.count("\ny,") > 0
