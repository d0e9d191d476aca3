"""Errors of a network relative to those of the plainest one, on the same test data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_mrf.networks.card import Metric, ModelCard

PLAINEST = "cohen"
"""Two dense layers: what any other network should beat."""

_AS_GOOD = 1.02
"""Errors within 2 % on the whole are not told apart."""


def error_ratios(card: ModelCard, plainest: ModelCard | None) -> dict[str, float]:
    """Return the mean absolute errors by map, divided by those of `PLAINEST`.

    Geometric mean over the noise levels; empty where the two were not tested on the same data.

    Parameters
    ----------
    card : ModelCard
        Of any network; it may hold errors of `PLAINEST` on test data of its own.
    plainest : ModelCard or None
        Of `PLAINEST` for the same sequence, where it is installed.
    """
    rows = card.plainest_metrics
    if not rows and plainest is not None and card.test_data == plainest.test_data:
        rows = plainest.metrics
    if card.name == PLAINEST:
        return {}
    theirs = {_which(row): row.mean_absolute_error for row in rows}
    logarithms: dict[str, list[float]] = {}
    for row in card.metrics:
        other = theirs.get(_which(row), 0.0)
        if other > 0 and row.mean_absolute_error > 0:
            ratio = row.mean_absolute_error / other
            logarithms.setdefault(row.map, []).append(float(np.log(ratio)))
    return {key: float(np.exp(np.mean(values))) for key, values in logarithms.items()}


def worse_than_plainest(ratios: dict[str, float]) -> str:
    """Return a short warning if the errors are larger on the whole, else an empty text.

    On the whole: the geometric mean over the maps.
    """
    if not ratios:
        return ""
    whole = float(np.exp(np.mean(np.log(list(ratios.values())))))
    return f"worse than {PLAINEST} (errors x {whole:.2f})" if whole > _AS_GOOD else ""


def _which(row: Metric) -> tuple[object, ...]:
    """Return the map and the test conditions of a metric."""
    kept = row.model_dump(
        exclude={"mean_absolute_error", "mean_relative_error_percent", "r_squared"}
    )
    return tuple(kept.values())
