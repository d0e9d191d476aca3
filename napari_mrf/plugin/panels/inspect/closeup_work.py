"""Work of the close-up in threads: histograms, profiles, and their export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.analysis.inspection.distribution import Distribution, distribution
from napari_mrf.analysis.inspection.profile import Profile, profile
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plugin.jobs import Step

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from pathlib import Path

    import pandas as pd

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.plugin.layers.closeup.profile_line import Place
    from napari_mrf.plugin.session import RegionChoice, Regions


@dataclass(frozen=True, eq=False)
class CloseupQuestion:
    """What is to be drawn of one map.

    Parameters
    ----------
    maps_by_name : mapping of str to ParameterMaps
        The sets that have the map.
    key : str
        The parameter.
    line : tuple of Place or None
        Both ends of a profile; None for a distribution.
    regions : Regions or None
        Where the choices are.
    choices : tuple of RegionChoice
        The regions; all voxels without any.
    thresholds : mapping of str to float
        Of the validity rules.
    """

    maps_by_name: Mapping[str, ParameterMaps]
    key: str
    line: tuple[Place, Place] | None
    regions: Regions | None
    choices: tuple[RegionChoice, ...]
    thresholds: Mapping[str, float]


def answer_closeup(question: CloseupQuestion) -> Iterator[Distribution | Profile]:
    """Yield the distribution or the profile."""
    if question.line is not None:
        yield profile(question.maps_by_name, question.key, *question.line)
        return
    region = None
    if question.regions is not None and question.choices:
        labels = question.regions.labels
        region = np.zeros(labels.shape, bool)
        for choice in question.choices:
            where = slice(None) if choice.z is None else choice.z
            region[where] |= labels[where] == choice.label
    yield distribution(question.maps_by_name, question.key, region=region,
                       thresholds=question.thresholds)  # fmt: skip


def closeup_table(found: Distribution | Profile) -> pd.DataFrame:
    """Return a row for each bin or sample; columns name map, unit and set."""
    import pandas as pd

    of = f"{found.key} ({PARAMETERS[found.key].file_unit})"
    if isinstance(found, Distribution):
        bins = {f"{of} from": found.edges[:-1], f"{of} to": found.edges[1:]}
        return pd.DataFrame({**bins, **{f"{name}: voxels": n for name, n in found.counts.items()}})
    columns = {f"distance ({found.unit})": found.distances}
    for name, values in found.values.items():
        columns[f"{name}: {of}"] = values
        if name in found.deviations:
            columns[f"{name}: {of} SD"] = found.deviations[name]
    return pd.DataFrame(columns)


def export_closeup(
    found: Distribution | Profile, title: str, path: Path, kind: str
) -> Generator[Step, None, Path]:
    """Write the numbers as ``"csv"``, or the figure as ``"svg"`` or ``"pdf"``.

    An earlier file is replaced: the dialog has asked.
    """
    yield Step(detail=f"writing {path.name}")
    if kind == "csv":
        from napari_mrf.io.tables.table_files import write_csv

        write_csv(path, closeup_table(found), overwrite=True)
        return path
    from napari_mrf.io.atomic import atomic_write
    from napari_mrf.plots.closeup_axes import closeup_figure
    from napari_mrf.plots.figure_files import write_figure

    with atomic_write(path) as temporary:
        write_figure(closeup_figure(found, title), temporary, kind)
    return path
