"""The registry: every experiment by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.reproduction.experiment import Experiment

if TYPE_CHECKING:
    from napari_mrf.reproduction.experiment import Outcome, Settings

_INN = "Balsiger et al., MLMIR 2020"
_MEDIA = "Balsiger et al., MedIA 2020"


# Imported when one is run: torch and matplotlib are slow to load.
def _inn_table1(settings: Settings) -> Outcome:
    from napari_mrf.reproduction.inn.table1 import run

    return run(settings)


def _inn_fig2(settings: Settings) -> Outcome:
    from napari_mrf.reproduction.inn.fig2 import run

    return run(settings)


def _inn_fig3(settings: Settings) -> Outcome:
    from napari_mrf.reproduction.inn.fig3 import run

    return run(settings)


def _inn_fig4(settings: Settings) -> Outcome:
    from napari_mrf.reproduction.inn.fig4 import run

    return run(settings)


def _media_table2(settings: Settings) -> Outcome:
    from napari_mrf.reproduction.media.table2 import run

    return run(settings)


def _media_table4(settings: Settings) -> Outcome:
    from napari_mrf.reproduction.media.table4 import run

    return run(settings)


def _media_fig4(settings: Settings) -> Outcome:
    from napari_mrf.reproduction.media.fig4 import run

    return run(settings)


def _media_fig5(settings: Settings) -> Outcome:
    from napari_mrf.reproduction.media.fig5 import run

    return run(settings)


def _media_fig7(settings: Settings) -> Outcome:
    from napari_mrf.reproduction.media.fig7 import run

    return run(settings)


def _media_fig6(settings: Settings) -> Outcome:
    from napari_mrf.reproduction.media.fig6 import run

    return run(settings)


def _media_fig8(settings: Settings) -> Outcome:
    from napari_mrf.reproduction.media.fig8 import run

    return run(settings)


def _rinq_table1(settings: Settings) -> Outcome:
    from napari_mrf.reproduction.rinq.table1 import run

    return run(settings)


def _mlmi_table1(settings: Settings) -> Outcome:
    from napari_mrf.reproduction.mlmi.table1 import run

    return run(settings)


def _blochnet_table1(settings: Settings) -> Outcome:
    from napari_mrf.reproduction.blochnet.tables import table1

    return table1(settings)


def _blochnet_table2(settings: Settings) -> Outcome:
    from napari_mrf.reproduction.blochnet.tables import table2

    return table2(settings)


EXPERIMENTS: dict[str, Experiment] = {
    one.name: one
    for one in (
        Experiment(
            "inn-table1", "errors of six networks on the test dictionary", f"{_INN}, Table 1",
            _inn_table1,
        ),
        Experiment(
            "inn-fig2", "relative errors against the noise", f"{_INN}, Fig. 2", _inn_fig2
        ),
        Experiment(
            "inn-fig3", "benefit of the forward process by tissue", f"{_INN}, Fig. 3",
            _inn_fig3,
        ),
        Experiment(
            "inn-fig4", "errors of maps against errors of fingerprints", f"{_INN}, Fig. 4",
            _inn_fig4,
        ),
        Experiment(
            "media-table2", "networks against matching on thighs", f"{_MEDIA}, Table 2",
            _media_table2,
        ),
        Experiment(
            "media-table4", "regions of the body that no network has seen", f"{_MEDIA}, Table 4",
            _media_table4,
        ),
        Experiment(
            "media-fig4", "agreement with matching by muscle", f"{_MEDIA}, Fig. 4",
            _media_fig4,
        ),
        Experiment("media-fig5", "blurriness of the maps", f"{_MEDIA}, Fig. 5", _media_fig5),
        Experiment(
            "media-fig6", "receptive field and number of parameters", f"{_MEDIA}, Fig. 6",
            _media_fig6,
        ),
        Experiment(
            "media-fig7", "importance of the frames", f"{_MEDIA}, Fig. 7", _media_fig7
        ),
        Experiment(
            "media-fig8", "number of training subjects", f"{_MEDIA}, Fig. 8", _media_fig8
        ),
        Experiment(
            "mlmi-table1", "errors in white and gray matter and fluid", "Balsiger et al., MLMI "
            "2018, Table 1", _mlmi_table1,
        ),
        Experiment(
            "rinq-table1", "magnitude or complex signals, one voxel or nine",
            "Hoppe et al., MICCAI 2019 (RinQ), Table 1", _rinq_table1,
        ),
        Experiment(
            "blochnet-table1", "errors on other distributions of tissue", "BlochNet, Table 1",
            _blochnet_table1,
        ),
        Experiment(
            "blochnet-table2", "errors on another sequence", "BlochNet, Table 2",
            _blochnet_table2,
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
    return EXPERIMENTS[name].run(settings)
