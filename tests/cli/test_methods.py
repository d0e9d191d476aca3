"""The table of methods on the command line: fits a terminal, tells what is missing and worse."""

import json

import pytest
from network_cases import RANGES, T1FF, install
from typer.testing import CliRunner

import napari_mrf as mrf
from napari_mrf.cli.application import app
from napari_mrf.networks import listing, weights
from napari_mrf.networks.card import Metric
from napari_mrf.networks.comparison import error_ratios, worse_than_plainest
from napari_mrf.networks.zoo import NETWORKS


def errors(share):
    return [
        Metric(map=key, sigma=sigma, mean_absolute_error=share * (high - low) * sigma,
               mean_relative_error_percent=None, r_squared=0.5)
        for sigma in (0.003, 0.00877) for key, (low, high) in RANGES.items()
    ]  # fmt: skip


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A plain network, one that is worse, one that is better, one tested on other data."""
    test = {"test_data": "a grid"}
    install(tmp_path, ["cohen"], metrics=errors(1.0), is_reduced=False, **test)
    install(tmp_path, ["inn"], metrics=errors(1.5), **test)
    install(tmp_path, ["fc"], metrics=errors(0.7), **test)
    install(tmp_path, ["hoppe2017"], metrics=errors(3.0), test_data="phantoms")
    monkeypatch.setattr(weights, "weight_folders", lambda: iter([tmp_path]))
    return tmp_path


def listed(*arguments):
    result = CliRunner().invoke(app, ["methods", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_no_line_is_longer_than_a_terminal(installed):
    for arguments in ((), ("--verbose",)):
        assert max(map(len, listed(*arguments).splitlines())) <= 100


def test_short_table_tells_size_reduced_training_and_what_is_worse(installed):
    lines = listed().splitlines()
    rows = {line.split()[0]: line for line in lines if line and line[0] != " "}
    assert "MB" in rows["cohen"]
    assert "reduced" not in rows["cohen"]
    words = " ".join(" ".join(lines).split())
    assert "both directions; reduced training; worse than cohen (errors x 1.50)" in words
    assert "worse" not in rows["fc"]
    assert "worse" not in rows["hoppe2017"], "tested on other data"
    assert "fang" not in rows
    assert any("without weights" in line and "fang" in " ".join(lines) for line in lines)


def test_long_table_tells_errors_noise_source_and_what_to_do(installed):
    text = " ".join(listed("--verbose").split())
    assert "Cohen et al., MRM 2018" in text
    assert "T1H2O 21.9 ms" in text  # 2500 ms x 0.00877
    assert "at noise 0.0088, trained with noise of 0.003-0.05 of the norm" in text
    assert "errors divided by those of cohen: FF 0.70" in text
    assert "Train it (napari-mrf train t1ff-inn-backward)." in text
    assert "Train it with a recipe of its own (napari-mrf train RECIPE.toml)." in text


def test_json_holds_every_method_of_every_sequence(installed):
    records = json.loads(listed("--json"))
    t1ff = {one["name"]: one for one in records if one["sequence"] == "MRF T1-FF"}
    assert set(NETWORKS) < set(t1ff)
    assert t1ff["water-fat"]["weights"] is None
    assert t1ff["inn"]["remarks"] == ["reduced training", "worse than cohen (errors x 1.50)"]
    assert t1ff["inn"]["needs"] == ""
    assert t1ff["fang"]["needs"]
    assert t1ff["inn"]["maps"] == list(T1FF.parameters)
    fisp = [one["name"] for one in records if one["sequence"] == "FISP" and not one["needs"]]
    assert "exhaustive" in fisp
    assert not set(fisp) & set(NETWORKS)


def test_ratio_of_errors_is_the_geometric_mean_over_the_noise_levels(installed):
    cards = {name: weights.read_card(path) for (name, _), path in weights.installed().items()}
    ratios = error_ratios(cards["inn"], cards["cohen"])
    assert ratios == pytest.approx(dict.fromkeys(RANGES, 1.5))
    rows = [
        row.model_copy(update={"mean_absolute_error": row.mean_absolute_error * factor})
        for row, factor in zip(cards["cohen"].metrics, [4.0] * 5 + [1.0] * 5, strict=True)
    ]
    card = cards["fc"].model_copy(update={"metrics": rows})
    assert error_ratios(card, cards["cohen"]) == pytest.approx(dict.fromkeys(RANGES, 2.0))
    assert error_ratios(cards["cohen"], cards["cohen"]) == {}
    assert worse_than_plainest({"FF": 2.0, "B1": 0.4}) == ""
    assert worse_than_plainest({"FF": 1.01}) == ""
    assert worse_than_plainest({"FF": 2.0, "B1": 0.8}) == "worse than cohen (errors x 1.26)"


def test_larger_networks_are_to_be_installed(installed, monkeypatch):
    monkeypatch.setattr(listing, "larger_networks", lambda: {"t1ff": ["fang"]})
    needs = {row.name: row.needs for row in mrf.methods.missing(T1FF)}
    assert needs["fang"].startswith("Install the larger networks (pip install napari-mrf[weights])")
    assert "Install" not in needs["song"]
    assert "cohen" not in needs


def test_network_without_weights_says_what_to_do_on_the_command_line(installed, tmp_path):
    series = tmp_path / "s.npy"
    arguments = ["reconstruct", str(series), "-s", "t1ff", "-m", "nothing", "-o", str(tmp_path)]
    assert CliRunner().invoke(app, arguments).exit_code == 2
    with pytest.raises(mrf.MRFInputError) as caught:
        mrf.methods.get("song", sequence=T1FF)
    assert caught.value.code == "missing-weights"
    assert "napari-mrf train t1ff-song" in str(caught.value)
