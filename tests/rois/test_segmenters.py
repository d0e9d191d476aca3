"""Label maps of automatic segmenters are read as our muscles, and nothing of them is lost."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import SHARED, needs

import napari_mrf as mrf
from napari_mrf import cli
from napari_mrf.io import load_label_table, load_labels, save_labels
from napari_mrf.rois.muscles import default_labels, meaning_of
from napari_mrf.rois.segmenters import (
    Structure,
    format_table,
    models_with,
    parse_table,
    segmenter_tables,
    translated,
)

TABLES = segmenter_tables()
LABELS = SHARED / "data" / "labels"
OURS = {label.name: index for index, label in default_labels().items()}
AFFINE = np.diag([-1.0, -1.0, 5.0, 1.0])


def test_every_region_of_the_tables_is_ours_and_on_the_side_that_its_name_says():
    for table in TABLES.values():
        for one in table.values():
            assert not one.label or one.label in OURS, one
            side = one.name.rpartition(", ")[2]
            if one.label:
                assert meaning_of(one.label).side == side, one


def test_full_names_of_muscles_are_those_that_the_segmenters_use():
    for model in ("musclemap", "musclemap-thigh"):
        for one in TABLES[model].values():
            if one.label and not one.label.startswith("FEMUR"):
                full = meaning_of(one.label).full_name.lower().replace(", ", " ")
                assert full == one.name.replace(", ", " "), one


@needs(LABELS)
def test_numbers_are_those_of_the_models():
    names = {"total_mr": "totalsegmentator-total-mr",
             "thigh_shoulder_muscles_mr": "totalsegmentator-thigh-shoulder-mr"}  # fmt: skip
    with (LABELS / "musclemap.csv").open() as file:
        rows = [(f"musclemap-{row['model']}", row["id"], f"{row['anatomy']}, {row['side']}")
                for row in csv.DictReader(file)]  # fmt: skip
    with (LABELS / "totalsegmentator.csv").open() as file:
        rows += [(names[row["task"]], row["id"], row["name"]) for row in csv.DictReader(file)]
    for model, number, name in rows:
        ours = TABLES[model][int(number)].name
        assert ours.replace(", ", " ").replace(" ", "_") == name.replace(", ", "_").replace(
            " ", "_"
        )
    assert TABLES["musclemap"][7101] == Structure(7101, "vastus lateralis, left", "VL_L")


def test_muscles_get_our_numbers_and_others_keep_a_name():
    values = np.array([[[0, 7101, 7102, 6121, 77]]])
    found = translated(values, TABLES["musclemap"])
    assert found.values[0, 0, :3].tolist() == [0, OURS["VL_L"], OURS["VL_R"]]
    gluteus, unknown = found.values[0, 0, 3:].tolist()
    assert found.labels[gluteus].name == "gluteus maximus, left"
    assert found.labels[unknown].name == "Label 77"
    assert gluteus not in default_labels()
    assert found.kept == {6121: "gluteus maximus, left", 77: "Label 77"}
    assert found.unknown == (77,)
    words = " ".join(found.sentences())
    assert "gluteus maximus, left (6121)" in words
    assert "Not in the table, kept without a name: 77." in words


def test_a_table_of_the_user_joins_numbers_into_groups():
    table = parse_table("number,name,label\n7101,x,QUAD_L\n7111,y,QUAD_L\n7121,z,my own\n")
    found = translated(np.array([7101, 7111, 7121, 7111]), table)
    assert found.regions == {"QUAD_L": (7101, 7111), "my own": (7121,)}
    assert found.values[0] == found.values[1] == found.values[3] == OURS["QUAD_L"]
    assert found.labels[int(found.values[2])].name == "my own"
    assert "Joined: QUAD_L of 7101, 7111." in found.sentences()


@given(st.lists(st.integers(0, 9000), min_size=1, max_size=30))
def test_two_voxels_share_a_region_just_when_their_structures_do(numbers):
    table = TABLES["musclemap"]
    found = translated(np.array(numbers), table).values

    def becomes(number):
        return (table[number].label or number) if number in table else number

    for one, mine in zip(numbers, found, strict=True):
        for other, theirs in zip(numbers, found, strict=True):
            assert (mine == theirs) == (becomes(one) == becomes(other))
        assert (mine == 0) == (one == 0)


def test_models_that_know_the_numbers_are_told():
    assert models_with({7101, 7132}) == ["musclemap"]
    assert set(models_with({7, 8})) == {
        "musclemap-thigh", "musclemap-leg", "totalsegmentator-thigh-shoulder-mr",
    }  # fmt: skip
    assert models_with({60000}) == []


@pytest.mark.parametrize("model", TABLES)
def test_a_printed_table_reads_as_itself(model):
    assert parse_table(format_table(TABLES[model])) == TABLES[model]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "lacks a column"),
        ("id,name\n1,x\n", "lacks a column"),
        ("number,name,label\n", "is empty"),
        ("number,name,label\nseven,x,\n", "line 2"),
        ("number,name,label\n1,x,\n1,y,\n", "line 3"),
        ("number,name,label\n0,x,\n", "line 2"),
        ('number,name,label\n1,"a ""b""",\n', "does not fit"),
    ],
)
def test_a_faulty_table_is_told_with_its_line(text, expected):
    with pytest.raises(mrf.MRFInputError, match=expected):
        parse_table(text)


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = cli.main(["labels", *map(str, arguments)])
        return code, capsys.readouterr().out

    return run


def test_command_writes_a_label_map_of_ours_with_names(run, tmp_path):
    values = np.zeros((1, 3, 4), np.int32)
    values[0, 0], values[0, 1, :2] = 7101, 8141
    path, output = tmp_path / "seg.nii.gz", tmp_path / "muscles.nii.gz"
    save_labels(path, values, AFFINE)
    code, text = run(path, "--from", "musclemap", "--output", output)
    assert code == 0, text
    assert "1 of our regions" in text
    assert "gastrocnemius, left (8141)" in text
    read = load_labels(output, values.shape, AFFINE)
    names = {
        index: label.name for index, label in load_label_table(tmp_path / "muscles.txt").items()
    }
    assert (read.values[0, 0] == OURS["VL_L"]).all()
    assert names[int(read.values[0, 1, 0])] == "gastrocnemius, left"
    assert run(path, "--from", "musclemap", "--output", output)[0] == 3  # not replaced
    assert run(path, "--from", "musclemap", "--output", output, "--overwrite")[0] == 0


def test_command_takes_the_edited_table_and_refuses_an_unknown_model(run, tmp_path):
    path, output = tmp_path / "seg.nii.gz", tmp_path / "out.nii.gz"
    save_labels(path, np.full((1, 2, 2), 5), AFFINE)
    code, text = run("--table", "totalsegmentator-thigh-shoulder-mr")
    assert code == 0
    (tmp_path / "mine.csv").write_text(text.replace("HSTR_L", "BF_L"))
    assert run(path, "--from", tmp_path / "mine.csv", "--output", output)[0] == 0
    assert (load_labels(output, (1, 2, 2), AFFINE).values == OURS["BF_L"]).all()
    code, text = run(path, "--from", "muscle", "--output", tmp_path / "no.nii.gz")
    assert code == 2
    assert not (tmp_path / "no.nii.gz").exists()
    assert "musclemap-thigh: 28 structures, 28 of them" in run("--models")[1]
    assert run(path)[0] == 2
