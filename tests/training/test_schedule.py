"""How the learning rate goes, on a budget of epochs and on one of minutes."""

import numpy as np
import pytest

from napari_mrf.training.loop.loop import learning_rate, share_done
from napari_mrf.training.recipe import Optimisation


def test_share_is_that_of_the_epochs_or_of_the_minutes_whichever_is_larger():
    plan = Optimisation(epochs=10)
    assert share_done(plan, 2.5, seconds=1e9) == 0.25
    plan = Optimisation(epochs=10, minutes=2.0)
    assert share_done(plan, 2.5, seconds=12.0) == 0.25
    assert share_done(plan, 2.5, seconds=90.0) == 0.75
    assert share_done(plan, 2.5, seconds=900.0) == 1.0


def test_cosine_falls_from_the_learning_rate_to_a_hundredth():
    plan = Optimisation(learning_rate=2e-3)
    rates = [learning_rate(plan, share) for share in np.linspace(0, 1, 101)]
    assert rates[0] == pytest.approx(2e-3)
    assert rates[50] == pytest.approx(2e-3 * (0.01 + 0.99 / 2))
    assert rates[-1] == pytest.approx(2e-5)
    assert np.all(np.diff(rates) < 0)


def test_warm_up_rises_to_the_learning_rate_and_goes_on_without_a_jump():
    plan = Optimisation(learning_rate=1.0, warm_up=0.1)
    assert learning_rate(plan, 0.0) == pytest.approx(0.01)
    assert learning_rate(plan, 0.05) == pytest.approx(0.505)
    assert learning_rate(plan, 0.0999999) == pytest.approx(1.0, abs=1e-4)
    assert learning_rate(plan, 0.1) == pytest.approx(1.0)
    assert learning_rate(plan, 1.0) == pytest.approx(0.01)


def test_constant_stays():
    plan = Optimisation(learning_rate=1e-3, schedule="constant")
    assert {learning_rate(plan, share) for share in (0.0, 0.3, 1.0)} == {1e-3}
