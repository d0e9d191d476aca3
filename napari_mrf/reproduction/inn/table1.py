"""INN Table 1: MAE, MRE and R² of six networks on the test dictionary.

The paper tests on fingerprints without noise (its caption) after training with noise of 0.003
(its text); its numbers are those of a training at 0.03. Both are shown here, and beside them the
errors on noisy fingerprints, refined matching, and the bound of the physics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.compute.devices import resolve_device
from napari_mrf.data import sequences
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.reproduction.experiment import Outcome
from napari_mrf.reproduction.fingerprint_errors import bound_errors, fingerprint_errors
from napari_mrf.reproduction.found_networks import cure, found_networks, record_of
from napari_mrf.reproduction.inn.data import KEYS, TEST_SIGMAS, Matching, bound, inn_test
from napari_mrf.reproduction.inn.training import train_in_full, train_quickly
from napari_mrf.reproduction.markdown import markdown_table, rounded
from napari_mrf.reproduction.published import published_table
from napari_mrf.training.evaluation import estimates, with_noise

if TYPE_CHECKING:
    import pandas as pd

    from napari_mrf.reproduction.experiment import Settings

NETWORKS = ("inn", "inn-backward", "cohen", "hoppe", "oksuz", "song")
NOISE_SEED = 7
_QUICK, _QUICK_MATCHED = 1000, 100


def run(settings: Settings) -> Outcome:
    """Remake Table 1."""
    import pandas as pd

    from napari_mrf.reproduction.figures.errors import errors_figure

    sequence = sequences.t1ff()
    trained_now, folders = [], [settings.weights]
    if settings.train and settings.quick:
        trained_now = train_quickly(settings)
    elif settings.train:
        folders.append(train_in_full(NETWORKS, settings))
    found, missing = found_networks(NETWORKS, sequence, folders)
    found += trained_now
    test = inn_test(_QUICK if settings.quick else None)
    device = resolve_device(settings.device)
    rows: list[dict[str, Any]] = []
    for sigma in TEST_SIGMAS:
        noisy = with_noise(test.signals, sigma, NOISE_SEED)
        for done, network in enumerate(found):
            settings.progress(f"networks, noise {sigma:g}", done, len(found))
            values = estimates(network.trained.to(device), noisy, device)
            rows += _labeled(
                fingerprint_errors(KEYS, test.truth, values), network.name, network.training, sigma
            )
    of_matching = test.part(_QUICK_MATCHED) if settings.quick else test
    matching = Matching(settings.device)
    for sigma in TEST_SIGMAS:
        noisy = with_noise(of_matching.signals, sigma, NOISE_SEED)
        values = matching.maps(noisy, settings.progress)
        rows += _labeled(
            fingerprint_errors(KEYS, of_matching.truth, values), "water-fat", "no training", sigma
        )
        if sigma:
            deviations = bound(of_matching, sigma, settings.progress)
            rows += _labeled(
                bound_errors(KEYS, of_matching.truth, deviations), "bound", "no training", sigma
            )
    table = pd.DataFrame(rows)
    paper = published_table("inn-table1")
    entries = f"{len(test.truth):,} entries of the test dictionary"
    if settings.quick:
        entries += f", {_QUICK_MATCHED} for matching and bound (--quick)"
    return Outcome(
        text="\n\n".join(
            [*_sections(table, paper, entries), cure(missing, trainable="inn-table1")]
        ).strip(),
        tables={"inn-table1": table, "inn-table1-paper": paper},
        figures={"inn-table1": errors_figure(table, paper)},
        record={
            "entries": len(test.truth),
            "noise_seed": NOISE_SEED,
            "weights": [record_of(network) for network in found],
            "missing": missing,
        },
    )


def _labeled(
    rows: list[dict[str, Any]], method: str, training: str, sigma: float
) -> list[dict[str, Any]]:
    return [{"method": method, "training": training, "test_sigma": sigma, **row} for row in rows]


def _sections(table: pd.DataFrame, paper: pd.DataFrame, entries: str) -> list[str]:
    """Return a Markdown table for every noise of the test, the paper's numbers in each."""
    texts = [f"MAE (MRE in %, R²) on {entries}."]
    for sigma in TEST_SIGMAS:
        of_level = table[table["test_sigma"] == sigma]
        rows = []
        for name in (*NETWORKS, "water-fat", "bound"):
            published = paper[paper["method"] == name]
            if len(published):
                rows.append([name, "**paper**", *_cells(published)])
            of_name = of_level[of_level["method"] == name]
            rows += [
                [name, str(training), *_cells(one)]
                for training, one in of_name.groupby("training", sort=False)
            ]
        titles = [
            f"{key} ({PARAMETERS[key].unit})" if PARAMETERS[key].unit else key for key in KEYS
        ]
        level = f"noise {sigma:g}" if sigma else "no noise, as the paper's table"
        texts += [
            f"**Tested with {level}**",
            markdown_table(["network", "training", *titles], rows),
        ]
    return texts


def _cells(rows: pd.DataFrame) -> list[str]:
    values = rows.set_index(["metric", "map"])["mean"]
    return [
        f"{rounded(values['MAE', key])} ({rounded(values['MRE', key], 2)}, {values['R2', key]:.3f})"
        for key in KEYS
    ]
