"""The parameters of the Importance panel and its work in a thread, without Qt and napari."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_mrf.analysis.importance.options import CHOICES
from napari_mrf.data.geometry import grid_difference
from napari_mrf.plugin.jobs import Step, counted
from napari_mrf.plugin.preparation.preparation import PREPARATION
from napari_mrf.reconstruction.method import MethodOption

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.analysis.importance.result import Importance
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.session import Regions

_PREPARING = "preparing, longer the first time"
_MOST = 1_000_000

SETTINGS = (
    MethodOption(
        "repeats", "int", 3, "Repeats",
        "Random permutations per frame; their spread is the standard deviation.", limits=(1, 100),
    ),
    MethodOption(
        "voxels", "int", 1000, "Voxels",
        "Number of voxels of the mask; 0 uses all voxels.", limits=(0, _MOST),
    ),
    MethodOption(
        "choice", "choice", "balanced", "Choice",
        "balanced: without voxels that have no signal, as many from every region, or from every "
        "tenth of the fat fraction where no regions are drawn. random: from the mask as it is.",
        CHOICES,
    ),
    MethodOption(
        "group", "int", 1, "Group",
        "Number of consecutive frames that are permuted together.", limits=(1, 1000),
    ),
    MethodOption(
        "stride", "int", 0, "Stride",
        "Frames from the start of one group to the start of the next; frames between groups are "
        "left out. 0 uses all frames.", limits=(0, 1000),
    ),
    MethodOption(
        "seed", "int", 0, "Seed", "Seed of the random voxels and permutations.", limits=(0, _MOST),
    ),
    MethodOption(
        "raw", "bool", False, "Raw intensities",
        "Permute the values as measured, with the gain and receive phase of each voxel. If off, "
        "gain and phase are removed before the permutation and restored after it.",
    ),
)  # fmt: skip
"""Settings of the measurement, as the panel offers them."""

_PER_STEP_OF_THEORY = 20
"""Permutations for each step of the bar that is left to the Fisher information.

It is computed at once, in 2 to 3 s of mostly a minute.
"""


@dataclass(frozen=True)
class ImportanceParameters:
    """The Importance panel as the engine receives it.

    Parameters
    ----------
    method, device : str
        As for `methods.get`.
    options : dict
        Of the method, by name.
    settings : dict
        By name of `SETTINGS`.
    keep : str
        Map whose changes per voxel are kept in any case; empty for none.
    """

    method: str
    device: str = "auto"
    options: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    keep: str = ""

    def as_core_arguments(self) -> dict[str, Any]:
        """Return the keywords of `ImportanceOptions`."""
        settings = {option.name: option.default for option in SETTINGS} | self.settings
        return {
            "repeats": settings["repeats"],
            "group": settings["group"],
            "stride": settings["stride"] or None,
            "voxels": settings["voxels"] or None,
            "choice": settings["choice"],
            "seed": settings["seed"],
            "intensities": "raw" if settings["raw"] else "aligned",
        }


def measure(
    series: MRFSeries,
    mask: NDArray[np.bool_] | None,
    reference: ParameterMaps | None,
    regions: Regions | None,
    parameters: ImportanceParameters,
) -> Generator[Step, None, Importance]:
    """Measure temporal importance in steps.

    Parameters
    ----------
    series : MRFSeries
        With its sequence.
    mask : ndarray or None
        (Z, Y, X) bool; the automatic foreground when None.
    reference : ParameterMaps or None
        True maps.
    regions : Regions or None
        To spread the voxels over; those on another grid than the series are left aside.
    parameters : ImportanceParameters
        Choices of the panel.

    Yields
    ------
    Step
        With the `Importance` as far as it is known.

    Returns
    -------
    Importance
        Complete.
    """
    assert series.sequence is not None  # noqa: S101 - the panel's button needs a sequence
    yield from PREPARATION.waiting(series.sequence.kind, parameters.method)
    yield Step(detail=_PREPARING)
    from napari_mrf import methods
    from napari_mrf.analysis.importance.measure import iter_importance
    from napari_mrf.analysis.importance.options import ImportanceOptions

    options = ImportanceOptions(**parameters.as_core_arguments())
    method = methods.get(parameters.method, sequence=series.sequence, device=parameters.device,
                         **parameters.options)  # fmt: skip
    labels = None
    if regions is not None and not grid_difference(regions, series):
        labels = regions.labels
    keep = parameters.keep if parameters.keep in method.parameters else None
    update, is_shown = None, False
    for update in iter_importance(
        method, series, mask=mask, reference=reference, regions=labels, options=options, keep=keep
    ):
        if update.stage == "preparing":
            yield Step(detail=_PREPARING)
            continue
        total = update.total + -(-update.total // _PER_STEP_OF_THEORY)
        if update.stage == "theory":
            yield Step(update.done, total, "steps", stage="Fisher information")
        else:
            done = total if update.stage == "done" else update.done
            # The first one must arrive: the others may be thinned out.
            yield Step(done, total, "steps", value=update.importance, keep=not is_shown)
            is_shown = True
    if update is None or update.importance is None:
        raise RuntimeError("nothing was measured")
    return update.importance


def save(
    importance: Importance, directory: str, layers: Sequence[str], with_fisher: bool,
    overwrite: bool,
) -> Generator[Step, None, str]:  # fmt: skip
    """Write table, figure, volumes and record; return the folder."""
    yield Step(detail="writing")
    from napari_mrf.report.importance import iter_save_importance, n_save_steps

    writing = iter_save_importance(
        importance, directory, layers=layers, with_fisher=with_fisher, overwrite=overwrite
    )
    yield from counted(writing, n_save_steps(layers))
    return directory


def write_all(importance: Importance, folder: Path) -> None:
    """Write a result as *Save…* does, with all changes per voxel that it has kept."""
    from napari_mrf.report.importance import save_importance

    save_importance(importance, folder, layers=list(importance.voxel_change))
