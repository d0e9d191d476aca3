"""What a network costs is counted right, and pieces beside each other come in order."""

import threading

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from napari_mrf.compute.threads import in_order, one_thread_each
from napari_mrf.networks.work import work_of
from napari_mrf.networks.zoo import NETWORKS


@pytest.mark.parametrize("name", list(NETWORKS))
def test_work_is_that_of_the_counter_of_torch(name):
    info = NETWORKS[name]
    with torch.device("meta"):
        network = info.build(175, 5).eval()
    side = 32 + 2 * info.margin
    shape = (1, 2, 175, side, side) if info.kind == "image" else (64, 2, 175)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.empty(shape, device="meta"))
    n_voxels = side**2 if info.kind == "image" else 64
    work = work_of(network, info, 175)
    # Without the products of attention, which only song has.
    assert work.flops == pytest.approx(counter.get_total_flops() / n_voxels, rel=0.02)
    assert work.n_bytes > 3 * 2 * 175 * 4


def test_threads_of_the_pool_compute_alone_and_others_as_before():
    before = torch.get_num_threads()
    pool = one_thread_each(3)
    assert list(pool.map(lambda _: torch.get_num_threads(), range(20))) == [1] * 20
    assert torch.get_num_threads() == before
    later = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [before]
    pool.shutdown()


@pytest.mark.parametrize("n_threads", [0, 1, 3])
def test_results_come_in_the_order_of_the_pieces(n_threads):
    pool = one_thread_each(n_threads) if n_threads else None
    assert list(in_order(pool, 2, lambda piece: piece**2, range(9))) == [n**2 for n in range(9)]
    if pool is not None:
        pool.shutdown()


def test_pieces_not_begun_are_dropped_when_nobody_waits():
    begun, gate = [], threading.Event()
    pool = one_thread_each(1)

    def work(piece):
        begun.append(piece)
        if piece > 0:
            gate.wait(10)
        return piece

    results = in_order(pool, 3, work, range(9))
    assert next(results) == 0
    results.close()
    gate.set()
    pool.shutdown()
    assert set(begun) <= {0, 1}


def test_failure_in_a_piece_reaches_the_caller():
    pool = one_thread_each(2)

    def fail(piece):
        raise ValueError(f"piece {piece}")

    with pytest.raises(ValueError, match="piece 0"):
        list(in_order(pool, 2, fail, range(4)))
    pool.shutdown()
