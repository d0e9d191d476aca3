"""The work of the Compare panel in a thread for folders of several subjects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.plugin.jobs import Step, as_steps, counted
from napari_mrf.plugin.panels.compare.work import LIMITS_FIELD, comparison_step

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from napari_mrf.analysis.comparison.compare import Comparison
    from napari_mrf.analysis.comparison.options import ComparisonOptions
    from napari_mrf.analysis.comparison.subjects import Study, SubjectMaps
    from napari_mrf.data.label import Label


@dataclass(frozen=True)
class CohortFolders:
    """The folders of a comparison of several subjects.

    Parameters
    ----------
    reference, test : str
        Folders that contain one folder of maps per subject, matched by name.
    rois : str
        A folder with one label map per subject; empty for none.
    output : str
        The folder for tables, figures, report and record, as from ``napari-mrf compare``.
    regions : tuple of str
        Names of the regions that count; all where it is empty.
    """

    reference: str
    test: str
    rois: str
    output: str
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ComparedCohort:
    """A comparison of several subjects, which are not in the viewer.

    Parameters
    ----------
    comparison : Comparison
        The result.
    table : mapping of int to Label
        Names and colors of the regions.
    output : str
        The folder of the results.
    """

    comparison: Comparison
    table: Mapping[int, Label]
    output: str
    is_in_view = False


def names_of_regions(folder: str) -> list[str]:
    """Return the names that all label tables in a folder of label maps have, in their order."""
    from napari_mrf.errors import MRFInputError
    from napari_mrf.io import load_label_table

    if not folder or not Path(folder).is_dir():
        return []
    found: list[list[str]] = []
    for path in sorted([*Path(folder).glob("*.txt"), *Path(folder).glob("*/*.txt")]):
        try:
            table = load_label_table(path)
        except MRFInputError:  # some other text, or told when the subjects are compared
            continue
        found.append([one.name for label, one in table.items() if label])
    return [name for name in found[0] if all(name in one for one in found)] if found else []


def compare_cohort(
    folders: CohortFolders, options: ComparisonOptions, overwrite: bool, study_name: str = ""
) -> Generator[Step, None, ComparedCohort]:
    """Compare subjects in steps and write the results, as the command line does."""
    yield Step(detail="finding the subjects")
    from napari_mrf.analysis.comparison.compare import iter_compare
    from napari_mrf.analysis.comparison.subjects import find_study, side_names
    from napari_mrf.report.comparison.content import ReportLabel
    from napari_mrf.report.comparison.save import COMPARISON_RESULTS, iter_save, n_report_steps

    COMPARISON_RESULTS.refuse_earlier(folders.output, overwrite=overwrite)
    options = replace(options, rois=replace(options.rois, regions=folders.regions))
    study = find_study(
        folders.reference, folders.test, rois=folders.rois or None, allow_mixed=options.allow_mixed
    )
    table: dict[int, Label] = {}
    reference_name, test_name = side_names(folders.reference, folders.test)
    comparison = yield from as_steps(
        iter_compare(
            _subjects(study, table),
            len(study.folders),
            reference_name=reference_name,
            test_name=test_name,
            options=options,
            warnings=study.warnings,
            left_out=study.left_out,
        ),
        comparison_step,
    )
    in_words_of_panel = replace(comparison, ratio_option=LIMITS_FIELD)
    label = ReportLabel(study_name)
    saving = iter_save(in_words_of_panel, folders.output, overwrite=overwrite, label=label)
    yield from counted(saving, n_report_steps(comparison))
    return ComparedCohort(comparison, table, folders.output)


def _subjects(study: Study, table: dict[int, Label]) -> Iterator[SubjectMaps]:
    """Read one subject after another, and collect the names of the regions."""
    for name in study.folders:
        subject = study.load(name)
        table.update({label: one for label, one in subject.table.items() if label})
        yield subject
