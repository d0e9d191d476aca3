"""Who the subjects of a cohort are: tables, folders, names."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_mrf.cohort.description import Subject, find_cohort, read_cohort_table
from napari_mrf.errors import MRFInputError


def table(folder, text):
    path = folder / "study.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_table_names_files_beside_it(tmp_path):
    path = table(
        tmp_path,
        "\ufeffSubject,session,series,mask,ROIs,sequence,b1\n"
        "anna,1,raw/a1.h5,m.nii.gz,rois/a.nii.gz,t1ff,\n"
        "anna,2,/scans/a2.h5,,,mine.json,b1.nii\n\n"
        "bert,,b.nii.gz,,,,\n",
    )
    first, second, third = find_cohort([path]).subjects
    assert first == Subject(
        "anna_1", tmp_path / "raw/a1.h5", "anna", "1", tmp_path / "m.nii.gz",
        None, tmp_path / "rois/a.nii.gz", "t1ff", is_listed=True,
    )  # fmt: skip
    assert (second.name, str(second.series)) == ("anna_2", "/scans/a2.h5")
    assert second.sequence == str(tmp_path / "mine.json") and second.b1 == tmp_path / "b1.nii"
    assert third == Subject("bert", tmp_path / "b.nii.gz", "bert", is_listed=True)


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("subject,series\n", "bad-table", "no subject"),
        ("", "bad-table", "lacks a column"),
        ("subject;series\na;b.nii\n", "bad-table", "commas"),
        ("subject,series,scanner\na,b.nii,x\n", "bad-table", "scanner"),
        ("subject,series,series\na,b.nii,c.nii\n", "bad-table", "twice"),
        ("subject,series\na,\n", "bad-table", "line 2 has no series"),
        ("subject,series\na,b.nii\na,c.nii\n", "same-name", "line 3"),
        ("subject,series\n../a,b.nii\n", "bad-table", "'../a'"),
        ("subject,series\ncohort-rois,b.nii\n", "bad-table", "cohort-rois"),
    ],
)
def test_table_that_describes_no_cohort_is_refused(tmp_path, text, code, told):
    with pytest.raises(MRFInputError) as caught:
        read_cohort_table(table(tmp_path, text))
    assert caught.value.code == code and told in str(caught.value)


@settings(max_examples=40)
@given(st.text(min_size=1, max_size=12), st.text(max_size=6))
def test_no_name_leads_out_of_the_folder_of_results(tmp_path_factory, subject, session):
    import csv
    from io import StringIO

    text = StringIO()
    csv.writer(text).writerows([["subject", "session", "series"], [subject, session, "a.nii"]])
    folder = tmp_path_factory.mktemp("t")
    try:
        (found,) = read_cohort_table(table(folder, text.getvalue()))
    except (MRFInputError, UnicodeEncodeError):
        return
    assert (folder / found.name).parent == folder
    assert found.name not in (".", "..")


def test_table_and_series_do_not_go_together(tmp_path):
    path = table(tmp_path, "subject,series\na,b.nii\n")
    with pytest.raises(MRFInputError, match="by itself"):
        find_cohort([path, tmp_path / "c.nii"])
