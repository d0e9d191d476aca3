"""Tables of a whole cohort: statistics of regions, and a comparison with other maps.

They are made once every subject has maps, so that no table is silently of a part of the cohort.
Earlier tables of the same maps, label maps and options stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from napari_mrf._version import __version__
from napari_mrf.cohort.description import OWN_NAMES
from napari_mrf.data import strict_json
from napari_mrf.data.text_files import read_text
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.source import sha256_of
from napari_mrf.io.maps.folders import file_sums, find_label_maps, find_maps, label_table_beside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from napari_mrf.cohort.description import Cohort
    from napari_mrf.io.result_folder import ResultKind

ROIS_FOLDER, COMPARISON_FOLDER = OWN_NAMES[:2]
_MOST_RECORD_BYTES = 500_000_000


@dataclass(frozen=True)
class StageOutcome:
    """What became of a table of all subjects.

    Parameters
    ----------
    title : str
        ``"regions"`` or ``"comparison"``.
    state : {"made", "kept", "not-made", "failed"}
        As for subjects.
    text : str
        A line for the terminal.
    warnings : tuple of str
        Sentences a user should read.
    error : mapping
        Fields of the `MRFInputError`; empty where there is none.
    """

    title: str
    state: Literal["made", "kept", "not-made", "failed"]
    text: str
    warnings: tuple[str, ...] = ()
    error: Mapping[str, Any] = field(default_factory=dict)

    @property
    def input_error(self) -> MRFInputError | None:
        """The error, None where there is none."""
        return MRFInputError.from_dict(self.error) if self.error else None


class Stage(Protocol):
    """A table of all subjects; paths only, so that it can be made in any process."""

    @property
    def title(self) -> str:
        """One word for it."""

    def work(self, *, overwrite: bool) -> StageOutcome:
        """Make it, or find it made; errors of the input are told in the outcome."""


@dataclass(frozen=True)
class Statistics:
    """Which tables of all subjects are wanted.

    Parameters
    ----------
    rois : Path or None
        Folder of label maps, for subjects whose description has none.
    label_table : Path or None
        ITK-SNAP label file; that beside a label map where None.
    reference : Path or None
        Folder with other maps of the subjects, to compare with.
    """

    rois: Path | None = None
    label_table: Path | None = None
    reference: Path | None = None

    def stages(self, cohort: Cohort, folder: Path) -> Iterator[Stage]:
        """Yield the tables in the order in which they are made."""
        names = tuple(one.name for one in cohort.subjects)
        given = {one.name: one.rois for one in cohort.subjects if one.rois is not None}
        if given or self.rois is not None:
            yield RegionsStage(folder, names, given, self.rois, self.label_table)
        if self.reference is not None:
            yield ComparisonStage(folder, names, given, self.rois, self.label_table,
                                  self.reference)  # fmt: skip


@dataclass(frozen=True)
class RegionsStage:
    """Statistics of the regions of every subject.

    Parameters
    ----------
    folder : Path
        Of all results.
    names : tuple of str
        Of the subjects.
    given : mapping of str to Path
        Label maps by subject, from the description.
    rois, label_table : Path or None
        See `Statistics`.
    """

    folder: Path
    names: tuple[str, ...]
    given: Mapping[str, Path]
    rois: Path | None
    label_table: Path | None

    title = "regions"

    def work(self, *, overwrite: bool) -> StageOutcome:
        """Measure every map in every region; see `Stage`."""
        from napari_mrf.analysis.regions.options import RoiOptions
        from napari_mrf.analysis.regions.study import roi_study
        from napari_mrf.report.regions import ROI_RESULTS, options_record, save_roi_statistics

        output, options = self.folder / ROIS_FOLDER, RoiOptions()
        try:
            maps = _folders(self.folder, self.names)
            study = roi_study(maps, _label_maps(self.given, self.rois, self.names),
                              label_table=self.label_table)  # fmt: skip
            asked = {
                name: {"maps": file_sums(folder),
                       **_label_sums(study.label_maps[name], self.label_table)}
                for name, folder in study.folders.items()
            }  # fmt: skip

            def found(record: Mapping[str, Any]) -> dict[str, Any]:
                return {
                    one["subject"]: {"maps": one["maps"]["sha256"], **_recorded_label_sums(one)}
                    for one in record["inputs"]
                }  # fmt: skip

            wanted = options_record(study, options, per_slice=True)
            if _is_kept(output, ROI_RESULTS, found, asked, wanted, overwrite=overwrite):
                return StageOutcome(self.title, "kept", f"{output}: as asked already")
            measured = [study.measure(name, options) for name in study.folders]
            save_roi_statistics(study, measured, options, output, overwrite=overwrite)
        except MRFInputError as error:
            return _failed(self.title, error)
        told = (*study.warnings, *(text for one in measured for text in one.warnings))
        n = len(measured)
        text = f"{output}: {n} subject{'' if n == 1 else 's'}"
        return StageOutcome(self.title, "made", text, tuple(dict.fromkeys(told)))


@dataclass(frozen=True)
class ComparisonStage:
    """Comparison of the maps of every subject with other ones, to the report.

    Parameters
    ----------
    folder, names, given, rois, label_table
        As of `RegionsStage`.
    reference : Path
        Folder of the other maps.
    """

    folder: Path
    names: tuple[str, ...]
    given: Mapping[str, Path]
    rois: Path | None
    label_table: Path | None
    reference: Path

    title = "comparison"

    def work(self, *, overwrite: bool) -> StageOutcome:
        """Compare, and write tables and report; see `Stage`."""
        from napari_mrf.analysis.comparison.compare import iter_compare
        from napari_mrf.analysis.comparison.options import ComparisonOptions
        from napari_mrf.analysis.comparison.subjects import paired_study, side_names
        from napari_mrf.compute.steps import result_of
        from napari_mrf.report.comparison.save import COMPARISON_RESULTS, save_comparison

        output, options = self.folder / COMPARISON_FOLDER, ComparisonOptions()
        try:
            sides = {"reference": find_maps(self.reference),
                     "test": _folders(self.folder, self.names)}  # fmt: skip
            labels = _label_maps(self.given, self.rois, self.names)
            pairs = paired_study(sides, self.folder, label_maps=labels,
                                 label_table=self.label_table)  # fmt: skip
            asked = {
                name: {
                    **{side: file_sums(one) for side, one in zip(sides, both, strict=True)},
                    **_label_sums(labels.get(name), self.label_table),
                }
                for name, both in pairs.folders.items()
            }

            def found(record: Mapping[str, Any]) -> dict[str, Any]:
                return {
                    one["subject"]: {
                        **{side: one[side]["sha256"] for side in sides},
                        **_recorded_label_sums(one),
                    }
                    for one in record["inputs"]
                }

            if _is_kept(output, COMPARISON_RESULTS, found, asked, options.as_record(),
                        overwrite=overwrite):  # fmt: skip
                return StageOutcome(self.title, "kept", f"{output}: as asked already")
            first, second = side_names(self.reference, self.folder)
            comparison = result_of(
                iter_compare(
                    (pairs.load(name) for name in pairs.folders), len(pairs.folders),
                    reference_name=first, test_name=second, options=options,
                    warnings=pairs.warnings, left_out=pairs.left_out,
                )
            )  # fmt: skip
            save_comparison(comparison, output, overwrite=overwrite)
        except MRFInputError as error:
            return _failed(self.title, error)
        n = len(comparison.subjects)
        text = f"{output}: {n} subject{'' if n == 1 else 's'} compared with {self.reference}"
        return StageOutcome(self.title, "made", text, comparison.warnings)


def _folders(folder: Path, names: tuple[str, ...]) -> dict[str, Path]:
    """Return what the maps of the subjects are opened by: folders, or scans of a data set."""
    found = find_maps(folder)
    return {name: found.get(name, folder / name) for name in names}


def _label_maps(
    given: Mapping[str, Path], rois: Path | None, names: tuple[str, ...]
) -> dict[str, Path]:
    others = [name for name in names if name not in given]
    found = {} if rois is None or not others else find_label_maps(rois, others)
    return {name: path for name in names if (path := given.get(name) or found.get(name))}


def _label_sums(labels: Path | None, table: Path | None) -> dict[str, str]:
    """Return the sha256 of a label map and of the file with its names, as far as there are any."""
    if labels is None:
        return {}
    table = table or label_table_beside(labels)
    found = {"labels": sha256_of(labels)}
    return found if table is None else {**found, "label_table": sha256_of(table)}


def _recorded_label_sums(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the same as they were for a subject of a record."""
    return {name: record[name]["sha256"] for name in ("labels", "label_table") if name in record}


