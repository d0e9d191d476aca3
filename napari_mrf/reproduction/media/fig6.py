"""MedIA Fig. 6: what the receptive field and the number of parameters are worth.

The paper trains fields from 1 to 21 voxels with 1 to 5 million parameters, on 94 patients for 75
epochs each. Here a coarse grid is trained on
phantoms, each for as many steps as two cores take in some minutes: what a few hundred steps give,
not what the networks could reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.reproduction.experiment import Outcome
from napari_mrf.reproduction.markdown import markdown_table, rounded
from napari_mrf.reproduction.media.trainings import (
    KEYS,
    error_rows,
    phantoms_recipe,
    sized,
    steps_of,
)
from napari_mrf.reproduction.variants import phantoms_of

if TYPE_CHECKING:
    import pandas as pd

    from napari_mrf.reproduction.experiment import Settings

_FIELDS, _MILLIONS = (1, 5, 9, 15, 21), (1.0, 3.0, 5.0)
_QUICK_FIELDS, _QUICK_MILLIONS = (1, 5), (0.6, 1.0)


def run(settings: Settings) -> Outcome:
    """Remake Fig. 6, coarsely."""
    import pandas as pd

    from napari_mrf.reproduction.figures.grid import grid_figure

    fields = _QUICK_FIELDS if settings.quick else _FIELDS
    millions = _QUICK_MILLIONS if settings.quick else _MILLIONS
    recipe = phantoms_recipe(quick=settings.quick)
    rows: list[dict[str, Any]] = []
    for field in fields:
        for million in millions:
            rows += error_rows(
                f"{field}x{field}-{million:g}M", sized(field, round(million * 1e6)), recipe,
                settings, {"receptive_field": field, "million_parameters": million},
            )  # fmt: skip
    table = pd.DataFrame(rows)
    data = phantoms_of(recipe)
    words = (
        f"R² and mean absolute errors of voxels of phantoms that no network has seen "
        f"({data.validation_slices}), after {steps_of(recipe):,} steps of "
        f"{recipe.optimisation.batch} patches of {data.patch} x {data.patch} voxels, training "
        f"phantoms: {data.slices}, all scanned radially."
    )
    return Outcome(
        text=f"{words}\n\n{_section(table)}",
        tables={"media-fig6": table},
        figures={"media-fig6": grid_figure(table, "T1H2O")},
        record={"recipe": recipe.model_dump(mode="json")},
    )


def _section(table: pd.DataFrame) -> str:
    rows = [
        [f"{field} x {field}", f"{million:g}", *(
            f"{r_squared:.3f} ({rounded(float(error))})"
            for r_squared, error in of[["r_squared", "mean_absolute_error"]].to_numpy(float)
        )]
        for (field, million), of in table.groupby(
            ["receptive_field", "million_parameters"], sort=False
        )
    ]  # fmt: skip
    return markdown_table(["receptive field", "million parameters", *KEYS], rows)
