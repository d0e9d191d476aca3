"""What is written along the way, and what ends a training."""

import csv
import itertools

import pytest
import torch
from PIL import Image
from training_cases import finish, recipe, toml

from napari_mrf.cli import main
from napari_mrf.plots.training_figure import training_figure
from napari_mrf.training.data.fingerprints import Fingerprints
from napari_mrf.training.loop import loop
from napari_mrf.training.loop.loop import learning_rate, train
from napari_mrf.training.run import prepare, run


@pytest.fixture(scope="module")
def prepared():
    return prepare(recipe())


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_table_grows_with_every_epoch_and_is_whole_at_any_time(tmp_path):
    path = tmp_path / "cohen.metrics.csv"
    work = run(recipe(), tmp_path)
    for step in work:
        if step.share == 0.0:
            rows = rows_of(path)
            assert [int(row["epoch"]) for row in rows] == list(range(1, step.epoch + 1))
        if step.epoch == 2:
            break
    work.close()
    maps = [float(rows[-1][f"r_squared_{key}"]) for key in ("FF", "T1H2O", "T1fat")]
    assert float(rows[-1]["validation_r_squared"]) == pytest.approx(sum(maps) / 3)
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert float(rows[0]["seconds"]) <= float(rows[1]["seconds"])
    # A resumed training goes on with the same table.
    work = run(recipe(), tmp_path)
    assert next(work).epoch == 2
    assert len(rows_of(path)) == 2
    work.close()


def test_command_writes_weights_table_and_figure(tmp_path, few_test_tissues, capsys):
    (tmp_path / "a.toml").write_text(toml(recipe()))
    arguments = ["train", str(tmp_path / "a.toml"), "--output", str(tmp_path / "out")]
    assert main(arguments) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "cohen.json", "cohen.metrics.csv", "cohen.safetensors", "cohen.training.png",
        "cohen.training.svg"]  # fmt: skip
    assert "3 epochs" in capsys.readouterr().out
    with Image.open(tmp_path / "out" / "cohen.training.png") as picture:
        assert picture.width > 800
    text = (tmp_path / "out" / "cohen.training.svg").read_text()
    for word in ("epoch", "training loss", "R² on validation data", "Water T1", "cohen, MRF T1-FF"):
        assert word in text
    assert main(arguments) == 3  # the folder holds weights already


def test_figure_shows_every_epoch_and_its_legend_covers_no_data():
    history = [
        {"epoch": n, "loss": 0.1 / n, "validation_r_squared": 0.1 * n,
         "r_squared_FF": 0.1 * n + 0.05, "r_squared_B1": 0.1 * n - 0.05,
         "learning_rate": 1e-3, "seconds": 2.0 * n}
        for n in range(1, 8)
    ]  # fmt: skip
    figure = training_figure("a", history)
    figure.draw_without_rendering()
    above, below = figure.axes
    assert above.lines[0].get_ydata().tolist() == [row["loss"] for row in history]
    assert above.get_yscale() == "log"
    drawn = {line.get_label(): line for line in below.lines}
    assert drawn["Fat fraction"].get_ydata().tolist() == [row["r_squared_FF"] for row in history]
    assert drawn["kept: epoch 7"]
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert not box.overlaps(above.get_window_extent())
    assert not box.overlaps(below.get_window_extent())


def test_patience_ends_a_training_and_its_best_epoch_is_kept(prepared):
    _, trained, training, _ = prepared
    before = {key: value.clone() for key, value in trained.state_dict().items()}

    class Worse(Fingerprints):
        """A validation whose truth varies less every epoch, so that R² falls."""

        def batch(self, rows, generator):
            found = super().batch(rows, generator)
            Worse.asked += 1
            return type(found)(found.signals, found.maps / Worse.asked)

    Worse.asked = 0
    worse = Worse(training.signals[:50], training.maps[:50], training.noise)
    plan = recipe(epochs=50, patience=4, learning_rate=1e-9)
    progress = finish(train(plan, trained, training, worse))
    assert progress.epoch == progress.best_epoch + 4 < 50
    scores = [row["validation_r_squared"] for row in progress.history]
    assert progress.best_r_squared == max(scores) == scores[progress.best_epoch - 1]
    trained.load_state_dict(before)


def test_minutes_end_a_training_within_an_epoch_with_a_small_learning_rate(prepared, monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(loop.time, "monotonic", lambda: float(next(ticks)))
    rates = []

    def recorded(plan, share):
        rates.append(learning_rate(plan, share))
        return rates[-1]

    monkeypatch.setattr(loop, "learning_rate", recorded)
    plan = recipe(epochs=1000, minutes=0.5)
    progress = finish(train(plan, *prepared[1:]))
    # A second goes by at every look at the clock; an epoch has 8 steps.
    assert 25 <= len(rates) <= 32
    assert len(rates) % 8 != 0
    assert rates[0] == pytest.approx(1e-3, rel=0.02)
    assert rates[-1] < 3e-5
    assert all(first >= second for first, second in itertools.pairwise(rates))
    assert 30 <= progress.seconds <= 34


def test_validation_without_variation_keeps_the_last_epoch(prepared):
    _, trained, training, _ = prepared
    flat = Fingerprints(training.signals[:20], torch.full((20, 3), 0.5), training.noise)
    progress = finish(train(recipe(), trained, training, flat))
    assert progress.best_epoch == 3
