"""Two processes train one network as one process would."""

import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from training_cases import FEW_TESTS, finish, recipe, toml

from napari_mrf.networks.weights import load_network
from napari_mrf.training.data.batches import Batch
from napari_mrf.training.data.tissue import inn_test_grid
from napari_mrf.training.loop.processes import Processes
from napari_mrf.training.run import run

SCRIPT = (
    FEW_TESTS
    + """
import os, sys
from napari_mrf.training import run
from safetensors.torch import save_file
whole = run.train
def watched(recipe, trained, *data, **options):
    progress = yield from whole(recipe, trained, *data, **options)
    rank = options["processes"].rank
    assert (rank, options["processes"].size) == (int(os.environ["RANK"]), 2)
    save_file(trained.state_dict(), os.path.join(sys.argv[1], f"rank{rank}.safetensors"))
    return progress
run.train = watched
raise SystemExit(main(["train", *sys.argv[2:]]))
"""
)


def torchrun(folder, *arguments):
    script = folder / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone",
               "--nproc-per-node", "2", str(script), str(folder), *arguments]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("network", ["inn"])  # its loss uses the network twice
def test_two_processes_train_as_one_does_and_agree(tmp_path, monkeypatch, network):
    # 45 rows cannot be halved: 23 and 22, and 40 at the end of an epoch.
    plan = recipe(network, batch=45, largest_gradient=1.0, learning_rate=3e-4)
    few = {key: values[::50] for key, values in inn_test_grid().items()}
    monkeypatch.setattr("napari_mrf.training.finishing.inn_test_grid", lambda: few)
    alone = finish(run(plan, tmp_path / "alone"))
    (tmp_path / "a.toml").write_text(toml(plan))
    done = torchrun(tmp_path, str(tmp_path / "a.toml"), "--output", str(tmp_path / "two"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("3 epochs") == 1  # one of them speaks
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == [
        f"{network}.json", f"{network}.metrics.csv", f"{network}.safetensors",
        f"{network}.training.png", f"{network}.training.svg"]  # fmt: skip
    ranks = [load_file(tmp_path / f"rank{rank}.safetensors") for rank in (0, 1)]
    for key, value in ranks[0].items():
        assert torch.equal(value, ranks[1][key]), key
    trained, card = load_network(tmp_path / "two" / f"{network}.json")
    single, _ = load_network(tmp_path / "alone" / f"{network}.json")
    for key, value in single.state_dict().items():
        assert torch.allclose(trained.state_dict()[key], value, atol=1e-5, rtol=0), key
    assert card.n_epochs == alone.n_epochs
    for one, other in zip(card.metrics, alone.metrics, strict=True):
        assert one.r_squared == pytest.approx(other.r_squared, abs=1e-4)


@pytest.mark.slow
def test_minutes_end_both_processes_together(tmp_path):
    plan = recipe(epochs=5000, minutes=0.03)
    (tmp_path / "a.toml").write_text(toml(plan))
    done = torchrun(tmp_path, str(tmp_path / "a.toml"), "--output", str(tmp_path / "two"))
    assert done.returncode == 0, done.stderr
    ranks = [load_file(tmp_path / f"rank{rank}.safetensors") for rank in (0, 1)]
    assert all(torch.equal(value, ranks[1][key]) for key, value in ranks[0].items())


def test_parts_of_a_batch_are_all_of_it_and_weigh_what_counts_in_them():
    counted = torch.zeros(5, 2, 2, dtype=torch.bool)
    counted[0] = counted[1, 0, 0] = True
    batch = Batch(torch.arange(5), torch.arange(10.0).reshape(5, 2), counted)
    parts = [Processes(rank, 2).part_of(batch) for rank in (0, 1)]
    assert [part.signals.tolist() for part, _ in parts] == [[0, 2, 4], [1, 3]]
    assert [share for _, share in parts] == [4 / 5, 1 / 5]
    everywhere = Batch(batch.signals, batch.maps)
    shares = [Processes(rank, 2).part_of(everywhere)[1] for rank in (0, 1)]
    assert shares == [3 / 5, 2 / 5]
    nothing = Batch(batch.signals, batch.maps, torch.zeros_like(counted))
    assert Processes(1, 2).part_of(nothing)[1] == 0.0


def test_process_without_torchrun_is_alone(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    alone = Processes.join(torch.device("cpu"))
    assert (alone.rank, alone.size, alone.is_first) == (0, 1, True)
    assert alone.agree(1.0, 2.0) == [1.0, 2.0]
    alone.leave()
