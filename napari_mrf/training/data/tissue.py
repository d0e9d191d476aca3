"""Tissues to learn from and to be tested on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.dictionary.grid import ParameterGrid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_mrf.training.recipe import MapRange

Tissues = dict[str, "NDArray[np.float64]"]
"""(N,) values by parameter key."""


_INN_SPLIT_SEED = 2020


def random_tissues(maps: Mapping[str, MapRange], n_tissues: int, seed: int) -> Tissues:
    """Draw tissues uniformly within the ranges, log-uniformly where a map is logarithmic.

    T2 stays at or below T1: drawn anew until it does.
    """
    rng = np.random.default_rng(seed)
    found: list[Tissues] = []
    n_found = 0
    while n_found < n_tissues:
        drawn = {key: _draw(rng, one, n_tissues) for key, one in maps.items()}
        if {"T1", "T2"} <= set(drawn):
            possible = drawn["T2"] <= drawn["T1"]
            drawn = {key: values[possible] for key, values in drawn.items()}
        found.append(drawn)
        n_found += len(next(iter(drawn.values())))
    return {key: np.concatenate([part[key] for part in found])[:n_tissues] for key in maps}


def inn_training_grid() -> Tissues:
    """Return the training grid of Balsiger et al., MLMIR 2020, section 2.2: 396,000 tissues."""
    return ParameterGrid(
        {
            "FF": np.arange(11) / 10,
            "T1H2O": np.r_[500.0:1701:100, 1900.0:3101:200],
            "T1fat": np.arange(200.0, 401, 25),
            "Df": np.arange(-120.0, 121, 10),
            "B1": np.arange(3, 11) / 10,
        }
    ).points()


def inn_test_grid() -> Tissues:
    """Return the test grid of the same paper: 33,600 tissues between the training values.

    20 % of them are its validation data. The paper prints 0.3 as the first B1; 0.35 gives the
    number of entries that it has and lies between the training values as all others do.
    """
    return ParameterGrid(
        {
            "FF": np.arange(5, 100, 10) / 100,
            "T1H2O": np.r_[550.0:1751:200, 2150.0:2951:400],
            "T1fat": np.arange(215.0, 366, 50),
            "Df": np.arange(-115.0, 106, 20),
            "B1": np.arange(35, 96, 10) / 100,
        }
    ).points()


def inn_validation_and_test() -> tuple[Tissues, Tissues]:
    """Part `inn_test_grid` at random as the paper does: 6,720 for validation, 26,880 to test.

    Which ones the paper does not say; here a generator with a fixed seed decides.
    """
    tissues = inn_test_grid()
    n_tissues = len(tissues["FF"])
    order = np.random.default_rng(_INN_SPLIT_SEED).permutation(n_tissues)
    validation, test = np.split(order, [n_tissues // 5])
    return (
        {key: values[validation] for key, values in tissues.items()},
        {key: values[test] for key, values in tissues.items()},
    )


def _draw(rng: np.random.Generator, one: MapRange, n: int) -> NDArray[np.float64]:
    if one.logarithmic:
        return np.exp(rng.uniform(np.log(one.lower), np.log(one.upper), n))
    return rng.uniform(one.lower, one.upper, n)
