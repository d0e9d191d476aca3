"""Work of the close-up in threads: histograms, profiles, and their export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    series : str
        Name of the series.
    """

    maps_by_name: Mapping[str, ParameterMaps]
    key: str
    line: tuple[Place, Place] | None
    regions: Regions | None
    choices: tuple[RegionChoice, ...]
    thresholds: Mapping[str, float]
    series: str

    @property
    def places(self) -> tuple[str, str]:
        """Where the voxels are: regions or line, and slices counted from 0, in words."""
        if self.line is not None:
            ends = (f"({y:.1f}, {x:.1f})" for _, y, x in self.line)
            return f"line (row, column) {' to '.join(ends)}", str(round(self.line[0][0]))
        table = {} if self.regions is None else self.regions.table
        chosen = [one for one in self.choices if one.label in table]
        slices = dict.fromkeys("all" if one.z is None else str(one.z) for one in chosen)
        names = dict.fromkeys(table[one.label].name for one in chosen)
        if len(slices) > 1:  # which of them belongs to which region
            names = dict.fromkeys(
                table[one.label].name + ("" if one.z is None else f" in slice {one.z}")
                for one in chosen
            )
        return ", ".join(names) or "all voxels", ", ".join(slices) or "all"


@dataclass(frozen=True, eq=False)
class CloseupAnswer:
    """What was found, and what was asked for.

    Parameters
    ----------
    question : CloseupQuestion
        Its maps, regions and line are those of `found`, whatever is chosen by now.
    found : Distribution or Profile
        The answer.
    """

    question: CloseupQuestion
    found: Distribution | Profile

    def note(self) -> str:
        """Return where it is, and how much of it, in words."""
        found = self.found
        if not isinstance(found, Distribution):
            has_bands = " Bands: ± SD." if found.deviations else ""
            return f"A line of {found.distances[-1]:.1f} {found.unit}.{has_bands}"
        where, slices = self.question.places
        if slices.isdecimal():
            where += f" in slice {slices}"
        without = ", ".join(f"{name} {n:,}" for name, n in found.n_without.items())
        where = where[0].upper() + where[1:] if where == "all voxels" else where
        return f"{where}: {found.n_voxels:,} voxels. Without a value that counts: {without}."


def answer_closeup(question: CloseupQuestion) -> Iterator[CloseupAnswer]:
    """Yield the distribution or the profile."""
    if question.line is not None:
        found = profile(question.maps_by_name, question.key, *question.line)
        yield CloseupAnswer(question, found)
        return
    region = None
    if question.regions is not None and question.choices:
        labels = question.regions.labels
        region = np.zeros(labels.shape, bool)
        for choice in question.choices:
            where = slice(None) if choice.z is None else choice.z
            region[where] |= labels[where] == choice.label
    yield CloseupAnswer(question, distribution(
        question.maps_by_name, question.key, region=region, thresholds=question.thresholds
    ))  # fmt: skip


def closeup_table(answer: CloseupAnswer) -> pd.DataFrame:
    """Return a row for each bin or sample, which names series, region, slice, map and unit."""
    import pandas as pd

    found, unit = answer.found, PARAMETERS[answer.found.key].file_unit
    of = f"{found.key} ({unit})"
    region, slices = answer.question.places
    whose: dict[str, Any] = {"series": answer.question.series, "region": region, "slice": slices,
                             "map": found.key, "unit": unit}  # fmt: skip
    if isinstance(found, Distribution):
        columns = {f"{of} from": found.edges[:-1], f"{of} to": found.edges[1:],
                   **{f"{name}: voxels": n for name, n in found.counts.items()}}  # fmt: skip
        return pd.DataFrame(whose | columns)
    columns = {f"distance ({found.unit})": found.distances}
    for name, values in found.values.items():
        columns[f"{name}: {of}"] = values
        if name in found.deviations:
            columns[f"{name}: {of} SD"] = found.deviations[name]
    return pd.DataFrame(whose | columns)


def export_closeup(answer: CloseupAnswer, path: Path, kind: str) -> Generator[Step, None, Path]:
    """Write the numbers as ``"csv"``, or the figure as ``"svg"`` or ``"pdf"``.

    An earlier file is replaced: the dialog has asked.
    """
    yield Step(detail=f"writing {path.name}")
    if kind == "csv":
        from napari_mrf.io.tables.table_files import write_csv

        write_csv(path, closeup_table(answer), overwrite=True)
        return path
    from napari_mrf.io.atomic import atomic_write
    from napari_mrf.plots.closeup_axes import closeup_figure
    from napari_mrf.plots.figure_files import write_figure

    with atomic_write(path) as temporary:
        write_figure(closeup_figure(answer.found, answer.note()), temporary, kind)
    return path
