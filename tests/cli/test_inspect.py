"""``napari-mrf inspect``: values and fingerprints known beforehand, reasons, refusals."""

import json

import numpy as np
import pandas as pd
import pytest

import napari_mrf as mrf
from napari_mrf import MRFSeries, ParameterMaps, cli
from napari_mrf.data import sequences
from napari_mrf.io import Label, save_label_table, save_labels, save_maps, save_series
from napari_mrf.io.maps.folders import telling_names
from napari_mrf.plots.printed_numbers import significant

SEQUENCE = sequences.t1ff()
SHAPE = (2, 3, 4)
AFFINE = np.diag([-2.0, -2.0, 8.0, 1.0])
TISSUE = {"FF": 0.25, "T1H2O": 1250.0, "T1fat": 325.0, "Df": 20.0, "B1": 0.75}
VOXEL = (1, 2, 0)
FATTY = (0, 1, 1)  # FF 0.875 there
OUTSIDE, BROKEN = (0, 0, 0), (0, 0, 1)


def tissue_of(voxel):
    return {**TISSUE, "FF": 0.875} if voxel == FATTY else TISSUE


def model(voxel):
    tissue = {key: np.array([value]) for key, value in tissue_of(voxel).items()}
    return mrf.simulate(SEQUENCE, tissue, dtype="complex128")[0]


def receive_phase(voxel):
    """A gain and a phase of their own for every voxel, known to nobody."""
    return (100 + sum(voxel)) * np.exp(1j * (voxel[0] + 2.0 * voxel[1] + 0.5 * voxel[2]))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a study ü")
    signal = np.zeros((SEQUENCE.n_frames, *SHAPE), np.complex64)
    for voxel in np.ndindex(SHAPE):
        signal[(slice(None), *voxel)] = receive_phase(voxel) * model(voxel)
    signal[:, 0, 0, 1] = np.nan
    save_series(MRFSeries(signal, AFFINE, SEQUENCE), folder / "leg.nii")
    maps = {key: np.full(SHAPE, value) for key, value in TISSUE.items()}
    maps["FF"][FATTY] = 0.875
    for values in maps.values():
        values[OUTSIDE] = np.nan
    deviations = {"T1H2O": np.full(SHAPE, 12.5)}
    save_maps(ParameterMaps(maps, affine=AFFINE, uncertainty=deviations), folder / "a" / "maps")
    far = {**maps, "T1H2O": maps["T1H2O"] + 250.0}
    save_maps(ParameterMaps(far, affine=AFFINE), folder / "b" / "maps")
    save_maps(ParameterMaps(maps, affine=np.diag([-2.0, 2, 8, 1])), folder / "turned")
    drawn = np.zeros(SHAPE, np.uint16)
    drawn[1, 1:] = 7  # eight voxels
    drawn[FATTY] = 8
    save_labels(folder / "muscles.nii.gz", drawn, AFFINE)
    save_label_table(folder / "muscles.txt", [Label(7, "=VL_R"), Label(8, "fat"), Label(9, "RF"),
                                              Label(10, "rf")])  # fmt: skip
    return folder


