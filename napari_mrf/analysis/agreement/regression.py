"""Regression line of test on reference.

Apart from `statistics`, which only collects: each statistic of agreement has its own file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.analysis.agreement.pairs import FEWEST, is_constant, paired

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Regression:
    """Least squares of test on reference.

    Parameters
    ----------
    n : int
        Pairs.
    slope, intercept : float
        test = slope · reference + intercept.
    r, r_squared : float
        Pearson's correlation and its square, the share of the variance of the test that the
        line explains.
    message : str
        Why numbers are missing; empty otherwise.
    """

    n: int
    slope: float
    intercept: float
    r: float
    r_squared: float
    message: str


def regression(reference: NDArray[np.floating], test: NDArray[np.floating]) -> Regression:
    """Return the least-squares line of test on reference.

    Parameters
    ----------
    reference, test : array-like
        (N,) values of the same regions; pairs with a NaN are left out.

    Returns
    -------
    Regression
        NaN and a message for fewer than three pairs or a reference that does not vary; no r
        where the test does not vary.
    """
    first, second, _ = paired(reference, test)
    n, nan = len(first), float("nan")
    if n < FEWEST:
        message = f"a regression needs at least {FEWEST} pairs, there are {n}"
        return Regression(n, nan, nan, nan, nan, message)
    x, y = first - first.mean(), second - second.mean()
    xx, yy, xy = float(x @ x), float(y @ y), float(x @ y)
    if is_constant(first):
        return Regression(n, nan, nan, nan, nan, "the reference is the same everywhere")
    slope = xy / xx
    intercept = float(second.mean() - slope * first.mean())
    if is_constant(second):
        return Regression(n, slope, intercept, nan, nan, "the test is the same everywhere")
    r = float(np.clip(xy / np.sqrt(xx * yy), -1.0, 1.0))
    return Regression(n, slope, intercept, r, r**2, "")
