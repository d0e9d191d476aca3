"""MLMI Table 1: MAE and RMSE of brain maps by tissue, of networks and dictionaries.

The six volunteers of the paper are not public, nor is its sequence: here phantoms of heads that no
training has seen are measured by a simulated radial scan with the FISP sequence of this package.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf import methods
from napari_mrf.data import sequences
from napari_mrf.networks.image_method import ImageNetworkMethod
from napari_mrf.networks.method import NetworkMethod
from napari_mrf.networks.zoo import NETWORKS
from napari_mrf.phantoms.acquisition.acquire import acquire
from napari_mrf.phantoms.brain.labels import CSF, DEEP_NUCLEI, GREY_MATTER, WHITE_MATTER
from napari_mrf.phantoms.brain.phantom import brain
from napari_mrf.plots.maps_figure import maps_figure
from napari_mrf.reproduction.experiment import Outcome
from napari_mrf.reproduction.found_networks import cure, found_networks, record_of
from napari_mrf.reproduction.markdown import markdown_table, rounded
from napari_mrf.reproduction.published import published_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.phantoms.phantom import Phantom
    from napari_mrf.reconstruction.method import Method
    from napari_mrf.reproduction.experiment import Settings
    from napari_mrf.reproduction.found_networks import StoredNetwork

TISSUES = {"WM": (WHITE_MATTER,), "GM": (GREY_MATTER, *DEEP_NUCLEI), "CSF": (CSF,)}
KEYS = ("PD", "T1", "T2")
METRICS = ("MAE", "RMSE")
NETWORK_NAMES = ("balsiger2018", "cohen", "hoppe2017", "subspacenet")
PAPER_WINDOW, OWN_WINDOW = 48, 9
"""Frames of a sliding window: of the paper, and the best for this sequence (docs/results.md)."""

SNR_DB = 20.0
_FIRST_SEED, _N_SUBJECTS = 9301, 3
_SHAPE, _QUICK_SHAPE = (3, 112, 112), (1, 56, 56)
_SCAN: dict[str, Any] = {"mode": "radial", "spokes_per_pulse": 4, "n_coils": 4, "snr_db": SNR_DB}


def run(settings: Settings) -> Outcome:
    """Remake Table 1."""
    import pandas as pd

    found, missing = found_networks(NETWORK_NAMES, sequences.fisp(), [settings.weights])
    chosen = _methods(found, settings)
    parts: list[pd.DataFrame] = []
    pictures: dict[str, ParameterMaps] = {}
    for seed, phantom in _phantoms(settings):
        tell = partial(settings.progress, f"scan of head {seed}")
        series = acquire(phantom.truth(), sequences.fisp(), seed=seed, progress=tell, **_SCAN)
        pictures = {"truth": phantom.truth()}  # the last one is drawn
        for name, method in chosen.items():
            maps = None
            for update in method.iter_reconstruct(series, phantom.foreground):
                settings.progress(f"head {seed}, {name}", update.done, update.total)
                maps = update.maps
            assert maps is not None  # noqa: S101 - at least one update
            pictures[name] = maps
            parts.append(
                tissue_errors(phantom.truth(), maps, phantom.labels).assign(
                    method=name, subject=seed
                )
            )
    by_subject = pd.concat(parts, ignore_index=True)
    keys = ["tissue", "method", "map", "metric"]
    table = by_subject.groupby(keys, sort=False)["value"].agg(["mean", "std", "size"])
    table = table.reset_index().rename(columns={"std": "sd", "size": "n"})
    paper = published_table("mlmi-table1")
    return Outcome(
        text="\n\n".join([*_sections(table, paper), cure(missing, sequence="fisp")]).strip(),
        tables={"mlmi-table1": table, "mlmi-table1-subjects": by_subject,
                "mlmi-table1-paper": paper},
        figures={"mlmi-table1": maps_figure(pictures)},
        record={
            "seeds": sorted({int(seed) for seed in by_subject["subject"]}),
            "scan": _SCAN,
            "weights": [record_of(one) for one in found],
            "missing": missing,
        },
    )  # fmt: skip


def tissue_errors(
    truth: ParameterMaps, maps: ParameterMaps, labels: NDArray[np.integer]
) -> pd.DataFrame:
    """Return MAE and RMSE of every map in every tissue.

    The gain of a scanner is unknown, and PD is known up to it: before it is compared, PD is
    divided by the factor that fits the truth best over all three tissues.

    Parameters
    ----------
    truth, maps : ParameterMaps
        With PD, T1 and T2.
    labels : ndarray of int
        (Z, Y, X) tissues of `napari_mrf.phantoms.brain.labels`.

    Returns
    -------
    pandas.DataFrame
        Columns ``tissue, map, metric, value``.
    """
    import pandas as pd

    rows = []
    for key in KEYS:
        reference, test = (one[key].astype(np.float64) for one in (truth, maps))
        if key == "PD":
            brain_voxels = np.isin(labels, [one for of in TISSUES.values() for one in of])
            both = brain_voxels & np.isfinite(reference) & np.isfinite(test)
            test = test * (reference[both] @ test[both]) / (test[both] @ test[both])
        for tissue, numbers in TISSUES.items():
            error = (test - reference)[np.isin(labels, numbers)]
            error = error[np.isfinite(error)]
            for metric, value in zip(
                METRICS, (np.abs(error).mean(), np.sqrt(np.mean(error**2))), strict=True
            ):
                rows.append({"tissue": tissue, "map": key, "metric": metric, "value": value})
    return pd.DataFrame(rows)


def _phantoms(settings: Settings) -> Iterator[tuple[int, Phantom]]:
    for index in range(1 if settings.quick else _N_SUBJECTS):
        seed = _FIRST_SEED + index
        yield seed, brain(_QUICK_SHAPE if settings.quick else _SHAPE, seed=seed)


def _methods(found: list[StoredNetwork], settings: Settings) -> dict[str, Method]:
    """Return the methods by what the table calls them."""
    sequence = sequences.fisp()

    def method(name: str, **options: Any) -> Method:
        return methods.get(name, sequence=sequence, device=settings.device, **options)

    chosen: dict[str, Method] = {"dictionary": method("compressed", refine=False)}
    for window in (OWN_WINDOW, PAPER_WINDOW):
        words = f"dictionary, window {window}"
        chosen[words] = method("compressed", refine=False, window=window)
    chosen[f"refined, window {OWN_WINDOW}"] = method("compressed", window=OWN_WINDOW)
    chosen["gomez"] = method("spatiotemporal", window=OWN_WINDOW)
    for network in found:
        adapter = ImageNetworkMethod if NETWORKS[network.name].kind == "image" else NetworkMethod
        alone = sum(one.name == network.name for one in found) == 1
        label = network.name if alone else f"{network.name} ({network.training})"
        chosen[label] = adapter(sequence, card_path=network.path, device=settings.device)
    return chosen


def _sections(table: pd.DataFrame, paper: pd.DataFrame) -> list[str]:
    """Return a Markdown table per tissue, the paper's rows first."""
    texts = ["MAE / RMSE, mean over heads."]
    titles = ["PD", "T1 (ms)", "T2 (ms)"]
    for tissue in TISSUES:
        rows = []
        for method, of in paper[paper["metric"].str.startswith(tissue)].groupby(
            "method", sort=False
        ):
            named = of.assign(metric=of["metric"].str.removeprefix(f"{tissue} "))
            rows.append([str(method), "**paper**", *_cells(named)])
        of_tissue = table[table["tissue"] == tissue]
        rows += [
            [str(method), "here", *_cells(of)]
            for method, of in of_tissue.groupby("method", sort=False)
        ]
        texts += [f"**{tissue}**", markdown_table(["method", "source", *titles], rows)]
    return texts


def _cells(rows: pd.DataFrame) -> list[str]:
    values = rows.set_index(["map", "metric"])["mean"]
    return [" / ".join(rounded(float(values[key, metric])) for metric in METRICS) for key in KEYS]
