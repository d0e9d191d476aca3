"""How far a training has come, and the learning rate that belongs to it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_mrf.training.recipe import Optimisation


def share_done(plan: Optimisation, epochs: float, seconds: float) -> float:
    """Return the share of a training that is done, 0-1.

    The larger of the shares of the epochs and of the minutes, so that a training on a budget of
    time still ends with a small learning rate. It then depends on the clock: without `minutes`
    it does not.

    Parameters
    ----------
    plan : Optimisation
        Epochs, and minutes where there is such a budget.
    epochs : float
        Done so far, with the part of the running one.
    seconds : float
        Spent so far.
    """
    share = epochs / plan.epochs
    if plan.minutes is not None:
        share = max(share, seconds / (60.0 * plan.minutes))
    return min(share, 1.0)


def learning_rate(plan: Optimisation, share: float) -> float:
    """Return the learning rate when this share of the training is done.

    It rises linearly over the share `warm_up`, and is then constant or falls by half a cosine to
    a hundredth; not to zero, so that the last steps still count.
    """
    if share < plan.warm_up:
        # Not from zero: the first step counts too.
        return plan.learning_rate * (0.01 + 0.99 * share / plan.warm_up)
    if plan.schedule == "constant":
        return plan.learning_rate
    falling = (share - plan.warm_up) / (1.0 - plan.warm_up)
    return plan.learning_rate * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * falling)))
