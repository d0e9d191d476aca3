"""Names of people and regions that are no words: mathematics, half characters, turned text."""

import os

import nibabel
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from napari_mrf import MRFInputError, ParameterMaps, cli, save_maps
from napari_mrf.data.label import Label
from napari_mrf.errors import shown
from napari_mrf.io import save_label_table, save_labels
from napari_mrf.plots.names import as_it_is, legend_name

REGIONS = ["$\\undefined$", "_hidden", "\u202eleft", " ", "a$b", "=1+1"]
SUBJECTS = ["$\\undefined$", os.fsdecode(b"sub-\xff")]


@pytest.fixture
def study(tmp_path):
    """Maps of two subjects by two methods, and the label maps of both."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(7), 40).reshape(1, 20, 14)
    for subject in SUBJECTS:
        try:
            (tmp_path / "reference" / subject).mkdir(parents=True)
        except OSError:
            pytest.skip("names of files are UTF-8 on this disk")
        for side in ("reference", "test"):
            ff = rng.uniform(0.1, 0.9, labels.shape).astype(np.float32)
            save_maps(ParameterMaps({"FF": ff}, affine=np.eye(4)), tmp_path / side / subject)
        (tmp_path / "rois").mkdir(exist_ok=True)
        save_labels(tmp_path / "rois" / f"{subject}.nii.gz", labels, np.eye(4))
    table = [Label(number, name) for number, name in enumerate(REGIONS, start=1)]
    save_label_table(tmp_path / "names.txt", table)
    return tmp_path


def run(*words):
    return cli.main([str(word) for word in words])


def test_comparison_of_odd_names_is_written_in_full(study):
    output = study / "out"
    assert run(
        "compare", study / "reference", study / "test", "--rois", study / "rois",
        "--labels", study / "names.txt", "--output", output,
    ) == 0  # fmt: skip
    page = (output / "report.html").read_text(encoding="utf-8")
    assert "\\udcff" in page
    assert "$\\undefined$" in page
    assert "\u202e" not in page
    assert set(pd.read_csv(output / "rois.csv")["subject"]) == {SUBJECTS[0], "sub-\\udcff"}


def test_statistics_of_odd_names_are_written_in_full(study):
    output = study / "out"
    assert run(
        "rois", study / "reference", "--rois", study / "rois", "--labels", study / "names.txt",
        "--output", output,
    ) == 0  # fmt: skip
    names = set(pd.read_csv(output / "rois.csv")["name"])
    assert {"$\\undefined$", "_hidden", "\\u202eleft", "a$b", "'=1+1"} <= names


@pytest.mark.parametrize(
    "words",
    [
        ("reconstruct", "series.nii", "-s", "t1ff"),
        ("inspect", "series.nii", "--voxel", "0,0,0"),
        ("importance", "series.nii", "-s", "t1ff"),
        ("compare", "maps", "maps"),
        ("rois", "maps", "--rois", "rois.nii.gz"),
        ("phantom", "--mode", "noise-only", "--size", "32"),
        ("demo",),
        ("reproduce", "inn-fig2"),
        ("simulate", "-s", "t1ff", "-p", "tissue.csv"),
    ],
)
@pytest.mark.parametrize("name", ["n" * 300, "/".join(["n" * 200] * 25)])
def test_output_of_too_long_a_name_is_refused_by_its_code(
    tmp_path, monkeypatch, capsys, words, name
):
    monkeypatch.chdir(tmp_path)
    values = np.ones((2, 2, 1, 175), np.complex64)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), "series.nii")
    save_maps(ParameterMaps({"FF": np.full((1, 2, 2), 0.5)}, affine=np.eye(4)), "maps")
    save_labels("rois.nii.gz", np.ones((1, 2, 2), np.uint8), np.eye(4))
    (tmp_path / "tissue.csv").write_text("FF,T1H2O,T1fat,Df,B1\n0.1,1200,330,0,1\n")
    output = f"{name}.npy" if words[0] == "simulate" else name
    assert run(*words, "--output", output, "--json-errors") == 3
    assert '"code": "name-too-long"' in capsys.readouterr().err


def test_error_with_half_a_character_can_be_printed():
    text = str(MRFInputError("x", "a \u202eb \x1b[31m", path=os.fsdecode(b"\xff.nii")))
    assert text == "\\udcff.nii: a \\u202eb \\x1b[31m."
    text.encode()


def test_ordinary_names_are_shown_as_they_are():
    for name in ("Größe 12 µm", "عضلة", "股四头肌", "a\u200db", "two\nlines"):
        assert shown(name) == name


def test_legend_shows_every_name():
    axes = Figure().subplots()
    for name in REGIONS:
        axes.plot([0, 1], [0, 1], label=legend_name(name))
    legend = axes.legend()
    as_it_is(legend)
    axes.figure.draw_without_rendering()
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["$\\undefined$", " _hidden", "\\u202eleft", "(no name)", "a$b", "=1+1"]
