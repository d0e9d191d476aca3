"""One thread, a small test grid, and small phantoms as training data."""

import numpy as np
import pytest
import torch
from phantom_cases import RANGES, SIGMA, images

from napari_mrf import Sequence
from napari_mrf.data import sequences
from napari_mrf.networks.normalization import Normalization
from napari_mrf.training.data import phantom_slices
from napari_mrf.training.data.phantom_slices import PhantomSlices
from napari_mrf.training.data.tissue import inn_test_grid
from napari_mrf.training.recipe import Noise


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def few_test_tissues(monkeypatch):
    """Test on every 50th tissue of the grid: what is written is in question, not how good it is."""
    few = {key: values[::50] for key, values in inn_test_grid().items()}
    monkeypatch.setattr("napari_mrf.training.finishing.inn_test_grid", lambda: few)


@pytest.fixture(scope="module")
def short():
    """MRF T1-FF cut down to 12 frames of 2 pulses."""
    whole = sequences.t1ff()
    return Sequence(
        name="short", kind="spoiled", flip_angles_deg=np.repeat([5.0, 15.0, 8.0], 8),
        echo_times_ms=np.repeat([2.39, 3.45, 4.63], 8), repetition_times_ms=8.0,
        rf_phases_deg=90.0, inversion_time_ms=8.32, recovery_time_ms=3000.0, repetitions=2,
        pulses_per_frame=2, water_t2_ms=40.0, fat_t2_ms=80.0, fat_shifts_hz=whole.fat_shifts_hz,
        fat_amplitudes=whole.fat_amplitudes,
    )  # fmt: skip


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Phantoms of this module are kept in a folder of its own."""
    folder = tmp_path_factory.mktemp("phantoms")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phantom_slices, "cache_directory", lambda: folder)
        yield folder


@pytest.fixture(scope="module")
def source(short, cache):
    return PhantomSlices(short, images(), Noise(sigma_lower=SIGMA, sigma_upper=SIGMA), seed=5)


@pytest.fixture(scope="module")
def slices(source):
    return source.load("training", 3)


@pytest.fixture(scope="module")
def normalization(short):
    lower, upper = zip(*RANGES.values(), strict=True)
    return Normalization(torch.ones(short.n_frames) + 0j, lower, upper)
