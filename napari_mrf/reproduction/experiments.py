"""The registry: every experiment by name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.reproduction.experiment import Experiment

if TYPE_CHECKING:
    from napari_mrf.reproduction.experiment import Outcome, Settings

_INN = "Balsiger et al., MLMIR 2020"

EXPERIMENTS: dict[str, Experiment] = {
    one.name: one
    for one in (
        Experiment(
            "inn-table1", "errors of six networks on the test dictionary", f"{_INN}, Table 1",
            "inn_table1:run",
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
