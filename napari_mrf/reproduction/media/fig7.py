"""MedIA Fig. 7: how much each frame contributes to each map, by permutation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.importance.measure import iter_importance
from napari_mrf.analysis.importance.options import ImportanceOptions
from napari_mrf.analysis.importance.result import importance_table
from napari_mrf.compute.steps import Steps
from napari_mrf.reproduction.experiment import Outcome
from napari_mrf.reproduction.found_networks import cure, record_of
from napari_mrf.reproduction.markdown import markdown_table
from napari_mrf.reproduction.media.fig4 import PREFERRED
from napari_mrf.reproduction.media.maps import image_methods
from napari_mrf.reproduction.media.subjects import subjects

if TYPE_CHECKING:
    from napari_mrf.analysis.importance.result import Importance
    from napari_mrf.reproduction.experiment import Settings

# A network that looks at images is measured in all voxels: half an hour on a CPU.
_REPEATS, _VOXELS = 2, 2000
_QUICK_VOXELS, _QUICK_STRIDE = 150, 25
# Where the flip angle or the echo time changes, section 3.4.
_CHANGES = (75, 100, 125, 150)
_AFTER = 5


def run(settings: Settings) -> Outcome:
    """Remake Fig. 7 for one network on the last thigh there is (the real one if given)."""
    from napari_mrf.plots.importance_figure import importance_figure

    chosen = image_methods(PREFERRED, settings)
    network = chosen.networks[0] if chosen.networks else None
    method = list(chosen.methods.values())[1 if network else 0]
    *_, subject = subjects(settings)
    options = ImportanceOptions(
        repeats=1 if settings.quick else _REPEATS,
        voxels=_QUICK_VOXELS if settings.quick else _VOXELS,
        stride=_QUICK_STRIDE if settings.quick else None,
        choice="random",
    )
    steps = Steps(
        iter_importance(
            method, subject.series, mask=subject.mask, reference=subject.truth, options=options
        )
    )
    for update in steps:
        settings.progress(f"importance, {update.stage}", update.done, update.total)
    found = steps.result
    table = importance_table(found)
    return Outcome(
        text="\n\n".join(
            [
                f"Permutation importance for {method.name} on {subject.name}, "
                f"{found.places.shape[1]:,} voxels, {options.repeats} repeats.",
                _summary(found),
                cure(chosen.missing),
            ]
        ).strip(),
        tables={"media-fig7": table},
        figures={"media-fig7": importance_figure(found)},
        record={
            "subject": subject.name,
            "method": method.name,
            "weights": [record_of(network)] if network else [],
            "missing": chosen.missing,
        },
    )


def _summary(found: Importance) -> str:
    """Return the most important frames, and how the paper's frames compare with the others."""
    frames = np.asarray(found.groups)[:, 0]
    after = np.isin(frames, [change + step for change in _CHANGES for step in range(_AFTER)])
    rows: list[list[Any]] = []
    for key in found.keys:
        mean = np.asarray(found.mean(key), float)
        order = np.argsort(-mean)[:5]
        first = mean[frames < _AFTER].mean() / mean.mean()
        changed = mean[after].mean() / mean.mean() if after.any() else np.nan
        rows.append([key, ", ".join(str(frames[at]) for at in order), f"{first:.1f}",
                     f"{changed:.1f}"])  # fmt: skip
    return markdown_table(
        ["map", "most important frames", f"first {_AFTER} frames over the mean",
         f"{_AFTER} frames after a change over the mean"], rows,
    )  # fmt: skip
