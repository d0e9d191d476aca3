"""The registry: every experiment by name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.reproduction.experiment import Experiment

if TYPE_CHECKING:
    from napari_mrf.reproduction.experiment import Outcome, Settings

_INN = "Balsiger et al., MLMIR 2020"
_MEDIA = "Balsiger et al., MedIA 2020"

EXPERIMENTS: dict[str, Experiment] = {
    one.name: one
    for one in (
        Experiment(
            "inn-table1", "errors of six networks on the test dictionary", f"{_INN}, Table 1",
            "inn.table1:run",
        ),
        Experiment(
            "inn-fig2", "relative errors against the noise", f"{_INN}, Fig. 2", "inn.fig2:run"
        ),
        Experiment(
            "inn-fig3", "for which tissue the forward process helps", f"{_INN}, Fig. 3",
            "inn.fig3:run",
        ),
        Experiment(
            "inn-fig4", "errors of maps against errors of fingerprints", f"{_INN}, Fig. 4",
            "inn.fig4:run",
        ),
        Experiment(
            "media-table2", "networks against matching on thighs", f"{_MEDIA}, Table 2",
            "media.table2:run",
        ),
        Experiment(
            "media-fig4", "agreement with matching by muscle", f"{_MEDIA}, Fig. 4",
            "media.fig4:run",
        ),
        Experiment("media-fig5", "blurriness of the maps", f"{_MEDIA}, Fig. 5", "media.fig5:run"),
        Experiment(
            "media-fig7", "importance of the frames", f"{_MEDIA}, Fig. 7", "media.fig7:run"
        ),
        Experiment(
            "blochnet-table1", "errors on other distributions of tissue", "BlochNet, Table 1",
            "blochnet.tables:table1",
        ),
        Experiment(
            "blochnet-table2", "errors on another sequence", "BlochNet, Table 2",
            "blochnet.tables:table2",
        ),
    )
}  # fmt: skip
"""In the order in which they are listed."""


def run_experiment(name: str, settings: Settings) -> Outcome:
    """Run an experiment.

    Raises
    ------
    MRFInputError
        ``"bad-option"`` for a name that is not in `EXPERIMENTS`, and what the experiment
        raises.
    """
    if name not in EXPERIMENTS:
        raise MRFInputError(
            "bad-option", f"there is no experiment {name!r}",
            expected=f"one of {', '.join(EXPERIMENTS)}",
        )  # fmt: skip
    module, function = EXPERIMENTS[name].home.split(":")
    outcome: Outcome = getattr(
        import_module(f"napari_mrf.reproduction.{module}"), function
    )(settings)  # fmt: skip
    return outcome
