"""The experiments of the INN paper: errors, bounds, what is missing, what is written."""

import json

import numpy as np
import pandas as pd
import pytest

from napari_mrf import MRFInputError, cli
from napari_mrf.data import sequences
from napari_mrf.reproduction.experiment import Settings
from napari_mrf.reproduction.experiments import EXPERIMENTS, run_experiment
from napari_mrf.reproduction.fingerprint_errors import bound_errors, fingerprint_errors
from napari_mrf.reproduction.found_networks import cure, found_networks
from napari_mrf.reproduction.markdown import markdown_table, rounded
from napari_mrf.reproduction.published import published_table


def value(rows, metric, key):
    (row,) = [one for one in rows if (one["metric"], one["map"]) == (metric, key)]
    return row["mean"], row["sd"]


def test_errors_are_those_computed_by_hand():
    truth = np.array([[1.0], [2.0], [0.0], [5.0]])
    found = truth + np.array([[0.5], [-1.0], [3.0], [0.0]])
    rows = fingerprint_errors(["FF"], truth, found)
    assert value(rows, "MAE", "FF") == pytest.approx((4.5 / 4, np.std([0.5, 1, 3, 0])))
    assert value(rows, "MRE", "FF") == pytest.approx((100 / 3, np.std([50.0, 50.0, 0.0])))
    # Residual 0.25 + 1 + 9, total 1 + 0 + 4 + 9.
    assert value(rows, "R2", "FF")[0] == pytest.approx(1 - 10.25 / 14)


def test_bound_is_what_gaussian_errors_of_that_deviation_give():
    rng = np.random.default_rng(0)
    truth = rng.uniform(500, 3000, (200_000, 1))
    deviation = rng.uniform(50, 200, truth.shape)
    drawn = fingerprint_errors(
        ["T1H2O"], truth, truth + deviation * rng.standard_normal(truth.shape)
    )
    for metric in ("MAE", "MRE", "R2"):
        assert value(bound_errors(["T1H2O"], truth, deviation), metric, "T1H2O")[0] == (
            pytest.approx(value(drawn, metric, "T1H2O")[0], rel=0.01)
        )


def test_published_numbers_of_the_inn_paper_are_complete():
    table = published_table("inn-table1").set_index(["method", "metric", "map"])["mean"]
    assert len(table) == 6 * 3 * 5
    assert table["inn", "MAE", "T1H2O"] == 88.9
    assert table["song", "MRE", "FF"] == 6.33
    assert table["oksuz", "R2", "T1fat"] == 0.508
    # What the text says of the table: the INN is best everywhere but in Df.
    best = table.xs("MAE", level="metric").unstack("method").idxmin(axis=1)
    assert dict(best) == dict.fromkeys(["FF", "T1H2O", "T1fat", "B1"], "inn") | {
        "Df": "inn-backward"
    }


@pytest.mark.parametrize(
    ("number", "text"),
    [(88.94, "88.9"), (0.01234, "0.0123"), (1234.5, "1234"), (0.0, "0"), (float("nan"), "-"),
     (3.2e-6, "3e-06"), (-4.567, "-4.57")],
)  # fmt: skip
def test_numbers_are_rounded_to_three_digits(number, text):
    assert rounded(number) == text


def test_markdown_table_has_a_rule_below_its_header():
    assert markdown_table(["a", "b"], [["1", "2"]]).splitlines() == [
        "| a | b |", "|---|---|", "| 1 | 2 |",
    ]  # fmt: skip


def test_networks_are_found_once_and_missing_ones_are_named_with_the_cure(tmp_path):
    from napari_mrf.networks.weights import installed

    sequence = sequences.t1ff()
    found, missing = found_networks(["cohen", "nobody2031"], sequence)
    assert [one.name for one in found] == ["cohen"]
    assert missing == ["nobody2031"]
    assert "nobody2031" in cure(missing)
    assert "--weights" in cure(missing)
    # The same weights in a folder of one's own are not a second network.
    card = installed()["cohen", sequence.fingerprint()]
    for path in (card, card.with_suffix(".safetensors")):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "notes.json").write_text("{}")
    found, _ = found_networks(["cohen"], sequence, [tmp_path])
    assert [one.path for one in found] == [tmp_path / "cohen.json"]


def test_folder_without_networks_is_refused(tmp_path):
    with pytest.raises(MRFInputError) as caught:
        found_networks(["cohen"], sequences.t1ff(), [tmp_path])
    assert caught.value.code == "missing-weights"


def test_unknown_experiment_is_refused(capsys):
    with pytest.raises(MRFInputError, match="no experiment 'nothing'"):
        run_experiment("nothing", Settings())
    assert cli.main(["reproduce", "nothing"]) == 2
    assert "inn-table1" in capsys.readouterr().err


def test_list_names_every_experiment_and_its_source(capsys):
    assert cli.main(["reproduce", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(EXPERIMENTS)
    assert "MLMIR 2020, Table 1" in lines[0]


def test_help_has_an_example(capsys):
    assert cli.main(["reproduce", "--help"]) == 0
    assert "napari-mrf reproduce inn-table1" in capsys.readouterr().out


def test_training_without_a_folder_is_wrong_usage(capsys):
    assert cli.main(["reproduce", "inn-table1", "--train"]) == 2
    assert "--output" in capsys.readouterr().err


@pytest.fixture
def few_entries(monkeypatch):
    monkeypatch.setattr("napari_mrf.reproduction.inn.table1._QUICK", 200)
    monkeypatch.setattr("napari_mrf.reproduction.inn.table1._QUICK_MATCHED", 40)


def test_table1_stands_beside_the_paper_and_is_written(tmp_path, capsys, few_entries):
    folder = tmp_path / "out"
    words = ["reproduce", "inn-table1", "--quick", "--output", str(folder)]
    assert cli.main(words) == 0
    printed = capsys.readouterr().out
    assert "88.9 (6.8, 0.934)" in printed
    table = pd.read_csv(folder / "inn-table1.csv")
    means = table.set_index(["method", "test_sigma", "metric", "map"])["mean"]
    # Without noise matching is exact, and with noise near the bound; the network is neither.
    assert means["water-fat", 0.0, "MAE", "T1H2O"] < 0.1
    assert 0.5 < means["water-fat", 0.03, "MAE", "FF"] / means["bound", 0.03, "MAE", "FF"] < 2
    assert 20 < means["cohen", 0.0, "MAE", "T1H2O"] < 100
    assert (folder / "inn-table1.md").read_text().strip() in printed
    assert (folder / "inn-table1.png").stat().st_size > 10_000
    record = json.loads((folder / "inn-table1.json").read_text())
    assert record["quick"] is True
    names = {one["network"] for one in record["weights"]} | set(record["missing"])
    assert names == {"inn", "inn-backward", "cohen", "hoppe", "oksuz", "song"}
    assert ("left out: " in printed) is bool(record["missing"])
    assert cli.main(words) == 3
    assert "--overwrite" in capsys.readouterr().err
