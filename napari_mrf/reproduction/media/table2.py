"""MedIA Table 2: NRMSE, PSNR, SSIM and R² of networks against dictionary matching.

The patients of the paper are not public. Here phantoms and the maps of one real thigh are
measured by simulation, so that the truth is known: the methods are compared with matching, as
in the paper, and all of them, matching included, with the truth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.images.metrics import image_metrics, r_squared
from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.analysis.regions.pairs import roi_pairs
from napari_mrf.reproduction.experiment import Outcome
from napari_mrf.reproduction.found_networks import cure, record_of
from napari_mrf.reproduction.markdown import markdown_table, rounded
from napari_mrf.reproduction.media.maps import MATCHING, image_methods, reconstructed
from napari_mrf.reproduction.published import published_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.reproduction.experiment import Settings
    from napari_mrf.reproduction.media.subjects import Subject

NETWORKS = ("cohen", "hoppe2017", "oksuz", "fang", "balsiger2020")
KEYS = ("FF", "T1H2O", "T1fat", "Df", "B1")
METRICS = ("NRMSE", "PSNR", "SSIM", "R2")
AGAINST = ("matching", "truth")


def run(settings: Settings) -> Outcome:
    """Remake Table 2 on phantoms, and on the real thigh of ``settings.maps``."""
    import pandas as pd

    from napari_mrf.plots.maps_figure import maps_figure

    chosen = image_methods(NETWORKS, settings)
    parts: list[pd.DataFrame] = []
    means: list[pd.DataFrame] = []
    pictures: dict[str, ParameterMaps] = {}
    names = []
    for subject, maps in reconstructed(chosen, settings):
        names.append(subject.name)
        pictures = {"truth": subject.truth, **maps}  # those of the last one are drawn
        for against, method, reference, test in comparisons(subject, maps):
            labels = {"group": subject.group, "subject": subject.name,
                      "against": against, "method": method}  # fmt: skip
            parts.append(image_errors(subject, reference, test).assign(**labels))
            means.append(region_means(subject, reference, test).assign(**labels))
    by_subject, regions = (pd.concat(rows, ignore_index=True) for rows in (parts, means))
    table = pd.concat([_over_subjects(by_subject), _of_regions(regions)], ignore_index=True)
    paper = published_table("media-table2")
    notes = []
    if settings.maps is None:
        notes.append("The in-vivo maps are missing: give their file with `--maps`.")
    return Outcome(
        text="\n\n".join([*_sections(table, paper), *notes, cure(chosen.missing)]).strip(),
        tables={
            "media-table2": table,
            "media-table2-subjects": by_subject,
            "media-table2-regions": regions,
            "media-table2-paper": paper,
        },
        figures={"media-table2": maps_figure(pictures)},
        record={
            "subjects": names,
            "weights": [record_of(one) for one in chosen.networks],
            "missing": chosen.missing,
        },
    )


def comparisons(
    subject: Subject, maps: dict[str, ParameterMaps]
) -> Iterator[tuple[str, str, ParameterMaps, ParameterMaps]]:
    """Yield against what, method, reference and test: all with matching, then with the truth."""
    for against, reference in zip(AGAINST, (maps[MATCHING], subject.truth), strict=True):
        for method, test in maps.items():
            if against != "matching" or method != MATCHING:
                yield against, method, reference, test


def image_errors(subject: Subject, reference: ParameterMaps, test: ParameterMaps) -> pd.DataFrame:
    """Return NRMSE, PSNR and SSIM of every map as the paper computes them.

    Over the tissue; NRMSE and PSNR of T1H2O where the fat fraction of the reference is below
    0.7, everything else without such a rule.

    Returns
    -------
    pandas.DataFrame
        Columns ``map, metric, value``.
    """
    import pandas as pd

    everywhere = image_metrics(reference, test, subject.mask, apply_validity=False)
    ruled = image_metrics(reference, test, subject.mask)
    rows = [
        {"map": one.map, "metric": one.metric, "value": one.value}
        for source, is_ruled in ((everywhere, False), (ruled, True))
        for one in source
        if one.metric in ("NRMSE", "PSNR", "SSIM")
        and is_ruled == (one.map == "T1H2O" and one.metric != "SSIM")
    ]
    return pd.DataFrame(rows)


def region_means(subject: Subject, reference: ParameterMaps, test: ParameterMaps) -> pd.DataFrame:
    """Return the mean of each map in each muscle of both reconstructions.

    Returns
    -------
    pandas.DataFrame
        Columns ``map, label, reference, test``; muscles without a mean are left out.
    """
    import pandas as pd

    parts = []
    for is_ruled in (False, True):
        pairs = roi_pairs(
            reference,
            test,
            subject.labels,
            options=RoiOptions(apply_validity=is_ruled, min_valid_share=0.0),  # as in the paper
        )
        chosen = (pairs["scope"] == "slice") & ((pairs["map"] == "T1H2O") == is_ruled)
        parts.append(pairs.loc[chosen, ["map", "label", "reference", "test"]])
    return pd.concat(parts, ignore_index=True).dropna()


def _over_subjects(by_subject: pd.DataFrame) -> pd.DataFrame:
    keys = ["group", "against", "method", "map", "metric"]
    found = by_subject.groupby(keys, sort=False)["value"].agg(["mean", "std", "size"])
    return found.reset_index().rename(columns={"std": "sd", "size": "n"})


def _of_regions(regions: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    rows: list[dict[str, Any]] = []
    keys = ["group", "against", "method", "map"]
    for labels, of in regions.groupby(keys, sort=False):
        value, _ = r_squared(of["reference"].to_numpy(float), of["test"].to_numpy(float))
        rows.append({**dict(zip(keys, labels, strict=True)), "metric": "R2", "mean": value,
                     "sd": np.nan, "n": len(of)})  # fmt: skip
    return pd.DataFrame(rows)


def _sections(table: pd.DataFrame, paper: pd.DataFrame) -> list[str]:
    """Return a Markdown table per group and reference; the paper's rows beside matching."""
    texts = ["NRMSE / PSNR (dB) / SSIM / R² of the means of muscles."]
    for (group, against), rows in table.groupby(["group", "against"], sort=False):
        n = int(rows.loc[rows["metric"] == "NRMSE", "n"].max())
        lines = []
        if against == "matching":
            lines += [
                [str(method), "**paper**", *_cells(of)]
                for method, of in paper.groupby("method", sort=False)
            ]
        lines += [
            [str(method), "here", *_cells(of)] for method, of in rows.groupby("method", sort=False)
        ]
        whom = (
            f"{n} phantom{'s' if n > 1 else ''}"
            if group == "phantoms"
            else "a real thigh, scan simulated"
        )
        texts += [
            f"**{whom}, against {against}**",
            markdown_table(["method", "source", *KEYS], lines),
        ]
    return texts


def _cells(rows: pd.DataFrame) -> list[str]:
    values = rows.set_index(["metric", "map"])["mean"]
    digits = {"NRMSE": 2, "PSNR": 3, "SSIM": 3, "R2": 3}
    return [
        " / ".join(
            rounded(float(values.get((metric, key), np.nan)), digits[metric])
            if metric in ("NRMSE", "PSNR")
            else f"{values.get((metric, key), np.nan):.3f}"
            for metric in METRICS
        )
        for key in KEYS
    ]