def _is_kept(
    output: Path, kind: ResultKind, found: Any, asked: Any, options: Any, *, overwrite: bool
) -> bool:
    """Return whether earlier tables are as asked; raise where they are not and must stay."""
    path = output / kind.record
    if not path.is_file():
        kind.refuse_earlier(output, overwrite=overwrite)
        return False
    text = read_text(path, "record of the results", most_bytes=_MOST_RECORD_BYTES)
    record = strict_json.loads(text, path=path)
    differs = []
    try:
        if record["software"]["version"] != __version__:
            differs.append(f"made by version {record['software']['version']}")
        if record["options"] != options:
            differs.append("other options")
        if found(record) != asked:
            differs.append("other maps, label maps or subjects")
        differs += [
            f"{name} is not as it was saved"
            for name, sha256 in record["files"].items()
            if not (output / name).is_file() or sha256_of(output / name) != sha256
        ]
    except (KeyError, TypeError, AttributeError):
        differs.append("a record that is not understood")
    if differs and not overwrite:
        raise MRFInputError("other-results", "the folder contains results of something else than "
                            "is asked now", path=output, found="; ".join(differs),
                            hint="Move them, or replace them (on the command line --overwrite)."
                            )  # fmt: skip
    return not differs


def _failed(title: str, error: MRFInputError) -> StageOutcome:
    return StageOutcome(title, "failed", str(error), error=error.as_dict())
