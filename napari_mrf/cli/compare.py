"""Compare two reconstructions of one subject, or of a cohort."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import (
    AllowMixed,
    Erosion,
    JsonErrors,
    MinValidShare,
    MinVoxels,
    Overwrite,
    Regions,
    Resample,
    region_words,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Literal

    from napari_mrf.analysis.comparison.compare import Comparison


def _known(*names: str) -> Callable[[str], str]:
    def check(name: str) -> str:
        if name not in names:
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(names)}")
        return name

    return check


@app.command()
def compare(
    reference: Annotated[Path, typer.Argument(help="Folder of maps, or of subjects' folders.")],
    test: Annotated[
        Path, typer.Argument(help="Folder to compare with it; subjects are matched by name.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")],
    rois: Annotated[
        Path | None,
        typer.Option(
            help="Label map; for subjects a folder with SUBJECT.nii.gz, SUBJECT/labels.nii.gz or "
            "SUBJECT/rois.nii.gz."
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="ITK-SNAP label file with names. Default: the .txt beside the label map."
        ),
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(help="Voxels to compare: a file, or a folder as for --rois.")
    ] = None,
    erosion: Erosion = 0,
    scope: Annotated[
        str,
        typer.Option(
            callback=_known("pooled", "slice"),
            help="Count a region once (pooled) or once per slice (slice).",
        ),
    ] = "pooled",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap over subjects.")] = 0,
    assume_independent: Annotated[
        bool,
        typer.Option(
            "--assume-independent",
            help="Show limits and coefficients that assume independent regions as well.",
        ),
    ] = False,
    design: Annotated[
        str,
        typer.Option(
            callback=_known("methods", "test-retest"),
            help="methods, or test-retest for two scans with one method: adds repeatability.",
        ),
    ] = "methods",
    margin: Annotated[
        list[str] | None,
        typer.Option(
            help="Largest acceptable bias as MAP=NUMBER, in its unit (FF=0.02 or FF=2%), chosen "
            "beforehand; may be repeated.",
        ),
    ] = None,
    study: Annotated[
        str, typer.Option("--study", help="Name of the study, for every page of the report.")
    ] = "",
    report_id: Annotated[
        str,
        typer.Option(
            help="Under which the report is filed. Default: a sum of inputs, options and numbers."
        ),
    ] = "",
    limits: Annotated[
        str,
        typer.Option(
            callback=_known("absolute", "percent", "ratio"),
            help="percent or ratio: limits in % of the mean, or as reference / test, as well.",
        ),
    ] = "absolute",
    error_ratio: Annotated[
        float,
        typer.Option(help="For the Deming line: error variance of the test / of the reference."),
    ] = 1.0,
    regions: Regions = None,
    min_voxels: MinVoxels = 2,
    min_valid_share: MinValidShare = 0.1,
    resample: Resample = None,
    allow_mixed: AllowMixed = False,
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Compare maps by voxel and by region: tables, figures, report.html, report.pdf.

    Writes metrics.csv, rois.csv, inclusion.csv (each region: in the agreement, or why not),
    outliers.csv, agreement.csv, agreement_by_region.csv (several subjects),
    agreement_regression.csv, blurriness.csv, figures as SVG and PDF, and comparison.json with
    the provenance. The difference is reference - test everywhere.

    Example: napari-mrf compare maps_a maps_b --rois muscles.nii.gz --output comparison
    """
    from napari_mrf.analysis.comparison.compare import iter_compare
    from napari_mrf.analysis.comparison.options import ComparisonOptions, margins_of
    from napari_mrf.analysis.comparison.subjects import find_study, side_names
    from napari_mrf.analysis.regions.options import RoiOptions
    from napari_mrf.report.comparison.content import ReportLabel
    from napari_mrf.report.comparison.save import COMPARISON_RESULTS, iter_save

    margins = margins_of(margin or [])
    COMPARISON_RESULTS.refuse_earlier(output, overwrite=overwrite)
    pairs = find_study(
        reference, test, rois=rois, label_table=labels, mask=mask,
        resample=cast("Literal['nearest'] | None", resample), allow_mixed=allow_mixed,
    )  # fmt: skip
    names = side_names(reference, test)
    options = ComparisonOptions(
        RoiOptions(
            erosion_voxels=erosion, regions=region_words(regions), min_voxels=min_voxels,
            min_valid_share=min_valid_share,
        ),
        scope=scope, seed=seed, independent=assume_independent, margins=margins, design=design,
        limits=limits, error_ratio=error_ratio, allow_mixed=allow_mixed,
    )  # fmt: skip
    comparison = _with_bar(
        iter_compare(
            (pairs.load(subject) for subject in pairs.folders),
            len(pairs.folders),
            reference_name=names[0],
            test_name=names[1],
            options=options,
            warnings=pairs.warnings,
            left_out=pairs.left_out,
        )
    )
    label = ReportLabel(study, report_id)
    _with_bar(iter_save(comparison, output, overwrite=overwrite, label=label))
    for warning in comparison.warnings:
        typer.echo(warning, err=True)
    typer.echo(_summary(output, comparison))


def _with_bar(steps: Generator[Any, None, Any]) -> Any:
    """Run steps with a progress bar on a terminal and return their result."""
    from tqdm import tqdm

    from napari_mrf.compute.steps import Steps

    work = Steps(steps)
    with tqdm(desc="compare", disable=not sys.stderr.isatty(), bar_format="{desc}") as bar:
        for step in work:
            bar.set_description_str(f"compare: {getattr(step, 'what', step)}")
    return work.result


def _summary(output: Path, comparison: Comparison) -> str:
    from napari_mrf.analysis.agreement.statistics import ONE_REGION
    from napari_mrf.plots.printed_numbers import printed

    n = len(comparison.subjects)
    lines = [f"{output}: {n} {'subject' if n == 1 else 'subjects'}, {', '.join(comparison.maps)}"]
    for _, row in comparison.agreement.iterrows():
        how = printed(row["map"])
        unit = f" {how.unit}" if how.unit else ""

        def shown(name: str, row: Any = row, how: Any = how) -> str:
            return f"{how.factor * row[name]:.4g}"

        limits = f"limits {shown('lower')} to {shown('upper')}{unit}"
        if math.isnan(row["lower"]):
            limits = f"no limits: {row['message'].split(';')[0]}"
        elif row["basis"] != ONE_REGION:
            limits += f", {row['basis']}"
        regions = "1 region" if row["n"] == 1 else f"{row['n']} regions"
        lines.append(f"{row['map']:6s} {regions}, bias {shown('bias')}{unit}, {limits}")
        if not math.isnan(row["relative_lower"]):
            ends = f"{row['relative_lower']:.4g} to {row['relative_upper']:.4g}"
            lines[-1] += f"; {row['relative_kind']} {ends}"
        if not math.isnan(row["margin"]):
            verdict = row["margin_verdict"] or "no verdict"
            lines[-1] += f"; margin ±{shown('margin')}{unit}: {verdict}"
            # Where there are no limits either, their reason stands before.
            reasons = [part for part in row["message"].split("; ") if "a verdict" in part]
            lines[-1] += "".join(f", {reason}" for reason in reasons)
        if not math.isnan(row["repeatability"]):
            lines[-1] += f"; repeatability coefficient {shown('repeatability')}{unit}"
        if row["advice"]:
            lines[-1] += f"\n       {row['advice']}"
    return "\n".join(lines)
