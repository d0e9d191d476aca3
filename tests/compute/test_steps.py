"""Generators gone through step by step keep what they return."""

import pytest

from napari_mrf.compute.steps import Steps, result_of


def counting(n, finished=None):
    try:
        yield from range(n)
    finally:
        if finished is not None:
            finished.append(True)
    return f"counted to {n}"


@pytest.mark.parametrize("n", [0, 1, 5])
def test_steps_come_in_order_and_the_result_after_them(n):
    steps = Steps(counting(n))
    assert list(steps) == list(range(n))
    assert steps.result == result_of(counting(n)) == f"counted to {n}"


def test_there_is_no_result_before_the_last_step():
    steps = Steps(counting(2))
    next(iter(steps))
    with pytest.raises(AttributeError):
        _ = steps.result


def test_work_is_closed_with_the_generator_that_goes_through_its_steps():
    finished = []

    def outer():
        for _ in Steps(counting(3, finished)):
            yield

    working = outer()
    next(working)
    assert not finished
    working.close()
    assert finished
