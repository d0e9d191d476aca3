"""The cache is emptied while another process reconstructs from it."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import napari_mrf as mrf
from napari_mrf import cli
from napari_mrf.io import save_series

RECONSTRUCT = """
import sys
from napari_mrf import cli
from napari_mrf.io.formats.source import MappedArray

read = MappedArray.__getitem__

def waiting(self, index):
    print("reading", flush=True)
    sys.stdin.readline()
    return read(self, index)

MappedArray.__getitem__ = waiting
raise SystemExit(cli.main(sys.argv[1:]))
"""


@pytest.fixture
def reconstruct(tmp_path, monkeypatch):
    """Start a reconstruction in a process of its own that waits where it reads its first slice."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: tmp_path / "napari-mrf")
    sequence = mrf.sequences.t1ff()
    tissue = {"FF": [0.1], "T1H2O": [1300.0], "T1fat": [300.0], "Df": [20.0], "B1": [0.8]}
    signal = mrf.simulate(sequence, tissue).T.reshape(175, 1, 1, 1)
    series = mrf.MRFSeries(signal.astype(np.complex64), np.eye(4), sequence)
    save_series(series, tmp_path / "leg.nii.gz")

    def start():
        words = ["reconstruct", tmp_path / "leg.nii.gz", "--output", tmp_path / "maps"]
        child = subprocess.Popen(
            [sys.executable, "-c", RECONSTRUCT, *map(str, words)],
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert child.stdout.readline() == "reading\n", child.communicate()[1]
        return child

    return start


@pytest.mark.skipif(sys.platform != "linux", reason="the cache is elsewhere")
def test_series_that_is_being_reconstructed_is_kept_and_told(reconstruct, tmp_path):
    child = reconstruct()
    clear = subprocess.run(
        [sys.executable, "-c", "from napari_mrf import cli; cli.main(['clear-cache'])"],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert clear.stdout == "0.0 MB freed\n"
    assert f".nii was kept: process {child.pid} on" in clear.stderr
    assert len(clear.stderr.splitlines()) == 1
    _, told = child.communicate()
    assert child.returncode == 0, told
    assert set(mrf.load_maps(tmp_path / "maps")) == {"FF", "T1H2O", "T1fat", "Df", "B1"}
    assert cli.main(["clear-cache"]) == 0
    assert not list((tmp_path / "napari-mrf" / "unpacked").iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="the cache is elsewhere")
def test_series_of_a_killed_reconstruction_is_cleared(reconstruct, tmp_path, caplog):
    child = reconstruct()
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert len(list((tmp_path / "napari-mrf" / "unpacked").iterdir())) == 2
    assert cli.main(["clear-cache"]) == 0
    assert not caplog.records
    assert not list((tmp_path / "napari-mrf" / "unpacked").iterdir())
