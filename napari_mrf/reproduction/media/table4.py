"""MedIA Table 4: regions of the body that no network was trained on.

The paper scanned shoulder, lower abdomen and pelvis of three patients. Here phantoms of a
shoulder, a pelvis and a head, with the tissue of muscles, are measured by simulation, and thighs
for comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.analysis.images.error_summary import map_errors
from napari_mrf.analysis.images.metrics import r_squared
from napari_mrf.phantoms.regions.anatomy import FIRST_MUSCLE
from napari_mrf.phantoms.regions.phantom import REGIONS, region
from napari_mrf.phantoms.thigh.phantom import thigh
from napari_mrf.plots.maps_figure import maps_figure
from napari_mrf.reproduction.experiment import Outcome
from napari_mrf.reproduction.found_networks import cure, record_of
from napari_mrf.reproduction.markdown import markdown_table, rounded
from napari_mrf.reproduction.media.maps import image_methods, reconstructed
from napari_mrf.reproduction.media.subjects import measured, muscles_of
from napari_mrf.reproduction.media.table2 import AGAINST, KEYS, comparisons, region_means
from napari_mrf.reproduction.published import published_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.phantoms.phantom import Phantom
    from napari_mrf.reproduction.experiment import Settings
    from napari_mrf.reproduction.media.subjects import Subject

NETWORKS = ("balsiger2020", "oksuz", "fang", "cohen", "subspacenet")
THIGH = "thigh"

_FIRST_SEED, _N_SUBJECTS = 9201, 2
_SIZES_MM = {THIGH: (170.0, 175.0), "shoulder": (200.0, 250.0), "pelvis": (280.0, 400.0),
             "head": (224.0, 204.0)}  # fmt: skip
_VOXEL_MM, _QUICK_VOXEL_MM = 1.0, 5.0


def run(settings: Settings) -> Outcome:
    """Remake Table 4."""
    import pandas as pd

    chosen = image_methods(NETWORKS, settings)
    parts, errors, names = [], [], []
    pictures: dict[str, ParameterMaps] = {}
    for subject, maps in reconstructed(chosen, settings, subjects(settings)):
        names.append(subject.name)
        if subject.group == "shoulder":  # the last one is drawn
            pictures = {"truth": subject.truth, **maps}
        for against, method, reference, test in comparisons(subject, maps):
            labels = {"region": subject.group, "subject": subject.name,
                      "against": against, "method": method}  # fmt: skip
            parts.append(region_means(subject, reference, test).assign(**labels))
            if against == "truth":
                errors.append(_errors(test, subject).assign(**labels))
    means, by_subject = (pd.concat(rows, ignore_index=True) for rows in (parts, errors))
    table = agreement(means)
    paper = published_table("media-table4")
    return Outcome(
        text="\n\n".join([*_sections(table, by_subject, paper), cure(chosen.missing)]).strip(),
        tables={"media-table4": table, "media-table4-errors": by_subject,
                "media-table4-regions": means, "media-table4-paper": paper},
        figures={"media-table4": maps_figure(pictures)},
        record={
            "subjects": names,
            "weights": [record_of(one) for one in chosen.networks],
            "missing": chosen.missing,
        },
    )  # fmt: skip


def subjects(settings: Settings) -> Iterator[Subject]:
    """Measure people of every region, by the scan of Table 2; one each and coarse when quick."""
    voxel_mm = _QUICK_VOXEL_MM if settings.quick else _VOXEL_MM
    for name in (THIGH, *REGIONS):
        height, width = (round(size / voxel_mm) for size in _SIZES_MM[name])
        for index in range(1 if settings.quick else _N_SUBJECTS):
            seed = _FIRST_SEED + index
            phantom, labels = _drawn(name, (1, height, width), seed, voxel_mm)
            yield measured(
                f"{name} {seed}", name, phantom.truth(), labels, voxel_mm, index, settings
            )


def agreement(means: pd.DataFrame) -> pd.DataFrame:
    """Return R² over the means of muscles, by region and over all regions but the thigh.

    Parameters
    ----------
    means : pandas.DataFrame
        Columns ``region, against, method, map, reference, test``.
    """
    import pandas as pd

    unseen = means[means["region"] != THIGH].assign(region="unseen regions")
    rows = []
    keys = ["region", "against", "method", "map"]
    for labels, of in pd.concat([means, unseen]).groupby(keys, sort=False):
        value, _ = r_squared(of["reference"].to_numpy(float), of["test"].to_numpy(float))
        rows.append({**dict(zip(keys, labels, strict=True)), "r_squared": value, "n": len(of)})
    return pd.DataFrame(rows)


def _drawn(
    name: str, shape: tuple[int, int, int], seed: int, voxel_mm: float
) -> tuple[Phantom, np.ndarray]:
    if name == THIGH:
        phantom = thigh(shape, seed=seed, voxel_size_mm=voxel_mm)
        return phantom, muscles_of(phantom)
    phantom = region(name, shape, seed=seed, voxel_size_mm=voxel_mm)
    return phantom, np.where(phantom.labels >= FIRST_MUSCLE, phantom.labels, 0).astype(np.int64)


def _errors(test: ParameterMaps, subject: Subject) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        [
            {"map": row.key, "mean_absolute_error": row.mean_absolute_error}
            for row in map_errors(test, subject.truth, subject.mask)
        ]
    )


def _sections(table: pd.DataFrame, errors: pd.DataFrame, paper: pd.DataFrame) -> list[str]:
    texts = ["R² of the means of muscles."]
    for against in AGAINST:
        rows = []
        if against == "matching":
            rows += [
                [str(method), "**paper**", "unseen regions", *_cells(of, "mean", 3)]
                for method, of in paper.groupby("method", sort=False)
            ]
        of_all = table[table["against"] == against]
        order = [THIGH, "unseen regions", *REGIONS]
        for method, of_method in of_all.groupby("method", sort=False):
            by_region = dict(list(of_method.groupby("region")))
            rows += [
                [str(method), "here", name, *_cells(by_region[name], "r_squared", 3)]
                for name in order
            ]
        texts += [f"**Against {against}**",
                  markdown_table(["method", "source", "region", *KEYS], rows)]  # fmt: skip
    rows = [
        [str(method), str(name), *_cells(of, "mean_absolute_error", None)]
        for (method, name), of in errors.groupby(["method", "region"], sort=False)
    ]
    texts += ["**Mean absolute errors of voxels, against truth**",
              markdown_table(["method", "region", *KEYS], rows)]  # fmt: skip
    return texts


def _cells(rows: pd.DataFrame, column: str, decimals: int | None) -> list[str]:
    values = rows.groupby("map")[column].mean()
    found = [float(values.get(key, np.nan)) for key in KEYS]
    return [rounded(one) if decimals is None else f"{one:.{decimals}f}" for one in found]
