"""INN Fig. 3: benefit of learning the forward process, by tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.devices import resolve_device
from napari_mrf.data import sequences
from napari_mrf.errors import MRFInputError
from napari_mrf.reproduction.experiment import Outcome
from napari_mrf.reproduction.found_networks import cure, found_networks, record_of, trained_alike
from napari_mrf.reproduction.inn.data import KEYS, inn_test
from napari_mrf.reproduction.markdown import markdown_table, rounded
from napari_mrf.training.evaluation import estimates

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.reproduction.experiment import Settings
    from napari_mrf.reproduction.found_networks import StoredNetwork

NETWORKS = ("inn", "inn-backward", "cohen")
SHOWN = ("T1H2O", "T1fat")
_QUICK = 3000


def run(settings: Settings) -> Outcome:
    """Remake Fig. 3: the relative error of another network minus that of the INN.

    Networks that were trained alike are compared: the INN with the one trained backward only
    (the figure of the paper), and with `cohen` (of which its text says the same).

    Raises
    ------
    MRFInputError
        ``"missing-weights"`` without an INN and another network that was trained alike.
    """
    import pandas as pd

    from napari_mrf.reproduction.figures.benefit import benefit_figure

    found, missing = found_networks(NETWORKS, sequences.t1ff(), [settings.weights])
    pairs = _pairs(found)
    if not pairs:
        raise MRFInputError(
            "missing-weights",
            "this experiment needs inn, and inn-backward or cohen trained in the same way",
            found=", ".join(one.name for one in found) or "none of them",
            hint=cure(missing) or "Give the folder of their weights with --weights.",
        )
    test = inn_test(_QUICK if settings.quick else None)
    device = resolve_device(settings.device)
    errors: dict[int, NDArray[np.float64]] = {}
    for network in {id(one): one for pair in pairs for one in pair}.values():
        settings.progress("networks", len(errors), len(found))
        values = estimates(network.trained.to(device), test.signals, device)
        errors[id(network)] = 100.0 * np.abs(values - test.truth) / np.abs(test.truth)
    table = pd.concat(
        [
            benefit_table(test.truth, errors[id(other)] - errors[id(inn)]).assign(
                other=other.name, training=inn.training
            )
            for inn, other in pairs
        ],
        ignore_index=True,
    )
    return Outcome(
        text="\n\n".join(
            [
                "Relative error (percentage points) of the other network minus that of the INN, "
                f"without noise, {len(test.truth):,} entries: positive where the INN is better.",
                _summary(table),
                cure(missing),
            ]
        ).strip(),
        tables={"inn-fig3": table},
        figures={"inn-fig3": benefit_figure(table)},
        record={
            "entries": len(test.truth),
            "weights": [record_of(one) for one in found],
            "missing": missing,
        },
    )


def benefit_table(truth: NDArray[np.float64], benefit: NDArray[np.float64]) -> pd.DataFrame:
    """Return the mean benefit of every cell of fat fraction and water T1.

    Parameters
    ----------
    truth, benefit : ndarray
        (N, 5) in the order of `KEYS`.

    Returns
    -------
    pandas.DataFrame
        Columns ``map, FF, T1H2O, benefit, n``.
    """
    import pandas as pd

    cells = pd.DataFrame({"FF": truth[:, 0].round(6), "T1H2O": truth[:, 1].round(6)})
    parts = []
    for key in SHOWN:
        cells["benefit"] = benefit[:, KEYS.index(key)]
        grouped = cells.groupby(["FF", "T1H2O"])["benefit"].agg(["mean", "size"]).reset_index()
        parts.append(grouped.rename(columns={"mean": "benefit", "size": "n"}).assign(map=key))
    return pd.concat(parts, ignore_index=True)[["map", "FF", "T1H2O", "benefit", "n"]]


def _pairs(found: list[StoredNetwork]) -> list[tuple[StoredNetwork, StoredNetwork]]:
    return [
        (inn, other)
        for inn in found
        if inn.name == "inn"
        for other in found
        if other.name != "inn" and trained_alike(inn, other)
    ]


def _summary(table: pd.DataFrame) -> str:
    """Return the benefit in the regions that the paper speaks of."""
    regions = {
        "all": table["FF"] >= 0,
        "FF > 0.5, T1H2O < 1000 ms": (table["FF"] > 0.5) & (table["T1H2O"] < 1000),
        "FF > 0.5, T1H2O > 1000 ms": (table["FF"] > 0.5) & (table["T1H2O"] > 1000),
        "FF < 0.5": table["FF"] < 0.5,
        "FF = 0.05": np.isclose(table["FF"], 0.05),
    }
    rows: list[list[str]] = []
    for (other, training), lines in table.groupby(["other", "training"], sort=False):
        for words, region in regions.items():
            cells: list[Any] = []
            for key in SHOWN:
                part = lines[region[lines.index] & (lines["map"] == key)]
                mean = np.average(part["benefit"], weights=part["n"]) if len(part) else np.nan
                cells.append(rounded(float(mean)))
            rows.append([f"{other} - inn", str(training), words, *cells])
    return markdown_table(["networks", "training", "tissue", *SHOWN], rows)
