"""MedIA Fig. 5: blurriness, as the share of energy in the high spatial frequencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.analysis.images.blurriness import blurriness_table
from napari_mrf.reproduction.experiment import Outcome
from napari_mrf.reproduction.found_networks import cure, record_of
from napari_mrf.reproduction.markdown import markdown_table, rounded
from napari_mrf.reproduction.media.maps import image_methods, reconstructed
from napari_mrf.reproduction.media.table2 import NETWORKS

if TYPE_CHECKING:
    import pandas as pd

    from napari_mrf.reproduction.experiment import Settings


def run(settings: Settings) -> Outcome:
    """Remake Fig. 5, with the truth beside the methods."""
    import pandas as pd

    from napari_mrf.reproduction.figures.blurriness import high_frequencies_figure

    chosen = image_methods(NETWORKS, settings)
    parts = [
        blurriness_table({"truth": subject.truth, **maps}, subject.mask).assign(
            subject=subject.name, group=subject.group
        )
        for subject, maps in reconstructed(chosen, settings)
    ]
    by_subject = pd.concat(parts, ignore_index=True)
    keys = ["map", "method", "percentile"]
    table = by_subject.groupby(keys, sort=False)["mean"].agg(["mean", "std", "size"]).reset_index()
    table = table.rename(columns={"std": "sd", "size": "n"})
    return Outcome(
        text="\n\n".join(
            [
                "Energy above a percentile of the spatial frequencies (%); less is blurrier. Mean "
                f"of {by_subject['subject'].nunique()} thighs.",
                *_sections(table),
                cure(chosen.missing),
            ]
        ).strip(),
        tables={"media-fig5": table, "media-fig5-subjects": by_subject},
        figures={"media-fig5": high_frequencies_figure(table)},
        record={
            "subjects": list(by_subject["subject"].unique()),
            "weights": [record_of(one) for one in chosen.networks],
            "missing": chosen.missing,
        },
    )


def _sections(table: pd.DataFrame) -> list[str]:
    texts = []
    for key, of_map in table.groupby("map", sort=False):
        percentiles = sorted(of_map["percentile"].unique())
        rows = [
            [str(method), *(rounded(100 * value, 3) for value in of["mean"])]
            for method, of in of_map.groupby("method", sort=False)
        ]
        texts += [
            f"**{key}**",
            markdown_table(["method", *(f"{p:g} %" for p in percentiles)], rows),
        ]
    return texts
