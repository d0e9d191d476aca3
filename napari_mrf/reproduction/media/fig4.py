"""MedIA Fig. 4: agreement of a network with matching, muscle by muscle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.analysis.agreement.agreement_table import agreement_table
from napari_mrf.analysis.regions.options import RoiOptions
from napari_mrf.analysis.regions.pairs import roi_pairs
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import MRFInputError
from napari_mrf.reproduction.experiment import Outcome
from napari_mrf.reproduction.found_networks import cure, record_of
from napari_mrf.reproduction.markdown import markdown_table, rounded
from napari_mrf.reproduction.media.maps import MATCHING, image_methods, reconstructed

if TYPE_CHECKING:
    import pandas as pd

    from napari_mrf.reproduction.experiment import Settings

PREFERRED = ("balsiger2020", "inn", "cohen")
"""The paper's own network where it is there, else the first of the others that is."""

_STEPS = {"FF": 0.05, "T1H2O": 10.0, "T1fat": 25.0, "Df": 10.0, "B1": 0.05}


def run(settings: Settings) -> Outcome:
    """Remake Fig. 4 with all thighs there are.

    Raises
    ------
    MRFInputError
        ``"missing-weights"`` without any of the networks.
    """
    import pandas as pd

    from napari_mrf.reproduction.figures.agreement import muscles_figure

    chosen = image_methods(PREFERRED, settings)
    if not chosen.networks:
        raise MRFInputError(
            "missing-weights",
            "this experiment needs the weights of a network",
            hint=cure(chosen.missing),
        )
    name = list(chosen.methods)[1]
    parts = [
        roi_pairs(
            maps[MATCHING],
            maps[name],
            subject.labels,
            subject=subject.name,
            options=RoiOptions(min_valid_share=0.0),  # the paper counts every region
        )
        for subject, maps in reconstructed(chosen, settings)
    ]
    pairs = pd.concat(parts, ignore_index=True)
    table = agreement_table(pairs, scope="slice", independent=True)
    return Outcome(
        text="\n\n".join(
            [
                f"{name} against {MATCHING}, means of muscles of {len(parts)} thighs. Difference = "
                "matching - network; the paper (balsiger2020, 50 patients) has r above 0.95, next "
                "to no bias, and limits within one step of its dictionary but for T1H2O, ± 60 ms. "
                "Like the paper's, bias and limits of the table assume independent muscles.",
                _section(table),
                cure(chosen.missing),
            ]
        ).strip(),
        tables={"media-fig4": table, "media-fig4-regions": pairs},
        figures={"media-fig4": muscles_figure(pairs, name)},
        record={
            "method": name,
            "weights": [record_of(one) for one in chosen.networks],
            "missing": chosen.missing,
        },
    )


def _section(table: pd.DataFrame) -> str:
    rows = [
        [
            f"{one['map']} ({unit})" if (unit := PARAMETERS[one["map"]].unit) else one["map"],
            str(one["n"]),
            *(rounded(one[f"independent_{key}"]) for key in ("bias", "lower", "upper")),
            rounded(one["r"]),
            rounded(_STEPS[one["map"]]),
        ]
        for one in table.to_dict("records")
    ]
    header = ["map", "muscles", "bias", "lower limit", "upper limit", "r", "step of the dictionary"]
    return markdown_table(header, rows)
