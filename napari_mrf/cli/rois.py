"""Statistics of maps in regions of interest."""

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
    from collections.abc import Sequence
    from typing import Literal

    import pandas as pd

    from napari_mrf.analysis.regions.study import SubjectStatistics


@app.command()
def rois(
    maps: Annotated[
        list[Path],
        typer.Argument(help="Folder of maps, or of subjects' folders; several are subjects."),
    ],
    rois: Annotated[
        Path,
        typer.Option(
            help="Label map; for subjects a folder with SUBJECT.nii.gz, SUBJECT/labels.nii.gz or "
            "SUBJECT/rois.nii.gz."
        ),
    ],
    output: Output,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="ITK-SNAP label file with names. Default: the .txt beside the label map."
        ),
    ] = None,
    erosion: Erosion = 0,
    slices: Annotated[
        bool, typer.Option("--slices/--no-slices", help="Also write a row for every slice.")
    ] = True,
    all_values: Annotated[
        bool,
        typer.Option(
            "--all-values", help="Do not apply the validity rules (T1H2O where FF < 0.7, ...)."
        ),
    ] = False,
    regions: Regions = None,
    min_voxels: MinVoxels = 2,
    min_valid_share: MinValidShare = 0.1,
    resample: Resample = None,
    allow_mixed: AllowMixed = False,
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Measure every map in every region: n, mean, SD, percentiles, volume, per slice and pooled.

    Writes rois.csv, rois.xlsx and rois.json with the options and the inputs. Several subjects
    have a column subject. Slices count from 0 in the order of the file.

    Example: napari-mrf rois maps --rois muscles.nii.gz --labels muscles.txt --output statistics
    """
    from tqdm import tqdm

    from napari_mrf.analysis.regions.options import RoiOptions
    from napari_mrf.analysis.regions.study import find_roi_study
    from napari_mrf.report.regions import ROI_RESULTS, save_roi_statistics

    options = RoiOptions(
        apply_validity=not all_values, erosion_voxels=erosion, regions=region_words(regions),
        min_voxels=min_voxels, min_valid_share=min_valid_share,
    )  # fmt: skip
    ROI_RESULTS.refuse_earlier(output, overwrite=overwrite)
    chosen = cast("Literal['nearest'] | None", resample)
    study = find_roi_study(maps, rois, label_table=labels, resample=chosen, allow_mixed=allow_mixed)
    subjects = tqdm(study.folders, "rois", unit=" subjects", disable=not sys.stderr.isatty())
    measured = [study.measure(subject, options) for subject in subjects]
    save_roi_statistics(study, measured, options, output, per_slice=slices, overwrite=overwrite)
    for warning in (*study.warnings, *(text for one in measured for text in one.warnings)):
        typer.echo(warning, err=True)
    typer.echo(_summary(output, measured))


def _summary(output: Path, measured: Sequence[SubjectStatistics]) -> str:
    from napari_mrf.report.regions import without_numbers

    lines = []
    for one in measured:
        pooled = one.statistics[one.statistics["scope"] == "pooled"]
        drawn = pooled[pooled["n_drawn"] > 0]["label"].nunique()
        who = f"{one.subject}: " if one.subject else f"{output}: "
        lines.append(f"{who}{drawn} region{'' if drawn == 1 else 's'} drawn, {', '.join(one.keys)}")
        for reason, names in without_numbers(one.statistics).items():
            lines.append(f"{who}without numbers, as {reason}: {', '.join(names)}")
    if len(measured) == 1:
        lines += _means(measured[0].statistics)
    else:
        lines.append(f"{output}: {len(measured)} subjects")
    return "\n".join(lines)


def _means(statistics: pd.DataFrame) -> list[str]:
    """Return a line for each region that has numbers: mean ± SD of every map."""
    from napari_mrf.data.parameters import PARAMETERS

    lines = []
    pooled = statistics[statistics["scope"] == "pooled"]
    for (_, name), rows in pooled.groupby(["label", "name"], sort=False):
        parts = [
            f"{key} {_number(mean)} ± {_number(sd)} {PARAMETERS[key].unit}".rstrip()
            for key, mean, sd in zip(rows["map"], rows["mean"], rows["sd"], strict=True)
            if not math.isnan(mean)
        ]
        if parts:
            lines.append(f"{name}: {', '.join(parts)}")
    return lines


def _number(value: float) -> str:
    from napari_mrf.plots.printed_numbers import significant

    return "-" if math.isnan(value) else significant(value, 4)
