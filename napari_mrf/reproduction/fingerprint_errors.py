"""MAE, MRE and R² of fingerprints whose tissue is known, and their bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.training.evaluation import r_squared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def fingerprint_errors(
    keys: Sequence[str], truth: NDArray[np.float64], found: NDArray[np.float64]
) -> list[dict[str, Any]]:
    """Return mean absolute error, mean relative error (%) and R² of every map.

    Parameters
    ----------
    keys : sequence of str
        (M,) maps.
    truth, found : ndarray
        (N, M) in their units.

    Returns
    -------
    list of dict
        ``metric, map, mean, sd``: means and standard deviations over the fingerprints, in
        percent for MRE, where true zeros are left out; R² has no deviation.
    """
    rows: list[dict[str, Any]] = []
    for column, key in enumerate(keys):
        true = truth[:, column]
        error = np.abs(found[:, column] - true)
        counted = true != 0
        relative = 100.0 * error[counted] / np.abs(true[counted])
        rows += [
            _row("MAE", key, error),
            _row("MRE", key, relative),
            {"metric": "R2", "map": key, "mean": r_squared(true, found[:, column]),
             "sd": float("nan")},
        ]  # fmt: skip
    return rows


def bound_errors(
    keys: Sequence[str], truth: NDArray[np.float64], deviations: NDArray[np.float64]
) -> list[dict[str, Any]]:
    """Return what `fingerprint_errors` gives for Gaussian errors of these deviations (N, M).

    The mean of the magnitude of a Gaussian error is sqrt(2 / pi) times its deviation.
    """
    rows: list[dict[str, Any]] = []
    for column, key in enumerate(keys):
        true, deviation = truth[:, column], deviations[:, column]
        mean = np.sqrt(2.0 / np.pi) * deviation
        counted = true != 0
        rows += [
            {**_row("MAE", key, mean), "sd": float("nan")},
            {**_row("MRE", key, 100.0 * mean[counted] / np.abs(true[counted])),
             "sd": float("nan")},
            {"metric": "R2", "map": key, "mean": 1.0 - float(np.mean(deviation**2) / true.var()),
             "sd": float("nan")},
        ]  # fmt: skip
    return rows


def _row(metric: str, key: str, values: NDArray[np.float64]) -> dict[str, Any]:
    return {"metric": metric, "map": key, "mean": float(values.mean()), "sd": float(values.std())}
