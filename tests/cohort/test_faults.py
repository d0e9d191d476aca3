"""One subject's fault costs no other, and the summary says so."""

import csv
import html
import re

import pytest
from cohort_cases import QUICK, run, write_subjects

from napari_mrf.cli import main
from napari_mrf.cohort.description import find_cohort
from napari_mrf.cohort.options import ReconstructionOptions
from napari_mrf.cohort.run import iter_run
from napari_mrf.errors import MRFInputError

WORDS = ("--method", "exhaustive", "--no-refine")


@pytest.fixture
def home(tmp_path):
    write_subjects(tmp_path / "in", ("a", "b", "c"))
    return tmp_path


def rows(folder):
    with (folder / "cohort.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-20])


def test_damaged_subject_is_reported_and_the_others_go_on(home, capsys):
    cut_short(home / "in" / "b.nii")
    words = ("reconstruct", str(home / "in"), *WORDS, "-o", str(home / "out"))
    assert main(list(words)) == 3
    told = capsys.readouterr().err
    assert "b was left out" in told and "1 of 3 series were left out" in told
    assert [(row["subject"], row["state"]) for row in rows(home / "out")] == [
        ("a", "made"), ("b", "failed"), ("c", "made"),
    ]  # fmt: skip
    broken = rows(home / "out")[1]
    assert broken["error_code"] == "truncated" and "expected" in broken["error"]
    page = (home / "out" / "cohort.html").read_text(encoding="utf-8")
    cells = re.findall(r'<tr class="failed">.*?</tr>', page)
    assert len(cells) == 1 and html.escape(broken["error"], quote=False)[:30] in html.unescape(
        cells[0])  # fmt: skip


def test_fault_of_the_software_is_reported_and_the_others_go_on(home, capsys, monkeypatch):
    from napari_mrf.cohort import subject_work

    whole = subject_work._reconstructing

    def broken(job, series):
        if job.subject.name == "b":
            raise ZeroDivisionError("never")
        return whole(job, series)

    monkeypatch.setattr(subject_work, "_reconstructing", broken)
    words = ("reconstruct", str(home / "in"), *WORDS, "-o", str(home / "out"))
    assert main(list(words)) == 1
    assert "ZeroDivisionError: never" in capsys.readouterr().err
    assert [row["state"] for row in rows(home / "out")] == ["made", "failed", "made"]


def test_fault_of_the_command_ends_the_run_at_once(home, capsys):
    words = ("reconstruct", str(home / "in"), "-o", str(home / "out"), "--method", "exhaustive")
    assert main([*words, "--grid", "wide"]) == 2
    assert "no such option" in capsys.readouterr().err
    assert not (home / "out").exists()


def test_error_that_counts_is_that_of_the_first_subject(home):
    cut_short(home / "in" / "b.nii")
    (home / "in" / "c.nii").write_bytes(b"no series")
    _, result = run(home / "in", home / "out")
    assert result.error.path.endswith("b.nii") and result.n_left_out == 2


def test_texts_of_files_run_in_no_spreadsheet_and_no_page(tmp_path):
    name = "=1+1<script>"
    write_subjects(tmp_path / "in", (name,))
    (tmp_path / "in" / f"{name}.nii").write_bytes(b"no series")
    run(tmp_path / "in", tmp_path / "out")
    assert rows(tmp_path / "out")[0]["subject"] == "'=1+1<script>"
    assert "<script>" not in (tmp_path / "out" / "cohort.html").read_text()


def test_earlier_maps_without_a_record_are_in_the_way(home):
    (home / "out" / "a").mkdir(parents=True)
    (home / "out" / "a" / "T1.nii.gz").write_bytes(b"of somebody")
    states, result = run(home / "in", home / "out")
    assert states == {"a": "refused", "b": "made", "c": "made"}
    assert result.error.code == "exists"
    assert (home / "out" / "a" / "T1.nii.gz").read_bytes() == b"of somebody"


def test_sequence_of_each_subject_comes_from_the_table(home):
    from cohort_cases import SHORT

    SHORT.to_json(home / "short.json")
    (home / "in" / "a.json").unlink()
    table = home / "study.csv"
    table.write_text("subject,series,sequence\na,in/a.nii,short.json\nb,in/b.nii,\n")
    states, result = run(table, home / "out")
    assert states == {"a": "made", "b": "made"} and result.error is None
    for wrong in ("none.json", "fips"):
        table.write_text(f"subject,series,sequence\na,in/a.nii,\nb,in/b.nii,{wrong}\nc,in/c.nii,\n")
        states, result = run(table, home / f"other-{wrong}")
        assert states == {"a": "failed", "b": "failed", "c": "made"}
        assert result.error.code == "no-sequence"


def test_run_can_be_left_while_a_subject_is_under_way(home):
    running = iter_run(find_cohort([home / "in"]), home / "out", QUICK)
    update = next(running)
    assert update.subject is not None and update.outcome is None
    running.close()
    assert not list((home / "out").glob("*/"))


def test_folder_that_cannot_be_written_is_told_before_any_work(home):
    (home / "file").write_text("")
    with pytest.raises(MRFInputError) as caught:
        run(home / "in", home / "file" / "out")
    assert caught.value.code == "not-a-folder"


def test_single_series_is_no_cohort(home, capsys):
    words = ["reconstruct", str(home / "in" / "a.nii"), *WORDS, "-o", str(home / "out")]
    assert main(words) == 0
    assert (home / "out" / "T1.nii.gz").exists() and not (home / "out" / "cohort.csv").exists()
    assert main(words) == 3  # its maps are in the way, whatever was asked
    assert main([*words, "--rois", str(home)]) == 2
    assert "of cohorts" in capsys.readouterr().err


def test_unknown_method_option_in_python_is_the_fault_of_the_call(home):
    options = ReconstructionOptions(method="nonsense")
    with pytest.raises(MRFInputError) as caught:
        run(home / "in", home / "out", options)
    assert caught.value.code == "unknown-method"
