"""MedIA Fig. 8: how many training subjects the network needs.

As in Fig. 6, phantoms stand for patients, and a few hundred steps for 75 epochs. All trainings
take as many steps, whatever the number of their subjects.
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

if TYPE_CHECKING:
    import pandas as pd

    from napari_mrf.reproduction.experiment import Settings

_FIELD = 15
_SUBJECTS, _REPEATS = (5, 15, 40, 80), 2
_QUICK_SUBJECTS, _QUICK_FIELD, _QUICK_PARAMETERS = (1, 2), 5, 100_000


def run(settings: Settings) -> Outcome:
    """Remake Fig. 8 with fewer numbers of subjects and fewer repetitions."""
    import pandas as pd

    from napari_mrf.reproduction.figures.subjects import subjects_figure

    info = sized(_QUICK_FIELD, _QUICK_PARAMETERS) if settings.quick else sized(_FIELD)
    rows: list[dict[str, Any]] = []
    for seed in range(1 if settings.quick else _REPEATS):
        for n_subjects in _QUICK_SUBJECTS if settings.quick else _SUBJECTS:
            rows += error_rows(
                f"{n_subjects}-subjects-{seed}", info,
                phantoms_recipe(quick=settings.quick, slices=n_subjects, seed=seed), settings,
                {"subjects": n_subjects, "repetition": seed},
            )  # fmt: skip
    table, recipe = pd.DataFrame(rows), phantoms_recipe(quick=settings.quick)
    words = (
        f"R² and mean absolute errors of voxels of phantoms that no network has seen, means of "
        f"{table['repetition'].nunique()} trainings with other subjects; "
        f"{steps_of(recipe):,} steps each, whatever the number of subjects."
    )
    return Outcome(
        text=f"{words}\n\n{_section(table)}",
        tables={"media-fig8": table},
        figures={"media-fig8": subjects_figure(table)},
        record={"recipe": recipe.model_dump(mode="json")},
    )


def _section(table: pd.DataFrame) -> str:
    means = table.groupby(["subjects", "map"])[["r_squared", "mean_absolute_error"]].mean()
    rows = [
        [str(n_subjects), *(
            f"{means.loc[(n_subjects, key), 'r_squared']:.3f} "
            f"({rounded(float(means.loc[(n_subjects, key), 'mean_absolute_error']))})"
            for key in KEYS
        )]
        for n_subjects in table["subjects"].unique()
    ]  # fmt: skip
    return markdown_table(["subjects", *KEYS], rows)
