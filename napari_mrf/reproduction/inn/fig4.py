"""INN Fig. 4: correlation of errors of the maps with errors of the simulated fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_mrf.compute.devices import resolve_device
from napari_mrf.data import sequences
from napari_mrf.errors import MRFInputError
from napari_mrf.reproduction.experiment import Outcome
from napari_mrf.reproduction.found_networks import cure, found_networks, record_of
from napari_mrf.reproduction.inn.data import KEYS, inn_test
from napari_mrf.reproduction.markdown import markdown_table, rounded

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.networks.trained import TrainedNetwork
    from napari_mrf.reproduction.experiment import Settings

PAPER_SPEARMAN = -0.301
_BATCH, _QUICK = 4096, 3000


def run(settings: Settings) -> Outcome:
    """Remake Fig. 4: error of the maps against the product of true and simulated fingerprint.

    The paper simulates the fingerprint of the true maps, which a user does not have; beside it
    stands the fingerprint of the estimated maps.

    Raises
    ------
    MRFInputError
        ``"missing-weights"`` without an INN.
    """
    import pandas as pd

    from napari_mrf.reproduction.figures.correlation import correlation_figure

    found, missing = found_networks(("inn",), sequences.t1ff(), [settings.weights])
    if not found:
        raise MRFInputError(
            "missing-weights", "this experiment needs weights of inn", hint=cure(missing)
        )
    test = inn_test(_QUICK if settings.quick else None)
    device = resolve_device(settings.device)
    parts, rows, examples = [], [], []
    for done, network in enumerate(found):
        settings.progress("networks", done, len(found))
        one, pictures = _both_ways(network.trained.to(device), test.truth, test.signals, device)
        parts.append(one.assign(training=network.training))
        rows += [
            {"training": network.training, **row, "paper": PAPER_SPEARMAN} for row in spearman(one)
        ]
        examples.append(pictures)
    table, correlations = pd.concat(parts, ignore_index=True), pd.DataFrame(rows)
    cells = [
        [one["training"], one["fingerprint"], rounded(one["spearman"]), f"{one['p']:.1g}"]
        for one in rows
    ]
    return Outcome(
        text="\n\n".join(
            [
                "Spearman correlation between the mean relative error of the five maps and the "
                f"inner product of fingerprint and simulated fingerprint, {len(test.truth):,} "
                f"entries without noise. The paper has {PAPER_SPEARMAN} (p < 0.001).",
                markdown_table(["training", "simulated from", "Spearman", "p"], cells),
            ]
        ),
        tables={"inn-fig4": table, "inn-fig4-correlation": correlations},
        figures={"inn-fig4": correlation_figure(table, examples[0], KEYS)},
        record={"entries": len(test.truth), "weights": [record_of(one) for one in found]},
    )


def spearman(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rank correlation of error and product, for both simulated fingerprints."""
    from scipy.stats import spearmanr

    rows = []
    for column, words in (("product_true", "true maps"), ("product_estimated", "estimated maps")):
        result = spearmanr(table["relative_error"], table[column])
        rows.append(
            {"fingerprint": words, "spearman": float(result.statistic), "p": float(result.pvalue)}
        )
    return rows


def _both_ways(
    trained: TrainedNetwork,
    truth: NDArray[np.float64],
    signals: NDArray[np.complex64],
    device: torch.device,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return errors and products by entry, and the fingerprints of a bad and a good one."""
    import pandas as pd

    network: Any = trained.network
    columns: dict[str, list[NDArray[np.float64]]] = {
        "relative_error": [], "product_true": [], "product_estimated": []
    }  # fmt: skip
    relative, measured, simulated = [], [], []
    with torch.no_grad():
        for start in range(0, len(truth), _BATCH):
            rows = slice(start, start + _BATCH)
            true = torch.from_numpy(truth[rows]).float().to(device)
            inputs = trained.normalization.canonical(torch.from_numpy(signals[rows]).to(device))
            scaled = network(inputs)
            from_true = network.simulate(trained.normalization.scaled(true))
            from_estimated = network.simulate(scaled)
            values = trained.normalization.values(scaled.clamp(0, 1)).cpu().numpy()
            error = 100.0 * np.abs(values - truth[rows]) / np.abs(truth[rows])
            columns["relative_error"].append(error.mean(axis=1))
            columns["product_true"].append(_product(inputs, from_true))
            columns["product_estimated"].append(_product(inputs, from_estimated))
            relative.append(error)
            measured.append(inputs[:, 0].cpu().numpy())
            simulated.append(from_true[:, 0].cpu().numpy())
    table = pd.DataFrame({key: np.concatenate(parts) for key, parts in columns.items()})
    order = np.argsort(table["relative_error"].to_numpy())
    chosen = {
        "high error": int(order[-len(order) // 100]),
        "low error": int(order[len(order) // 100]),
    }
    errors, true_real, simulated_real = map(np.concatenate, (relative, measured, simulated))
    pictures = {
        words: {"true": true_real[row], "simulated": simulated_real[row],
                "truth": truth[row], "relative_error": errors[row],
                "mean": table["relative_error"][row], "product": table["product_true"][row]}
        for words, row in chosen.items()
    }  # fmt: skip
    return table, pictures


def _product(first: torch.Tensor, second: torch.Tensor) -> NDArray[np.float64]:
    """Return the inner products of fingerprints (N, 2, T), each at unit norm."""
    a, b = first.flatten(1).double(), second.flatten(1).double()
    return np.asarray(torch.nn.functional.cosine_similarity(a, b, dim=1).cpu())
