"""The FISP engines: how many states they keep, and that both give the same numbers."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest
import torch
from properties import check_chunks_and_threads, in_chunks

import napari_mrf as mrf
from napari_mrf.simulation import bloch, epg


@pytest.fixture(scope="module")
def fisp():
    return mrf.sequences.fisp()


@pytest.fixture(scope="module")
def tissues():
    random = np.random.default_rng(5)
    T1 = random.uniform(100.0, 4000.0, 600)
    return {
        "T1": T1,
        "T2": T1 * random.uniform(0.02, 1.0, 600),
        "B1": random.uniform(0.5, 1.2, 600),
    }


@pytest.fixture(scope="module")
def long_t2_truth(fisp):
    return bloch.fisp_fingerprint(fisp, T1=4000.0, T2=1200.0)


@pytest.mark.parametrize(
    ("n_states", "published_error"),
    [(20, 1.2e-2), (50, 2.4e-3), (100, 3.3e-4), (200, 1.8e-5), (400, 2.7e-7)],
)
def test_error_falls_with_the_states_as_published(fisp, long_t2_truth, n_states, published_error):
    signal = mrf.simulate(
        fisp, {"T1": 4000.0, "T2": 1200.0}, dtype="complex128", n_states=n_states
    )[0]
    error = np.linalg.norm(signal - long_t2_truth) / np.linalg.norm(long_t2_truth)
    assert published_error / 2 < error < published_error * 2


def test_default_keeps_every_state_that_can_come_back(fisp):
    parameters = {"T1": [4000.0, 20000.0], "T2": [4000.0, 20000.0]}
    default = mrf.simulate(fisp, parameters, dtype="complex128")
    everything = mrf.simulate(fisp, parameters, dtype="complex128", n_states=1000)
    half = mrf.simulate(fisp, parameters, dtype="complex128", n_states=501)
    np.testing.assert_array_equal(default, everything)
    np.testing.assert_array_equal(default, half)


@pytest.mark.parametrize("n_states", [1, 2, 17, 25, None])
def test_compiled_and_torch_engines_give_the_same_numbers(fisp, tissues, n_states):
    few = {key: values[:20] for key, values in tissues.items()}
    tensors = {key: torch.tensor(values) for key, values in few.items()}
    compiled = mrf.simulate(fisp, few, dtype="complex128", n_states=n_states)
    through_torch = mrf.simulate(fisp, tensors, dtype="complex128", n_states=n_states)
    np.testing.assert_allclose(compiled, through_torch.numpy(), rtol=0, atol=1e-12)


def test_compiled_engine_ran_for_arrays(fisp, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("the torch engine was asked")

    monkeypatch.setattr(epg, "fingerprints", refuse)
    mrf.simulate(fisp, {"T1": 1000.0, "T2": 80.0, "Df": 0.0})
    assert "napari_mrf.simulation.epg_kernel" in sys.modules
    with pytest.raises(AssertionError, match="torch engine"):
        mrf.simulate(fisp, {"T1": 1000.0, "T2": 80.0, "Df": 3.0})


def test_fingerprint_has_the_same_bits_in_any_batch(fisp, tissues):
    whole = mrf.simulate(fisp, tissues, dtype="complex128")
    order = np.random.default_rng(6).permutation(600)[:131]
    part = mrf.simulate(fisp, {k: v[order] for k, v in tissues.items()}, dtype="complex128")
    np.testing.assert_array_equal(part, whole[order])
    alone = mrf.simulate(fisp, {k: v[7] for k, v in tissues.items()}, dtype="complex128")
    np.testing.assert_array_equal(alone[0], whole[7])


def test_fingerprint_has_the_same_bits_for_any_chunk_and_thread_count(fisp, tissues):
    rows = np.stack(list(tissues.values()), axis=1)

    def simulated(part):
        return {"signal": mrf.simulate(fisp, dict(zip(tissues, part.T, strict=True)))}

    check_chunks_and_threads(
        lambda chunk, _: in_chunks(simulated, rows, chunk), [(None, 1), (131, 2), (250, 3)]
    )


def test_simulation_may_be_called_from_several_threads_at_once(fisp, tissues):
    expected = mrf.simulate(fisp, tissues)
    results = {}
    threads = [
        threading.Thread(target=lambda i=i: results.update({i: mrf.simulate(fisp, tissues)}))
        for i in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(3):
        np.testing.assert_array_equal(results[i], expected)


def test_t1ff_fingerprint_has_the_same_numbers_in_any_batch():
    random = np.random.default_rng(7)
    voxels = {
        "FF": random.uniform(0.0, 1.0, 200),
        "T1H2O": random.uniform(500.0, 3000.0, 200),
        "T1fat": random.uniform(200.0, 400.0, 200),
        "Df": random.uniform(-120.0, 120.0, 200),
        "B1": random.uniform(0.3, 1.0, 200),
    }
    sequence = mrf.sequences.t1ff()
    whole = mrf.simulate(sequence, voxels)
    order = random.permutation(200)[:33]
    part = mrf.simulate(sequence, {k: v[order] for k, v in voxels.items()})
    np.testing.assert_allclose(part, whole[order], rtol=0, atol=1e-7)
