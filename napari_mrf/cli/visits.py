"""Compare two visits of the same subjects."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import (
    AllowMixed,
    Erosion,
    JsonErrors,
    MinValidShare,
    MinVoxels,
    Output,
    Overwrite,
    Regions,
    Resample,
    region_words,
)

if TYPE_CHECKING:
    from typing import Literal

    from napari_mrf.analysis.visits.study import VisitComparison, VisitStudy


@app.command()
def visits(
    first: Annotated[
        Path,
        typer.Argument(
            help="Maps of visit 1: a folder of maps, or of subjects' folders; or a CSV table "
            "subject,session,maps,rois of all visits.",
        ),
    ],
    output: Output,
    second: Annotated[
        Path | None,
        typer.Argument(help="Maps of visit 2; subjects are matched by name.", show_default=False),
    ] = None,
    rois: Annotated[
        Path | None,
        typer.Option(help="Label map of visit 1; for subjects a folder as for rois."),
    ] = None,
    rois_second: Annotated[
        Path | None, typer.Option("--rois2", help="Label map of visit 2, or a folder.")
    ] = None,
    sessions: Annotated[
        str | None,
        typer.Option(help="Of a table: first and second session, BEFORE,AFTER."),
    ] = None,
    repeatability: Annotated[
        list[str] | None,
        typer.Option(
            help="Repeatability coefficient as MAP=NUMBER (T1H2O=40, FF=2%), or the folder of a "
            "test-retest comparison; may be repeated.",
        ),
    ] = None,
    erosion: Erosion = 0,
    regions: Regions = None,
    min_voxels: MinVoxels = 2,
    min_valid_share: MinValidShare = 0.1,
    resample: Resample = None,
    allow_mixed: AllowMixed = False,
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Compare two visits region by region: change of every map, of each subject and on average.

    A change is visit 2 - visit 1; each visit has its own label map. Maps that were made in
    different ways are refused. Writes changes.csv, change_summary.csv, figures, visits.html and
    visits.json.

    Example: napari-mrf visits maps1 maps2 --rois rois1.nii.gz --rois2 rois2.nii.gz -o change
    """
    from tqdm import tqdm

    from napari_mrf.analysis.regions.options import RoiOptions
    from napari_mrf.analysis.visits.study import compare_visits, comparison_of, repeatability_of
    from napari_mrf.compute.steps import result_of
    from napari_mrf.report.visits import VISITS_RESULTS, iter_save_visits

    options = RoiOptions(
        erosion_voxels=erosion, regions=region_words(regions), min_voxels=min_voxels,
        min_valid_share=min_valid_share,
    )  # fmt: skip
    known = repeatability_of(repeatability or [])
    VISITS_RESULTS.refuse_earlier(output, overwrite=overwrite)
    study = _study(first, second, rois, rois_second, sessions, resample, allow_mixed=allow_mixed)
    bar = tqdm(compare_visits(study, options, known), "visits", len(study.subjects),
               unit=" subjects", disable=not sys.stderr.isatty())  # fmt: skip
    found = comparison_of(bar, study.names, options, known, study.warnings)
    result_of(iter_save_visits(found, output, overwrite=overwrite))
    for warning in found.warnings:
        typer.echo(warning, err=True)
    typer.echo(_summary(output, found))


def _study(
    first: Path,
    second: Path | None,
    rois: Path | None,
    rois_second: Path | None,
    sessions: str | None,
    resample: str | None,
    *,
    allow_mixed: bool,
) -> VisitStudy:
    from napari_mrf.analysis.visits.study import find_visits, read_visits_table

    chosen = cast("Literal['nearest'] | None", resample)
    if first.suffix.lower() == ".csv":
        if second is not None or rois is not None or rois_second is not None:
            raise typer.BadParameter("a table names all maps and label maps by itself")
        asked = None
        if sessions is not None:
            words = tuple(word.strip() for word in sessions.split(","))
            if len(words) != 2:
                raise typer.BadParameter("give two sessions: --sessions BEFORE,AFTER")
            asked = words[0], words[1]
        return read_visits_table(first, asked, allow_mixed=allow_mixed, resample=chosen)
    if second is None or rois is None or rois_second is None or sessions is not None:
        raise typer.BadParameter("give the maps of both visits, --rois and --rois2; or a table")
    return find_visits(first, second, rois, rois_second, allow_mixed=allow_mixed, resample=chosen)


def _summary(output: Path, found: VisitComparison) -> str:
    from napari_mrf.plots.printed_numbers import printed

    n = found.changes["subject"].nunique()
    lines = [f"{output}: {n} {'subject' if n == 1 else 'subjects'}, {found.names[1]} - "
             f"{found.names[0]}"]  # fmt: skip
    for _, row in found.summary.iterrows():
        how = printed(row["map"])
        if math.isnan(row["change"]):
            continue
        line = (f"{row['name']}: {row['map']} {how.text(row['first'])} to "
                f"{how.text(row['second'], with_unit=True)}, change {how.text(row['change'])}"
                )  # fmt: skip
        if not math.isnan(row["low"]):
            line += f" (95 % {how.text(row['low'])} to {how.text(row['high'])})"
        lines.append(line)
    return "\n".join(lines)
