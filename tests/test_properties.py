"""The shared checks can fail: what does not have the property is caught."""

import numpy as np
import pytest
import torch
from properties import (
    check_adjoint,
    check_chunks_and_threads,
    check_complex_factor_invariance,
    complex_normal,
    exact_factors,
    in_chunks,
    random_factors,
)

RNG = np.random.default_rng(0)
MATRIX = complex_normal(RNG, 5, 7)
SIGNALS = complex_normal(RNG, 40, 6).astype(np.complex64)


def matrix_pair(adjoint):
    return lambda x: MATRIX @ x, lambda y: adjoint @ y


def test_adjoint_of_a_matrix_passes():
    check_adjoint(*matrix_pair(MATRIX.conj().T), (7,), (5,))


@pytest.mark.parametrize(
    "wrong",
    [MATRIX.T, -MATRIX.conj().T, 1.001 * MATRIX.conj().T, MATRIX.conj().T[::-1],
     MATRIX.conj().T[:6]],
    ids=["not conjugated", "sign", "scale", "order", "shape"],
)  # fmt: skip
def test_operator_that_is_not_the_adjoint_is_caught(wrong):
    with pytest.raises(AssertionError):
        check_adjoint(*matrix_pair(wrong), (7,), (5,))


def blind(signals):
    """Exact for powers of two; the phase of the first frame leaves every value alone."""
    norm = np.abs(signals).max(axis=1)
    return {
        "T1": np.abs(signals[:, 1]) / norm,
        "PD": norm,
        "m0": signals[:, 0],
        "quality": np.abs(signals[:, 2]) / norm,
    }


def test_method_blind_to_the_factor_passes():
    check_complex_factor_invariance(blind, SIGNALS, exact_factors(RNG, 40))
    check_complex_factor_invariance(blind, SIGNALS, random_factors(RNG, 40), rtol=1e-5)


WRONG = {
    "phase": lambda signals: {"T1": signals[:, 1].real / np.abs(signals[:, 1])},
    "gain": lambda signals: {"T1": np.abs(signals[:, 1])},
    "density does not scale": lambda signals: {"PD": np.ones(len(signals))},
    "m0 without phase": lambda signals: {"m0": np.abs(signals[:, 0])},
    "quality": lambda signals: {"quality": np.abs(signals[:, 1])},
    "a value in one voxel": lambda signals: {
        "T1": np.where(np.arange(40) == 3, np.abs(signals[:, 1]), 1.0)
    },
    "no value": lambda signals: {"T1": np.where(np.abs(signals[:, 1]) > 1, 1.0, np.nan)},
}


@pytest.mark.parametrize("what", WRONG)
def test_method_that_sees_the_factor_is_caught(what):
    factors = random_factors(RNG, 40)
    with pytest.raises(AssertionError):
        check_complex_factor_invariance(lambda s: blind(s) | WRONG[what](s), SIGNALS, factors,
                                        rtol=1e-5, atol={"T1": 1e-5})  # fmt: skip


def test_undecided_voxels_are_counted_and_must_fit_as_well():
    def jumps(signals, n):
        return blind(signals) | {"T1": np.where(np.arange(40) < n, np.abs(signals[:, 1]), 1.0)}

    factors = random_factors(RNG, 40)
    options = {"rtol": 1e-5, "undecided": 2}
    check_complex_factor_invariance(lambda s: jumps(s, 2), SIGNALS, factors, **options)
    with pytest.raises(AssertionError):
        check_complex_factor_invariance(lambda s: jumps(s, 3), SIGNALS, factors, **options)
    with pytest.raises(AssertionError, match="quality"):
        check_complex_factor_invariance(
            lambda s: jumps(s, 1) | WRONG["quality"](s), SIGNALS, factors, **options
        )


def test_division_that_changes_nothing_passes_and_threads_are_put_back():
    before = torch.get_num_threads()
    seen = set()

    def run(chunk, threads):
        seen.add((chunk, threads, torch.get_num_threads()))
        return in_chunks(blind, SIGNALS, chunk)

    check_chunks_and_threads(run, [(7, 3), (40, 1)])
    assert seen == {(None, None, before), (7, 3, 3), (40, 1, 1)}
    assert torch.get_num_threads() == before


def test_result_that_depends_on_chunks_or_threads_is_caught():
    def centered(signals):
        return {"T1": np.abs(signals[:, 0]) - np.abs(signals[:, 0]).mean()}

    def of_threads(signals):
        return {"T1": np.full(len(signals), torch.get_num_threads() + 0.0)}

    for function, division in ((centered, (7, 1)), (of_threads, (None, 5))):
        with pytest.raises(AssertionError, match="T1"):
            check_chunks_and_threads(
                lambda chunk, _, function=function: in_chunks(function, SIGNALS, chunk), [division]
            )


def test_lost_voxels_and_maps_are_caught():
    def first_chunk(chunk, _):
        return blind(SIGNALS[:chunk])

    def fewer_maps(chunk, _):
        return {key: values for key, values in blind(SIGNALS).items() if chunk is None or key == ""}

    for run in (first_chunk, fewer_maps):
        with pytest.raises(AssertionError):
            check_chunks_and_threads(run, [(7, 1)])