@pytest.fixture
def run(capsys, study):
    def run(*words, series="leg.nii"):
        code = cli.main(["inspect", str(study / series), *(str(word) for word in words)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def place(voxel):
    return ",".join(map(str, voxel))


def test_voxel_has_its_values_its_fingerprint_and_a_perfect_fit(run, study, tmp_path):
    code, said, err = run("--maps", study / "a" / "maps", "--voxel", place(VOXEL), "--output",
                          tmp_path / "out")  # fmt: skip
    assert (code, err) == (0, "")
    assert "voxel (1, 2, 0), maps: FF 0.25, T1H2O 1250 ± 12 ms, T1fat " in said
    assert " ms (not valid: FF > 0.3 only), Df " in said
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "values.csv", "inspect.json", "voxel_1_2_0.csv", "voxel_1_2_0.svg", "voxel_1_2_0.pdf"
    }  # fmt: skip
    (row,) = pd.read_csv(tmp_path / "out" / "values.csv").to_dict("records")
    assert (row["z"], row["y"], row["x"]) == VOXEL
    assert (row["FF"], row["T1H2O (ms)"], row["T1H2O SD (ms)"]) == (0.25, 1250, 12.5)
    assert row["fit"] == pytest.approx(1, abs=1e-6)
    assert row["scale"] == "fit"
    assert row["reason"] != row["reason"]  # empty
    table = pd.read_csv(tmp_path / "out" / "voxel_1_2_0.csv")
    expected = receive_phase(VOXEL) * model(VOXEL)
    tolerance = 1e-5 * np.abs(expected).max()
    for kind in ("measured", "maps predicted"):
        found = table[f"voxel (1, 2, 0) {kind} real"] + 1j * table[
            f"voxel (1, 2, 0) {kind} imaginary"]  # fmt: skip
        assert np.abs(found - expected).max() < tolerance
    assert np.abs(table["voxel (1, 2, 0) maps residual real"]).max() < tolerance
    assert table["frame"].tolist() == list(range(SEQUENCE.n_frames))
    flip_angles = SEQUENCE.per_frame(SEQUENCE.flip_angles_deg).mean(axis=1)
    assert table["FA (deg)"].to_numpy() == pytest.approx(flip_angles)


def test_two_sets_of_maps_are_told_apart(run, study, tmp_path):
    words = ["--maps", study / "a" / "maps", "--maps", study / "b" / "maps"]
    assert run(*words, "--voxel", place(VOXEL), "--output", tmp_path / "out")[0] == 0
    table = pd.read_csv(tmp_path / "out" / "values.csv").set_index("maps")
    assert table["T1H2O (ms)"].to_dict() == {"a": 1250, "b": 1500}
    assert table["fit"]["b"] < table["fit"]["a"]
    assert np.isnan(table["T1H2O SD (ms)"]["b"])


def test_what_is_missing_is_said_and_not_hidden(run, study, tmp_path):
    words = [word for voxel in (OUTSIDE, BROKEN, FATTY) for word in ("--voxel", place(voxel))]
    code, _, err = run("--maps", study / "a" / "maps", *words, "--output", tmp_path / "out")
    assert code == 0
    assert "voxel (0, 0, 0), maps: no value: outside the mask." in err
    assert "voxel (0, 0, 1): the fingerprint is not finite." in err
    table = pd.read_csv(tmp_path / "out" / "values.csv")
    assert table["reason"][0] == "no value: outside the mask"
    assert np.isnan(table["FF"][0]) and np.isnan(table["fit"][0])
    assert "not finite" in table["note"][1] and np.isnan(table["fit"][1])
    assert table["not valid"][2] == "T1H2O (FF < 0.7 only)"
    record = json.loads((tmp_path / "out" / "inspect.json").read_text(encoding="utf-8"))
    assert record["warnings"] == err.splitlines()
    assert record["options"]["voxels_zyx"] == [list(OUTSIDE), list(BROKEN), list(FATTY)]
    assert len(record["inputs"]["maps"][0]["sha256"]) == len(TISSUE) + 1  # and maps.json
    assert "voxel_0_0_1.pdf" in record["files"]


def test_region_is_the_mean_after_its_phases_are_turned_together(run, study, tmp_path):
    code, _, _ = run("--maps", study / "a" / "maps", "--rois", study / "muscles.nii.gz",
                     "--region", "=VL_R", "--output", tmp_path / "out")  # fmt: skip
    assert code == 0
    table = pd.read_csv(tmp_path / "out" / "region_7.csv")
    name = "'=VL_R, mean of 8 voxels"  # no formula, in titles neither
    gains = [abs(receive_phase((1, y, x))) for y in (1, 2) for x in range(4)]
    expected = np.mean(gains) * np.abs(model(VOXEL))
    for kind in ("measured", "maps predicted"):
        found = np.hypot(table[f"{name} {kind} real"], table[f"{name} {kind} imaginary"])
        assert found.to_numpy() == pytest.approx(expected, rel=1e-4)
    (values,) = pd.read_csv(tmp_path / "out" / "values.csv").to_dict("records")
    assert values["label"] == 7
    assert values["trace"] == name
    assert values["fit"] == pytest.approx(1, abs=1e-6)
    regions = pd.read_csv(tmp_path / "out" / "regions.csv").set_index("map")
    assert regions["n"].to_dict() == {"FF": 8, "T1H2O": 8, "T1fat": 0, "Df": 8, "B1": 8}
    assert regions["mean"]["T1H2O"] == 1250
    assert regions["reason"]["T1fat"] == "the validity rule leaves no voxel"  # FF is 0.25
    assert set(regions["label"]) == {7}


def test_without_names_every_region_that_is_drawn_is_written(run, study, tmp_path):
    code, said, _ = run("--rois", study / "muscles.nii.gz", "--output", tmp_path / "out")
    assert code == 0
    assert "2 fingerprints" in said
    names = {path.name for path in (tmp_path / "out").glob("*.csv")}
    assert names == {"region_7.csv", "region_8.csv", "values.csv"}
    assert run("--rois", study / "muscles.nii.gz", "--region", 9, "--output", tmp_path / "empty",
               )[2] == "RF, mean of 0 voxels: no voxel with signal.\n"  # fmt: skip


def test_an_earlier_run_goes_only_with_leave_and_then_whole(run, study, tmp_path):
    out = tmp_path / "out"
    assert run("--voxel", place(VOXEL), "--output", out)[0] == 0
    (out / "voxel_notes.txt").write_text("mine")
    before = (out / "values.csv").read_bytes()
    code, _, err = run("--voxel", place(FATTY), "--output", out)
    assert code == 3
    assert "already contains inspected voxels" in err
    assert (out / "values.csv").read_bytes() == before
    assert run("--voxel", place(FATTY), "--output", out, "--overwrite")[0] == 0
    assert {path.name for path in out.glob("voxel_*")} == {
        "voxel_0_1_1.csv", "voxel_0_1_1.svg", "voxel_0_1_1.pdf", "voxel_notes.txt"}  # fmt: skip


def test_the_same_input_gives_the_same_bytes(run, study, tmp_path):
    files = []
    for name in ("one", "two"):
        words = ["--maps", study / "a" / "maps", "--voxel", place(VOXEL), "--component", "phase"]
        assert run(*words, "--output", tmp_path / name)[0] == 0
        files.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert files[0] == files[1]
    assert b"Phase (rad)" in files[0]["voxel_1_2_0.svg"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "nothing to inspect"),
        (["--voxel", "1,2"], 2, "not Z,Y,X"),
        (["--voxel", "1,2,a"], 2, "not Z,Y,X"),
        (["--voxel", "2,0,0"], 2, "z 0-1, y 0-2, x 0-3"),
        (["--voxel", "0,0,-1"], 2, "is outside the series"),
        (["--voxel", "0,0,0", "--region", "7"], 2, "need --rois, a label map"),
        (["--voxel", "0,0,0", "--component", "size"], 2, "not one of magnitude"),
        (["--rois", "muscles.nii.gz", "--region", "VM"], 2, "7 =VL_R, 8 fat"),
        (["--rois", "muscles.nii.gz", "--region", "Rf"], 2, "numbers 9, 10"),
        (["--rois", "nowhere.nii.gz"], 3, "nowhere.nii.gz"),
        (["--voxel", "0,0,0", "--maps", "nowhere"], 3, "does not exist"),
        (["--voxel", "0,0,0", "--maps", "turned"], 3, "run the other way"),
        (["--voxel", "0,0,0", "--maps", "a/maps", "--maps", "a/maps"], 3, "given twice"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(run, study, tmp_path, words, code, said):
    options = {"--maps", "--rois"}
    placed = [study / word if before in options else word
              for before, word in zip([None, *words], words, strict=False)]  # fmt: skip
    found, _, err = run(*placed, "--output", tmp_path / "out")
    assert found == code
    assert said in " ".join(err.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


def test_errors_are_json_on_request(run, tmp_path):
    code, _, err = run("--voxel", "9,9,9", "--output", tmp_path / "out", "--json-errors")
    assert code == 2
    assert json.loads(err)["error"]["code"] == "bad-voxel"


def test_help_says_how_voxels_are_counted(run):
    code, out, _ = run("--help")
    text = " ".join(out.replace("│", " ").split())
    assert code == 0
    assert "Example: napari-mrf inspect" in text
    assert "counted from 0" in text and "slice 0, row 81, column 92" in text


def test_names_are_the_shortest_that_tell_folders_apart(tmp_path):
    def names(*words):
        return telling_names([tmp_path / word for word in words])

    assert names("a/maps", "b/maps") == ["a", "b"]
    assert names("water-fat/sub-01", "exhaustive/sub-01") == ["water-fat", "exhaustive"]
    assert names("a/one", "b/one", "b/two") == ["a/one", "b/one", "b/two"]
    assert names("a/maps", "a/maps", "b/maps") == ["a", "a", "b"]


def test_large_deviations_are_printed_without_an_exponent():
    assert [significant(value, 2) for value in (178.7, 12.5, 0.01557, 99999.0)] == [
        "180", "12", "0.016", "100000"
    ]  # fmt: skip
